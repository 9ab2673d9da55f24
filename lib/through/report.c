/* qmail-remote's report, read for one answer to all recipients. */
#include <stdio.h>
#include <string.h>
#include "through/through.h"

struct report {
  unsigned lines, refused, deferred;          /* recipients' lines, and how many of them are h and s */
  char const *h, *s;                          /* the first of each, without its letter */
  char const *h_recipient, *s_recipient;      /* whose they are */
  char const *last;                           /* the line on the message, with its letter; null: none */
};

/* Returns 1, or 0 when it is no report. */
static int scan(struct report *r, char const *s, size_t len, char const *recipient, unsigned n)
{
  *r = (struct report){ .lines = 0 };
  while (len) {
    char const *end = memchr(s, 0, len);
    if (!end || r->last) return 0;
    if (strchr("KZD", *s) && *s) {
      r->last = s;
    } else {
      if (r->lines++ == n || !*s || !strchr("rhs", *s)) return 0;
      if (*s == 'h' && !r->refused++) r->h = s + 1, r->h_recipient = recipient;
      if (*s == 's' && !r->deferred++) r->s = s + 1, r->s_recipient = recipient;
      recipient += strlen(recipient) + 1;
    }
    len -= (size_t)(end - s) + 1;
    s = end + 1;
  }
  return r->last != 0;
}

/* Finds an enhanced code of this class (RFC 3463 2) in a text: behind `said: 550 `, or in `(#5.1.1)`. Returns its
 * length, 0: there is none. */
static size_t enhanced(char const *text, char kind, char const **code)
{
  static char const digits[] = "0123456789", inside[] = "0123456789.";
  char class = kind == 'D' ? '5' : '4';
  for (char const *s = text; *s; s++) {
    if (*s != class || s[1] != '.' || (s > text && strchr(inside, s[-1]))) continue;
    size_t subject = strspn(s + 2, digits), detail = 0;
    if (s[2 + subject] == '.') detail = strspn(s + 3 + subject, digits);
    size_t n = 3 + subject + detail;
    if (!subject || subject > 3 || !detail || detail > 3 || s[n] == '.') continue;
    *code = s;
    return n;
  }
  return 0;
}

static void say(struct through_verdict *v, char kind, char const *recipient, char const *text, char const *more)
{
  char const *code = "";
  size_t n = enhanced(text, kind, &code);
  if (code == text && !recipient) n = 0; /* it leads already */
  v->kind = kind;
  snprintf(v->text, sizeof v->text, "%.*s%s%s%s%s%s", (int)n, code, n ? " " : "", recipient ? recipient : "",
           recipient ? ": " : "", text, more);
  for (char *s = v->text; *s; s++)
    if (*s < ' ' || *s > '~') *s = '?';
}

void through_report(struct through_verdict *v, char const *s, size_t len, char const *recipients, unsigned n)
{
  static char const nobody[] = "; none of the recipients got the message";
  struct report r;
  if (!scan(&r, s, len, recipients, n)) {
    say(v, 'Z', 0, "4.3.0 relay-remote gave no report", "");
  } else if (*r.last == 'K') {
    *v = (struct through_verdict){ .kind = 0 };
    if (r.lines == n && !r.refused && !r.deferred) return;
    /* It was asked for all or none. A second try would reach those again who have it. */
    say(v, 'D', 0, r.h ? r.h : r.s ? r.s : "5.3.0 the next hop", "; the other recipients got the message");
  } else if (*r.last == 'D' && r.h) {
    say(v, 'D', r.refused < n ? r.h_recipient : 0, r.h, r.refused < n ? nobody : "");
  } else if (*r.last == 'Z' && r.s) {
    say(v, 'Z', r.deferred < n ? r.s_recipient : 0, r.s, r.deferred < n ? nobody : "");
  } else {
    say(v, *r.last, 0, r.last + 1, "");
  }
}
