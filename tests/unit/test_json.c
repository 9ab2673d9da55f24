/* JSON: commas, nesting, and strings of any bytes. */
#include <stdlib.h>
#include "unit.h"
#include "json/json.h"

static stralloc out;

/* What was written since the last call, NUL-terminated. */
static char const *written(struct json const *j)
{
  assert_false(j->failed);
  assert_int_equal(j->depth, 0);
  assert_true(stralloc_0(&out));
  out.len = 0;
  return out.s;
}

static void shapes(void **state)
{
  struct json j = JSON_START(&out);
  json_object(&j);
  json_key(&j, "a"), json_number(&j, -1);
  json_key(&j, "b"), json_array(&j);
  json_bool(&j, 1), json_bool(&j, 0), json_null(&j);
  json_object(&j), json_end(&j);
  json_array(&j), json_end(&j);
  json_object(&j), json_key(&j, "x"), json_array(&j), json_number(&j, 0), json_end(&j), json_end(&j);
  json_end(&j);
  json_key(&j, ""), json_str(&j, 0);
  json_key(&j, "d\"\n"), json_str(&j, "");
  json_end(&j);
  assert_string_equal(written(&j), "{\"a\":-1,\"b\":[true,false,null,{},[],{\"x\":[0]}],\"\":null,"
    "\"d\\\"\\u000a\":\"\"}");
}

static void numbers(void **state)
{
  struct json j = JSON_START(&out);
  json_array(&j);
  json_number(&j, INT64_MIN), json_number(&j, INT64_MAX), json_number(&j, 0);
  json_end(&j);
  assert_string_equal(written(&j), "[-9223372036854775808,9223372036854775807,0]");
}

static void strings(void **state)
{
  static struct { char const *in, *want; size_t n; } const cases[] = {
    { "plain ~ text", "\"plain ~ text\"", 12 }, { "a\"b\\c/", "\"a\\\"b\\\\c/\"", 6 },
    { "a\0b", "\"a\\u0000b\"", 3 }, { "\r\n\t\x1b\x7f", "\"\\u000d\\u000a\\u0009\\u001b\\u007f\"", 5 },
    { "\xc3\xa4", "\"\\u00e4\"", 2 }, { "\xe2\x82\xac", "\"\\u20ac\"", 3 },
    { "\xf0\x9f\x93\xae", "\"\\ud83d\\udcee\"", 4 }, { "\xf4\x8f\xbf\xbf", "\"\\udbff\\udfff\"", 4 },
    { "\xff", "\"\\ufffd\"", 1 }, { "\xe2\x82", "\"\\ufffd\\ufffd\"", 2 }, 
    { "\xed\xa0\x80x", "\"\\ufffd\\ufffd\\ufffdx\"", 4 },
    { "\xc2\x9b", "\"\\u009b\"", 2 }, { "a\xc3(", "\"a\\ufffd(\"", 3 },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct json j = JSON_START(&out);
    json_string(&j, cases[i].in, cases[i].n);
    char const *got = written(&j);
    CHECK(!strcmp(got, cases[i].want), "case %zu: %s, wanted %s", i, got, cases[i].want);
  }
}

static void deep(void **state)
{
  struct json j = JSON_START(&out);
  for (int i = 0; i < JSON_DEPTH; i++) {
    if (i % 2) json_key(&j, "k"), json_array(&j);
    else json_object(&j);
  }
  for (int i = 0; i < JSON_DEPTH; i++) json_end(&j);
  char const *s = written(&j);
  CHECK(strlen(s) == 2 * JSON_DEPTH + JSON_DEPTH / 2 * 4, "%s", s);
}

static int cleanup(void **state)
{
  stralloc_free(&out);
  return 0;
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(numbers), cmocka_unit_test(strings),
    cmocka_unit_test(deep) };
  return cmocka_run_group_tests(tests, 0, cleanup);
}
