/* Messages behind their length. */
#include "base/io.h"
#include "checker/frame.h"

static int read_all(int fd, char *s, size_t n, int64_t deadline)
{
  while (n) {
    ssize_t r = io_read(fd, s, n, deadline);
    if (r <= 0) return -1;
    s += r;
    n -= (size_t)r;
  }
  return 0;
}

ssize_t frame_read(int fd, char s[CHECKER_MESSAGE], int64_t deadline)
{
  unsigned char head[4];
  if (read_all(fd, (char *)head, sizeof head, deadline) < 0) return -1;
  size_t n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
  return n > CHECKER_MESSAGE || read_all(fd, s, n, deadline) < 0 ? -1 : (ssize_t)n;
}

int frame_write(int fd, char const *s, size_t n, int64_t deadline)
{
  char const head[4] = { 0, 0, (char)(n >> 8), (char)n };
  if (n > CHECKER_MESSAGE) return -1;
  return io_write(fd, head, sizeof head, deadline) < 0 || io_write(fd, s, n, deadline) < 0 ? -1 : 0;
}
