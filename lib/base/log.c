/* The log: one line per event, key=value. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>
#include "base/log.h"
#include "codec/escape.h"

static int is_same(int fd, struct stat const *with)
{
  struct stat st;
  return fstat(fd, &st) == 0 && st.st_dev == with->st_dev && st.st_ino == with->st_ino;
}

static int is_client(struct stat const *log)
{
  return S_ISSOCK(log->st_mode) && (is_same(0, log) || is_same(1, log));
}

int log_is_client(void)
{
  struct stat st;
  return fstat(2, &st) == 0 && is_client(&st);
}

int log_sanitize(void)
{
  struct stat st;
  if (!fd_sanitize() || fstat(2, &st) < 0) return -1;
  if (!is_client(&st)) return 0;
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0) return -1;
  int r = dup2(null, 2);
  int e = errno;
  close(null);
  errno = e;
  return r < 0 ? -1 : 0;
}

/* Appends what fits, keeping room for the LF. */
static void put(struct log_line *l, char const *s, size_t len)
{
  size_t room = LOG_LINE - 1 - l->len;
  if (len > room) len = room;
  memcpy(l->s + l->len, s, len);
  l->len += len;
}

void log_start(struct log_line *l, char const *event)
{
  l->len = 0;
  if (PROG) {
    put(l, PROG, strlen(PROG));
    put(l, ": ", 2);
  }
  put(l, "event=", 6);
  put(l, event, strlen(event));
}

void log_bytes(struct log_line *l, char const *key, char const *value, size_t len)
{
  char escaped[CODEC_ESCAPED(64)];
  put(l, " ", 1);
  put(l, key, strlen(key));
  put(l, "=", 1);
  for (size_t piece; len; value += piece, len -= piece) {
    piece = len < 64 ? len : 64;
    put(l, escaped, codec_escape(escaped, value, piece));
  }
}

void log_str(struct log_line *l, char const *key, char const *value)
{
  if (value) log_bytes(l, key, value, strlen(value));
}

void log_num(struct log_line *l, char const *key, uint64_t value)
{
  char digits[20];
  size_t n = 0;
  do digits[sizeof digits - ++n] = (char)('0' + value % 10); while (value /= 10);
  log_bytes(l, key, digits + sizeof digits - n, n);
}

static int patience = LOG_PATIENCE;

void log_patience(int milliseconds)
{
  patience = milliseconds;
}

/* Is there room for a line? A pipe that is ready takes PIPE_BUF bytes, a whole line, without blocking (unless another
 * writer is faster). After one that was not, the next lines don't wait: who logs much would else stand still. */
static int ready(void)
{
  static int stalled;
  struct pollfd p = { .fd = 2, .events = POLLOUT };
  int r = poll(&p, 1, stalled ? 0 : patience);
  if (r < 0 && errno == EINTR) r = poll(&p, 1, 0);
  stalled = r == 0;
  return r > 0;
}

void log_end(struct log_line *l)
{
  l->s[l->len++] = '\n';
  if (!ready()) return;
  ssize_t ignored = write(2, l->s, l->len);
  (void)ignored;
}
