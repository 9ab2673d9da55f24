/* The compiler of control directories, and everything that reads its tables. The input is a control directory in one
 * text: a line `%NAME` begins the file NAME. */
#include <ctype.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fuzz_table.h"
#include "policy/decide.h"
#include "policy/match.h"
#include "policy/gate.h"
#include "policy/limits.h"
#include "policy/pop.h"
#include "policy/route.h"
#include "rules/compile.h"
#include "rules/neighbours.h"
#include "rules/text.h"

#define TEXTS 12

static char const *const files[] = { "me", "clients", "domains", "recipients", "aliases", "relay", "routes", "limits",
  "users" };
#define FILES (sizeof files / sizeof *files)
static unsigned errors, warnings;

/* A complaint is `FILE:LINE: why` in printable ASCII. */
static void complain(void *arg, int warning, char const *line)
{
  size_t i = 0;
  MUST(arg == &errors);
  while (i < FILES && (strncmp(line, files[i], strlen(files[i])) || line[strlen(files[i])] != ':')) i++;
  MUST(i < FILES);
  char const *s = line + strlen(files[i]) + 1;
  MUST(*s >= '1' && *s <= '9');
  while (isdigit((unsigned char)*s)) s++;
  MUST(s[0] == ':' && s[1] == ' ' && s[2]);
  MUST(!strncmp(s, ": warning: ", 11) == !!warning);
  for (s = line; *s; s++) MUST(*s >= ' ' && *s < 0x7f);
  if (warning) warnings++;
  else errors++;
}

/* Cuts the input into files; of two with one name the second is left out. */
static size_t split(struct rules_text *texts, char const *s, size_t n)
{
  size_t count = 0;
  char const *end = s + n;
  struct rules_text *t = 0;
  while (s < end) {
    char const *lf = memchr(s, '\n', (size_t)(end - s)), *next = lf ? lf + 1 : end;
    if (*s == '%' && lf) {
      t = 0;
      for (size_t i = 0; i < FILES; i++)
        if (strlen(files[i]) == (size_t)(lf - s - 1) && !memcmp(s + 1, files[i], (size_t)(lf - s - 1))) {
          size_t k = 0;
          while (k < count && strcmp(texts[k].file, files[i])) k++;
          if (k < count) continue;
          t = texts + count++;
          *t = (struct rules_text){ files[i], next, 0 };
        }
    } else if (t) {
      t->len = (size_t)(next - t->s);
    }
    s = next;
  }
  return count;
}

/* A rule must be found by its own key, or by one that is asked before it. */
static void check_client(struct table_set const *t, char const *key, size_t n, struct record const *rule)
{
  struct ip ip;
  struct record r;
  char const *var;
  uint32_t pos = 0;
  int more;
  if (n && *key == '/') return;
  while ((more = gate_variable(rule, &pos, &var)) > 0) MUST(strchr(var, '=') > var);
  MUST(!more);
  if (ip_scan(&ip, key, n)) {
    MUST(gate_find(t, &ip, 0, 0, &r) != GATE_TEMPFAIL);
    MUST(r.line == rule->line);
  }
}

static void check_domain(struct table_set const *t, char const *key, size_t n, struct record const *rule)
{
  char name[DOMAIN_TEXT + 8];
  struct record r;
  struct route route, again;
  char word[ROUTE_TEXT];
  MUST(n && n < sizeof name);
  MUST((rule->len == 3 && !memcmp(rule->data, "any", 3)) || (rule->len == 6 && !memcmp(rule->data, "listed", 6)) ||
       (rule->len == 5 && !memcmp(rule->data, "asked", 5)));
  memcpy(name, key, n);
  name[n] = 0;
  if (*name == '.') {
    if (n > 250) return;
    memmove(name + 1, name, n + 1);
    *name = 'x';
  }
  MUST(match_hosted(t, name, &r) == 1);
  MUST(route_find(t, name, &route) == 0);
  route_fmt(word, &route);
  MUST(route_scan(&again, word));
  MUST(!memcmp(&again, &route, sizeof route));
}

/* Every route can be used, and its line says the same again. */
static void check_route(struct table_set const *t, char const *key, size_t n, struct record const *rule)
{
  char name[DOMAIN_TEXT + 8] = "";
  struct route route, again;
  struct record r;
  char word[ROUTE_TEXT];
  MUST(n < DOMAIN_TEXT);
  memcpy(name + (n && *key == '.'), key, n);
  if (n && *key == '.') *name = 'x';
  if (!n) strcpy(name, "nobody.has.it.example");
  if (strlen(name) >= DOMAIN_TEXT) return;
  MUST(route_find(t, name, &route) == 0 && route_record(t, name, &r) == 1);
  if (r.line != rule->line) return;
  MUST(route.local == (*route.host == '/') && route.local + route.mx <= 1 && (!route.lmtp || route.named));
  MUST(route.named == (rule->data[0] != 0) && route.named + route.mx <= 1);
  MUST(!*route.name || route.tls == ROUTE_TLS_VERIFY);
  MUST(route_fmt(word, &route) < ROUTE_TEXT && route_scan(&again, word) && !memcmp(&again, &route, sizeof route));
  for (char const *s = word; *s; s++) MUST(*s > ' ' && *s < 0x7f);
}

/* A mailbox of its own must be found by its address, or what an alias replaces would be found by it. */
static void check_mailbox(struct table_set const *t, enum table which, char const *key, size_t n,
                          struct record const *rule)
{
  struct address a;
  struct record r;
  char again[ADDRESS_KEY];
  MUST(n > 1 && memchr(key, '@', n));
  if (*key == '@') return;
  MUST(address_mailbox(&a, key, n, 1) == ADDRESS_OK && !a.onward);
  MUST(address_key(again, &a) == n && !memcmp(again, key, n));
  MUST(match_mailbox(t, which, &a, &r) == 1 && r.line == rule->line);
  MUST(match_hosted(t, a.domain, &r) == 1);
}

/* Targets are addresses, each but itself no alias, and none of them denied. */
static void check_alias(struct table_set const *t, char const *key, size_t n, struct record const *rule)
{
  struct address a;
  struct record r;
  char target[ADDRESS_KEY];
  MUST(rule->len && !rule->data[rule->len - 1]);
  for (uint32_t i = 0; i < rule->len; i += (uint32_t)strlen(rule->data + i) + 1) {
    MUST(address_mailbox(&a, rule->data + i, strlen(rule->data + i), 1) == ADDRESS_OK);
    size_t len = address_key(target, &a);
    if (len == n && !memcmp(target, key, n)) continue;
    int found = table_find(t, TABLE_ALIASES, target, len, &r);
    if (!found) {
      MUST(match_to(t, "deny to", &a, &r) == 0);
      continue;
    }
    size_t itself = 0; /* an alias that is its own mailbox too may stay */
    for (uint32_t k = 0; k < r.len && !itself; k += (uint32_t)strlen(r.data + k) + 1) {
      char other[ADDRESS_KEY];
      MUST(address_mailbox(&a, r.data + k, strlen(r.data + k), 1) == ADDRESS_OK);
      itself = address_key(other, &a) == len && !memcmp(other, target, len);
    }
    MUST(itself);
  }
}

static int starts(char const *key, size_t n, char const *with)
{
  return n > strlen(with) && !memcmp(key, with, strlen(with));
}

/* What the compiler wrote can be read, and says the same as a line: each listener once, all in small letters. */
static void check_pop(struct table_set const *t, struct record const *rule)
{
  struct pop_grant g;
  stralloc line = STRALLOC_ZERO;
  size_t at = 0, again, same;
  MUST(pop_find(&g, t) == 1 && g.record.line == rule->line && g.seconds && g.seconds <= POP_SECONDS_MOST);
  for (char const *name, *other; (name = pop_listener(&g, &at)); ) {
    for (again = same = 0; (other = pop_listener(&g, &again)); ) same += !strcmp(name, other);
    MUST(same == 1 && strlen(name) < 64 && pop_listens(&g, name));
    for (; *name; name++) MUST(!isupper((unsigned char)*name) && *name != ',' && *name != ' ');
  }
  MUST(pop_listens(&g, "A") == pop_listens(&g, "a"));
  MUST(rules_text(&line, TABLE_RELAY, "grant pop", 9, rule) && stralloc_0(&line));
  MUST(starts(line.s, line.len, "grant pop ") && !!strstr(line.s, " bound") >= g.bound);
  stralloc_free(&line);
}

/* Whom a bound line lets send: the name finds it, the senders are addresses or domains. */
static void check_senders(struct table_set const *t, char const *key, size_t n, struct record const *rule)
{
  struct pop_grant g;
  char name[TABLE_KEY + 1];
  MUST(pop_find(&g, t) == 1 && g.bound && n && n < 256 && !memchr(key, 0, n) && !strcmp(rule->file, "users"));
  memcpy(name, key, n);
  name[n] = 0;
  MUST(pop_may_send(&g, t, name, 0) == !rule->len && (!rule->len || !rule->data[rule->len - 1]));
  for (uint32_t i = 0; i < rule->len; i += (uint32_t)strlen(rule->data + i) + 1) MUST(strchr(rule->data + i, '@'));
}

/* A line about recipients must be found by one. */
static void check_relay(struct table_set const *t, char const *key, size_t n, struct record const *rule)
{
  static char const *const verbs[] = { "grant to ", "deny to ", "local " };
  char text[TABLE_KEY + 2];
  struct record r;
  if (!rule->line) return;
  MUST(starts(key, n, "grant ") || starts(key, n, "require ") || starts(key, n, "deny ") || starts(key, n, "local ") ||
       starts(key, n, "own "));
  if (n == 9 && !memcmp(key, "grant pop", 9)) check_pop(t, rule);
  if (starts(key, n, "grant sender ")) MUST(rule->len == 9 && !memcmp(rule->data, "forgeable", 9));
  if (starts(key, n, "grant anyone")) MUST(rule->len == 10 && !memcmp(rule->data, "open-relay", 10));
  for (size_t i = 0; i < 3; i++) {
    size_t verb = strlen(verbs[i]);
    struct address a;
    if (!starts(key, n, verbs[i])) continue;
    char const *prefix = memchr(key, '@', n) ? "" : key[verb] == '.' ? "x@x" : "x@";
    size_t len = strlen(prefix);
    memcpy(text, prefix, len);
    memcpy(text + len, key + verb, n - verb);
    enum address_error e = address_mailbox(&a, text, len + n - verb, 1);
    MUST(e == ADDRESS_OK || e == ADDRESS_TOO_LONG);
    char name[16];
    memcpy(name, verbs[i], verb - 1);
    name[verb - 1] = 0;
    if (e == ADDRESS_OK) MUST(match_to(t, name, &a, &r) == 1 && r.line <= rule->line);
  }
}

static void check_record(struct table_set const *t, enum table which, char const *key, size_t n, struct record const *r)
{
  if (which == TABLE_CLIENTS) check_client(t, key, n, r);
  if (which == TABLE_DOMAINS) check_domain(t, key, n, r);
  if (which == TABLE_RELAY) check_relay(t, key, n, r);
  if (which == TABLE_RECIPIENTS || which == TABLE_ALIASES) check_mailbox(t, which, key, n, r);
  if (which == TABLE_SENDERS) check_senders(t, key, n, r);
  if (which == TABLE_ALIASES) check_alias(t, key, n, r);
  if (which == TABLE_ROUTES) check_route(t, key, n, r);
  MUST(which != TABLE_USERS && which != TABLE_LOGINS);
}

static void check_tables(struct table_set const *t)
{
  fuzz_records(t, check_record);
#define X(c, name, def, least, most, unit) \
  { uint64_t v = limit_get(t, LIMIT_##c); MUST(v + 1 > least && v <= most); }
  LIMITS(X)
#undef X
}

static struct neighbours around = { .len = 2, .n = {
  { { { 10, 1, 2, 3 }, 4 }, "the default gateway" }, { { { 0x20, 1, 0xd, 0xb8, [15] = 1 }, 16 }, "a bridge" } } };

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  struct rules_text texts[TEXTS];
  char *s = fuzz_copy(data, size);
  size_t n = split(texts, s, size);
  int fd = memfd_create("rules", 0);
  errors = warnings = 0;
  int r = rules_compile_beside(texts, n, &around, fd, complain, &errors);
  MUST(r == (errors > 0));
  if (!r) {
    struct table_set *t = table_open_fd(fd);
    MUST(t);
    check_tables(t);
    table_close(t);
  }
  close(fd);
  free(s);
  return 0;
}
