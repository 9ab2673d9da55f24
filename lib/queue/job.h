/* What relay-send and relay-remote say to each other over a Unix stream socket (relay-remote's descriptor 0), in
 * skalibs' unixmessages: a job with the open message file, then its report. One job at a time. */
#ifndef QUEUE_JOB_H
#define QUEUE_JOB_H

#include <stddef.h>
#include <stdint.h>

/* A job's data: decimal body length, flags, ID, sender, recipients; each NUL-terminated. If any of them has
 * parameters of RFC 3461 (parse/dsn.h) an empty string follows, then the sender's parameters, then those of each
 * recipient: without them a job is what it was before they were known. One descriptor: the message; read it with
 * pread from 0 on, never seek it.
 *
 * A report's data is qmail-remote's: r, h or s and text, NUL, for each recipient in order (none when the connection
 * failed), then K, Z or D and text, NUL; by LMTP K's text may be empty, and those of the lines count. To who asked for
 * it by relay-remote's -e (a relay-send from before that takes what it doesn't know for malformed) there is more.
 * Perhaps n and NUL: the server offers DSN, and was told of the parameters. And t, then the connection's TLS as three
 * words (version, cipher, by what the certificate was verified: none, ca, dane, sts), or `none` and perhaps why; or
 * nothing: there was no connection, and the lines say nothing about the next hop; NUL. */
struct job {
  uint64_t body;            /* bytes */
  unsigned flags;           /* STORE_FLAG_... */
  char const *id;
  char const *sender;
  char const *dsn;          /* "": none. In their form, as those of the recipients are */
  char const *recipients;   /* n of them, NUL-terminated, one behind the other */
  unsigned n;
  char const *dsn_each;     /* n of them likewise; null: none */
};

/* Reads a job from a message's data, which it points into. Returns 1, or 0 when malformed. */
int job_scan(struct job *j, char const *s, size_t len);

/* Appends a job's head (all before the recipients) to a stralloc. Returns 1, or 0 without memory. */
struct stralloc_s;
int job_head(struct stralloc_s *sa, uint64_t body, unsigned flags, char const *id, char const *sender);

#endif
