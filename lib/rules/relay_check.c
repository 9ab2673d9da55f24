/* Warnings about `relay`: lines that do nothing, since another one grants, denies or hosts what they are about. */
#include <stdio.h>
#include <string.h>
#include "rules/rules.h"

#define UNUSED(line, ...) rules_warn_at(c, WARN_UNUSED, FILE_RELAY, line, __VA_ARGS__)

/* The domain of a key TO or FROM. */
static char const *domain_of(char const *key)
{
  char const *at = strchr(key, '@');
  return at ? at + 1 : key;
}

/* Does a recipient need no grant, or get none? Complains then. */
static int settled(struct compiler *c, uint32_t line, char const *to)
{
  struct hosted const *h = rules_hosted(c, domain_of(to));
  uint32_t denied = rules_line_to(c, "deny to ", to, 1);
  if (h) UNUSED(line, "hosted (domains:%u): mail to it needs no grant", (unsigned)h->line);
  else if (denied) UNUSED(line, "void: `deny to` in line %u comes first", (unsigned)denied);
  return h || denied;
}

static void check_to(struct compiler *c, uint32_t line, char const *to)
{
  uint32_t wider = rules_line_to(c, "grant to ", to, 0);
  if (!settled(c, line, to) && wider) UNUSED(line, "line %u grants that too", (unsigned)wider);
}

static void check_deny(struct compiler *c, uint32_t line, char const *to)
{
  uint32_t wider = rules_line_to(c, "deny to ", to, 0);
  struct hosted const *h = strchr(to, '@') ? 0 : rules_hosted(c, to);
  if (wider) UNUSED(line, "line %u denies that too", (unsigned)wider);
  else if (h) rules_warn_at(c, WARN_DENY_HOSTED, FILE_RELAY, line, "hosted (domains:%u): all mail to it is refused",
                            (unsigned)h->line);
}

/* Is a sender, or every sender of a domain, hosted or `local`? */
static int counts_as_hosted(struct compiler const *c, char const *from)
{
  return rules_hosted(c, domain_of(from)) || rules_line_to(c, "local ", *from == '@' ? from + 1 : from, 1);
}

/* What is asked for: the line HEAD FROM TAIL with a wider sender. */
struct question {
  char const *head, *from, *tail;
  unsigned hosted : 1;  /* `hosted` is wider */
  unsigned itself : 1;  /* the sender as it stands counts too */
};

/* The line with SENDER, or 0. */
static uint32_t line_with(struct compiler const *c, struct question const *q, char const *at, char const *sender)
{
  char key[2 * TABLE_KEY];
  int n = snprintf(key, sizeof key, "%s%s%s%s", q->head, at, sender, q->tail);
  return n < (int)sizeof key ? seen_line(&c->seen, TABLE_RELAY, key, (size_t)n) : 0;
}

static uint32_t wider_sender(struct compiler const *c, struct question const *q)
{
  uint32_t line = strcmp(q->from, "any") ? line_with(c, q, "", "any") : 0;
  if (!line && q->hosted) line = line_with(c, q, "", "hosted");
  if (!line && q->itself) line = line_with(c, q, "", q->from);
  if (!strchr(q->from, '@')) return line;
  for (char const *s = rules_wider(*q->from == '@' ? q->from + 1 : q->from); *s && !line; s = rules_wider(s))
    line = line_with(c, q, "@", s);
  return line;
}

/* The line `grant sender` that has this sender, or a wider one. */
static uint32_t sender_line(struct compiler const *c, char const *from, int itself)
{
  struct question q = { .head = "grant sender ", .from = from, .tail = "", .itself = itself != 0 };
  q.hosted = strchr(from, '@') && counts_as_hosted(c, from);
  return wider_sender(c, &q);
}

/* Is there a line of this table whose key starts so, and has `within` in it? */
static int has(struct compiler const *c, enum table which, char const *start, char const *within)
{
  char key[TABLE_KEY + 1];
  for (size_t i = 0; seen_next(&c->seen, &i, which, key); )
    if (!strncmp(key, start, strlen(start)) && strstr(key, within)) return 1;
  return 0;
}

static int hosts(struct compiler const *c)
{
  return genalloc_len(struct hosted, &c->hosted) != 0;
}

/* The line that refuses a sender, or every sender of a domain, as not hosted; 0: there is none. Below a suffix there
 * may be hosted domains. */
static uint32_t refused_sender(struct compiler const *c, char const *from)
{
  char const *domain = domain_of(from);
  if (!strchr(from, '@') || *domain == '.' || rules_hosted(c, domain)) return 0;
  return rules_relay_line(c, "require sender hosted");
}

static void check_sender(struct compiler *c, uint32_t line, char const *from)
{
  uint32_t hosted = rules_relay_line(c, "grant sender hosted");
  uint32_t wider = strcmp(from, "user") ? sender_line(c, from, 0) : hosted;
  uint32_t required = refused_sender(c, from);
  if (!strcmp(from, "hosted") && !hosts(c) && !has(c, TABLE_RELAY, "local ", ""))
    UNUSED(line, "there is nothing in `domains`, and no line `local`");
  else if (required) UNUSED(line, "void: this sender is not hosted, and `require sender hosted` (line %u) refuses it",
                            (unsigned)required);
  else if (!strcmp(from, "user") && !has(c, TABLE_RECIPIENTS, "", "") && !has(c, TABLE_RELAY, "local ", "@"))
    UNUSED(line, "there is nothing in `recipients`, and no line `local` with an address");
  else if (wider) UNUSED(line, "line %u grants that too", (unsigned)wider);
}

static void check_local(struct compiler *c, uint32_t line, char const *to)
{
  struct hosted const *h = rules_hosted(c, domain_of(to));
  uint32_t hosted = rules_relay_line(c, "grant sender hosted"), user = rules_relay_line(c, "grant sender user");
  uint32_t wider = rules_line_to(c, "local ", to, 0);
  if (!hosted && !user)
    UNUSED(line, "only `grant sender hosted` and `grant sender user` look at it, and neither stands here");
  else if (user && strchr(to, '@')) return; /* a user by this line alone */
  else if (!hosted) UNUSED(line, "`grant sender user` looks at lines with a whole address alone");
  else if (h) UNUSED(line, "hosted (domains:%u), and so local already", (unsigned)h->line);
  else if (wider) UNUSED(line, "line %u says that too", (unsigned)wider);
}

/* Lengths in use up to that of a prefix (`_` or `^` and its bits), 0: it is none. */
static uint8_t const *lengths_of(struct lengths const *l, char const *bits)
{
  return *bits == '_' ? l->v4 : l->v6;
}

static void check_to_host(struct compiler *c, uint32_t line, char const *bits)
{
  char key[TABLE_KEY] = "grant to-host ";
  size_t n = strlen(key), len = strlen(bits);
  uint8_t const *used = lengths_of(&c->to_host, bits);
  uint32_t wider = 0;
  memcpy(key + n, bits, len);
  for (size_t i = 0; i + 1 < len && !wider; i++)
    if (used[i]) wider = seen_line(&c->seen, TABLE_RELAY, key, n + 1 + i);
  if (wider) UNUSED(line, "line %u grants that too", (unsigned)wider);
  else if (c->default_relay && !c->by_mx)
    UNUSED(line, "void: no mail goes to mail exchangers, since line %u of routes sends all of it to a relay",
           (unsigned)c->default_relay);
}

/* A line for a device with the same or a wider prefix, sender and recipient. Whom a line `local` names is not hosted
 * here. */
static uint32_t wider_device(struct compiler const *c, char const *bits, size_t len, char const *from, char const *to)
{
  char head[TABLE_KEY + 1] = "grant device ", tail[TABLE_KEY + 1] = " ";
  size_t n = strlen(head);
  uint8_t const *used = lengths_of(&c->device, bits);
  struct question q = { .head = head, .from = from, .tail = tail };
  uint32_t line = 0;
  q.hosted = strchr(from, '@') && rules_hosted(c, domain_of(from));
  for (size_t i = 0; i < len && !line; i++) {
    memcpy(head + n, bits, i + 1);
    if (!used[i] || !seen_has(&c->seen, TABLE_RELAY, head, n + 1 + i)) continue;
    memcpy(head + n + 1 + i, " ", 2);
    int shorter = i + 1 < len, any = !strcmp(to, "any");
    strcpy(tail + 1, "any");
    q.itself = shorter || !any;
    line = wider_sender(c, &q);
    for (char const *s = to; *s && !line && !any; s = rules_wider(s)) {
      strcpy(tail + 1, s);
      q.itself = shorter || s != to;
      line = wider_sender(c, &q);
    }
  }
  return line;
}

/* BITS FROM TO */
static void check_device(struct compiler *c, uint32_t line, char const *rest)
{
  char from[TABLE_KEY];
  char const *first = strchr(rest, ' '), *second = strchr(first + 1, ' '), *to = second + 1;
  size_t n = (size_t)(second - first) - 1;
  int any = !strcmp(to, "any");
  memcpy(from, first + 1, n);
  from[n] = 0;
  uint32_t required = refused_sender(c, from);
  if (!strcmp(to, "hosted")) {
    UNUSED(line, "mail to hosted domains needs no grant");
    return;
  }
  if (required || (!strcmp(from, "hosted") && !hosts(c))) {
    if (required) UNUSED(line, "void: this sender is not hosted, and `require sender hosted` (line %u) refuses it",
                         (unsigned)required);
    else UNUSED(line, "there is nothing in `domains`");
    return;
  }
  uint32_t granted = any ? 0 : rules_line_to(c, "grant to ", to, 1);
  uint32_t sender = strcmp(from, "any") ? sender_line(c, from, 1) : 0;
  uint32_t wider = wider_device(c, rest, (size_t)(first - rest), from, to);
  if (!any && settled(c, line, to)) return;
  if (granted || sender) wider = granted ? granted : sender;
  if (wider) UNUSED(line, "line %u grants that too", (unsigned)wider);
}

/* Nobody relays, without a word about it elsewhere. */
static void check_required(struct compiler *c, uint32_t line, char const *rest)
{
  if (!*rest && !hosts(c))
    rules_warn_at(c, WARN_NOBODY_RELAYS, FILE_RELAY, line, "there is nothing in `domains`: this refuses whoever wants "
                  "to relay");
}

static void check_own(struct compiler *c, uint32_t line, char const *suffix)
{
  uint32_t granted = rules_line_to(c, "grant to ", suffix, 1);
  if (!granted && !seen_line(&c->seen, TABLE_DOMAINS, suffix, strlen(suffix)))
    UNUSED(line, "neither hosted nor granted: nobody asks whose it is");
}

static void check_pop(struct compiler *c, uint32_t line, char const *rest)
{
  if (!*rest) rules_check_pop(c, line);
}

static struct { char const *start; void (*check)(struct compiler *, uint32_t, char const *); } const checks[] = {
  { "grant to ", check_to }, { "grant to-host ", check_to_host }, { "grant sender ", check_sender },
  { "grant device ", check_device }, { "deny to ", check_deny }, { "local ", check_local },
  { "own ", check_own }, { "grant pop", check_pop },
  { "require sender hosted", check_required },
};

void rules_check_relay(struct compiler *c)
{
  char key[TABLE_KEY + 1];
  uint32_t line, anyone = rules_relay_line(c, "grant anyone");
  for (size_t i = 0; (line = seen_next(&c->seen, &i, TABLE_RELAY, key)); ) {
    if (anyone && anyone != line && !strncmp(key, "grant ", 6)) {
      UNUSED(line, "`grant anyone` (line %u) grants that too", (unsigned)anyone);
      continue;
    }
    for (size_t k = 0; k < sizeof checks / sizeof *checks; k++) {
      size_t n = strlen(checks[k].start);
      if (!strncmp(key, checks[k].start, n)) checks[k].check(c, line, key + n);
    }
  }
}
