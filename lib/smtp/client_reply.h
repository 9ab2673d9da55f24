/* Replies of a server (RFC 5321 4.2), from bytes to one line that can be shown. Pure; the bytes may be anything.
 *
 *   reply  = *( code "-" text CRLF ) code [ SP text ] CRLF      all codes the same, 200 to 599
 *
 * A line may also end in a bare LF: what we make of a reply is a verdict, not data for others, so leniency harms
 * nobody. A line longer than LIMIT_REPLY_LINE, more than LIMIT_REPLY_LINES lines, or anything else makes the reply
 * bad: the connection is of no more use. */
#ifndef SMTP_CLIENT_REPLY_H
#define SMTP_CLIENT_REPLY_H

#include <stddef.h>
#include "base/limits.h"

#define CLIENT_REPLY_TEXT 480 /* bytes of text with its NUL; longer ones are cut */

enum client_reply_state { CLIENT_REPLY_MORE, CLIENT_REPLY_DONE, CLIENT_REPLY_BAD };

struct client_reply {
  int code;                       /* 200 to 599 */
  unsigned lines;                 /* lines read */
  char text[CLIENT_REPLY_TEXT];   /* "250 2.1.0 ok": all lines joined by a space, the enhanced code once;
                                     printable ASCII (other bytes as `?`), NUL-terminated */
  size_t text_len;
  /* the parser's own */
  size_t line_len;                /* bytes of the line so far, in line */
  char line[LIMIT_REPLY_LINE];
  /* Called for each line's text behind the code (EHLO's keywords): no CR, LF; any other byte, not NUL-terminated.
   * May be null. */
  void (*each)(void *arg, unsigned number, char const *text, size_t len);
  void *arg;
};

/* Makes ready for a reply. */
void client_reply_start(struct client_reply *r, void (*each)(void *, unsigned, char const *, size_t), void *arg);

/* Takes bytes of s[0..n) up to the reply's end at most; *used says how many. After DONE and BAD start anew. */
enum client_reply_state client_reply_feed(struct client_reply *r, char const *s, size_t n, size_t *used);

/* The reply's enhanced code (RFC 2034: "5.1.1" behind the code, its class matching), as a length; *at points into
 * r->text. 0: there is none. */
size_t client_reply_enhanced(struct client_reply const *r, char const **at);

#endif
