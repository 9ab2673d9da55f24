/* The rules as relay-send uses them: where a recipient's mail goes, and the limits; reopened when they change. */
#ifndef SEND_ROUTING_H
#define SEND_ROUTING_H

#include <stdint.h>
#include <sys/stat.h>
#include "parse/domain.h"
#include "policy/route.h"

struct routing {
  char const *path;
  struct table_set *table;   /* null: none could be opened yet */
  struct stat seen;          /* the file that was opened, or tried, last */
  int64_t checked;           /* seconds since 1970 */
  unsigned edition;          /* goes up when others are taken up */
  unsigned complained : 1;
  uint32_t concurrency, destination, queue_time, warn_time; /* base/limits.h */
  char me[DOMAIN_TEXT];
};

/* Looks after the rules, at most once a second unless `force`. Returns 1 when there are rules, the old ones if the
 * new ones can't be used; 0 when there are none. */
int routing_fresh(struct routing *r, int64_t now, int force);

enum routed { ROUTED, ROUTED_BAD_ADDRESS, ROUTED_CORRUPT };

/* The word of the route for a recipient (any bytes but NUL). One without a domain is at our own host. */
enum routed routing_word(struct routing const *r, char const *recipient, char word[ROUTE_TEXT]);

#endif
