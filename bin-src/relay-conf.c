/* relay-conf: makes a control directory, a queue, caches, stamps' directory, and the services that run posthouse. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <skalibs/buffer.h>
#include <skalibs/strerr.h>

#include "conf/make.h"
#include "conf/options.h"
#include "conf/values.h"

static struct conf_options options;
static struct conf_accounts accounts;
static struct conf_values values;

static void die_usage(char const *why)
{
  strerr_warn(PROG, ": ", why);
  buffer_putsflush(buffer_2, conf_usage);
  _exit(100);
}

static void die_nomem(void)
{
  strerr_dief1x(111, "out of memory");
}

static void die_make(void)
{
  char const *path = conf_at.s ? conf_at.s : options.where;
  switch (errno) {
  case EEXIST:
    if (options.what & (CONF_STAMPS | CONF_POLICIES))
      strerr_dief2x(111, path, " is there, but is no directory, or one where everybody may have written something");
    strerr_dief2x(111, path, " is there already; nothing is overwritten");
  case EINVAL: strerr_dief2x(111, path, ": that format can't hold one of these names or paths");
  case EDOM: strerr_dief2x(111, path, ": a template is wrong");
  default: strerr_dief2sys(111, "can't make ", path);
  }
}

/* Looks an account up; null gives the one who runs us. */
static void find(struct conf_account *a, char const *name)
{
  static char number[24];
  errno = 0;
  struct passwd *p = name ? getpwnam(name) : getpwuid(geteuid());
  if (!p && name) strerr_dief2x(111, "no account ", name);
  snprintf(number, sizeof number, "%lu", (unsigned long)geteuid());
  a->name = name ? name : p ? strdup(p->pw_name) : number;
  a->uid = p ? p->pw_uid : geteuid();
  a->gid = p ? p->pw_gid : getegid();
  if (!a->name) die_nomem();
}

/* Takes the account that an option names, which must be there when there shall be accounts at all. */
static void account(struct conf_account *a, enum conf_option option, unsigned what, char const *name)
{
  if (!(options.what & what)) return;
  if (!options.value[option]) {
    char why[128];
    snprintf(why, sizeof why, "%s, please (or --one-user: everything runs as who starts it)", name);
    die_usage(why);
  }
  find(a, options.value[option]);
}

/* The group that may write stamps: no account, since each login comes as another user. */
static void find_stamp_group(void)
{
  char const *name = options.value[OPT_STAMP_GROUP];
  if (options.what != CONF_STAMPS && !(options.what == CONF_SYSTEMD && options.value[OPT_STAMPS])) return;
  if (!name) die_usage("--stamp-group, please (or --one-user: everything runs as who starts it)");
  struct group *g = getgrnam(name);
  if (!g) strerr_dief2x(111, "no group ", name);
  accounts.stamps.name = name;
  accounts.stamps.gid = g->gr_gid;
}

static void find_accounts(void)
{
  find(&accounts.one, 0);
  if (options.what == CONF_CONTROL) return;
  if (options.what == CONF_QUEUE && !options.value[OPT_QUEUE_USER]) return;
  if (options.what == CONF_CACHE && !options.value[OPT_USER]) return;
  if (options.what == CONF_POLICIES && !options.value[OPT_REMOTE_USER]) return;
  if (geteuid() || options.value[OPT_ONE_USER]) {
    strerr_warn(PROG, geteuid() ? ": not root: " : ": ", "everything is made for one user, ", accounts.one.name);
    return;
  }
  account(&accounts.user, OPT_USER, CONF_CHAIN | CONF_CACHE | CONF_TLS, "--user");
  account(&accounts.queue, OPT_QUEUE_USER, CONF_QUEUE | CONF_SEND | CONF_SYSTEMD, "--queue-user");
  account(&accounts.remote, OPT_REMOTE_USER, CONF_SEND | CONF_SYSTEMD | CONF_POLICIES, "--remote-user");
  account(&accounts.log, OPT_LOG_USER, CONF_RECEIVE | CONF_SEND | CONF_TLS
    | (options.value[OPT_SYSTEMD] ? 0 : CONF_SYNC), "--log-user");
  account(&accounts.tls, OPT_TLS_USER, options.value[OPT_TLS] ? CONF_TLS | CONF_SYSTEMD : CONF_TLS, "--tls-user");
  account(&accounts.sync, OPT_SYNC_USER, CONF_SYNC, "--sync-user");
  find_stamp_group();
}

static void kept(char const *path)
{
  strerr_warn(PROG, ": kept ", path);
}

/* Our host name, for `control`. */
static void find_me(void)
{
  static char name[HOST_NAME_MAX + 1];
  if (options.what != CONF_CONTROL) return;
  if (!options.me) {
    if (gethostname(name, sizeof name - 1)) strerr_dief1sys(111, "can't get the host name");
    options.me = name;
  }
  if (!strchr(options.me, '.')) strerr_warn(PROG, ": ", options.me, " is no full host name: put one into the file me");
}

/* The units of one listener, and those that it shares with others made before. */
static int make_systemd(void)
{
  if (conf_make_files(options.where, conf_systemd, values.v, 0)) return -1;
  if (conf_make_files(options.where, conf_systemd_send, values.v, kept)) return -1;
  if (options.value[OPT_STAMPS] && conf_make_files(options.where, conf_systemd_sweep, values.v, kept)) return -1;
  return options.value[OPT_TLS] ? conf_make_files(options.where, conf_systemd_tls, values.v, kept) : 0;
}

static int make(void)
{
  struct conf_account const *queue = &accounts.queue, *log = &accounts.log, *user = &accounts.user;
  struct conf_account const *remote = &accounts.remote;
  uid_t none = (uid_t)-1;
  switch (options.what) {
  case CONF_CONTROL: return conf_make_files(options.where, conf_control, values.v, kept);
  case CONF_QUEUE: return conf_make_queue(options.where, queue->name ? queue->uid : none, queue->gid);
  case CONF_CACHE: return conf_make_cache(options.where, user->name ? user->uid : none, user->gid);
  case CONF_POLICIES: return conf_make_policies(options.where, remote->name ? remote->uid : none, remote->gid);
  case CONF_RECEIVE:
    return conf_make_service(options.where, conf_receive, values.v, log->name ? log->uid : none, log->gid);
  case CONF_SEND: return conf_make_service(options.where, conf_send, values.v, log->name ? log->uid : none, log->gid);
  case CONF_TLS: return conf_make_service(options.where, conf_tls, values.v, log->name ? log->uid : none, log->gid);
  case CONF_STAMPS: return conf_make_stamps(options.where, accounts.stamps.name ? accounts.stamps.gid : (gid_t)-1);
  case CONF_SYNC:
    if (options.value[OPT_SYSTEMD]) return conf_make_files(options.where, conf_systemd_sync, values.v, 0);
    return conf_make_service(options.where, conf_sync, values.v, log->name ? log->uid : none, log->gid);
  case CONF_SYSTEMD: return make_systemd();
  default:
    if (conf_make_log(options.value[OPT_LOG], user->name ? user->uid : none, user->gid)) return -1;
    return conf_make_beside(options.where, conf_xinetd, values.v);
  }
}

int main(int argc, char const *const *argv)
{
  char problem[CONF_PROBLEM], cwd[PATH_MAX];
  PROG = "relay-conf";
  (void)argc;
  if (!getcwd(cwd, sizeof cwd)) strerr_dief1sys(111, "can't tell the working directory");
  char const *wrong = conf_options(&options, argv + 1, cwd, problem);
  if (wrong) die_usage(wrong);
  find_accounts();
  find_me();
  int is_text = !(options.what & (CONF_QUEUE | CONF_CACHE | CONF_STAMPS | CONF_POLICIES));
  if (is_text && !conf_values(&values, &options, &accounts)) die_nomem();
  if (make()) die_make();
  return 0;
}
