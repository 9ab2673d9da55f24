/* The directory of stamps: opening and reading. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "stamp/file.h"
#include "stamp/store.h"

#define TRIES 10 /* a reader that so many writers overtake in a row takes what it has */

struct clocks stamp_clocks(void)
{
  struct timespec now, boot;
  clock_gettime(CLOCK_REALTIME, &now);
  if (clock_gettime(CLOCK_BOOTTIME, &boot) < 0) boot.tv_sec = -1;
  return (struct clocks){ .now = now.tv_sec, .boot = boot.tv_sec };
}

int stamp_open(char const *dir, char const **why)
{
  struct stat st;
  if (!dir) return *why = "no directory was named, nor by RELAY_CTRL_DIR", -1;
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == EACCES) fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC); /* who writes need not list */
  if (fd < 0) return *why = strerror(errno), -1;
  if (fstat(fd, &st) < 0) *why = strerror(errno);
  else if (st.st_mode & S_IWOTH) *why = "everybody may write to it";
  else return fd;
  close(fd);
  return -1;
}

/* No stamp; for the kinds of files that can't be opened at all, too. */
static enum stamp_found bad(void)
{
  errno = EPROTO;
  return STAMP_BAD;
}

static enum stamp_found failed(void)
{
  return errno == ENOENT ? STAMP_NONE : errno == ELOOP || errno == ENXIO ? bad() : STAMP_FAILED;
}

static enum stamp_found read_body(int fd, struct stat const *st, struct stamp *out)
{
  char body[STAMP_BODY + 1];
  size_t n = 0;
  for (ssize_t r; n < sizeof body; n += (size_t)r) {
    r = read(fd, body + n, sizeof body - n);
    if (r < 0 && errno == EINTR) r = 0;
    else if (r < 0) return STAMP_FAILED;
    else if (!r) break;
  }
  if (n > STAMP_BODY || !stamp_scan(out, body, n)) return bad();
  out->time = st->st_mtime;
  return STAMP_FOUND;
}

/* A device or a FIFO is not even opened; what comes in its place meanwhile must not hold us. */
enum stamp_found stamp_file_open(int dir, char const *name, struct stat *st, int *fd)
{
  *fd = -1;
  for (int i = 0; i < TRIES; i++) {
    if (*fd >= 0) close(*fd);
    if (fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) < 0) return failed();
    if (!S_ISREG(st->st_mode)) return bad();
    *fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (*fd < 0) return failed();
    if (fstat(*fd, st) < 0) return STAMP_FAILED;
    if (!S_ISREG(st->st_mode) || st->st_nlink > 1 || st->st_size > STAMP_BODY) return bad();
    if (st->st_nlink) break; /* else another one has come into its place */
  }
  return STAMP_FOUND;
}

enum stamp_found stamp_file_read(int dir, char const *name, struct stat *st, struct stamp *out)
{
  int fd;
  enum stamp_found found = stamp_file_open(dir, name, st, &fd);
  if (found == STAMP_FOUND) found = read_body(fd, st, out);
  if (fd < 0) return found;
  int e = errno;
  close(fd);
  errno = e;
  return found;
}

enum stamp_found stamp_read(int dir, struct ip const *ip, int net, struct stamp *out)
{
  struct stat st;
  char name[IP_TEXT];
  if (!ip->len || (net && ip->len == 4)) return STAMP_NONE;
  struct ip a = net ? stamp_network(ip) : *ip;
  ip_fmt(name, &a);
  enum stamp_found found = stamp_file_read(dir, name, &st, out);
  if (found != STAMP_FOUND) return found;
  out->ip = a;
  struct ip first = stamp_network(&a);
  if (out->net && (a.len == 4 || memcmp(&a, &first, sizeof a))) return bad();
  return out->net == !!net ? STAMP_FOUND : STAMP_NONE; /* a network shares the name of its first address */
}
