/* An entry: a stamp on its way between machines, as it lies in the server under its key and goes over the channel.
 * Lines, each ended by LF, then the signature in 64 digits, 0-9a-f, with no LF behind it:
 *
 *   posthouse-stamp-1
 *   PREFIX      of the group of machines that it is for: who copies it to another group's place gets nothing by it
 *   TIME        of the login, seconds since 1970
 *   NODE        the machine on which it was
 *   ADDRESS     or ADDRESS/64: the network, ADDRESS being its first address
 *   USER        may be empty
 *   SIGNATURE   HMAC-SHA256 (RFC 2104) over all the lines above, with the key that the machines share
 *
 * A stamp has one text only: what is written in another way is none, whoever signed it. Pure. */
#ifndef SHARE_ENTRY_H
#define SHARE_ENTRY_H

#include <stddef.h>
#include <stdint.h>
#include "stamp/store.h"

#define ENTRY_SIGNATURE 64
#define ENTRY_MAX 640      /* bytes of the largest entry and more; what is larger is none */
#define ENTRY_NAME (IP_TEXT + 3) /* bytes of `ADDRESS/64` with its NUL */
#define ENTRY_KEY_LEAST 32 /* bytes of the shared key: fewer could be guessed from one entry */
#define ENTRY_AHEAD 5      /* seconds that another machine's clock may be ahead of ours */

/* What a group of machines shares: the key, and the prefix of its keys' names in the server (where_is_prefix). */
struct entry_key { char const *s; size_t len; char const *prefix; };

/* X(result, word for the log): why an entry opens nothing */
#define ENTRY_RESULTS(X) \
  X(ENTRY_GOOD, "good") \
  X(ENTRY_LARGE, "large")        /* larger than any of ours */ \
  X(ENTRY_UNSIGNED, "unsigned")  /* not signed with our key, or altered since */ \
  X(ENTRY_NONE, "malformed")     /* signed, but no stamp */ \
  X(ENTRY_OTHER, "other-prefix") /* signed, but for other machines that have the same key */ \
  X(ENTRY_EXPIRED, "expired") \
  X(ENTRY_FUTURE, "future")

enum entry_result {
#define X(result, word) result,
  ENTRY_RESULTS(X)
#undef X
  ENTRY_COUNT
};

char const *entry_word(enum entry_result r);

/* What the address is called in keys and entries, `ADDRESS` or `ADDRESS/64`. Returns its length without the NUL. */
size_t entry_name(char out[ENTRY_NAME], struct stamp const *s);

/* Is s[0..n), any bytes, such a name? */
int entry_is_name(char const *s, size_t n);

/* Writes the lines of a stamp that has a node, without the signature. Returns their length. */
size_t entry_fmt(char out[ENTRY_MAX], struct stamp const *s, char const *prefix);

/* Reads the lines, s[0..n), any bytes. boot is set to -1. Returns ENTRY_GOOD, ENTRY_OTHER when it is what entry_fmt
 * writes with another prefix, or ENTRY_NONE when it is no text of that kind; *out is set for the first alone. */
enum entry_result entry_scan(struct stamp *out, char const *s, size_t n, char const *prefix);

/* Writes a whole entry. Returns its length; 0 without memory. */
size_t entry_seal(char out[ENTRY_MAX], struct stamp const *s, struct entry_key const *key);

/* Reads a whole entry, s[0..n), any bytes: the signature first, in a time that does not tell how much of it is right.
 * Returns ENTRY_GOOD, ENTRY_LARGE, ENTRY_UNSIGNED, ENTRY_NONE or ENTRY_OTHER; *out is set for the first alone. */
enum entry_result entry_open(struct stamp *out, char const *s, size_t n, struct entry_key const *key);

/* Judges another machine's stamp by our clocks, of which the first is `late` seconds behind the clock that counts
 * (share/clock.h), and sets its time and boot to what they are here: never later than now, and never before we were
 * started. Returns ENTRY_GOOD, ENTRY_EXPIRED (older than `seconds`) or ENTRY_FUTURE. */
enum entry_result entry_judge(struct stamp *s, struct clocks const *c, int64_t late, int64_t seconds);

#endif
