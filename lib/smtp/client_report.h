/* qmail-remote's report: for each recipient r, h or s and text, NUL; then K, Z or D and text, NUL. */
#ifndef SMTP_CLIENT_REPORT_H
#define SMTP_CLIENT_REPORT_H

#include <skalibs/stralloc.h>

struct client_report {
  stralloc sa;          /* what is said so far */
  unsigned lines;       /* recipients' lines in it */
  unsigned failed : 1;  /* no memory: sa is not to be trusted */
  unsigned dsn : 1;     /* the server offered DSN: it was told what is wished */
};

#define CLIENT_REPORT_ZERO { .sa = STRALLOC_ZERO }

void client_report_clear(struct client_report *r);
void client_report_free(struct client_report *r);

/* Appends kind, the three texts (null: none) one behind the other, and a NUL. The texts may hold any byte but NUL;
 * what is not printable ASCII is written `?`, so that a report's text is always one line. */
void client_report_add(struct client_report *r, char kind, char const *a, char const *b, char const *c);

#endif
