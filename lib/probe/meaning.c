/* What a refusal is about. */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include "probe/meaning.h"
#include "smtp/client_reply.h"

struct sign { char const *word; unsigned char meaning; };

/* What the texts of widespread servers have in common; small letters, a space before each word. The first that is found
 * counts. What is sure comes first: a list of open relays is no word about relaying by this server, but `access denied`
 * is Postfix's for relaying as well as other servers' for a client. */
static struct sign const words[] = {
  { " starttls", MEANS_TLS }, { " encrypt", MEANS_TLS }, { " tls ", MEANS_TLS }, { " ssl ", MEANS_TLS },
  { " helo ", MEANS_HELLO }, { " ehlo ", MEANS_HELLO },
  { " spamhaus", MEANS_CLIENT }, { " dnsbl", MEANS_CLIENT }, { " rbl ", MEANS_CLIENT }, { " blacklist", MEANS_CLIENT },
  { " blocklist", MEANS_CLIENT }, { " black list", MEANS_CLIENT }, { " block list", MEANS_CLIENT },
  { " blackhole", MEANS_CLIENT }, { " blocked using", MEANS_CLIENT }, { " is listed", MEANS_CLIENT },
  { " listed by ", MEANS_CLIENT }, { " listed in ", MEANS_CLIENT }, { " listed at ", MEANS_CLIENT },
  { " listed on ", MEANS_CLIENT }, { " open relay ", MEANS_CLIENT }, { " open relays ", MEANS_CLIENT },
  { " open proxy", MEANS_CLIENT },
  { " reputation", MEANS_CLIENT }, { " reverse dns", MEANS_CLIENT }, { " ptr ", MEANS_CLIENT },
  { " reverse hostname", MEANS_CLIENT }, { " client host ", MEANS_CLIENT }, { " client does not", MEANS_CLIENT },
  { " sending ip", MEANS_CLIENT }, { " banned", MEANS_CLIENT }, { " rate limit", MEANS_CLIENT },
  { " too many", MEANS_CLIENT }, { " too much", MEANS_CLIENT },
  { " sender address rejected", MEANS_SENDER }, { " sender verify", MEANS_SENDER }, { " sender domain", MEANS_SENDER },
  { " spf ", MEANS_SENDER }, { " dkim", MEANS_SENDER }, { " dmarc", MEANS_SENDER },

  { " relay access denied", MEANS_RELAY }, { " relay denied", MEANS_RELAY }, { " relaying denied", MEANS_RELAY },
  { " relay not ", MEANS_RELAY }, { " relaying not ", MEANS_RELAY }, { " not relay ", MEANS_RELAY },
  { " unable to relay ", MEANS_RELAY },
  { " relay recipient table", MEANS_NOBODY }, { " user unknown", MEANS_NOBODY }, { " unknown user", MEANS_NOBODY },
  { " no such user", MEANS_NOBODY }, { " no such recipient", MEANS_NOBODY }, { " no such mailbox", MEANS_NOBODY },
  { " no such account", MEANS_NOBODY }, { " unknown recipient", MEANS_NOBODY }, { " recipient unknown", MEANS_NOBODY },
  { " invalid recipient", MEANS_NOBODY }, { " mailbox not found", MEANS_NOBODY },
  { " user not found", MEANS_NOBODY }, { " recipient not found", MEANS_NOBODY }, { " does not exist", MEANS_NOBODY },
  { " doesn't exist", MEANS_NOBODY }, { " cannot deliver mail for", MEANS_NOBODY },
  { " relay ", MEANS_RELAY }, { " relays ", MEANS_RELAY }, { " relaying ", MEANS_RELAY }, { " relayed ", MEANS_RELAY },
  { " rcpthosts", MEANS_RELAY }, { " not a gateway", MEANS_RELAY }, { " non-local ", MEANS_RELAY },
  { " delivery is not allowed to this address", MEANS_RELAY },
  { " no such domain at this location", MEANS_RELAY }, { " no such domain here", MEANS_RELAY },

  { " your ip ", MEANS_CLIENT }, { " your host", MEANS_CLIENT }, { " access denied", MEANS_CLIENT },
  { " blocked", MEANS_CLIENT }, { " permission", MEANS_CLIENT }, { " throttl", MEANS_CLIENT },
  { " exceeded", MEANS_CLIENT },
  { " authentication fail", MEANS_SENDER }, { " authentication check", MEANS_SENDER },
  { " failed authentication", MEANS_SENDER }, { " pass authentication", MEANS_SENDER },
  { " authenticat", MEANS_RELAY }, { " auth ", MEANS_RELAY }, { " log in ", MEANS_RELAY }, { " login ", MEANS_RELAY },
  { " sender address", MEANS_SENDER }, { " sender denied", MEANS_SENDER }, { " sender rejected", MEANS_SENDER },
  { " unrouteable", MEANS_DOMAIN }, { " unroutable", MEANS_DOMAIN }, { " domain not found", MEANS_DOMAIN },
  { " unknown domain", MEANS_DOMAIN }, { " no such domain", MEANS_DOMAIN }, { " host not found", MEANS_DOMAIN },
  { " unknown host", MEANS_DOMAIN }, { " host unknown", MEANS_DOMAIN }, { " not resolve", MEANS_DOMAIN },
  { " no mx ", MEANS_DOMAIN }, { " nullmx", MEANS_DOMAIN }, { " null mx", MEANS_DOMAIN },
  { " does not accept mail", MEANS_DOMAIN }, { " verification failed", MEANS_SENDER },
  { " syntax", MEANS_SYNTAX }, { " malformed", MEANS_SYNTAX }, { " restricted character", MEANS_SYNTAX },
  { " invalid character", MEANS_SYNTAX }, { " illegal character", MEANS_SYNTAX }, { " literal", MEANS_SYNTAX },
  { " source route", MEANS_SYNTAX }, { " must contain a domain", MEANS_SYNTAX },
};

/* Behind the class and the dot: RFC 3463; RFC 7505 for 1.10 and 7.27, RFC 7372 for 7.23 and 7.25 and RFC 6531 for 6.7.
 * Not RFC 3463's 7.1, `delivery not authorized, message refused`: that is said of clients and texts, too. 7.54 is
 * Exchange's. */
static struct sign const codes[] = {
  { "7.54", MEANS_RELAY }, { "7.10", MEANS_TLS }, { "7.11", MEANS_TLS }, { "7.25", MEANS_CLIENT },
  { "1.7", MEANS_SENDER }, { "1.8", MEANS_SENDER }, { "7.27", MEANS_SENDER }, { "7.23", MEANS_SENDER },
  { "1.1", MEANS_NOBODY }, { "1.2", MEANS_DOMAIN }, { "1.10", MEANS_DOMAIN }, { "4.4", MEANS_DOMAIN },
  { "4.3", MEANS_DOMAIN }, { "1.3", MEANS_SYNTAX }, { "5.2", MEANS_SYNTAX }, { "5.4", MEANS_SYNTAX },
  { "6.7", MEANS_SYNTAX },
};

static int is_alnum(char c)
{
  return isalnum((unsigned char)c);
}

/* Makes what[0..n), where it stands alone in s, look like an address. */
static void mark(char *s, char const *what, size_t n)
{
  for (char *p = s; n && *p; p++) {
    if (strncasecmp(p, what, n) || (p > s && is_alnum(p[-1])) || is_alnum(p[n])) continue;
    memset(p, '@', n);
    p += n - 1;
  }
}

static void mark_ours(char *s, char const *const *ours)
{
  for (; ours && *ours; ours++) {
    char const *at = strrchr(*ours, '@');
    mark(s, *ours, strlen(*ours));
    if (at) mark(s, *ours, (size_t)(at - *ours));
  }
}

/* Is it a name, an address, a path or a URL? Such words are often echoes of what we said, and mean nothing. */
static int is_name(char const *s, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    if (memchr("<>@%", s[i], 4) || (s[i] == ':' && n - i > 2 && s[i + 1] == '/' && s[i + 2] == '/')) return 1;
    if ((s[i] == '.' || s[i] == '!') && i && i + 1 < n && is_alnum(s[i - 1]) && is_alnum(s[i + 1])) return 1;
  }
  return 0;
}

/* The words of a text that are no names and not ours, in small letters, with a space before each and behind the last;
 * punctuation is space. */
static void own_words(char out[CLIENT_REPLY_TEXT + 2], char const *text, char const *const *ours)
{
  char copy[CLIENT_REPLY_TEXT], *o = out;
  size_t len = strnlen(text, sizeof copy - 1);
  memcpy(copy, text, len);
  /* who knows what a word would have been that was cut */
  while (len == sizeof copy - 1 && copy[len - 1] != ' ' && --len) ;
  copy[len] = 0;
  mark_ours(copy, ours);
  *o++ = ' ';
  for (char const *s = copy; *s; ) {
    size_t n = strcspn(s, " ");
    for (size_t i = 0; i < n && !is_name(s, n); i++) {
      if (is_alnum(s[i]) || memchr("-_'", s[i], 3)) *o++ = (char)tolower((unsigned char)s[i]);
      else if (o[-1] != ' ') *o++ = ' ';
    }
    if (o[-1] != ' ') *o++ = ' ';
    s += n + (s[n] == ' ');
  }
  *o = 0;
}

enum probe_meaning probe_meaning(int code, char const *enhanced, char const *text, char const *const *ours)
{
  char said[CLIENT_REPLY_TEXT + 2];
  own_words(said, text, ours);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) if (strstr(said, words[i].word)) return words[i].meaning;
  if (code == 530) return MEANS_RELAY; /* RFC 4954 6: a login is required */
  for (size_t i = 0; strlen(enhanced) > 2 && i < sizeof codes / sizeof *codes; i++) {
    if (!strcmp(enhanced + 2, codes[i].word)) return codes[i].meaning;
  }
  /* RFC 5321 4.2.3 */
  return code == 500 || code == 501 || code == 504 || code == 553 || code == 555 ? MEANS_SYNTAX : MEANS_NO;
}

int probe_says(char const *text, char const *const *ours, char const *phrase)
{
  char said[CLIENT_REPLY_TEXT + 2];
  own_words(said, text, ours);
  return strstr(said, phrase) != 0;
}
