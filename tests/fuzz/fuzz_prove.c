/* Proofs over tables that nobody checked, damaged ones too; where nothing is open the stranger of the input must not
 * relay. The input is text, a line each:
 *   LETTERkey=data   a record; | in data is NUL
 *   !nnc             the byte at n (two bytes) of the file is changed by c
 *   <sender  >recipient  @client   the stranger */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fuzz.h"
#include "policy/gate.h"
#include "policy/match.h"
#include "prove/prove.h"
#include "prove/report.h"

struct input {
  struct address sender, recipient;
  struct ip client;
  uint8_t change[16][3];
  unsigned changes;
  uint32_t line;
};

static void record(struct table_builder *b, uint32_t line, char *s, size_t n)
{
  char *equal = memchr(s + 1, '=', n - 1);
  if (*s == 'c' && n > 1 && s[1] == '=') equal = memchr(s + 2, '=', n - 2); /* keys of names begin so */
  size_t key = equal ? (size_t)(equal - s) : n, at = equal ? key + 1 : n;
  for (size_t i = at; i < n; i++)
    if (s[i] == '|') s[i] = 0;
  MUST(!table_add(b, (enum table)s[0], s + 1, key - 1, line, s + at, n - at) || errno == ENAMETOOLONG);
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
  else if (*s == '!' && n > 3 && x->changes < 16) memcpy(x->change[x->changes++], s + 1, 3);
  else if (*s >= 'a' && *s <= 'z') record(b, x->line, s, n);
}

static int trusted(struct record const *r)
{
  uint32_t pos = 0;
  char const *var;
  while (gate_variable(r, &pos, &var) > 0)
    if (!strncmp(var, "RELAYCLIENT=", 12) || !strncmp(var, "RELAYPROXY=", 11)) return 1;
  return 0;
}

/* Nothing is open: so the stranger reaches nobody but by `grant to`. */
static void check_closed(struct table_set const *t, struct input const *x)
{
  struct record r;
  struct decision d;
  if (!x->client.len || !x->recipient.len || gate_find(t, &x->client, 0, 0, &r) != GATE_ALLOW || trusted(&r)) return;
  if (match_device(t, &x->client, &x->sender, &x->recipient, &r) > 0) return;
  for (int tls = 0; tls < 2; tls++) {
    struct facts f = { .client = x->client, .listener = "", .tls = tls, .sender = &x->sender };
    f.recipient = &x->recipient;
    decide(&d, t, &f);
    MUST(d.verdict != VERDICT_ACCEPT || reason_incoming(d.reason) || match_to(t, "grant to", &x->recipient, &r) > 0);
  }
}

static void ignore(void *arg, int warning, char const *line)
{
  (void)warning;
  ++*(size_t *)arg;
  for (; *line; line++) MUST(*line >= ' ' && *line < 0x7f);
}

static void check(struct table_set const *t, struct input const *x)
{
  struct proof p;
  stralloc out = STRALLOC_ZERO;
  size_t lines = 0;
  if (prove(&p, t) == 0) {
    size_t n = proof_openings(&p);
    for (size_t i = 0; i < n; i++) MUST(!proof_opening(&p, i)->declared || p.undeclared < n);
    MUST(report_text(&out, &p, "rules.cdb", "") && report_json(&out, &p, "rules.cdb", ""));
    for (size_t i = 0; i < out.len; i++) MUST(out.s[i] == '\n' || (out.s[i] >= ' ' && out.s[i] < 0x7f));
    MUST(report_complain(&p, ignore, &lines) && !lines == !n);
    if (!n && !x->changes) check_closed(t, x);
  } else {
    MUST(errno == EPROTO);
  }
  stralloc_free(&out);
  proof_free(&p);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  static struct input x;
  struct stat st;
  int fd = memfd_create("rules", 0);
  MUST(fd >= 0);
  char *s = fuzz_copy(data, size);
  memset(&x, 0, sizeof x);
  struct table_builder *b = table_build(fd);
  MUST(b);
  for (size_t at = 0; at < size; ) {
    char *end = memchr(s + at, '\n', size - at);
    size_t n = end ? (size_t)(end - s) - at : size - at;
    read_line(&x, b, s + at, n);
    at += n + 1;
  }
  MUST(!table_finish(b) && !fstat(fd, &st));
  for (unsigned i = 0; i < x.changes; i++) {
    off_t at = (x.change[i][0] << 8 | x.change[i][1]) % st.st_size;
    uint8_t byte;
    MUST(pread(fd, &byte, 1, at) == 1);
    byte ^= x.change[i][2];
    MUST(pwrite(fd, &byte, 1, at) == 1);
  }
  struct table_set *t = table_open_fd(fd);
  if (t) check(t, &x);
  table_close(t);
  close(fd);
  free(s);
  return 0;
}
