/* The directory of stamps, watched and read through. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "share/work.h"

#define STEP 200     /* names of a step */
#define EVENTS 4096  /* bytes of events at once: 256 at most */

int local_open(struct share *x)
{
  /* a stamp is renamed into its place; who writes it there comes to an end, too */
  uint32_t what = IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  x->local.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (x->local.inotify < 0) return -1;
  return inotify_add_watch(x->local.inotify, x->o->dir, what) < 0 ? -1 : 0;
}

void local_close(struct share *x)
{
  local_scan_end(x);
  if (x->local.inotify >= 0) close(x->local.inotify);
}

/* There is something of that name: an address' stamp or its network's. */
static void offer(struct share *x, char const *name)
{
  struct ip ip, first;
  struct stamp s;
  if (!stamp_name_scan(&ip, name, strlen(name))) return;
  enum stamp_found found = stamp_read(x->dir, &ip, 0, &s);
  first = stamp_network(&ip);
  if (found == STAMP_NONE && !memcmp(&ip, &first, sizeof ip)) found = stamp_read(x->dir, &ip, 1, &s);
  if (found == STAMP_FOUND) publish(x, &s);
}

/* Before the server is ready nothing is published: the directory is read through then. */
void local_events(struct share *x)
{
  char buf[EVENTS] __attribute__((aligned(__alignof__(struct inotify_event))));
  ssize_t n = read(x->local.inotify, buf, sizeof buf);
  for (ssize_t at = 0; at < n; ) {
    struct inotify_event const *e = (struct inotify_event const *)(buf + at);
    at += (ssize_t)(sizeof *e + e->len);
    if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) x->local.gone = 1;
    else if (x->state != STATE_READY) continue;
    else if (e->mask & IN_Q_OVERFLOW) local_scan(x);
    else if (e->len) offer(x, e->name);
  }
}

/* From the beginning, also when it was under way. */
void local_scan(struct share *x)
{
  local_scan_end(x);
  int fd = openat(x->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  x->local.scan = fd < 0 ? 0 : fdopendir(fd);
  x->local.again = 0;
  if (x->local.scan) return;
  int e = errno;
  if (fd >= 0) close(fd);
  x->drops.failed++;
  x->drops.error = e;
}

int local_scan_step(struct share *x)
{
  for (int i = 0; i < STEP && x->local.scan; i++) {
    struct dirent *d = readdir(x->local.scan);
    if (d) offer(x, d->d_name);
    else local_scan_end(x);
  }
  return !!x->local.scan;
}

void local_scan_end(struct share *x)
{
  if (x->local.scan) closedir(x->local.scan);
  x->local.scan = 0;
}
