/* relay-bounce: composes a report on what became of a message (RFC 3464) and hands it to the injector. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <skalibs/random.h>
#include <skalibs/strerr.h>
#include "base/io.h"
#include "base/log.h"
#include "queue/inject.h"
#include "queue/store.h"
#include "report/compose.h"

#define USAGE "relay-bounce <message 1<records"
#define PATIENCE 3000000  /* milliseconds for the injector: less than relay-send's for us */
#define PIECE (57 * 1024) /* bytes of the message at a time */

enum { EX_REFUSED = 31, EX_MEMORY = 51, EX_READ = 54, EX_BUG = 81, EX_RECORDS = 91, EX_USAGE = 100 };

struct work {
  struct notice notice;
  struct compose compose;
  struct inject inject;
  int64_t deadline;
  stralloc text;       /* scratch */
};

static _Noreturn void die(int code, char const *why)
{
  struct log_line l;
  log_start(&l, "trouble");
  log_str(&l, "what", why);
  log_num(&l, "code", (uint64_t)code);
  log_end(&l);
  _exit(code);
}

static void read_records(stralloc *sa)
{
  for (;;) {
    if (sa->len > NOTICE_MOST) die(EX_RECORDS, "too many records");
    if (!stralloc_readyplus(sa, PIECE)) die(EX_MEMORY, "out of memory");
    ssize_t r = read(1, sa->s + sa->len, PIECE);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) die(EX_READ, "the records can't be read");
    if (!r) return;
    sa->len += (size_t)r;
  }
}

/* The message's bytes from `at` on; fewer than wanted at its end alone. */
static size_t read_message(struct notice const *n, uint64_t at, char *buf, size_t len)
{
  size_t have = 0;
  if (len > n->body - at) len = (size_t)(n->body - at);
  while (have < len) {
    ssize_t r = pread(0, buf + have, len - have, (off_t)(at + have));
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0) die(EX_READ, "the message can't be read");
    have += (size_t)r;
  }
  return have;
}

static void flush(struct work *w, int ok)
{
  if (!ok) {
    inject_abort(&w->inject);
    die(EX_MEMORY, "out of memory");
  }
  inject_body(&w->inject, w->text.s, w->text.len, w->deadline);
  w->text.len = 0;
}

static int eight(char const *s, size_t len)
{
  while (len--) if ((unsigned char)*s++ >= 0x80) return 1;
  return 0;
}

/* The header of `header` bytes, which buf holds, or the whole message. */
static void copy(struct work *w, char *buf, size_t header, enum compose_third which)
{
  struct notice const *n = &w->notice;
  if (which == COMPOSE_HEADERS) {
    flush(w, compose_copy(&w->text, n, buf, header));
    return;
  }
  for (uint64_t at = 0; at < n->body;) {
    size_t len = read_message(n, at, buf, PIECE);
    flush(w, compose_copy(&w->text, n, buf, len));
    at += len;
  }
}

static void say_refused(struct work const *w, struct inject_result const *r)
{
  struct log_line l;
  log_start(&l, "refused");
  log_str(&l, "id", w->notice.id);
  log_str(&l, "bounce", w->compose.id);
  log_num(&l, "code", (uint64_t)r->code);
  log_str(&l, "text", r->text);
  log_end(&l);
}

static int is_refusal(int code)
{
  return code >= 11 && code <= 40;
}

/* Returns the injector's code; any by which it refuses the report for good is one of qmail-queue's (11 to 40). */
static int report(struct work *w, char const *id, enum compose_third which)
{
  static char buf[COMPOSE_HEADER > PIECE ? COMPOSE_HEADER : PIECE];
  struct inject_result r;
  struct notice const *n = &w->notice;
  int utf8 = eight(n->sender, strlen(n->sender)); /* all else is ASCII */
  size_t header = compose_header(buf, read_message(n, 0, buf, COMPOSE_HEADER));
  w->compose.eight = which == COMPOSE_HEADERS ? eight(buf, header) : (n->flags & STORE_FLAG_8BIT) != 0;
  if (inject_start(&w->inject, 0, id, utf8) < 0)
    die(errno == ENOMEM ? EX_MEMORY : EX_BUG, "the injector can't be started");
  flush(w, compose_head(&w->text, &w->compose) && compose_words(&w->text, &w->compose)
    && compose_status(&w->text, &w->compose) && compose_third(&w->text, &w->compose, which));
  copy(w, buf, header, which);
  flush(w, compose_end(&w->text, &w->compose));
  inject_finish(&w->inject, "", n->sender, strlen(n->sender) + 1, w->deadline, &r);
  if (r.code) say_refused(w, &r);
  return r.kind == 'D' && !is_refusal(r.code) ? EX_REFUSED : r.code;
}

int main(int argc, char const *const *argv)
{
  static struct work w;
  char const *wish = getenv("RELAYID");
  char id[STORE_ID + 1], boundary[COMPOSE_BOUNDARY] = "=_";
  stralloc records = STRALLOC_ZERO;
  PROG = "relay-bounce";
  if (argc > 1) strerr_dieusage(EX_USAGE, USAGE);
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && (fd < 2 || open("/dev/null", O_WRONLY) != 2)) _exit(EX_READ);
  inject_signals();
  read_records(&records);
  int ok = notice_scan(&w.notice, records.s, records.len);
  if (ok <= 0) die(ok ? EX_MEMORY : EX_RECORDS, ok ? "out of memory" : "the records are not in order");
  if (wish && store_id_valid(wish, strlen(wish))) memcpy(id, wish, sizeof id);
  else store_id(id);
  memcpy(boundary + 2, id, STORE_ID);
  random_name(boundary + 2 + STORE_ID, 16); /* whoever wrote the message can't have known it */
  w.compose = (struct compose){ .notice = &w.notice, .id = id, .boundary = boundary, .now = time(0) };
  w.deadline = io_now() + PATIENCE;
  enum compose_third which = compose_which(&w.notice);
  int code = report(&w, id, which);
  return which == COMPOSE_WHOLE && is_refusal(code) ? report(&w, id, COMPOSE_HEADERS) : code;
}
