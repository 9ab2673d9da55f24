/* relay-pop-check: in the receiving chain, looks whether the client's address has a fresh stamp, says so in variables,
 * and runs the rest of the chain, whatever it has found. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <skalibs/exec.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include "base/log.h"
#include "gate/peer.h"
#include "parse/number.h"
#include "policy/pop.h"
#include "stamp/dir.h"
#include "stamp/store.h"
#include "table/chain.h"

#define USAGE "relay-pop-check [-r RULES] [DIR] PROG..."

struct check {
  char const *rules;      /* the option */
  struct ip client;
  uint32_t seconds;       /* how long a stamp is fresh */
  unsigned network : 1;   /* its network's counts, too */
  unsigned simple : 1;    /* a stamp is all that is asked for, so that other receivers can be told */
};

static void say(struct check const *c, char const *event, char const *why, char const *what, char const *error)
{
  struct log_line l;
  char ip[IP_TEXT] = "unknown";
  if (c->client.len) ip_fmt(ip, &c->client);
  log_start(&l, event);
  log_num(&l, "pid", (uint64_t)getpid());
  log_str(&l, "client", ip);
  log_str(&l, "why", why);
  log_str(&l, "what", what);
  log_str(&l, "error", error);
  log_end(&l);
}

/* A variable that can't be set is one that isn't there: nobody relays by it. Returns whether it is. */
static int set(struct check const *c, char const *name, char const *value)
{
  if (!setenv(name, value, 1)) return 1;
  unsetenv(name); /* what stood there says something else */
  say(c, "failed", "no-memory", name, 0);
  return 0;
}

/* Nobody can tell. `why` is also the log's word. */
static void unknown(struct check const *c, char const *why, char const *what, char const *error)
{
  set(c, "RELAYSTAMPFAIL", why);
  say(c, "no-answer", why, what, error);
}

/* What was set before us says nothing of this connection. */
static void forget(void)
{
  char const *by = getenv("RELAYBY");
  unsetenv("RELAYSTAMP");
  unsetenv("RELAYSTAMPUNTIL");
  unsetenv("RELAYSTAMPFAIL");
  if (!by || strncmp(by, "pop:", 4)) return;
  unsetenv("RELAYBY");
  unsetenv("RELAYCLIENT");
}

/* Behind relay-gate TCPREMOTEIP is true, and where a proxy stands before it the socket's peer is not the client. */
static void find_client(struct check *c)
{
  struct peer p;
  char const *text = getenv("TCPREMOTEIP");
  c->client.len = 0;
  if (getenv("RELAYRULESFD")) {
    if (!text || !ip_scan(&c->client, text, strlen(text))) c->client.len = 0;
  } else if (peer_learn(&p, 0) == 0) {
    c->client = p.remote;
  }
}

static sigjmp_buf out;

static void damaged(int sig)
{
  siglongjmp(out, sig);
}

/* Rules that are cut while they are mapped are answered by SIGBUS (table/damage.h); relay-smtpd will say more. */
static int look(struct pop_grant *g, struct table_set const *t)
{
  struct sigaction const sa = { .sa_handler = &damaged };
  if (sigaction(SIGBUS, &sa, 0) < 0 || sigsetjmp(out, 1)) return -1;
  int found = pop_find(g, t);
  return found || table_whole(t) ? found : -1;
}

/* The line of the rules. Returns 1, 0: there is none; -1 after telling that nobody can say. */
static int by_rules(struct check *c)
{
  struct pop_grant g;
  struct table_set *t = chain_rules(c->rules, 0, 1); /* has said why it can't be had */
  int found = t ? look(&g, t) : -1;
  if (found < 0) unknown(c, "no-rules", 0, 0);
  else if (found) {
    c->seconds = g.seconds;
    c->network = g.network;
    c->simple = !g.bound && !g.listeners_len;
  }
  signal(SIGBUS, SIG_DFL);
  table_close(t);
  return found;
}

/* In a chain without our rules: relay-ctrl's variable. */
static void by_default(struct check *c)
{
  char const *text = getenv("RELAY_CTRL_EXPIRY");
  uint64_t seconds = STAMP_SECONDS;
  if (text && (number_scan(text, strlen(text), POP_SECONDS_MOST, &seconds) != NUMBER_OK || !seconds)) {
    say(c, "warning", "no-seconds", "RELAY_CTRL_EXPIRY", 0);
    seconds = STAMP_SECONDS;
  }
  c->seconds = (uint32_t)seconds;
  c->simple = 1;
}

/* The stamp ends at `until`, by the clock that nobody sets; a session may be open longer. RELAYCLIENT without its mark
 * would be the gate's trust. */
static void tell(struct check const *c, char const *user, int64_t until)
{
  char by[4 + STAMP_USER] = "pop:", number[NUMBER_TEXT];
  char const *value = getenv("RELAY_CTRL_RELAYCLIENT");
  number_fmt(number, (uint64_t)until);
  if (!set(c, "RELAYSTAMPUNTIL", number) || !set(c, "RELAYSTAMP", user)) return;
  if (!c->simple || getenv("RELAYCLIENT")) return;
  strcpy(by + 4, user);
  if (set(c, "RELAYBY", by)) set(c, "RELAYCLIENT", value ? value : "");
}

static void ask(struct check const *c, char const *where)
{
  struct stamp s;
  char const *why;
  int failed = 0, dir = stamp_open(where, &why);
  if (dir < 0) {
    unknown(c, "no-directory", where, why);
    return;
  }
  for (int net = 0; net <= (int)c->network; net++) {
    enum stamp_found found = stamp_read(dir, &c->client, net, &s);
    if (found == STAMP_BAD) say(c, "warning", "no-stamp", net ? "network" : "address", 0);
    if (found == STAMP_FAILED) failed = errno;
    if (found != STAMP_FOUND) continue;
    struct clocks now = stamp_clocks(); /* after the look: a stamp that has just come is not from the future */
    int64_t age = stamp_age(&s, now.now, now.boot);
    if (age < 0 || age >= c->seconds || now.boot < 0) continue;
    close(dir);
    tell(c, s.user, now.boot + c->seconds - age);
    return;
  }
  close(dir);
  if (failed) unknown(c, "not-readable", where, strerror(failed));
}

int main(int argc, char const *const *argv)
{
  struct check c = { .rules = 0 };
  struct sigaction const ignore = { .sa_handler = SIG_IGN };
  struct sigaction pipe, size;
  subgetopt opt = SUBGETOPT_ZERO;
  PROG = "relay-pop-check";
  log_sanitize(); /* if that fails there is no log at worst */
  for (int o; (o = subgetopt_r(argc, argv, "r:", &opt)) != -1; ) {
    if (o == 'r') c.rules = opt.arg;
    else strerr_dieusage(100, USAGE);
  }
  argv += opt.ind;
  if (!*argv) strerr_dieusage(100, USAGE);
  char const *dir = stamp_dir(&argv);
  if (!*argv) strerr_dieusage(100, USAGE);
  sigaction(SIGPIPE, &ignore, &pipe); /* a log that nobody reads, or that is full: no reasons to die */
  sigaction(SIGXFSZ, &ignore, &size);
  forget();
  find_client(&c);
  if (!chain_has_rules(c.rules)) by_default(&c), ask(&c, dir);
  else if (by_rules(&c) > 0) ask(&c, dir);
  sigaction(SIGPIPE, &pipe, 0);
  sigaction(SIGXFSZ, &size, 0);
  exec(argv);
  say(&c, "failed", "no-program", *argv, strerror(errno));
  _exit(111);
}
