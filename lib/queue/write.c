/* Writing a message file: buffered, digested on the way, synced at the end (queue/store.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "queue/trailer.h"

#define PIECE 65536 /* bytes of one write */

struct store_writer {
  int fd;
  char id[STORE_ID + 1];
  uint64_t body;
  uint64_t envelope;
  unsigned within : 1;     /* in mid record: the envelope's next byte is no letter */
  unsigned parameters : 1; /* there has been a P */
  blake2s_ctx digest;
  size_t len;        /* bytes in buf */
  char buf[PIECE];
};

struct store_writer *store_create(char const *id)
{
  char path[STORE_PATH];
  struct store_writer *w = malloc(sizeof *w);
  if (!w) return 0;
  store_path(path, id);
  w->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (w->fd < 0) {
    int e = errno;
    free(w);
    errno = e;
    return 0;
  }
  memcpy(w->id, id, STORE_ID);
  w->id[STORE_ID] = 0;
  w->body = w->envelope = 0;
  w->within = w->parameters = 0;
  w->len = 0;
  blake2s_init(&w->digest, TRAILER_DIGEST);
  if (flock(w->fd, LOCK_EX | LOCK_NB) < 0) { /* nobody else looks at so young a file for longer than a moment */
    int e = errno == EWOULDBLOCK ? EEXIST : errno;
    store_abandon(w);
    errno = e;
    return 0;
  }
  return w;
}

char const *store_writer_id(struct store_writer const *w)
{
  return w->id;
}

static int flush(struct store_writer *w)
{
  int r = io_write_file(w->fd, w->buf, w->len);
  w->len = 0;
  return r;
}

static int put(struct store_writer *w, char const *s, size_t len)
{
  blake2s_update(&w->digest, s, len);
  while (len) {
    size_t n = PIECE - w->len;
    if (n > len) n = len;
    memcpy(w->buf + w->len, s, n);
    w->len += n;
    s += n;
    len -= n;
    if (w->len == PIECE && flush(w) < 0) return -1;
  }
  return 0;
}

int store_body(struct store_writer *w, char const *s, size_t len)
{
  if (memchr(s, 0, len)) return errno = EILSEQ, -1;
  w->body += len;
  return put(w, s, len);
}

/* Looks for a P. */
static void note_letters(struct store_writer *w, char const *s, size_t len)
{
  for (size_t i = 0; i < len;) {
    if (!w->within && s[i] == 'P') w->parameters = 1;
    char const *nul = memchr(s + i, 0, len - i);
    w->within = !nul;
    i = nul ? (size_t)(nul - s) + 1 : len;
  }
}

int store_envelope(struct store_writer *w, char const *s, size_t len)
{
  if (len > STORE_ENVELOPE - w->envelope) return errno = EFBIG, -1;
  w->envelope += len;
  note_letters(w, s, len);
  return put(w, s, len);
}

static int sync_file(int fd)
{
  int r;
  do r = fsync(fd); while (r < 0 && errno == EINTR);
  return r;
}

int store_commit(struct store_writer *w, unsigned flags)
{
  struct trailer t = { .version = w->parameters ? TRAILER_VERSION : 1, .body = w->body, .envelope = w->envelope,
    .arrival = (uint64_t)time(0), .flags = flags };
  char line[STORE_TRAILER], dir[STORE_PATH];
  blake2s_ctx state = w->digest; /* put() goes on reading into w's own */
  trailer_fmt(line, &t, &state);
  store_path(dir, w->id);
  dir[7] = 0;
  if (!put(w, line, sizeof line) && !flush(w) && !sync_file(w->fd) && !io_sync_dir(dir)) return 0;
  int e = errno;
  if (!ftruncate(w->fd, 0)) sync_file(w->fd); /* it may be whole, and its removal may not last: it must not come back */
  store_abandon(w);
  io_sync_dir(dir);
  errno = e;
  return -1;
}

void store_release(struct store_writer *w)
{
  close(w->fd);
  free(w);
}

void store_abandon(struct store_writer *w)
{
  store_remove(w->id);
  close(w->fd);
  free(w);
}
