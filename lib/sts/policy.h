/* MTA-STS (RFC 8461): what a domain's TXT record and its policy say. Pure; any byte may occur in what is read. */
#ifndef STS_POLICY_H
#define STS_POLICY_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/stralloc.h>

#define STS_ID 33                 /* bytes of the longest id with its NUL; RFC 8461 3.1 */
#define STS_POLICY 65536          /* bytes of the largest policy; 3.3 */
#define STS_MAX_AGE 31557600      /* seconds; 3.2 */

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

struct sts_policy {
  enum sts_mode mode;
  uint32_t max_age;   /* seconds, at most STS_MAX_AGE */
  unsigned n;         /* patterns; none only with STS_NONE */
  stralloc mx;        /* a canonical name, or `*.` and one, each NUL-terminated */
};

#define STS_POLICY_ZERO { .mx = STRALLOC_ZERO }

/* Reads one TXT record, its strings joined. Returns 1 with the id, 0: it is about something else, or -1: it begins as
 * one of MTA-STS but is none. */
int sts_txt_scan(char id[STS_ID], char const *s, size_t n);

/* Is it an id: 1 to 32 letters and digits? */
int sts_id_ok(char const *s, size_t n);

/* Reads a policy. p must be initialised, and is overwritten. Returns null, or what is wrong with it (static), with p
 * not to be used but to be freed. Lines may be empty: the RFC's own strictness there helps nobody. */
char const *sts_policy_scan(struct sts_policy *p, char const *s, size_t n);

/* May a mail exchanger of that canonical name get mail (4.1)? `*.` stands for one label. */
int sts_policy_match(struct sts_policy const *p, char const *host);

void sts_policy_free(struct sts_policy *p);

/* "none", "testing", "enforce". Static. */
char const *sts_mode_word(enum sts_mode m);
/* Returns 1, or 0 for another word. */
int sts_mode_scan(enum sts_mode *m, char const *s, size_t n);

/* Appends a pattern, which may be as the domain's owner writes it. Returns 1, 0: it is none, -1: no memory. */
int sts_policy_add(struct sts_policy *p, char const *s, size_t n);

#endif
