/* From relay-remote's words ("mx.example [192.0.2.1] said: 550 5.1.1 no", "... (#4.4.1)") to RFC 3464's fields. */
#include <string.h>
#include "report/compose.h"

#define SAID " said: "

static int digit(char c)
{
  return c >= '0' && c <= '9';
}

/* Is there class.subject.detail (RFC 3463 2) of that class at s, and then one of `ends`? Its length, or 0. */
static size_t enhanced(char const *s, char class, char const *ends)
{
  size_t n = 2, subject, detail;
  if (s[0] != class || s[1] != '.') return 0;
  subject = strspn(s + n, "0123456789");
  if (!subject || subject > 3 || s[n + subject] != '.') return 0;
  n += subject + 1;
  detail = strspn(s + n, "0123456789");
  if (!detail || detail > 3) return 0;
  n += detail;
  return !s[n] || strchr(ends, s[n]) ? n : 0;
}

static char class_of(enum notice_kind kind)
{
  switch (kind) {
    case NOTICE_FAILED: return '5';
    case NOTICE_EXPIRED: case NOTICE_DELAYED: return '4';
    default: return '2';
  }
}

/* A server spoke: its name, a space, perhaps its address, and the reply. */
static void from_reply(struct compose_reason *out, char const *text, char class)
{
  char const *said = strstr(text, SAID);
  if (!said || said == text) return;
  char const *reply = said + sizeof SAID - 1;
  if (!digit(reply[0]) || !digit(reply[1]) || !digit(reply[2])) return;
  out->host = text;
  out->host_len = strcspn(text, " ");
  out->reply = reply;
  size_t n = reply[3] == ' ' ? enhanced(reply + 4, class, " ") : 0;
  if (!n) return;
  memcpy(out->code, reply + 4, n);
  out->code[n] = 0;
}

void compose_reason(struct compose_reason *out, enum notice_kind kind, char const *text)
{
  char class = class_of(kind);
  *out = (struct compose_reason){ .host = 0 };
  from_reply(out, text, class);
  if (kind == NOTICE_EXPIRED) memcpy(out->code, "4.4.7", 6);
  for (char const *s = text; !out->reply && !*out->code && (s = strstr(s, "(#")); s += 2) {
    size_t n = enhanced(s + 2, class, ")");
    memcpy(out->code, s + 2, n);
    out->code[n] = 0;
  }
  if (*out->code) return;
  memcpy(out->code, "x.0.0", 6);
  *out->code = class;
}
