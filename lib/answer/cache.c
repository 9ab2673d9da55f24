/* The cache of next hops' answers. */
#include <stdio.h>
#include <string.h>
#include <skalibs/uint64.h>
#include "answer/cache.h"
#include "policy/route.h"

#define FORMAT "posthouse asked 1"
#define AT_WORD 0
#define AT_CODE 1
#define CODE 15      /* with a NUL: "550 5.123.123" */
#define AT_TIME 16
#define KEY_MAX (ROUTE_TEXT + LIMIT_ADDRESS + DOMAIN_TEXT + 3)

char const *cache_open(struct cache *c, char const *path)
{
  return slots_open(&c->slots, path, FORMAT);
}

void cache_close(struct cache *c)
{
  slots_close(&c->slots);
}

/* Writes the key: route, NUL, address. Returns its bytes, 0 when it is too long. */
static size_t key(char out[KEY_MAX], char const *route, char const *address)
{
  size_t r = strlen(route) + 1, a = strlen(address);
  if (r + a > KEY_MAX) return 0;
  memcpy(out, route, r);
  memcpy(out + r, address, a);
  return r + a;
}

static size_t digits(char const *s, size_t max)
{
  size_t n = 0;
  while (n < max && s[n] >= '0' && s[n] <= '9') n++;
  return n;
}

/* Copies "550" or "550 5.1.1" from the start of a reply's text; out is zeroed. */
static void copy_code(char out[CODE], char const *text)
{
  if (digits(text, 4) != 3) return;
  memcpy(out, text, 3);
  size_t n = 3;
  if (text[n++] != ' ') return;
  for (unsigned part = 0; part < 3; part++) {
    size_t d = digits(text + n, 3);
    n += d;
    if (!d || text[n] != (part < 2 ? '.' : ' ')) return;
    n += part < 2;
  }
  memcpy(out, text, n);
}

int cache_get(struct cache const *c, char const *route, char const *address, int64_t now, struct ask_answer *a)
{
  char name[KEY_MAX], data[SLOTS_DATA];
  uint64_t made;
  size_t n = key(name, route, address);
  if (!n || !slots_get(&c->slots, name, n, data)) return 0;
  uint64_unpack(data + AT_TIME, &made);
  uint32_t life = data[AT_WORD] == 'y' ? c->yes : c->no;
  if (now < 0 || made > (uint64_t)now || (uint64_t)now - made >= (uint64_t)life * 1000) return 0;
  a->n = 0;
  *a->text = 0;
  a->state = data[AT_WORD] == 'y' ? ANSWER_YES : ANSWER_NO;
  if (a->state == ANSWER_NO) {
    data[AT_CODE + CODE - 1] = 0;
    snprintf(a->text, sizeof a->text, "%s%srefused shortly before", data + AT_CODE, data[AT_CODE] ? " " : "");
  }
  return 1;
}

void cache_put(struct cache const *c, char const *route, char const *address, int64_t now, struct ask_answer const *a)
{
  char name[KEY_MAX], data[SLOTS_DATA] = { 0 };
  size_t n = key(name, route, address);
  if (!n || now < 0 || (a->state != ANSWER_YES && a->state != ANSWER_NO)) return;
  if (!(a->state == ANSWER_YES ? c->yes : c->no)) return;
  data[AT_WORD] = a->state == ANSWER_YES ? 'y' : 'n';
  if (a->state == ANSWER_NO) copy_code(data + AT_CODE, a->text);
  uint64_pack(data + AT_TIME, (uint64_t)now);
  slots_put(&c->slots, name, n, data);
}
