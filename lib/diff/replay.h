/* Decisions of the log, made again by other rules. */
#ifndef DIFF_REPLAY_H
#define DIFF_REPLAY_H

#include <stdint.h>
#include <stdio.h>
#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>
#include "table/table.h"

#define REPLAY_LINE 65536 /* bytes of a line; a longer one is none of relay-smtpd's that can be read */

struct replay {
  struct table_set const *old; /* null: what was decided is what the log says */
  struct table_set const *new;
  uint64_t recipients;  /* lines about recipients, which are: */
  uint64_t same;        /* decided alike */
  uint64_t reason;      /* the same verdict for another reason or by another line */
  uint64_t changed;     /* another verdict, or relayed instead of ours or the other way round */
  uint64_t open;        /* the network would have to be asked, and the line does not have its answer */
  uint64_t bad;         /* can't be read */
  uint64_t unlike;      /* of same, reason and changed: the old rules decide otherwise than the log says */
  stralloc text;
  genalloc changes;     /* struct replay_change, as they came */
  genalloc slots;       /* uint32_t: 0, or a change's number plus 1 */
};
#define REPLAY_ZERO { .text = STRALLOC_ZERO, .changes = GENALLOC_ZERO, .slots = GENALLOC_ZERO }

/* A change of one kind for the same client, login, sender and recipient. */
struct replay_change {
  size_t at, len;       /* in text: the six below, NUL behind each, any other byte but NUL */
  uint32_t hash;
  uint64_t times;
};
enum replay_field { REPLAY_CLIENT, REPLAY_LOGIN, REPLAY_SENDER, REPLAY_RECIPIENT, REPLAY_THEN, REPLAY_NOW };
char const *replay_field(struct replay const *r, struct replay_change const *c, enum replay_field which);

/* One line without its LF. Other lines than those about recipients are passed over. Returns 0, or -1 with errno. */
int replay_line(struct replay *r, char const *s, size_t n);
/* All lines of a file. Returns 0, or -1 with errno. */
int replay_file(struct replay *r, FILE *f);

/* What came of it, appended to out: the most frequent first; at most `most`, 0: all. Return 0, or -1. */
int replay_text(stralloc *out, struct replay *r, unsigned most);
int replay_json(stralloc *out, struct replay *r);
void replay_free(struct replay *r);

#endif
