/* TLS for one connection of relay-remote. */
#include <stdio.h>
#include <string.h>
#include "base/io.h"
#include "remote/secure.h"

static struct client_transport const transport = {
  tls_client_read, tls_client_write, tls_client_quiet, tls_client_close
};

/* A server whose TLS failed a while ago. Returns its slot, or null. */
static struct secure_clear *find_clear(struct secure *s, struct target const *t)
{
  for (unsigned i = 0; i < SECURE_CLEAR; i++) {
    struct secure_clear *c = &s->clear[i];
    if (c->until > io_now() && c->port == t->port && c->ip.len == t->ip.len && !memcmp(c->ip.b, t->ip.b, t->ip.len))
      return c;
  }
  return 0;
}

static void note_clear(struct secure *s, struct target const *t)
{
  struct secure_clear *c = find_clear(s, t);
  if (!c) c = &s->clear[s->next++ % SECURE_CLEAR];
  *c = (struct secure_clear){ .ip = t->ip, .port = t->port, .until = io_now() + SECURE_CLEAR_TIME * 1000 };
  snprintf(c->why, sizeof c->why, "%s", s->why);
}

static void because(struct secure *s, enum secure_state state, char const *a, char const *b, char const *c)
{
  s->state = state;
  snprintf(s->why, sizeof s->why, "%s%s%s", a, b, c);
}

/* It did not work out, and s->why says why: what now? */
static enum secure_next give_up(struct secure *s, struct tls_demand const *d, struct target const *t)
{
  if (d->level > TLS_MAY || s->state == SECURE_INJECTED) return SECURE_NEXT;
  note_clear(s, t);
  return SECURE_AGAIN;
}

static void want_of(struct tls_want *w, char peer[IP_TEXT + 8], struct tls_demand const *d, struct target const *t)
{
  char ip[IP_TEXT];
  ip_fmt(ip, &t->ip);
  snprintf(peer, IP_TEXT + 8, "%s:%u", ip, t->port);
  *w = (struct tls_want){ .check = d->check, .ca = d->ca, .tlsa = d->tlsa, .tlsa_n = d->tlsa_n, .peer = peer };
  if (d->level < TLS_VERIFY) {
    w->check = d->trial ? TLS_CHECK_CA : TLS_CHECK_NONE;
    w->only_look = d->trial;
  }
  for (; w->names_n < d->names_n; w->names_n++) w->names[w->names_n] = d->names[w->names_n];
  struct ip ip_name;
  if (d->names_n && !ip_scan(&ip_name, d->names[0], strlen(d->names[0]))) w->sni = d->names[0]; /* RFC 6066 3 */
}

static void done(struct secure *s, struct tls_demand const *d)
{
  char const *by = s->found.checked == TLS_CHECK_NONE ? "none" : s->found.checked == TLS_CHECK_DANE ? "dane"
    : d->source == TLS_BY_STS ? "sts" : "ca";
  s->state = SECURE_DONE;
  s->why[0] = 0;
  snprintf(s->text, sizeof s->text, "%s %s %s", s->found.version, s->found.cipher, by);
}

static enum secure_next handshake(struct secure *s, struct client *c, struct tls_demand const *d,
  struct target const *t)
{
  static char const *const words[] = {
    [TLS_FAILED] = ": TLS handshake failed: ", [TLS_TIMEOUT] = ": TLS handshake failed: ",
    [TLS_UNVERIFIED] = ": the certificate is not good enough: ", [TLS_OURS] = ": TLS can't be had on our side: ",
  };
  struct tls_want want;
  struct tls_client *tls;
  char peer[IP_TEXT + 8], why[TLS_CLIENT_WHY];
  want_of(&want, peer, d, t);
  enum tls_failure f = tls_client_start(&tls, &s->clients, c->fd, &want, client_until(c, CLIENT_TIME_TLS), &s->found,
    why);
  if (f == TLS_FINE) {
    client_secured(c, &transport, tls);
    done(s, d);
    return SECURE_READY;
  }
  because(s, f == TLS_UNVERIFIED ? SECURE_UNVERIFIED : f == TLS_OURS ? SECURE_OURS : SECURE_HANDSHAKE, words[f], why,
    f == TLS_OURS ? " (#4.3.5)" : " (#4.7.5)");
  return give_up(s, d, t);
}

enum secure_next secure_connected(struct secure *s, struct client *c, struct tls_demand const *d,
  struct target const *t)
{
  s->state = SECURE_CLEARTEXT;
  s->source = d->source;
  s->found = (struct tls_found){ .version = "" };
  s->text[0] = s->why[0] = 0;
  return d->now ? handshake(s, c, d, t) : SECURE_READY;
}

/* In the clear, if that may be. */
static enum secure_next without(struct secure *s, struct tls_demand const *d)
{
  return d->level > TLS_MAY ? SECURE_NEXT : SECURE_READY;
}

static void not_offered(struct secure *s, struct tls_demand const *d)
{
  s->state = SECURE_NOT_OFFERED;
  if (d->level <= TLS_MAY) return;
  char const *by = d->source == TLS_BY_DANE ? "DANE" : d->source == TLS_BY_STS ? "MTA-STS" : "the route";
  because(s, SECURE_NOT_OFFERED, " offers no TLS, which ", by, " demands (#4.7.4)");
}

enum secure_next secure_offered(struct secure *s, struct client *c, struct tls_demand const *d,
  struct target const *t)
{
  struct secure_clear const *failed = d->level == TLS_MAY ? find_clear(s, t) : 0;
  if (failed) snprintf(s->why, sizeof s->why, "%s", failed->why);
  if (failed || d->now || d->level == TLS_NEVER) return SECURE_READY;
  if (!(c->offers & CLIENT_STARTTLS)) return not_offered(s, d), without(s, d);
  switch (client_starttls(c)) {
    case CLIENT_READY:
      return handshake(s, c, d, t);
    case CLIENT_REFUSED:
      because(s, SECURE_REFUSED, " refused STARTTLS: ", c->reply.text, "");
      return c->reply.code == 421 ? give_up(s, d, t) : without(s, d);
    default:
      because(s, c->trouble == CLIENT_INJECTED ? SECURE_INJECTED : SECURE_HANDSHAKE, " ", client_trouble_text(c), "");
      return give_up(s, d, t);
  }
}

enum secure_next secure_broken(struct secure *s, struct client *c, struct tls_demand const *d,
  struct target const *t)
{
  because(s, SECURE_HANDSHAKE, ", under TLS, ", client_trouble_text(c), "");
  s->text[0] = 0;
  return give_up(s, d, t);
}

void secure_report(struct secure const *s, struct client_report *report)
{
  char const *why = s->why + strspn(s->why, ":, ");
  if (*s->text) client_report_add(report, 't', s->text, 0, 0);
  else client_report_add(report, 't', "none", *why ? " " : 0, why);
}

void secure_free(struct secure *s)
{
  tls_clients_free(&s->clients);
}
