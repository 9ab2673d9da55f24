/* The compiler of control directories, and everything that reads its tables. The input is a control directory in one
 * text: a line `%NAME` begins the file NAME. */
#include <ctype.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fuzz.h"
#include "policy/decide.h"
#include "policy/match.h"
#include "policy/gate.h"
#include "policy/limits.h"
#include "policy/route.h"
#include "rules/compile.h"

#define TEXTS 12

static char const *const files[] = { "me", "clients", "domains", "relay", "routes", "limits" };
static unsigned errors, warnings;

/* A complaint is `FILE:LINE: why` in printable ASCII. */
static void complain(void *arg, int warning, char const *line)
{
  size_t i = 0;
  MUST(arg == &errors);
  while (i < 6 && (strncmp(line, files[i], strlen(files[i])) || line[strlen(files[i])] != ':')) i++;
  MUST(i < 6);
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
      for (size_t i = 0; i < 6; i++)
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
  MUST(n && n < sizeof name && rule->len == 3 && !memcmp(rule->data, "any", 3));
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
  MUST(!strcmp(again.host, route.host) && again.port == route.port && again.mx == route.mx);
}

static void check_tables(struct table_set const *t)
{
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t n;
  struct record r;
  int more;
  while ((more = table_next(t, &pos, &which, &key, &n, &r)) > 0) {
    if (which == TABLE_CLIENTS) check_client(t, key, n, &r);
    if (which == TABLE_DOMAINS) check_domain(t, key, n, &r);
    if (which == TABLE_RELAY) MUST(n > 6 && !memcmp(key, "grant ", 6) && !r.len);
  }
  MUST(!more);
#define X(c, name, def, least, most, unit) \
  { uint64_t v = limit_get(t, LIMIT_##c); MUST(v + 1 > least && v <= most); }
  LIMITS(X)
#undef X
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  struct rules_text texts[TEXTS];
  char *s = fuzz_copy(data, size);
  size_t n = split(texts, s, size);
  int fd = memfd_create("rules", 0);
  errors = warnings = 0;
  int r = rules_compile_texts(texts, n, fd, complain, &errors);
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
