/* Timed input and output, and writes that last. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"

int64_t io_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until fd is ready for `events`. Returns 0, or -1 with errno. */
static int ready(int fd, short events, int64_t deadline)
{
  for (;;) {
    int64_t left = deadline - io_now();
    struct pollfd p = { .fd = fd, .events = events };
    int r = poll(&p, 1, left <= 0 ? 0 : left > 3600000 ? 3600000 : (int)left);
    if (r > 0) return 0;
    if (r < 0 && errno != EINTR) return -1;
    if (r == 0 && io_now() >= deadline) return errno = ETIMEDOUT, -1;
  }
}

ssize_t io_read(int fd, char *buf, size_t len, int64_t deadline)
{
  for (;;) {
    if (ready(fd, POLLIN, deadline) < 0) return -1;
    ssize_t r = read(fd, buf, len);
    if (r >= 0) return r;
    if (errno != EINTR && errno != EAGAIN) return -1;
  }
}

int io_write(int fd, char const *buf, size_t len, int64_t deadline)
{
  while (len) {
    if (ready(fd, POLLOUT, deadline) < 0) return -1;
    ssize_t w = write(fd, buf, len);
    if (w < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return -1;
    }
    buf += w;
    len -= (size_t)w;
  }
  return 0;
}

int io_write_file(int fd, char const *buf, size_t len)
{
  while (len) {
    ssize_t w = write(fd, buf, len);
    if (w < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    buf += w;
    len -= (size_t)w;
  }
  return 0;
}

int io_sync_dir(char const *dir)
{
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  int r;
  do r = fsync(fd); while (r < 0 && errno == EINTR);
  int e = errno;
  close(fd);
  errno = e;
  return r;
}

int io_slurp(char const *path, size_t max, char **data, size_t *len)
{
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  char *buf = 0;
  if (fstat(fd, &st) < 0) goto fail;
  if (S_ISDIR(st.st_mode)) { errno = EISDIR; goto fail; }
  size_t room = ((uintmax_t)st.st_size <= max ? (size_t)st.st_size : max) + 1, got = 0;
  for (;;) {
    if (got > max) { errno = EFBIG; goto fail; }
    char *bigger = realloc(buf, room + 1);
    if (!bigger) goto fail;
    buf = bigger;
    ssize_t r = read(fd, buf + got, room - got);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) goto fail;
    if (!r) break;
    got += (size_t)r;
    if (got == room) room = 2 * room + 4096;
  }
  buf[got] = 0;
  close(fd);
  *data = buf;
  *len = got;
  return 0;

fail:;
  int e = errno;
  free(buf);
  close(fd);
  errno = e;
  return -1;
}
