/* What a client wishes about notifications (RFC 3461), on its way to the injector. */
#include <string.h>
#include "smtp/server_session.h"

/* A line of the sheet. */
static int put(struct session *s, char letter, char const *address, char const *parameters)
{
  size_t n = strlen(address) + 1, m = strlen(parameters) + 1;
  if (!stralloc_readyplus(&s->sheet, 1 + n + m)) return 0;
  stralloc_catb(&s->sheet, &letter, 1);
  stralloc_catb(&s->sheet, address, n);
  stralloc_catb(&s->sheet, parameters, m);
  s->asked_notice |= *parameters != 0;
  return 1;
}

int notices_begin(struct session *s, struct dsn_mail const *d)
{
  char parameters[DSN_TEXT];
  s->sheet.len = 0;
  s->asked_notice = 0;
  dsn_mail_fmt(parameters, d);
  return put(s, 'F', s->sender.text, parameters);
}

int notices_recipient(struct session *s, char const *address, struct dsn_rcpt const *d)
{
  char parameters[DSN_TEXT];
  return !dsn_rcpt_fmt(parameters, d) || put(s, 'T', address, parameters);
}

/* A report of success goes to a sender that nobody has verified. With it whoever can send here could have us write to
 * anybody, once for each message that we take; so it is for those whom we know. */
void notices_limit(struct session const *s, struct dsn_rcpt *d)
{
  if (!s->relay.trusted && !s->relay.login && !s->relay.stamp) dsn_no_success(d);
}

/* RFC 3461 5.2.7.1, 5.2.7.2 c. */
int notices_alias(struct session *s, struct address const *alias, unsigned n, struct dsn_rcpt *d)
{
  char parameters[DSN_TEXT];
  struct dsn_rcpt expanded = *d;
  if (d->notify && !*d->orcpt) dsn_set_orcpt(d, alias->text);
  if (n < 2 || !(d->notify & DSN_SUCCESS)) return 1;
  dsn_no_success(d);
  expanded.notify = DSN_SUCCESS;
  dsn_rcpt_fmt(parameters, &expanded);
  return put(s, 'E', alias->text, parameters);
}

void notices_tell(struct session *s)
{
  if (s->asked_notice && s->world->sheet) s->world->sheet(s->world->arg, s->sheet.s, s->sheet.len);
}
