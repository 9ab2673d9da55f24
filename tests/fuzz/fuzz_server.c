/* Whole sessions. The first byte says how (trusted or not, bare LF allowed, rules, limits), the second one about TLS
 * and what a checker says of every login, the rest is what the client says: up to the first 0xff in the clear, behind
 * it under TLS. Each is run twice, in one piece and in small ones: the pieces must not matter. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "../unit/smtp_double.h"
#include "base/log.h"

#define NEED(what) do { if (!(what)) abort(); } while (0)

/* The log would fill the fuzzer's own output. */
void log_start(struct log_line *l, char const *event) { (void)event; l->len = 0; }
void log_bytes(struct log_line *l, char const *key, char const *value, size_t len)
{
  (void)l, (void)key, (void)value, (void)len;
}
void log_str(struct log_line *l, char const *key, char const *value) { (void)l, (void)key, (void)value; }
void log_num(struct log_line *l, char const *key, uint64_t value) { (void)l, (void)key, (void)value; }
void log_end(struct log_line *l) { (void)l; }

static struct table_set *rules(int small)
{
  int fd = memfd_create("rules", MFD_CLOEXEC);
  struct table_builder *b = table_build(fd);
  NEED(b && !table_add(b, TABLE_ME, "", 0, 1, "relay.example", 13));
  NEED(!table_add(b, TABLE_DOMAINS, "hosted.example", 14, 3, "any", 3));
  NEED(!table_add(b, TABLE_RELAY, "grant clients", 13, 2, "", 0));
  if (small) {
    NEED(!table_add(b, TABLE_LIMITS, "size", 4, 1, "200", 3));
    NEED(!table_add(b, TABLE_LIMITS, "recipients", 10, 2, "3", 1));
    NEED(!table_add(b, TABLE_LIMITS, "hops", 4, 3, "5", 1));
  }
  NEED(!table_finish(b));
  struct table_set *t = table_open_fd(fd);
  NEED(t);
  close(fd);
  return t;
}

/* Each reply line: three digits, space or hyphen, printable ASCII, CRLF, 512 bytes at most. */
static void check_replies(char const *p)
{
  while (*p) {
    char const *end = strstr(p, "\r\n");
    NEED(end && end - p >= 4 && end - p <= 510);
    NEED(p[0] >= '2' && p[0] <= '5' && strspn(p, "0123456789") == 3 && (p[3] == ' ' || p[3] == '-'));
    for (; p < end; p++) NEED(*p >= ' ' && *p < 0x7f);
    p = end + 2;
  }
}

/* What a stranger got in must be for our own domain, unless there was a login. */
static void check_stranger(struct double_record const *recipients)
{
  char const *p = recipients->s;
  while (*p) {
    char const *end = strchr(p, '\n'), *at = end;
    NEED(end);
    while (at > p && *at != '@') at--;
    NEED(*at == '@');
    size_t n = (size_t)(end - at - 1);
    int hosted = n == 14 && !strncasecmp(at + 1, "hosted.example", n);
    NEED(hosted || (n == 13 && !strncasecmp(at + 1, "relay.example", n)));
    p = end + 1;
  }
}

static struct double_record recipients;
static void finish(void *arg, char const *sender, char const *r, size_t n, int64_t deadline,
                   struct inject_result *result)
{
  struct double_record const *body = &((struct double_world *)arg)->body;
  for (size_t i = 0; i < n; i += strlen(r + i) + 1) {
    NEED(!strpbrk(r + i, "\r\n"));
    double_keep(&recipients, r + i, strlen(r + i));
    double_keep(&recipients, "\n", 1);
  }
  NEED(!strpbrk(sender, "\r\n"));
  if (body->len < DOUBLE_KEPT) NEED(!memchr(body->s, '\r', body->len));
  double_finish(arg, sender, r, n, deadline, result);
}

static void run(struct double_world *d, struct server_facts const *f, unsigned how, char const *in, size_t n,
                size_t piece)
{
#define SAYS(text) { text, sizeof text }
  static struct { char const *s; size_t n; } const says[] = {
    SAYS("mechanisms=SCRAM-SHA-256 EXTERNAL\0user=bob"), { "", 0 }, { "x", 1 },
    SAYS("mechanisms=SCRAM-SHA-256\0user=b\0from=bob@hosted.example\0relay=0"),
  };
  static char const vars[] = "SSL_PROTOCOL=TLSv1.3\0SSL_CIPHER=TLS_X\0SSL_CLIENT_VERIFY=SUCCESS\0"
    "SSL_CLIENT_S_DN_CN=bob";
  memset(d, 0, offsetof(struct double_world, replies));
  d->canaries = d->checks = d->starttls = d->failures = 0;
  d->asked_checker.len = d->env.len = 0;
  d->waited = 0;
  d->checker = how & 1;
  d->tls = how & 2 ? how & 4 ? -1 : 1 : 0;
  d->canary = how & 8 ? 2 : 0;
  d->code = how >> 6;
  d->failures_max = 3;
  d->attributes = says[how >> 4 & 3].s;
  d->attributes_len = says[how >> 4 & 3].n;
  d->messages[0] = "r=x,s=y,i=1";
  d->messages[1] = "v=z";
  d->vars = vars;
  d->vars_len = sizeof vars;
  struct server_world world = double_world(d);
  world.finish = &finish;
  d->replies.len = d->taken.len = d->body.len = 0;
  d->replies.s[0] = d->taken.s[0] = d->body.s[0] = 0;
  d->writes = d->starts = d->finishes = d->aborts = d->misuses = 0;
  d->running = d->lost = 0;
  d->latest = 0;
  char const *under = memchr(in, 0xff, n);
  d->in = in;
  d->in_len = under ? (size_t)(under - in) : n;
  d->then = under ? under + 1 : 0;
  d->then_len = under ? n - d->in_len - 1 : 0;
  d->piece = piece;
  recipients.len = 0;
  recipients.s[0] = 0;
  server_run(f, &world);
  NEED(d->checking == CHECKER_COUNT && d->canaries <= 1 && (d->canary == 2 || !d->checks));
  NEED(!d->running && !d->misuses && d->starts == d->finishes + d->aborts);
  if (d->replies.len <= DOUBLE_KEPT) check_replies(d->replies.s);
  int login = d->checks && !d->code;
  if (!f->relayclient && !login && recipients.len <= DOUBLE_KEPT) check_stranger(&recipients);
  if (!f->tables) NEED(!d->starts);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  static struct table_set *tables[2];
  static struct double_world whole, pieces;
  if (size < 2) return 0;
  if (!tables[0]) tables[0] = rules(0), tables[1] = rules(1);
  struct server_facts f = { .tables = data[0] & 4 ? 0 : tables[data[0] >> 3 & 1], .lf_ok = data[0] & 1 };
  f.auth_clear = data[1] & 1;
  f.listener = data[0] & 32 ? LISTENER_SUBMISSION : "";
  if (data[0] & 2) f.relayclient = data[0] & 16 ? "@hosted.example" : "";
  run(&whole, &f, data[1], (char const *)data + 2, size - 2, 0);
  run(&pieces, &f, data[1], (char const *)data + 2, size - 2, 1 + (data[0] >> 5));
  NEED(whole.replies.len == pieces.replies.len && whole.taken.len == pieces.taken.len);
  if (!strstr(whole.replies.s, "334 P")) /* CRAM-MD5's challenge comes but once */
    NEED(!strcmp(whole.replies.s, pieces.replies.s));
  return 0;
}
