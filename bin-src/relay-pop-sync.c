/* relay-pop-sync: shares POP-before-SMTP stamps between machines through Redis or Valkey. */
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>
#include "base/log.h"
#include "share/share.h"

#define USAGE "relay-pop-sync [-n NODE] [-k KEYFILE] [-p PASSFILE] [-s SECONDS] [-t TLSDIR] [-x PREFIX] " \
  "DIR HOST[:PORT]|/SOCKET"
#define KEY_FILE CONTROL_DIR "/pop-sync.key"

static struct share_options options = { .prefix = SHARE_PREFIX, .seconds = STAMP_SECONDS };
static struct secure secure;
static struct secret key;

/* No image of a process that has keys is to be left on a disk. */
static void no_core(void)
{
  struct rlimit none = { 0, 0 };
  setrlimit(RLIMIT_CORE, &none);
}

static unsigned seconds(char const *s)
{
  unsigned n;
  if (!uint0_scan(s, &n) || !n || n > SHARE_SECONDS_MOST) strerr_dief(100, "not seconds that can be used: ", s);
  return n;
}

static void read_key(char const *path)
{
  int code;
  char const *wrong = secret_read(&key, path, ENTRY_KEY_LEAST, &code);
  if (wrong)
    strerr_dief(code, "the key ", path, " can't be used: ", wrong, " (32 bytes and more, nobody else's to read)");
  options.key = (struct entry_key){ key.s, key.len, options.prefix };
}

/* It is read again for each connection; what is wrong with it should be said at once. */
static void check_password(void)
{
  int code;
  struct secret s;
  struct password p;
  if (!options.password) return;
  char const *wrong = secret_read(&s, options.password, 1, &code);
  if (wrong) strerr_dief(code, "the password's file ", options.password, " can't be used: ", wrong);
  if (!secret_password(&p, &s))
    strerr_dief(100, "the password's file ", options.password, " has neither one line nor two");
  secret_wipe(&s);
}

static void find_node(void)
{
  static char name[STAMP_NODE];
  if (!options.node) {
    if (gethostname(name, sizeof name - 1) < 0) strerr_diefusys(111, "get the host's name");
    options.node = name;
  }
  if (!stamp_is_node(options.node, strlen(options.node)))
    strerr_dief(100, "not a node's name (letters, digits, . _ -; option -n): ", options.node);
}

static void start_tls(char const *dir)
{
  char const *wrong = secure_open(&secure, dir);
  if (wrong) strerr_dief(100, "no TLS with ", dir, ": ", wrong);
  options.secure = &secure;
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  char const *key_file = KEY_FILE, *tls = 0;
  PROG = "relay-pop-sync";
  for (int opt; (opt = subgetopt_r(argc, argv, "n:k:p:s:t:x:", &l)) != -1; ) {
    switch (opt) {
      case 'n': options.node = l.arg; break;
      case 'k': key_file = l.arg; break;
      case 'p': options.password = l.arg; break;
      case 's': options.seconds = seconds(l.arg); break;
      case 't': tls = l.arg; break;
      case 'x': options.prefix = l.arg; break;
      default: strerr_dieusage(100, USAGE);
    }
  }
  if (argc - l.ind != 2) strerr_dieusage(100, USAGE);
  options.dir = argv[l.ind];
  char const *wrong = where_scan(&options.where, argv[l.ind + 1]);
  if (wrong) strerr_dief(100, "where is the server? ", wrong, ": ", argv[l.ind + 1]);
  if (!where_is_prefix(options.prefix))
    strerr_dief(100, "not a prefix (1 to 64 letters, digits, . _ : -): ", options.prefix);
  if (log_sanitize() < 0) strerr_diefusys(111, "open standard descriptors");
  no_core();
  find_node();
  read_key(key_file);
  check_password();
  if (tls) start_tls(tls);
  int code = share_run(&options);
  secure_close(&secure);
  secret_wipe(&key);
  return code;
}
