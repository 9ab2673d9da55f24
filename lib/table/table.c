/* Reading rules.cdb. skalibs' cdb keeps its own reads within the map; what it takes on trust is guarded here: the hash
 * tables' places (so that probing wraps where it should and ends) and the length of what it found. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/stat.h>
#include <skalibs/cdb.h>
#include <skalibs/uint32.h>
#include "table/table.h"

#define HEADER 2048 /* bytes of a cdb's header: 256 hash tables, place and slots of each */
#define FD_LEAST 10 /* our descriptors stay out of the way of those that programs expect */

struct table_set {
  cdb c;
  uint32_t records; /* where the records end and the hash tables begin */
  int fd;           /* the file, to see when it is cut */
};

static char const *file_of(enum table which)
{
  switch (which) {
#define X(name, letter, file) case name: return file;
    TABLES(X)
    TABLES_OF_USERS(X)
    TABLES_OF_LOGINS(X)
#undef X
  }
  return 0;
}

/* cdbmake writes the hash tables one behind the other, up to the end of the file: anything else was cut or forged. */
static int header_ok(struct table_set *t)
{
  uint32_t place, slots, end = 0;
  for (unsigned i = 0; i < HEADER; i += 8) {
    uint32_unpack(t->c.map + i, &place);
    uint32_unpack(t->c.map + i + 4, &slots);
    if (!i) t->records = end = place;
    if (place != end || place < HEADER || place > t->c.size || slots > (t->c.size - place) / 8) return 0;
    end = place + 8 * slots;
  }
  return end == t->c.size;
}

/* Does a whole record's data, as skalibs found it, lie among the records? */
static int within(struct table_set const *t, char const *s, uint32_t len)
{
  size_t at = (size_t)(s - t->c.map);
  return at >= HEADER && at <= t->records && len <= t->records - at;
}

int table_whole(struct table_set const *t)
{
  struct stat st;
  return fstat(t->fd, &st) == 0 && st.st_size == (off_t)t->c.size;
}

static int format_ok(struct table_set const *t, char const *format)
{
  cdb_data d;
  return cdb_find(&t->c, &d, "", 0) == 1 && within(t, d.s, d.len)
    && d.len == strlen(format) && !memcmp(d.s, format, d.len);
}

static struct table_set *open_fd(int fd, char const *format)
{
  struct stat st;
  if (fstat(fd, &st) < 0) return 0;
  if (!S_ISREG(st.st_mode) || st.st_size < HEADER || st.st_size > UINT32_MAX) return errno = EPROTO, (void *)0;
  struct table_set *t = malloc(sizeof *t);
  if (!t) return 0;
  t->c = cdb_zero;
  t->fd = fcntl(fd, F_DUPFD_CLOEXEC, FD_LEAST);
  if (t->fd < 0 || !cdb_init_fromfd(&t->c, fd)) {
    int e = errno;
    table_close(t);
    return errno = e, (void *)0;
  }
  if (t->c.size < HEADER || !header_ok(t) || !format_ok(t, format)) {
    table_close(t);
    return errno = EPROTO, (void *)0;
  }
  return t;
}

static struct table_set *open_path(char const *path, char const *format)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return 0;
  struct table_set *t = open_fd(fd, format);
  int e = errno;
  close(fd);
  errno = e;
  return t;
}

struct table_set *table_open_fd(int fd)
{
  return open_fd(fd, TABLE_FORMAT);
}

struct table_set *table_open(char const *path)
{
  return open_path(path, TABLE_FORMAT);
}

struct table_set *table_open_users(char const *path)
{
  return open_path(path, TABLE_FORMAT_USERS);
}

struct table_set *table_open_logins(char const *path)
{
  return open_path(path, TABLE_FORMAT_LOGINS);
}

void table_close(struct table_set *t)
{
  if (!t) return;
  cdb_free(&t->c);
  if (t->fd >= 0) close(t->fd);
  free(t);
}

/* A record from a value: 4 bytes of line, then the data. */
static int split(struct record *r, enum table which, char const *s, uint32_t len)
{
  if (len < 4 || !(r->file = file_of(which))) return 0;
  uint32_unpack(s, &r->line);
  r->data = s + 4;
  r->len = len - 4;
  return 1;
}

int table_look(struct table_set const *t, enum table which, char const *key, size_t len, struct record *r)
{
  char k[1 + TABLE_KEY];
  cdb_data d;
  if (len > TABLE_KEY) return 0; /* table_add takes none */
  k[0] = (char)which;
  memcpy(k + 1, key, len);
  int found = cdb_find(&t->c, &d, k, (uint32_t)len + 1);
  if (found <= 0) return found;
  return within(t, d.s, d.len) && split(r, which, d.s, d.len) ? 1 : -1;
}

int table_find(struct table_set const *t, enum table which, char const *key, size_t len, struct record *r)
{
  int found = table_look(t, which, key, len, r);
  return found || table_whole(t) ? found : -1;
}

int table_next(struct table_set const *t, uint32_t *pos, enum table *which, char const **key, size_t *keylen,
  struct record *r)
{
  for (;;) {
    uint32_t at = *pos ? *pos : HEADER, klen, dlen;
    if (at == t->records) return 0;
    if (at < HEADER || at > t->records || t->records - at < 8) return -1;
    uint32_unpack(t->c.map + at, &klen);
    uint32_unpack(t->c.map + at + 4, &dlen);
    at += 8;
    if (klen > t->records - at || dlen > t->records - at - klen) return -1;
    char const *k = t->c.map + at;
    *pos = at + klen + dlen;
    if (!klen) continue; /* the format */
    *which = (enum table)k[0];
    *key = k + 1;
    *keylen = klen - 1;
    return split(r, *which, k + klen, dlen) ? 1 : -1;
  }
}
