/* What the sender of a message is to hear of its recipients (RFC 3461 4.1, 5.2), gathered while it is active: in
 * m->failures an entry for each, `failed` of them. */
#ifndef SEND_OWED_H
#define SEND_OWED_H

#include "report/notice.h"
#include "send/send.h"

struct owed {
  uint32_t at;             /* the recipient */
  enum notice_kind kind;
  char const *text;        /* from outside */
};

/* Adds an entry, of text the first REASON_TEXT bytes. Returns 1, or 0 without memory. */
int owed_add(struct message *m, size_t at, enum notice_kind kind, char const *text);

/* Goes through them: *pos from 0 on. Returns 1, or 0 at the end. */
int owed_next(struct message const *m, size_t *pos, struct owed *o);

/* Is there somebody who wants to hear that? Nobody is told at the null sender (RFC 5321 4.5.5), nor who said so with
 * NOTIFY. */
int owed_wanted(struct message const *m, size_t at, enum notice_kind kind);

/* Is it no recipient to whom anything is to be delivered, but one of whom something is to be told: an alias that was
 * expanded, or a success whose report is missing since we were interrupted? */
int owed_alone(struct message const *m, size_t at, enum notice_kind *kind, char const **text);

/* Is it time to say that the message is late? (The limit warn-time.) */
int owed_late(struct send const *s, struct message const *m);

#endif
