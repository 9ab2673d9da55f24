/* What aliases stand for in the end. Depth first with a stack of our own, each alias once: chains may be as long as the
 * file, and however many ways lead to an alias, its targets are gathered once. An alias that is met while it is on the
 * stack closes a loop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "rules/aliases.h"

enum { NEW, OPEN /* on the stack */, DONE, WRONG /* complained of, or leads to one that is */ };

#define SHOWN 8 /* of a loop's aliases */

/* An alias on the stack. */
struct frame {
  uint32_t alias;
  uint32_t next;    /* the target that is looked at next */
};

static struct frame *frames(struct expansion const *x)
{
  return genalloc_s(struct frame, &x->stack);
}

/* Makes room, and finds which targets are aliases. */
static void prepare(struct compiler *c, struct expansion *x)
{
  size_t n = genalloc_len(struct target, &c->aliases.at);
  if (!genalloc_ready(uint32_t, &x->alias_of, n + 1) || !genalloc_ready(uint32_t, &x->taken, c->aliases.keys + 1U)) {
    c->broken = ENOMEM;
    return;
  }
  memset(genalloc_s(uint32_t, &x->taken), 0, c->aliases.keys * sizeof(uint32_t));
  for (uint32_t i = 0; i < n; i++)
    genalloc_s(uint32_t, &x->alias_of)[i] = alias_find(c, alias_text(c, alias_target(c, i)->key));
}

/* Complains of the loop from the alias in frame `from` to the top of the stack, at its lowest line. */
static void complain_loop(struct compiler *c, struct expansion const *x, size_t from)
{
  size_t n = genalloc_len(struct frame, &x->stack) - from, lowest = 0, len = 0;
  struct alias const *all = alias_all(c);
  struct frame const *f = frames(x) + from;
  char chain[SHOWN * (QUOTED + 40)];
  struct quoted q;
  for (size_t i = 1; i < n; i++)
    if (all[f[i].alias].line < all[f[lowest].alias].line) lowest = i;
  for (size_t i = 1; i < n; i++) {
    struct alias const *a = all + f[(lowest + i) % n].alias;
    char const *key = alias_text(c, a->key);
    if (i == SHOWN) {
      snprintf(chain + len, sizeof chain - len, " to %zu more,", n - i);
      break;
    }
    len += (size_t)snprintf(chain + len, sizeof chain - len, " to %s (line %u),", quote(&q, key, strlen(key)),
                            (unsigned)a->line);
  }
  struct alias const *first = all + f[lowest].alias;
  char const *key = alias_text(c, first->key);
  rules_error_at(c, FILE_ALIASES, first->line, "a loop: %s leads%s and back to itself", quote(&q, key, strlen(key)),
                 n > 1 ? chain : "");
}

/* Adds a target that is a mailbox to what alias a stands for. */
static void take(struct compiler *c, struct expansion *x, uint32_t number, uint32_t target)
{
  struct alias *a = alias_all(c) + number;
  uint32_t *taken = genalloc_s(uint32_t, &x->taken) + alias_target(c, target)->key_number;
  if (*taken == number + 1 || a->state == WRONG) return;
  *taken = number + 1;
  if (a->end_n == RULES_TARGETS) {
    a->state = WRONG;
    rules_error_at(c, FILE_ALIASES, a->line, "stands for more than %d addresses", RULES_TARGETS);
  } else if (genalloc_append(uint32_t, &x->out, &target)) {
    a->end_n++;
  } else {
    c->broken = ENOMEM;
  }
}

/* All targets of an alias that are aliases are done: gathers what it stands for. */
static void gather(struct compiler *c, struct expansion *x, uint32_t number)
{
  struct alias *a = alias_all(c) + number;
  a->end = (uint32_t)genalloc_len(uint32_t, &x->out);
  for (uint32_t i = 0; i < a->n && !c->broken; i++) {
    uint32_t target = genalloc_s(uint32_t, &c->aliases.links)[a->first + i];
    uint32_t other = genalloc_s(uint32_t, &x->alias_of)[target];
    if (other == ALIAS_NONE || other == number) {
      take(c, x, number, target);
      continue;
    }
    struct alias const *b = alias_all(c) + other;
    if (b->state != DONE) a->state = WRONG;
    for (uint32_t k = 0; k < b->end_n && a->state != WRONG && !c->broken; k++)
      take(c, x, number, genalloc_s(uint32_t, &x->out)[b->end + k]);
  }
  if (a->state == OPEN) a->state = DONE;
}

static void push(struct compiler *c, struct expansion *x, uint32_t number)
{
  struct frame f = { number, 0 };
  alias_all(c)[number].state = OPEN;
  if (!genalloc_append(struct frame, &x->stack, &f)) c->broken = ENOMEM;
}

/* The next target of the alias on top: an alias that is new goes on the stack; with none left the top is done. */
static void step(struct compiler *c, struct expansion *x)
{
  size_t depth = genalloc_len(struct frame, &x->stack);
  struct frame *top = frames(x) + depth - 1;
  struct alias const *a = alias_all(c) + top->alias;
  if (top->next == a->n) {
    gather(c, x, top->alias);
    genalloc_setlen(struct frame, &x->stack, depth - 1);
    return;
  }
  uint32_t target = genalloc_s(uint32_t, &c->aliases.links)[a->first + top->next++];
  uint32_t other = genalloc_s(uint32_t, &x->alias_of)[target];
  if (other == ALIAS_NONE || other == top->alias) return;
  struct alias *b = alias_all(c) + other;
  if (b->state == NEW) {
    push(c, x, other);
  } else if (b->state == OPEN) {
    while (frames(x)[depth - 1].alias != other) depth--;
    complain_loop(c, x, depth - 1);
  }
}

void alias_expand(struct compiler *c, struct expansion *x)
{
  prepare(c, x);
  for (uint32_t i = 0; i < alias_count(c) && !c->broken; i++) {
    if (alias_all(c)[i].state != NEW) continue;
    push(c, x, i);
    while (!c->broken && genalloc_len(struct frame, &x->stack)) step(c, x);
  }
}

void alias_expansion_free(struct expansion *x)
{
  genalloc_free(uint32_t, &x->out);
  genalloc_free(uint32_t, &x->alias_of);
  genalloc_free(uint32_t, &x->taken);
  genalloc_free(struct frame, &x->stack);
}
