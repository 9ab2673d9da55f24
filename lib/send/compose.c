/* The text of a bounce. The form is QSBMF (cr.yp.to/proto/qsbmf.txt): a first paragraph that begins "Hi. This is
 * the", for each recipient a paragraph "<address>:" and the reason, then one that begins with "-", and the original
 * message's beginning. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/limits.h"
#include "queue/store.h"
#include "send/compose.h"

/* Bytes from outside, within one line. */
static int plain(stralloc *sa, char const *s, size_t most)
{
  size_t len = strnlen(s, most);
  if (!stralloc_readyplus(sa, len)) return 0;
  for (size_t i = 0; i < len; i++) {
    int blank = s[i] == '\n' || s[i] == '\t';
    sa->s[sa->len++] = blank ? ' ' : s[i] < ' ' || s[i] > '~' ? '?' : s[i];
  }
  return 1;
}

int compose_head(stralloc *sa, struct compose const *c)
{
  char date[64];
  time_t t = (time_t)c->now;
  struct tm tm;
  static char const *const day[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
  static char const *const month[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
  };
  if (!gmtime_r(&t, &tm)) return 0;
  snprintf(date, sizeof date, "%s, %d %s %d %02d:%02d:%02d +0000", day[tm.tm_wday], tm.tm_mday, month[tm.tm_mon],
    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
  return stralloc_cats(sa, "Date: ") && stralloc_cats(sa, date)
    && stralloc_cats(sa, "\nFrom: MAILER-DAEMON@") && plain(sa, c->me, LIMIT_DOMAIN)
    && stralloc_cats(sa, "\nTo: ") && plain(sa, c->to, LIMIT_ADDRESS)
    && stralloc_cats(sa, "\nMessage-ID: <") && plain(sa, c->id, STORE_ID)
    && stralloc_cats(sa, "@") && plain(sa, c->me, LIMIT_DOMAIN)
    && stralloc_cats(sa, ">\nSubject: failure notice\nAuto-Submitted: auto-replied\n\n") /* RFC 3834 5 */
    && stralloc_cats(sa, "Hi. This is the mail relay at ") && plain(sa, c->me, LIMIT_DOMAIN)
    && stralloc_cats(sa, ".\nYour message could not be delivered to the addresses below.\n")
    && stralloc_cats(sa, "No further attempt will be made. Its number here was ") && plain(sa, c->original, STORE_ID)
    && stralloc_cats(sa, ".\n");
}

int compose_failure(stralloc *sa, char const *recipient, char const *reason)
{
  return stralloc_cats(sa, "\n<") && plain(sa, recipient, LIMIT_ADDRESS) && stralloc_cats(sa, ">:\n")
    && plain(sa, *reason ? reason : "No reason was given.", LIMIT_REPLY_LINE) && stralloc_cats(sa, "\n");
}

/* Bytes up to and with the last line of the header. */
static size_t header_end(char const *s, size_t len)
{
  size_t end = 0;
  while (end < len && s[end] != '\n') {
    char const *lf = memchr(s + end, '\n', len - end);
    if (!lf) break; /* cut within a line: that one is left out */
    end = (size_t)(lf - s) + 1;
  }
  return end;
}

int compose_original(stralloc *sa, char const *s, size_t len)
{
  len = header_end(s, len);
  if (!stralloc_cats(sa, "\n--- Below this line is the header of the message.\n\n")) return 0;
  if (!stralloc_readyplus(sa, len)) return 0;
  for (size_t i = 0; i < len; i++)
    if (s[i] && s[i] != '\r') sa->s[sa->len++] = s[i];
  return 1;
}
