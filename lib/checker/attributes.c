/* Attributes of a login. */
#include <string.h>
#include "checker/attributes.h"

static int mechanisms(struct checker_answer *a, char const *v)
{
  a->knows_us = 1;
  for (size_t n; *v; v += n, v += *v == ' ') {
    n = strcspn(v, " ");
    enum checker_mechanism m = checker_find(v, n);
    if (m < CHECKER_COUNT) a->mechanisms |= 1U << m;
  }
  return 1;
}

static int user(struct checker_answer *a, char const *v)
{
  size_t n = strlen(v);
  if (!n || n >= CHECKER_USER || *a->user) return 0;
  for (size_t i = 0; i < n; i++) if ((unsigned char)v[i] < ' ' || v[i] == 0x7f) return 0;
  memcpy(a->user, v, n + 1);
  return 1;
}

static int relay(struct checker_answer *a, char const *v)
{
  if ((*v != '0' && *v != '1') || v[1]) return 0;
  a->no_relay |= *v == '0';
  return 1;
}

static int from(struct checker_answer *a, char const *v)
{
  a->bound = 1;
  return *v && stralloc_catb(&a->from, v, strlen(v) + 1);
}

int attributes_scan(struct checker_answer *a, char const *s, size_t n)
{
  static struct { char const *name; int (*read)(struct checker_answer *, char const *); } const all[] = {
    { "mechanisms=", mechanisms }, { "user=", user }, { "relay=", relay }, { "from=", from },
  };
  if (n && s[n - 1]) return 0;
  for (size_t at = 0; at < n; at += strlen(s + at) + 1) {
    size_t i = 0;
    while (i < sizeof all / sizeof *all && strncmp(s + at, all[i].name, strlen(all[i].name))) i++;
    if (i == sizeof all / sizeof *all || !all[i].read(a, s + at + strlen(all[i].name))) return 0;
  }
  return 1;
}
