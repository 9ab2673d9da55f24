/* relay-gate: learns who connects, asks the rules; denies, or sets the environment and runs the rest of the chain. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <skalibs/env.h>
#include <skalibs/exec.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include "base/io.h"
#include "base/log.h"
#include "gate/peer.h"
#include "parse/number.h"
#include "policy/gate.h"
#include "table/damage.h"

#define USAGE "relay-gate [-k] [-p] [-q] RULES PROG..."
#define REPLY_TIME 10000 /* milliseconds for a reply to leave */
#define PROXY_TIME 10000 /* milliseconds for a PROXY header to come */
#define RULES_FD 10      /* the rules' descriptor: out of the way of those that programs expect (3 to 6) */

struct gate {
  int keep, proxy, quiet;   /* the options */
  char const *path;         /* the rules */
  int fd;
  struct table_set *table;
  struct peer peer;
  struct record rule;
  stralloc modifs;
};

static void start_line(struct log_line *l, char const *event, struct gate const *g)
{
  char ip[IP_TEXT] = "unknown";
  if (g->peer.remote.len) ip_fmt(ip, &g->peer.remote);
  log_start(l, event);
  log_num(l, "pid", (uint64_t)getpid());
  log_str(l, "client", ip);
  if (g->peer.remote_port) log_num(l, "port", g->peer.remote_port);
}

static void end_line(struct log_line *l)
{
  if (!log_is_client()) log_end(l);
}

static void reply(char const *text)
{
  signal(SIGPIPE, SIG_IGN);
  io_write(1, text, strlen(text), io_now() + REPLY_TIME);
}

/* Something of ours failed: the client shall try again later. */
static void die_failed(struct gate const *g, char const *why, char const *what)
{
  struct log_line l;
  int e = errno;
  start_line(&l, "failed", g);
  log_str(&l, "why", why);
  log_str(&l, "what", what);
  if (e) log_str(&l, "error", strerror(e));
  end_line(&l);
  reply(GATE_SMTP_FAILED);
  _exit(111);
}

static void die_nomem(struct gate const *g)
{
  errno = ENOMEM;
  die_failed(g, "no-memory", 0);
}

static void die_denied(struct gate const *g)
{
  struct log_line l;
  char by[32] = "clients:";
  number_fmt(by + 8, g->rule.line);
  start_line(&l, "denied", g);
  log_str(&l, "host", g->peer.host);
  log_str(&l, "by", by);
  end_line(&l);
  if (!g->quiet) reply(GATE_SMTP_DENIED);
  _exit(0);
}

/* A proxy that says nothing, or something else than its header, is not answered: no client is there to read it. */
static void die_proxy(struct gate const *g)
{
  struct log_line l;
  int e = errno;
  start_line(&l, "failed", g);
  log_str(&l, "why", "proxy-header");
  log_str(&l, "error", e == EPROTO ? "malformed" : e == EPIPE ? "closed" : strerror(e));
  end_line(&l);
  _exit(111);
}

/* The open rules stay open for the chain: the whole connection sees one version of them. */
static void open_rules(struct gate *g)
{
  g->fd = open(g->path, O_RDONLY | O_NONBLOCK); /* a FIFO in its place must not hold the connection */
  if (g->fd < 0) die_failed(g, "no-rules", g->path);
  int high = fcntl(g->fd, F_DUPFD, RULES_FD);
  if (high >= 0) {
    close(g->fd);
    g->fd = high;
  }
  g->table = table_open_fd(g->fd);
  if (!g->table) die_failed(g, "no-rules", g->path);
}

/* Looks the rule up, and goes through its variables: a malformed one must be found before anything is decided. Returns
 * whether the rule sets `name`. */
static int find_rule(struct gate *g, char const *name)
{
  uint32_t pos = 0;
  char const *var;
  size_t len = strlen(name);
  int r, sets = 0;
  enum gate_verdict v = gate_find(g->table, &g->peer.remote, g->peer.host, g->peer.info, &g->rule);
  errno = 0;
  if (v == GATE_TEMPFAIL) die_failed(g, "corrupt-rules", g->path);
  while ((r = gate_variable(&g->rule, &pos, &var)) > 0) sets |= !strncmp(var, name, len) && var[len] == '=';
  if (r < 0) die_failed(g, "corrupt-rules", g->path);
  if (v == GATE_DENY) die_denied(g);
  return sets;
}

static void through_proxy(struct gate *g)
{
  struct proxy x;
  if (!find_rule(g, "RELAYPROXY")) return;
  if (peer_read_proxy(0, &x, io_now() + PROXY_TIME) < 0) die_proxy(g);
  peer_set_proxy(&g->peer, &x);
}

static void set_env(struct gate *g, int trusted)
{
  uint32_t pos = 0;
  char const *var;
  char number[NUMBER_TEXT], by[32] = "clients:";
  int ok = peer_env(&g->modifs, &g->peer);
  if (!g->keep) ok = ok && env_addmodif(&g->modifs, "RELAYCLIENT", 0) && env_addmodif(&g->modifs, "RELAYBY", 0);
  ok = ok && env_addmodif(&g->modifs, "RELAYSTAMP", 0) && env_addmodif(&g->modifs, "RELAYSTAMPUNTIL", 0)
    && env_addmodif(&g->modifs, "RELAYSTAMPFAIL", 0);
  number_fmt(number, (uint64_t)g->fd);
  ok = ok && env_addmodif(&g->modifs, "RELAYRULES", g->path) && env_addmodif(&g->modifs, "RELAYRULESFD", number);
  number_fmt(by + 8, g->rule.line);
  if (trusted) ok = ok && env_addmodif(&g->modifs, "RELAYBY", by);
  while (ok && gate_variable(&g->rule, &pos, &var) > 0) ok = stralloc_catb(&g->modifs, var, strlen(var) + 1);
  if (!ok) die_nomem(g);
}

int main(int argc, char const *const *argv)
{
  struct gate g = { .fd = -1, .modifs = STRALLOC_ZERO };
  subgetopt opt = SUBGETOPT_ZERO;
  PROG = "relay-gate";
  for (int c; (c = subgetopt_r(argc, argv, "kpq", &opt)) != -1; ) {
    if (c == 'k') g.keep = 1;
    else if (c == 'p') g.proxy = 1;
    else if (c == 'q') g.quiet = 1;
    else strerr_dieusage(100, USAGE);
  }
  if (argc - opt.ind < 2) strerr_dieusage(100, USAGE);
  argv += opt.ind;
  g.path = *argv++;
  if (!stralloc_ready(&g.modifs, 1024)) die_nomem(&g);
  if (table_on_damage(DAMAGE_SMTP) < 0) die_failed(&g, "no-signals", 0);
  if (peer_learn(&g.peer, 0) < 0) die_failed(&g, "no-peer", 0);
  open_rules(&g);
  if (g.proxy) through_proxy(&g);
  set_env(&g, find_rule(&g, "RELAYCLIENT"));
  mexec_m(argv, g.modifs.s, g.modifs.len);
  die_failed(&g, "no-program", *argv);
}
