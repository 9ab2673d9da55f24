/* Addresses in the control files, and the keys that they become. */
#include <string.h>
#include "rules/rules.h"

int rules_address(struct compiler *c, struct address *a, char const *s, size_t n)
{
  struct quoted q;
  enum address_error e = address_mailbox(a, s, n, 1);
  if (e != ADDRESS_OK || !a->domain[0]) return rules_error(c, "%s is no address", quote(&q, s, n)), 0;
  if (!a->onward) return 1;
  rules_error(c, "%s: a local part with %%, ! or @, or one that needs quotes, is never accepted", quote(&q, s, n));
  return 0;
}

/* An asterisk is an atom's byte like others, but whoever writes one means more by it: `extension`, it may end a local
 * part behind + or -. */
static size_t address(struct compiler *c, char *out, char const *s, size_t n, int extension)
{
  struct address a;
  struct quoted q;
  if (!rules_address(c, &a, s, n)) return 0;
  char const *star = memchr(a.text, '*', a.local_len);
  if (!star) return address_key(out, &a);
  size_t at = (size_t)(star - a.text);
  if (extension && at > 1 && at + 1 == a.local_len && (star[-1] == '+' || star[-1] == '-')) return address_key(out, &a);
  rules_error(c, "%s: no asterisk can stand there%s", quote(&q, s, n),
              extension ? "; all of a domain is @example.com, all extensions are joe+*@example.com" : "");
  return 0;
}

/* Words that other lines know, or that people expect: nobody's domain has such a name. s: canonical. */
static int is_word(char const *s, size_t n)
{
  static char const *const known[] = { "any", "all", "anyone", "anybody", "everyone", "everybody", "hosted", "user",
    "clients" };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (rules_is((struct word){ s, n }, known[i])) return 1;
  return 0;
}

size_t rules_to(struct compiler *c, char *out, char const *s, size_t n)
{
  struct quoted q;
  if (*s == '@') {
    rules_error(c, "%s: all of a domain is written without the @", quote(&q, s, n));
    return 0;
  }
  if (memchr(s, '@', n)) return address(c, out, s, n, 0);
  size_t len = rules_domain_key(c, out, s, n);
  if (!is_word(out, len)) return len;
  rules_error(c, "%s is no word here, and as a domain hardly meant", quote(&q, s, n));
  return 0;
}

static size_t from(struct compiler *c, char *out, char const *s, size_t n, int extension)
{
  struct quoted q;
  if (*s == '@' && n > 1) {
    size_t len = rules_domain_key(c, out + 1, s + 1, n - 1);
    out[0] = '@';
    return len ? 1 + len : 0;
  }
  if (memchr(s, '@', n)) return address(c, out, s, n, extension);
  rules_error(c, "%s is no address; all of a domain is written with an @ before it", quote(&q, s, n));
  return 0;
}

size_t rules_from(struct compiler *c, char *out, char const *s, size_t n)
{
  return from(c, out, s, n, 0);
}

size_t rules_mailbox(struct compiler *c, char *out, char const *s, size_t n)
{
  return from(c, out, s, n, 1);
}

char const *rules_wider(char const *to)
{
  char const *at = strchr(to, '@');
  return at ? at + 1 : domain_wider(to);
}

/* The line whose key is `head` and then to or something wider. */
static uint32_t line_of(struct compiler const *c, enum table which, char const *head, char const *to, int itself)
{
  char key[TABLE_KEY];
  size_t n = strlen(head);
  memcpy(key, head, n);
  for (char const *s = itself ? to : rules_wider(to); *s; s = rules_wider(s)) {
    size_t len = strlen(s);
    memcpy(key + n, s, len);
    uint32_t line = seen_line(&c->seen, which, key, n + len);
    if (line) return line;
  }
  return 0;
}

uint32_t rules_line_to(struct compiler const *c, char const *verb, char const *to, int itself)
{
  return line_of(c, TABLE_RELAY, verb, to, itself);
}

uint32_t rules_catch_all(struct compiler const *c, enum table which, char const *domain, int itself)
{
  return line_of(c, which, "@", domain, itself);
}

uint32_t rules_relay_line(struct compiler const *c, char const *line)
{
  return seen_line(&c->seen, TABLE_RELAY, line, strlen(line));
}
