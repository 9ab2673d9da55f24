/* Clients, senders and recipients of a line: short ones within its sentence, long ones below. */
#include <string.h>
#include "diff/text.h"
#include "parse/number.h"

int put(struct text *x, char const *s)
{
  return stralloc_cats(x->out, s);
}

static int put_number(struct text *x, uint64_t n)
{
  char text[NUMBER_TEXT];
  return stralloc_catb(x->out, text, number_fmt(text, n));
}

/* " (before -> now)", each as one() writes it for that table; "(both)" when they are alike, nothing when neither has
 * anything. */
static int put_lines(struct text *x, int (*one)(struct text *, void const *, unsigned), void const *what)
{
  size_t begin = x->out->len, at[3];
  if (!put(x, " (")) return 0;
  for (unsigned t = 0; t < 2; t++) {
    at[t] = x->out->len;
    if (!one(x, what, t) || (x->out->len == at[t] && !put(x, "-")) || (!t && !put(x, " -> "))) return 0;
  }
  at[2] = x->out->len;
  size_t n = at[2] - at[1];
  if (at[1] - at[0] == n + 4 && !memcmp(x->out->s + at[0], x->out->s + at[1], n)) {
    if (n == 1) return x->out->len = begin, 1;
    x->out->len = at[0] + n;
  }
  return put(x, ")");
}

static int gate_line(struct text *x, void const *what, unsigned t)
{
  uint32_t line = ((uint32_t const *)what)[t];
  return !line || (put(x, "clients:") && put_number(x, line));
}

static int one_prefix(struct text *x, struct ip const *ip, unsigned bits)
{
  char text[IP_TEXT];
  if (!stralloc_catb(x->out, text, ip_fmt(text, ip))) return 0;
  return bits == 8U * ip->len || (put(x, "/") && put_number(x, bits));
}

static int more_of(struct text *x, size_t n, char const *what)
{
  return put(x, "    and ") && put_number(x, n) && put(x, " more ") && put(x, what) && put(x, "\n");
}

static int put_prefixes(struct text *x, genalloc const *prefixes)
{
  size_t n = genalloc_len(struct diff_prefix, prefixes);
  for (size_t i = 0; i < n; i++) {
    struct diff_prefix const *p = genalloc_s(struct diff_prefix, prefixes) + i;
    if (x->most && i == x->most) return more_of(x, n - i, "prefixes");
    if (!put(x, p->in ? "    client " : "    not client ") || !one_prefix(x, &p->ip, p->bits) ||
        !put_lines(x, gate_line, p->line) || !put(x, "\n")) return 0;
  }
  return 1;
}

static int put_rule(struct text *x, size_t name)
{
  struct client_name const *k = genalloc_s(struct client_name, &x->d->classes.names) + name;
  return put(x, classes_text(&x->d->classes, k->key)) && put_lines(x, gate_line, k->line) && put(x, "\n");
}

/* Whose user or name counts stands before the addresses. */
static int put_part(struct text *x, struct diff_part const *p)
{
  if (p->user != CLASSES_NONE && !(put(x, "    user ") && put_rule(x, p->user))) return 0;
  if (p->user_host != CLASSES_NONE && !(put(x, "    user ") && put_rule(x, p->user_host))) return 0;
  for (size_t i = 0; i < genalloc_len(size_t, &p->names); i++) {
    size_t name = genalloc_s(size_t, &p->names)[i];
    int ok = name == CLASSES_NONE ? put(x, "    with a name that no rule has, or none\n") :
      put(x, "    named ") && put_rule(x, name);
    if (!ok) return 0;
  }
  return put_prefixes(x, &p->prefixes) && (!p->unknown || put(x, "    client without an address\n"));
}

/* Is it one prefix, and nothing else? */
static int is_one(struct diff_clients const *c)
{
  struct diff_part const *p = genalloc_s(struct diff_part, &c->parts);
  return !c->trusted && !c->strangers && genalloc_len(struct diff_part, &c->parts) == 1 && p->user == CLASSES_NONE &&
    p->user_host == CLASSES_NONE && !p->named && !p->unknown && genalloc_len(struct diff_prefix, &p->prefixes) == 1;
}

int put_clients(struct text *x)
{
  struct diff_clients const *c = &x->clients;
  if (c->all) return put(x, "anybody");
  if (is_one(c)) {
    struct diff_prefix const *p = genalloc_s(struct diff_prefix, &genalloc_s(struct diff_part, &c->parts)->prefixes);
    return one_prefix(x, &p->ip, p->bits) && put_lines(x, gate_line, p->line);
  }
  if (c->trusted && !put(x, "trusted clients")) return 0;
  if (c->strangers && (!put(x, c->trusted ? ", " : "") || !put(x, "strangers"))) return 0;
  if (!genalloc_len(struct diff_part, &c->parts)) return 1;
  return put(x, c->trusted || c->strangers ? " and the clients below" : "the clients below");
}

int put_client_list(struct text *x)
{
  if (x->clients.all || is_one(&x->clients)) return 1;
  for (size_t i = 0; i < genalloc_len(struct diff_part, &x->clients.parts); i++)
    if (!put_part(x, genalloc_s(struct diff_part, &x->clients.parts) + i)) return 0;
  return 1;
}

struct named {
  size_t class;
  int recipient;
};

static int named_line(struct text *x, void const *what, unsigned t)
{
  struct named const *n = what;
  return class_lines(x->out, x->d, n->class, n->recipient, t) == 0;
}

static int put_class(struct text *x, size_t class, int recipient)
{
  struct named n = { class, recipient };
  return class_words(x->out, x->d, class) == 0 && put_lines(x, named_line, &n);
}

static int put_words(struct text *x, genalloc const *traits, int recipient)
{
  for (size_t i = 0; i < genalloc_len(unsigned, traits); i++)
    if (!put(x, i ? ", " : "") || !put(x, traits_words(genalloc_s(unsigned, traits)[i], recipient))) return 0;
  return 1;
}

int put_addresses(struct text *x, struct diff_addresses const *a, int recipient)
{
  size_t flips = genalloc_len(struct diff_flip, &a->flips), words = genalloc_len(unsigned, &a->and);
  if (a->all && !put(x, recipient ? "all recipients" : "all senders")) return 0;
  if (!put_words(x, &a->and, recipient)) return 0;
  if (flips && !put(x, a->all ? " but " : words ? " and " : "")) return 0;
  if (flips == 1 && !put_class(x, genalloc_s(struct diff_flip, &a->flips)->class, recipient)) return 0;
  if (flips > 1 && !put(x, a->all ? "those below" : recipient ? "the recipients below" : "the senders below")) return 0;
  if (!genalloc_len(unsigned, &a->but)) return 1;
  if (a->all) return put(x, flips ? " and " : " but ") && put_words(x, &a->but, recipient);
  return put(x, " (but not ") && put_words(x, &a->but, recipient) && put(x, ")");
}

int put_address_list(struct text *x, struct diff_addresses const *a, int recipient)
{
  size_t n = genalloc_len(struct diff_flip, &a->flips);
  if (n < 2) return 1;
  for (size_t i = 0; i < n; i++) {
    struct diff_flip const *f = genalloc_s(struct diff_flip, &a->flips) + i;
    if (x->most && i == x->most) return more_of(x, n - i, recipient ? "recipients" : "senders");
    if (!put(x, f->in ? "    " : "    not ") || !put(x, recipient ? "to " : "from ") ||
        !put_class(x, f->class, recipient) || !put(x, "\n")) return 0;
  }
  return 1;
}
