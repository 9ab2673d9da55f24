/* Representatives, found in the rules; and the cells. */
#include <string.h>
#include "explain/matrix.h"
#include "explain/parts.h"
#include "policy/match.h"

#define SOMEBODY "somebody"

/* Addresses and domains that nobody has (RFC 5737, RFC 3849, RFC 2606): one of them will be strange to the rules. */
static char const *const strangers[] = { "203.0.113.7", "198.51.100.7", "192.0.2.7", "2001:db8::7", "233.252.0.7" };
static char const *const elsewhere[] = { "elsewhere.example", "elsewhere.test", "elsewhere.invalid",
  "elsewhere.example.net",
  "elsewhere.example.org" };

static int trusts(struct table_set const *t, struct ip const *ip, char const *host, char const *info)
{
  struct record r;
  uint32_t pos = 0;
  char const *var;
  if (gate_find(t, ip, host, info, &r) != GATE_ALLOW) return 0;
  while (gate_variable(&r, &pos, &var) > 0)
    if (!strncmp(var, "RELAYCLIENT=", 12)) return 1;
  return 0;
}

static void find_stranger(struct ip *ip, struct table_set const *t)
{
  struct record r;
  for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
    ip_scan(ip, strangers[i], strlen(strangers[i]));
    if (gate_find(t, ip, 0, 0, &r) == GATE_ALLOW && !trusts(t, ip, 0, 0) && match_device_client(t, ip, &r) == 0) return;
  }
  ip_scan(ip, strangers[0], strlen(strangers[0]));
}

/* An address that the key is about: 1, or 0. */
static int client_of(struct piece key, struct ip *ip)
{
  unsigned bits;
  if (!gate_prefix_scan(ip, &bits, key.s, key.n)) return 0;
  if (bits < 8U * ip->len) ip->b[ip->len - 1] |= 1;
  return 1;
}

/* The first of `clients` that is really trusted, by its address or by its name. */
static void find_client(struct matrix *m, struct table_set const *t)
{
  struct record r;
  struct piece key;
  enum table which;
  uint32_t pos = 0;
  while (table_next(t, &pos, &which, &key.s, &key.n, &r) > 0) {
    struct ip ip = m->rows[ROW_STRANGER].client;
    char *host = m->rows[ROW_CLIENT].host;
    *host = 0;
    if (which != TABLE_CLIENTS || !r.line) continue;
    if (key.n > 1 && *key.s == '=' && key.n < DOMAIN_TEXT) {
      memcpy(host, key.s + 1, key.n - 1);
      host[key.n - 1] = 0;
      if (*host == '.') memmove(host, host + 1, key.n - 1);
    } else if (key.n && !client_of(key, &ip)) {
      continue;
    }
    if (!trusts(t, &ip, host, 0)) continue;
    m->rows[ROW_CLIENT].there = 1;
    m->rows[ROW_CLIENT].client = ip;
    return;
  }
  m->rows[ROW_CLIENT].host[0] = 0;
}

static void find_rows(struct matrix *m, struct question *q, struct table_set const *t)
{
  int given = q->facts.client.len != 0, trusted = given && trusts(t, &q->facts.client, q->host, q->info);
  if (given && !trusted) m->rows[ROW_STRANGER].client = q->facts.client;
  else find_stranger(&m->rows[ROW_STRANGER].client, t);
  for (int i = 0; i < ROWS; i++) m->rows[i].there = 1;
  m->rows[ROW_LOGIN].client = m->rows[ROW_STAMPED].client = m->rows[ROW_CLIENT].client = m->rows[ROW_STRANGER].client;
  m->rows[ROW_LOGIN].login = q->facts.login ? q->facts.login : SOMEBODY;
  if (trusted) {
    m->rows[ROW_CLIENT].client = q->facts.client;
  } else if (!q->environment) {
    m->rows[ROW_CLIENT].there = 0;
    find_client(m, t);
  }
}

/* "x@" and a key of domains; all below a suffix has some label before it. */
static void address_in(char out[LIMIT_ADDRESS + 1], char const *local, struct piece key)
{
  size_t n = strlen(local);
  if (key.n > LIMIT_DOMAIN) return;
  memcpy(out, local, n);
  out[n++] = '@';
  if (key.n && *key.s == '.') out[n++] = 'x';
  memcpy(out + n, key.s, key.n);
  out[n + key.n] = 0;
}

static int is_denied(struct table_set const *t, char const *text)
{
  struct address a;
  struct record r;
  return address_mailbox(&a, text, strlen(text), 1) == ADDRESS_OK && match_to(t, "deny to", &a, &r) > 0;
}

/* The first hosted domain that is not denied, and the first denied recipient. */
static void find_columns(struct matrix *m, struct table_set const *t)
{
  struct record r;
  struct piece key, arg;
  enum table which;
  uint32_t pos = 0;
  while (table_next(t, &pos, &which, &key.s, &key.n, &r) > 0) {
    if (which == TABLE_DOMAINS && !*m->recipient[COLUMN_HOSTED]) {
      address_in(m->recipient[COLUMN_HOSTED], "postmaster", key);
      if (is_denied(t, m->recipient[COLUMN_HOSTED])) *m->recipient[COLUMN_HOSTED] = 0;
    } else if (which == TABLE_RELAY && !*m->recipient[COLUMN_DENIED] && statement(key, &arg) == SAYS_DENY) {
      if (!memchr(arg.s, '@', arg.n)) {
        address_in(m->recipient[COLUMN_DENIED], SOMEBODY, arg);
      } else if (arg.n <= LIMIT_ADDRESS) {
        memcpy(m->recipient[COLUMN_DENIED], arg.s, arg.n);
        m->recipient[COLUMN_DENIED][arg.n] = 0;
      }
    }
  }
}

static void find_outgoing(struct matrix *m, struct table_set const *t)
{
  struct address a;
  struct record r;
  for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
    address_in(m->recipient[COLUMN_OUTGOING], SOMEBODY, (struct piece){ elsewhere[i], strlen(elsewhere[i]) });
    char const *text = m->recipient[COLUMN_OUTGOING];
    if (address_mailbox(&a, text, strlen(text), 1) != ADDRESS_OK) continue;
    if (!match_hosted(t, a.domain, &r) && !match_to(t, "deny to", &a, &r) && !match_to(t, "grant to", &a, &r)) return;
  }
}

/* A recipient of q goes to the column where it belongs. */
static void place_recipient(struct matrix *m, struct question const *q, struct table_set const *t)
{
  struct record r;
  enum column c = COLUMN_OUTGOING;
  if (!q->has_recipient || q->recipient_error) return;
  if (match_to(t, "deny to", &q->recipient, &r) > 0) c = COLUMN_DENIED;
  else if (!q->recipient.domain[0] || match_hosted(t, q->recipient.domain, &r) > 0) c = COLUMN_HOSTED;
  memcpy(m->recipient[c], q->recipient.text, q->recipient.len + 1);
}

/* A user whose stamp counts for the sender, on a listener where it does, where the facts leave that open. */
static void find_stamp(struct matrix *m, struct question const *q, struct table_set const *t)
{
  for (int i = 0; i < ROWS; i++) m->rows[i].listener = q->facts.listener;
  if (!*q->facts.listener) m->rows[ROW_STAMPED].listener = stamp_listener(t, "");
  stamp_user(t, q->sender_error ? 0 : &q->sender, m->rows[ROW_STAMPED].user);
  m->rows[ROW_STAMPED].stamp = q->facts.stamp ? q->facts.stamp : m->rows[ROW_STAMPED].user;
}

void matrix_fill(struct matrix *m, struct question *q, struct table_set const *t)
{
  char const *environment = q->environment, *host = q->host, *info = q->info;
  struct ip client = q->facts.client;
  memset(m, 0, sizeof *m);
  if (!q->facts.login) q->facts.login_may_relay = 1;
  find_rows(m, q, t);
  find_columns(m, t);
  find_outgoing(m, t);
  if (!q->has_sender) question_sender(q, m->recipient[COLUMN_HOSTED], strlen(m->recipient[COLUMN_HOSTED]));
  if (!q->sender_error) memcpy(m->sender, q->sender.text, q->sender.len + 1);
  place_recipient(m, q, t);
  find_stamp(m, q, t);
  for (int i = 0; i < ROWS; i++) {
    int own = client.len && !memcmp(&client, &m->rows[i].client, sizeof client);
    q->facts.client = m->rows[i].client;
    q->facts.login = m->rows[i].login;
    q->facts.stamp = m->rows[i].stamp;
    q->facts.listener = m->rows[i].listener;
    q->environment = i == ROW_CLIENT ? environment : 0;
    q->host = own ? host : *m->rows[i].host ? m->rows[i].host : 0;
    q->info = own ? info : 0;
    for (int k = 0; k < COLUMNS; k++) {
      if (!m->rows[i].there || !*m->recipient[k]) continue;
      question_recipient(q, m->recipient[k], strlen(m->recipient[k]));
      question_decide(&m->cells[i][k].outcome, q, t);
      explain_reply(m->cells[i][k].reply, &m->cells[i][k].outcome, q);
    }
  }
}
