/* What relay-send holds in memory, shared by the files of this room. One process, one thread.
 *
 *   schedule   every message known (schedule.h): waits for its time, is parked at a destination whose queue is full,
 *              or is active
 *   message    active: its file open, its envelope read; at most `active_most` of them (message.h)
 *   delivery   recipients of one message for one destination, at most DELIVERY_RECIPIENTS: one job
 *   destination  a route's word: the deliveries that queue for it, its relay-remotes, whether it rests (destination.h)
 *   remote     a relay-remote process, busy with one delivery or idle (remote.h)
 *
 * A message is held active by its deliveries (`out`). When the last is over, message_advance takes the next
 * recipients, hands failures to a bounce (bounce.h), and at last removes the message or lets it wait. Recipients whose
 * destination has no room are late deliveries while others hold the message active: they are queued when there is
 * room, and given back when the last of the others is over, so that a full destination holds nothing active. */
#ifndef SEND_SEND_H
#define SEND_SEND_H

#include <skalibs/stralloc.h>
#include <skalibs/unixmessage.h>
#include "send/routing.h"
#include "send/schedule.h"

#define DELIVERY_RECIPIENTS 100    /* of one job; RFC 5321 4.5.3.1.8: a server takes at least so many */
#define DELIVERY_BYTES 49152       /* of one job's addresses, so that it fits into a socket's buffer at once */
#define DELIVERY_TRIES 3           /* how often one is handed out while its next hop takes no more connections */
#define MESSAGE_WINDOW 1000        /* recipients of one message that are under way at once */
#define MESSAGE_ACTIVE 2000        /* messages open at once, descriptors permitting */
#define REASON_TEXT 400            /* bytes that we keep of a reason */
#define REPORT_MOST 262144         /* bytes of a report */
#define BOUNCES 8                  /* relay-bounces at once */

enum watch { WATCH_TRIGGER, WATCH_SIGNAL, WATCH_SPAWNER, WATCH_SYNCER, WATCH_REMOTE };

struct delivery {
  struct delivery *next;           /* in its destination's queue */
  struct message *message;
  unsigned n;                      /* recipients */
  unsigned room;                   /* allocated */
  unsigned tries;
  struct destination *late;        /* it waits there for room; null: it is queued or under way */
  struct delivery *late_prev;      /* next is the next */
  struct delivery *late_other;     /* of its message */
  size_t bytes;                    /* of the addresses with their NULs */
  uint32_t *at;                    /* store_recipient's positions, malloc'ed */
};

struct message {
  struct store_message store;
  char id[STORE_ID + 1];
  uint32_t slot;
  size_t cursor;                   /* recipients before it were looked at in this round */
  unsigned out;                    /* deliveries queued or under way */
  unsigned left;                   /* recipients of this round that stay for a later one (destination_left) */
  uint32_t left_for;               /* the hash of their destination */
  unsigned edition;                /* of the rules, when it was opened */
  unsigned failed;                 /* entries in failures */
  unsigned ended : 1;              /* the cursor has reached the end */
  unsigned held : 1;               /* marks are not in its file (hold.h) */
  unsigned waits : 1;              /* only for that */
  unsigned left_mixed : 1;         /* they have several */
  unsigned several : 1;            /* had no room, besides `full` */
  int64_t next;                    /* the earliest next try of those left; 0: none yet */
  struct delivery *late;           /* those for which there is no room yet: not in `out`, and not holding it active */
  struct destination *full;        /* one that had no room for some of them; null: none */
  stralloc failures;               /* position (uint32_t), kind, text, NUL; for each (owed.h) */
  struct message *queue;           /* the next that waits for a relay-bounce */
  struct message *hold_next;
};

struct remote;

struct destination {
  struct destination *chain;       /* in its bucket */
  uint32_t hash;                   /* of its word */
  struct delivery *first, *last;
  unsigned queued;
  struct delivery *late_first, *late_last; /* wait for room, of messages that others hold active */
  unsigned remotes;
  unsigned good;                   /* of these, have delivered */
  unsigned proven : 1;             /* one has delivered, and it has not failed since */
  unsigned window;                 /* remotes that experience allows */
  unsigned failures;               /* in a row */
  unsigned holds;                  /* messages that point here */
  struct remote *idle;             /* the most recently used first */
  int64_t rest_until;              /* seconds since 1970 */
  int64_t forget_at;
  uint32_t parked, parked_last;    /* slots */
  enum { LIST_NONE, LIST_READY, LIST_STARVED, LIST_WANTING, LIST_DOUBTFUL } list;
  struct destination *list_next, *list_prev;
  char reason[REASON_TEXT];        /* why it rests */
  char word[];                     /* its route */
};

struct remote {
  enum watch watch;                /* first: epoll's data points here */
  int fd;                          /* -1: gone, to be freed */
  struct destination *destination;
  struct delivery *delivery;       /* under way; null: idle */
  unsigned reports;
  unsigned row;                    /* jobs since it was idle */
  unsigned edition;                /* of the rules that it has read */
  unsigned worked : 1;
  unsigned doubt : 1;              /* its destination failed before, and has not succeeded since */
  int64_t since, begun;            /* when its job began, and the first of its row; send.up's clock */
  struct remote *next, *prev;      /* all of them */
  struct remote *idle_next, *idle_prev; /* of its destination */
  struct remote *older, *newer;    /* all idle ones */
  unixmessage_receiver receiver;
  char main_buffer[UNIXMESSAGE_BUFSIZE], aux_buffer[2 * sizeof(int)];
};

struct destination_list {
  struct destination *first, *last;
};

struct bounce {
  pid_t pid;                       /* 0: free */
  int64_t since;                   /* send.up's clock */
  struct message *message;
};

struct send {
  struct schedule schedule;
  struct routing routing;
  int64_t now;                     /* seconds since 1970 */
  int64_t up;                      /* seconds, on a clock that nobody sets */
  int64_t since;                   /* when we started, or the clock was last set back */
  unsigned back : 1;               /* it was, and nothing done about it yet */
  unsigned stopping : 1;

  unsigned active, active_most;
  unsigned turn : 1;               /* of the line of fresh messages, not the heap's */
  unsigned remote_most;            /* descriptors permitting */

  struct destination **bucket;
  size_t buckets, destinations;
  struct destination_list ready;
  struct destination_list starved, wanting; /* no place for the first, or for a further relay-remote of theirs */

  struct destination_list doubtful; /* failed before, and those that did have their share of the places */

  unsigned remotes, busy;
  unsigned doubts;                 /* relay-remotes of destinations that failed before */
  struct remote *all, *gone;
  struct remote *oldest, *newest;  /* idle */
  stralloc job;                    /* scratch */

  int refused;                     /* the memory of refused logins; -1: none */

  pid_t spawner;
  unixmessage_sender requests;
  unsigned requests_waiting : 1;   /* epoll tells when there is room */
  unsigned requests_again : 1;     /* the kernel lacked memory for them: tried again soon */
  unsigned lost : 1;               /* the spawner has gone */

  pid_t syncer;
  int sync_fd;                     /* -1: it has ended */
  uint64_t unsynced, syncing;      /* directories out of which files went: not yet handed over, and under way */
  unsigned sync_fails : 1;

  char const *reporter;            /* relay-bounce */
  struct bounce bounce[BOUNCES];
  struct message *bounce_first, *bounce_last;

  struct message *held;
  unsigned holds;
  int64_t hold_at, hold_wait;

  int epoll, trigger, signals;
  enum watch watch[WATCH_REMOTE];  /* what epoll's data points to: each its own index */
  char trigger_buffer[65536];
  size_t trigger_len;
  size_t trigger_room;             /* of the FIFO */

  int64_t scan_every, scan_at, sweep_at;
  unsigned scan_next;              /* the subdirectory; STORE_SPLIT: none under way */
  unsigned hurry : 1;              /* SIGALRM came during the scan: what it finds is due at once */
};

/* A slot's `trouble` is the time (send.up's clock) when a report first came to nothing; 0: the last one did not. Its
 * flags: */
#define SLOT_UNVERIFIED 1          /* found by a scan, its digest not yet compared */
#define SLOT_STEP 2                /* one step: how often it has found several destinations full, none of them proven */
#define SLOT_STEPS 14              /* all steps */
#define SLOT_ALONE 16              /* parked, and nothing of it is for another destination */

#endif
