/* Policies of MTA-STS kept in a directory: for each domain a file of its name, which is replaced as a whole, and
 * `DOMAIN~`, which is a lock and says what the last fetch that failed came to. No domain has a `~`, and none begins
 * with a dot. A policy's file has the time of its end as its time of change, so that old ones are found without a look
 * inside. */
#ifndef STS_CACHE_H
#define STS_CACHE_H

#include <stdint.h>
#include "sts/policy.h"

#define STS_REST 300          /* seconds without a further try after a fetch that failed; RFC 8461 3.3 */
#define STS_RENEW 86400       /* a policy is fetched anew after a day, whatever its id */
#define STS_AHEAD 86400       /* seconds by which clocks may differ */
#define STS_ENTRY_MOST (1U << 20) /* bytes of a kept policy's text: more than any comes to */
#define STS_SWEEP 86400       /* files of policies that ended so long ago go, as often */

struct sts_entry {
  char id[STS_ID];            /* of the TXT record, when the policy was fetched */
  int64_t fetched, ends;      /* seconds since 1970 */
  struct sts_policy policy;
};

#define STS_ENTRY_ZERO { .policy = STS_POLICY_ZERO }

/* How a fetch ended: relay-mtasts' exit codes, and the words of RFC 8460 4.3 for it. */
enum sts_fetched {
  STS_FETCHED = 0,
  STS_INVALID = 1,            /* sts-policy-invalid */
  STS_UNTRUSTED = 2,          /* sts-webpki-invalid */
  STS_NOT_FETCHED = 3,        /* sts-policy-fetch-error */
  STS_OURS = 111,             /* our own side failed: that says nothing about the domain */
};

/* The file's text, pure. scan: any byte may occur; e must be initialised, and is overwritten; returns 1, or 0 malformed
 * (or without memory). fmt appends; returns 1, or 0 without memory. */
int sts_entry_scan(struct sts_entry *e, char const *s, size_t n);
int sts_entry_fmt(stralloc *out, struct sts_entry const *e);

/* Reads a canonical domain's policy. Returns 1, 0: there is none, or -1 with errno (EPROTO: malformed). */
int sts_cache_read(char const *dir, char const *domain, struct sts_entry *e);

/* Writes it. Returns 0, or -1 with errno; then the old one is still there. */
int sts_cache_write(char const *dir, char const *domain, struct sts_entry const *e);

void sts_entry_free(struct sts_entry *e);

/* Has it not ended at `now` (seconds since 1970)? */
int sts_entry_good(struct sts_entry const *e, int64_t now);
/* Was it fetched more than a day later than now: is one of the two clocks wrong? */
int sts_entry_ahead(struct sts_entry const *e, int64_t now);
/* Shall it be fetched anew in spite of the same id: past half of its life, a day old, or from the future? */
int sts_entry_old(struct sts_entry const *e, int64_t now);

/* Takes the domain's lock, before `deadline` (io_now's clock). Returns a descriptor (close it), or -1 with errno. */
int sts_lock(char const *dir, char const *domain, int64_t deadline);
/* What the last failure under this lock was, if it was with this id and less than STS_REST ago; else STS_FETCHED. */
enum sts_fetched sts_failed_before(int lock, char const *id, int64_t now);
/* Notes how a fetch with that id ended; nothing about STS_OURS. Errors are ignored: it would only be tried again
 * sooner. */
void sts_note(int lock, char const *id, enum sts_fetched how);

/* Removes, once in STS_SWEEP, files of policies and failures that are long over. */
void sts_sweep(char const *dir, int64_t now);

#endif
