/* A report's header and words, and its third part. */
#include <stdio.h>
#include <string.h>
#include "base/limits.h"
#include "codec/base64.h"
#include "queue/store.h"
#include "report/compose.h"
#include "report/line.h"

#define B64_BYTES 57 /* of a line of 76 characters; RFC 2045 6.8 */

static int any(struct notice const *n, char const *kinds)
{
  for (unsigned i = 0; i < n->n; i++) if (strchr(kinds, (char)n->recipient[i].kind)) return 1;
  return 0;
}

/* Does the third part go as it is, bytes from 0x80 on among it? */
static int raw(struct compose const *c)
{
  return c->eight && !(c->notice->flags & STORE_FLAG_UTF8);
}

int compose_head(stralloc *sa, struct compose const *c)
{
  struct notice const *n = c->notice;
  char const *what = any(n, "fx") ? "Failure" : any(n, "d") ? "Delay" : "Success";
  return stralloc_cats(sa, "Date: ") && line_date(sa, c->now)
    && stralloc_cats(sa, "\nFrom: Mail Delivery System <MAILER-DAEMON@") && line_ascii(sa, n->me, LIMIT_DOMAIN)
    && stralloc_cats(sa, ">\nTo: <") && line_utf8(sa, n->sender, LIMIT_ADDRESS)
    && stralloc_cats(sa, ">\nMessage-ID: <") && line_ascii(sa, c->id, STORE_ID)
    && stralloc_cats(sa, "@") && line_ascii(sa, n->me, LIMIT_DOMAIN)
    && stralloc_cats(sa, ">\nSubject: Delivery Status Notification (") && stralloc_cats(sa, what)
    && stralloc_cats(sa, ")\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n" /* RFC 3834 5 */
      "Content-Type: multipart/report; report-type=delivery-status;\n  boundary=\"")
    && stralloc_cats(sa, c->boundary) && stralloc_cats(sa, "\"\n")
    && stralloc_cats(sa, raw(c) ? "Content-Transfer-Encoding: 8bit\n\n" : "\n"); /* RFC 2045 6.4: as its parts */
}

/* What is said of each kind. %s: our name, the message's number, the time. */
static int say_kind(stralloc *sa, struct notice const *n, enum notice_kind kind)
{
  switch (kind) {
    case NOTICE_FAILED:
      return stralloc_cats(sa, "It could not be delivered to the addresses below. No further attempt will be made.\n");
    case NOTICE_EXPIRED:
      return stralloc_cats(sa, "It could not be delivered to the addresses below for too long a time. No\n"
        "further attempt will be made. This is what the last one came to.\n");
    case NOTICE_DELAYED:
      return stralloc_cats(sa, "It could not yet be delivered to the addresses below. This is only a warning,\n"
        "you need not send it again: it is tried until ") && line_date(sa, n->until) && stralloc_cats(sa, ".\n");
    case NOTICE_DELIVERED:
      return stralloc_cats(sa, "It was delivered to the addresses below.\n");
    case NOTICE_RELAYED:
      return stralloc_cats(sa, "It was handed on for the addresses below, to servers that do not report\n"
        "success. You may hear no more of it.\n");
    case NOTICE_EXPANDED:
      return stralloc_cats(sa, "It was passed on to those for whom the addresses below stand.\n");
  }
  return 1;
}

int compose_words(stralloc *sa, struct compose const *c)
{
  static char const kinds[] = NOTICE_KINDS;
  struct notice const *n = c->notice;
  int ok = stralloc_cats(sa, "--") && stralloc_cats(sa, c->boundary)
    && stralloc_cats(sa, "\nContent-Type: text/plain; charset=us-ascii\n\nThis is the mail relay at ")
    && line_ascii(sa, n->me, LIMIT_DOMAIN) && stralloc_cats(sa, ", about the message that\ncame here on ")
    && line_date(sa, n->arrival) && stralloc_cats(sa, " and had the number ") && line_ascii(sa, n->id, STORE_ID)
    && stralloc_cats(sa, ".\n");
  for (char const *k = kinds; ok && *k; k++) {
    char one[] = { *k, 0 };
    if (!any(n, one)) continue;
    ok = stralloc_cats(sa, "\n") && say_kind(sa, n, (enum notice_kind)*k);
    for (unsigned i = 0; ok && i < n->n; i++) {
      struct notice_recipient const *r = n->recipient + i;
      if (r->kind != (enum notice_kind)*k) continue;
      ok = stralloc_cats(sa, "\n<") && line_ascii(sa, r->address, LIMIT_ADDRESS) && stralloc_cats(sa, ">:\n  ")
        && line_ascii(sa, *r->text ? r->text : "No reason was given.", LINE_MOST) && stralloc_cats(sa, "\n");
    }
  }
  return ok && stralloc_cats(sa, "\n");
}

enum compose_third compose_which(struct notice const *n)
{
  return n->mail.ret == DSN_RET_FULL && any(n, "fx") ? COMPOSE_WHOLE : COMPOSE_HEADERS;
}

/* RFC 6533 6 for internationalised mail: base64 there, so that the report goes through any server. */
int compose_third(stralloc *sa, struct compose const *c, enum compose_third which)
{
  int utf8 = (c->notice->flags & STORE_FLAG_UTF8) != 0;
  char const *type = which == COMPOSE_WHOLE ? utf8 ? "message/global" : "message/rfc822"
    : utf8 ? "message/global-headers" : "text/rfc822-headers";
  return stralloc_cats(sa, "--") && stralloc_cats(sa, c->boundary) && stralloc_cats(sa, "\nContent-Type: ")
    && stralloc_cats(sa, type)
    && stralloc_cats(sa, utf8 ? "\nContent-Transfer-Encoding: base64" : "")
    && stralloc_cats(sa, raw(c) ? "\nContent-Transfer-Encoding: 8bit" : "")
    && stralloc_cats(sa, "\n\n");
}

static int copy_base64(stralloc *sa, char const *s, size_t len)
{
  for (size_t n; len; s += n, len -= n) {
    n = len < B64_BYTES ? len : B64_BYTES;
    if (!stralloc_readyplus(sa, CODEC_BASE64(n) + 1)) return 0;
    sa->len += codec_base64(sa->s + sa->len, s, n);
    sa->s[sa->len++] = '\n';
  }
  return 1;
}

int compose_copy(stralloc *sa, struct notice const *n, char const *s, size_t len)
{
  if (n->flags & STORE_FLAG_UTF8) return copy_base64(sa, s, len);
  if (!stralloc_readyplus(sa, len)) return 0;
  for (size_t i = 0; i < len; i++)
    if (s[i] && s[i] != '\r') sa->s[sa->len++] = s[i];
  return 1;
}

int compose_end(stralloc *sa, struct compose const *c)
{
  return stralloc_cats(sa, "\n--") && stralloc_cats(sa, c->boundary) && stralloc_cats(sa, "--\n");
}

size_t compose_header(char const *s, size_t len)
{
  size_t end = 0;
  while (end < len && s[end] != '\n') {
    char const *lf = memchr(s + end, '\n', len - end);
    if (!lf) break; /* cut within a line: that one is left out */
    end = (size_t)(lf - s) + 1;
  }
  return end;
}
