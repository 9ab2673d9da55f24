/* A directory of stamps for a test, `dir` and `fd`, and what lies in it. */
#ifndef TESTS_STAMP_DIR_H
#define TESTS_STAMP_DIR_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "unit.h"
#include "stamp/store.h"

static char dir[] = "/tmp/posthouse-stamps-XXXXXX";
static int fd;
static struct ip ip; /* 192.0.2.1 */

static inline struct stamp stamp(char const *address, int64_t ago)
{
  struct stamp s = { .boot = -1, .time = stamp_clocks().now - ago, .user = "joe" };
  assert_true(ip_scan(&s.ip, address, strlen(address)));
  return s;
}

static inline void empty(void)
{
  char command[100];
  snprintf(command, sizeof command, "rm -rf %s/* %s/.[!.]*", dir, dir);
  assert_int_equal(system(command), 0);
}

static inline int setup(void **state)
{
  char const *why;
  umask(077);
  ip = stamp("192.0.2.1", 0).ip;
  return !mkdtemp(dir) || (fd = stamp_open(dir, &why)) < 0 ? -1 : 0;
}

static inline int teardown(void **state)
{
  empty();
  close(fd);
  return rmdir(dir);
}

static inline enum stamp_found find(struct stamp *s)
{
  errno = 0;
  return stamp_read(fd, &ip, 0, s);
}

static inline void make(char const *name, char const *body, size_t n)
{
  int f = openat(fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  assert_true(f >= 0 && write(f, body, n) == (ssize_t)n && !close(f));
}

static inline int count(void)
{
  int n = 0;
  char command[100];
  snprintf(command, sizeof command, "ls -Ab %s | wc -l", dir);
  FILE *p = popen(command, "r");
  assert_int_equal(fscanf(p, "%d", &n), 1);
  pclose(p);
  return n;
}

/* Puts something at the address' name that is no stamp. */
static inline void put_kind(int kind)
{
  static char large[STAMP_BODY + 1] = "USER=";
  struct sockaddr_un a = { .sun_family = AF_UNIX };
  struct stamp s = stamp("192.0.2.2", 0);
  empty();
  assert_int_equal(stamp_write(fd, &s), 0); /* a good one, for links */
  switch (kind) {
    case 0: make("192.0.2.1", "", 0); break;
    case 1: make("192.0.2.1", "USER=joe", 8); break;
    case 2: memset(large + 5, 'x', sizeof large - 6); make("192.0.2.1", large, sizeof large); break;
    case 3: assert_int_equal(symlinkat("192.0.2.2", fd, "192.0.2.1"), 0); break;
    case 4: assert_int_equal(symlinkat("nowhere", fd, "192.0.2.1"), 0); break;
    case 5: assert_int_equal(linkat(fd, "192.0.2.2", fd, "192.0.2.1", 0), 0); break;
    case 6: assert_int_equal(mkfifoat(fd, "192.0.2.1", 0644), 0); break;
    case 7: {
      int f = socket(AF_UNIX, SOCK_STREAM, 0);
      snprintf(a.sun_path, sizeof a.sun_path, "%s/192.0.2.1", dir);
      assert_true(!bind(f, (struct sockaddr *)&a, sizeof a) && !close(f));
      break;
    }
    case 8: assert_int_equal(mkdirat(fd, "192.0.2.1", 0755), 0); break;
  }
}

#endif
