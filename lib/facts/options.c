/* One function an option. */
#include <string.h>
#include "facts/options.h"

#define STAMPED "somebody" /* whose stamp it is, where nobody says */

static char const too_much[] = "is too long";

static char const *set_client(struct question *q, char const *v)
{
  return !strcmp(v, "unknown") || ip_scan(&q->facts.client, v, strlen(v)) ? 0 : "is no address";
}

static char const *keep(struct question *q, char const **where, char const *v)
{
  return (*where = question_keep(q, v, strlen(v))) ? 0 : too_much;
}

static char const *set_host(struct question *q, char const *v)
{
  return keep(q, &q->host, v);
}

static char const *set_info(struct question *q, char const *v)
{
  return keep(q, &q->info, v);
}

static char const *set_environment(struct question *q, char const *v)
{
  return keep(q, &q->environment, v ? v : "");
}

static char const *set_login(struct question *q, char const *v)
{
  return *v ? keep(q, &q->facts.login, v) : "is empty";
}

/* The privilege is set last, whichever option comes first. */
static char const *set_norelay(struct question *q, char const *v)
{
  (void)q;
  (void)v;
  return 0;
}

static char const *set_tls(struct question *q, char const *v)
{
  (void)v;
  q->facts.tls = 1;
  return 0;
}

static char const *set_wrong_sender(struct question *q, char const *v)
{
  (void)v;
  q->facts.wrong_sender = 1;
  return 0;
}

static char const *set_pop(struct question *q, char const *v)
{
  return keep(q, &q->facts.stamp, v ? v : STAMPED);
}

static char const *set_pop_unknown(struct question *q, char const *v)
{
  (void)v;
  q->facts.stamp_unknown = 1;
  return 0;
}

static char const *set_listener(struct question *q, char const *v)
{
  return keep(q, &q->facts.listener, v);
}

static char const *set_from(struct question *q, char const *v)
{
  question_sender(q, v, strlen(v));
  return 0;
}

static char const *set_to(struct question *q, char const *v)
{
  question_recipient(q, v, strlen(v));
  return 0;
}

static char const *set_mailbox(struct question *q, char const *v)
{
  return answers_mailbox(&q->given, v, strlen(v)) ? 0 : "is none of yes, no, unknown";
}

static char const *set_mx(struct question *q, char const *v)
{
  return answers_mx(&q->given, v, strlen(v)) ? 0 : "is none of IP,IP,... and none, unknown";
}

enum argument { NONE, NEEDED, OPTIONAL };

static struct { char const *name; enum argument argument; char const *(*set)(struct question *, char const *); } const
options[] = {
#define X(name, argument, what) { name, argument, &set_##what },
  QUESTION_OPTIONS(X)
#undef X
};
#define OPTIONS (sizeof options / sizeof *options)

/* Which option a word begins with, or OPTIONS. */
static size_t find(char const *word, char const **value)
{
  char const *equal = strchr(word, '=');
  size_t n = equal ? (size_t)(equal - word) : strlen(word), i = 0;
  while (i < OPTIONS && (strlen(options[i].name) != n || memcmp(options[i].name, word, n))) i++;
  *value = equal ? equal + 1 : 0;
  return i;
}

int question_option(struct question *q, char const *const *argv, char const **why)
{
  char const *value;
  int used = 1;
  size_t i = find(argv[0], &value);
  if (i == OPTIONS) return 0;
  *why = 0;
  if (q->options & 1U << i) *why = "is given twice";
  else if (value && options[i].argument == NONE) *why = "takes no value";
  else if (!value && options[i].argument == NEEDED && !(value = argv[used++])) *why = "needs a value";
  if (!*why) *why = options[i].set(q, value);
  q->options |= 1U << i;
  return *why ? -1 : used;
}

char const *question_finish(struct question *q)
{
  int norelay = 0;
  for (size_t i = 0; i < OPTIONS; i++)
    if (q->options & 1U << i && options[i].set == set_norelay) norelay = 1;
  if (norelay && !q->facts.login) return "--norelay says something about a login: give --login";
  if (q->facts.wrong_sender && !q->facts.login) return "--wrong-sender says something about a login: give --login";
  if (q->facts.stamp && q->facts.stamp_unknown) return "--pop and --pop-unknown: give one of them";
  q->facts.login_may_relay = q->facts.login && !norelay;
  question_answers(q, &q->given);
  return 0;
}
