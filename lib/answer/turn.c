/* Locks by which a question that comes back to us is found out. They are the descriptor's (not the process'), and end
 * with it. Two questions with the same 62 bits of a SHA-256 don't happen. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <skalibs/sha256.h>
#include "answer/turn.h"
#include "base/io.h"

#define FORMAT "posthouse turn 1"
#define SLICE 50      /* milliseconds between two looks */
#define DIGEST 32

static void digest_of(char out[DIGEST], char const *route, char const *address)
{
  SHA256Schedule h;
  sha256_init(&h);
  sha256_update(&h, FORMAT, sizeof FORMAT);
  sha256_update(&h, route, strlen(route) + 1);
  sha256_update(&h, address, strlen(address));
  sha256_final(&h, out);
}

/* Sets or lifts the lock on a byte. */
static int lock(int fd, int64_t at, short type)
{
  struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)at, .l_len = 1 };
  return fcntl(fd, F_OFD_SETLK, &l);
}

/* Behind the cache's end, where nothing else is. */
static int64_t byte_of(char const digest[DIGEST])
{
  uint64_t n = 0;
  for (size_t i = 0; i < 8; i++) n = n << 8 | (unsigned char)digest[i];
  return CACHE_BYTES + (int64_t)(n >> 2);
}

/* A name can be bound once. It is no file: it goes with the socket. */
static int bind_name(char const digest[DIGEST])
{
  static char const hex[] = "0123456789abcdef", start[] = "posthouse-turn-";
  struct sockaddr_un a = { .sun_family = AF_UNIX };
  size_t n = sizeof start - 1;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  memcpy(a.sun_path + 1, start, n);
  for (size_t i = 0; i < DIGEST; i++) {
    a.sun_path[1 + n++] = hex[(unsigned char)digest[i] >> 4];
    a.sun_path[1 + n++] = hex[digest[i] & 15];
  }
  if (bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)) == 0) return fd;
  close(fd);
  return -1;
}

static int try(struct turn *x, struct cache const *c, char const digest[DIGEST])
{
  if (c->fd >= 0) {
    *x = (struct turn){ c->fd, byte_of(digest) };
    if (lock(x->fd, x->at, F_WRLCK) == 0) return 1;
    if (errno == EAGAIN || errno == EACCES) return 0;
  }
  *x = (struct turn){ bind_name(digest), -1 };
  return x->fd >= 0;
}

int turn_take(struct turn *x, struct cache const *c, char const *route, char const *address, int64_t deadline,
              int *waited)
{
  struct timespec const slice = { 0, SLICE * 1000000 };
  char digest[DIGEST];
  int64_t end = io_now() + TURN_WAIT;
  digest_of(digest, route, address);
  *waited = 0;
  while (!try(x, c, digest)) {
    if (io_now() >= (end < deadline ? end : deadline)) return x->fd = -1, 0;
    nanosleep(&slice, 0);
    *waited = 1;
  }
  return 1;
}

void turn_end(struct turn *x)
{
  if (x->fd >= 0 && x->at >= 0) lock(x->fd, x->at, F_UNLCK);
  else if (x->fd >= 0) close(x->fd);
  x->fd = -1;
}
