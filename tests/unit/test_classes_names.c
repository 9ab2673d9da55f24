/* lib/classes: representatives of clients, rules for names, and numbers of addresses. */
#include "rules_double.h"
#include "classes/classes.h"
#include "unit.h"

static void test_examples(void **state)
{
  static struct { char const *clients; char const *examples; } const cases[] = {
    { "", "203.0.113.1 " }, /* one class: strangers */
    { ":deny\n10.:allow,RELAYCLIENT=\"\"\n", "203.0.113.1 10.0.0.1 " },
    { "192.0.2.7:deny\n2001:db8:1::/48:allow,RELAYCLIENT=\"\"\n8.0.0.0/8:allow,RELAYPROXY=\"\"\n",
      "203.0.113.1 192.0.2.7 2001:db8:1::1 8.0.0.1 " },
    { "0.0.0.0/0:deny\n::/0:allow\n", "2001:db8::1 203.0.113.1 " },
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct table_set const *t = rules(cases[i].clients, 0, 0, 0, 0);
    struct classes c;
    size_t len = 0;
    assert_int_equal(classes_make(&c, &t, 1), 0);
    for (size_t n = 0; n < classes_clients(&c); n++) {
      char ip[IP_TEXT + 1];
      ip_fmt(ip, &classes_client(&c, n)->example);
      strcat(ip, " ");
      CHECK(strstr(cases[i].examples, ip), "%zu: %s", i, ip);
      len += strlen(ip);
    }
    assert_int_equal(len, strlen(cases[i].examples));
    classes_free(&c);
    table_close((struct table_set *)t);
  }
}

static void test_names(void **state)
{
  struct table_set const *t[2] = { rules("=a.example:deny\nu@192.0.2.1:allow,RELAYCLIENT=\"\"\n=:allow\n", 0, 0, 0, 0),
    rules("=.b.example:allow,RELAYPROXY=\"\"\n=a.example:allow\n", 0, 0, 0, 0) };
  static struct { char const *key; unsigned in, denied, trusted, proxy; uint32_t line[2]; } const names[] = {
    { "=", 1, 0, 0, 0, { 3, 0 } }, { "=.b.example", 2, 0, 0, 2, { 0, 1 } }, { "=a.example", 3, 1, 0, 0, { 1, 2 } },
    { "u@192.0.2.1", 1, 0, 1, 0, { 2, 0 } },
  };
  struct classes c;
  (void)state;
  assert_int_equal(classes_make(&c, t, 2), 0);
  assert_int_equal(genalloc_len(struct client_name, &c.names), 4);
  for (size_t i = 0; i < 4; i++) {
    struct client_name const *n = genalloc_s(struct client_name, &c.names) + i;
    assert_string_equal(classes_text(&c, n->key), names[i].key);
    assert_int_equal(n->in[0] | n->in[1] << 1, names[i].in);
    assert_int_equal(n->view[0].denied | n->view[1].denied << 1, names[i].denied);
    assert_int_equal(n->view[0].trusted | n->view[1].trusted << 1, names[i].trusted);
    assert_int_equal(n->view[0].proxy | n->view[1].proxy << 1, names[i].proxy);
    assert_memory_equal(n->line, names[i].line, sizeof n->line);
  }
  classes_free(&c);
  table_close((struct table_set *)t[0]);
  table_close((struct table_set *)t[1]);
}

static void test_numbers(void **state)
{
  static struct { struct wide x; char const *text; } const cases[] = {
    { { 0, 0 }, "0" }, { { 0, 10 }, "10" }, { { 0, UINT64_MAX }, "18446744073709551615" },
    { { 1, 0 }, "18446744073709551616" },
    { { UINT64_MAX, UINT64_MAX }, "340282366920938463463374607431768211455" },
    { { (uint64_t)1 << 61, 0 }, "42535295865117307932921825928971026432" },
  };
  char text[WIDE_TEXT];
  struct ip ip = { { 255, 255, 255, 255 }, 4 };
  struct wide x = { 0, UINT64_MAX }, one = { 0, 1 };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(wide_fmt(text, cases[i].x), strlen(cases[i].text));
    assert_string_equal(text, cases[i].text);
  }
  wide_add(&x, one);
  assert_int_equal(wide_cmp(x, cases[3].x), 0);
  assert_int_equal(wide_cmp(one, x), -1);
  assert_int_equal(wide_cmp(x, one), 1);
  assert_false(range_next(&ip));
  ip = (struct ip){ { 10, 0, 255, 255 }, 4 };
  assert_true(range_next(&ip));
  assert_memory_equal(ip.b, ((uint8_t[]){ 10, 1, 0, 0 }), 4);
  assert_true(range_previous(&ip));
  assert_memory_equal(ip.b, ((uint8_t[]){ 10, 0, 255, 255 }), 4);
  ip = (struct ip){ .len = 16 };
  assert_false(range_previous(&ip));
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(test_examples), cmocka_unit_test(test_names), cmocka_unit_test(test_numbers),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
