/* Lines that may turn the verdict, narrow ones first. What nobody should write is not among them: no sender opens
 * anything, and nothing is open for everybody. Whether one does what it should is for others to try. */
#include <errno.h>
#include <string.h>
#include "explain/parts.h"

#define LINE 3072   /* bytes of a line that is proposed */

/* How wide: how much else the line changes. */
enum width { WIDTH_ONE, WIDTH_RECIPIENT, WIDTH_CLIENT, WIDTH_DOMAIN, WIDTH_LINE, WIDTH_ALL, WIDTH_PERHAPS };

struct filling {
  genalloc *pool;
  struct bench *b;
  struct explanation *x;
  struct question const *q;
  char recipient[ADDRESS_KEY], sender[ADDRESS_KEY], ip[IP_TEXT];
  int trustable;   /* the client may be trusted by its address */
};

/* Can it stand in a line as it is shown? */
static int plain(char const *s)
{
  for (; *s; s++)
    if (*s <= ' ' || *s >= 0x7f || *s == '\\') return 0;
  return 1;
}

/* The same between quotes. */
static int plain_value(char const *s)
{
  for (; *s; s++)
    if (*s < ' ' || *s >= 0x7f || *s == '\\' || *s == '"') return 0;
  return 1;
}

static void put(struct filling *f, struct edit const *e)
{
  if (!genalloc_append(struct edit, f->pool, e)) f->x->broken = ENOMEM;
}

/* Adds a line put together from pieces, null-terminated; not if one of them can't be shown. */
static void put_line(struct filling *f, enum table which, enum width width, char const *note, char const *const *pieces)
{
  char line[LINE];
  size_t n = 0;
  for (; *pieces; pieces++) {
    size_t more = strlen(*pieces);
    if (more >= sizeof line - n) return;
    memcpy(line + n, *pieces, more);
    n += more;
  }
  struct edit e = { ACTION_ADD, which, 0, keep_bytes(f->x, line, n), 0, note, width, which == TABLE_DOMAINS };
  put(f, &e);
}
#define ADD(f, which, width, note, ...) put_line(f, which, width, note, (char const *const[]){ __VA_ARGS__, 0 })

static void remove_line(struct filling *f, struct bench_line const *l, enum width width, char const *note)
{
  struct edit e = { ACTION_REMOVE, l->which, l->line, l->text, 0, note, width, 0 };
  put(f, &e);
}

/* Puts `by`, of the explanation's text, in the line's place. */
static void replace_line(struct filling *f, struct bench_line const *l, size_t by, enum width width, char const *note)
{
  struct edit e = { ACTION_REPLACE, l->which, l->line, l->text, by, note, width, 0 };
  put(f, &e);
}

static struct piece key_of(struct filling const *f, struct bench_line const *l)
{
  return (struct piece){ explained_text(f->x, l->key), l->key_len };
}

/* `clients`: the client's own line, with the variables that it has now. Where there is one it is replaced. */
static void own_line(struct filling *f, char const *action, int trust, enum width width, char const *note)
{
  struct bench_line const *l = genalloc_s(struct bench_line, &f->b->lines), *own = 0;
  stralloc line = STRALLOC_ZERO;
  uint32_t pos = 0;
  char const *var;
  if (!*f->ip) return;
  int ok = stralloc_cats(&line, f->ip) && stralloc_cats(&line, action);
  for (size_t i = 0; i < genalloc_len(struct bench_line, &f->b->lines); i++)
    if (l[i].which == TABLE_CLIENTS && piece_is(key_of(f, l + i), f->ip)) own = l + i;
  while (ok && strcmp(action, ":deny") && gate_variable(&f->x->outcome.gate, &pos, &var) > 0) {
    if (!strncmp(var, "RELAYCLIENT=", 12)) continue;
    if (!plain_value(var)) {
      stralloc_free(&line);
      return;
    }
    size_t name = (size_t)(strchr(var, '=') - var);
    ok = stralloc_cats(&line, ",") && stralloc_catb(&line, var, name) && stralloc_cats(&line, "=\"") &&
      stralloc_cats(&line, var + name + 1) && stralloc_cats(&line, "\"");
  }
  ok = ok && (!trust || stralloc_cats(&line, ",RELAYCLIENT=\"\"")) && stralloc_0(&line);
  if (!ok) f->x->broken = ENOMEM;
  else if (!own || own->range) ADD(f, TABLE_CLIENTS, width, note, line.s); /* beside a range only where that goes */
  else if (strcmp(explained_text(f->x, own->text), line.s)) {
    size_t by = keep_bytes(f->x, line.s, line.len - 1);
    replace_line(f, own, by, width, note);
  }
  stralloc_free(&line);
}

/* Lines of domains whose way to check recipients could be another. */
static void recheck(struct filling *f, struct bench_line const *l, char const *check, char const *note)
{
  char line[LINE];
  struct piece key = key_of(f, l);
  size_t n = strlen(check) + 1;
  if (key.n + 1 + n > sizeof line) return;
  memcpy(line, key.s, key.n);
  line[key.n] = ' ';
  memcpy(line + key.n + 1, check, n);
  if (!strcmp(line, explained_text(f->x, l->text))) return;
  size_t by = keep_bytes(f->x, line, key.n + n);
  replace_line(f, l, by, WIDTH_DOMAIN, note);
}

/* The line that denies the client, where it comes before any line of the client's own, or stands for others, too. */
static void open_gate(struct filling *f, struct bench_line const *l)
{
  struct piece key = key_of(f, l);
  int user = key.n && memchr(key.s, '@', key.n);
  if (f->x->outcome.stage != STAGE_GATE || l->line != f->x->outcome.gate.line) return;
  if (l->range) remove_line(f, l, WIDTH_LINE, "other lines say for all its addresses then whether they are let in");
  else if (user) remove_line(f, l, WIDTH_LINE, "the user is no longer told from others of the client");
}

/* `grant pop`, as it would be if the stamp counted: on this listener, for this sender. */
static void open_pop(struct filling *f, struct bench_line const *l)
{
  static struct { enum stamp_listeners which; int free; enum width width; char const *note; } const ways[] = {
    { STAMP_HERE_TOO, 0, WIDTH_LINE, "POP stamps count on this listener, too" },
    { STAMP_EVERYWHERE, 0, WIDTH_ALL, "POP stamps count on all listeners then" },
    { STAMP_LISTENERS, 1, WIDTH_ALL, "who has a POP stamp may send as anybody then" },
    { STAMP_HERE_TOO, 1, WIDTH_ALL, "POP stamps count on this listener, too, and who has one may send as anybody" },
  };
  struct facts const *facts = &f->q->facts;
  struct pop_grant g;
  if (!facts->stamp || !plain(facts->listener) || pop_find(&g, f->b->t) <= 0) return;
  int listens = pop_listens(&g, facts->listener);
  int may = pop_may_send(&g, f->b->t, facts->stamp, facts->sender) > 0;
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    stralloc line = STRALLOC_ZERO;
    if ((ways[i].which == STAMP_LISTENERS) != listens || ways[i].free == may) continue; /* not what is wrong */
    if (!stamp_line(&line, &g, ways[i].which, facts->listener, g.bound && !ways[i].free)) f->x->broken = ENOMEM;
    size_t by = keep_bytes(f->x, line.s, line.len);
    if (!f->x->broken && strcmp(explained_text(f->x, by), explained_text(f->x, l->text)))
      replace_line(f, l, by, ways[i].width, ways[i].note);
    stralloc_free(&line);
  }
}

/* One sender more for the stamp's user. */
static void open_sender(struct filling *f, struct bench_line const *l)
{
  char line[LINE];
  size_t n = strlen(explained_text(f->x, l->text)), more = strlen(f->sender);
  if (!more || !plain(f->sender) || n + 1 + more > sizeof line) return;
  memcpy(line, explained_text(f->x, l->text), n);
  line[n] = ' ';
  memcpy(line + n + 1, f->sender, more);
  size_t by = keep_bytes(f->x, line, n + 1 + more);
  replace_line(f, l, by, WIDTH_ONE, "the user may send as this, too; - stands for the hashes, which stay as they are");
}

/* Each line that is there, as far as it stands in the way. */
static void open_line(struct filling *f, struct bench_line const *l)
{
  struct piece arg;
  struct target to;
  if (l->which == TABLE_DOMAINS) {
    target_set(&to, f->q->recipient_error ? 0 : f->q->facts.recipient);
    if (fits_domain(key_of(f, l), &to)) recheck(f, l, "any", "all recipients of the domain are accepted then");
  }
  if (l->which == TABLE_CLIENTS) open_gate(f, l);
  if (l->which == TABLE_SENDERS) open_sender(f, l);
  if (l->which != TABLE_RELAY) return;
  enum says says = statement(key_of(f, l), &arg);
  if (says == SAYS_POP) open_pop(f, l);
  if (says == SAYS_DENY) remove_line(f, l, WIDTH_LINE, "the recipients that it names are no longer denied to anybody");
  else if (says >= SAYS_REQUIRE_LOGIN && says < SAYS_NOTHING)
    remove_line(f, l, WIDTH_ALL, "all that is granted no longer needs this");
}

static int has_line(struct filling const *f, enum says wanted)
{
  struct bench_line const *l = genalloc_s(struct bench_line, &f->b->lines);
  struct piece arg;
  for (size_t i = 0; i < genalloc_len(struct bench_line, &f->b->lines); i++)
    if (l[i].which == TABLE_RELAY && statement(key_of(f, l + i), &arg) == wanted) return 1;
  return 0;
}

/* Grants for what the client has to show. */
static void open_grants(struct filling *f)
{
  struct facts const *facts = &f->q->facts;
  if (facts->trusted && !has_line(f, SAYS_CLIENTS))
    ADD(f, TABLE_RELAY, WIDTH_ALL, "all trusted clients may relay then", "grant clients");
  if (facts->login && facts->login_may_relay && !has_line(f, SAYS_LOGIN))
    ADD(f, TABLE_RELAY, WIDTH_ALL, "all logins with the privilege may relay then", "grant login");
  if (facts->stamp && !has_line(f, SAYS_POP))
    ADD(f, TABLE_RELAY, WIDTH_ALL, "all clients with a fresh POP stamp may relay then", "grant pop 300");
}

/* For the recipient, or its domain. */
static void open_recipient(struct filling *f)
{
  struct address const *a = f->q->facts.recipient;
  char ip[IP_TEXT];
  if (!a || !a->domain[0] || f->q->recipient_error) return;
  int shown = plain(f->recipient);
  if (shown && *f->ip && *f->sender && plain(f->sender))
    ADD(f, TABLE_RELAY, WIDTH_ONE, "for this client, sender and recipient alone", "grant device ", f->ip, " from ",
        f->sender, " to ", f->recipient);
  if (shown) ADD(f, TABLE_RELAY, WIDTH_RECIPIENT, "everybody may send to this recipient then", "grant to ",
    f->recipient);
  if (shown) ADD(f, TABLE_RECIPIENTS, WIDTH_RECIPIENT, "the recipient is listed then", f->recipient);
  for (size_t i = 0; i < f->q->facts.hosts_n && i < 3 && f->q->facts.mx == ANSWER_YES; i++) {
    ip_fmt(ip, f->q->facts.hosts + i);
    ADD(f, TABLE_RELAY, WIDTH_DOMAIN, "everybody may send to domains whose mail exchanger this is", "grant to-host ",
      ip);
  }
  ADD(f, TABLE_RELAY, WIDTH_DOMAIN, "everybody may send to this domain then", "grant to ", a->domain);
  ADD(f, TABLE_DOMAINS, WIDTH_PERHAPS, "if the domain is yours: all its recipients are accepted then", a->domain);
}

static void fill_open(struct filling *f)
{
  struct bench_line const *l = genalloc_s(struct bench_line, &f->b->lines);
  struct address const *from = f->q->facts.sender;
  if (f->x->outcome.stage == STAGE_GATE) own_line(f, ":allow", 0, WIDTH_CLIENT, "the client is let in, as a stranger");
  else if (f->trustable) own_line(f, ":allow", 1, WIDTH_CLIENT, "all mail of this client is trusted then");
  open_recipient(f);
  open_grants(f);
  if (!f->q->sender_error && from->len && plain(from->domain) && f->x->outcome.decision.reason == REASON_REQUIRE_SENDER)
    ADD(f, TABLE_DOMAINS, WIDTH_PERHAPS, "if the sender's domain is yours: mail to it is taken then", from->domain);
  for (size_t i = 0; i < genalloc_len(struct bench_line, &f->b->lines); i++) open_line(f, l + i);
}

/* Each line that is there, as far as it lets mail in. */
static void close_line(struct filling *f, struct bench_line const *l)
{
  static char const *const notes[] = {
    [SAYS_LOGIN] = "no login may relay then", [SAYS_CLIENTS] = "no trusted client may relay then",
    [SAYS_POP] = "no POP stamp lets anybody relay then", [SAYS_ANYONE] = "this relay is no open relay then",
    [SAYS_TO] = "nobody may relay to what it names by it", [SAYS_SENDER] = "no sender's address opens this relay by it",
    [SAYS_DEVICE] = "the device may not relay by it",
      [SAYS_TO_HOST] = "nobody may relay to these mail exchangers by it",
  };
  static enum width const widths[] = {
    [SAYS_LOGIN] = WIDTH_LINE, [SAYS_CLIENTS] = WIDTH_LINE, [SAYS_POP] = WIDTH_LINE, [SAYS_ANYONE] = WIDTH_ONE,
    [SAYS_TO] = WIDTH_DOMAIN, [SAYS_SENDER] = WIDTH_ONE, [SAYS_DEVICE] = WIDTH_RECIPIENT, [SAYS_TO_HOST] = WIDTH_DOMAIN,
  };
  struct piece arg;
  if (l->which == TABLE_RECIPIENTS) remove_line(f, l, WIDTH_RECIPIENT, "it is no recipient then");
  if (l->which == TABLE_ALIASES) remove_line(f, l, WIDTH_RECIPIENT, "it is no alias then");
  if (l->which == TABLE_DOMAINS) recheck(f, l, "listed", "only listed recipients of the domain are accepted then");
  if (l->which != TABLE_RELAY) return;
  enum says says = statement(key_of(f, l), &arg);
  if (says <= SAYS_TO_HOST) remove_line(f, l, widths[says], notes[says]);
}

static void fill_closed(struct filling *f)
{
  static char const needs[] = "nobody may relay without it then";
  struct bench_line const *l = genalloc_s(struct bench_line, &f->b->lines);
  struct facts const *facts = &f->q->facts;
  struct address const *a = facts->recipient;
  if (a && a->domain[0] && plain(f->recipient) && !f->b->targeted)
    ADD(f, TABLE_RELAY, WIDTH_RECIPIENT, "nobody may send to this recipient then", "deny to ", f->recipient);
  if (a && a->domain[0] && !f->b->domain_targeted)
    ADD(f, TABLE_RELAY, WIDTH_DOMAIN, "nobody may send to this domain then", "deny to ",
    a->domain);
  if (facts->trusted) own_line(f, ":allow", 0, WIDTH_CLIENT, "the client is a stranger then");
  own_line(f, ":deny", 0, WIDTH_LINE, "the client may not send any mail then");
  if (!facts->login && !has_line(f, SAYS_REQUIRE_LOGIN)) ADD(f, TABLE_RELAY, WIDTH_ALL, needs, "require login");
  if (!facts->tls && !has_line(f, SAYS_REQUIRE_TLS)) ADD(f, TABLE_RELAY, WIDTH_ALL, needs, "require tls");
  for (size_t i = 0; i < genalloc_len(struct bench_line, &f->b->lines); i++) close_line(f, l + i);
}

void pool_fill(genalloc *pool, struct bench *b, struct neighbours const *around)
{
  struct filling f = { .pool = pool, .b = b, .x = b->x, .q = b->q };
  struct facts const *facts = &b->q->facts;
  if (facts->client.len) ip_fmt(f.ip, &facts->client);
  f.trustable = facts->client.len != 0;
  for (size_t i = 0; around && i < around->len; i++) /* strangers come from there */
    if (!memcmp(&around->n[i].ip, &facts->client, sizeof facts->client)) f.trustable = 0;
  if (!b->q->sender_error) address_key(f.sender, facts->sender);
  if (!b->q->recipient_error && facts->recipient) address_key(f.recipient, facts->recipient);
  if (b->x->outcome.decision.verdict == VERDICT_ACCEPT) fill_closed(&f);
  else fill_open(&f);
}
