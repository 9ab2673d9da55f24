/* The decision over tables that nobody checked, damaged ones too. The input is text, a line each:
 *   LETTERkey=data   a record; | in data is NUL       !nnc  the byte at n (two bytes) of the file is changed by c
 *   <sender  >recipient  @client  #host  %info        &c    facts: 1 trusted, 2 login, 4 with the privilege, 8 stamp */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fuzz.h"
#include "policy/decide.h"
#include "policy/match.h"
#include "policy/gate.h"
#include "policy/limits.h"
#include "policy/route.h"

struct input {
  struct address sender, recipient;
  struct ip client;
  char host[300], info[600];
  uint8_t facts;
  uint8_t change[16][3];
  unsigned changes;
  uint32_t line;
};

static void record(struct table_builder *b, uint32_t line, char *s, size_t n)
{
  char *equal = memchr(s + 1, '=', n - 1);
  size_t key = equal ? (size_t)(equal - s) : n, at = equal ? key + 1 : n;
  for (size_t i = at; i < n; i++)
    if (s[i] == '|') s[i] = 0;
  MUST(!table_add(b, (enum table)s[0], s + 1, key - 1, line, s + at, n - at));
}

static void text(char *out, size_t size, char const *s, size_t n)
{
  if (n >= size) n = size - 1;
  memcpy(out, s, n);
  out[n] = 0;
  for (size_t i = 0; i < n; i++)
    if (!out[i]) out[i] = '?';
}

static void mailbox(struct address *a, char const *s, size_t n)
{
  if (address_mailbox(a, s, n, 1) != ADDRESS_OK) memset(a, 0, sizeof *a);
}

static void read_line(struct input *x, struct table_builder *b, char *s, size_t n)
{
  x->line++;
  if (!n) return;
  if (*s == '<') mailbox(&x->sender, s + 1, n - 1);
  else if (*s == '>') mailbox(&x->recipient, s + 1, n - 1);
  else if (*s == '@' && !ip_scan(&x->client, s + 1, n - 1)) x->client.len = 0;
  else if (*s == '#') text(x->host, sizeof x->host, s + 1, n - 1);
  else if (*s == '%') text(x->info, sizeof x->info, s + 1, n - 1);
  else if (*s == '&') x->facts = n > 1 ? (uint8_t)s[1] : 0;
  else if (*s == '!' && n > 3 && x->changes < 16) memcpy(x->change[x->changes++], s + 1, 3);
  else if (*s >= 'a' && *s <= 'z') record(b, x->line, s, n);
}

static void check_decision(struct table_set const *t, struct input const *x)
{
  struct facts f = { .client = x->client, .listener = "", .sender = &x->sender, .recipient = &x->recipient };
  struct decision d;
  struct record r;
  f.trusted = x->facts & 1;
  f.login = x->facts & 2 ? "joe" : 0;
  f.login_may_relay = !!(x->facts & 4);
  f.stamp = x->facts & 8 ? "joe" : 0;
  decide(&d, t, &f);
  MUST(*reason_word(d.reason) && *origin_word(d.origin));
  MUST(t || d.verdict == VERDICT_TEMPFAIL);
  MUST((d.verdict == VERDICT_TEMPFAIL) == (d.reason == REASON_TABLES));
  MUST(d.verdict == VERDICT_ACCEPT || !d.record.line);
  MUST((d.verdict == VERDICT_ACCEPT) == (d.reason == REASON_HOSTED || d.reason == REASON_CLIENT || d.reason ==
    REASON_LOGIN));
  if (d.verdict == VERDICT_ACCEPT) MUST(!x->recipient.onward);
  if (d.reason == REASON_CLIENT) MUST(f.trusted);
  if (d.reason == REASON_LOGIN) MUST(f.login && f.login_may_relay);
  if (d.reason == REASON_HOSTED && x->recipient.domain[0]) MUST(match_hosted(t, x->recipient.domain, &r) == 1);
}

static void check_others(struct table_set const *t, struct input const *x)
{
  struct record r;
  struct route route;
  uint32_t pos = 0;
  char const *var;
  char word[ROUTE_TEXT];
  enum gate_verdict v = gate_find(t, &x->client, x->host, x->info, &r);
  MUST(t || v == GATE_TEMPFAIL);
  if (v != GATE_TEMPFAIL) while (gate_variable(&r, &pos, &var) > 0) MUST(strlen(var) < pos && strchr(var, '='));
  if (x->recipient.domain[0] && !route_find(t, x->recipient.domain, &route)) {
    MUST(route.port && *route.host && strlen(route.host) < DOMAIN_TEXT);
    MUST(route_fmt(word, &route) < ROUTE_TEXT);
  }
  for (int i = 0; i < LIMIT_COUNT; i++) limit_get(t, (enum limit)i);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  static struct input x;
  int fd = memfd_create("rules", 0);
  struct table_builder *b = table_build(fd);
  struct stat st;
  MUST(b);
  memset(&x, 0, sizeof x);
  char *s = fuzz_copy(data, size);
  for (char *line = s, *end = s + size; line < end; ) {
    char *lf = memchr(line, '\n', (size_t)(end - line)), *next = lf ? lf : end;
    read_line(&x, b, line, (size_t)(next - line));
    line = next + 1;
  }
  free(s);
  MUST(!table_finish(b) && !fstat(fd, &st));
  for (unsigned i = 0; i < x.changes; i++) {
    off_t at = (x.change[i][0] << 8 | x.change[i][1]) % st.st_size;
    uint8_t byte;
    MUST(pread(fd, &byte, 1, at) == 1);
    byte ^= x.change[i][2];
    MUST(pwrite(fd, &byte, 1, at) == 1);
  }
  struct table_set *t = table_open_fd(fd);
  MUST(t || x.changes);
  check_decision(t, &x);
  check_others(t, &x);
  if (t) table_close(t);
  close(fd);
  return 0;
}
