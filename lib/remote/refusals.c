/* Logins that relays refused. */
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "base/io.h"
#include "remote/refusals.h"

#define AT_TIME 8
#define SLICE 50 /* milliseconds between two looks at somebody's try */

/* What a look at a slot comes to. */
struct look {
  int64_t now;    /* seconds since 1970: the file may outlive us */
  int claim;      /* note that we try it, if nobody does */
  int waits;      /* somebody tries it */
  unsigned left;  /* seconds until it may be tried again */
};

static void put(char data[SLOTS_DATA], char state, int64_t when)
{
  memset(data, 0, SLOTS_DATA);
  data[0] = state;
  memcpy(data + AT_TIME, &when, sizeof when);
}

static int look(void *arg, char data[SLOTS_DATA])
{
  struct look *x = arg;
  int64_t when;
  memcpy(&when, data + AT_TIME, sizeof when);
  int64_t left = when + (data[0] == 't' ? REFUSALS_TRY : REFUSALS_TIME) - x->now;
  int counts = data[0] && when <= x->now && left > 0; /* what comes from the future counts as nothing */
  x->waits = counts && data[0] == 't';
  x->left = counts && data[0] == 'n' ? (unsigned)left : 0;
  if (counts || !x->claim) return 0;
  put(data, 't', x->now);
  return 1;
}

void refusals_start(struct refusals *f, int fd, char const *path)
{
  struct stat st;
  *f = (struct refusals){ .slots = { .fd = fd, .format = REFUSALS_FORMAT } };
  if (!path || stat(path, &st) < 0) return;
  f->file[0] = (int64_t)st.st_ino;
  f->file[1] = st.st_mtim.tv_sec;
  f->file[2] = st.st_mtim.tv_nsec;
}

/* The file, the line, the relay. */
struct key {
  size_t len;
  char s[sizeof(int64_t) * 3 + sizeof(uint32_t) + LOGIN_RELAY];
};

static void make_key(struct key *k, struct refusals const *f, struct route const *r, struct login const *l)
{
  memcpy(k->s, f->file, sizeof f->file);
  memcpy(k->s + sizeof f->file, &l->line, sizeof l->line);
  k->len = sizeof f->file + sizeof l->line;
  k->len += logins_relay(k->s + k->len, r->host, r->port);
}

static void look_at(struct refusals const *f, struct key const *k, struct look *x)
{
  x->now = time(0);
  slots_change(&f->slots, k->s, k->len, look, x);
}

unsigned refusals_left(struct refusals const *f, struct route const *r, struct login const *l)
{
  struct look x = { .claim = 0 };
  struct key k;
  make_key(&k, f, r, l);
  look_at(f, &k, &x);
  return x.left;
}

unsigned refusals_begin(struct refusals const *f, struct route const *r, struct login const *l, int64_t deadline)
{
  struct timespec const slice = { 0, SLICE * 1000000 };
  struct look x = { .claim = 1 };
  struct key k;
  make_key(&k, f, r, l);
  look_at(f, &k, &x);
  while (x.waits && io_now() < deadline) {
    nanosleep(&slice, 0);
    look_at(f, &k, &x);
  }
  return x.left;
}

void refusals_note(struct refusals const *f, struct route const *r, struct login const *l, enum refusals_fate fate)
{
  static char const states[] = { [REFUSALS_WORKED] = 'y', [REFUSALS_REFUSED] = 'n', [REFUSALS_OPEN] = 0 };
  char data[SLOTS_DATA];
  struct key k;
  make_key(&k, f, r, l);
  put(data, states[fate], time(0));
  slots_put(&f->slots, k.s, k.len, data);
}
