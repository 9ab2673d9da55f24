/* Postfix' values, files, tables and lists. */
#include <errno.h>
#include <string.h>
#include "import/postfix.h"

#define DEPTH 10 /* lists in files that name files */

struct place postfix_place(struct postfix const *p, char const *name)
{
  struct parameter const *at = maincf_find(&p->main, name, strlen(name));
  return (struct place){ "main.cf", at ? at->line : 0 };
}

int postfix_set(struct postfix const *p, char const *name)
{
  return maincf_find(&p->main, name, strlen(name)) != 0;
}

void postfix_done(struct postfix *p, char const *name)
{
  uint32_t none = 0;
  if (names_add(&p->done, name, strlen(name), &none) < 0) p->x->broken = ENOMEM;
}

int postfix_get(struct postfix *p, char const *name, stralloc *out)
{
  int r = maincf_get(&p->main, name, out);
  postfix_done(p, name);
  if (r < 0) p->x->broken = ENOMEM;
  if (!r) import_left(p->x, postfix_place(p, name), "%s: what this comes to can't be told from main.cf", name);
  return r > 0;
}

int postfix_yes(struct postfix *p, char const *name, int other)
{
  stralloc value = STRALLOC_ZERO;
  int yes = other;
  if (postfix_set(p, name) && postfix_get(p, name, &value))
    yes = text_is_word(text_trim((struct text){ value.s, value.len }), "yes");
  stralloc_free(&value);
  return yes;
}

int postfix_open(struct postfix *p, struct source *f, struct text path)
{
  stralloc at = STRALLOC_ZERO;
  size_t n = p->config.len - 1;
  int beside = path.n > n + 1 && !memcmp(path.s, p->config.s, n) && path.s[n] == '/', r = 0;
  *f = (struct source){ .s = 0 };
  if (beside
          ? !stralloc_cats(&at, p->dir) || !stralloc_catb(&at, path.s + n, path.n - n)
          : !stralloc_copyb(&at, p->root.s, p->root.len ? p->root.len - 1 : 0) || !stralloc_catb(&at, path.s, path.n))
    p->x->broken = ENOMEM;
  if (!stralloc_0(&at)) p->x->broken = ENOMEM;
  if (!p->x->broken && (beside || p->rooted)) r = source_open(p->x, f, 0, at.s);
  stralloc_free(&at);
  return r;
}

/* The name of a file in places: relative to our directory where it is below it. NUL-terminated, in out. */
static char const *shown_path(struct postfix *p, stralloc *out, struct text path)
{
  size_t n = p->config.len - 1;
  int beside = path.n > n + 1 && !memcmp(path.s, p->config.s, n) && path.s[n] == '/';
  if (beside) path = (struct text){ path.s + n + 1, path.n - n - 1 };
  if (!stralloc_copyb(out, path.s, path.n) || !stralloc_0(out)) p->x->broken = ENOMEM;
  return out->s;
}

/* A table's type, without `proxy:`, and its name. */
static int table_parts(struct text t, struct text *type, struct text *name)
{
  if (!text_cut(t, ':', type, name)) return 0;
  while (text_is(*type, "proxy"))
    if (!text_cut(*name, ':', type, name)) return 0;
  return 1;
}

static int is_text_type(struct text type)
{
  static char const *const types[] = { "hash", "btree", "dbm", "sdbm", "cdb", "lmdb", "texthash" };
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (text_is(type, types[i])) return 1;
  return 0;
}

static void each_entry(struct postfix *p, struct source *f, entry_fn *fn, void *arg)
{
  stralloc line = STRALLOC_ZERO;
  uint32_t number;
  while (!p->x->broken) {
    int r = maincf_logical(f, &line, &number);
    if (r < 0) p->x->broken = ENOMEM;
    if (r <= 0) break;
    struct text t = text_trim((struct text){ line.s, line.len });
    size_t i = 0;
    while (i < t.n && t.s[i] != ' ' && t.s[i] != '\t') i++;
    fn(p, (struct text){ t.s, i }, text_trim((struct text){ t.s + i, t.n - i }), (struct place){ f->name, number },
       arg);
  }
  stralloc_free(&line);
}

int postfix_table(struct postfix *p, struct text table, struct place from, entry_fn *fn, void *arg)
{
  struct source f = { .s = 0 };
  struct text type, path;
  stralloc name = STRALLOC_ZERO;
  int r = 0;
  if (!table_parts(table, &type, &path)) {
    if (fn) import_left(p->x, from, "no table: %.*s", SHOWN(table));
  } else if (!is_text_type(type)) {
    if (fn) import_left(p->x, from, "tables of this type can't be carried over: %.*s", SHOWN(table));
  } else if ((r = postfix_open(p, &f, path)) > 0) {
    f.name = shown_path(p, &name, path);
    if (fn && !p->x->broken) each_entry(p, &f, fn, arg);
  } else if (fn && !r) {
    import_left(p->x, from, "the text that %.*s is made from isn't there", SHOWN(table));
  }
  source_close(&f);
  stralloc_free(&name);
  return r > 0;
}

int postfix_tables(struct postfix *p, char const *name, entry_fn *fn, void *arg)
{
  stralloc value = STRALLOC_ZERO;
  struct text rest, word;
  int all = postfix_get(p, name, &value);
  rest = (struct text){ value.s, all ? value.len : 0 };
  while (!p->x->broken && text_word(&rest, &word))
    if (!postfix_table(p, word, postfix_place(p, name), fn, arg)) all = 0;
  stralloc_free(&value);
  return all;
}

/* A list on its way: what each element goes to. */
struct walk {
  item_fn *fn;
  void *arg;
  unsigned depth;
  unsigned negative : 1;
};

static void give_key(struct postfix *p, struct text key, struct text value, struct place from, void *arg)
{
  struct walk const *w = arg;
  (void)value;
  w->fn(p, &(struct item){ .word = key, .from = from, .negative = w->negative, .key = 1 }, w->arg);
}

static void each_word(struct postfix *p, struct text rest, struct place from, struct walk *w);

static int each_of_file(struct postfix *p, struct text path, struct walk *w)
{
  struct source f;
  stralloc line = STRALLOC_ZERO, name = STRALLOC_ZERO;
  uint32_t number;
  int r = w->depth < DEPTH ? postfix_open(p, &f, path) : 0, more;
  if (r > 0) {
    shown_path(p, &name, path);
    while (!p->x->broken && (more = maincf_logical(&f, &line, &number))) {
      if (more < 0) p->x->broken = ENOMEM;
      else each_word(p, (struct text){ line.s, line.len }, (struct place){ name.s, number }, w);
    }
  }
  if (w->depth < DEPTH) source_close(&f);
  stralloc_free(&line);
  stralloc_free(&name);
  return r > 0;
}

static void each_word(struct postfix *p, struct text rest, struct place from, struct walk *w)
{
  struct text word;
  while (!p->x->broken && text_word(&rest, &word)) {
    struct walk inner = { w->fn, w->arg, w->depth + 1, w->negative };
    for (; word.n && *word.s == '!'; word.n--, word.s++) inner.negative = !inner.negative;
    struct item item = { .word = word, .from = from, .negative = inner.negative };
    if (word.n && *word.s == '/') {
      item.unreadable = item.excludes = !each_of_file(p, word, &inner);
      if (item.unreadable) import_left(p->x, from, "the file %.*s isn't there", SHOWN(word));
    } else if (word.n && *word.s != '[' && memchr(word.s, ':', word.n)) {
      item.unreadable = !postfix_table(p, word, from, give_key, &inner);
      item.excludes = item.unreadable && inner.negative;
    } else {
      w->fn(p, &item, w->arg);
    }
    if (item.unreadable) w->fn(p, &item, w->arg);
  }
}

void postfix_list(struct postfix *p, char const *name, item_fn *fn, void *arg)
{
  struct walk w = { .fn = fn, .arg = arg };
  stralloc value = STRALLOC_ZERO;
  if (postfix_get(p, name, &value)) each_word(p, (struct text){ value.s, value.len }, postfix_place(p, name), &w);
  stralloc_free(&value);
}
