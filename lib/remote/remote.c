/* Delivery to one next hop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "base/io.h"
#include "remote/logins.h"
#include "remote/remote.h"
#include "table/table.h"

char const *remote_open(struct remote *rm, struct table_set const *rules, char const *server, int trust,
  unsigned patience)
{
  struct record me;
  client_init(&rm->client);
  rm->client.patience = patience;
  memset(&rm->dns, 0, sizeof rm->dns);
  memset(&rm->self, 0, sizeof rm->self);
  memset(&rm->secure, 0, sizeof rm->secure);
  dane_forget(&rm->dane);
  rm->sts = (struct remote_sts){ .entry = STS_ENTRY_ZERO };
  rm->counts = (struct counts){ .since = 0 };
  rm->logins = 0;
  rm->login = 0;
  rm->logins_error = 0;
  rm->logged_in = 0;
  if (!rules || table_find(rules, TABLE_ME, "", 0, &me) != 1 || !domain_canon(rm->me, me.data, me.len)) {
    return "our own name can't be read from the rules (#4.3.5)";
  }
  if (self_load(&rm->self) < 0) return "this machine's addresses can't be read (#4.3.0)";
  if (resolver_init(&rm->dns, server, trust) < 0) {
    int e = errno;
    self_free(&rm->self);
    return e == EINVAL ? "$DNSCACHEIP is no address (#4.3.5)" : "the resolver can't be set up (#4.3.0)";
  }
  return 0;
}

void remote_close(struct remote *rm)
{
  if (rm->logins) table_close(rm->logins);
  client_close(&rm->client);
  secure_free(&rm->secure);
  remote_sts_free(&rm->sts);
  resolver_free(&rm->dns);
  self_free(&rm->self);
}

void remote_hang_up(struct remote *rm)
{
  client_quit(&rm->client);
}

void remote_leave(struct remote *rm)
{
  client_leave(&rm->client);
}

/* Is the other end of the connection this machine? The kernel may take addresses for its own that no interface has. */
static int same_machine(int fd)
{
  struct sockaddr_storage a, b;
  socklen_t alen = sizeof a, blen = sizeof b;
  struct ip here, there;
  uint16_t port;
  if (getsockname(fd, (struct sockaddr *)&a, &alen) < 0 || getpeername(fd, (struct sockaddr *)&b, &blen) < 0) return 0;
  if (!ip_from_sockaddr(&here, &port, (struct sockaddr *)&a)) return 0;
  if (!ip_from_sockaddr(&there, &port, (struct sockaddr *)&b)) return 0;
  return here.len == there.len && !memcmp(here.b, there.b, here.len);
}

/* What the domain's policy (MTA-STS) adds, unless records of DANE can be checked: RFC 8461 2. Returns 1, or 0 when the
 * target can't be used: noted. */
static int add_sts(struct remote *rm, struct target const *t, struct tls_demand *d)
{
  struct route const *r = &rm->route;
  struct remote_sts *s = &rm->sts;
  if (!r->mx || demand_told(r) || d->check == TLS_CHECK_DANE) return 1;
  unsigned looked = s->looked, seconds = rm->client.patience;
  if (!seconds || seconds > STS_TIME) seconds = STS_TIME;
  int found = remote_sts_find(s, &rm->dns, r->host, seconds);
  if (!looked) counts_fetch(&rm->counts, s->fetched);
  if (found < 0) {
    failure_note(&rm->targets.failure, 'Z', "the MTA-STS policy of ", r->host, s->broken);
    return 0;
  }
  if (!found || remote_sts_demand(s, t->host, d)) return 1;
  if (s->foreign != t->host) counts_failure(&rm->counts, TLS_BY_STS, COUNTS_OTHER);
  s->foreign = t->host;
  if (s->entry.policy.mode != STS_ENFORCE) return 1;
  failure_note(&rm->targets.failure, 'Z', t->host, " is no mail server by the domain's MTA-STS policy (#4.7.5)", 0);
  return 0;
}

/* What TLS the target must have. Returns 1, or 0 when it can't be used: noted. */
static int find_demand(struct remote *rm, struct target const *t, struct tls_demand *d)
{
  demand_by_route(d, &rm->route, t);
  int usable = dane_demand(&rm->dane, d, &rm->targets, t);
  if (rm->dane.fresh && rm->dane.state == DANE_FAILED) counts_failure(&rm->counts, TLS_BY_DANE, COUNTS_DNSSEC);
  if (rm->dane.fresh && rm->dane.state == DANE_UNUSABLE) counts_failure(&rm->counts, TLS_BY_DANE, COUNTS_TLSA);
  return usable && add_sts(rm, t, d);
}

/* The session came to no EHLO's answer that we can use: notes why, and hangs up. */
static enum secure_next unusable(struct remote *rm, enum client_hello h, struct target const *t,
  struct tls_demand const *d)
{
  struct client *c = &rm->client;
  struct failure *f = &rm->targets.failure;
  if (h == CLIENT_SELF) targets_self(&rm->targets);
  else if (h == CLIENT_REFUSED) {
    /* a relay that takes nobody, or speaks SMTP where the route says LMTP, is the operator's to mend */
    failure_note(f, c->reply.code / 100 == 5 && !rm->route.named ? 'D' : 'Z', c->name, " said: ", c->reply.text);
  } else if (rm->secure.state == SECURE_DONE) {
    enum secure_next next = secure_broken(&rm->secure, c, d, t);
    if (next == SECURE_NEXT) failure_note(f, 'Z', c->name, rm->secure.why, 0);
    client_close(c);
    return next;
  } else {
    failure_note(f, 'Z', c->name, " ", client_trouble_text(c));
    client_close(c);
  }
  client_quit(c);
  return SECURE_NEXT;
}

/* One connection, up to the point where mail can be sent. */
static enum secure_next begin(struct remote *rm, struct target const *t, struct tls_demand const *d)
{
  struct client *c = &rm->client;
  struct secure *s = &rm->secure;
  struct failure *f = &rm->targets.failure;
  if ((t->local ? client_connect_local(c, t->host) : client_connect(c, &t->ip, t->port, t->host)) < 0) {
    char why[128];
    snprintf(why, sizeof why, ": %s (#4.4.1)", strerror(errno));
    failure_note(f, 'Z', "cannot connect to ", c->name, why);
    return SECURE_NEXT;
  }
  if (!t->ours && same_machine(c->fd)) return client_close(c), targets_self(&rm->targets), SECURE_NEXT;
  /* a filter on this machine may well answer with the name of what stands behind it: ourselves */
  int find_self = !t->ours;
  enum client_hello h = CLIENT_READY;
  enum secure_next next = secure_connected(s, c, d, t);
  if (next == SECURE_READY) h = client_hello(c, rm->me, find_self);
  if (next == SECURE_READY && h == CLIENT_READY) {
    next = secure_offered(s, c, d, t);
    if (next == SECURE_READY && c->via && !d->now) h = client_hello_again(c, rm->me, find_self);
  }
  if (h != CLIENT_READY) return unusable(rm, h, t, d);
  if (next == SECURE_READY) return next;
  if (next == SECURE_NEXT) failure_note(f, 'Z', c->name, s->why, 0);
  if (s->state == SECURE_NOT_OFFERED || s->state == SECURE_REFUSED) client_quit(c);
  else client_close(c);
  return next;
}

/* Tries one address. Returns 1: mail can be sent. */
static int try(struct remote *rm, struct target const *t)
{
  static struct tls_demand d; /* large */
  if (!find_demand(rm, t, &d)) return 0;
  rm->secure.state = SECURE_CLEARTEXT;
  enum secure_next next = begin(rm, t, &d);
  counts_session(&rm->counts, &rm->secure, &d);
  if (next == SECURE_AGAIN) next = begin(rm, t, &d); /* in the clear: its TLS is known to fail */
  if (next != SECURE_READY) return 0;
  rm->met = 1;
  return logins_use(rm);
}

static int connect_any(struct remote *rm)
{
  struct target target;
  int64_t deadline = rm->client.deadline;
  dane_forget(&rm->dane);
  remote_sts_forget(&rm->sts);
  rm->client.lmtp = rm->route.lmtp;
  rm->client.relay = rm->route.named;
  rm->login_failed = 0;
  targets_start(&rm->targets, &rm->route, rm->me, &rm->dns, &rm->self);
  if (logins_wait(rm)) return 0;
  if (deadline && rm->targets.deadline > deadline) rm->targets.deadline = deadline;
  while (targets_next(&rm->targets, &target)) {
    if (!try(rm, &target)) continue;
    rm->since = io_now();
    return 1;
  }
  return 0;
}

/* For connecting and for what is said afterwards. 0: none. */
static void set_deadline(struct remote *rm, int64_t deadline)
{
  rm->client.deadline = rm->dns.deadline = deadline;
}

static void drop_old(struct remote *rm)
{
  if (rm->client.fd >= 0 && io_now() - rm->since >= REMOTE_REUSE * 1000) client_quit(&rm->client);
}

/* No server takes mail from us. A sender's own login that fails is no fault of the next hop: lines for the recipients
 * say so, and mail of others does not wait for it. */
static void unreached(struct remote const *rm, struct client_message const *m, struct client_report *report)
{
  struct failure const *f = &rm->targets.failure;
  char const *text = f->kind ? f->text : "no server could be tried (#4.4.1)";
  if (rm->login_failed && rm->login->by_sender) client_refuse(report, m->n, 'Z', text, 0);
  else client_report_add(report, f->kind ? f->kind : 'Z', text, 0, 0);
}

static void deliver(struct remote *rm, struct client_message const *m, struct client_report *report)
{
  for (;;) {
    set_deadline(rm, 0);
    if (client_unwanted(&rm->client)) {
      client_report_add(report, 'Z', "nobody waits for the delivery (#4.3.0)", 0, 0);
      client_close(&rm->client);
      return;
    }
    if (rm->client.fd < 0 && !connect_any(rm)) {
      unreached(rm, m, report);
      return;
    }
    if (logins_hidden(rm)) {
      client_report_add(report, 'Z', rm->client.name,
        " offers logins, and this user may not read logins.cdb (#4.3.5)", 0);
      client_quit(&rm->client);
      return;
    }
    rm->met = 1;
    if (client_send(&rm->client, m, report) == CLIENT_SENT) return;
    client_close(&rm->client); /* dead only happens to a kept connection: the next one is fresh */
  }
}

void remote_deliver(struct remote *rm, struct client_message const *m, struct client_report *report)
{
  struct login l;
  drop_old(rm);
  char const *why = logins_for(rm, m->sender, &l);
  if (why) client_report_add(report, 'Z', why, 0, 0);
  else deliver(rm, m, report);
  logins_forget(rm, &l);
}

static enum client_verified verify(struct remote *rm, char const *address, char text[CLIENT_VERIFY_TEXT])
{
  for (;;) {
    if (rm->client.fd < 0 && !connect_any(rm)) {
      struct failure const *f = &rm->targets.failure;
      snprintf(text, CLIENT_VERIFY_TEXT, "%s", f->kind ? f->text : "no server could be tried (#4.4.1)");
      return CLIENT_UNREACHED;
    }
    int unsure = logins_hidden(rm); /* without the login that it may want, a refusal may be about us */
    enum client_verified v = client_verify(&rm->client, address, text);
    if (v != CLIENT_GONE) return v == CLIENT_REFUSES && unsure ? CLIENT_UNSURE : v;
    client_close(&rm->client);
  }
}

enum client_verified remote_verify(struct remote *rm, char const *address, int64_t deadline,
  char text[CLIENT_VERIFY_TEXT])
{
  struct login l;
  set_deadline(rm, deadline);
  drop_old(rm);
  char const *why = logins_for(rm, "", &l); /* a callout is from the null sender */
  enum client_verified v = CLIENT_UNREACHED;
  if (why) snprintf(text, CLIENT_VERIFY_TEXT, "%s", why);
  else v = verify(rm, address, text);
  logins_forget(rm, &l);
  return v;
}
