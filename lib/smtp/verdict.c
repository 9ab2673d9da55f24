/* Reasons and their replies. */
#include "smtp/verdict.h"

enum reply verdict_reply(struct decision const *d)
{
  static enum reply const replies[REASON_COUNT] = {
    [REASON_NOT_GRANTED] = REPLY_RELAYING, [REASON_ONWARD] = REPLY_ONWARD, [REASON_LITERAL] = REPLY_LITERAL,
    [REASON_NO_PRIVILEGE] = REPLY_NO_PRIVILEGE, [REASON_SUBMISSION] = REPLY_LOGIN_FIRST, [REASON_DENIED] = REPLY_DENIED,
    [REASON_NO_MAILBOX] = REPLY_NO_MAILBOX, [REASON_REQUIRE_SENDER] = REPLY_REQUIRE_SENDER,
    [REASON_REQUIRE_LOGIN] = REPLY_REQUIRE_LOGIN, [REASON_REQUIRE_TLS] = REPLY_REQUIRE_TLS,
    [REASON_MAILBOX_UNKNOWN] = REPLY_MAILBOX_UNKNOWN, [REASON_MX_UNKNOWN] = REPLY_MX_UNKNOWN,
    [REASON_TABLES] = REPLY_TABLES, [REASON_WRONG_SENDER] = REPLY_WRONG_SENDER,
  };
  if (d->verdict == VERDICT_ACCEPT) return REPLY_RECIPIENT_OK;
  if (d->verdict == VERDICT_ASK_MAILBOX) return REPLY_MAILBOX_UNKNOWN;
  if (d->verdict == VERDICT_ASK_MX) return REPLY_MX_UNKNOWN;
  if (d->reason < REASON_COUNT && replies[d->reason]) return replies[d->reason];
  return d->verdict == VERDICT_TEMPFAIL ? REPLY_TABLES : REPLY_REFUSED;
}

enum reply sender_reply(enum address_error e)
{
  return e == ADDRESS_OK ? REPLY_NONE : e == ADDRESS_TOO_LONG ? REPLY_SENDER_LONG : REPLY_SENDER_SYNTAX;
}

enum reply recipient_reply(enum address_error e)
{
  return e == ADDRESS_OK ? REPLY_NONE : e == ADDRESS_TOO_LONG ? REPLY_RECIPIENT_LONG : REPLY_RECIPIENT_SYNTAX;
}
