/* One walk through each table; then sessions and traits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "classes/parts.h"
#include "policy/match.h"
#include "policy/route.h"

static char const *sort_text; /* for qsort; set before it is called */

static int by_key(void const *x, void const *y)
{
  struct client_name const *a = x, *b = y;
  return strcmp(sort_text + a->key, sort_text + b->key);
}

static int add_client(struct classes *c, struct cuts *x, unsigned table, char const *key, size_t n,
                      struct record const *r)
{
  struct client_name name = { .key = c->text.len };
  if (!n || (*key != '=' && !memchr(key, '@', n)) || memchr(key, 0, n)) return cuts_client(x, key, n);
  name.in[table] = 1;
  name.line[table] = r->line;
  if (view_rule(name.view + table, r) < 0) return -1;
  if (stralloc_catb(&c->text, key, n) && stralloc_0(&c->text) &&
      genalloc_append(struct client_name, &c->names, &name)) return 0;
  return errno = ENOMEM, -1;
}

/* Sorts the rules for names, and joins what both tables have. */
static void join_names(struct classes *c)
{
  struct client_name *all = genalloc_s(struct client_name, &c->names);
  size_t n = genalloc_len(struct client_name, &c->names), len = 0;
  sort_text = c->text.s;
  if (n) qsort(all, n, sizeof *all, by_key);
  for (size_t i = 0; i < n; i++) {
    int same = len && !by_key(all + len - 1, all + i);
    if (!same) all[len++] = all[i];
    for (unsigned t = 0; same && t < CLASSES_TABLES; t++) {
      struct client_name *to = all + len - 1;
      if (to->in[t] || !all[i].in[t]) continue; /* of equal keys the first is found */
      to->in[t] = 1;
      to->view[t] = all[i].view[t];
      to->line[t] = all[i].line[t];
    }
  }
  genalloc_setlen(struct client_name, &c->names, len);
}

/* Does decide() look at routes? Returns 1, 0, or -1. */
static int uses_routes(struct table_set const *t)
{
  struct record r;
  int v4 = match_line(t, "grant to-host/4", &r), v6 = match_line(t, "grant to-host/6", &r);
  return v4 < 0 || v6 < 0 ? -1 : v4 || v6;
}

static int walk(struct classes *c, unsigned table, struct cuts *cuts, struct names *names, int routes)
{
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t n;
  struct record r;
  int more, failed = 0;
  while (!failed && (more = table_next(c->t[table], &pos, &which, &key, &n, &r))) {
    if (more < 0) return errno = EPROTO, -1;
    switch (which) {
      case TABLE_CLIENTS: failed = add_client(c, cuts, table, key, n, &r); break;
      case TABLE_DOMAINS: failed = names_domain(names, c, key, n, &r); break;
      case TABLE_RECIPIENTS: failed = names_mailbox(names, c, NAMED_RECIPIENTS, key, n); break;
      case TABLE_ALIASES: failed = names_mailbox(names, c, NAMED_ALIASES, key, n); break;
      case TABLE_ROUTES: failed = routes ? names_route(names, c, key, n) : 0; break;
      case TABLE_SENDERS: failed = names_senders(names, c, &r); break;
      case TABLE_RELAY:
        failed = names_relay(names, c, table, key, n, &r);
        if (!failed && n > 13 && !memcmp(key, "grant device ", 13)) failed = cuts_device(cuts, key + 13, n - 13);
        break;
      default: break;
    }
  }
  return failed;
}

int classes_make(struct classes *c, struct table_set const *const *t, unsigned n)
{
  struct cuts cuts = { .at = GENALLOC_ZERO };
  struct names names = { GENALLOC_ZERO, GENALLOC_ZERO };
  *c = (struct classes)CLASSES_ZERO;
  c->n = n;
  for (unsigned i = 0; i < n; i++) c->t[i] = t[i];
  int r = cuts_start(&cuts), routes = 0;
  for (unsigned i = 0; r == 0 && i < n; i++) {
    int uses = uses_routes(t[i]);
    if (uses < 0) errno = EPROTO, r = -1;
    routes |= uses;
  }
  for (unsigned i = 0; r == 0 && i < n; i++) r = walk(c, i, &cuts, &names, routes);
  if (r == 0) {
    join_names(c);
    r = cuts_end(&cuts, c);
    if (r == 0) r = names_end(&names, c);
  }
  int e = errno;
  genalloc_free(struct ip, &cuts.at);
  genalloc_free(struct name, &names.all);
  genalloc_free(struct raw_device, &names.devices);
  errno = e;
  return r;
}

void classes_free(struct classes *c)
{
  genalloc_free(struct client_class, &c->clients);
  genalloc_free(struct span, &c->spans);
  genalloc_free(struct client_name, &c->names);
  genalloc_free(struct address_class, &c->addresses);
  genalloc_free(struct device_line, &c->devices);
  stralloc_free(&c->text);
}

struct address const *classes_example(struct classes const *c, struct address_class const *k, struct address *a)
{
  char const *s = classes_text(c, k->example);
  return *s && address_mailbox(a, s, strlen(s), 1) == ADDRESS_OK ? a : 0;
}

void classes_session(struct facts *f, unsigned i)
{
  f->listener = i / 12 ? LISTENER_SUBMISSION : "";
  f->tls = i / 6 % 2;
  f->stamp = i / 3 % 2 ? "user" : 0;
  f->login = i % 3 ? "user" : 0;
  f->login_may_relay = i % 3 == 1;
}

int classes_sender_traits(struct table_set const *t, struct address const *a, unsigned *traits)
{
  struct record r;
  *traits = 0;
  if (!a || !a->len) return *traits = SENDER_NULL, 0;
  int hosted = match_hosted(t, a->domain, &r), granted = match_sender(t, a, &r);
  if (hosted > 0) *traits |= SENDER_HOSTED;
  if (granted > 0) *traits |= SENDER_GRANTED;
  return hosted < 0 || granted < 0 ? -1 : 0;
}

/* `grant to-host` is none for it, since a relay gets its mail. */
static int is_routed(struct table_set const *t, char const *domain)
{
  int uses = uses_routes(t), by_mx = uses > 0 ? route_by_mx(t, domain) : 1;
  return uses < 0 || by_mx < 0 ? -1 : !by_mx;
}

int classes_recipient_traits(struct table_set const *t, struct address const *a, unsigned *traits)
{
  struct facts f = { .listener = "", .recipient = a };
  struct decision d;
  struct record r;
  int denied = match_to(t, "deny to", a, &r), hosted = a->domain[0] ? match_hosted(t, a->domain, &r) : 1;
  int granted = hosted ? 0 : match_to(t, "grant to", a, &r);
  *traits = (a->onward ? RECIPIENT_ONWARD : 0) | (a->literal ? RECIPIENT_LITERAL : 0) |
    (denied > 0 ? RECIPIENT_DENIED : 0) | (hosted > 0 ? RECIPIENT_HOSTED : 0) | (granted > 0 ? RECIPIENT_GRANTED : 0);
  int routed = hosted || a->literal ? 0 : is_routed(t, a->domain);
  if (routed > 0) *traits |= RECIPIENT_ROUTED;
  if (denied < 0 || hosted < 0 || granted < 0 || routed < 0) return -1;
  if (!hosted || denied || a->onward) return 0;
  decide(&d, t, &f);
  if (d.reason == REASON_TABLES) return -1;
  if (d.verdict == VERDICT_ACCEPT) *traits |= RECIPIENT_VALID;
  if (d.verdict == VERDICT_ASK_MAILBOX) *traits |= RECIPIENT_ASKED;
  return 0;
}
