/* A client and a queue for the session, both in memory: bytes in by pieces of any size, replies out, and an injector
 * that only writes down what it was given: `F<sender>T<recipient>...|body` for each message, `abort` for each one
 * given up. */
#ifndef TESTS_SMTP_DOUBLE_H
#define TESTS_SMTP_DOUBLE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "smtp/server.h"

#define DOUBLE_KEPT 65536 /* bytes that each of the records keeps; what is beyond counts only */

struct double_record { size_t len; char s[DOUBLE_KEPT + 1]; };

struct double_world {
  /* What the client does */
  char const *in;
  size_t in_len;
  size_t piece;           /* bytes that one read brings at most; 0: all */
  int silent;             /* errno of the read behind the last byte; 0: the end */
  int deaf;               /* errno of every write but the first `heard`; 0: none */
  unsigned heard;
  /* What the injector does */
  int start_errno;        /* not 0: it can't be started */
  unsigned slow;          /* milliseconds that it takes to end */
  struct inject_result result;
  size_t due;             /* bytes of replies that must have been sent when the network is asked */
  /* What came of it */
  struct double_record replies, taken, body;
  unsigned writes, starts, finishes, aborts, misuses, asked;
  int64_t latest;         /* the latest deadline that was given */
  int lost;               /* a write has failed: nobody hears what comes now */
  int running;
  int utf8;               /* of the last start */
};

static inline void double_keep(struct double_record *r, char const *s, size_t n)
{
  size_t room = r->len < DOUBLE_KEPT ? DOUBLE_KEPT - r->len : 0;
  if (room) memcpy(r->s + r->len, s, n < room ? n : room);
  r->len += n;
  r->s[r->len < DOUBLE_KEPT ? r->len : DOUBLE_KEPT] = 0;
}

static inline void double_deadline(struct double_world *d, int64_t deadline)
{
  if (deadline > d->latest) d->latest = deadline;
}

static inline ssize_t double_read(void *arg, char *buf, size_t len, int64_t deadline)
{
  struct double_world *d = arg;
  double_deadline(d, deadline);
  if (!len) d->misuses++;
  if (!d->in_len) return d->silent ? (errno = d->silent, -1) : 0;
  if (len > d->in_len) len = d->in_len;
  if (d->piece && len > d->piece) len = d->piece;
  memcpy(buf, d->in, len);
  d->in += len;
  d->in_len -= len;
  return (ssize_t)len;
}

static inline int double_write(void *arg, char const *s, size_t len, int64_t deadline)
{
  struct double_world *d = arg;
  double_deadline(d, deadline);
  if (d->lost) d->misuses++;
  if (d->deaf && d->writes >= d->heard) return d->lost = 1, errno = d->deaf, -1;
  d->writes++;
  double_keep(&d->replies, s, len);
  return 0;
}

static inline void double_id(void *arg, char out[STORE_ID + 1])
{
  struct double_world *d = arg;
  snprintf(out, STORE_ID + 1, "%022u", d->starts + 1);
}

static inline int double_start(void *arg, char const *id, int utf8)
{
  struct double_world *d = arg;
  (void)id;
  if (d->start_errno) return errno = d->start_errno, -1;
  if (d->running) d->misuses++;
  d->starts++;
  d->running = 1;
  d->utf8 = utf8;
  d->body.len = 0;
  return 0;
}

static inline void double_body(void *arg, char const *s, size_t len, int64_t deadline)
{
  struct double_world *d = arg;
  double_deadline(d, deadline);
  if (!d->running || d->lost) d->misuses++;
  double_keep(&d->body, s, len);
}

static inline void double_finish(void *arg, char const *sender, char const *recipients, size_t n, int64_t deadline,
                                 struct inject_result *r)
{
  struct double_world *d = arg;
  double_deadline(d, deadline);
  if (!d->running || d->lost) d->misuses++;
  if (d->slow) usleep(d->slow * 1000);
  d->running = 0;
  d->finishes++;
  double_keep(&d->taken, "F", 1);
  double_keep(&d->taken, sender, strlen(sender));
  for (size_t i = 0; i < n; i += strlen(recipients + i) + 1) {
    double_keep(&d->taken, "T", 1);
    double_keep(&d->taken, recipients + i, strlen(recipients + i));
  }
  double_keep(&d->taken, "|", 1);
  double_keep(&d->taken, d->body.s, d->body.len < DOUBLE_KEPT ? d->body.len : DOUBLE_KEPT);
  *r = d->result;
}

static inline void double_abort(void *arg)
{
  struct double_world *d = arg;
  if (!d->running) d->misuses++;
  d->running = 0;
  d->aborts++;
  double_keep(&d->taken, "abort", 5);
}

/* The network: a recipient's local part says what its next hop answers, a domain's first label where its mail goes:
 * yes (yes: 192.0.2.1), both (192.0.2.1 and 198.51.100.1), no; anything else is not known. */
static inline void double_ask(void *arg, enum ask_kind kind, char const *subject, int64_t deadline,
                              struct ask_answer *out)
{
  struct double_world *d = arg;
  double_deadline(d, deadline);
  d->asked++;
  if (d->replies.len < d->due) d->misuses++;
  memset(out, 0, sizeof *out);
  int both = kind == ASK_HOSTS && !strncmp(subject, "both", 4), yes = both || !strncmp(subject, "yes", 3);
  out->state = yes ? ANSWER_YES : !strncmp(subject, "no", 2) ? ANSWER_NO : ANSWER_UNKNOWN;
  if (!yes) memcpy(out->text, "the double says so", 19);
  else if (kind == ASK_HOSTS) {
    ip_scan(out->ip + out->n++, "192.0.2.1", 9);
    if (both) ip_scan(out->ip + out->n++, "198.51.100.1", 12);
  }
}

/* Runs a session. */
static inline void double_run(struct double_world *d, struct server_facts const *facts)
{
  struct server_world world = {
    d, &double_read, &double_write, &double_id, &double_start, &double_body, &double_finish, &double_abort,
    &double_ask
  };
  server_run(facts, &world);
}

#endif
