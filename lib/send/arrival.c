/* How messages become known. Whoever may write the trigger may name any message: a name alone does nothing but have
 * the file looked at, and one that is known stays as it is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "send/arrival.h"
#include "send/retry.h"

#define FIFO_SIZE 1048576  /* what we ask for; every 23 bytes of it are a message */
#define SOON 5             /* seconds until a scan after names may have been lost */

int arrival_open(struct send *s)
{
  struct stat st;
  if (mkfifo("trigger", 0600) == 0) {
    if (chmod("trigger", 0600) < 0) return -1; /* whatever the umask */
  } else if (errno != EEXIST) return -1;
  s->trigger = open("trigger", O_RDWR | O_NONBLOCK | O_CLOEXEC); /* for writing, too: so it never ends */
  if (s->trigger < 0) return -1;
  if (fstat(s->trigger, &st) < 0) return -1;
  if (!S_ISFIFO(st.st_mode)) return errno = EINVAL, -1;
  int size = fcntl(s->trigger, F_SETPIPE_SZ, FIFO_SIZE);
  if (size < 0) size = fcntl(s->trigger, F_GETPIPE_SZ);
  s->trigger_room = size > 0 ? (size_t)size : 4096;
  return 0;
}

static void soon(struct send *s)
{
  if (s->scan_at > s->now + SOON) s->scan_at = s->now + SOON;
}

static void named(struct send *s, char const *id)
{
  if (schedule_find(&s->schedule, id) != SCHEDULE_NONE) return;
  uint32_t slot = schedule_add(&s->schedule, id);
  if (slot == SCHEDULE_NONE) soon(s);
  else schedule_line_up(&s->schedule, slot);
}

/* Takes the whole lines off the buffer. What is no ID is rubbish. */
static void lines(struct send *s)
{
  char *p = s->trigger_buffer, *end = p + s->trigger_len, *lf;
  char id[STORE_ID + 1];
  while ((lf = memchr(p, '\n', (size_t)(end - p)))) {
    if (store_id_valid(p, (size_t)(lf - p))) {
      memcpy(id, p, STORE_ID);
      id[STORE_ID] = 0;
      named(s, id);
    }
    p = lf + 1;
  }
  s->trigger_len = (size_t)(end - p);
  if (s->trigger_len > STORE_ID) s->trigger_len = 0;
  memmove(s->trigger_buffer, p, s->trigger_len);
}

void arrival_read(struct send *s)
{
  size_t total = 0;
  ssize_t r;
  while (total < s->trigger_room) {
    r = read(s->trigger, s->trigger_buffer + s->trigger_len, sizeof s->trigger_buffer - s->trigger_len);
    if (r <= 0) break;
    total += (size_t)r;
    s->trigger_len += (size_t)r;
    lines(s);
  }
  if (total + 4096 >= s->trigger_room) soon(s); /* it was full: somebody may have given up */
}

void arrival_scan(struct send *s)
{
  if (s->scan_next == STORE_SPLIT) s->scan_next = 0;
  s->scan_at = s->now + s->scan_every;
}

static void found(struct send *s, int dir, char const *id)
{
  struct stat st;
  if (schedule_find(&s->schedule, id) != SCHEDULE_NONE || fstatat(dir, id, &st, AT_SYMLINK_NOFOLLOW) < 0) return;
  uint32_t slot = schedule_add(&s->schedule, id);
  if (slot == SCHEDULE_NONE) return;
  int64_t when = st.st_mtime, most = s->now + RETRY_MOST;
  s->schedule.slot[slot].flags = SLOT_UNVERIFIED;
  schedule_wait(&s->schedule, slot, when < s->now || s->hurry ? s->now : when > most ? most : when);
}

void arrival_scan_step(struct send *s)
{
  char name[STORE_PATH];
  snprintf(name, sizeof name, "mess/%02x", s->scan_next++);
  DIR *dir = opendir(name);
  if (!dir) {
    struct log_line l;
    log_start(&l, "trouble");
    log_str(&l, "directory", name);
    log_str(&l, "error", strerror(errno));
    log_end(&l);
    return;
  }
  for (struct dirent *e; (e = readdir(dir));)
    if (store_id_valid(e->d_name, strlen(e->d_name)) && !memcmp(e->d_name + 20, name + 5, 2))
      found(s, dirfd(dir), e->d_name);
  closedir(dir);
}
