/* A client and a queue for the session, both in memory: bytes in by pieces of any size, replies out, and an injector
 * that only writes down what it was given: `F<sender>T<recipient>...|body` for each message, `abort` for each one
 * given up. A checker says what it was told to, and writes down what it was asked; TLS is what it was before. */
#ifndef TESTS_SMTP_DOUBLE_H
#define TESTS_SMTP_DOUBLE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "checker/attributes.h"
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
  /* What the checker and the TLS side do */
  int checker;            /* there is one */
  int canary, code;       /* exit codes; -2: it can't be started */
  int stranger;           /* exit code for a name that was made up, 1 more; 0: it says 1, too */
  char const *attributes; /* what it says, and to the canary; attributes_len bytes */
  size_t attributes_len;
  char const *messages[3]; /* of SCRAM; null: none any more */
  uint32_t failures_max;  /* logins from the address that may fail; 0: any number */
  int tls;                /* 0: none, 1: it works, -1: it fails, -2: it is not there any more */
  char const *then;       /* what the client says under TLS; what it said before and nobody read is gone */
  size_t then_len;
  char const *vars;
  size_t vars_len;
  /* What came of it */
  struct double_record replies, taken, body, asked_checker, env, sheets;
  unsigned writes, starts, finishes, aborts, misuses, asked;
  unsigned canaries, probes, checks, starttls, exchanged;
  uint32_t failures;
  int64_t waited;         /* milliseconds behind failed logins */
  int probed;             /* what is checked is such a name */
  enum checker_mechanism checking; /* CHECKER_COUNT: nothing */
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

static inline void double_sheet(void *arg, char const *s, size_t n)
{
  struct double_world *d = arg;
  if (!d->running || d->lost || !n) d->misuses++;
  for (size_t i = 0; i < n; i++) double_keep(&d->sheets, s[i] ? s + i : "|", 1);
  double_keep(&d->sheets, ";", 1);
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

static inline int double_check_start(void *arg, enum checker_mechanism m)
{
  struct double_world *d = arg;
  int canary = m == CHECKER_CANARY;
  if (d->checking != CHECKER_COUNT || (!canary && d->canary != 1 && d->canary != 2)) d->misuses++;
  if (d->replies.len < d->due) d->misuses++;
  if ((canary ? d->canary : d->code) == -2) return errno = ENOENT, -1;
  d->checking = m;
  d->exchanged = 0;
  if (canary) d->canaries++;
  else d->checks++;
  return 0;
}

static inline void double_check_ask(void *arg, char const *s, size_t n)
{
  struct double_world *d = arg;
  char const *name = checker_name(d->checking);
  if (d->checking == CHECKER_COUNT || d->checking == CHECKER_SCRAM_SHA_256 || (d->checking == CHECKER_CANARY &&
    n)) d->misuses++;
  if (n > CHECKER_ASKED || !name) return;
  d->probed = n > 22 && !memcmp(s, "nobody", 6) && !s[22];
  if (d->probed) { /* something like a password, and the challenge of CRAM-MD5 */
    d->probes++;
    d->checks--;
    char const *challenge = memchr(s, '<', n);
    if (n != 22 + 1 + 32 + 1 + (challenge ? strcspn(challenge, ">") + 1 : 0) + 1) d->misuses++;
    if (!challenge != (d->checking != CHECKER_CRAM_MD5)) d->misuses++;
    return;
  }
  double_keep(&d->asked_checker, name, strlen(name));
  for (size_t i = 0; i < n; i++) double_keep(&d->asked_checker, s[i] ? s + i : "|", 1);
  double_keep(&d->asked_checker, ";", 1);
}

static inline ssize_t double_check_exchange(void *arg, char const *s, size_t n, char out[CHECKER_MESSAGE],
  int64_t deadline)
{
  struct double_world *d = arg;
  char const *message = d->exchanged < 3 ? d->messages[d->exchanged] : 0;
  double_deadline(d, deadline);
  if (d->checking != CHECKER_SCRAM_SHA_256 || n > CHECKER_MESSAGE) d->misuses++;
  double_keep(&d->asked_checker, "<", 1);
  double_keep(&d->asked_checker, s, n);
  d->exchanged++;
  if (!message) return -1;
  memcpy(out, message, strlen(message));
  return (ssize_t)strlen(message);
}

static inline void double_check_finish(void *arg, int64_t deadline, struct checker_answer *a)
{
  struct double_world *d = arg;
  double_deadline(d, deadline);
  if (d->checking == CHECKER_COUNT) d->misuses++;
  *a = (struct checker_answer){ .code = d->checking == CHECKER_CANARY ? d->canary : d->code };
  if (d->probed) a->code = d->stranger ? d->stranger - 1 : 1;
  d->probed = 0;
  if (a->code < 0 || a->code > 2) a->why = "exit-code";
  if (!attributes_scan(a, d->attributes, d->attributes_len)) a->code = -1, a->why = "attributes";
  d->checking = CHECKER_COUNT;
}

static inline void double_check_abort(void *arg)
{
  struct double_world *d = arg;
  if (d->checking == CHECKER_COUNT) d->misuses++;
  d->checking = CHECKER_COUNT;
}

static inline uint32_t double_check_begin(void *arg, struct ip const *client)
{
  struct double_world *d = arg;
  (void)client;
  if (d->failures_max && d->failures >= d->failures_max) return 0;
  return ++d->failures;
}

static inline void double_check_take_back(void *arg, struct ip const *client)
{
  struct double_world *d = arg;
  (void)client;
  if (!d->failures) d->misuses++;
  else d->failures--;
}

static inline void double_wait(void *arg, int64_t milliseconds)
{
  struct double_world *d = arg;
  if (milliseconds <= 0 || d->checking != CHECKER_COUNT) d->misuses++;
  d->waited += milliseconds;
}

static inline void double_set(void *arg, char const *name, char const *value)
{
  struct double_world *d = arg;
  if (d->running) d->misuses++;
  double_keep(&d->env, name, strlen(name));
  double_keep(&d->env, value ? "=" : "-", 1);
  if (value) double_keep(&d->env, value, strlen(value));
  double_keep(&d->env, " ", 1);
}

/* What the client says next is under TLS: no byte of it may have been read by then. */
static inline int double_tls(void *arg, stralloc *vars, int64_t deadline)
{
  struct double_world *d = arg;
  double_deadline(d, deadline);
  if (d->running || d->replies.len < 4) d->misuses++;
  d->starttls++;
  d->in = d->then;
  d->in_len = d->then ? d->then_len : 0;
  return d->tls < 0 || !stralloc_catb(vars, d->vars, d->vars_len) ? -1 : 0;
}

static inline int double_tls_there(void *arg)
{
  return ((struct double_world *)arg)->tls > -2;
}

/* The world for a session with d. */
static inline struct server_world double_world(struct double_world *d)
{
  static struct server_auth const auth = {
    &double_check_start, &double_check_ask, &double_check_exchange, &double_check_finish, &double_check_abort,
    &double_check_begin, &double_check_take_back, &double_wait
  };
  d->checking = CHECKER_COUNT;
  return (struct server_world){
    d, &double_read, &double_write, &double_id, &double_start, &double_body, &double_finish, &double_abort,
    &double_ask, &double_set, d->checker ? &auth : 0, d->tls ? &double_tls : 0, &double_tls_there,
    &double_sheet
  };
}

/* Runs a session. */
static inline void double_run(struct double_world *d, struct server_facts const *facts)
{
  struct server_world world = double_world(d);
  server_run(facts, &world);
  if (d->checking != CHECKER_COUNT) d->misuses++;
}

#endif
