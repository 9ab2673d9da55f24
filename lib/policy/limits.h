/* The limits that the rules set (base/limits.h has the list and the defaults). */
#ifndef POLICY_LIMITS_H
#define POLICY_LIMITS_H

#include <stdint.h>
#include "base/limits.h"
#include "table/table.h"

/* The limit's value: as `limits` says, else its default. t may be null. A corrupt record counts as none. */
uint32_t limit_get(struct table_set const *t, enum limit which);

#endif
