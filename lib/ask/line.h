/* What relay-smtpd and relay-ask say to each other: lines that end in LF, one answer for each question, in order.
 *
 *   recipient LOCAL@DOMAIN   does the domain's next hop take this recipient?
 *   hosts DOMAIN             to which addresses do the domain's mail exchangers lead?
 *
 *   yes                      it does
 *   yes IP IP ...            to these, and to no others
 *   no TEXT                  it does not; to none
 *   unknown TEXT             that can't be told now
 *
 * TEXT is printable ASCII. Pure. */
#ifndef ASK_LINE_H
#define ASK_LINE_H

#include <stddef.h>
#include "base/limits.h"
#include "parse/ip.h"
#include "policy/decide.h"

#define ASK_SUBJECT (LIMIT_LOCAL_PART + 1 + LIMIT_DOMAIN) /* bytes of the longest address or domain in a question */
#define ASK_QUESTION (ASK_SUBJECT + 16) /* bytes of the longest question with its LF */
#define ASK_TEXT 512                    /* bytes of a text with its NUL; a longer one is cut */
#define ASK_IPS 64                      /* addresses of an answer; where there are more the answer is `unknown` */
#define ASK_ANSWER (ASK_IPS * IP_TEXT + ASK_TEXT) /* bytes of the longest answer with its LF */
#define ASK_TIME 60                     /* seconds that relay-ask takes for a question, unless told otherwise */

enum ask_kind { ASK_RECIPIENT, ASK_HOSTS };

struct ask_answer {
  enum answer state;      /* never ANSWER_NOT_ASKED */
  char text[ASK_TEXT];    /* NO, UNKNOWN: why, printable ASCII; "" if nothing was said */
  unsigned n;             /* ASK_HOSTS and YES: at least 1; else 0 */
  struct ip ip[ASK_IPS];
};

struct ask_query {
  enum ask_kind kind;
  char subject[ASK_SUBJECT + 1]; /* address or domain, NUL-terminated, not empty; no NUL, LF or CR within */
};

/* Writes the question, with LF and no NUL. Returns its bytes, or 0 when the subject is empty, too long, or holds CR or
 * LF. */
size_t ask_query_fmt(char out[ASK_QUESTION], enum ask_kind kind, char const *subject);

/* Reads a question, s[0..n) without its LF; any byte may occur. Returns 1, or 0 when it is none. */
int ask_query_scan(struct ask_query *q, char const *s, size_t n);

/* Writes an answer, with LF and no NUL. What is not printable in the text becomes `?`. Returns its bytes. */
size_t ask_answer_fmt(char out[ASK_ANSWER], struct ask_answer const *a);

/* Reads the answer to a question of that kind, s[0..n) without its LF; any byte may occur. Returns 1, or 0 when it is
 * none: other words, no address with a `yes` to ASK_HOSTS, one with a `yes` to ASK_RECIPIENT, a text that is not
 * printable ASCII. */
int ask_answer_scan(struct ask_answer *a, enum ask_kind kind, char const *s, size_t n);

#endif
