/* The decision over tables that nobody checked, damaged ones too. The input is text, a line each:
 *   LETTERkey=data   a record; | in data is NUL. R: a record of `relay` without its line
 *   !nnc             the byte at n (two bytes) of the file is changed by c
 *   <sender  >recipient  @client  #host  %info  ^an address of the recipient's mail hosts
 *   &ca              c: facts, see enum below; a: the answers about the mailbox (1, 2) and the mail hosts (4, 8) */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fuzz.h"
#include "policy/decide.h"
#include "policy/match.h"
#include "policy/gate.h"
#include "policy/limits.h"
#include "policy/pop.h"
#include "policy/route.h"

enum { TRUSTED = 1, LOGIN = 2, MAY = 4, STAMP = 8, TLS = 16, SUBMISSION = 32, UNKNOWN = 64, INSIDE = 128 };

struct input {
  struct address sender, recipient;
  struct ip client, hosts[8];
  size_t hosts_n;
  char host[300], info[600];
  uint8_t facts, answers;
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
  else if (*s == '^' && x->hosts_n < 8) x->hosts_n += (size_t)ip_scan(x->hosts + x->hosts_n, s + 1, n - 1);
  else if (*s == '&') x->facts = n > 1 ? (uint8_t)s[1] : 0, x->answers = n > 2 ? (uint8_t)s[2] : 0;
  else if (*s == '!' && n > 3 && x->changes < 16) memcpy(x->change[x->changes++], s + 1, 3);
  else if (*s >= 'a' && *s <= 'z') record(b, x->line, s, n);
  else if (*s == 'R') *s = TABLE_RELAY, record(b, 0, s, n);
}

/* The stamp counts here, and where its user is bound to senders the sender is one. */
static void check_pop(struct table_set const *t, struct facts const *f)
{
  struct pop_grant g;
  size_t at = 0;
  int here = 0;
  MUST(f->stamp && pop_find(&g, t) == 1 && g.seconds && g.seconds <= POP_SECONDS_MOST);
  for (char const *name; (name = pop_listener(&g, &at)); ) here |= !strcmp(name, f->listener);
  MUST(!g.listeners_len || here);
  MUST(!g.bound || pop_may_send(&g, t, f->stamp, f->sender) == 1);
}

/* What stands in the way of relaying doesn't, and the grant holds. */
static void check_relayed(struct table_set const *t, struct facts const *f, struct decision const *d)
{
  struct record r;
  struct address const *a = f->recipient;
  MUST(match_hosted(t, a->domain, &r) == 0 && match_to(t, "deny to", a, &r) == 0);
  MUST(f->tls || match_line(t, "require tls", &r) == 0);
  MUST(f->login || match_line(t, "require login", &r) == 0);
  MUST((f->sender->len && match_hosted(t, f->sender->domain, &r) == 1) || !match_line(t, "require sender hosted", &r));
  MUST(d->record.line && !strcmp(d->record.file, "relay"));
  switch (d->reason) {
    case REASON_CLIENT: MUST(f->trusted && match_line(t, "grant clients", &r) == 1); break;
    case REASON_LOGIN: MUST(f->login && f->login_may_relay && match_line(t, "grant login", &r) == 1); break;
    case REASON_POP: check_pop(t, f); break;
    case REASON_TO: MUST(match_to(t, "grant to", a, &r) == 1); break;
    case REASON_SENDER: MUST(f->sender->len && match_sender(t, f->sender, &r) == 1); break;
    case REASON_DEVICE: MUST(f->client.len && match_device(t, &f->client, f->sender, a, &r) == 1); break;
    case REASON_ANYONE: MUST(match_line(t, "grant anyone", &r) == 1); break;
    case REASON_TO_HOST:
      MUST(f->mx == ANSWER_YES && f->hosts_n && !a->literal);
      for (size_t i = 0; i < f->hosts_n; i++) MUST(match_to_host(t, f->hosts + i, &r) == 1);
      break;
    default: MUST(!"a reason that relays");
  }
}

/* Which reasons go with which verdict, and which have a line. */
static void check_reason(struct facts const *f, struct decision const *d, int intact)
{
  int asks = d->verdict == VERDICT_ASK_MAILBOX || d->verdict == VERDICT_ASK_MX;
  int unknown = d->reason == REASON_MAILBOX_UNKNOWN || d->reason == REASON_MX_UNKNOWN ||
    d->reason == REASON_STAMP_UNKNOWN;
  MUST(*reason_word(d->reason) && *origin_word(d->origin));
  MUST((d->verdict == VERDICT_ACCEPT) == (d->reason <= REASON_ANYONE));
  MUST((d->verdict == VERDICT_TEMPFAIL) == (d->reason == REASON_TABLES || unknown));
  MUST(asks == (d->reason == REASON_ASK));
  MUST(d->verdict != VERDICT_ASK_MAILBOX || f->mailbox == ANSWER_NOT_ASKED);
  MUST(d->verdict != VERDICT_ASK_MX || f->mx == ANSWER_NOT_ASKED);
  MUST(d->reason != REASON_MAILBOX_UNKNOWN || f->mailbox == ANSWER_UNKNOWN);
  MUST(d->reason != REASON_MX_UNKNOWN || f->mx == ANSWER_UNKNOWN);
  MUST(d->reason != REASON_STAMP_UNKNOWN || (f->stamp_unknown && !f->stamp));
  switch (d->reason) {
    case REASON_NOT_GRANTED: case REASON_ONWARD: case REASON_LITERAL: case REASON_NO_PRIVILEGE: case REASON_SUBMISSION:
    case REASON_WRONG_SENDER: case REASON_MX_UNKNOWN: case REASON_STAMP_UNKNOWN: case REASON_TABLES:
      MUST(!d->record.line);
      break;
    case REASON_DENIED: case REASON_REQUIRE_SENDER: case REASON_REQUIRE_LOGIN: case REASON_REQUIRE_TLS:
      MUST(d->record.line && !strcmp(d->record.file, "relay"));
      break;
    case REASON_ASK: MUST(!intact || !d->record.line == (d->verdict == VERDICT_ASK_MX)); break;
    default: MUST(!intact || d->record.line);
  }
}

static void check_decision(struct table_set const *t, struct input const *x)
{
  struct facts f = { .client = x->client, .sender = &x->sender, .recipient = &x->recipient, .hosts = x->hosts };
  struct decision d;
  struct record r;
  f.listener = x->facts & SUBMISSION ? LISTENER_SUBMISSION : x->facts & INSIDE ? "inside" : "";
  f.stamp_unknown = !!(x->facts & UNKNOWN);
  f.trusted = !!(x->facts & TRUSTED);
  f.login = x->facts & LOGIN ? "joe" : 0;
  f.login_may_relay = !!(x->facts & MAY);
  f.stamp = x->facts & STAMP ? "joe" : 0;
  f.wrong_sender = f.login && x->sender.len % 8 == 7;
  f.tls = !!(x->facts & TLS);
  f.hosts_n = x->hosts_n;
  f.mailbox = (enum answer)(x->answers & 3);
  f.mx = (enum answer)(x->answers >> 2 & 3);
  for (int asked = 0; ; asked++) {
    MUST(asked <= 1); /* hosted or not: one question at most */
    decide(&d, t, &f);
    check_reason(&f, &d, !x->changes);
    if (d.verdict == VERDICT_ASK_MAILBOX) f.mailbox = x->answers & 16 ? ANSWER_YES : ANSWER_NO;
    else if (d.verdict == VERDICT_ASK_MX) f.mx = x->answers & 16 ? ANSWER_YES : ANSWER_NO;
    else break;
  }
  MUST(t || d.reason == REASON_TABLES);
  if (d.verdict != VERDICT_ACCEPT) return;
  MUST(!x->recipient.onward && (f.login || !listener_is_submission(f.listener)));
  if (!reason_incoming(d.reason)) check_relayed(t, &f, &d);
  else if (x->recipient.domain[0]) MUST(match_hosted(t, x->recipient.domain, &r) == 1);
  MUST(d.reason != REASON_CONFIRMED || f.mailbox == ANSWER_YES);
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
  if (x.recipient.len) check_decision(t, &x);
  check_others(t, &x);
  if (t) table_close(t);
  close(fd);
  return 0;
}
