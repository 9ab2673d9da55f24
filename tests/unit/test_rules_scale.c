/* lib/rules: files as large as they get. The time is only told from that of a check that compares all lines with all
 * others, which would take hours instead of seconds. */
#include "rules_cases.h"
#include "base/io.h"
#include "policy/gate.h"
#include "policy/match.h"

#define MANY 100000
#define SECONDS 20

/* A text that grows. */
static void append(stralloc *s, char const *format, ...) __attribute__((format(printf, 2, 3)));
static void append(stralloc *s, char const *format, ...)
{
  char text[300];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  assert_true(stralloc_cats(s, text));
}

/* Compiles within the time, with so many complaints, and opens the result. Frees the texts. */
static struct table_set *large(struct rules_text *texts, stralloc *contents, size_t n, unsigned complaints)
{
  int result;
  unsigned lines = 0;
  for (size_t i = 0; i < n; i++) {
    texts[i].s = contents[i].s;
    texts[i].len = contents[i].len;
  }
  int64_t start = io_now();
  int fd = compiled(texts, n, &result);
  int64_t took = io_now() - start;
  CHECK(took < SECONDS * 1000, "%lld ms", (long long)took);
  for (char const *s = said.s; *s; s++) lines += *s == '\n';
  CHECK(!result && lines == complaints, "%u complaints: %.200s", lines, said.s);
  struct table_set *t = table_open_fd(fd);
  assert_non_null(t);
  close(fd);
  for (size_t i = 0; i < n; i++) stralloc_free(contents + i);
  return t;
}

/* A key of a table whose record has this line. */
static void has(struct table_set const *t, enum table which, char const *key, uint32_t line)
{
  struct record r;
  CHECK(table_find(t, which, key, strlen(key), &r) == 1 && r.line == line, "%s", key);
}

/* The lengths of prefixes in use, and no others: a look-up asks for each of them once. */
static void lengths(struct table_set const *t, enum table which, char const *key, char const *wanted)
{
  struct record r;
  CHECK(table_find(t, which, key, strlen(key), &r) == 1, "%s", key);
  CHECK(r.len == strlen(wanted) && !memcmp(r.data, wanted, r.len), "%s", key);
}

/* All files are full, and all lines of use. */
static void full(void **state)
{
  enum { CLIENTS, DOMAINS, RECIPIENTS, ALIASES, RELAY, ROUTES, N };
  struct rules_text texts[N + 1] = { { .file = "clients" }, { .file = "domains" }, { .file = "recipients" },
    { .file = "aliases" }, { .file = "relay" }, { .file = "routes" }, { .file = "me" } };
  stralloc s[N + 1] = { STRALLOC_ZERO };
  append(s + N, "relay.example\n");
  append(s + CLIENTS, ":allow\n");
  for (unsigned i = 0; i < MANY; i++) {
    unsigned a = 1 + i / 65536, b = i / 256 % 256, c = i % 256;
    append(s + CLIENTS, i % 2 ? "%u.%u.%u.0/24:allow,RELAYCLIENT=\"\"\n" : "2001:db%u:%x:%x::/64:allow\n", a, b, c);
    append(s + DOMAINS, "d%u.hosted.example listed\n", i);
    append(s + RECIPIENTS, "r%u@d%u.hosted.example\n", i, i);
    append(s + ALIASES, "a%u@d%u.hosted.example r%u@d%u.hosted.example x%u@elsewhere.example\n", i, i, i, i, i);
    if (i % 4 == 0) append(s + RELAY, "grant to g%u.far.example\n", i);
    if (i % 4 == 1) append(s + RELAY, "deny to d%u.far.example\n", i);
    if (i % 4 == 2) append(s + RELAY, "grant device %u.%u.%u.7 from joe@s%u.example to t%u.example\n", a, b, c, i, i);
    if (i % 4 == 3) append(s + RELAY, "grant to-host 2001:db%u:%x:%x::/96\n", a, b, c);
    append(s + ROUTES, "d%u.hosted.example:10.%u.%u.%u\n", i, a, b, c);
  }
  struct table_set *t = large(texts, s, N + 1, 0);
  has(t, TABLE_DOMAINS, "d99999.hosted.example", MANY);
  has(t, TABLE_RECIPIENTS, "r7@d7.hosted.example", 8);
  has(t, TABLE_ALIASES, "a99999@d99999.hosted.example", MANY);
  has(t, TABLE_RELAY, "deny to d99997.far.example", 99998);
  has(t, TABLE_ROUTES, "d99999.hosted.example", MANY);
  lengths(t, TABLE_CLIENTS, GATE_LENGTHS4, "\x18");
  lengths(t, TABLE_CLIENTS, GATE_LENGTHS6, "\x40");
  lengths(t, TABLE_RELAY, "grant to-host/6", "\x60");
  lengths(t, TABLE_RELAY, "grant device/4", "\x20");
  struct record r;
  assert_int_equal(table_find(t, TABLE_RELAY, "grant to-host/4", 15, &r), 0);
  assert_int_equal(table_find(t, TABLE_RELAY, "grant device/6", 14, &r), 0);
  table_close(t);
}

/* Each line of `clients` and `relay` but one is of no use, and prefixes are nested as deep as they can be. */
static void all_unused(void **state)
{
  struct rules_text texts[] = { { .file = "me" }, { .file = "clients" }, { .file = "relay" } };
  stralloc s[3] = { STRALLOC_ZERO };
  append(s, "relay.example\n");
  append(s + 1, ":allow\n10.:deny\n");
  append(s + 2, "grant to .far.example\ngrant sender @.far.example forgeable\n"
         "grant device 10.0.0.0/8 from any to any\ngrant to-host 10.0.0.0/8\n");
  for (unsigned i = 1; i < MANY; i++) append(s + 1, "10.%u.%u.%u/32:allow\n", i / 65536, i / 256 % 256, i % 256);
  for (unsigned bits = 9; bits < 33; bits++) append(s + 2, "grant device 10.0.0.0/%u from any to any\n", bits);
  for (unsigned i = 0; i < MANY / 4; i++) {
    append(s + 2, "grant to a.b.c.d.e.f.g.h.i.j.k.l.m.n%u.far.example\n", i);
    append(s + 2, "grant sender joe@a.b.c.d.e.f.g.h.i.j.k.l.m.n%u.far.example forgeable\n", i);
    append(s + 2, "grant device 10.0.0.0/32 from joe@a.b.c.d.e.f.g.x%u.example to joe@a.b.c.d.e.f.g.y%u.example\n", i,
      i);
    append(s + 2, "grant to-host 10.%u.%u.%u\n", i / 65536, i / 256 % 256, i % 256);
  }
  char rest[60];
  table_close(large(texts, s, 3, 11));
  snprintf(rest, sizeof rest, "from here on %u more of this kind", MANY - 1 + 24 + MANY - 10);
  assert_non_null(strstr(said.s, rest));
}

/* 200,000 prefixes of both kinds, backwards, so that sorting them has work. */
static void backwards(void **state)
{
  struct rules_text texts[] = { { .file = "me" }, { .file = "clients" } };
  stralloc s[2] = { STRALLOC_ZERO };
  append(s, "relay.example\n");
  for (unsigned i = 2 * MANY; i--; )
    append(s + 1, "%u.%u.%u.%s:allow,RELAYCLIENT=\"\"\n", 1 + i / 65536, i / 256 % 256, i % 256, i % 2 ? "" : "0/24");
  append(s + 1, ":allow\n");
  table_close(large(texts, s, 2, 0));
}

enum shape { FORWARD, BACKWARD, FORKED, SHAPES };

static void chain_line(stralloc *s, enum shape shape, unsigned i)
{
  unsigned next = (i / 2 + 1) * 2;
  if (shape == FORWARD && i + 1 < MANY) append(s, "%u@a.example %u@a.example\n", i, i + 1);
  else if (shape == BACKWARD && i) append(s, "%u@a.example %u@a.example\n", i, i - 1);
  else if (shape == FORKED && next < MANY) append(s, "%u@a.example %u@a.example %u@a.example\n", i, next, next + 1);
  else append(s, "%u@a.example end@b.example\n", i);
}

/* Aliases in one chain as long as the file, its end last or first; and ways that fork and meet again at each step, of
 * which there are 2 to the power of 50,000. */
static void chains(void **state)
{
  for (enum shape shape = 0; shape < SHAPES; shape++) {
    struct rules_text texts[] = { { .file = "me" }, { .file = "domains" }, { .file = "aliases" } };
    stralloc s[3] = { STRALLOC_ZERO };
    append(s, "relay.example\n");
    append(s + 1, "a.example\n");
    for (unsigned i = 0; i < MANY; i++) chain_line(s + 2, shape, i);
    struct table_set *t = large(texts, s, 3, 0);
    for (unsigned i = 0; i < MANY; i += MANY - 1) {
      struct record r;
      char key[40];
      int n = snprintf(key, sizeof key, "%u@a.example", i);
      assert_int_equal(table_find(t, TABLE_ALIASES, key, (size_t)n, &r), 1);
      assert_int_equal(r.line, i + 1);
      assert_int_equal(r.len, sizeof "end@b.example");
      assert_memory_equal(r.data, "end@b.example", r.len);
    }
    table_close(t);
  }
}

/* A loop of all lines is complained of once. */
static void long_loop(void **state)
{
  stralloc s = STRALLOC_ZERO;
  int result;
  for (unsigned i = 0; i < MANY; i++) append(&s, "%u@a.example %u@a.example\n", i, (i + 1) % MANY);
  struct rules_text texts[] = { { "me", "m", 1 }, { "domains", "a.example", 9 }, { "aliases", s.s, s.len } };
  int64_t start = io_now();
  close(compiled(texts, 3, &result));
  assert_true(io_now() - start < SECONDS * 1000);
  assert_int_equal(result, 1);
  assert_string_equal(said.s, "aliases:1: a loop: `0@a.example` leads to `1@a.example` (line 2), to `2@a.example` "
    "(line 3), "
    "to `3@a.example` (line 4), to `4@a.example` (line 5), to `5@a.example` (line 6), to `6@a.example` (line 7), to "
    "`7@a.example` (line 8), to 99992 more, and back to itself\n");
  stralloc_free(&s);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(full), cmocka_unit_test(all_unused), cmocka_unit_test(backwards), cmocka_unit_test(chains),
    cmocka_unit_test(long_loop),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
