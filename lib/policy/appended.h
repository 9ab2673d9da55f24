/* RELAYCLIENT's value goes behind each recipient, as in qmail. */
#ifndef POLICY_APPENDED_H
#define POLICY_APPENDED_H

#include "parse/address.h"

/* What becomes of recipient a: with `.inner` user@there becomes user@there.inner; with `@gateway.example`
 * "user@there"@gateway.example, in quotes because that is its form in SMTP. Where it goes on to is the operator's wish,
 * not the client's: out->onward is 0. Returns 1, or 0 when no address comes of it. value: any byte but NUL. */
int appended(struct address *out, struct address const *a, char const *value);

#endif
