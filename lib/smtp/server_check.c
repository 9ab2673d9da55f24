/* Asking the checker, and what its answer means. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "base/io.h"
#include "smtp/server_session.h"

#define DELAY 500    /* milliseconds behind the first failed login; each further one doubles it */
#define DOUBLINGS 5

static int64_t auth_deadline(struct session const *s)
{
  int64_t deadline = io_now() + s->auth_time;
  return deadline < s->end ? deadline : s->end;
}

int login_canary(struct session *s)
{
  struct server_auth const *auth = s->world->auth;
  void *arg = s->world->arg;
  struct checker_answer a = { .code = -1 };
  if (s->canary) return s->canary == CANARY_GOOD;
  s->canary = CANARY_BAD;
  if (session_flush(s, session_deadline(s)) < 0) return 0;
  if (auth->start(arg, CHECKER_CANARY) < 0) {
    session_log_checker(s, CHECKER_CANARY, "not-started", -1, strerror(errno));
    return 0;
  }
  auth->ask(arg, 0, 0);
  auth->finish(arg, auth_deadline(s), &a);
  stralloc_free(&a.from);
  if (a.code == 1 || a.code == 2) {
    s->canary = CANARY_GOOD;
    s->mechanisms = a.mechanisms;
    s->proven = a.knows_us;
    return 1;
  }
  session_log_checker(s, CHECKER_CANARY, a.code ? a.why : "always-yes", a.code, 0);
  return 0;
}

/* A failed login: counted, and answered late, if there is still somebody to answer. */
static void failed(struct session *s, enum checker_mechanism m, struct piece const *user, uint32_t count)
{
  unsigned times = s->logins_failed > count ? s->logins_failed : count ? count - 1 : 0;
  int64_t wait = (int64_t)DELAY << (times < DOUBLINGS ? times : DOUBLINGS), left = s->end - io_now();
  s->logins_failed++;
  session_log_login(s, m, "refused", user->s, user->len);
  if (wait > left) wait = left;
  if (wait > 0 && s->state != STATE_OVER) s->world->auth->wait(s->world->arg, wait);
}

/* 1 is checkpassword's no; 100 is that of cvm-checkpassword, and with qmail's programs the word for `never`. */
static int is_no(int code)
{
  return code == 1 || code == 100;
}

/* What the checker's answer means. a->from is freed or taken. */
static enum reply judge(struct session *s, enum checker_mechanism m, struct piece const *user, uint32_t count,
                        struct checker_answer *a)
{
  if (!a->code && !*a->user) {
    if (m == CHECKER_SCRAM_SHA_256 || user->len >= sizeof a->user) a->code = -1, a->why = "no-user";
    else memcpy(a->user, user->s, user->len);
  }
  if (!is_no(a->code)) s->world->auth->take_back(s->world->arg, &s->relay.client);
  if (!a->code) {
    login_set(s, m, a->user, a);
    session_log_login(s, m, "accepted", s->user, strlen(s->user));
    return REPLY_LOGGED_IN;
  }
  stralloc_free(&a->from);
  if (is_no(a->code)) return failed(s, m, user, count), REPLY_CREDENTIALS;
  session_log_checker(s, m, a->why ? a->why : "misused", a->code, 0);
  return REPLY_CHECKER;
}

/* Starts it for a login. REPLY_NONE: it runs, and must be finished. */
static enum reply begin(struct session *s, enum checker_mechanism m, uint32_t *count)
{
  struct server_auth const *auth = s->world->auth;
  if (session_flush(s, session_deadline(s)) < 0) return REPLY_CHECKER;
  *count = auth->begin(s->world->arg, &s->relay.client);
  if (!*count) return REPLY_LOGINS_PAUSED;
  if (auth->start(s->world->arg, m) == 0) return REPLY_NONE;
  session_log_checker(s, m, "not-started", -1, strerror(errno));
  auth->take_back(s->world->arg, &s->relay.client);
  return REPLY_CHECKER;
}

/* Puts together what goes to descriptor 3. Returns its bytes, 0 when nobody can be meant. */
static size_t compose(char out[CHECKER_ASKED], enum checker_mechanism m, struct piece const what[3])
{
  size_t n = 0;
  if (!sasl_user(&what[0], CHECKER_USER - 1) || (!what[1].len && m != CHECKER_EXTERNAL)) return 0;
  for (size_t i = 0; i < 3; i++) {
    if (what[i].len >= CHECKER_ASKED - n) return 0;
    memcpy(out + n, what[i].s, what[i].len);
    n += what[i].len;
    out[n++] = 0;
  }
  return n;
}

/* Before the first yes of a checker that doesn't know us is believed: would it say yes to somebody who can't exist as
 * well? Returns null if not, or why its yes is none. A checker that names its mechanisms has said no to the canary
 * for a reason. */
static char const *doubt(struct session *s, enum checker_mechanism m, struct piece const what[3])
{
  struct server_auth const *auth = s->world->auth;
  char name[] = "nobody0123456789abcdef", secret[33], asked[CHECKER_ASKED];
  unsigned char random[24];
  struct piece probe[3] = { { name, sizeof name - 1 }, { secret, sizeof secret - 1 }, what[2] };
  struct checker_answer a = { .code = -1 };
  if (s->proven) return 0;
  if (getrandom(random, sizeof random, 0) != sizeof random) return "no-random";
  for (size_t i = 0; i < 8; i++) sprintf(name + 6 + 2 * i, "%02x", random[i]);
  for (size_t i = 0; i < 16; i++) sprintf(secret + 2 * i, "%02x", random[8 + i]);
  if (m == CHECKER_CRAM_MD5 && s->facts->challenge_first) probe[2] = probe[1], probe[1] = what[1];
  size_t n = compose(asked, m, probe);
  if (!n || auth->start(s->world->arg, m) < 0) return "not-started";
  auth->ask(s->world->arg, asked, n);
  auth->finish(s->world->arg, auth_deadline(s), &a);
  stralloc_free(&a.from);
  if (a.code < 0) return a.why;
  s->proven = a.code > 0; /* trouble is no yes either */
  if (!s->proven) s->canary = CANARY_BAD;
  return s->proven ? 0 : "always-yes";
}

enum reply login_check(struct session *s, enum checker_mechanism m, struct piece const what[3])
{
  char asked[CHECKER_ASKED];
  struct checker_answer a = { .code = 1 };
  uint32_t count = 0;
  size_t n = compose(asked, m, what);
  if (!n && !(count = s->world->auth->begin(s->world->arg, &s->relay.client))) return REPLY_LOGINS_PAUSED;
  enum reply no = n ? begin(s, m, &count) : REPLY_NONE;
  if (n && !no) {
    s->world->auth->ask(s->world->arg, asked, n);
    s->world->auth->finish(s->world->arg, auth_deadline(s), &a);
    if (!a.code && (a.why = doubt(s, m, what))) a.code = -1;
  }
  explicit_bzero(asked, sizeof asked);
  return no ? no : judge(s, m, &what[0], count, &a);
}

/* For the log alone: the name in the client's first message, `n,,n=NAME,r=...` (RFC 5802 7). */
static struct piece scram_name(struct response const *r)
{
  char const *at = r->len > 5 ? memmem(r->s, r->len, ",n=", 3) : 0;
  if (!at) return (struct piece){ "", 0 };
  at += 3;
  size_t left = r->len - (size_t)(at - r->s);
  char const *comma = memchr(at, ',', left);
  return (struct piece){ at, comma ? (size_t)(comma - at) : left };
}

/* First message in, challenge out; last message in, the server's own proof out, which the client confirms by an empty
 * response (RFC 4954 4). REPLY_NONE: the program's end says the rest. */
static enum reply scram_messages(struct session *s, struct response *r)
{
  char out[CHECKER_MESSAGE];
  for (int round = 0; round < 2; round++) {
    if (r->len > CHECKER_MESSAGE) return REPLY_BASE64;
    ssize_t n = s->world->auth->exchange(s->world->arg, r->s, r->len, out, auth_deadline(s));
    if (n < 2 || !memcmp(out, "e=", 2)) return REPLY_NONE;
    enum reply no = response_get(s, r, out, (size_t)n);
    if (no) return no;
  }
  return r->len ? REPLY_BASE64 : REPLY_NONE;
}

enum reply login_scram(struct session *s, struct response *r)
{
  char name[CHECKER_USER];
  struct checker_answer a = { .code = -1 };
  uint32_t count;
  struct piece user = scram_name(r);
  if (r->len > CHECKER_MESSAGE) return REPLY_BASE64;
  if (user.len > sizeof name) user.len = sizeof name;
  memcpy(name, user.s, user.len);
  user.s = name;
  enum reply no = begin(s, CHECKER_SCRAM_SHA_256, &count);
  if (no) return no;
  no = scram_messages(s, r);
  if (no) {
    s->world->auth->abort(s->world->arg);
    failed(s, CHECKER_SCRAM_SHA_256, &user, count); /* nobody knows how right the client was */
    return no;
  }
  s->world->auth->finish(s->world->arg, auth_deadline(s), &a);
  return judge(s, CHECKER_SCRAM_SHA_256, &user, count, &a);
}
