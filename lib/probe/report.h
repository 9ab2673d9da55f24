/* What a run found out, as a table for people and as JSON for programs. Whatever the server said, only printable
 * ASCII goes out. Each function appends whole lines. Returns 1, or 0 when there is no memory. */
#ifndef PROBE_REPORT_H
#define PROBE_REPORT_H

#include "probe/run.h"

int probe_report_head(stralloc *out, struct probe const *p);
int probe_report_row(stralloc *out, struct probe const *p, unsigned i);
int probe_report_sum(stralloc *out, struct probe const *p, enum probe_judgement whole);

/* All of it; also when there was no connection (p->trouble). */
int probe_report_json(stralloc *out, struct probe const *p, enum probe_judgement whole);

#endif
