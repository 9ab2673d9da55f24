/* The IP gate's look-ups, in tcprules' order. */
#include <string.h>
#include "parse/domain.h"
#include "policy/gate.h"

struct question {
  struct table_set const *t;
  gate_rule_fn *rule;
  void *arg;
  struct ip const *ip;
  char ip_text[IP_TEXT];
  size_t ip_len;              /* 0: the address is unknown */
  char host[1 + DOMAIN_TEXT]; /* `=` and the name */
  size_t host_len;            /* 0: no name */
  char const *info;
  size_t info_len;            /* 0: no user */
};

/* Something else than 0 ends it. */
static int ask(struct question const *q, char const *key, size_t len)
{
  struct record r;
  int found = table_look(q->t, TABLE_CLIENTS, key, len, &r);
  return found > 0 ? q->rule(q->arg, key, len, &r) : found;
}

/* A name as the rules have it: canonical; one that is no domain name (DNS may say anything) in lower case. */
static void set_host(struct question *q, char const *host)
{
  q->host_len = 0;
  size_t n = host ? strlen(host) : 0;
  if (!n) return;
  q->host[0] = '=';
  size_t len = domain_canon(q->host + 1, host, n);
  if (!len) {
    if (n >= DOMAIN_TEXT) return;
    for (size_t i = 0; i < n; i++) q->host[1 + i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] + 32 : host[i]);
    len = n;
  }
  q->host_len = 1 + len;
}

static int by_info(struct question const *q)
{
  char key[GATE_INFO + 1 + IP_TEXT + DOMAIN_TEXT];
  if (!q->info_len) return 0;
  memcpy(key, q->info, q->info_len);
  key[q->info_len] = '@';
  char *rest = key + q->info_len + 1;
  if (q->ip_len) {
    memcpy(rest, q->ip_text, q->ip_len);
    int found = ask(q, key, q->info_len + 1 + q->ip_len);
    if (found) return found;
  }
  if (!q->host_len) return 0;
  memcpy(rest, q->host, q->host_len);
  return ask(q, key, q->info_len + 1 + q->host_len);
}

static int by_exact(struct question const *q)
{
  if (q->ip_len) {
    int found = ask(q, q->ip_text, q->ip_len);
    if (found) return found;
  }
  return q->host_len ? ask(q, q->host, q->host_len) : 0;
}

static int by_dots(struct question const *q)
{
  if (q->ip->len != 4) return 0;
  for (size_t n = q->ip_len; n; n--) {
    if (q->ip_text[n - 1] != '.') continue;
    int found = ask(q, q->ip_text, n);
    if (found) return found;
  }
  return 0;
}

size_t gate_cidr_key(char out[GATE_CIDR], struct ip const *ip, unsigned bits)
{
  out[0] = ip->len == 4 ? '_' : '^';
  for (unsigned i = 0; i < bits; i++) out[1 + i] = (char)('0' + (ip->b[i / 8] >> (7 - i % 8) & 1));
  return 1 + bits;
}

int gate_cidr_scan(struct ip *ip, unsigned *bits, char const *s, size_t n)
{
  *ip = (struct ip){ .len = n && *s == '_' ? 4 : 16 };
  if (!n || (*s != '_' && *s != '^') || n - 1 > 8U * ip->len) return 0;
  *bits = (unsigned)n - 1;
  for (unsigned i = 0; i < *bits; i++) {
    if (s[1 + i] != '0' && s[1 + i] != '1') return 0;
    ip->b[i / 8] |= (uint8_t)((s[1 + i] - '0') << (7 - i % 8));
  }
  return 1;
}

/* `10.1.`: an address with zeros behind. */
static int dots_scan(struct ip *ip, unsigned *bits, char const *s, size_t n)
{
  char text[IP_TEXT] = "";
  size_t len = 0;
  unsigned dots = 0;
  if (!n || n > 12 || s[n - 1] != '.') return 0;
  for (; len < n; len++) dots += (text[len] = s[len]) == '.';
  if (dots > 3) return 0;
  for (unsigned i = dots; i < 4; i++) {
    if (i > dots) text[len++] = '.';
    text[len++] = '0';
  }
  *bits = 8 * dots;
  return ip_scan(ip, text, len) && ip->len == 4;
}

int gate_prefix_scan(struct ip *ip, unsigned *bits, char const *s, size_t n)
{
  if (gate_cidr_scan(ip, bits, s, n) || dots_scan(ip, bits, s, n)) return 1;
  if (!ip_scan(ip, s, n)) return 0;
  *bits = 8U * ip->len;
  return 1;
}

static int by_cidr(struct question const *q)
{
  struct record lengths;
  char key[GATE_CIDR];
  if (!q->ip->len) return 0;
  int found = table_look(q->t, TABLE_CLIENTS, q->ip->len == 4 ? GATE_LENGTHS4 : GATE_LENGTHS6, 2, &lengths);
  if (found <= 0) return found;
  gate_cidr_key(key, q->ip, 8U * q->ip->len);
  for (uint32_t i = 0; i < lengths.len; i++) {
    unsigned bits = (unsigned char)lengths.data[i];
    if (bits > 8U * q->ip->len || i >= GATE_CIDR) return -1;
    found = ask(q, key, 1 + bits);
    if (found) return found;
  }
  return 0;
}

static int by_suffix(struct question const *q)
{
  char key[1 + DOMAIN_TEXT];
  if (!q->host_len) return 0;
  key[0] = '=';
  for (size_t i = 1; i < q->host_len; i++) {
    if (q->host[i] != '.') continue;
    memcpy(key + 1, q->host + i, q->host_len - i);
    int found = ask(q, key, 1 + q->host_len - i);
    if (found) return found;
  }
  return ask(q, "=", 1);
}

static int by_default(struct question const *q)
{
  return ask(q, "", 0);
}

int gate_each(struct table_set const *t, struct ip const *ip, char const *host, char const *info, gate_rule_fn *rule,
              void *arg)
{
  static int (*const order[])(struct question const *) = { by_info, by_exact, by_dots, by_cidr, by_suffix, by_default };
  struct question q = { .t = t, .rule = rule, .arg = arg, .ip = ip, .info = info };
  if (ip->len) q.ip_len = ip_fmt(q.ip_text, ip);
  set_host(&q, host);
  q.info_len = info ? strlen(info) : 0;
  if (q.info_len > GATE_INFO) q.info_len = 0;
  int found = 0;
  for (size_t i = 0; !found && i < sizeof order / sizeof *order; i++) found = order[i](&q);
  return table_whole(t) ? found : -1;
}

static int first(void *arg, char const *key, size_t len, struct record const *r)
{
  (void)key;
  (void)len;
  *(struct record *)arg = *r;
  return 1;
}

enum gate_verdict gate_find(struct table_set const *t, struct ip const *ip, char const *host, char const *info,
                            struct record *r)
{
  if (!t) return GATE_TEMPFAIL;
  int found = gate_each(t, ip, host, info, &first, r);
  if (found < 0) return GATE_TEMPFAIL;
  if (!found) {
    *r = (struct record){ .file = "clients", .data = "" };
    return GATE_ALLOW;
  }
  if (!r->len || r->data[0] == '+') return GATE_ALLOW;
  return r->len >= 2 && r->data[0] == 'D' && !r->data[1] ? GATE_DENY : GATE_TEMPFAIL;
}

int gate_is_fact(char const *name, size_t n)
{
  static struct { char const *name; int family; } const facts[] = { /* family: all names that begin so */
    { "TCP", 1 }, { "SSL", 1 }, { "PROTO", 0 }, { "REMOTE_ADDR", 0 }, { "REMOTE_HOST", 0 }, { "REMOTE_PORT", 0 },
    { "RELAYBY", 0 }, { "RELAYRULES", 0 }, { "RELAYRULESFD", 0 }, { "RELAYID", 0 }, { "RELAYUTF8", 0 },
    { "RELAYSTAMP", 0 }, { "RELAYSTAMPUNTIL", 0 }, { "RELAYSTAMPFAIL", 0 },
    { "RELAYASK", 0 }, { "RELAYASKED", 0 }, { "DNSCACHEIP", 0 }, { "RELAYTRUSTAD", 0 }, /* who answers */
    { "RELAY_CTRL_", 1 }, /* where the stamps lie, and what they are worth where no rules say it */
  };
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
    size_t len = strlen(facts[i].name);
    if ((facts[i].family ? n >= len : n == len) && !memcmp(name, facts[i].name, len)) return 1;
  }
  return 0;
}

int gate_variable(struct record const *r, uint32_t *pos, char const **var)
{
  if (!*pos && r->len >= 2 && r->data[0] == 'D' && !r->data[1]) *pos = 2;
  if (*pos >= r->len) return 0;
  char const *s = r->data + *pos;
  char const *end = memchr(s, 0, r->len - *pos);
  char const *equal = end ? memchr(s, '=', (size_t)(end - s)) : 0;
  if (*s != '+' || !equal || s[1] == '=' || gate_is_fact(s + 1, (size_t)(equal - s) - 1)) return -1;
  *var = s + 1;
  *pos += (uint32_t)(end - s) + 1;
  return 1;
}
