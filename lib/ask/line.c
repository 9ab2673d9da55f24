/* The lines between relay-smtpd and relay-ask. */
#include <string.h>
#include "ask/line.h"

static char const *const words[] = { [ASK_RECIPIENT] = "recipient ", [ASK_HOSTS] = "hosts " };

size_t ask_query_fmt(char out[ASK_QUESTION], enum ask_kind kind, char const *subject)
{
  size_t w = strlen(words[kind]), n = strlen(subject);
  if (!n || n > ASK_SUBJECT || memchr(subject, '\n', n) || memchr(subject, '\r', n)) return 0;
  memcpy(out, words[kind], w);
  memcpy(out + w, subject, n);
  out[w + n] = '\n';
  return w + n + 1;
}

int ask_query_scan(struct ask_query *q, char const *s, size_t n)
{
  for (int kind = ASK_RECIPIENT; kind <= ASK_HOSTS; kind++) {
    size_t w = strlen(words[kind]);
    if (n < w || memcmp(s, words[kind], w)) continue;
    s += w;
    n -= w;
    if (!n || n > ASK_SUBJECT || memchr(s, 0, n) || memchr(s, '\n', n) || memchr(s, '\r', n)) return 0;
    q->kind = (enum ask_kind)kind;
    memcpy(q->subject, s, n);
    q->subject[n] = 0;
    return 1;
  }
  return 0;
}

static int printable(char c)
{
  return c >= ' ' && c <= '~';
}

size_t ask_answer_fmt(char out[ASK_ANSWER], struct ask_answer const *a)
{
  char const *word = a->state == ANSWER_YES ? "yes" : a->state == ANSWER_NO ? "no" : "unknown";
  size_t n = strlen(word);
  memcpy(out, word, n);
  if (a->state == ANSWER_YES) {
    for (unsigned i = 0; i < a->n; i++) {
      out[n++] = ' ';
      n += ip_fmt(out + n, &a->ip[i]);
    }
  } else if (*a->text) {
    out[n++] = ' ';
    for (char const *s = a->text; *s; s++) out[n++] = printable(*s) ? *s : '?';
  }
  out[n++] = '\n';
  return n;
}

/* Reads " IP IP ...". Returns 1, or 0. */
static int scan_ips(struct ask_answer *a, char const *s, size_t n)
{
  while (n) {
    if (*s++ != ' ') return 0;
    n--;
    char const *end = memchr(s, ' ', n);
    size_t len = end ? (size_t)(end - s) : n;
    if (a->n == ASK_IPS || !ip_scan(&a->ip[a->n], s, len)) return 0;
    a->n++;
    s += len;
    n -= len;
  }
  return 1;
}

/* Reads nothing, or " TEXT". Returns 1, or 0. */
static int scan_text(struct ask_answer *a, char const *s, size_t n)
{
  size_t len = 0;
  if (n && *s != ' ') return 0;
  for (size_t i = 1; i < n; i++) {
    if (!printable(s[i])) return 0;
    if (len < sizeof a->text - 1) a->text[len++] = s[i];
  }
  a->text[len] = 0;
  return 1;
}

int ask_answer_scan(struct ask_answer *a, enum ask_kind kind, char const *s, size_t n)
{
  a->n = 0;
  *a->text = 0;
  if (n >= 3 && !memcmp(s, "yes", 3)) {
    a->state = ANSWER_YES;
    return scan_ips(a, s + 3, n - 3) && (a->n > 0) == (kind == ASK_HOSTS);
  }
  if (n >= 2 && !memcmp(s, "no", 2)) {
    a->state = ANSWER_NO;
    return scan_text(a, s + 2, n - 2);
  }
  if (n >= 7 && !memcmp(s, "unknown", 7)) {
    a->state = ANSWER_UNKNOWN;
    return scan_text(a, s + 7, n - 7);
  }
  return 0;
}
