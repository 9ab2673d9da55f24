/* A job's data: written by relay-send, read by relay-remote. */
#include <string.h>
#include <skalibs/stralloc.h>
#include "parse/dsn.h"
#include "parse/number.h"
#include "queue/job.h"
#include "queue/store.h"

/* Takes one NUL-terminated field off the front. Returns it, or null when no NUL is left. */
static char const *field(char const **s, char const *end)
{
  char const *start = *s;
  char const *nul = start < end ? memchr(start, 0, (size_t)(end - start)) : 0;
  if (!nul) return 0;
  *s = nul + 1;
  return start;
}

/* The parameters. */
static int parameters_scan(struct job *j, char const *s, char const *end)
{
  struct dsn_mail mail;
  struct dsn_rcpt rcpt;
  j->dsn = field(&s, end);
  if (!j->dsn || !dsn_mail_scan(&mail, j->dsn)) return 0;
  j->dsn_each = s;
  for (unsigned i = 0; i < j->n; i++) {
    char const *parameters = field(&s, end);
    if (!parameters || !dsn_rcpt_scan(&rcpt, parameters) || rcpt.expanded) return 0;
  }
  return j->n && s == end;
}

int job_scan(struct job *j, char const *s, size_t len)
{
  char const *end = s + len;
  uint64_t flags;
  char const *body = field(&s, end);
  if (!body || number_scan(body, strlen(body), INT64_MAX, &j->body) != NUMBER_OK) return 0;
  char const *word = field(&s, end);
  if (!word || number_scan(word, strlen(word), UINT32_MAX, &flags) != NUMBER_OK) return 0;
  j->flags = (unsigned)flags;
  j->id = field(&s, end);
  if (!j->id || !store_id_valid(j->id, strlen(j->id))) return 0;
  j->sender = field(&s, end);
  if (!j->sender) return 0;
  j->recipients = s;
  j->dsn = "";
  j->dsn_each = 0;
  for (j->n = 0; s < end; j->n++) {
    char const *recipient = field(&s, end);
    if (!recipient) return 0;
    if (!*recipient) return parameters_scan(j, s, end);
  }
  return j->n > 0;
}

int job_head(stralloc *sa, uint64_t body, unsigned flags, char const *id, char const *sender)
{
  char number[NUMBER_TEXT];
  size_t n = number_fmt(number, body);
  if (!stralloc_catb(sa, number, n + 1)) return 0;
  n = number_fmt(number, flags);
  return stralloc_catb(sa, number, n + 1) && stralloc_catb(sa, id, strlen(id) + 1)
    && stralloc_catb(sa, sender, strlen(sender) + 1);
}
