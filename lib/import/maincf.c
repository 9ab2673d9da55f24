/* main.cf: logical lines, `name = value`. */
#include <string.h>
#include "import/maincf.h"

static int is_blank(char ch)
{
  return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\v' || ch == '\f';
}

/* A comment, or nothing: Postfix skips such lines wherever they stand, between continuation lines too. */
static int skipped(struct text t)
{
  t = text_trim(t);
  return !t.n || *t.s == '#';
}

int maincf_logical(struct source *f, stralloc *line, uint32_t *number)
{
  struct text t;
  line->len = 0;
  do
    if (!source_line(f, &t)) return 0;
  while (skipped(t));
  *number = f->line;
  if (!stralloc_catb(line, t.s, t.n)) return -1;
  for (;;) {
    size_t at = f->at;
    uint32_t before = f->line;
    if (!source_line(f, &t)) return 1;
    if (skipped(t)) continue;
    if (!is_blank(*t.s)) {
      f->at = at;
      f->line = before;
      return 1;
    }
    if (!stralloc_catb(line, t.s, t.n)) return -1;
  }
}

static int add(struct maincf *m, struct text name, struct text value, uint32_t line)
{
  struct parameter p = { .name_len = name.n, .value_len = value.n, .line = line };
  uint32_t number = (uint32_t)genalloc_len(struct parameter, &m->all), before = number;
  p.name = m->bytes.len;
  p.value = p.name + name.n;
  if (!stralloc_catb(&m->bytes, name.s, name.n) || !stralloc_catb(&m->bytes, value.s, value.n)) return -1;
  if (!genalloc_append(struct parameter, &m->all, &p)) return -1;
  int r = names_add(&m->index, name.s, name.n, &before);
  if (r < 0) return -1;
  if (r) return 0;
  genalloc_s(struct parameter, &m->all)[before].again = line;
  return names_put(&m->index, name.s, name.n, number);
}

/* The first line must not begin with a blank: it would continue nothing. */
int maincf_read(struct maincf *m, struct source *f, maincf_wrong_fn *wrong, void *arg)
{
  stralloc line = STRALLOC_ZERO;
  struct text name, value;
  uint32_t number;
  int r, bad = 0;
  while (!bad && (r = maincf_logical(f, &line, &number)) > 0) {
    struct text t = { line.s, line.len };
    if (is_blank(*t.s) || !text_cut(t, '=', &name, &value) || !text_trim(name).n) wrong(arg, number, text_trim(t));
    else bad = add(m, text_trim(name), text_trim(value), number);
  }
  stralloc_free(&line);
  return bad || r < 0 ? -1 : 0;
}

struct parameter const *maincf_find(struct maincf const *m, char const *name, size_t len)
{
  uint32_t i;
  return names_find(&m->index, name, len, &i) ? genalloc_s(struct parameter, &m->all) + i : 0;
}

struct text maincf_name(struct maincf const *m, struct parameter const *p)
{
  return (struct text){ m->bytes.s + p->name, p->name_len };
}

struct text maincf_value(struct maincf const *m, struct parameter const *p)
{
  return (struct text){ m->bytes.s + p->value, p->value_len };
}

void maincf_free(struct maincf *m)
{
  stralloc_free(&m->bytes);
  genalloc_free(struct parameter, &m->all);
  names_free(&m->index);
}
