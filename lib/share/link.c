/* The two connections: setting up, keeping alive, losing them. */
#include <errno.h>
#include <string.h>
#include "base/io.h"
#include "share/work.h"

#define PATIENCE 10000   /* milliseconds for looking up, and for setting up */
#define PAUSE_LEAST 1000
#define PAUSE_MOST 30000
#define AGAIN 10000     /* after a refusal */
#define STEADY 10000     /* what was ready so long was no false start */
#define PING 5000
#define SILENCE 15000    /* neither an answer nor a ping's for so long: it is gone */

static void say(struct share const *x, char const *event, char const *why)
{
  struct log_line l;
  log_start(&l, event);
  log_str(&l, "server", x->o->where.arg);
  log_str(&l, "why", why);
  log_end(&l);
}

void link_close(struct share *x)
{
  resolve_abort(&x->resolve);
  wire_close(&x->command);
  wire_close(&x->listen);
  local_scan_end(x);
  x->catch_up.on = x->hello = x->subscribed = 0;
}

void link_fail(struct share *x, enum trouble what, char const *why)
{
  int64_t now = io_now();
  if (!(x->said & what)) say(x, what == TROUBLE_LOST ? "server-lost" : "server-refused", why);
  x->said |= what;
  if (x->state == STATE_READY && now - x->ready_since >= STEADY) x->pause = PAUSE_LEAST;
  link_close(x);
  x->state = STATE_PAUSED;
  x->until = now + x->pause;
  x->pause = x->pause * 2 < PAUSE_MOST ? x->pause * 2 : PAUSE_MOST;
}

void link_refused(struct share *x, char const *why)
{
  if (!(x->said & TROUBLE_REFUSED)) say(x, "server-refused", why);
  x->said |= TROUBLE_REFUSED;
  local_scan_end(x);
  x->local.again = io_now() + AGAIN;
}

void link_taken(struct share *x)
{
  if (!x->said || x->local.again) return;
  say(x, "server-back", 0);
  x->said = 0;
}

static int send1(struct wire *w, enum wire_due due, char const *command, char const *argument)
{
  struct wire_word const words[] = { { command, strlen(command) }, { argument, argument ? strlen(argument) : 0 } };
  return wire_send(w, due, words, argument ? 2 : 1);
}

/* The file is read each time: a new password needs no restart. */
static char const *log_in(struct share *x)
{
  struct secret s;
  struct password p;
  int code;
  char const *wrong = secret_read(&s, x->o->password, 1, &code);
  if (wrong) return wrong;
  if (!secret_password(&p, &s)) wrong = "the password's file has neither one line nor two";
  struct wire_word words[3] = { { "AUTH", 4 } };
  unsigned n = 1;
  if (p.user) words[n++] = (struct wire_word){ p.user, p.user_len };
  words[n++] = (struct wire_word){ p.word, p.word_len };
  if (!wrong && wire_send(&x->command, DUE_AUTH, words, n) < 0) wrong = x->command.why;
  if (!wrong && wire_send(&x->listen, DUE_AUTH, words, n) < 0) wrong = x->listen.why;
  secret_wipe(&s);
  return wrong;
}

static void set_up(struct share *x, struct ip const *ip)
{
  char channel[WHERE_PREFIX + sizeof SHARE_CHANNEL];
  char const *wrong = 0;
  x->state = STATE_SETUP;
  x->until = io_now() + PATIENCE;
  if (wire_open(&x->command, &x->o->where, ip, x->o->secure) < 0) return link_fail(x, TROUBLE_LOST, x->command.why);
  if (wire_open(&x->listen, &x->o->where, ip, x->o->secure) < 0) return link_fail(x, TROUBLE_LOST, x->listen.why);
  if (x->o->password && (wrong = log_in(x))) return link_fail(x, TROUBLE_REFUSED, wrong);
  strcpy(stpcpy(channel, x->o->prefix), SHARE_CHANNEL);
  if (send1(&x->command, DUE_HELLO, "PING", 0) < 0) return link_fail(x, TROUBLE_LOST, x->command.why);
  if (send1(&x->listen, DUE_NOTHING, "SUBSCRIBE", channel) < 0) link_fail(x, TROUBLE_LOST, x->listen.why);
}

static void start(struct share *x)
{
  if (x->o->where.path || x->o->where.ip.len) return set_up(x, &x->o->where.ip);
  x->state = STATE_LOOKUP;
  x->until = io_now() + PATIENCE;
  if (resolve_start(&x->resolve, x->o->where.name) < 0) link_fail(x, TROUBLE_LOST, strerror(errno));
}

void link_resolved(struct share *x)
{
  struct ip ip[RESOLVE_MOST];
  char const *why;
  unsigned n = resolve_finish(&x->resolve, ip, &why);
  if (n) set_up(x, &ip[x->tries++ % n]);
  else link_fail(x, TROUBLE_LOST, why);
}

static void ping(struct share *x, int64_t now)
{
  struct wire *c = &x->command, *l = &x->listen;
  if (now - c->heard >= SILENCE || now - l->heard >= SILENCE) return link_fail(x, TROUBLE_LOST, "no answer");
  if (now - x->pinged < PING) return;
  x->pinged = now;
  if (wire_room(c) && send1(c, DUE_PONG, "PING", 0) < 0) return link_fail(x, TROUBLE_LOST, c->why);
  if (send1(l, DUE_NOTHING, "PING", 0) < 0) link_fail(x, TROUBLE_LOST, l->why);
}

void link_turn(struct share *x, int64_t now)
{
  if (x->state == STATE_READY) ping(x, now);
  else if (now < x->until) return;
  else if (x->state == STATE_PAUSED) start(x);
  else link_fail(x, TROUBLE_LOST, "no answer");
}

static void ready(struct share *x)
{
  if (!x->hello || !x->subscribed || x->state != STATE_SETUP) return;
  x->state = STATE_READY;
  x->ready_since = x->pinged = io_now();
  if (!x->known) say(x, "ready", 0);
  else say(x, "server-back", 0);
  x->known = 1;
  x->said = 0;
  catch_up_begin(x);
  local_scan(x);
}

/* An error is the server's word: what we are refused while we set up, or altogether. */
static void command_reply(struct share *x, redisReply const *r)
{
  enum wire_due due = wire_due(&x->command);
  int error = r->type == REDIS_REPLY_ERROR;
  if (error && due != DUE_ENTRY && due != DUE_SET && due != DUE_PUBLISH) return link_fail(x, TROUBLE_REFUSED, r->str);
  switch (due) {
  case DUE_HELLO: x->hello = 1; ready(x); break;
  case DUE_SCAN: catch_up_keys(x, r); break;
  case DUE_ENTRY: catch_up_entry(x, r); break;
  case DUE_PUBLISH: if (error) link_refused(x, r->str); break;
  case DUE_SET:
    if (error) link_refused(x, r->str);
    else link_taken(x);
    break;
  case DUE_NOTHING: link_fail(x, TROUBLE_LOST, "an answer to nothing"); break;
  default: break;
  }
}

static int is_word(redisReply const *r, char const *word)
{
  return r->type == REDIS_REPLY_STRING && r->len == strlen(word) && !memcmp(r->str, word, r->len);
}

static void listen_reply(struct share *x, redisReply const *r)
{
  if (r->type == REDIS_REPLY_ERROR) return link_fail(x, TROUBLE_REFUSED, r->str);
  if (r->type != REDIS_REPLY_ARRAY || r->elements != 3) return; /* to AUTH, to PING */
  if (is_word(r->element[0], "subscribe")) {
    x->subscribed = 1;
    ready(x);
  } else if (is_word(r->element[0], "message") && r->element[2]->type == REDIS_REPLY_STRING) {
    news_take(x, r->element[2]->str, r->element[2]->len);
  }
}

static void io(struct share *x, struct wire *w, short revents, void (*take)(struct share *, redisReply const *))
{
  redisReply *r;
  int got = 0;
  if (!w->c || !revents) return;
  int bad = wire_turn(w, revents) < 0;
  /* what it has said before it went is heard: why, perhaps */
  while (w->c && (got = wire_reply(w, &r)) > 0) {
    take(x, r);
    freeReplyObject(r);
  }
  if (w->c && (bad || got < 0)) link_fail(x, TROUBLE_LOST, w->why);
}

void link_io(struct share *x, short command, short listen)
{
  io(x, &x->command, command, &command_reply);
  io(x, &x->listen, listen, &listen_reply);
}
