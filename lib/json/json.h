/* Writes JSON (RFC 8259) into a stralloc: what the tools say to programs.
 *
 * The text is ASCII without controls whatever the strings hold, so it may go to a terminal, too: everything else is
 * written as \uXXXX, above U+FFFF as two of them (RFC 8259 7). A byte that is no valid UTF-8 becomes U+FFFD.
 *
 *   struct json j = JSON_START(&out);
 *   json_object(&j);
 *   json_key(&j, "client"), json_str(&j, "192.0.2.1");
 *   json_key(&j, "tries"), json_array(&j), json_number(&j, 1), json_end(&j);
 *   json_end(&j);
 *
 * The writer puts commas and colons; which value may stand where (a key before each in an object, and nowhere else;
 * as many ends as beginnings; one value in all) is the caller's to keep, and asserted. */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/stralloc.h>

#define JSON_DEPTH 32 /* objects and arrays within each other at most */

struct json {
  stralloc *out;          /* the caller's; the text is appended, no NUL, no LF */
  unsigned depth;         /* open objects and arrays */
  uint32_t objects;       /* bit n: the one at depth n is an object */
  unsigned some : 1;      /* a value stands before the next one on this depth */
  unsigned keyed : 1;     /* a key waits for its value */
  unsigned failed : 1;    /* no memory: what stands in out is worth nothing */
};

#define JSON_START(stralloc_p) { .out = (stralloc_p) }

void json_object(struct json *j);
void json_array(struct json *j);

/* Ends the innermost object or array. */
void json_end(struct json *j);

/* The key of the next value; any bytes. */
void json_key(struct json *j, char const *key);

void json_string(struct json *j, char const *s, size_t n); /* any byte may occur */
void json_str(struct json *j, char const *s);              /* NUL-terminated; a null pointer is written as null */
void json_number(struct json *j, int64_t n);
void json_bool(struct json *j, int yes);
void json_null(struct json *j);

#endif
