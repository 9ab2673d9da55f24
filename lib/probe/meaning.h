/* What a refusal is about, by its words, its enhanced code and its code, in this order. Pure. */
#ifndef PROBE_MEANING_H
#define PROBE_MEANING_H

enum probe_meaning {
  MEANS_NO,       /* nothing else is said: no to this recipient, or to us */
  MEANS_RELAY,    /* relaying is refused, or needs a login */
  MEANS_TLS,
  MEANS_HELLO,    /* the name by which we greeted */
  MEANS_CLIENT,   /* our address, or how often we came */
  MEANS_SENDER,
  MEANS_DOMAIN,   /* the target's domain doesn't exist or takes no mail */
  MEANS_NOBODY,   /* there is no such user */
  MEANS_SYNTAX,   /* an address of this shape is taken by nobody */
};

/* `text` is the whole reply in one line, `enhanced` "5.7.1" or "". `ours`, which ends with a null pointer, or is null:
 * words and addresses that we said ourselves; an echo of them means nothing. */
enum probe_meaning probe_meaning(int code, char const *enhanced, char const *text, char const *const *ours);

/* Is the phrase (small letters, a space before each word) among the server's own words? */
int probe_says(char const *text, char const *const *ours, char const *phrase);

#endif
