/* lib/policy/limits: defaults, what `limits` says, and records that can't be. */
#include "rules_double.h"
#include "policy/limits.h"

static struct { char const *name; enum limit which; uint32_t def, least, most; } const all[] = {
#define X(c, name, def, least, most, unit) { name, LIMIT_##c, def, least, most },
  LIMITS(X)
#undef X
};

static void defaults(void **state)
{
  struct table_set *t = rules(0, 0, 0, 0, 0);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    assert_int_equal(limit_get(0, all[i].which), all[i].def);
    assert_int_equal(limit_get(t, all[i].which), all[i].def);
    assert_in_range(all[i].def, all[i].least, all[i].most);
  }
  table_close(t);
}

/* Each limit's least and most, and no other limit is moved by it. */
static void set(void **state)
{
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    for (unsigned most = 0; most < 2; most++) {
      char text[64];
      snprintf(text, sizeof text, "%s %u\n", all[i].name, (unsigned)(most ? all[i].most : all[i].least));
      struct table_set *t = rules(0, 0, 0, 0, text);
      for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        assert_int_equal(limit_get(t, all[k].which), k != i ? all[k].def : most ? all[k].most : all[k].least);
      table_close(t);
    }
}

static void corrupt(void **state)
{
  static char const *const data[] = { "", "x", "-1", "4", "1001", "99999999999999999999", "10 ", " 10" };
  for (size_t i = 0; i < sizeof data / sizeof *data; i++) {
    FILE *f = tmpfile();
    struct table_builder *b = table_build(fileno(f));
    assert_int_equal(table_add(b, TABLE_LIMITS, "hops", 4, 1, data[i], strlen(data[i])), 0);
    assert_int_equal(table_finish(b), 0);
    struct table_set *t = table_open_fd(fileno(f));
    assert_non_null(t);
    assert_int_equal(limit_get(t, LIMIT_HOPS), 100);
    table_close(t);
    fclose(f);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(defaults), cmocka_unit_test(set), cmocka_unit_test(corrupt) };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
