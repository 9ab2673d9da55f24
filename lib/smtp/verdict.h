/* What a decision sounds like in SMTP; relay-smtpd says it, relay-explain shows it. */
#ifndef SMTP_VERDICT_H
#define SMTP_VERDICT_H

#include "policy/decide.h"
#include "smtp/reply.h"

/* The reply to RCPT; REPLY_RECIPIENT_OK when accepted. While the network is still to be asked (VERDICT_ASK_...) it is
 * the reply for the case that nobody can be. */
enum reply verdict_reply(struct decision const *d);

/* The replies to MAIL and RCPT when the path is none; REPLY_NONE for ADDRESS_OK. */
enum reply sender_reply(enum address_error e);
enum reply recipient_reply(enum address_error e);

#endif
