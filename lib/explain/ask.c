/* The questions, as relay-smtpd puts them. */
#include <string.h>
#include "base/io.h"
#include "explain/ask.h"

static struct ask_answer answer;

static void ask(struct question *q, struct ask *a, enum ask_kind kind, char text[ASK_TEXT])
{
  struct address const *r = q->facts.recipient;
  char subject[ADDRESS_KEY];
  size_t n = 0;
  if (kind == ASK_RECIPIENT) {
    memcpy(subject, r->text, r->local_len);
    n = r->local_len;
    subject[n++] = '@';
  }
  memcpy(subject + n, r->domain, strlen(r->domain) + 1);
  ask_question(a, kind, subject, io_now() + 1000 * ASK_TIME + ASK_SLACK, &answer);
  memcpy(text, answer.text, ASK_TEXT);
}

void ask_network(struct question *q, struct table_set const *t, struct ask *a, char text[ASK_TEXT])
{
  struct outcome o;
  *text = 0;
  for (int i = 0; i < 2; i++) {
    question_decide(&o, q, t);
    struct question_answers *known = q->apart && o.stage == STAGE_CHANGED ? &q->becomes : &q->given;
    if (o.decision.verdict == VERDICT_ASK_MAILBOX) {
      ask(q, a, ASK_RECIPIENT, text);
      known->mailbox = answer.state;
    } else if (o.decision.verdict == VERDICT_ASK_MX) {
      ask(q, a, ASK_HOSTS, text);
      known->mx = answer.state;
      known->hosts_n = answer.n < QUESTION_HOSTS ? answer.n : QUESTION_HOSTS;
      memcpy(known->hosts, answer.ip, known->hosts_n * sizeof *known->hosts);
    }
  }
}
