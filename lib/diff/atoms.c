/* Clients by address, name and user. The gate asks for the user's rule, then for the address itself, then for the name
 * itself, for prefixes, for the name's suffixes, for everybody's. So with rules for names the classes of addresses are
 * split by what kind of rule lets them in, and each part meets each group of names. */
#include <errno.h>
#include <string.h>
#include "diff/atoms.h"
#include "policy/gate.h"

static int nomem(void)
{
  return errno = ENOMEM, -1;
}

/* The number of a value of RELAYCLIENT. */
static int number_value(struct atoms *x, uint8_t *number, char const *value)
{
  *number = 0;
  for (size_t i = 0; i < x->values.len && *number < CODE_VALUES - 1; i += strlen(x->values.s + i) + 1, ++*number)
    if (!strcmp(x->values.s + i, value)) return 0;
  return stralloc_catb(&x->values, value, strlen(value) + 1) ? 0 : nomem();
}

int rule_code(struct atoms *x, uint8_t *code, struct record const *r)
{
  uint32_t pos = 0;
  char const *var;
  uint8_t value = 0;
  int more;
  *code = 0;
  while ((more = gate_variable(r, &pos, &var)) > 0) {
    if (!strncmp(var, "RELAYPROXY=", 11)) *code |= CODE_PROXY;
    if (strncmp(var, "RELAYCLIENT=", 12)) continue;
    *code |= TRUSTED;
    if (number_value(x, &value, var + 12) < 0) return -1;
  }
  if (r->len && *r->data == 'D') *code = DENIED, value = 0;
  *code |= (uint8_t)(value << 3);
  return more < 0 ? (errno = EPROTO, -1) : 0;
}

int name_codes(struct atoms *x)
{
  for (size_t i = 0; i < names_n(x->c); i++) {
    struct client_name const *k = name_at(x->c, i);
    char const *key = classes_text(x->c, k->key);
    for (unsigned t = 0; t < 2; t++) {
      struct record r;
      uint8_t code = ABSENT;
      if (k->in[t] && table_find(x->d->t[t], TABLE_CLIENTS, key, strlen(key), &r) != 1) return errno = EPROTO, -1;
      if (k->in[t] && rule_code(x, &code, &r) < 0) return -1;
      if (!genalloc_append(uint8_t, &x->codes, &code)) return nomem();
    }
  }
  return 0;
}

/* Which kind of rule this line is, for an address without a name. */
static int level_of(uint8_t *level, struct table_set const *t, struct ip const *ip, uint32_t line)
{
  char text[IP_TEXT];
  struct record r;
  int found = ip->len ? table_find(t, TABLE_CLIENTS, text, ip_fmt(text, ip), &r) : 0;
  *level = LEVEL_ADDRESS;
  if (found) return found < 0 ? -1 : 0;
  found = table_find(t, TABLE_CLIENTS, "", 0, &r);
  *level = !line || (found > 0 && r.line == line) ? LEVEL_DEFAULT : LEVEL_PREFIX;
  return found < 0 ? -1 : 0;
}

/* The codes and levels of a span, whose class is that of p. */
static int judge(struct atoms *x, struct addresses *p, struct span const *s)
{
  for (unsigned t = 0; t < 2; t++) {
    struct record r;
    if (gate_find(x->d->t[t], &s->first, 0, 0, &r) == GATE_TEMPFAIL) return errno = EPROTO, -1;
    if (rule_code(x, p->code + t, &r) < 0) return -1;
    if (names_n(x->c) && level_of(p->level + t, x->d->t[t], &s->first, s->line[t]) < 0) return errno = EPROTO, -1;
  }
  return 0;
}

/* Appends a span to the part of its class (those from `from` on) with its codes and levels. */
static int put_span(struct atoms *x, struct addresses p, struct span const *s, genalloc *spans, size_t from)
{
  static genalloc const none = GENALLOC_ZERO;
  if (judge(x, &p, s) < 0) return -1;
  size_t i = from, n = genalloc_len(struct addresses, &x->parts);
  for (; i < n; i++) {
    struct addresses const *q = genalloc_s(struct addresses, &x->parts) + i;
    if (!memcmp(q->level, p.level, sizeof p.level) && !memcmp(q->code, p.code, sizeof p.code)) break;
  }
  if (i == n && (!genalloc_append(struct addresses, &x->parts, &p) || !genalloc_append(genalloc, spans, &none)))
    return nomem();
  return genalloc_append(struct span, genalloc_s(genalloc, spans) + (i - from), s) ? 0 : nomem();
}

static int split_class(struct atoms *x, size_t class)
{
  struct client_class const *k = classes_client(x->c, class);
  struct addresses p = { .class = class };
  genalloc spans = GENALLOC_ZERO; /* of genalloc of struct span */
  size_t from = genalloc_len(struct addresses, &x->parts);
  int failed = 0;
  for (size_t i = 0; i < k->n && !failed; i++) failed = put_span(x, p, classes_span(x->c, k->first + i), &spans, from);
  for (size_t i = 0; i < genalloc_len(genalloc, &spans); i++) {
    genalloc *list = genalloc_s(genalloc, &spans) + i;
    struct addresses *q = genalloc_s(struct addresses, &x->parts) + from + i;
    if (!failed) {
      q->first = genalloc_len(struct span, &x->m->spans);
      q->n = genalloc_len(struct span, list);
      if (!genalloc_catb(struct span, &x->m->spans, genalloc_s(struct span, list), q->n)) failed = nomem();
    }
    genalloc_free(struct span, list);
  }
  genalloc_free(genalloc, &spans);
  return failed;
}

/* Clients on a pipe: what everybody's rule says. */
static int add_unknown(struct atoms *x)
{
  struct addresses p = { .class = CLASSES_NONE, .level = { LEVEL_DEFAULT, LEVEL_DEFAULT } };
  struct ip none = { .len = 0 };
  for (unsigned t = 0; t < 2; t++) {
    struct record r;
    if (gate_find(x->d->t[t], &none, 0, 0, &r) == GATE_TEMPFAIL) return errno = EPROTO, -1;
    if (rule_code(x, p.code + t, &r) < 0) return -1;
  }
  return genalloc_append(struct addresses, &x->parts, &p) ? 0 : nomem();
}

int add_atom(struct atoms *x, struct addresses const *p, uint8_t const code[2], struct atom a)
{
  a.class = p->class;
  a.first = p->first;
  a.n = p->n;
  for (unsigned t = 0; t < 2; t++) {
    a.view[t] = code[t] & CODE_VIEW;
    a.proxy[t] = !!(code[t] & CODE_PROXY);
    a.value[t] = code_value(code[t]);
    if (p->class != CLASSES_NONE && classes_client(x->c, p->class)->view[t].is_device) a.device = 1;
  }
  return genalloc_append(struct atom, &x->m->atoms, &a) ? 0 : nomem();
}

int cross(struct atoms *x, struct addresses const *p, size_t user)
{
  size_t n = genalloc_len(struct name_group, &x->m->groups);
  struct name_group const *g = genalloc_s(struct name_group, &x->m->groups);
  uint32_t list[256], names;
  uint8_t codes[256][2];
  unsigned char done[256] = { 0 };
  if (n > 256) return errno = EOVERFLOW, -1; /* 9 codes or none, four times, of which few occur */
  for (size_t i = 0; i < n; i++)
    for (unsigned t = 0; t < 2; t++)
      codes[i][t] = user != CLASSES_NONE && name_at(x->c, user)->in[t] ? name_code(x, user, t)
        : combine(p, g + i, t);
  for (size_t i = 0; i < n; i++) {
    size_t len = 0;
    if (done[i]) continue;
    for (size_t k = i; k < n; k++)
      if (!memcmp(codes[i], codes[k], 2)) list[len++] = (uint32_t)k, done[k] = 1;
    names = 0;
    if (len < n && sets_add(&x->m->sets, list, len, &names) < 0) return -1;
    struct atom a = { .names = names, .user = user, .user_host = CLASSES_NONE };
    if (add_atom(x, p, codes[i], a) < 0) return -1;
  }
  return 0;
}

int atoms_make(struct diff *d)
{
  struct atoms x = { .d = d, .m = d->model, .c = &d->classes, .parts = GENALLOC_ZERO,
    .codes = GENALLOC_ZERO, .values = STRALLOC_ZERO };
  int failed = stralloc_catb(&x.values, "", 1) ? name_codes(&x) : nomem();
  if (!failed) failed = group_names(&x);
  for (size_t i = 0; i < classes_clients(&d->classes) && !failed; i++) failed = split_class(&x, i);
  if (!failed) failed = add_unknown(&x);
  for (size_t i = 0; i < genalloc_len(struct addresses, &x.parts) && !failed; i++)
    failed = cross(&x, genalloc_s(struct addresses, &x.parts) + i, CLASSES_NONE);
  if (!failed) failed = add_users(&x);
  int e = errno;
  genalloc_free(struct addresses, &x.parts);
  genalloc_free(uint8_t, &x.codes);
  stralloc_free(&x.values);
  return errno = e, failed;
}
