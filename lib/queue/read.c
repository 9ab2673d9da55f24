/* Reading a message file: is it whole, who is it for, who has it (queue/store.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "queue/trailer.h"

#define TAIL 4096   /* bytes read first, from the end: most envelopes are within */
#define PIECE 65536 /* bytes of one read */

static int pread_all(int fd, char *s, size_t len, uint64_t at)
{
  while (len) {
    ssize_t r = pread(fd, s, len, (off_t)at);
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0) return r ? -1 : (errno = EIO, -1); /* it has become shorter under our eyes */
    s += r;
    len -= (size_t)r;
    at += (uint64_t)r;
  }
  return 0;
}

/* Compares the digest. Returns STORE_WHOLE, STORE_DAMAGED or STORE_ERROR. */
static enum store_state check(struct store_message const *m, struct trailer const *t)
{
  char line[STORE_TRAILER];
  struct trailer found;
  blake2s_ctx state;
  blake2s_init(&state, TRAILER_DIGEST);
  char *buf = malloc(PIECE);
  if (!buf) return STORE_ERROR;
  for (uint64_t at = 0; at < m->body;) {
    size_t n = m->body - at < PIECE ? (size_t)(m->body - at) : PIECE;
    if (pread_all(m->fd, buf, n, at) < 0) {
      int e = errno;
      free(buf);
      errno = e;
      return STORE_ERROR;
    }
    blake2s_update(&state, buf, n);
    at += n;
  }
  free(buf);
  for (size_t pos = 0; pos < m->envelope_len;) {
    size_t n = strlen(m->envelope + pos) + 1;
    blake2s_update(&state, !pos ? "F" : m->envelope[pos] == 'P' ? "P" : "T", 1);
    blake2s_update(&state, m->envelope + pos + 1, n - 1);
    pos += n;
  }
  trailer_fmt(line, t, &state);
  return trailer_scan(&found, line) && !memcmp(found.digest, t->digest, TRAILER_DIGEST) ? STORE_WHOLE : STORE_DAMAGED;
}

/* Reads trailer and envelope of m->fd, `size` bytes long. */
static enum store_state load(struct store_message *m, uint64_t size, int verify)
{
  char tail[TAIL];
  struct trailer t;
  size_t n = size < TAIL ? (size_t)size : TAIL;
  if (n < STORE_TRAILER) return STORE_UNFINISHED;
  if (pread_all(m->fd, tail, n, size - n) < 0) return STORE_ERROR;
  if (!trailer_scan(&t, tail + n - STORE_TRAILER)) return STORE_UNFINISHED;
  size -= STORE_TRAILER;
  n -= STORE_TRAILER;
  if (t.envelope > size || t.envelope > STORE_ENVELOPE || t.body != size - t.envelope) return STORE_DAMAGED;
  if (t.arrival > INT64_MAX / 2) return STORE_DAMAGED;
  m->body = t.body;
  m->arrival = (int64_t)t.arrival;
  m->flags = (unsigned)t.flags;
  m->envelope_len = (size_t)t.envelope;
  m->envelope = malloc(m->envelope_len + 1);
  if (!m->envelope) return STORE_ERROR;
  if (m->envelope_len <= n) memcpy(m->envelope, tail + n - m->envelope_len, m->envelope_len);
  else if (pread_all(m->fd, m->envelope, m->envelope_len, m->body) < 0) return STORE_ERROR;
  m->envelope[m->envelope_len] = 0;
  if (!trailer_envelope(m->envelope, m->envelope_len, t.version)) return STORE_DAMAGED;
  return verify ? check(m, &t) : STORE_WHOLE;
}

/* Opens it and takes the reader's lock. Returns STORE_WHOLE with m->fd, or why not. */
static enum store_state take(struct store_message *m, char const *id, int lock, struct stat *st)
{
  char path[STORE_PATH];
  store_path(path, id);
  m->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (m->fd < 0) switch (errno) {
    case ENOENT: return STORE_GONE;
    case ELOOP: case EISDIR: case ENXIO: return STORE_DAMAGED;
    default: return STORE_ERROR;
  }
  if (fstat(m->fd, st) < 0) return STORE_ERROR;
  if (!S_ISREG(st->st_mode)) return STORE_DAMAGED;
  if (flock(m->fd, lock | LOCK_NB) < 0) return errno == EWOULDBLOCK ? STORE_BUSY : STORE_ERROR;
  return STORE_WHOLE;
}

enum store_state store_open(struct store_message *m, char const *id, int verify)
{
  struct stat st;
  *m = (struct store_message){ .fd = -1, .mark_fd = -1 };
  memcpy(m->id, id, STORE_ID);
  enum store_state r = take(m, id, LOCK_SH, &st);
  if (r == STORE_WHOLE && fstat(m->fd, &st) < 0) r = STORE_ERROR; /* it may have grown until we had the lock */
  if (r == STORE_WHOLE) r = load(m, (uint64_t)st.st_size, verify);
  if (r == STORE_WHOLE) return r;
  int e = errno;
  store_close(m);
  errno = e;
  return r;
}

void store_close(struct store_message *m)
{
  if (m->fd >= 0) close(m->fd);
  if (m->mark_fd >= 0) close(m->mark_fd);
  free(m->envelope);
  *m = (struct store_message){ .fd = -1, .mark_fd = -1 };
}

char const *store_sender(struct store_message const *m)
{
  return m->envelope + 1;
}

char const *store_recipient(struct store_message const *m, size_t *pos, int *done, size_t *at)
{
  if (!*pos) *pos = strlen(m->envelope) + 1;
  if (*pos < m->envelope_len && m->envelope[*pos] == 'P') *pos += strlen(m->envelope + *pos) + 1; /* the last one's */
  if (*pos >= m->envelope_len) return 0;
  *at = *pos;
  *done = m->envelope[*at] == STORE_DONE;
  *pos += strlen(m->envelope + *at) + 1;
  return m->envelope + *at + 1;
}

char const *store_params(struct store_message const *m, size_t at)
{
  size_t next = at + strlen(m->envelope + at) + 1;
  return next < m->envelope_len && m->envelope[next] == 'P' ? m->envelope + next + 1 : "";
}

static void end_marks(struct store_message *m)
{
  int e = errno;
  close(m->mark_fd);
  m->mark_fd = -1;
  errno = e;
}

int store_note(struct store_message *m, size_t at, enum store_letter letter)
{
  ssize_t r;
  char byte = (char)letter;
  char path[STORE_PATH];
  store_path(path, m->id);
  m->envelope[at] = byte;
  if (m->mark_fd < 0) m->mark_fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (m->mark_fd < 0) return -1;
  do r = pwrite(m->mark_fd, &byte, 1, (off_t)(m->body + at)); while (r < 0 && errno == EINTR);
  if (r == 1) return 0;
  end_marks(m);
  return -1;
}

int store_mark(struct store_message *m, size_t at)
{
  return store_note(m, at, STORE_DONE);
}

int store_sync(struct store_message *m)
{
  int r;
  if (m->mark_fd < 0) return 0; /* nothing was marked */
  do r = fdatasync(m->mark_fd); while (r < 0 && errno == EINTR);
  end_marks(m);
  return r;
}

/* All of them: what a failed sync has lost, the kernel does not tell. */
int store_settle(struct store_message *m)
{
  size_t pos = 0, at;
  int done;
  while (store_recipient(m, &pos, &done, &at))
    if (m->envelope[at] != STORE_TODO && store_note(m, at, (enum store_letter)m->envelope[at]) < 0) return -1;
  return store_sync(m);
}

int store_remove(char const *id)
{
  char path[STORE_PATH];
  store_path(path, id);
  return unlink(path);
}

int store_sweep(char const *id, int64_t now)
{
  char tail[TAIL];
  struct store_message m = { .fd = -1, .mark_fd = -1 };
  struct stat st;
  int r = 0;
  enum store_state state = take(&m, id, LOCK_EX, &st); /* with it no injector works on the file */
  if (state == STORE_ERROR) r = -1;
  else if (state == STORE_WHOLE && st.st_mtime < now - STORE_STALE) {
    size_t n = st.st_size < TAIL ? (size_t)st.st_size : TAIL;
    r = pread_all(m.fd, tail, n, (uint64_t)st.st_size - n);
    if (!r && memchr(tail, 0, n)) errno = EBADMSG, r = -1;
    if (!r) r = store_remove(id) < 0 ? -1 : 1;
  }
  int e = errno;
  store_close(&m);
  errno = e;
  return r;
}
