/* qmail's domains (rcpthosts, morercpthosts, locals, virtualdomains) and its routes (smtproutes). */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "import/qmail.h"
#include "parse/ip.h"
#include "policy/logins.h"

/* Adds a domain. Returns 1 when it is new. */
static int add(struct qmail *q, struct text t, struct place from)
{
  char key[IMPORT_DOMAIN];
  size_t len = import_domain(key, t);
  if (!len) import_left(q->x, from, "no domain: %.*s", SHOWN(t));
  return len && import_line(q->x, IMPORT_DOMAINS, key, len, from, 0, "%s", key);
}

static void add_all(struct qmail *q, struct source *f)
{
  struct text t;
  while (!q->x->broken && qmail_line(f, &t)) add(q, t, source_place(f));
}

/* A domain that qmail delivers itself. Strangers can send to it only if rcpthosts has it (or is missing, then they can
 * send anywhere, and these domains are all that we carry over). */
static void local(struct qmail *q, struct text t, struct place from)
{
  char key[IMPORT_DOMAIN];
  size_t len = import_domain(key, t);
  q->local++;
  if (!q->rcpthosts) add(q, t, from);
  else if (!len) import_left(q->x, from, "no domain: %.*s", SHOWN(t));
  else if (!names_find(&q->x->keys[IMPORT_DOMAINS], key, len, 0))
    import_left(q->x, from,
                "%s is not in rcpthosts: strangers can't send to it, so it is not in `domains`; trusted clients' mail "
                "to it goes out by `routes` or MX",
                key);
}

static void read_locals(struct qmail *q)
{
  struct source f;
  struct text t;
  int found = qmail_open(q, &f, "locals");
  while (!q->x->broken && found > 0 && qmail_line(&f, &t)) local(q, t, source_place(&f));
  source_close(&f);
  if (found) return;
  if (qmail_open(q, &f, "me") > 0 && source_line(&f, &t)) local(q, text_trim(t), source_place(&f));
  source_close(&f);
}

/* DOMAIN:USER, .DOMAIN:USER; ADDRESS:USER is no domain, and no USER means: not virtual. */
static void read_virtual(struct qmail *q)
{
  struct source f;
  struct text t, domain, user;
  int found = qmail_open(q, &f, "virtualdomains");
  while (!q->x->broken && found > 0 && qmail_line(&f, &t)) {
    if (!text_cut(t, ':', &domain, &user) || !user.n) continue;
    if (!domain.n || memchr(domain.s, '@', domain.n))
      import_note(q->x, source_place(&f), "%.*s is not for one domain: it says who gets mail, not whose mail is taken",
                  SHOWN(t));
    else local(q, domain, source_place(&f));
  }
  source_close(&f);
}

/* The names in morercpthosts count as compiled by qmail-newmrh; the text is what we can read. */
static void read_more(struct qmail *q)
{
  struct source f;
  struct stat cdb, text;
  struct place at = { "morercpthosts", 0 };
  if (!import_path(q->x, q->dir, "morercpthosts.cdb")) return;
  int compiled = !stat(q->x->path.s, &cdb);
  int found = qmail_open(q, &f, "morercpthosts");
  if (found > 0 && !compiled)
    import_left(q->x, at,
                "there is no morercpthosts.cdb, so qmail takes no mail for its domains: run qmail-newmrh first");
  else if (found > 0) add_all(q, &f);
  if (!found && compiled) import_left(q->x, at, "missing; morercpthosts.cdb alone is not read");
  if (found > 0 && compiled && import_path(q->x, q->dir, "morercpthosts") && !stat(q->x->path.s, &text) &&
      text.st_mtime > cdb.st_mtime)
    import_note(q->x, at, "newer than morercpthosts.cdb: perhaps qmail doesn't know all of these domains");
  source_close(&f);
}

void qmail_domains(struct qmail *q)
{
  struct source f;
  int found = qmail_open(q, &f, "rcpthosts");
  q->rcpthosts = found != 0;
  if (found > 0) add_all(q, &f);
  source_close(&f);
  if (q->rcpthosts) read_more(q);
  else
    import_left(q->x, (struct place){ "rcpthosts", 0 },
                "MISSING: qmail takes mail for every domain from everybody, an open relay. "
                "Here only the domains of locals and virtualdomains are taken");
  read_locals(q);
  read_virtual(q);
}

/* The relay of a route: bytes up to a colon or a `|` outside of brackets. */
static size_t until(struct text t)
{
  size_t i = 0;
  if (t.n && *t.s == '[')
    while (i < t.n && t.s[i] != ']') i++;
  while (i < t.n && t.s[i] != ':' && t.s[i] != '|') i++;
  return i;
}

static int relay_ok(struct text t)
{
  char name[DOMAIN_TEXT];
  struct ip ip;
  if (!t.n) return 1;
  if (*t.s == '[') return t.n > 2 && t.s[t.n - 1] == ']' && ip_scan(&ip, t.s + 1, t.n - 2);
  return ip_scan(&ip, t.s, t.n) ? !memchr(t.s, ':', t.n) : domain_canon(name, t.s, t.n) > 0;
}

/* The login of a route, `|USER|PASSWORD`, which is the relay's: `logins` has no domains. */
static void add_login(struct qmail *q, struct text relay, unsigned port, struct text t, struct place from)
{
  char host[DOMAIN_TEXT], key[LOGIN_RELAY];
  struct text user, password;
  struct ip ip;
  if (!relay.n || !text_cut((struct text){ t.s + 1, t.n - 1 }, '|', &user, &password)) {
    import_left(q->x, from, "a login without a relay or a password (it is not repeated here)");
    return;
  }
  if (*relay.s == '[') relay = (struct text){ relay.s + 1, relay.n - 2 };
  if (ip_scan(&ip, relay.s, relay.n)) ip_fmt(host, &ip);
  else if (!domain_canon(host, relay.s, relay.n)) return; /* add_route has seen it */
  size_t len = logins_relay(key, host, (uint16_t)(port ? port : 25));
  import_login(q->x, key, len, from, user, password);
}

static void add_route(struct qmail *q, char const *key, size_t len, struct text rest, struct place from)
{
  struct text relay = { rest.s, until(rest) }, port = { 0, 0 };
  uint64_t number = 0;
  rest = (struct text){ rest.s + relay.n, rest.n - relay.n };
  if (rest.n && *rest.s == ':') {
    port = (struct text){ rest.s + 1, until((struct text){ rest.s + 1, rest.n - 1 }) };
    rest = (struct text){ port.s + port.n, rest.n - 1 - port.n };
  }
  struct text login = rest;
  if (rest.n && *rest.s == ':') port.n = 0;
  if (port.s && (!import_number(port, &number) || !number || number > 65535))
    import_left(q->x, from, "no port from 1 to 65535 behind %.*s", SHOWN(relay));
  else if (!relay_ok(relay)) import_left(q->x, from, "no host: %.*s", SHOWN(relay));
  else {
    if (port.s)
      import_line(q->x, IMPORT_ROUTES, key, len, from, 0, "%s:%.*s:%u", key, (int)relay.n, relay.s, (unsigned)number);
    else import_line(q->x, IMPORT_ROUTES, key, len, from, 0, "%s:%.*s", key, (int)relay.n, relay.s);
    if (login.n && *login.s == '|') add_login(q, relay, (unsigned)number, login, from);
  }
}

/* Splits a route's line; the key in canonical form. Returns 1, or 0. */
static int route_key(struct text t, char key[IMPORT_DOMAIN], size_t *len, struct text *rest)
{
  struct text domain;
  if (t.n && *t.s == '[') {
    size_t i = until(t);
    if (i == t.n || t.s[i] != ':') return 0;
    domain = (struct text){ t.s, i };
    *rest = (struct text){ t.s + i + 1, t.n - i - 1 };
  } else if (!text_cut(t, ':', &domain, rest)) {
    return 0;
  }
  *key = 0;
  *len = domain.n ? import_domain(key, domain) : 0;
  return !domain.n || *len;
}

/* Goes through the lines; `count`: notes which line of a domain is the last, for qmail takes that one; else writes
 * them. */
static void each_route(struct qmail *q, int count)
{
  struct source f;
  struct text t, rest;
  char key[IMPORT_DOMAIN];
  size_t len;
  uint32_t last;
  int found = qmail_open(q, &f, "smtproutes");
  while (!q->x->broken && found > 0 && qmail_line(&f, &t)) {
    if (!route_key(t, key, &len, &rest)) {
      if (!count)
        import_left(q->x, source_place(&f), "not understood (and not repeated here: there may be a password in it)");
    } else if (count) {
      if (names_put(&q->routes, key, len, f.line) < 0) q->x->broken = ENOMEM;
    } else if (names_find(&q->routes, key, len, &last) && last == f.line) {
      add_route(q, key, len, rest, source_place(&f));
    } else {
      import_note(q->x, source_place(&f), "`%s` stands in line %u again, and qmail takes the last", key,
                  (unsigned)last);
    }
  }
  source_close(&f);
}

void qmail_routes(struct qmail *q)
{
  each_route(q, 1);
  each_route(q, 0);
}
