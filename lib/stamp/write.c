/* The directory of stamps: writing. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "parse/number.h"
#include "stamp/file.h"
#include "stamp/store.h"

#define TRIES 100 /* others that come between, each in the moment of a system call */

/* renameat2(2)'s flags; musl has no name for them. */
#define NOREPLACE 1U
#define EXCHANGE 2U

static int move(int dir, char const *from, char const *to, unsigned how)
{
  return (int)syscall(SYS_renameat2, dir, from, dir, to, how);
}

void stamp_file_discard(int dir, char const *name)
{
  int e = errno;
  unlinkat(dir, name, 0);
  errno = e;
}

void stamp_file_aside(char out[STAMP_ASIDE_NAME])
{
  static unsigned count;
  struct timespec t;
  uint64_t const part[] = { (uint64_t)getpid(), 0, count++ };
  clock_gettime(CLOCK_REALTIME, &t);
  size_t n = sizeof STAMP_ASIDE - 1;
  memcpy(out, STAMP_ASIDE, n);
  for (int i = 0; i < 3; i++) {
    n += number_fmt(out + n, i == 1 ? (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec : part[i]);
    out[n++] = '.';
  }
  out[n - 1] = 0;
}

/* Writes s aside. Returns 0, or -1 with errno and nothing left. */
static int write_aside(int dir, char name[STAMP_ASIDE_NAME], struct stamp const *s)
{
  char body[STAMP_BODY];
  struct timespec const times[2] = { { .tv_sec = s->time }, { .tv_sec = s->time } };
  int fd;
  for (int i = 0; ; i++) {
    stamp_file_aside(name);
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0) break;
    if (i == TRIES || (errno != EEXIST && errno != EINTR)) return -1;
  }
  /* the umask was made for others' files */
  int r = fchmod(fd, 0644) < 0 || io_write_file(fd, body, stamp_fmt(body, s)) < 0 || futimens(fd, times) < 0 ? -1 : 0;
  int e = errno;
  if (close(fd) < 0 && !r) {
    e = errno;
    r = -1;
  }
  errno = e;
  if (r) stamp_file_discard(dir, name);
  return r;
}

/* May a stamp be for this? Returns 1, or 0 with errno. */
static int can_be(struct stamp const *s)
{
  struct ip first = stamp_network(&s->ip);
  if (s->ip.len && s->time >= 0 && (!s->net || (s->ip.len == 16 && !memcmp(&first, &s->ip, sizeof first)))) return 1;
  errno = EINVAL;
  return 0;
}

int stamp_write(int dir, struct stamp const *s)
{
  char aside[STAMP_ASIDE_NAME], name[IP_TEXT];
  if (!can_be(s) || write_aside(dir, aside, s) < 0) return -1;
  ip_fmt(name, &s->ip);
  if (!renameat(dir, aside, dir, name)) return 0;
  stamp_file_discard(dir, aside);
  return -1;
}

/* The number of the file that has this name, and how young it is (stamp/file.h). */
static int64_t youth(int dir, char const *name, ino_t *ino)
{
  struct stamp s;
  struct stat st = { .st_ino = 0 };
  enum stamp_found found = stamp_file_read(dir, name, &st, &s);
  *ino = st.st_ino;
  if (found == STAMP_FAILED) return INT64_MAX;
  if (found == STAMP_BAD && S_ISDIR(st.st_mode)) return errno = EISDIR, INT64_MAX;
  if (found != STAMP_FOUND) return INT64_MIN;
  return s.time > stamp_clocks().now ? INT64_MIN : s.time;
}

/* Somebody may put another one to `name` at any moment: whatever comes out and is younger than what went in goes back
 * in its turn. So nothing that others rename into the place is lost, and the youngest of all stays there. */
int stamp_file_place(int dir, char const *aside, char const *name)
{
  ino_t ours, in, out;
  int64_t young = youth(dir, aside, &ours);
  in = ours;
  for (int i = 0; i < TRIES; i++) {
    if (!move(dir, aside, name, NOREPLACE)) return in == ours;
    if (errno != EEXIST) break;
    int64_t there = in == ours ? youth(dir, name, &out) : INT64_MIN;
    if (there == INT64_MAX) break;
    if (there >= young && there != INT64_MIN) return stamp_file_discard(dir, aside), 0;
    if (move(dir, aside, name, EXCHANGE) < 0) {
      if (errno == ENOENT) continue; /* it has just gone */
      break;
    }
    there = youth(dir, aside, &out);
    if (there < young || (there == young && in != ours)) { /* of two the one that was there stays, but not for ever */
      stamp_file_discard(dir, aside);
      return in == ours;
    }
    young = there;
    in = out;
  }
  stamp_file_discard(dir, aside);
  return -1;
}

int stamp_write_newer(int dir, struct stamp const *s)
{
  char aside[STAMP_ASIDE_NAME], name[IP_TEXT];
  ino_t there;
  if (!can_be(s)) return -1;
  ip_fmt(name, &s->ip);
  int64_t young = youth(dir, name, &there);
  if (young == INT64_MAX) return -1;
  if (young >= s->time) return 0;
  if (write_aside(dir, aside, s) < 0) return -1;
  return stamp_file_place(dir, aside, name);
}
