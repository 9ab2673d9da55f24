/* relay-smtpd: speaks SMTP with the client on descriptors 0 and 1, asks the rules about each recipient, hands
 * messages to a qmail-queue program. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include "base/log.h"
#include "parse/number.h"
#include "policy/limits.h"
#include "smtp/server.h"
#include "table/chain.h"
#include "table/damage.h"

#define USAGE "relay-smtpd [-r RULES] [-l NAME] [-b] [-a] [-A] [-C] [-D] [-m MECHANISMS] [CHECKER [ARGS...]]"
#define DEFAULT_RULES CONTROL_DIR "/rules.cdb"
#define DEFAULT_FAILURES SPOOL_DIR "/failures"

static void die_usage(void)
{
  strerr_dief2x(100, "usage: ", USAGE);
}

struct options {
  char const *rules;
  char const *const *checker;   /* null-terminated, perhaps nothing */
};

/* "plain,cram-md5": a set of 1U << mechanism. */
static unsigned mechanisms(char const *s)
{
  unsigned set = 0;
  for (size_t n; *s; s += n, s += *s == ',') {
    n = strcspn(s, ",");
    enum checker_mechanism m = checker_find(s, n);
    if (m == CHECKER_COUNT) strerr_dief2x(100, "unknown mechanism: ", s);
    set |= 1U << m;
  }
  if (!set) die_usage();
  return set;
}

static void options(struct options *o, struct server_facts *facts, int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  for (int opt; (opt = subgetopt_r(argc, argv, "r:l:baACDm:", &l)) != -1;) {
    switch (opt) {
      case 'r': o->rules = l.arg; break;
      case 'l': facts->listener = l.arg; break;
      case 'b': facts->lf_ok = 1; break;
      case 'a': facts->auth_clear = 1; break;
      case 'A': facts->auth_quiet = 1; break;
      case 'C': facts->challenge_first = 1; break;
      case 'D': facts->no_dsn = 1; break;
      case 'm': facts->mechanisms = mechanisms(l.arg); break;
      default: die_usage();
    }
  }
  o->checker = argv + l.ind;
}

/* For the greeting when no rules tell our name. */
static char const *host_name(char *buf, size_t size)
{
  char const *name = getenv("TCPLOCALHOST");
  if (name && *name) return name;
  if (gethostname(buf, size) < 0) return 0;
  buf[size - 1] = 0;
  return buf;
}

/* A stamp that doesn't say when it ends is none: it is not of our relay-pop-check. */
static void learn_stamp(struct server_facts *f)
{
  uint64_t until;
  char const *text = getenv("RELAYSTAMPUNTIL");
  if (!text || number_scan(text, strlen(text), INT64_MAX, &until) != NUMBER_OK) return;
  f->stamp = getenv("RELAYSTAMP");
  f->stamp_until = (int64_t)until;
}

/* Who the client is, as the programs before us say. Names of a login that somebody else made mean nothing here. */
static void learn(struct server_facts *f)
{
  static char const *const stale[] = { "SMTPAUTHUSER", "AUTHUSER", "AUTHPROTOCOL", "RELAYAUTHFD", "RELAYAUTHMECH" };
  char const *ip = getenv("TCPREMOTEIP");
  if (ip) ip_scan(&f->client, ip, strlen(ip));
  f->client_host = getenv("TCPREMOTEHOST");
  f->client_info = getenv("TCPREMOTEINFO");
  if (f->client_info) f->client_info = strdup(f->client_info); /* the variable will change */
  f->relayclient = getenv("RELAYCLIENT");
  f->relayby = getenv("RELAYBY");
  if (f->relayby && !strncmp(f->relayby, "pop:", 4)) f->relayclient = 0; /* relay-pop-check's, for receivers that know
                                                                            nothing of the next ones */
  learn_stamp(f);
  f->stamp_unknown = getenv("RELAYSTAMPFAIL") != 0;
  f->databytes = getenv("DATABYTES");
  for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) unsetenv(stale[i]);
}

/* A descriptor that a variable names: an open one that is not standard. Nobody behind us gets it. */
static int inherited(char const *name)
{
  uint64_t fd;
  char const *text = getenv(name);
  int ok = text && number_scan(text, strlen(text), 1 << 30, &fd) == NUMBER_OK && fd > 2
    && fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0;
  unsetenv(name);
  return ok ? (int)fd : -1;
}

/* Is there a provider of TLS (UCSPI-TLS)? Then nothing is under it yet, whatever other variables say. */
static int provider(int fds[3])
{
  static char const *const stale[] = { "SSL_PROTOCOL", "SSL_CIPHER", "SSL_CLIENT_VERIFY" };
  int there = getenv("SSLCTLFD") != 0;
  fds[0] = inherited("SSLCTLFD");
  fds[1] = inherited("SSLREADFD");
  fds[2] = inherited("SSLWRITEFD");
  for (size_t i = 0; there && i < sizeof stale / sizeof *stale; i++) unsetenv(stale[i]);
  return fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0;
}

/* TLS that began before us. */
static void learn_tls(struct server_facts *f)
{
  f->tls_protocol = getenv("SSL_PROTOCOL");
  f->tls_cipher = getenv("SSL_CIPHER");
  if (f->tls_protocol) f->tls_user = server_tls_user(getenv("SSL_CLIENT_VERIFY"), getenv("SSL_CLIENT_S_DN_CN"));
}

int main(int argc, char const *const *argv)
{
  static struct server_facts facts; /* the rules stay mapped until the end of the process */
  struct options o = { 0 };
  struct server_world world;
  struct server_fds fds;
  int tls[3];
  char name[256];
  char const *failures = getenv("RELAYFAILURES");
  PROG = "relay-smtpd";
  options(&o, &facts, argc, argv);
  if (log_sanitize() < 0) _exit(111);
  inject_signals();
  if (table_on_damage(DAMAGE_SMTP) < 0) strerr_diefusys(111, "catch signals");
  facts.tables = chain_rules(o.rules, DEFAULT_RULES, 0); /* null: the session then answers 451 */
  if (!facts.tables) facts.name = host_name(name, sizeof name);
  learn(&facts);
  server_world_fds(&world, &fds, 0, 1, limit_get(facts.tables, LIMIT_COMMAND_TIME), 0, o.rules);
  if (provider(tls)) server_world_tls(&world, &fds, tls);
  learn_tls(&facts);
  if (!failures || !*failures) failures = DEFAULT_FAILURES;
  if (*o.checker) server_world_auth(&world, &fds, o.checker, failures, facts.tables);
  server_run(&facts, &world);
  server_world_close(&fds);
  return 0;
}
