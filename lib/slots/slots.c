/* A file of slots. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/sha256.h>
#include "slots/slots.h"

#define KEY 24
#define AT_DATA KEY
#define AT_CHECK (AT_DATA + SLOTS_DATA)

static char const *trouble(struct slots *s, char const *why)
{
  slots_close(s);
  return why;
}

static char const *check_file(struct slots *s)
{
  struct stat st;
  if (fstat(s->fd, &st) < 0) return trouble(s, strerror(errno));
  if (!S_ISREG(st.st_mode)) return trouble(s, "it is no regular file");
  if (st.st_uid != geteuid()) return trouble(s, "it belongs to somebody else");
  if (st.st_mode & 022) return trouble(s, "others may write to it");
  if (st.st_size == SLOTS_BYTES) return 0;
  if (st.st_size) return trouble(s, "it is of another size");
  /* just made, by us or by somebody who is about to do the same */
  return ftruncate(s->fd, SLOTS_BYTES) < 0 ? trouble(s, strerror(errno)) : 0;
}

char const *slots_open(struct slots *s, char const *path, char const *format)
{
  int const flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  s->format = format;
  s->fd = open(path, flags);
  if (s->fd < 0 && errno == ENOENT) s->fd = open(path, flags | O_CREAT | O_EXCL, 0600);
  if (s->fd < 0 && errno == EEXIST) s->fd = open(path, flags); /* somebody was faster */
  if (s->fd < 0) return errno == ELOOP ? "it is a link" : strerror(errno);
  return check_file(s);
}

int slots_memory(void)
{
  int fd = memfd_create("posthouse-slots", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -1;
  if (!ftruncate(fd, SLOTS_BYTES) && !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) return fd;
  int e = errno;
  close(fd);
  return errno = e, -1;
}

int slots_inherited(char const *number)
{
  int const sealed = F_SEAL_SHRINK | F_SEAL_GROW;
  char *end;
  struct stat st;
  long fd = number && *number ? strtol(number, &end, 10) : -1;
  if (fd < 3 || fd > INT_MAX || *end || fstat((int)fd, &st) < 0 || st.st_size != SLOTS_BYTES) return -1;
  int has = fcntl((int)fd, F_GET_SEALS); /* -1: it is no memory */
  if (has < 0 || (has & sealed) != sealed || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0) return -1;
  return (int)fd;
}

void slots_forget(int fd)
{
  if (fd >= 0) fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SLOTS_BYTES);
}

void slots_close(struct slots *s)
{
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
}

/* SHA-256 of format, with its NUL, and s[0..n). */
static void digest(struct slots const *s, char out[32], char const *bytes, size_t n)
{
  SHA256Schedule h;
  sha256_init(&h);
  sha256_update(&h, s->format, strlen(s->format) + 1);
  sha256_update(&h, bytes, n);
  sha256_final(&h, out);
}

/* Fills the slot's key. Returns the slot's offset. */
static off_t locate(struct slots const *s, char slot[SLOTS_SLOT], char const *key, size_t len)
{
  char name[32];
  digest(s, name, key, len);
  memcpy(slot, name + sizeof name - KEY, KEY);
  uint32_t n = (uint32_t)(unsigned char)name[0] << 8 | (unsigned char)name[1];
  return (off_t)(n % SLOTS) * SLOTS_SLOT;
}

static int get(struct slots const *s, off_t at, char const wanted[SLOTS_SLOT], char data[SLOTS_DATA])
{
  char slot[SLOTS_SLOT], check[32];
  if (pread(s->fd, slot, sizeof slot, at) != sizeof slot || memcmp(slot, wanted, KEY)) return 0;
  digest(s, check, slot, AT_CHECK);
  if (memcmp(check, slot + AT_CHECK, SLOTS_SLOT - AT_CHECK)) return 0;
  memcpy(data, slot + AT_DATA, SLOTS_DATA);
  return 1;
}

static void put(struct slots const *s, off_t at, char slot[SLOTS_SLOT], char const data[SLOTS_DATA])
{
  char check[32];
  memcpy(slot + AT_DATA, data, SLOTS_DATA);
  digest(s, check, slot, AT_CHECK);
  memcpy(slot + AT_CHECK, check, SLOTS_SLOT - AT_CHECK);
  ssize_t ignored = pwrite(s->fd, slot, SLOTS_SLOT, at);
  (void)ignored;
}

int slots_get(struct slots const *s, char const *key, size_t len, char data[SLOTS_DATA])
{
  char slot[SLOTS_SLOT];
  if (s->fd < 0) return 0;
  off_t at = locate(s, slot, key, len);
  return get(s, at, slot, data);
}

void slots_put(struct slots const *s, char const *key, size_t len, char const data[SLOTS_DATA])
{
  char slot[SLOTS_SLOT];
  if (s->fd < 0) return;
  off_t at = locate(s, slot, key, len);
  put(s, at, slot, data);
}

/* Locks one slot or lets it go: a lock of the process, which ends with us in every case, and keeps others out also when
 * they have inherited the same open file. Who can't have it goes on without. */
static void lock(struct slots const *s, off_t at, short type)
{
  struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = SLOTS_SLOT };
  while (fcntl(s->fd, F_SETLKW, &l) < 0 && errno == EINTR) ;
}

int slots_change(struct slots const *s, char const *key, size_t len, int (*change)(void *arg, char data[SLOTS_DATA]),
                 void *arg)
{
  char slot[SLOTS_SLOT], data[SLOTS_DATA] = { 0 };
  if (s->fd < 0) return 0;
  off_t at = locate(s, slot, key, len);
  lock(s, at, F_WRLCK);
  if (!get(s, at, slot, data)) memset(data, 0, sizeof data);
  int changed = change(arg, data);
  if (changed) put(s, at, slot, data);
  lock(s, at, F_UNLCK);
  return changed;
}
