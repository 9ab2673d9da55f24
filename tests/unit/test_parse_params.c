/* ESMTP parameters. */
#include <stdlib.h>
#include "unit.h"
#include "parse/params.h"

/* Writes all parameters as `key[=value];`, a `!` where they are malformed. */
static void run(char *out, char const *in, size_t n, int utf8)
{
  char *exact = malloc(n ? n : 1);
  memcpy(exact, in, n);
  struct param p;
  size_t pos = 0;
  int r;
  while ((r = params_next(exact, n, &pos, utf8, &p)) == 1) {
    assert_true(pos <= n && p.keylen && (!p.value || p.valuelen));
    out += sprintf(out, "%.*s", (int)p.keylen, p.key);
    if (p.value) out += sprintf(out, "=%.*s", (int)p.valuelen, p.value);
    *out++ = ';';
  }
  if (r < 0) *out++ = '!';
  else assert_int_equal(pos, n);
  *out = 0;
  free(exact);
}

static void params(void **state)
{
  static struct { char const *in, *out; } const cases[] = {
    { "", "" }, { " ", "" }, { "   ", "" }, { " SIZE=100", "SIZE=100;" }, { " SIZE=100 ", "SIZE=100;" },
    { "  SIZE=100   BODY=8BITMIME", "SIZE=100;BODY=8BITMIME;" },
    { " SMTPUTF8", "SMTPUTF8;" }, { " a b=c d", "a;b=c;d;" }, { " 1=2", "1=2;" }, { " azAZ09=az", "azAZ09=az;" },
    { " X-a-=!~<>\"", "X-a-=!~<>\";" },
    { " AUTH=<>", "AUTH=<>;" },
    { "SIZE=1", "!" }, { " SIZE=", "!" }, { " =1", "!" }, { " -a", "!" }, { " a_b", "!" }, { " a=b=c", "!" },
    { " a= b", "!" }, { " a =b", "a;!" },
    { " a\tb", "!" }, { "\ta", "!" }, { " a=\x7f", "!" }, { " a=b\tc", "!" }, { " a=b\x01", "!" }, { " a;b", "!" },
    { " a=b c=", "a=b;!" }, { " a\xc3\xbc", "!" },
    { " (a)", "!" }, { "> a", "!" },
  }, *c;
  EACH_CASE(c, cases) {
    char out[200];
    for (int utf8 = 0; utf8 < 2; utf8++) {
      run(out, c->in, strlen(c->in), utf8);
      CHECK(!strcmp(out, c->out), "%s: %s", c->in, out);
    }
  }
  char out[200];
  run(out, " a=\xc3\xbc", 5, 0);
  assert_string_equal(out, "!");
  run(out, " a=\xc3\xbc", 5, 1);
  assert_string_equal(out, "a=\xc3\xbc;");
  run(out, " a=\xc3", 4, 1);
  assert_string_equal(out, "!");
  run(out, " a=\xff", 4, 1);
  assert_string_equal(out, "!");
  run(out, " a\0", 3, 1);
  assert_string_equal(out, "!");
  run(out, " a=b\0", 5, 1);
  assert_string_equal(out, "!");
}

static void words(void **state)
{
  struct param p = { "sIzE", 4, "8bitMIME", 8 };
  assert_true(param_is(&p, "SIZE"));
  p.key = "azAZ";
  assert_true(param_is(&p, "AZaz"));
  p.key = "sIzE";
  assert_false(param_is(&p, "SIZ"));
  assert_false(param_is(&p, "SIZES"));
  assert_false(param_is(&p, ""));
  assert_true(param_value_is(&p, "8BITMIME"));
  assert_false(param_value_is(&p, "8BITMIM"));
  assert_false(param_value_is(&p, "8BITMIMES"));
  p.key = "[\\]^"; /* one bit from {|}~ */
  assert_false(param_is(&p, "{|}~"));
  p.value = 0;
  p.valuelen = 0;
  assert_false(param_value_is(&p, ""));
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(params), cmocka_unit_test(words) };
  return cmocka_run_group_tests(tests, 0, 0);
}
