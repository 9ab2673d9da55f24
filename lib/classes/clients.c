/* The clients' classes: cut, judge, merge, sort. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "classes/parts.h"
#include "policy/gate.h"

#define VIEW_KEY 19 /* bytes that tell one view from another: flags, length, address, and its length */

/* An interval, judged. */
struct piece {
  struct span s;
  uint8_t key[CLASSES_TABLES][VIEW_KEY];
};

static struct ip const zero4 = { .len = 4 }, zero6 = { .len = 16 };
static struct ip const mapped = { { [10] = 0xff, [11] = 0xff }, 16 }, behind_mapped = { { [9] = 1 }, 16 };

static int cut(struct cuts *x, struct ip const *ip)
{
  return genalloc_append(struct ip, &x->at, ip) ? 0 : (errno = ENOMEM, -1);
}

int cuts_start(struct cuts *x)
{
  struct ip const *const always[] = { &zero4, &zero6, &mapped, &behind_mapped };
  for (size_t i = 0; i < sizeof always / sizeof *always; i++)
    if (cut(x, always[i]) < 0) return -1;
  return 0;
}

/* Where a prefix begins and where it has ended. */
static int cut_prefix(struct cuts *x, struct ip const *ip, unsigned bits)
{
  struct ip next = *ip;
  range_last(&next, bits);
  if (cut(x, ip) < 0) return -1;
  return range_next(&next) ? cut(x, &next) : 0;
}

int cuts_client(struct cuts *x, char const *key, size_t n)
{
  struct ip ip;
  unsigned bits;
  if (gate_prefix_scan(&ip, &bits, key, n)) return cut_prefix(x, &ip, bits);
  return 0; /* everybody, the lengths, or what no look-up asks for */
}

int cuts_device(struct cuts *x, char const *key, size_t n)
{
  struct ip ip;
  unsigned bits;
  x->devices = 1;
  return gate_cidr_scan(&ip, &bits, key, n) ? cut_prefix(x, &ip, bits) : 0;
}

int view_rule(struct client_view *v, struct record const *r)
{
  uint32_t pos = 0;
  char const *var;
  int more;
  while ((more = gate_variable(r, &pos, &var)) > 0) {
    if (!strncmp(var, "RELAYCLIENT=", 12)) v->trusted = 1;
    else if (!strncmp(var, "RELAYPROXY=", 11)) v->proxy = 1;
  }
  v->denied = r->len && *r->data == 'D';
  return more < 0 ? (errno = EPROTO, -1) : 0;
}

/* The longest prefix with lines for devices that holds ip: the look-ups that match_device makes. */
static int view_device(struct client_view *v, struct table_set const *t, struct ip const *ip)
{
  static char const verb[] = "grant device";
  char key[sizeof verb + GATE_CIDR] = "grant device ";
  struct record lengths, r;
  int found = table_find(t, TABLE_RELAY, ip->len == 4 ? "grant device/4" : "grant device/6", sizeof verb + 1, &lengths);
  gate_cidr_key(key + sizeof verb, ip, 8U * ip->len);
  for (uint32_t i = 0; found > 0 && i < lengths.len; i++) {
    unsigned bits = (unsigned char)lengths.data[i];
    if (bits > 8U * ip->len) return errno = EPROTO, -1;
    int hit = table_find(t, TABLE_RELAY, key, sizeof verb + 1 + bits, &r);
    if (hit < 0) found = -1;
    if (hit <= 0 || (v->is_device && v->device_bits >= bits)) continue;
    v->is_device = 1;
    v->device_bits = (uint8_t)bits;
    v->device = *ip;
    ip_mask(&v->device, bits);
  }
  return found < 0 ? (errno = EPROTO, -1) : 0;
}

/* How table i sees the address. */
static int view(struct client_view *v, struct span *s, struct classes const *c, struct cuts const *x, unsigned i)
{
  struct record r, everybody;
  *v = (struct client_view){ 0 };
  if (gate_find(c->t[i], &s->first, 0, 0, &r) == GATE_TEMPFAIL) return errno = EPROTO, -1;
  int found = table_find(c->t[i], TABLE_CLIENTS, "", 0, &everybody);
  if (found < 0) return errno = EPROTO, -1;
  s->line[i] = r.line;
  s->rest[i] = found ? r.data == everybody.data : !r.line;
  if (view_rule(v, &r) < 0) return -1;
  return x->devices ? view_device(v, c->t[i], &s->first) : 0;
}

static void pack(uint8_t key[VIEW_KEY], struct client_view const *v)
{
  key[0] = (uint8_t)(v->denied | v->trusted << 1 | v->proxy << 2 | v->is_device << 3);
  key[1] = v->device_bits;
  key[2] = v->device.len;
  memcpy(key + 3, v->device.b, 16);
}

static void unpack(struct client_view *v, uint8_t const key[VIEW_KEY])
{
  *v = (struct client_view){ .denied = key[0] & 1, .trusted = key[0] >> 1 & 1, .proxy = key[0] >> 2 & 1,
    .is_device = key[0] >> 3 & 1, .device_bits = key[1], .device.len = key[2] };
  memcpy(v->device.b, key + 3, 16);
}

static int by_ip(void const *a, void const *b)
{
  return range_cmp(a, b);
}

static int by_class(void const *x, void const *y)
{
  struct piece const *a = x, *b = y;
  int r = memcmp(a->key, b->key, sizeof a->key);
  return r ? r : range_cmp(&a->s.first, &b->s.first);
}

/* Are they neighbours that nothing tells apart? */
static int same(struct piece const *a, struct piece const *b)
{
  struct ip next = a->s.last;
  return !memcmp(a->key, b->key, sizeof a->key) && !memcmp(a->s.line, b->s.line, sizeof a->s.line) &&
    !memcmp(a->s.rest, b->s.rest, sizeof a->s.rest) && range_next(&next) && !range_cmp(&next, &b->s.first);
}

/* Judges the interval and appends it to the pieces, or to the last of them when nothing tells them apart. */
static int add_piece(struct classes const *c, struct cuts const *x, genalloc *pieces, struct ip const *first,
                     struct ip const *last)
{
  struct piece p = { .s.first = *first, .s.last = *last };
  size_t n = genalloc_len(struct piece, pieces);
  struct piece *before = n ? genalloc_s(struct piece, pieces) + n - 1 : 0;
  for (unsigned i = 0; i < c->n; i++) {
    struct client_view v;
    if (view(&v, &p.s, c, x, i) < 0) return -1;
    pack(p.key[i], &v);
  }
  if (before && same(before, &p)) return before->s.last = *last, 0;
  return genalloc_append(struct piece, pieces, &p) ? 0 : (errno = ENOMEM, -1);
}

static int judge(struct classes const *c, struct cuts *x, genalloc *pieces)
{
  struct ip *at = genalloc_s(struct ip, &x->at);
  size_t n = genalloc_len(struct ip, &x->at);
  qsort(at, n, sizeof *at, by_ip);
  for (size_t i = 0; i < n; i++) {
    struct ip last = { .len = at[i].len };
    if (i + 1 < n && !range_cmp(at + i, at + i + 1)) continue;
    if (i + 1 < n && at[i + 1].len == last.len) last = at[i + 1], range_previous(&last);
    else range_last(&last, 0);
    if (range_cmp(at + i, &mapped) >= 0 && range_cmp(at + i, &behind_mapped) < 0) continue;
    if (add_piece(c, x, pieces, at + i, &last) < 0) return -1;
  }
  return 0;
}

static void count(struct client_class *k, struct span const *s)
{
  struct wide size = range_size(&s->first, &s->last);
  if (s->first.len == 4) {
    k->v4 += size.low;
    return;
  }
  wide_add(&k->v6, size);
  wide_add(&k->v6_global, range_global(&s->first, &s->last));
}

static int collect(struct classes *c, struct piece const *p, size_t n)
{
  unsigned best = 0;
  for (size_t i = 0; i < n; i++) {
    struct client_class k = { .first = i };
    struct ip ip;
    size_t have = classes_clients(c);
    int fresh = !i || memcmp(p[i].key, p[i - 1].key, sizeof p[i].key);
    for (unsigned t = 0; fresh && t < CLASSES_TABLES; t++) unpack(k.view + t, p[i].key[t]);
    if (fresh && !genalloc_append(struct client_class, &c->clients, &k)) return errno = ENOMEM, -1;
    if (!genalloc_append(struct span, &c->spans, &p[i].s)) return errno = ENOMEM, -1;
    struct client_class *now = classes_client(c, fresh ? have : have - 1);
    now->n++;
    count(now, &p[i].s);
    if (!fresh && !best) continue;
    unsigned score = range_example(&ip, &p[i].s.first, &p[i].s.last);
    if (!fresh && score >= best) continue;
    best = score;
    now->example = ip;
  }
  return 0;
}

int cuts_end(struct cuts *x, struct classes *c)
{
  genalloc pieces = GENALLOC_ZERO;
  int r = judge(c, x, &pieces);
  struct piece *p = genalloc_s(struct piece, &pieces);
  size_t n = genalloc_len(struct piece, &pieces);
  if (n) qsort(p, n, sizeof *p, by_class);
  if (r == 0) r = collect(c, p, n);
  int e = errno;
  genalloc_free(struct piece, &pieces);
  genalloc_free(struct ip, &x->at);
  errno = e;
  return r;
}
