/* relay-smtpd: speaks SMTP with the client on descriptors 0 and 1, asks the rules about each recipient, hands
 * messages to a qmail-queue program. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/djbunix.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include "base/log.h"
#include "parse/number.h"
#include "policy/limits.h"
#include "smtp/server.h"
#include "table/damage.h"

#define USAGE "relay-smtpd [-r RULES] [-l NAME] [-b]"
#define DEFAULT_RULES CONTROL_DIR "/rules.cdb"

static void die_usage(void)
{
  strerr_dief2x(100, "usage: ", USAGE);
}

/* A checker would be asked by AUTH. To take one and never ask it would look like a login that works. */
static void die_checker(char const *checker)
{
  strerr_dief3x(100, "a checker was given (", checker,
                "), but logins are not supported yet: remove it from the command line");
}

struct options {
  char const *rules, *listener;
  int lf_ok;
};

static void options(struct options *o, int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  for (int opt; (opt = subgetopt_r(argc, argv, "r:l:b", &l)) != -1;) {
    switch (opt) {
      case 'r': o->rules = l.arg; break;
      case 'l': o->listener = l.arg; break;
      case 'b': o->lf_ok = 1; break;
      default: die_usage();
    }
  }
  if (l.ind < argc) die_checker(argv[l.ind]);
}

/* Some super-servers (inetd, xinetd) make the connection descriptor 2 as well: the log must not go to the client. */
static void sanitize(void)
{
  struct stat in, err;
  fd_sanitize();
  if (fstat(0, &in) < 0 || fstat(2, &err) < 0 || !S_ISSOCK(err.st_mode)) return;
  if (in.st_dev != err.st_dev || in.st_ino != err.st_ino) return;
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0 || dup2(null, 2) < 0) _exit(111);
  close(null);
}

/* The rules as relay-gate saw them. The descriptor was inherited, so it is looked at before it is trusted. */
static struct table_set *inherited_rules(char const *text)
{
  uint64_t fd;
  struct stat st;
  if (number_scan(text, strlen(text), 1 << 30, &fd) != NUMBER_OK) return errno = EINVAL, (struct table_set *)0;
  if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0 || fstat((int)fd, &st) < 0) return 0;
  if (!S_ISREG(st.st_mode)) return errno = EPROTO, (struct table_set *)0;
  return table_open_fd((int)fd);
}

/* Null when there are none, or when they are damaged: the session then answers 451. */
static struct table_set *open_rules(char const *path)
{
  char const *fd = getenv("RELAYRULESFD");
  struct table_set *t;
  if (!path && fd) t = inherited_rules(fd);
  else {
    if (!path) path = getenv("RELAYRULES");
    if (!path) path = DEFAULT_RULES;
    t = table_open(path);
  }
  if (!t) {
    struct log_line l;
    int e = errno;
    log_start(&l, "no-rules");
    log_str(&l, "rules", !path ? "RELAYRULESFD" : path);
    log_str(&l, "error", strerror(e));
    log_end(&l);
  }
  return t;
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

int main(int argc, char const *const *argv)
{
  static struct server_facts facts; /* the rules stay mapped until the end of the process */
  struct options o = { 0 };
  struct server_world world;
  struct server_fds fds;
  char name[256];
  char const *ip = getenv("TCPREMOTEIP");
  PROG = "relay-smtpd";
  options(&o, argc, argv);
  sanitize();
  inject_signals();
  if (table_on_damage(DAMAGE_SMTP) < 0) strerr_diefusys(111, "catch signals");
  facts.tables = open_rules(o.rules);
  if (!facts.tables) facts.name = host_name(name, sizeof name);
  facts.listener = o.listener;
  facts.lf_ok = o.lf_ok != 0;
  if (ip) ip_scan(&facts.client, ip, strlen(ip));
  facts.client_host = getenv("TCPREMOTEHOST");
  facts.client_info = getenv("TCPREMOTEINFO");
  facts.relayclient = getenv("RELAYCLIENT");
  facts.relayby = getenv("RELAYBY");
  facts.databytes = getenv("DATABYTES");
  server_world_fds(&world, &fds, 0, 1, limit_get(facts.tables, LIMIT_COMMAND_TIME), 0, o.rules);
  server_run(&facts, &world);
  server_world_close(&fds);
  return 0;
}
