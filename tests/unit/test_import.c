/* lib/import's parsers: main.cf's lines and values, words, sets, what import_domain takes. */
#include "unit.h"
#include "import/maincf.h"
#include "import/names.h"

static char const *last_wrong;
static uint32_t wrong_line;

static void wrong(void *arg, uint32_t line, struct text what)
{
  (void)what;
  last_wrong = arg;
  wrong_line = line;
}

static void read_text(struct maincf *m, char const *s)
{
  struct source f = { .name = "main.cf", .s = (char *)s, .len = strlen(s) };
  memset(m, 0, sizeof *m);
  last_wrong = 0;
  wrong_line = 0;
  assert_int_equal(maincf_read(m, &f, wrong, "wrong"), 0);
}

/* What a text makes of parameter `x`: its raw value and line, or null. */
static struct reading_case { char const *text, *value; uint32_t line, wrong; } const reading[] = {
  { "x = 1", "1", 1, 0 },
  { "x=1\n", "1", 1, 0 },
  { "\n# c\n  # c\n \t\nx =\t a  b \t\r\n", "a  b", 5, 0 },
  { "x = a\n b\n\tc\ny = 1\n", "a b\tc", 1, 0 },
  { "x = a\n# between\n\n  # and\n b\n", "a b", 1, 0 },
  { "x =\n", "", 1, 0 },
  { "x = y = z\n", "y = z", 1, 0 },
  { "x = 1\nx = 2\n", "2", 2, 0 },
  { "x = # no comment\n", "# no comment", 1, 0 },
  { "y = 1\n", 0, 0, 0 },
  { "", 0, 0, 0 },
  { "x\ny = 1\n", 0, 0, 1 },
  { "= 1\n", 0, 0, 1 },
  { " x = 1\n", 0, 0, 1 },
  { " x = 1\nx = 2\n", "2", 2, 1 },
  { "X = 1\n", 0, 0, 0 },
};

static void reads_parameters(void **state)
{
  struct maincf m;
  struct reading_case const *c;
  (void)state;
  EACH_CASE(c, reading) {
    read_text(&m, c->text);
    struct parameter const *p = maincf_find(&m, "x", 1);
    CHECK(!p == !c->value, "%s", c->text);
    CHECK(wrong_line == c->wrong && !last_wrong == !c->wrong, "%s: line %u is wrong", c->text, (unsigned)wrong_line);
    if (p) {
      struct text v = maincf_value(&m, p);
      CHECK(v.n == strlen(c->value) && !memcmp(v.s, c->value, v.n), "%s: %.*s", c->text, (int)v.n, v.s);
      CHECK(p->line == c->line && !p->again, "%s: line %u", c->text, (unsigned)p->line);
      CHECK(text_is(maincf_name(&m, p), "x"), "%s", c->text);
    }
    maincf_free(&m);
  }
}

static void says_what_is_set_again(void **state)
{
  struct maincf m;
  (void)state;
  read_text(&m, "x = 1\ny = 2\nx = 3\n");
  struct parameter const *all = genalloc_s(struct parameter, &m.all);
  assert_int_equal(genalloc_len(struct parameter, &m.all), 3);
  assert_int_equal(all[0].again, 3);
  assert_int_equal(all[1].again, 0);
  assert_int_equal(all[2].again, 0);
  maincf_free(&m);
}

/* With the definitions below: what comes out, or null when that can't be told. */
static char const definitions[] =
  "myhostname = mail.example.com\na = A\ne =\nb = <$a>\nloop = $loop2\nloop2 = ${loop}\nlong = $b$b\n";
static struct expanding_case { char const *text, *value; } const expanding[] = {
  { "", "" }, { "plain", "plain" }, { "$a", "A" }, { "${a}", "A" }, { "$(a)", "A" }, { "x$a.y", "xA.y" }, { "$ab", "" },
  { "$b$b", "<A><A>" }, { "$long", "<A><A>" }, { "$$a", "$a" }, { "$", "$" }, { "$-", "$-" }, { "${ a }", "A" },
  { "${a?yes}", "yes" }, { "${e?yes}", "" }, { "${a:no}", "" }, { "${e:no}", "no" }, { "${none:no}", "no" },
  { "${a?{yes}:{no}}", "yes" }, { "${e?{yes}:{no}}", "no" }, { "${a ? {<$b>} : {no}}", "<<A>>" },
  { "${e?{x}:$a}", "A" },
  { "${a?{${e?{1}:{2}}}:{3}}", "2" }, { "$mydomain", "example.com" }, { "$myorigin", "mail.example.com" },
  { "$mydestination", "mail.example.com, localhost.example.com, localhost" }, { "$relay_transport", "relay" },
  { "$loop", 0 }, { "x $loop2", 0 }, { "${a", 0 }, { "$(a}", 0 }, { "${a?{x}", 0 }, { "${{$a} == {A} ? {x} : {y}}", 0 },
  { "${a?{x}y}", 0 }, { "${a:{x}:{y}}", 0 }, { "${a-b}", 0 }, { "$mynetworks", 0 }, { "$relay_domains", 0 },
  { "${}", 0 },
};

static void expands(void **state)
{
  struct maincf m;
  stralloc out = STRALLOC_ZERO;
  struct expanding_case const *c;
  (void)state;
  read_text(&m, definitions);
  EACH_CASE(c, expanding) {
    out.len = 0;
    int r = maincf_expand(&m, (struct text){ c->text, strlen(c->text) }, &out);
    CHECK(r == (c->value != 0), "%s: %d", c->text, r);
    int same = r && out.len == strlen(c->value) && (!out.len || !memcmp(out.s, c->value, out.len));
    CHECK(!r || same, "%s: %.*s", c->text, (int)out.len, out.s);
  }
  maincf_free(&m);
  stralloc_free(&out);
}

static void knows_no_domain_without_a_dot(void **state)
{
  struct maincf m;
  stralloc out = STRALLOC_ZERO;
  (void)state;
  read_text(&m, "myhostname = box\n");
  assert_int_equal(maincf_get(&m, "mydomain", &out), 1);
  assert_true(out.len == 11 && !memcmp(out.s, "localdomain", 11));
  maincf_free(&m);
  read_text(&m, "");
  assert_int_equal(maincf_get(&m, "mydomain", &out), 0);
  assert_int_equal(maincf_get(&m, "mydestination", &out), 0);
  assert_int_equal(maincf_get(&m, "unknown", &out), 1);
  assert_int_equal(out.len, 0);
  maincf_free(&m);
  stralloc_free(&out);
}

/* Values that double with each name must end, whether they come to much or to nothing. */
static void bounds_expansion(void **state)
{
  struct maincf m;
  stralloc text = STRALLOC_ZERO, out = STRALLOC_ZERO;
  char line[64];
  (void)state;
  for (int full = 0; full < 2; full++) {
    text.len = 0;
    assert_true(stralloc_cats(&text, full ? "v0 = 0123456789\n" : "v0 =\n"));
    for (int i = 1; i < 36; i++) {
      snprintf(line, sizeof line, "v%d = $v%d$v%d\n", i, i - 1, i - 1);
      assert_true(stralloc_cats(&text, line));
    }
    assert_true(stralloc_0(&text));
    read_text(&m, text.s);
    assert_int_equal(maincf_get(&m, "v35", &out), 0);
    assert_int_equal(maincf_get(&m, "v9", &out), 1);
    assert_int_equal(out.len, full ? 5120 : 0);
    maincf_free(&m);
  }
  stralloc_free(&text);
  stralloc_free(&out);
}

static struct words_case { char const *text, *words; } const words[] = {
  { "", "" }, { " , ,\t\r\n", "" }, { "a", "a|" }, { "a,b  c,\n d ,", "a|b|c|d|" }, { "{a, b} c", "{a, b}|c|" },
  { "x { a { b c } , d } e", "x|{ a { b c } , d }|e|" }, { "} a", "}|a|" }, { "{a b", "{a b|" },
};

static void cuts_words(void **state)
{
  struct words_case const *c;
  (void)state;
  EACH_CASE(c, words) {
    struct text rest = { c->text, strlen(c->text) }, w;
    char out[100];
    size_t n = 0;
    while (text_word(&rest, &w)) n += (size_t)snprintf(out + n, sizeof out - n, "%.*s|", (int)w.n, w.s);
    out[n] = 0;
    CHECK(!strcmp(out, c->words), "%s: %s", c->text, out);
  }
}

static struct domains_case { char const *text, *key; } const domains[] = {
  { "Example.COM.", "example.com" }, { ".Example", ".example" }, { "[192.0.2.1]", "[192.0.2.1]" },
  { "[ipv6:2001:DB8::1]", "[IPv6:2001:db8::1]" }, { "[2001:db8::1]", "[IPv6:2001:db8::1]" }, { "", 0 }, { ".", 0 },
  { "a..b", 0 }, { "[]", 0 }, { "[", 0 }, { "[1.2.3]", 0 }, { "[192.0.2.1", 0 }, { "1.2.3.4", 0 }, { "a b", 0 },
};

static void reads_domains(void **state)
{
  struct domains_case const *c;
  char out[IMPORT_DOMAIN];
  (void)state;
  EACH_CASE(c, domains) {
    size_t n = import_domain(out, (struct text){ c->text, strlen(c->text) });
    CHECK(n == (c->key ? strlen(c->key) : 0) && (!n || !strcmp(out, c->key)), "%s: %zu", c->text, n);
  }
}

static void keeps_names(void **state)
{
  struct names x = { .ready = 0 };
  char key[16];
  uint32_t value;
  (void)state;
  assert_int_equal(names_find(&x, "a", 1, &value), 0);
  for (uint32_t i = 0; i < 5000; i++) {
    int n = snprintf(key, sizeof key, "%x", (unsigned)(i * 2654435761U));
    value = i;
    assert_int_equal(names_add(&x, key, (size_t)n, &value), 1);
  }
  for (uint32_t i = 0; i < 5000; i++) {
    int n = snprintf(key, sizeof key, "%x", (unsigned)(i * 2654435761U));
    assert_int_equal(names_find(&x, key, (size_t)n, &value), 1);
    assert_int_equal(value, i);
    assert_int_equal(names_find(&x, key, (size_t)n - 1, 0) && n == 1, 0);
    value = 7;
    assert_int_equal(names_add(&x, key, (size_t)n, &value), 0);
    assert_int_equal(value, i);
  }
  value = 3;
  assert_int_equal(names_add(&x, "", 0, &value), 1);
  assert_int_equal(names_add(&x, "a\0b", 3, &value), 1);
  assert_int_equal(names_put(&x, "a\0b", 3, 9), 0);
  assert_true(names_find(&x, "a\0b", 3, &value) && value == 9);
  assert_true(names_find(&x, "", 0, &value) && value == 3);
  names_free(&x);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(reads_parameters), cmocka_unit_test(says_what_is_set_again), cmocka_unit_test(expands),
    cmocka_unit_test(knows_no_domain_without_a_dot), cmocka_unit_test(bounds_expansion), cmocka_unit_test(cuts_words),
    cmocka_unit_test(reads_domains), cmocka_unit_test(keeps_names),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
