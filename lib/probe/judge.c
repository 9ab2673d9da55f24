/* What a server's answer to a test means. */
#include <ctype.h>
#include <string.h>
#include "probe/judge.h"
#include "smtp/client_reply.h"

enum meaning { /* of a refusal */
  MEANS_NO,       /* nothing else is said: no to this recipient */
  MEANS_RELAY,    /* relaying is refused, or needs a login */
  MEANS_TLS,
  MEANS_CLIENT,   /* our address or our name */
  MEANS_SENDER,
  MEANS_DOMAIN,   /* the target's domain doesn't exist or takes no mail */
  MEANS_NOBODY,   /* there is no such user */
};

struct sign { char const *word; unsigned char meaning; };

/* What the texts of widespread servers have in common; small letters. The first that is found counts. */
static struct sign const words[] = {
  { "starttls", MEANS_TLS }, { "encrypt", MEANS_TLS },
  { "spamhaus", MEANS_CLIENT }, { "dnsbl", MEANS_CLIENT }, { "blacklist", MEANS_CLIENT }, { "blocklist", MEANS_CLIENT },
  { "black list", MEANS_CLIENT }, { "block list", MEANS_CLIENT }, { "blocked using", MEANS_CLIENT },
  { "is listed", MEANS_CLIENT }, { "reputation", MEANS_CLIENT }, { "reverse dns", MEANS_CLIENT },
  { "ptr record", MEANS_CLIENT }, { "reverse hostname", MEANS_CLIENT }, { "client host rejected", MEANS_CLIENT },
  { "helo command", MEANS_CLIENT }, { "too many", MEANS_CLIENT },
  { "relay", MEANS_RELAY }, { "authenticat", MEANS_RELAY }, { "log in", MEANS_RELAY }, { "login", MEANS_RELAY },
  { "rcpthosts", MEANS_RELAY }, { "gateway", MEANS_RELAY },
  { "sender address", MEANS_SENDER }, { "sender domain", MEANS_SENDER }, { "sender verify", MEANS_SENDER },
  { "sender denied", MEANS_SENDER }, { "spf", MEANS_SENDER },
  { "unrouteable", MEANS_DOMAIN }, { "unroutable", MEANS_DOMAIN }, { "domain not found", MEANS_DOMAIN },
  { "unknown domain", MEANS_DOMAIN }, { "no such domain", MEANS_DOMAIN }, { "host not found", MEANS_DOMAIN },
  { "unknown host", MEANS_DOMAIN }, { "host unknown", MEANS_DOMAIN }, { "not resolve", MEANS_DOMAIN },
  { "nullmx", MEANS_DOMAIN }, { "null mx", MEANS_DOMAIN }, { "does not accept mail", MEANS_DOMAIN },
};

/* Behind the class and the dot (RFC 3463; RFC 7505 for 1.10 and 7.27). */
static struct sign const codes[] = {
  { "7.1", MEANS_RELAY }, { "7.0", MEANS_RELAY }, { "7.10", MEANS_TLS }, { "7.11", MEANS_TLS },
  { "7.25", MEANS_CLIENT }, { "1.7", MEANS_SENDER }, { "1.8", MEANS_SENDER }, { "7.27", MEANS_SENDER },
  { "7.23", MEANS_SENDER }, { "1.1", MEANS_NOBODY },
  { "1.2", MEANS_DOMAIN }, { "1.10", MEANS_DOMAIN }, { "4.4", MEANS_DOMAIN }, { "4.3", MEANS_DOMAIN },
};

/* Is it a name, an address or a path? Such words are often echoes of what we said, and mean nothing. */
static int is_name(char const *s, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    if (memchr("<>@%!", s[i], 5)) return 1;
    if (s[i] == '.' && i && i + 1 < n && isalnum((unsigned char)s[i - 1]) && isalnum((unsigned char)s[i + 1])) return 1;
  }
  return 0;
}

/* The words of a text that are no names, in small letters, each with a space behind it. */
static void own_words(char out[CLIENT_REPLY_TEXT + 2], char const *text)
{
  char *o = out, *end = out + CLIENT_REPLY_TEXT;
  for (size_t n; *text; text += n) {
    text += strspn(text, " ");
    n = strcspn(text, " ");
    if (!n || is_name(text, n) || (size_t)(end - o) <= n) continue;
    for (size_t i = 0; i < n; i++) *o++ = (char)tolower((unsigned char)text[i]);
    *o++ = ' ';
  }
  *o = 0;
}

static enum meaning meaning_of(struct probe_answer const *a)
{
  char text[CLIENT_REPLY_TEXT + 2];
  own_words(text, a->text);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strstr(text, words[i].word)) return words[i].meaning;
  }
  if (a->code == 530) return MEANS_RELAY; /* RFC 4954 6: a login is required */
  for (size_t i = 0; strlen(a->enhanced) > 2 && i < sizeof codes / sizeof *codes; i++) {
    if (!strcmp(a->enhanced + 2, codes[i].word)) return codes[i].meaning;
  }
  return MEANS_NO;
}

#define OTHER_SENDER "refuses the sender: -f names another"
#define VERDICT(judgement, text) ((struct probe_verdict){ .what = (judgement), .why = (text) })

/* Is what stands behind MAIL part of the form? Then a refusal of that is one of the form. */
static int about_mail(struct probe_form const *f)
{
  return strcmp(f->mail, "<$f>") != 0;
}

static struct probe_verdict accepted(struct probe_form const *f, enum probe_stage stage, enum probe_control control)
{
  if (f->home == PROBE_OUTSIDE) return VERDICT(PROBE_ACCEPTED, stage == PROBE_DOT ? "took the message" : "");
  switch (control) {
    case PROBE_STRICT: return VERDICT(PROBE_ACCEPTED, "a mailbox that does not exist is refused there");
    case PROBE_TAKES_ALL: return VERDICT(PROBE_UNCLEAR, stage == PROBE_DOT ?
      "may lie in a local mailbox: see whether it arrives" : "may be a local mailbox: -d makes sure");
    default: return VERDICT(PROBE_UNCLEAR, "not known what it does with mailboxes that don't exist");
  }
}

static struct probe_verdict refused(struct probe_form const *f, struct probe_answer const *a,
  enum probe_control control, int known_target)
{
  switch (meaning_of(a)) {
    case MEANS_RELAY: break;
    case MEANS_TLS: return VERDICT(PROBE_UNCLEAR, "wants TLS first");
    case MEANS_CLIENT: return VERDICT(PROBE_UNCLEAR, "refuses this client");
    case MEANS_SENDER:
      if (about_mail(f)) break;
      return VERDICT(PROBE_UNCLEAR, OTHER_SENDER);
    case MEANS_DOMAIN:
      if (a->stage == PROBE_MAIL && about_mail(f)) break;
      /* Exim says so of its own users, too: then the target's domain, which exists, has nothing to do with it */
      if (f->home != PROBE_OUTSIDE && control == PROBE_STRICT && known_target) break;
      return VERDICT(PROBE_UNCLEAR, a->stage == PROBE_MAIL ? "refuses the sender's domain: -f names another" :
        "refuses the target's domain: -t names another");
    case MEANS_NOBODY:
      if (f->home != PROBE_OUTSIDE || known_target || a->stage != PROBE_RCPT) break;
      return VERDICT(PROBE_UNCLEAR, "may have asked the target's server: -t names an address that exists");
    case MEANS_NO:
      if (a->stage == PROBE_MAIL && !about_mail(f)) return VERDICT(PROBE_UNCLEAR, OTHER_SENDER);
      if (a->stage >= PROBE_DATA) return VERDICT(PROBE_UNCLEAR, "refuses the text");
  }
  return VERDICT(PROBE_REFUSED, "");
}

struct probe_verdict probe_judge(struct probe_form const *f, struct probe_answer const *a, enum probe_control control,
  int known_target)
{
  if (f->control) {
    if (control == PROBE_STRICT) return VERDICT(PROBE_REFUSED, "");
    return VERDICT(PROBE_UNCLEAR, control == PROBE_TAKES_ALL ? "takes mailboxes that don't exist" : "");
  }
  if (a->stage == PROBE_NEVER) return VERDICT(PROBE_UNCLEAR, "no connection");
  if (!a->code) return VERDICT(PROBE_UNCLEAR, "no answer");
  if (a->code >= 500) return refused(f, a, control, known_target);
  if (a->code >= 400) return VERDICT(PROBE_UNCLEAR, "refuses for now");
  if (a->code / 100 == 2 && (a->stage == PROBE_RCPT || a->stage == PROBE_DOT)) return accepted(f, a->stage, control);
  return VERDICT(PROBE_UNCLEAR, "no answer that fits");
}

int probe_hung_up(struct probe_answer const *a)
{
  char text[CLIENT_REPLY_TEXT + 2];
  own_words(text, a->text);
  return a->code == 421 || (a->code >= 400 && strstr(text, "too many"));
}

enum probe_control probe_control_of(struct probe_answer const *a)
{
  if (a->stage != PROBE_RCPT) return PROBE_NOT_KNOWN;
  if (a->code / 100 == 2) return PROBE_TAKES_ALL;
  if (a->code < 500) return PROBE_NOT_KNOWN;
  enum meaning m = meaning_of(a);
  return m == MEANS_TLS || m == MEANS_CLIENT || m == MEANS_SENDER ? PROBE_NOT_KNOWN : PROBE_STRICT;
}

enum probe_judgement probe_sum(unsigned const counts[4])
{
  if (counts[PROBE_ACCEPTED]) return PROBE_ACCEPTED;
  return counts[PROBE_UNCLEAR] || !counts[PROBE_REFUSED] ? PROBE_UNCLEAR : PROBE_REFUSED;
}
