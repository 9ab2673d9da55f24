/* MTA-STS: TXT record and policy. */
#include <string.h>
#include "parse/domain.h"
#include "parse/number.h"
#include "sts/policy.h"

static char const *const modes[] = { "none", "testing", "enforce" };

char const *sts_mode_word(enum sts_mode m)
{
  return modes[m];
}

int sts_mode_scan(enum sts_mode *m, char const *s, size_t n)
{
  for (unsigned i = 0; i < 3; i++) {
    if (strlen(modes[i]) == n && !memcmp(modes[i], s, n)) return *m = (enum sts_mode)i, 1;
  }
  return 0;
}

static int is_alnum(unsigned char c)
{
  return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

int sts_id_ok(char const *s, size_t n)
{
  if (!n || n >= STS_ID) return 0;
  for (size_t i = 0; i < n; i++) if (!is_alnum((unsigned char)s[i])) return 0;
  return 1;
}

static void trim(char const **s, size_t *n)
{
  for (; *n && (**s == ' ' || **s == '\t'); ++*s) --*n;
  while (*n && ((*s)[*n - 1] == ' ' || (*s)[*n - 1] == '\t')) --*n;
}

/* A key of both texts: 1*32 of letters, digits, `_-.`, the first a letter or digit. */
static int is_key(char const *s, size_t n)
{
  if (!n || n > 32 || !is_alnum((unsigned char)*s)) return 0;
  for (size_t i = 1; i < n; i++) if (!is_alnum((unsigned char)s[i]) && !strchr("_-.", s[i])) return 0;
  return !memchr(s, 0, n);
}

/* A value of an extension in the TXT record: visible, and neither `=` nor `;`. */
static int is_txt_value(char const *s, size_t n)
{
  for (size_t i = 0; i < n; i++) if (s[i] <= ' ' || s[i] == '=' || s[i] == ';' || s[i] == 127) return 0;
  return n > 0;
}

int sts_txt_scan(char id[STS_ID], char const *s, size_t n)
{
  static char const version[] = "v=STSv1";
  size_t const v = sizeof version - 1;
  *id = 0;
  if (n < v || memcmp(s, version, v)) return 0;
  for (s += v, n -= v; n && (*s == ' ' || *s == '\t'); s++) n--;
  if (!n || *s != ';') return 0;
  while (n) { /* at a semicolon */
    s++, n--;
    char const *end = memchr(s, ';', n), *field = s;
    size_t len = end ? (size_t)(end - s) : n;
    s += len, n -= len;
    trim(&field, &len);
    if (!len) {
      if (n) return -1; /* nothing may follow the last semicolon alone */
      break;
    }
    char const *eq = memchr(field, '=', len);
    if (!eq) return -1;
    size_t key = (size_t)(eq - field), value = len - key - 1;
    if (key == 2 && !memcmp(field, "id", 2)) {
      if (*id || !sts_id_ok(eq + 1, value)) return -1;
      memcpy(id, eq + 1, value);
      id[value] = 0;
    } else if (!is_key(field, key) || !is_txt_value(eq + 1, value)) return -1;
  }
  return *id ? 1 : -1;
}

int sts_policy_add(struct sts_policy *p, char const *s, size_t n)
{
  char name[DOMAIN_TEXT];
  int wild = n > 2 && s[0] == '*' && s[1] == '.';
  size_t len = domain_canon(name, s + (wild ? 2 : 0), n - (wild ? 2 : 0));
  if (!len) return 0;
  if ((wild && !stralloc_catb(&p->mx, "*.", 2)) || !stralloc_catb(&p->mx, name, len + 1)) return -1;
  p->n++;
  return 1;
}

struct reading {
  unsigned version : 1, mode : 1, max_age : 1; /* had it: a further one is ignored (3.2) */
};

static int is(char const *key, size_t n, char const *word)
{
  return strlen(word) == n && !memcmp(key, word, n);
}

/* One field. Returns null, or what is wrong. */
static char const *read_field(struct sts_policy *p, struct reading *r, char const *key, size_t k, char const *value,
  size_t n)
{
  uint64_t age;
  if (is(key, k, "mx")) {
    int took = sts_policy_add(p, value, n);
    return took > 0 ? 0 : took ? "out of memory" : "an mx that is no host name";
  }
  if (is(key, k, "version")) {
    if (!r->version && !is(value, n, "STSv1")) return "another version than STSv1";
    r->version = 1;
  } else if (is(key, k, "mode")) {
    if (!r->mode && !sts_mode_scan(&p->mode, value, n)) return "a mode that is unknown";
    r->mode = 1;
  } else if (is(key, k, "max_age")) {
    if (r->max_age) return 0;
    if (n > 10 || number_scan(value, n, STS_MAX_AGE, &age) == NUMBER_BAD) return "a max_age that is no number";
    p->max_age = (uint32_t)age;
    r->max_age = 1;
  } else if (!is_key(key, k)) return "a line that is no field";
  return 0;
}

/* A line without its end. */
static char const *read_line(struct sts_policy *p, struct reading *r, char const *s, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if ((c < ' ' && c != '\t') || c == 127) return "a control character";
  }
  trim(&s, &n);
  if (!n) return 0;
  char const *colon = memchr(s, ':', n);
  if (!colon) return "a line that is no field";
  char const *value = colon + 1;
  size_t len = n - (size_t)(value - s);
  trim(&value, &len);
  return read_field(p, r, s, (size_t)(colon - s), value, len);
}

char const *sts_policy_scan(struct sts_policy *p, char const *s, size_t n)
{
  struct reading r = { .version = 0 };
  p->mode = STS_NONE;
  p->max_age = 0;
  p->n = 0;
  p->mx.len = 0;
  if (n > STS_POLICY) return "more than 65536 bytes";
  while (n) {
    char const *lf = memchr(s, '\n', n);
    size_t len = lf ? (size_t)(lf - s) : n, past = lf ? len + 1 : n;
    if (lf && len && s[len - 1] == '\r') len--;
    char const *wrong = read_line(p, &r, s, len);
    if (wrong) return wrong;
    s += past, n -= past;
  }
  if (!r.version) return "no version";
  if (!r.mode) return "no mode";
  if (!r.max_age) return "no max_age";
  return p->n || p->mode == STS_NONE ? 0 : "no mx";
}

int sts_policy_match(struct sts_policy const *p, char const *host)
{
  char const *dot = strchr(host, '.');
  char const *s = p->mx.s;
  for (unsigned i = 0; i < p->n; i++, s += strlen(s) + 1) {
    if (*s == '*' ? dot && !strcmp(s + 1, dot) : !strcmp(s, host)) return 1;
  }
  return 0;
}

void sts_policy_free(struct sts_policy *p)
{
  stralloc_free(&p->mx);
  p->n = 0;
}
