/* Fetching a domain's MTA-STS policy over HTTPS (RFC 8461 3.3). The one room that knows libcurl. */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "dns/answer.h"
#include "sts/cache.h"

#define FETCH_WHY 300
#define FETCH_HEAD 65536 /* bytes of headers */

struct fetch {
  char const *domain;               /* canonical */
  struct address_list const *at;    /* where mta-sts.DOMAIN is; null: `instead` counts */
  char const *instead;              /* ADDRESS:PORT to connect to */
  char const *ca;                   /* a file of CAs; null: the system's */
  long milliseconds;                /* for all of it */
};

/* Makes ready and cleans up, once in a process. fetch_begin returns 1, or 0. */
int fetch_begin(void);
void fetch_end(void);

/* Fetches into `body` (at most STS_POLICY bytes), whose old contents are lost. Returns STS_FETCHED, or with why
 * (printable ASCII but for what the server said) how it failed. Redirects are not followed, proxies, .netrc and caches
 * not used; the certificate must have the name among its subjectAltNames. */
enum sts_fetched fetch(struct fetch const *f, stralloc *body, char why[FETCH_WHY]);

#endif
