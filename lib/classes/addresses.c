/* From the names that were gathered to classes: sorted, linked to the next wider form, each with a representative. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "classes/parts.h"
#include "policy/gate.h"

#define FIRST 4 /* classes that no form stands for */

static int nomem(void)
{
  return errno = ENOMEM, -1;
}

static char const *sort_text; /* qsort passes nothing on; set before it is called */

static int by_form(void const *x, void const *y)
{
  struct name const *a = x, *b = y;
  if (a->form != b->form) return a->form < b->form ? -1 : 1;
  return strcmp(sort_text + a->key, sort_text + b->key);
}

/* The class of a form and a key, or CLASSES_NONE. */
static size_t find(struct classes const *c, size_t end, enum form form, char const *key)
{
  size_t low = FIRST, high = end;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    struct address_class const *k = classes_address(c, middle);
    int r = k->form != form ? (k->form < form ? -1 : 1) : strcmp(classes_text(c, k->key), key);
    if (!r) return middle;
    if (r < 0) low = middle + 1;
    else high = middle;
  }
  return CLASSES_NONE;
}

size_t classes_find(struct classes const *c, enum form form, char const *key)
{
  return find(c, classes_addresses(c), form, key); /* behind the sorted ones come those of FORM_POSTMASTER */
}

struct linker {
  struct classes *c;
  size_t end;           /* the sorted classes end here */
  unsigned extensions : 1;
  char key[ADDRESS_KEY + 8];
};

/* The longest pattern with an extension that fits the first n bytes of the address `key`, whose domain begins at at. */
static size_t find_extension(struct linker *l, char const *key, size_t n, char const *at)
{
  for (size_t i = n; l->extensions && i-- > 1; ) {
    if (key[i] != '+' && key[i] != '-') continue;
    memcpy(l->key, key, i + 1);
    l->key[i + 1] = '*';
    strcpy(l->key + i + 2, at);
    size_t found = find(l->c, l->end, FORM_EXTENSION, l->key);
    if (found != CLASSES_NONE) return found;
  }
  return CLASSES_NONE;
}

static size_t find_wider(struct linker *l, struct address_class const *k)
{
  char const *key = classes_text(l->c, k->key), *at = strrchr(key, '@');
  size_t found;
  switch (k->form) {
    case FORM_ADDRESS: case FORM_EXTENSION:
      found = find_extension(l, key, (size_t)(at - key) - (k->form == FORM_EXTENSION ? 2 : 0), at);
      return found != CLASSES_NONE ? found : find(l->c, l->end, FORM_DOMAIN, at + 1);
    case FORM_DOMAIN: case FORM_SUFFIX:
      if (*key == '[') return FORM_OTHER_LITERAL;
      while (*(key = domain_wider(key)))
        if ((found = find(l->c, l->end, FORM_SUFFIX, key)) != CLASSES_NONE) return found;
      return FORM_OTHER;
    default: return CLASSES_NONE;
  }
}

/* Number i of the words a, b, ..., 9, aa, ba, ...; never `postmaster`: no table has so many names. */
static void word(char out[16], size_t i)
{
  static char const letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  size_t n = 0;
  do {
    out[n++] = letters[i % (sizeof letters - 1)];
    i /= sizeof letters - 1;
  } while (i-- && n < 15);
  out[n] = 0;
}

/* Appends LOCAL@domain to the text, with a local part that begins so and that no line names. */
static int put_unused(struct linker *l, size_t *at, char const *begin, size_t n, char const *domain)
{
  for (size_t i = 0; ; i++) {
    memcpy(l->key, begin, n);
    word(l->key + n, i);
    strcat(strcat(l->key, "@"), domain);
    if (find(l->c, l->end, FORM_ADDRESS, l->key) == CLASSES_NONE) break;
  }
  *at = l->c->text.len;
  return stralloc_cats(&l->c->text, l->key) && stralloc_0(&l->c->text) ? 0 : nomem();
}

/* A domain right below a suffix that no line names. */
static void unused_below(struct linker *l, char domain[TABLE_KEY + 32], char const *suffix)
{
  size_t i = 0;
  do {
    word(domain, i++);
    strcat(domain, suffix);
  } while (find(l->c, l->end, FORM_DOMAIN, domain) != CLASSES_NONE);
}

/* Is the domain in any class but the widest? */
static int is_named(struct linker *l, char const *domain)
{
  if (find(l->c, l->end, FORM_DOMAIN, domain) != CLASSES_NONE) return 1;
  while (*(domain = domain_wider(domain)))
    if (find(l->c, l->end, FORM_SUFFIX, domain) != CLASSES_NONE) return 1;
  return 0;
}

static void other_domain(struct linker *l, char domain[TABLE_KEY + 32])
{
  static char const *const usual[] = { "example.org", "example.net", "example.com", "a.test", "a.invalid" };
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
    if (!is_named(l, strcpy(domain, usual[i]))) return;
  size_t i = 0;
  do {
    strcpy(domain, "a.");
    word(domain + 2, i++);
  } while (is_named(l, domain));
}

static void other_literal(struct linker *l, char domain[TABLE_KEY + 32])
{
  struct ip ip = { { 192, 0, 2, 1 }, 4 };
  do {
    domain[0] = '[';
    size_t n = ip_fmt(domain + 1, &ip);
    strcpy(domain + 1 + n, "]");
    for (unsigned i = 4; i-- && !++ip.b[i]; ) ;
  } while (is_named(l, domain));
}

static int put_example(struct linker *l, struct address_class *k)
{
  char domain[TABLE_KEY + 32], local[] = "postmaster@";
  char const *key = classes_text(l->c, k->key), *at;
  strcpy(domain, key);
  switch (k->form) {
    case FORM_NULL: case FORM_BARE: case FORM_ADDRESS: k->example = k->key; return 0;
    case FORM_OTHER: other_domain(l, domain); break;
    case FORM_OTHER_LITERAL: other_literal(l, domain); break;
    case FORM_DOMAIN: break;
    case FORM_SUFFIX: unused_below(l, domain, key); break;
    case FORM_EXTENSION:
      at = strrchr(strcpy(domain, key), '@');
      return put_unused(l, &k->example, domain, (size_t)(at - domain) - 1, at + 1);
    case FORM_POSTMASTER:
      if (*key == '.') unused_below(l, domain, key);
      k->example = l->c->text.len;
      if (stralloc_cats(&l->c->text, local) && stralloc_cats(&l->c->text, domain) && stralloc_0(&l->c->text)) return 0;
      return nomem();
  }
  return put_unused(l, &k->example, "", 0, domain);
}

/* The classes in their order, not yet linked. */
static int make(struct names *x, struct classes *c)
{
  struct address_class first[FIRST] = {
    { .form = FORM_NULL, .sender = 1 }, { .form = FORM_BARE, .recipient = 1 },
    { .form = FORM_OTHER, .sender = 1, .recipient = 1 }, { .form = FORM_OTHER_LITERAL, .sender = 1, .recipient = 1 },
  };
  struct name *all = genalloc_s(struct name, &x->all);
  size_t n = genalloc_len(struct name, &x->all), empty = c->text.len;
  if (!stralloc_0(&c->text) || !stralloc_cats(&c->text, "postmaster") || !stralloc_0(&c->text)) return nomem();
  sort_text = c->text.s;
  if (n) qsort(all, n, sizeof *all, by_form);
  for (size_t i = 0; i < FIRST; i++) {
    first[i].key = empty + (first[i].form == FORM_BARE);
    first[i].wider = CLASSES_NONE;
    if (!genalloc_append(struct address_class, &c->addresses, first + i)) return nomem();
  }
  for (size_t i = 0; i < n; i++) {
    struct address_class k = { .form = all[i].form, .key = all[i].key };
    int fresh = !i || by_form(all + i - 1, all + i);
    if (fresh && !genalloc_append(struct address_class, &c->addresses, &k)) return nomem();
    struct address_class *now = classes_address(c, classes_addresses(c) - 1);
    now->named |= all[i].named;
    now->sender |= all[i].sender;
    now->recipient |= all[i].recipient;
  }
  return 0;
}

/* Where recipients are listed, postmaster is one without a line. */
static int add_postmasters(struct linker *l)
{
  struct classes *c = l->c;
  for (size_t i = FIRST; i < l->end; i++) {
    struct address_class k = { .form = FORM_POSTMASTER, .key = classes_address(c, i)->key, .wider = i, .recipient = 1 };
    enum form form = classes_address(c, i)->form;
    char const *key = classes_text(c, k.key);
    int listed = 0;
    if (form != FORM_DOMAIN && form != FORM_SUFFIX) continue;
    for (size_t w = i; w != CLASSES_NONE; w = classes_address(c, w)->wider)
      listed |= !!(classes_address(c, w)->named & LISTED);
    if (!listed) continue;
    strcpy(l->key, "postmaster@");
    size_t named = form == FORM_DOMAIN ? find(c, l->end, FORM_ADDRESS, strcat(l->key, key)) : CLASSES_NONE;
    if (named != CLASSES_NONE) {
      classes_address(c, named)->recipient = 1;
      continue;
    }
    if (put_example(l, &k) < 0) return -1;
    if (!genalloc_append(struct address_class, &c->addresses, &k)) return nomem();
  }
  for (size_t i = 0; i < classes_addresses(c); i++) classes_address(c, i)->named &= ~(unsigned)LISTED;
  return 0;
}

/* What a word of a device's line names. at: the sign before a domain, or NUL. */
#define UNREACHABLE (CLASSES_NONE - 3) /* nothing that can be asked for */
static size_t find_word(struct linker *l, char const *s, char at)
{
  enum form form = at || strchr(s, '@') ? FORM_ADDRESS : FORM_DOMAIN;
  if (!strcmp(s, "any")) return DEVICE_ANY;
  if (!strcmp(s, "hosted")) return DEVICE_HOSTED;
  if (at && *s == at) {
    form = FORM_DOMAIN;
    s++;
  }
  size_t found = find(l->c, l->end, form == FORM_DOMAIN && *s == '.' ? FORM_SUFFIX : form, s);
  return found != CLASSES_NONE ? found : UNREACHABLE;
}

/* Are the prefix' own record and its length there? */
static int device_is_asked(struct table_set const *t, struct device_line const *d)
{
  char key[16 + GATE_CIDR] = "grant device ";
  struct record r;
  int found = table_find(t, TABLE_RELAY, d->ip.len == 4 ? "grant device/4" : "grant device/6", 14, &r);
  if (found <= 0) return found;
  if (!memchr(r.data, d->bits, r.len)) return 0;
  return table_find(t, TABLE_RELAY, key, 13 + gate_cidr_key(key + 13, &d->ip, d->bits), &r);
}

static int make_devices(struct linker *l, struct names *x)
{
  for (size_t i = 0; i < genalloc_len(struct raw_device, &x->devices); i++) {
    struct raw_device *d = genalloc_s(struct raw_device, &x->devices) + i;
    int asked = device_is_asked(l->c->t[d->line.table], &d->line);
    if (asked < 0) return errno = EPROTO, -1;
    d->line.from = find_word(l, classes_text(l->c, d->from), '@');
    d->line.to = find_word(l, classes_text(l->c, d->to), 0);
    if (!asked || d->line.from == UNREACHABLE || d->line.to == UNREACHABLE) continue;
    if (!genalloc_append(struct device_line, &l->c->devices, &d->line)) return nomem();
  }
  return 0;
}

int names_end(struct names *x, struct classes *c)
{
  struct linker l = { .c = c };
  int r = make(x, c);
  l.end = classes_addresses(c);
  for (size_t i = 0; i < l.end; i++) l.extensions |= classes_address(c, i)->form == FORM_EXTENSION;
  for (size_t i = FIRST; r == 0 && i < l.end; i++) classes_address(c, i)->wider = find_wider(&l, classes_address(c, i));
  for (size_t i = 0; r == 0 && i < l.end; i++) r = put_example(&l, classes_address(c, i));
  if (r == 0) r = add_postmasters(&l);
  if (r == 0) r = make_devices(&l, x);
  int e = errno;
  genalloc_free(struct name, &x->all);
  genalloc_free(struct raw_device, &x->devices);
  errno = e;
  return r;
}
