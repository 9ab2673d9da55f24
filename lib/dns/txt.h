/* The TXT records of a name. */
#ifndef DNS_TXT_H
#define DNS_TXT_H

#include "dns/answer.h"
#include "dns/resolver.h"

/* Looks them up; `name` is any name in text. `each` gets every one. DNS_NONE: there are none. */
enum dns_state txt_find(struct resolver *r, char const *name, dns_txt_fn *each, void *arg);

#endif
