/* Facts from words. */
#include <string.h>
#include "facts/facts.h"

void question_init(struct question *q)
{
  memset(q, 0, offsetof(struct question, text));
  q->facts.listener = "";
  q->facts.sender = &q->sender;
}

char const *question_keep(struct question *q, char const *s, size_t n)
{
  if (n >= sizeof q->text - q->used || memchr(s, 0, n)) return 0;
  char *at = q->text + q->used;
  memcpy(at, s, n);
  at[n] = 0;
  q->used += n + 1;
  return at;
}

/* A path; without its < and > they are put around it, so that both forms mean the same. */
static enum address_error read_path(struct address *a, char const *s, size_t n, int null_ok)
{
  char path[LIMIT_COMMAND_LINE];
  size_t used;
  if (n > sizeof path - 2) return ADDRESS_TOO_LONG;
  if (!n || *s != '<') {
    path[0] = '<';
    memcpy(path + 1, s, n);
    path[n + 1] = '>';
    s = path;
    n += 2;
  }
  enum address_error e = address_path(a, s, n, null_ok, 1, &used);
  return e ? e : used < n ? ADDRESS_SYNTAX : ADDRESS_OK;
}

void question_sender(struct question *q, char const *s, size_t n)
{
  q->has_sender = 1;
  q->sender_error = read_path(&q->sender, s, n, 1);
}

void question_recipient(struct question *q, char const *s, size_t n)
{
  q->has_recipient = 1;
  q->recipient_error = read_path(&q->recipient, s, n, 0);
}

static int is(char const *s, size_t n, char const *word)
{
  return n == strlen(word) && !memcmp(s, word, n);
}

static enum answer read_answer(char const *s, size_t n)
{
  for (int i = ANSWER_YES; i <= ANSWER_UNKNOWN; i++)
    if (is(s, n, answer_word((enum answer)i))) return (enum answer)i;
  return ANSWER_NOT_ASKED;
}

int answers_mailbox(struct question_answers *a, char const *s, size_t n)
{
  a->mailbox = read_answer(s, n);
  return a->mailbox != ANSWER_NOT_ASKED;
}

int answers_mx(struct question_answers *a, char const *s, size_t n)
{
  a->hosts_n = 0;
  a->mx = is(s, n, "none") ? ANSWER_NO : read_answer(s, n);
  if (a->mx == ANSWER_NO || a->mx == ANSWER_UNKNOWN) return 1;
  for (size_t i = 0; i <= n; i++) {
    char const *comma = memchr(s + i, ',', n - i);
    size_t end = comma ? (size_t)(comma - s) : n;
    if (a->hosts_n == QUESTION_HOSTS || !ip_scan(a->hosts + a->hosts_n, s + i, end - i)) return 0;
    a->hosts_n++;
    i = end;
  }
  a->mx = ANSWER_YES;
  return 1;
}

void question_answers(struct question *q, struct question_answers const *a)
{
  q->facts.mailbox = a->mailbox;
  q->facts.mx = a->mx;
  q->facts.hosts = a->hosts;
  q->facts.hosts_n = a->mx == ANSWER_YES ? a->hosts_n : 0;
}
