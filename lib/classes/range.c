/* Addresses as numbers, and numbers of addresses. */
#include <string.h>
#include "classes/range.h"

int range_cmp(struct ip const *a, struct ip const *b)
{
  int r = a->len != b->len ? (int)a->len - (int)b->len : memcmp(a->b, b->b, a->len);
  return (r > 0) - (r < 0);
}

int range_next(struct ip *ip)
{
  for (unsigned i = ip->len; i--; )
    if (++ip->b[i]) return 1;
  return 0;
}

int range_previous(struct ip *ip)
{
  for (unsigned i = ip->len; i--; )
    if (ip->b[i]--) return 1;
  return 0;
}

void range_last(struct ip *ip, unsigned bits)
{
  for (unsigned i = bits; i < 8U * ip->len; i++) ip->b[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

static struct wide number(struct ip const *ip)
{
  struct wide x = { 0, 0 };
  for (unsigned i = 0; i < ip->len; i++) {
    x.high = x.high << 8 | x.low >> 56;
    x.low = x.low << 8 | ip->b[i];
  }
  return x;
}

struct wide range_size(struct ip const *first, struct ip const *last)
{
  struct wide a = number(first), b = number(last), one = { 0, 1 };
  b.high -= a.high + (b.low < a.low);
  b.low -= a.low;
  wide_add(&b, one);
  return b;
}

struct wide range_global(struct ip const *first, struct ip const *last)
{
  struct ip low = { { 0x20 }, 16 }, high = low;
  struct wide none = { 0, 0 };
  range_last(&high, 3);
  if (first->len == 4) return range_size(first, last);
  if (range_cmp(first, &low) > 0) low = *first;
  if (range_cmp(last, &high) < 0) high = *last;
  return range_cmp(&low, &high) <= 0 ? range_size(&low, &high) : none;
}

void wide_add(struct wide *x, struct wide y)
{
  x->low += y.low;
  x->high += y.high + (x->low < y.low);
}

int wide_cmp(struct wide x, struct wide y)
{
  if (x.high != y.high) return x.high < y.high ? -1 : 1;
  return x.low < y.low ? -1 : x.low > y.low;
}

/* Divides by ten, 32 bits at a time; returns the rest. */
static unsigned tenth(struct wide *x)
{
  uint64_t part[4] = { x->high >> 32, x->high & 0xffffffff, x->low >> 32, x->low & 0xffffffff }, rest = 0;
  for (unsigned i = 0; i < 4; i++) {
    part[i] |= rest << 32;
    rest = part[i] % 10;
    part[i] /= 10;
  }
  x->high = part[0] << 32 | part[1];
  x->low = part[2] << 32 | part[3];
  return (unsigned)rest;
}

size_t wide_fmt(char out[WIDE_TEXT], struct wide x)
{
  char digits[WIDE_TEXT];
  size_t n = 0, len = 0;
  do digits[n++] = (char)('0' + tenth(&x)); while (x.high || x.low);
  while (n) out[len++] = digits[--n];
  out[len] = 0;
  return len;
}

/* Prefixes of addresses for examples (RFC 5737, RFC 3849), and of public ones, with few others among them
 * (RFC 6890). */
static struct prefix {
  struct ip ip;
  unsigned bits;
} const documentation[] = {
  { { { 203, 0, 113 }, 4 }, 24 }, { { { 198, 51, 100 }, 4 }, 24 }, { { { 192, 0, 2 }, 4 }, 24 },
  { { { 0x20, 0x01, 0x0d, 0xb8 }, 16 }, 32 },
}, open_space[] = {
  { { { 11 }, 4 }, 8 }, { { { 12 }, 4 }, 6 }, { { { 16 }, 4 }, 4 }, { { { 32 }, 4 }, 3 }, { { { 64 }, 4 }, 3 },
  { { { 128 }, 4 }, 3 }, { { { 176 }, 4 }, 4 }, { { { 193 }, 4 }, 8 }, { { { 194 }, 4 }, 7 }, { { { 200 }, 4 }, 5 },
  { { { 208 }, 4 }, 4 }, { { { 1 }, 4 }, 8 }, { { { 2 }, 4 }, 7 }, { { { 4 }, 4 }, 6 }, { { { 8 }, 4 }, 7 },
  { { { 0x20 }, 16 }, 3 },
};

/* The second address of the prefix (the first is a network's) or what comes nearest to it in first..last. */
static int within(struct ip *ip, struct prefix const *p, struct ip const *first, struct ip const *last)
{
  struct ip low = p->ip, high = p->ip;
  if (p->ip.len != first->len) return 0;
  range_last(&high, p->bits);
  if (range_cmp(first, &high) > 0 || range_cmp(last, &low) < 0) return 0;
  *ip = range_cmp(first, &low) > 0 ? *first : low;
  struct ip next = *ip;
  if (ip->b[ip->len - 1] || !range_next(&next)) return 1;
  if (range_cmp(&next, &high) <= 0 && range_cmp(&next, last) <= 0) *ip = next;
  return 1;
}

unsigned range_example(struct ip *ip, struct ip const *first, struct ip const *last)
{
  for (size_t i = 0; i < sizeof documentation / sizeof *documentation; i++)
    if (within(ip, documentation + i, first, last)) return (unsigned)i;
  for (size_t i = 0; i < sizeof open_space / sizeof *open_space; i++)
    if (within(ip, open_space + i, first, last)) return RANGE_OTHER - 1;
  struct prefix all = { { .len = first->len }, 0 };
  within(ip, &all, first, last);
  return RANGE_OTHER;
}
