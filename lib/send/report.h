/* Reading relay-remote's report (queue/job.h). Pure. */
#ifndef SEND_REPORT_H
#define SEND_REPORT_H

#include <stddef.h>

enum outcome { OUTCOME_DELIVERED, OUTCOME_DEFERRED, OUTCOME_FAILED };

enum report_state {
  REPORT_BAD,       /* malformed, or not for so many recipients */
  REPORT_WHOLE,     /* about the next hop as a whole: no recipients' lines, Z or D */
  REPORT_EACH,      /* a line for each recipient */
};

struct report {
  char const *s;      /* the recipients' lines */
  char verdict;       /* K, Z or D */
  char const *text;   /* the verdict's, NUL-terminated, from outside */
  unsigned dsn : 1;   /* the next hop was told what is wished about notifications, and sees to it (RFC 3461 5.2.1) */
  unsigned unmet : 1; /* there was no connection to the next hop */
  char const *tls;    /* what is said of TLS, likewise; "": nothing */
};

/* Checks a report's data for a job of n recipients; r points into it. Any byte may occur. */
enum report_state report_scan(struct report *r, char const *s, size_t len, unsigned n);

/* The next recipient of a REPORT_EACH, to be called n times with *pos from 0 on. What holds is what qmail-rspawn(8)
 * makes of the two lines. *text points to the words that give the reason, from outside: for a delivery those of the
 * verdict, if there are any, else the recipient's own. */
enum outcome report_next(struct report const *r, size_t *pos, char const **text);

/* The outcome that a REPORT_WHOLE has for all. */
enum outcome report_whole(struct report const *r);

#endif
