/* The message that a client sends. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "smtp/client_body.h"

/* Reads up to a block of the message from offset `at` of it. Returns bytes, 0 at the end, -1. */
static ssize_t read_file(struct client_body *b, uint64_t at)
{
  size_t want = b->len - at < CLIENT_BLOCK ? (size_t)(b->len - at) : CLIENT_BLOCK;
  size_t got = 0;
  while (got < want) {
    ssize_t r = pread(b->fd, b->buf + got, want - got, b->base + (off_t)(at + got));
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return -1;
    if (!r) return errno = EPROTO, -1;
    got += (size_t)r;
  }
  return (ssize_t)got;
}

static int open_file(struct client_body *b)
{
  for (uint64_t at = 0; at < b->len;) {
    ssize_t r = read_file(b, at);
    if (r < 0) return -1;
    client_wire_measure(&b->measure, b->buf, (size_t)r);
    at += (uint64_t)r;
    b->have = (size_t)r;
  }
  client_wire_measure_end(&b->measure);
  b->measured = 1;
  b->whole = b->kept = b->len <= CLIENT_BLOCK;
  return 0;
}

static ssize_t read_pipe(struct client_body *b, char *to, size_t room)
{
  return io_read(b->fd, to, room, io_now() + CLIENT_INPUT_TIME * 1000);
}

static int open_pipe(struct client_body *b)
{
  while (b->have < CLIENT_BLOCK) {
    ssize_t r = read_pipe(b, b->buf + b->have, CLIENT_BLOCK - b->have);
    if (r < 0) return -1;
    if (!r) {
      b->whole = b->measured = 1;
      break;
    }
    b->have += (size_t)r;
  }
  b->kept = 1;
  client_wire_measure(&b->measure, b->buf, b->have);
  if (b->measured) client_wire_measure_end(&b->measure);
  return 0;
}

int client_body_open(struct client_body *b, int fd, int64_t len)
{
  struct stat st;
  off_t here = 0;
  b->fd = fd;
  b->base = 0;
  b->len = b->at = 0;
  b->have = 0;
  b->measure = (struct client_measure){ .bytes = 0 };
  b->file = b->whole = b->measured = b->kept = 0;
  if (fstat(fd, &st) < 0) return -1;
  if (S_ISREG(st.st_mode) && (here = lseek(fd, 0, SEEK_CUR)) >= 0) {
    b->file = 1;
    if (len >= 0) b->len = (uint64_t)len;
    else {
      b->base = here;
      b->len = st.st_size > here ? (uint64_t)(st.st_size - here) : 0;
    }
    return open_file(b);
  }
  if (len >= 0) return errno = ESPIPE, -1;
  return open_pipe(b);
}

ssize_t client_body_next(struct client_body *b, char const **s)
{
  ssize_t r;
  *s = b->buf;
  if (b->kept && !b->at) r = (ssize_t)b->have;
  else if (b->whole) return 0;
  else if (b->file) r = b->at < b->len ? read_file(b, b->at) : 0;
  else {
    b->kept = 0;
    r = read_pipe(b, b->buf, CLIENT_BLOCK);
  }
  if (r > 0) b->at += (uint64_t)r;
  return r;
}

int client_body_rewind(struct client_body *b)
{
  if (b->at && !b->file && !b->kept) return -1;
  b->at = 0;
  return 0;
}
