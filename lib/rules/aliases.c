/* The file `aliases`: an address of ours and what it stands for. Aliases among the targets are replaced by their own
 * targets here, so that a look-up finds addresses alone; a target that is written like the alias itself is the mailbox
 * of that name. A line for a whole domain or an extension does not apply to targets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "rules/rules.h"

#define DEPTH 50 /* aliases of aliases */

struct alias {
  uint32_t line;
  size_t key, key_len;    /* in c->aliases.text, as the targets: */
  size_t first, end;      /* the texts, NUL behind each */
  unsigned open : 1;      /* is being expanded */
};

/* Targets gathered for one alias. */
struct expansion {
  struct compiler *c;
  stralloc out;
  unsigned n;
  int wrong;
};

static char const *text(struct compiler const *c, size_t at)
{
  return c->aliases.text.s + at;
}

/* The alias whose key this is, or null. Lines grow, so they can be searched. */
static struct alias *find(struct compiler *c, char const *key, size_t len)
{
  uint32_t line = seen_line(&c->seen, TABLE_ALIASES, key, len);
  struct alias *all = genalloc_s(struct alias, &c->aliases.all);
  size_t low = 0, high = line ? genalloc_len(struct alias, &c->aliases.all) : 0;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (all[middle].line == line) return all + middle;
    if (all[middle].line < line) low = middle + 1;
    else high = middle;
  }
  return 0;
}

/* Appends a target's text if it isn't there. */
static void add(struct expansion *x, char const *s)
{
  size_t n = strlen(s) + 1;
  for (size_t i = 0; i < x->out.len; i += strlen(x->out.s + i) + 1)
    if (!strcmp(x->out.s + i, s)) return;
  if (x->n == RULES_TARGETS) {
    x->wrong = 1;
    rules_error(x->c, "stands for more than %d addresses", RULES_TARGETS);
  } else if (stralloc_catb(&x->out, s, n)) {
    x->n++;
  } else {
    x->c->broken = ENOMEM;
  }
}

/* Complaints are about the outermost alias, whose line c->line is. */
static void expand(struct expansion *x, struct alias *a, unsigned depth)
{
  struct compiler *c = x->c;
  char key[ADDRESS_KEY];
  struct address target;
  a->open = 1;
  for (size_t at = a->first; at < a->end && !x->wrong && !c->broken; at += strlen(text(c, at)) + 1) {
    char const *s = text(c, at);
    if (address_mailbox(&target, s, strlen(s), 1) != ADDRESS_OK) continue; /* it was read before */
    size_t len = address_key(key, &target);
    struct alias *b = find(c, key, len);
    struct quoted q;
    if (!b || b == a) {
      add(x, s);
    } else if (b->open || depth == DEPTH) {
      x->wrong = 1;
      rules_error(c, b->open ? "a loop: %s leads back to itself (line %u)" : "%s (line %u): too many aliases of aliases",
                  quote(&q, s, strlen(s)), (unsigned)b->line);
    } else {
      expand(x, b, depth + 1);
    }
  }
  a->open = 0;
}

void rules_aliases(struct compiler *c, char const *s, size_t n)
{
  struct word w[RULES_TARGETS + 1];
  char key[RULES_KEY], target[RULES_KEY];
  struct quoted q;
  struct alias a = { .line = c->line };
  uint32_t line = c->line;
  size_t words = rules_words(s, n, w, RULES_TARGETS + 1);
  if (!(a.key_len = rules_mailbox(c, key, w->s, w->n))) return;
  if (words < 2 || words > RULES_TARGETS + 1) {
    rules_error(c, "an alias and the addresses that it stands for, 1 to %d, make a line", RULES_TARGETS);
    return;
  }
  if (!rules_hosted(c, strchr(key, '@') + 1)) {
    rules_error(c, "%s is in no domain of `domains`; only addresses of ours can have targets", quote(&q, w->s, w->n));
    return;
  }
  a.key = c->aliases.text.len;
  if (!stralloc_catb(&c->aliases.text, key, a.key_len)) c->broken = ENOMEM;
  a.first = c->aliases.text.len;
  for (size_t i = 1; i < words && !c->broken; i++) {
    if (!rules_address(c, target, w[i].s, w[i].n)) return;
    if (!stralloc_catb(&c->aliases.text, w[i].s, w[i].n) || !stralloc_0(&c->aliases.text)) c->broken = ENOMEM;
  }
  a.end = c->aliases.text.len;
  int r = seen_add(&c->seen, TABLE_ALIASES, key, a.key_len, &line);
  if (!r) rules_error(c, "%s stands already in line %u", quote(&q, w->s, w->n), (unsigned)line);
  else if (r < 0 || !genalloc_append(struct alias, &c->aliases.all, &a)) c->broken = ENOMEM;
}

void rules_aliases_end(struct compiler *c)
{
  struct alias *all = genalloc_s(struct alias, &c->aliases.all);
  struct expansion x = { .c = c, .out = STRALLOC_ZERO };
  c->file = "aliases";
  for (size_t i = 0; i < genalloc_len(struct alias, &c->aliases.all) && !c->broken; i++) {
    c->line = all[i].line;
    x.out.len = 0;
    x.n = 0;
    x.wrong = 0;
    expand(&x, all + i, 0);
    if (!x.wrong && !c->broken && table_add(c->table, TABLE_ALIASES, text(c, all[i].key), all[i].key_len, c->line, x.out.s,
                                            x.out.len) < 0) c->broken = errno ? errno : EIO;
  }
  stralloc_free(&x.out);
}

void rules_aliases_free(struct compiler *c)
{
  stralloc_free(&c->aliases.text);
  genalloc_free(struct alias, &c->aliases.all);
}
