/* What lib/share's sources share. */
#ifndef SHARE_WORK_H
#define SHARE_WORK_H

#include <dirent.h>
#include "base/log.h"
#include "share/clock.h"
#include "share/resolve.h"
#include "share/share.h"
#include "share/wire.h"
#include "stamp/store.h"

enum trouble { TROUBLE_LOST = 1, TROUBLE_REFUSED = 2 }; /* bits: what the log has said of the server */

enum state { STATE_PAUSED, STATE_LOOKUP, STATE_SETUP, STATE_READY };

struct share {
  struct share_options const *o;
  int dir;                   /* the stamps' */
  enum state state;
  int64_t until;             /* io_now()'s clock: the pause's end, or the time for looking up and setting up */
  int64_t pause;             /* milliseconds, the next one */
  int64_t ready_since, pinged;
  unsigned said;             /* bits of enum trouble */
  unsigned tries;            /* takes the host's addresses in turn */
  unsigned hello : 1, subscribed : 1, known : 1; /* set up so far; it was ready once */
  struct resolve resolve;
  struct wire command, listen;
  struct { unsigned open; unsigned on : 1; char cursor[24]; } catch_up; /* entries asked for and not there yet */
  struct {
    int inotify;
    DIR *scan;               /* null: not under way */
    int64_t again;           /* io_now()'s clock: when to read it through; 0: no */
    unsigned gone : 1;
  } local;
  struct share_clock clock;
  int64_t late_said;         /* seconds that the clock was set back, as the log has it */
  struct { unsigned count[ENTRY_COUNT], failed; int error; int64_t first, said; char node[STAMP_NODE]; } drops;
};

/* link.c: the connections. Each does what is due at `now` (io_now()). */
void link_turn(struct share *x, int64_t now);
void link_io(struct share *x, short command, short listen);
void link_resolved(struct share *x);
void link_fail(struct share *x, enum trouble what, char const *why);
void link_close(struct share *x);

/* The server does not take something, but goes on otherwise: says so once, and the directory is read through again
 * later. It took something: when that was after a refusal and that later has come, says so once. */
void link_refused(struct share *x, char const *why);
void link_taken(struct share *x);

/* catchup.c: reading the server through, in steps. */
void catch_up_begin(struct share *x);
void catch_up_keys(struct share *x, redisReply const *r);
void catch_up_entry(struct share *x, redisReply const *r);

/* clock.c: the clocks, and how many seconds the first is behind the one that counts; says so when it gets worse. Called
 * often, so that the latest that the clock ever says is not missed. */
struct clocks clock_look(struct share *x, int64_t *late);

/* news.c: an entry has come, any bytes; and the lines of those that opened nothing, at most one a minute. */
void news_take(struct share *x, char const *s, size_t n);
void news_drop(struct share *x, enum entry_result why, char const *node);
void news_say(struct share *x, int64_t now);

/* publish.c: tells the server of a stamp, if it is one of ours and fresh. */
void publish(struct share *x, struct stamp const *s);
int publish_room(struct share const *x); /* for as much as a step of local.c finds */

/* local.c: the directory. */
int local_open(struct share *x); /* 0, or -1 with errno */
void local_events(struct share *x);
void local_scan(struct share *x);
int local_scan_step(struct share *x); /* 1: there is more */
void local_scan_end(struct share *x);
void local_close(struct share *x);

#endif
