/* A report's fields for programs (RFC 3464 2). */
#include <string.h>
#include <strings.h>
#include "base/limits.h"
#include "report/compose.h"
#include "report/line.h"

static int field(stralloc *sa, char const *name, char const *type, char const *value, size_t most)
{
  return stralloc_cats(sa, name) && stralloc_cats(sa, ": ") && stralloc_cats(sa, type) && line_ascii(sa, value, most)
    && stralloc_cats(sa, "\n");
}

static int date(stralloc *sa, char const *name, int64_t when)
{
  return stralloc_cats(sa, name) && stralloc_cats(sa, ": ") && line_date(sa, when) && stralloc_cats(sa, "\n");
}

/* What xtext stands for. */
static int plain(stralloc *sa, char const *name, char const *type, size_t type_len, char const *xtext)
{
  char value[DSN_ORCPT + 1];
  size_t len;
  if (!dsn_unxtext(value, &len, xtext, strlen(xtext))) return 1;
  value[len] = 0;
  return stralloc_cats(sa, name) && stralloc_cats(sa, ": ") && stralloc_catb(sa, type, type_len)
    && line_ascii(sa, value, LINE_MOST) && stralloc_cats(sa, "\n");
}

static int original(stralloc *sa, char const *orcpt)
{
  size_t type = strcspn(orcpt, ";") + 1;
  if (!*orcpt) return 1;
  /* RFC 6533 3: an address beyond ASCII keeps its escapes here */
  if (!strncasecmp(orcpt, "utf-8;", 6)) return field(sa, "Original-Recipient", "", orcpt, DSN_ORCPT);
  return plain(sa, "Original-Recipient", orcpt, type, orcpt + type);
}

static int final(stralloc *sa, char const *address)
{
  struct dsn_rcpt d;
  char const *s = address;
  while (*s && (unsigned char)*s < 0x80) s++;
  if (!*s) return field(sa, "Final-Recipient", "rfc822;", address, LINE_MOST);
  dsn_set_orcpt(&d, address);
  return *d.orcpt ? field(sa, "Final-Recipient", "", d.orcpt, DSN_ORCPT)
    : field(sa, "Final-Recipient", "rfc822;", address, LINE_MOST);
}

static char const *action(enum notice_kind kind)
{
  switch (kind) {
    case NOTICE_DELAYED: return "delayed";
    case NOTICE_DELIVERED: return "delivered";
    case NOTICE_RELAYED: return "relayed";
    case NOTICE_EXPANDED: return "expanded";
    default: return "failed";
  }
}

static int recipient(stralloc *sa, struct notice const *n, struct notice_recipient const *r)
{
  struct compose_reason reason;
  compose_reason(&reason, r->kind, r->text);
  return stralloc_cats(sa, "\n") && original(sa, r->dsn.orcpt) && final(sa, r->address)
    && field(sa, "Action", "", action(r->kind), LINE_MOST) && field(sa, "Status", "", reason.code, COMPOSE_CODE)
    && (!reason.reply || (field(sa, "Remote-MTA", "dns; ", reason.host, reason.host_len)
      && field(sa, "Diagnostic-Code", "smtp; ", reason.reply, LINE_MOST)))
    && (r->kind == NOTICE_EXPANDED || date(sa, "Last-Attempt-Date", r->when))
    && (r->kind != NOTICE_DELAYED || date(sa, "Will-Retry-Until", n->until));
}

int compose_status(stralloc *sa, struct compose const *c)
{
  struct notice const *n = c->notice;
  int ok = stralloc_cats(sa, "--") && stralloc_cats(sa, c->boundary)
    && stralloc_cats(sa, "\nContent-Type: message/delivery-status\n\n")
    && (!*n->mail.envid || plain(sa, "Original-Envelope-Id", "", 0, n->mail.envid))
    && field(sa, "Reporting-MTA", "dns; ", n->me, LIMIT_DOMAIN) && date(sa, "Arrival-Date", n->arrival);
  for (unsigned i = 0; ok && i < n->n; i++) ok = recipient(sa, n, n->recipient + i);
  return ok && stralloc_cats(sa, "\n");
}
