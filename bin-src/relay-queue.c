/* relay-queue: makes one message durable, and tells relay-send. qmail-queue(8): the message on descriptor 0, the
 * envelope on descriptor 1, the verdict is the exit code. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <skalibs/strerr.h>
#include "base/io.h"
#include "queue/envelope.h"
#include "queue/sheet.h"
#include "queue/store.h"
#include "queue/wake.h"

#define LIFETIME 86400 /* seconds; qmail-queue(8). STORE_STALE is longer */
#define TRIES 10       /* IDs that may already exist */
#define PIECE 65536    /* bytes of one read */

enum verdict_code {
  EX_TOO_LONG = 11, EX_REFUSED = 31, EX_MEMORY = 51, EX_TIMEOUT = 52, EX_WRITE = 53, EX_READ = 54, EX_QUEUE = 62,
  EX_MESS = 64, EX_BUG = 81, EX_ENVELOPE = 91, EX_USAGE = 100
};

extern char **environ;

static struct store_writer *writer; /* the file in work; the signal handler removes it */
static char path[STORE_PATH];       /* its name; "" when there is none */

static void die(int code)
{
  if (writer) store_abandon(writer);
  _exit(code);
}

/* The code for a failed system call on the queue's files. */
static int system_code(int otherwise)
{
  switch (errno) {
    case ENOMEM: return EX_MEMORY;
    case ENOSPC: case EDQUOT: case EFBIG: case EROFS: case EIO: return EX_WRITE;
    case EILSEQ: return EX_REFUSED;
    default: return otherwise;
  }
}

static void on_signal(int sig)
{
  if (*path) { /* it may be whole already: what the caller takes for refused must not come back after a power cut */
    char dir[sizeof "mess/00"] = "";
    memcpy(dir, path, sizeof dir - 1);
    int fd = open(path, O_WRONLY);
    if (fd >= 0 && !ftruncate(fd, 0)) fsync(fd); /* for the removal may not last */
    if (unlink(path) < 0) _exit(EX_BUG);
    io_sync_dir(dir);
  }
  _exit(sig == SIGALRM ? EX_TIMEOUT : EX_BUG);
}

static sigset_t deadly; /* the signals after which the file is removed */

static void watch_signals(void)
{
  static int const list[] = {
    SIGALRM, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXCPU, SIGVTALRM, SIGPROF
  };
  struct sigaction act = { .sa_handler = on_signal };
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  sigemptyset(&deadly);
  for (unsigned i = 0; i < sizeof list / sizeof *list; i++) sigaddset(&deadly, list[i]);
  act.sa_mask = deadly;
  for (unsigned i = 0; i < sizeof list / sizeof *list; i++) sigaction(list[i], &act, 0);
  sigaction(SIGPIPE, &ignore, 0);
  sigaction(SIGXFSZ, &ignore, 0); /* a file that may grow no further is a write error */
  sigprocmask(SIG_UNBLOCK, &deadly, 0);
  alarm(LIFETIME);
}

/* Without descriptors 0 and 1 there is no message; a missing 2 must not become the message file. The sheet's becomes
 * descriptor 3: returns 3, or -1 when there is none. */
static int clean_descriptors(int sheet)
{
  if (fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0) _exit(EX_READ);
  if (fcntl(2, F_GETFD) < 0 && open("/dev/null", O_WRONLY) != 2) _exit(EX_READ);
  int first = sheet >= 3 && (sheet == 3 ? fcntl(3, F_GETFD) : dup2(sheet, 3)) >= 0 ? 4 : 3;
#ifdef SYS_close_range
  if (!syscall(SYS_close_range, (unsigned)first, ~0U, 0U)) return first == 4 ? 3 : -1;
#endif
  for (int fd = first; fd < 1024; fd++) close(fd);
  return first == 4 ? 3 : -1;
}

static size_t read_some(int fd, char *buf)
{
  ssize_t r;
  do r = read(fd, buf, PIECE); while (r < 0 && errno == EINTR);
  if (r < 0) die(EX_READ);
  return (size_t)r;
}

/* Has s a byte from 0x80 on? Eight at a time. */
static int eight_bit(char const *s, size_t len)
{
  uint64_t any = 0, v;
  for (; len >= sizeof v; s += sizeof v, len -= sizeof v) {
    memcpy(&v, s, sizeof v);
    any |= v;
  }
  unsigned char rest = 0;
  while (len--) rest |= (unsigned char)*s++;
  return (any & UINT64_C(0x8080808080808080)) || rest & 0x80;
}

static void create(char const *wish)
{
  char id[STORE_ID + 1];
  sigset_t old;
  for (unsigned i = 0; i < TRIES && !writer; i++) {
    if (!i && wish && store_id_valid(wish, strlen(wish))) memcpy(id, wish, sizeof id);
    else store_id(id);
    sigprocmask(SIG_BLOCK, &deadly, &old); /* the file and its name for the handler, or neither */
    writer = store_create(id);
    if (writer) store_path(path, id);
    int e = errno;
    sigprocmask(SIG_SETMASK, &old, 0);
    errno = e;
    if (!writer && errno != EEXIST) die(system_code(EX_MESS));
  }
  if (!writer) die(EX_MESS);
}

static unsigned copy_body(char *buf)
{
  unsigned flags = 0;
  for (size_t n; (n = read_some(0, buf));) {
    if (!flags && eight_bit(buf, n)) flags = STORE_FLAG_8BIT;
    if (store_body(writer, buf, n) < 0) die(system_code(EX_WRITE));
  }
  return flags;
}

static void copy_envelope(char *buf, int sheet)
{
  static struct sheet t;
  struct envelope e = ENVELOPE_ZERO;
  int begun = 0; /* the sheet is complete when the envelope begins */
  while (e.state < ENVELOPE_END) {
    size_t n = read_some(1, buf);
    if (!n) die(EX_READ); /* no final NUL: the caller has changed its mind, or died */
    n = envelope_feed(&e, buf, n);
    if (e.state == ENVELOPE_FORMAT) die(EX_ENVELOPE);
    if (e.state == ENVELOPE_LONG) die(EX_TOO_LONG);
    if (!begun && sheet_read(&t, sheet) < 0) die(system_code(EX_READ));
    begun = 1;
    if (sheet_envelope(&t, writer, buf, n) < 0) die(errno == EFBIG ? EX_REFUSED : system_code(EX_WRITE));
  }
  if (sheet_aliases(&t, writer) < 0) die(errno == EFBIG ? EX_REFUSED : system_code(EX_WRITE));
}

int main(int argc, char const *const *argv)
{
  static char buf[PIECE];
  PROG = "relay-queue";
  if (argc > 1) strerr_dieusage(EX_USAGE, "relay-queue <message 1<envelope");
  int raised = getauxval(AT_SECURE) != 0;
  char const *dir = raised ? 0 : getenv("RELAYQUEUE");
  char const *id = getenv("RELAYID");
  char const *utf8 = getenv("RELAYUTF8");
  unsigned flags = utf8 && !strcmp(utf8, "1") ? STORE_FLAG_UTF8 : 0;
  int sheet = clean_descriptors(sheet_descriptor());
  umask(077);
  watch_signals();
  if (chdir(dir && *dir ? dir : SPOOL_DIR "/queue") < 0) _exit(EX_QUEUE);
  create(id);
  environ = (char *[]){ 0 };
  flags |= copy_body(buf);
  copy_envelope(buf, sheet);
  char name[STORE_ID + 1];
  memcpy(name, store_writer_id(writer), sizeof name);
  if (store_commit(writer, flags) < 0) _exit(system_code(EX_WRITE));
  /* Up to here a signal removes the file, which nobody has seen. From here on it is queued, whatever comes. */
  sigprocmask(SIG_BLOCK, &deadly, 0);
  store_release(writer);
  wake(name);
  return 0;
}
