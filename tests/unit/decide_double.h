/* Facts in few words, for the tests of the decision. */
#ifndef TESTS_DECIDE_DOUBLE_H
#define TESTS_DECIDE_DOUBLE_H

#include "rules_double.h"
#include "policy/decide.h"

enum { TRUSTED = 1, LOGIN = 2, MAY = 4, STAMP = 8, TLS = 16, SUBMISSION = 32, WRONG = 64 /* sender */,
       UNKNOWN = 128 /* stamp */ };

/* "<path>", "mailbox", "" for the null sender. */
static inline void set_address(struct address *a, char const *text)
{
  size_t used;
  memset(a, 0, sizeof *a);
  if (*text == '<') assert_int_equal(address_path(a, text, strlen(text), 0, 1, &used), ADDRESS_OK);
  else if (*text) assert_int_equal(address_mailbox(a, text, strlen(text), 1), ADDRESS_OK);
}

static inline void set_facts(struct facts *f, unsigned facts, struct address const *sender,
                             struct address const *recipient)
{
  *f = (struct facts){ .sender = sender, .recipient = recipient };
  f->listener = facts & SUBMISSION ? LISTENER_SUBMISSION : "";
  f->trusted = !!(facts & TRUSTED);
  f->login = facts & LOGIN ? "joe" : 0;
  f->login_may_relay = !!(facts & MAY);
  f->stamp = facts & STAMP ? "joe" : 0;
  f->stamp_unknown = !!(facts & UNKNOWN);
  f->wrong_sender = !!(facts & WRONG);
  f->tls = !!(facts & TLS);
}

#endif
