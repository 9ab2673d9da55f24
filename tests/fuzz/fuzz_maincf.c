/* The reader of main.cf, and the values of what it sets; then the same bytes as a text for tcprules. */
#include "fuzz.h"
#include "import/maincf.h"
#include "import/source.h"

static uint32_t last;

static void wrong(void *arg, uint32_t line, struct text what)
{
  MUST(arg == &last && line > last && (!what.n || what.s));
  last = line;
}

/* All that stands in the file lies within it, in order, and is found again. */
static void check_parameters(struct maincf const *m)
{
  struct parameter const *all = genalloc_s(struct parameter, &m->all);
  uint32_t line = 0;
  for (size_t i = 0; i < genalloc_len(struct parameter, &m->all); i++) {
    struct text name = maincf_name(m, all + i), value = maincf_value(m, all + i);
    MUST(name.n && !memchr(name.s, '=', name.n) && all[i].line > line);
    MUST(name.s + name.n <= m->bytes.s + m->bytes.len && value.s + value.n <= m->bytes.s + m->bytes.len);
    MUST(!value.n || !memchr(value.s, '\n', value.n));
    struct parameter const *found = maincf_find(m, name.s, name.n);
    MUST(found && (found == all + i) == !all[i].again && all[i].again != all[i].line);
    line = all[i].line;
  }
}

static void check_values(struct maincf const *m)
{
  struct parameter const *all = genalloc_s(struct parameter, &m->all);
  stralloc out = STRALLOC_ZERO;
  for (size_t i = 0; i < genalloc_len(struct parameter, &m->all) && i < 20; i++) {
    struct text value = maincf_value(m, all + i), word;
    out.len = 0;
    int r = maincf_expand(m, value, &out);
    MUST(r == 0 || r == 1);
    if (r && value.n && !memchr(value.s, '$', value.n)) MUST(out.len == value.n && !memcmp(out.s, value.s, value.n));
    for (struct text rest = { out.s, out.len }; text_word(&rest, &word); ) MUST(word.n && word.n <= out.len);
  }
  MUST(maincf_get(m, "mydestination", &out) >= 0);
  stralloc_free(&out);
}

/* Whatever it is, the lines that are written are printable enough to be lines: one LF each, no NUL, no CR. */
static void check_rules(char *s, size_t n)
{
  struct import x = { .left = 0 };
  struct source f = { .name = "tcp", .s = s, .len = n };
  import_rules(&x, &f);
  MUST(!x.broken);
  stralloc const *t = &x.text[IMPORT_CLIENTS];
  MUST(!t->len || (t->s[t->len - 1] == '\n' && !memchr(t->s, 0, t->len) && !memchr(t->s, '\r', t->len)));
  for (size_t i = 0; i < x.notes.len; i++) MUST(x.notes.s[i] == '\n' || (x.notes.s[i] >= ' ' && x.notes.s[i] < 0x7f));
  import_free(&x);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  struct maincf m = { .all = GENALLOC_ZERO };
  char *s = fuzz_copy(data, size);
  struct source f = { .name = "main.cf", .s = s, .len = size };
  last = 0;
  MUST(maincf_read(&m, &f, wrong, &last) == 0);
  check_parameters(&m);
  check_values(&m);
  maincf_free(&m);
  check_rules(s, size);
  free(s);
  return 0;
}
