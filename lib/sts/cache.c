/* Policies of MTA-STS kept in a directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "parse/number.h"
#include "sts/cache.h"

#define STATE 64 /* bytes of a noted failure */

/* DIR/BEFORE DOMAIN AFTER. Returns null without memory; the caller frees it. */
static char *path_of(char const *dir, char const *before, char const *domain, char const *after)
{
  size_t n = strlen(dir) + strlen(before) + strlen(domain) + strlen(after) + 2;
  char *path = malloc(n);
  if (path) snprintf(path, n, "%s/%s%s%s", dir, before, domain, after);
  return path;
}

int sts_cache_read(char const *dir, char const *domain, struct sts_entry *e)
{
  char *path = path_of(dir, "", domain, ""), *data;
  size_t len;
  if (!path) return errno = ENOMEM, -1;
  int r = io_slurp(path, STS_ENTRY_MOST, &data, &len);
  free(path);
  if (r < 0) return errno == ENOENT ? 0 : -1;
  r = sts_entry_scan(e, data, len);
  free(data);
  return r ? 1 : (errno = EPROTO, -1);
}

/* Writes and syncs a new file, with its time of change in the future. */
static int write_new(char const *path, stralloc const *text, int64_t ends)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  struct timespec const times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = (time_t)ends } };
  if (fd < 0) return -1;
  int r = io_write_file(fd, text->s, text->len) < 0 || futimens(fd, times) < 0 || fsync(fd) < 0 ? -1 : 0;
  int e = errno;
  close(fd);
  errno = e;
  return r;
}

int sts_cache_write(char const *dir, char const *domain, struct sts_entry const *e)
{
  stralloc text = STRALLOC_ZERO;
  char *path = path_of(dir, "", domain, ""), *new = path_of(dir, ".new.", domain, "");
  int r = -1;
  if (!path || !new || !sts_entry_fmt(&text, e)) errno = ENOMEM;
  else if (write_new(new, &text, e->ends) == 0 && rename(new, path) == 0) r = io_sync_dir(dir);
  int why = errno;
  free(path);
  free(new);
  stralloc_free(&text);
  errno = why;
  return r;
}

int sts_lock(char const *dir, char const *domain, int64_t deadline)
{
  char *path = path_of(dir, "", domain, "~");
  if (!path) return errno = ENOMEM, -1;
  int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
  free(path);
  if (fd < 0) return -1;
  while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    int e = errno;
    if ((e == EWOULDBLOCK || e == EINTR) && io_now() < deadline) {
      poll(0, 0, 50);
      continue;
    }
    close(fd);
    errno = e == EWOULDBLOCK ? ETIMEDOUT : e;
    return -1;
  }
  return fd;
}

/* "ID TIME CODE\n" */
enum sts_fetched sts_failed_before(int lock, char const *id, int64_t now)
{
  char s[STATE + 1];
  uint64_t when, code;
  size_t k = strlen(id);
  ssize_t n = pread(lock, s, STATE, 0);
  if (n < 2 || (size_t)n < k + 1 || s[n - 1] != '\n' || memcmp(s, id, k) || s[k] != ' ') return STS_FETCHED;
  char const *at = s + k + 1, *end = s + n - 1, *space = memchr(at, ' ', (size_t)(end - at));
  if (!space || number_scan(at, (size_t)(space - at), INT64_MAX, &when) != NUMBER_OK) return STS_FETCHED;
  if (number_scan(space + 1, (size_t)(end - space - 1), 255, &code) != NUMBER_OK) return STS_FETCHED;
  if (now < (int64_t)when || now - (int64_t)when >= STS_REST) return STS_FETCHED;
  return code == STS_INVALID || code == STS_UNTRUSTED || code == STS_NOT_FETCHED ? (enum sts_fetched)code : STS_FETCHED;
}

void sts_note(int lock, char const *id, enum sts_fetched how)
{
  char s[STATE];
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int n = snprintf(s, sizeof s, "%s %lld %d\n", id, (long long)now.tv_sec, (int)how);
  if (ftruncate(lock, 0) < 0 || how == STS_FETCHED || how == STS_OURS || n >= (int)sizeof s) return;
  if (pwrite(lock, s, (size_t)n, 0) != n && ftruncate(lock, 0) < 0) return;
}

/* Is it time? Notes that it was. */
static int sweep_now(int dir, int64_t now)
{
  struct stat st;
  int fd = openat(dir, ".swept", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
  int due = fd >= 0 && fstat(fd, &st) == 0 && (now - st.st_mtime >= STS_SWEEP || st.st_mtime > now || !st.st_size);
  if (due) due = pwrite(fd, "\n", 1, 0) == 1 && futimens(fd, 0) == 0;
  if (fd >= 0) close(fd);
  return due;
}

void sts_sweep(char const *path, int64_t now)
{
  struct stat st;
  DIR *dir = opendir(path);
  if (!dir) return;
  if (sweep_now(dirfd(dir), now)) {
    for (struct dirent *d; (d = readdir(dir));) {
      if (*d->d_name == '.' && strncmp(d->d_name, ".new.", 5)) continue;
      if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) continue;
      if (now - st.st_mtime >= STS_SWEEP) unlinkat(dirfd(dir), d->d_name, 0);
    }
  }
  closedir(dir);
}

