/* The file `aliases`: an address of ours and what it stands for. Aliases among the targets are replaced by their own
 * targets here, so that a look-up finds addresses alone; a target that is written like the alias itself is the mailbox
 * of that name. A line for a whole domain or an extension does not apply to targets. */
#include <errno.h>
#include <string.h>
#include "rules/aliases.h"

/* Keeps s with a NUL behind. Returns its place. */
static uint32_t keep(struct compiler *c, char const *s, size_t n)
{
  size_t at = c->aliases.texts.len;
  if (at > UINT32_MAX - n - 1) c->broken = EFBIG;
  else if (!stralloc_catb(&c->aliases.texts, s, n) || !stralloc_0(&c->aliases.texts)) c->broken = ENOMEM;
  return (uint32_t)at;
}

uint32_t alias_find(struct compiler const *c, char const *key)
{
  uint32_t line = seen_line(&c->seen, TABLE_ALIASES, key, strlen(key));
  struct alias const *all = alias_all(c);
  size_t low = 0, high = line ? alias_count(c) : 0;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (all[middle].line == line) return (uint32_t)middle;
    if (all[middle].line < line) low = middle + 1;
    else high = middle;
  }
  return ALIAS_NONE;
}

/* The number of a target, a new one if it wasn't there. */
static uint32_t number_of(struct compiler *c, struct address const *a)
{
  char key[ADDRESS_KEY];
  size_t n = address_key(key, a);
  uint32_t number = (uint32_t)genalloc_len(struct target, &c->aliases.at), key_number = c->aliases.keys;
  int r = seen_add(&c->aliases.targets, TABLE_RECIPIENTS, a->text, a->len, &number);
  if (r > 0) {
    struct target t = { keep(c, a->text, a->len), keep(c, key, n), 0 };
    r = seen_add(&c->aliases.targets, TABLE_ALIASES, key, n, &key_number);
    if (r > 0) c->aliases.keys++;
    t.key_number = key_number;
    if (!genalloc_append(struct target, &c->aliases.at, &t)) r = -1;
  }
  if (r < 0) c->broken = ENOMEM;
  return number;
}

/* Adds a target to the line's. Returns 1, or 0 after complaining. */
static int add_target(struct compiler *c, struct alias *a, struct word w)
{
  struct address target;
  struct quoted q;
  if (!rules_address(c, &target, w.s, w.n)) return 0;
  uint32_t number = number_of(c, &target);
  for (uint32_t i = 0; i < a->n && !c->broken; i++)
    if (alias_link(c, a, i)->key_number == alias_target(c, number)->key_number)
      return rules_error(c, "%s stands there twice", quote(&q, w.s, w.n)), 0;
  if (!c->broken && !genalloc_append(uint32_t, &c->aliases.links, &number)) c->broken = ENOMEM;
  a->n++;
  return !c->broken;
}

void rules_aliases(struct compiler *c, char const *s, size_t n)
{
  struct word w[RULES_TARGETS + 1];
  char key[RULES_KEY];
  struct quoted q;
  struct alias a = { .line = c->line };
  uint32_t line = c->line;
  size_t words = rules_words(s, n, w, RULES_TARGETS + 1), len = rules_mailbox(c, key, w->s, w->n);
  if (!len) return;
  if (words < 2 || words > RULES_TARGETS + 1) {
    rules_error(c, "an alias and the addresses that it stands for, 1 to %d, make a line", RULES_TARGETS);
    return;
  }
  struct hosted *h = rules_hosted(c, strchr(key, '@') + 1);
  if (!h) {
    rules_error(c, "%s is in no domain of `domains`; only addresses of ours can have targets", quote(&q, w->s, w->n));
    return;
  }
  a.key = keep(c, key, len);
  a.first = (uint32_t)genalloc_len(uint32_t, &c->aliases.links);
  for (size_t i = 1; i < words && !c->broken; i++)
    if (!add_target(c, &a, w[i])) return;
  int r = c->broken ? -1 : seen_add(&c->seen, TABLE_ALIASES, key, len, &line);
  if (!r) rules_error(c, "%s stands already in line %u", quote(&q, w->s, w->n), (unsigned)line);
  else if (r < 0 || !genalloc_append(struct alias, &c->aliases.all, &a)) c->broken = c->broken ? c->broken : ENOMEM;
  else if (!h->alias) h->alias = c->line;
}

/* An alias leads past `deny to`: no client could say so, and the line must not either. */
static void refuse_denied(struct compiler *c, uint32_t number)
{
  struct alias const *a = alias_all(c) + number;
  struct quoted q;
  for (uint32_t i = 0; i < a->n; i++) {
    struct target const *t = alias_link(c, a, i);
    char const *key = alias_text(c, t->key), *text = alias_text(c, t->text);
    uint32_t denied = rules_line_to(c, "deny to ", key, 1);
    if (denied && alias_find(c, key) == ALIAS_NONE)
      rules_error_at(c, FILE_ALIASES, a->line, "%s is a recipient that `deny to` (relay:%u) forbids",
                     quote(&q, text, strlen(text)), (unsigned)denied);
  }
}

/* Writes what an alias stands for. */
static void write_alias(struct compiler *c, struct expansion const *x, struct alias const *a)
{
  char const *key = alias_text(c, a->key);
  c->data.len = 0;
  for (uint32_t i = 0; i < a->end_n && !c->broken; i++) {
    char const *text = alias_text(c, alias_target(c, genalloc_s(uint32_t, &x->out)[a->end + i])->text);
    if (!stralloc_catb(&c->data, text, strlen(text) + 1)) c->broken = ENOMEM;
  }
  if (!c->broken && table_add(c->table, TABLE_ALIASES, key, strlen(key), a->line, c->data.s, c->data.len) < 0)
    c->broken = errno ? errno : EIO;
}

void rules_aliases_end(struct compiler *c)
{
  struct expansion x = { .out = GENALLOC_ZERO };
  alias_expand(c, &x);
  for (uint32_t i = 0; i < alias_count(c) && !c->broken; i++) {
    refuse_denied(c, i);
    if (!c->wrong) write_alias(c, &x, alias_all(c) + i);
  }
  alias_expansion_free(&x);
}

void rules_aliases_free(struct compiler *c)
{
  seen_free(&c->aliases.targets);
  stralloc_free(&c->aliases.texts);
  genalloc_free(struct target, &c->aliases.at);
  genalloc_free(struct alias, &c->aliases.all);
  genalloc_free(uint32_t, &c->aliases.links);
}
