/* What a stamp says, and how old it is. */
#include <string.h>
#include "parse/number.h"
#include "parse/utf8.h"
#include "stamp/stamp.h"

int stamp_is_user(char const *s, size_t n)
{
  if (!n || n >= STAMP_USER) return 0;
  for (size_t at = 0; at < n; ) {
    uint32_t c;
    size_t len = utf8_next(&c, s + at, n - at);
    if (!len || c < 0x20 || (c >= 0x7f && c < 0xa0)) return 0;
    at += len;
  }
  return 1;
}

int stamp_is_node(char const *s, size_t n)
{
  static char const allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (!n || n >= STAMP_NODE) return 0;
  for (size_t i = 0; i < n; i++)
    if (!memchr(allowed, s[i], sizeof allowed - 1)) return 0;
  return 1;
}

static size_t put(char *out, char const *name, char const *value)
{
  size_t n = strlen(name), len = strlen(value) + 1;
  memcpy(out, name, n);
  memcpy(out + n, value, len);
  return n + len;
}

/* USER stands there even when it is empty: no body is. */
size_t stamp_fmt(char out[STAMP_BODY], struct stamp const *s)
{
  char digits[NUMBER_TEXT];
  size_t n = put(out, "USER=", s->user);
  if (s->boot >= 0) {
    number_fmt(digits, (uint64_t)s->boot);
    n += put(out + n, "BOOTTIME=", digits);
  }
  if (*s->node) n += put(out + n, "NODE=", s->node);
  if (s->net) n += put(out + n, "NET=", "64");
  return n;
}

struct value { char const *s; size_t n; };

struct body { struct value user, domain, boot, node, net; };

/* Sets the value of one of our variables; of two of one name nobody knows which counts. Returns 1, or 0. */
static int take(struct body *b, struct value name, struct value value)
{
  struct { char const *name; struct value *to; } const ours[] = {
    { "USER", &b->user }, { "DOMAIN", &b->domain }, { "BOOTTIME", &b->boot }, { "NODE", &b->node }, { "NET", &b->net }
  };
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
    if (name.n != strlen(ours[i].name) || memcmp(name.s, ours[i].name, name.n)) continue;
    if (ours[i].to->s) return 0;
    *ours[i].to = value;
  }
  return 1;
}

static int split(struct body *b, char const *s, size_t n)
{
  if (!n || s[n - 1]) return 0;
  for (char const *end; n; n -= (size_t)(end + 1 - s), s = end + 1) {
    end = memchr(s, 0, n);
    char const *is = memchr(s, '=', (size_t)(end - s));
    if (!is || is == s) return 0;
    if (!take(b, (struct value){ s, (size_t)(is - s) }, (struct value){ is + 1, (size_t)(end - is - 1) })) return 0;
  }
  return 1;
}

/* USER, or USER@DOMAIN. relay-ctrl writes what it has, also an empty USER; a DOMAIN alone is nobody. */
static int set_user(struct stamp *out, struct body const *b)
{
  size_t n = b->user.n;
  if (!n) return !b->domain.n;
  if (n >= STAMP_USER) return 0;
  memcpy(out->user, b->user.s, n);
  if (b->domain.n && !memchr(b->user.s, '@', n)) {
    if (n + 1 + b->domain.n >= STAMP_USER) return 0;
    out->user[n++] = '@';
    memcpy(out->user + n, b->domain.s, b->domain.n);
    n += b->domain.n;
  }
  out->user[n] = 0;
  return stamp_is_user(out->user, n);
}

int stamp_scan(struct stamp *out, char const *s, size_t n)
{
  struct body b = { .user = { 0, 0 } };
  uint64_t boot;
  *out->user = *out->node = 0;
  out->boot = -1;
  out->net = 0;
  if (!split(&b, s, n) || !set_user(out, &b)) return 0;
  if (b.boot.s) {
    if (number_scan(b.boot.s, b.boot.n, INT64_MAX, &boot) != NUMBER_OK) return 0;
    out->boot = (int64_t)boot;
  }
  if (b.node.s) {
    if (!stamp_is_node(b.node.s, b.node.n)) return 0;
    memcpy(out->node, b.node.s, b.node.n);
    out->node[b.node.n] = 0;
  }
  if (!b.net.s) return 1;
  out->net = 1;
  return b.net.n == 2 && !memcmp(b.net.s, "64", 2);
}

int stamp_name_scan(struct ip *ip, char const *s, size_t n)
{
  struct ip a;
  char text[IP_TEXT];
  if (!ip_scan(&a, s, n) || ip_fmt(text, &a) != n || memcmp(text, s, n)) return 0;
  *ip = a;
  return 1;
}

struct ip stamp_network(struct ip const *ip)
{
  struct ip net = *ip;
  if (net.len == 16) ip_mask(&net, 64);
  return net;
}

int64_t stamp_age(struct stamp const *s, int64_t now, int64_t boot)
{
  if (s->time < 0 || now < s->time) return -1;
  int64_t age = now - s->time;
  if (s->boot >= 0 && boot >= s->boot && boot - s->boot > age) age = boot - s->boot;
  return age;
}
