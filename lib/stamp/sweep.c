/* The walk over the directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "stamp/file.h"
#include "stamp/sweep.h"

static int digits(char const **s)
{
  size_t n = strspn(*s, "0123456789");
  *s += n;
  return n > 0;
}

static int is_dotted(char const *s, char const *marks)
{
  for (; ; s++, marks++) {
    if (!digits(&s) || *s != *marks) return 0;
    if (!*marks) return 1;
  }
}

/* A file on its way: one of ours, or one that relay-ctrl's programs made, `.SECONDS.MICROSECONDS:PROCESS`. */
static int is_aside(char const *name)
{
  size_t n = sizeof STAMP_ASIDE - 1;
  return !strncmp(name, STAMP_ASIDE, n) ? is_dotted(name + n, "..") : *name == '.' && is_dotted(name + 1, ".:");
}

static char const *kind(int dir, char const *name)
{
  struct stat st;
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return strerror(errno);
  if (S_ISLNK(st.st_mode)) return "a link";
  if (S_ISDIR(st.st_mode)) return "a directory";
  if (!S_ISREG(st.st_mode)) return "a device, a FIFO or a socket";
  return st.st_nlink > 1 ? "a file of several names" : st.st_size > STAMP_BODY ? "too large" : "changing";
}

static void ignore(struct sweep *s, char const *name, char const *what)
{
  s->ignored++;
  s->strange(s->arg, name, what);
}

static void one(struct sweep *s, int dir, char const *name)
{
  struct ip ip;
  int aside = is_aside(name);
  if (!strcmp(name, ".") || !strcmp(name, "..")) return;
  if (!aside && !stamp_name_scan(&ip, name, strlen(name))) return ignore(s, name, "no address");
  struct clocks now = s->clocks();
  int r = stamp_remove_old(dir, name, aside ? SWEEP_ASIDE : s->seconds, &now);
  if (r > 0) s->removed++;
  else if (!r) s->kept++;
  else if (errno == EPROTO) ignore(s, name, kind(dir, name));
  else {
    s->failed++;
    s->strange(s->arg, name, strerror(errno));
  }
}

int stamp_sweep(struct sweep *s, int dir)
{
  int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a position of its own */
  if (fd < 0) return -1;
  DIR *d = fdopendir(fd);
  if (!d) {
    int e = errno;
    close(fd);
    return errno = e, -1;
  }
  for (;;) {
    errno = 0;
    struct dirent const *entry = readdir(d);
    if (!entry) break;
    one(s, dir, entry->d_name);
  }
  int e = errno;
  closedir(d);
  errno = e;
  return e ? -1 : 0;
}
