/* The file `logins`: our logins at relays. No complaint shows anything but a key that is one: whatever else stands in a
 * line may be, or hold, a password that was put in the wrong place. */
#include <errno.h>
#include <string.h>
#include "parse/number.h"
#include "policy/logins.h"
#include "rules/rules.h"

#define KEY (RULES_KEY + 8)
#define RELAYS "host, host:port, [address]:port, .suffix, /socket"

/* A line, for the check at the end. */
struct login_line {
  uint32_t line;
  char relay[LOGIN_RELAY]; /* the key of the relay that it names; "": none */
};

/* Takes the next word of s[*i..n): what stands between blanks, or in quotes with \" and \\ for " and \. Returns 1, 0 at
 * the end or at the comment, -1 when the second quote is missing, -2 when it takes more than max bytes with its NUL. */
static int take(char *out, size_t max, char const *s, size_t n, size_t *i)
{
  size_t len = 0;
  while (*i < n && rules_blank(s[*i])) ++*i;
  if (*i == n || s[*i] == '#') return 0;
  int quoted = s[*i] == '"';
  for (*i += quoted ? 1 : 0; *i < n && (quoted ? s[*i] != '"' : !rules_blank(s[*i])); ++*i) {
    if (quoted && s[*i] == '\\' && *i + 1 < n && (s[*i + 1] == '"' || s[*i + 1] == '\\')) ++*i;
    if (len + 1 >= max) return -2;
    out[len++] = s[*i];
  }
  out[len] = 0;
  if (!quoted) return 1;
  if (*i == n) return -1;
  return ++*i == n || rules_blank(s[*i]) ? 1 : -1;
}

/* The same for a word that must be there, `what`. Returns 1, or 0 after complaining. */
static int must(struct compiler *c, char const *what, char *out, size_t max, char const *s, size_t n, size_t *i)
{
  int r = take(out, max, s, n, i);
  if (r == 1 && *out) return 1;
  if (r == -1) rules_error(c, "the %s lacks its second quote, or a blank behind it", what);
  else if (r == -2) rules_error(c, "the %s is too long: %zu bytes at most", what, max - 1);
  else rules_error(c, "no %s; a login is: relay user password", what);
  return 0;
}

/* The key of a relay: HOST, HOST:PORT, .SUFFIX or a socket. Returns its length, 0: it is none. */
static size_t relay_key(struct compiler *c, char out[LOGIN_RELAY], struct word w)
{
  char host[RULES_DOMAIN] = "";
  uint64_t port = 0;
  if (w.n && *w.s == '/') {
    if (w.n > ROUTE_SOCKET || memchr(w.s, '|', w.n)) return 0;
    memcpy(host, w.s, w.n);
    return logins_relay(out, host, 0);
  }
  size_t colon = rules_until_colon(w.s, w.n);
  int suffix = w.n && *w.s == '.';
  if (!colon || (suffix && colon < w.n)) return 0;
  if (suffix) return rules_domain_key(c, out, w.s, w.n);
  if (!rules_relay_host(c, host, (struct word){ w.s, colon })) return 0;
  char const *digits = w.s + colon + 1;
  if (colon < w.n && (number_scan(digits, w.n - colon - 1, 65535, &port) != NUMBER_OK || !port)) return 0;
  return logins_relay(out, host, (uint16_t)port);
}

/* A line's key, or the relay behind `at=`. Returns its length, 0: it is none. */
static size_t first_word(struct compiler *c, char *out, struct word w, int sender)
{
  c->hush = 1;
  size_t len = sender ? rules_from(c, out + 5, w.s + 5, w.n - 5) : relay_key(c, out, w);
  c->hush = 0;
  return len && sender ? len + 5 : len;
}

/* The words behind the password, which may be parts of one with blanks: none is shown. Returns 1, or 0. */
static int read_options(struct compiler *c, struct login *l, char at[LOGIN_RELAY], char const *s, size_t n)
{
  char word[LOGIN_RELAY + 4];
  size_t i = 0;
  int r, said = 0;
  while ((r = take(word, sizeof word, s, n, &i)) > 0) {
    int m = LOGIN_PLAIN;
    while (m < LOGIN_MECHANISM_COUNT && strcmp(word, login_mechanism_word((enum login_mechanism)m))) m++;
    if (m < LOGIN_MECHANISM_COUNT && !said) {
      l->mechanism = (enum login_mechanism)m;
      said = 1;
    } else if (!strcmp(word, "clear") && !l->clear) {
      l->clear = 1;
    } else if (!strncmp(word, "at=", 3) && !*at) {
      if (!first_word(c, at, (struct word){ word + 3, strlen(word + 3) }, 0))
        return rules_error(c, "no relay behind `at=`: " RELAYS), 0;
    } else {
      break;
    }
  }
  if (!r) {
    if (i < n) rules_comment(c, s + i, n - i);
    return 1;
  }
  rules_error(c, "a word behind the password is none of plain, login, cram-md5, scram-sha-256, clear, at=RELAY, or it "
              "stands here twice; a password with blanks stands in quotes");
  return 0;
}

static void add(struct compiler *c, struct word shown, char const *key, size_t len, struct login const *l,
                char const *at)
{
  struct login_line line = { .line = c->line };
  stralloc record = STRALLOC_ZERO;
  strcpy(line.relay, strncmp(key, "from:", 5) ? key : at);
  if (!logins_pack(&record, key, len, l, at)) c->broken = ENOMEM;
  else if (rules_add(c, TABLE_LOGINS, key, len, shown, record.s, record.len) &&
           !genalloc_append(struct login_line, &c->logins.all, &line)) c->broken = ENOMEM;
  stralloc_free(&record);
}

void rules_logins(struct compiler *c, char const *s, size_t n)
{
  char key[KEY] = "from:", at[LOGIN_RELAY] = "";
  struct login l = { .mechanism = LOGIN_ANY };
  struct word w;
  rules_words(s, n, &w, 1);
  size_t i = (size_t)(w.s + w.n - s), len = 0;
  int sender = w.n > 5 && !memcmp(w.s, "from:", 5) && (w.s[5] < '0' || w.s[5] > '9' || memchr(w.s, '@', w.n));
  if (!(len = first_word(c, key, w, sender)))
    rules_error(c, "the first word is neither a relay (" RELAYS ") nor a sender (from:LOCAL@DOMAIN, from:@DOMAIN); "
                "it is not shown, as it may hold a password");
  if (!must(c, "user", l.user, sizeof l.user, s, n, &i)) return;
  if (!must(c, "password", l.password, sizeof l.password, s, n, &i)) return;
  if (!read_options(c, &l, at, s + i, n - i) || !len) return;
  if (*at && !sender) rules_error(c, "`at=` is for senders: this line names its relay already");
  else add(c, w, key, len, &l, at);
}

/* Remembers all that a login may call a relay by. */
static void add_names(struct compiler *c, struct seen *x, struct route const *r)
{
  char key[LOGIN_RELAY];
  struct ip ip;
  uint32_t line = c->line;
  size_t len = logins_relay(key, r->host, r->port);
  if (seen_add(x, TABLE_LOGINS, key, len, &line) < 0) c->broken = ENOMEM;
  line = c->line;
  len = logins_relay(key, r->host, 0);
  if (seen_add(x, TABLE_LOGINS, key, len, &line) < 0) c->broken = ENOMEM;
  if (r->local || ip_scan(&ip, r->host, strlen(r->host))) return;
  for (char const *k = domain_wider(key); *k && !c->broken; k = domain_wider(k)) {
    line = c->line;
    if (seen_add(x, TABLE_LOGINS, k, strlen(k), &line) < 0) c->broken = ENOMEM;
  }
}

/* Does nobody stand between us and this relay? */
static int is_near(struct route const *r)
{
  struct ip ip;
  if (r->local || !strcmp(r->host, "localhost")) return 1;
  return ip_scan(&ip, r->host, strlen(r->host)) && (ip.len == 4 ? ip.b[0] == 127 : !strcmp(r->host, "::1"));
}

void rules_logins_relay(struct compiler *c, struct route const *r)
{
  char key[LOGIN_RELAY];
  if (!c->logins.table || !r->named) return;
  c->logins.hosts += !seen_has(&c->logins.relays, TABLE_LOGINS, key, logins_relay(key, r->host, 0));
  add_names(c, &c->logins.relays, r);
  if (r->tls != ROUTE_TLS_VERIFY && !is_near(r)) add_names(c, &c->logins.bare, r);
}

/* The line of `routes` by which a login may go to whoever answers: to this relay, or ("") to any. 0: none. */
static uint32_t bare_route(struct compiler const *c, char const *relay)
{
  struct seen const *x = &c->logins.bare;
  if (*relay) return seen_line(x, TABLE_LOGINS, relay, strlen(relay));
  return genalloc_len(struct seen_key, &x->entries) ? genalloc_s(struct seen_key, &x->entries)->line : 0;
}

static void check_login(struct compiler *c, struct login_line const *l)
{
  struct quoted q;
  char const *relay = *l->relay ? quote(&q, l->relay, strlen(l->relay)) : "a relay";
  if (*l->relay ? !seen_has(&c->logins.relays, TABLE_LOGINS, l->relay, strlen(l->relay)) : !c->logins.hosts) {
    rules_warn_at(c, WARN_UNUSED, FILE_LOGINS, l->line, "no line of `routes` names %s, and there is no login elsewhere",
                  relay);
    return;
  }
  uint32_t bare = bare_route(c, l->relay);
  if (bare)
    rules_warn_at(c, WARN_UNVERIFIED, FILE_LOGINS, l->line, "whoever answers for %s gets the password: line %u of "
                  "`routes` has no `tls=verify`, so any certificate does", relay, (unsigned)bare);
  if (!*l->relay && c->logins.hosts > 1)
    rules_warn_at(c, WARN_ANY_RELAY, FILE_LOGINS, l->line, "the password goes to whichever of the %u relays in "
                  "`routes` the mail goes to; `at=RELAY` names one", c->logins.hosts);
}

void rules_check_logins(struct compiler *c)
{
  struct login_line const *all = genalloc_s(struct login_line, &c->logins.all);
  for (size_t i = 0; i < genalloc_len(struct login_line, &c->logins.all); i++) check_login(c, all + i);
}

void rules_logins_free(struct compiler *c)
{
  seen_free(&c->logins.relays);
  seen_free(&c->logins.bare);
  genalloc_free(struct login_line, &c->logins.all);
}
