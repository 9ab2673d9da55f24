/* relay-send: schedules deliveries, retries and bounces of one queue. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/sgetopt.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include "parse/number.h"
#include "send/loop.h"
#include "send/spawner.h"
#include "send/syncer.h"
#include "slots/slots.h"
#include "table/damage.h"

#define USAGE "relay-send [-q QUEUE] [-r RULES] [-u UID:GID] [-U UID:GID] [-t SECONDS] [-R PROGRAM]"
#define SCAN 600      /* seconds between two scans of the queue */
#define SCAN_LEAST 1
#define SCAN_MOST 86400

struct options {
  char const *queue;
  char const *rules;
  struct identity own;
  struct spawner remote;
  uint64_t scan;
};

static void usage(void)
{
  strerr_dieusage(100, USAGE);
}

static void identity(struct identity *who, char const *arg)
{
  if (!identity_scan(who, arg)) usage();
}

static void read_options(struct options *o, int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  for (int opt; (opt = subgetopt_r(argc, argv, "q:r:u:U:t:R:", &l)) != -1;) switch (opt) {
    case 'q': o->queue = l.arg; break;
    case 'r': o->rules = l.arg; break;
    case 'u': identity(&o->own, l.arg); break;
    case 'U': identity(&o->remote.who, l.arg); break;
    case 't':
      if (number_scan(l.arg, strlen(l.arg), SCAN_MOST, &o->scan) != NUMBER_OK || o->scan < SCAN_LEAST) usage();
      break;
    case 'R': o->remote.program = l.arg; break;
    default: usage();
  }
  if (l.ind != argc) usage();
}

/* We leave the directory that a relative path starts from. Never freed. */
static char const *absolute(char const *path)
{
  stralloc sa = STRALLOC_ZERO;
  if (*path == '/') return path;
  char *here = getcwd(0, 0);
  if (!here || !stralloc_cats(&sa, here) || !stralloc_cats(&sa, "/") || !stralloc_catb(&sa, path, strlen(path) + 1))
    strerr_diefusys(111, "find the working directory");
  free(here);
  return sa.s;
}

/* One relay-send for a queue. The lock lasts as long as the process. */
static void lock_queue(char const *queue)
{
  int fd = open("mess", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) strerr_diefusys(111, "open ", queue, "/mess");
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK) strerr_dief(111, "another relay-send works on ", queue);
  strerr_diefusys(111, "lock ", queue, "/mess");
}

/* Descriptors 0 to 2 must not become something else. */
static void guard_descriptors(void)
{
  for (int fd; (fd = open("/dev/null", O_RDWR | O_CLOEXEC)) != -1;) {
    if (fd > 2) {
      close(fd);
      return;
    }
    if (fcntl(fd, F_SETFD, 0) < 0) break;
  }
  strerr_diefusys(111, "open /dev/null");
}

int main(int argc, char const *const *argv)
{
  PROG = "relay-send";
  char const *queue = getenv("RELAYQUEUE"), *rules = getenv("RELAYRULES"), *injector = getenv("QMAILQUEUE"),
    *reporter = getenv("RELAYBOUNCE");
  struct options o = {
    .queue = queue && *queue ? queue : SPOOL_DIR "/queue",
    .rules = rules && *rules ? rules : CONTROL_DIR "/rules.cdb",
    .remote = { .program = BIN_DIR "/relay-remote" },
    .scan = SCAN
  };
  read_options(&o, argc, argv);
  if ((o.own.set || o.remote.who.set) && geteuid()) strerr_dief(100, "-u and -U are root's");
  guard_descriptors();
  umask(077);
  o.rules = o.remote.rules = absolute(o.rules);
  o.queue = absolute(o.queue);
  if (strchr(o.remote.program, '/')) o.remote.program = absolute(o.remote.program);
  if (!geteuid() && !(o.own.set && o.remote.who.set)) strerr_warnw("runs as root: -u and -U would change that");
  struct loop_options l = { .rules = o.rules, .scan_every = (int64_t)o.scan };
  l.reporter = reporter && *reporter ? reporter : BIN_DIR "/relay-bounce";
  if (strchr(l.reporter, '/')) l.reporter = absolute(l.reporter);
  if (injector && strchr(injector, '/') && setenv("QMAILQUEUE", absolute(injector), 1) < 0)
    strerr_diefusys(111, "set QMAILQUEUE");
  l.refused = o.remote.refused = slots_memory(); /* without it each relay-remote knows its own alone */
  l.spawner = spawner_start(&o.remote, &l.spawner_pid);
  if (l.spawner < 0) strerr_diefusys(111, "start the spawner");
  if (identity_take(&o.own) < 0) strerr_diefusys(111, "become the queue's user");
  if (chdir(o.queue) < 0) strerr_diefusys(111, "chdir to ", o.queue);
  l.syncer = syncer_start(&l.syncer_pid, l.spawner);
  if (l.syncer < 0) strerr_diefusys(111, "start the syncer");
  lock_queue(o.queue);
  /* For relay-queue, which takes relay-bounce's reports. */
  if (setenv("RELAYQUEUE", o.queue, 1) < 0) strerr_diefusys(111, "set RELAYQUEUE");
  if (table_on_damage(0) < 0) strerr_diefusys(111, "catch signals");
  return loop(&l);
}
