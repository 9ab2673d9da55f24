/* Telling relay-send of a new message, through the queue's FIFO. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "base/io.h"
#include "queue/store.h"
#include "queue/wake.h"

void wake(char const *id)
{
  char line[STORE_ID + 1];
  int e = errno;
  memcpy(line, id, STORE_ID);
  line[STORE_ID] = '\n';
  int fd = open("trigger", O_WRONLY | O_NONBLOCK | O_CLOEXEC); /* ENXIO: nobody listens */
  if (fd >= 0) {
    int64_t deadline = io_now() + WAKE_PATIENCE;
    /* At most PIPE_BUF bytes: all or nothing (POSIX write()). */
    while (write(fd, line, sizeof line) < 0 && (errno == EAGAIN || errno == EINTR) && io_now() < deadline) {
      struct pollfd p = { .fd = fd, .events = POLLOUT };
      poll(&p, 1, WAKE_PATIENCE / 10);
    }
    close(fd);
  }
  errno = e;
}
