/* `grant pop` in words. */
#include <errno.h>
#include <string.h>
#include "codec/escape.h"
#include "diff/pops.h"
#include "parse/number.h"

#define NAMED 5 /* of a user's senders */

static int cats(stralloc *s, char const *words)
{
  return stralloc_cats(s, words);
}

static int cat_number(stralloc *s, uint64_t n)
{
  char text[NUMBER_TEXT];
  return stralloc_catb(s, text, number_fmt(text, n));
}

static int cat_escaped(stralloc *s, char const *from, size_t n)
{
  if (!stralloc_readyplus(s, CODEC_ESCAPED(n))) return 0;
  s->len += codec_escape(s->s + s->len, from, n);
  return 1;
}

static int cat_line(stralloc *s, struct record const *r)
{
  return r->line ? cats(s, r->file) && cats(s, ":") && cat_number(s, r->line) : cats(s, "-");
}

/* " (relay:3 -> relay:4)", or one where they are the same. */
static int cat_lines(stralloc *s, struct record const *old, struct record const *new)
{
  if (!cats(s, " (") || !cat_line(s, old)) return 0;
  return (old->line == new->line || (cats(s, " -> ") && cat_line(s, new))) && cats(s, ")");
}

static int cat_grant(stralloc *s, struct pop_grant const *g)
{
  size_t at = 0;
  char const *name;
  int ok = cats(s, "`grant pop ") && cat_number(s, g->seconds) && (!g->network || cats(s, " /64"));
  for (int first = 1; ok && (name = pop_listener(g, &at)); first = 0)
    ok = cats(s, first ? " on " : ",") && (*name ? cat_escaped(s, name, strlen(name)) : cats(s, "-"));
  return ok && (!g->bound || cats(s, " bound")) && cats(s, "` (") && cat_line(s, &g->record) && cats(s, ")");
}

int pops_sentence(stralloc *out, struct diff const *d, enum diff_kind kind)
{
  struct pop_grant const *g = diff_pop(d)->grant;
  int ok;
  if (kind == DIFF_LASTS)
    ok = cats(out, "a POP stamp is fresh for ") && cat_number(out, g[1].seconds) &&
      cats(out, " seconds now, and was for ") && cat_number(out, g[0].seconds);
  else if (g[1].network) ok = cats(out, "a POP stamp counts for an IPv6 client's whole network of 64 bits now");
  else ok = cats(out, "a POP stamp counts for an IPv6 client's own address alone now");
  return ok && cat_lines(out, &g[0].record, &g[1].record) ? 0 : (errno = ENOMEM, -1);
}

char const *pops_words(struct diff const *d, unsigned fits)
{
  static char const *const words[1 << DIFF_STAMPS] = { /* bits: neither (or none), the old, the new, both */
    "", "without a POP stamp that counts", "with a POP stamp that the old rules alone count",
    "without a POP stamp that the new rules count", "with a POP stamp that the new rules alone count",
    "without a POP stamp that the old rules count", "with a POP stamp that one of the rules alone counts",
    "without a POP stamp that both rules count", "with a POP stamp that both rules count",
    "without a POP stamp that one of the rules alone counts", "with a POP stamp that the old rules count",
    "without a POP stamp that the new rules alone count", "with a POP stamp that the new rules count",
    "without a POP stamp that the old rules alone count", "with a POP stamp that counts",
  };
  if (!diff_pop(d)->tells) return fits & 1 ? "without a POP stamp" : "with a POP stamp";
  return words[fits];
}

/* "joe@a.example, @b.example and 3 more" */
static int cat_senders(stralloc *s, struct record const *r)
{
  uint32_t n = 0;
  int ok = 1;
  if (!r->line) return cats(s, "no sender");
  if (!r->len) return cats(s, "any sender");
  for (uint32_t at = 0; at < r->len && ok; n++) {
    char const *end = memchr(r->data + at, 0, r->len - at);
    size_t len = end ? (size_t)(end - r->data) - at : r->len - at;
    if (n < NAMED) ok = (!n || cats(s, ", ")) && cat_escaped(s, r->data + at, len);
    at += (uint32_t)len + 1;
  }
  return ok && (n <= NAMED || (cats(s, " and ") && cat_number(s, n - NAMED) && cats(s, " more")));
}

static int cat_user(stralloc *s, struct diff_user const *u)
{
  return cats(s, "stamps: those of ") && cat_escaped(s, u->name, u->len) &&
    cat_lines(s, u->senders, u->senders + 1) && cats(s, " count now for ") && cat_senders(s, u->senders + 1) &&
    cats(s, ", and did for ") && cat_senders(s, u->senders) && cats(s, "\n");
}

/* Does a line rest on what the grants tell apart? */
static int matters(struct diff const *d)
{
  struct diff_line const *l = genalloc_s(struct diff_line, &d->lines);
  if (!diff_pop(d)->tells) return 0;
  for (size_t i = 0; i < genalloc_len(struct diff_line, &d->lines); i++)
    if (diff_line_stamps(d, l + i)) return 1;
  return 0;
}

int pops_text(stralloc *out, struct diff const *d, unsigned most)
{
  static char const *const whose[2] = { "stamps: the old rules have ", ", the new ones " };
  struct diff_pop const *p = diff_pop(d);
  size_t n = genalloc_len(struct diff_user, &p->users);
  if (!matters(d)) return 0;
  int ok = 1;
  for (unsigned t = 0; t < 2 && ok; t++)
    ok = cats(out, whose[t]) && (p->there[t] ? cat_grant(out, p->grant + t) : cats(out, "no `grant pop`"));
  ok = ok && cats(out, "\n");
  for (size_t i = 0; i < n && ok && (!most || i < most); i++)
    ok = cat_user(out, genalloc_s(struct diff_user, &p->users) + i);
  if (ok && most && n > most)
    ok = cats(out, "stamps: and those of ") && cat_number(out, n - most) && cats(out, " more users\n");
  return ok ? 0 : (errno = ENOMEM, -1);
}

static void put_grant(struct json *j, struct pop_grant const *g)
{
  size_t at = 0;
  char const *name;
  json_object(j);
  json_key(j, "line"), json_number(j, g->record.line);
  json_key(j, "seconds"), json_number(j, g->seconds);
  json_key(j, "network"), json_bool(j, g->network);
  json_key(j, "listeners");
  if (g->listeners_len) {
    json_array(j);
    while ((name = pop_listener(g, &at))) json_str(j, name);
    json_end(j);
  } else {
    json_null(j);
  }
  json_key(j, "bound"), json_bool(j, g->bound);
  json_end(j);
}

static void put_senders(struct json *j, struct record const *r)
{
  if (!r->line) {
    json_null(j);
    return;
  }
  json_object(j);
  json_key(j, "line"), json_number(j, r->line);
  json_key(j, "senders"), json_array(j);
  for (uint32_t at = 0; at < r->len; ) {
    char const *end = memchr(r->data + at, 0, r->len - at);
    size_t n = end ? (size_t)(end - r->data) - at : r->len - at;
    json_string(j, r->data + at, n);
    at += (uint32_t)n + 1;
  }
  json_end(j);
  json_end(j);
}

void pops_json(struct json *j, struct diff const *d)
{
  static char const *const keys[2] = { "old", "new" };
  struct diff_pop const *p = diff_pop(d);
  json_key(j, "stamps"), json_object(j);
  for (unsigned t = 0; t < 2; t++) {
    json_key(j, keys[t]);
    if (p->there[t]) put_grant(j, p->grant + t);
    else json_null(j);
  }
  json_key(j, "users"), json_array(j);
  for (size_t i = 0; i < genalloc_len(struct diff_user, &p->users); i++) {
    struct diff_user const *u = genalloc_s(struct diff_user, &p->users) + i;
    json_object(j);
    json_key(j, "user"), json_string(j, u->name, u->len);
    for (unsigned t = 0; t < 2; t++) json_key(j, keys[t]), put_senders(j, u->senders + t);
    json_end(j);
  }
  json_end(j);
  json_end(j);
}
