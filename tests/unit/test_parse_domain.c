/* Domain names in canonical form; UTF-8. */
#include "unit.h"
#include "parse/domain.h"
#include "parse/utf8.h"

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define A63 A60 "aaa"

static void names(void **state)
{
  static struct { char const *in, *out; } const cases[] = {
    { "example.com", "example.com" }, { "EXAMPLE.Com", "example.com" }, { "example.com.", "example.com" }, { "a", "a" },
    { "a.b-c.d_e", "a.b-c.d_e" }, { "_dmarc.example", "_dmarc.example" }, { "1.example", "1.example" }, { "1a", "1a" },
    { "a--b.example", "a--b.example" }, { "xn--bcher-kva.example", "xn--bcher-kva.example" },
    { "XN--BCHER-KVA.example", "xn--bcher-kva.example" },
    { A63 ".x", A63 ".x" }, { A63 "a.x", 0 },
    { A63 "." A63 "." A63 "." A60 "a", A63 "." A63 "." A63 "." A60 "a" },   /* 253 */
    { A63 "." A63 "." A63 "." A60 "a.", A63 "." A63 "." A63 "." A60 "a" },
    { A63 "." A63 "." A63 "." A60 "aa", 0 },                                /* 254 */
    { A63 "." A63 "." A63 "." A60 ".a", 0 }, { A63 "." A63 "." A63 "." A60 "a.b", 0 },
    { "abcdefghijklmnopqrstuvwxyz-0123456789.x", "abcdefghijklmnopqrstuvwxyz-0123456789.x" },
    { "ABCDEFGHIJKLMNOPQRSTUVWXYZ.x", "abcdefghijklmnopqrstuvwxyz.x" },
    { "", 0 }, { ".", 0 }, { "..", 0 }, { ".a", 0 }, { "a..", 0 }, { "a..b", 0 }, { "-a.b", 0 }, { "a-.b", 0 },
    { "a.b-", 0 },
    { "a b.c", 0 }, { "a.b ", 0 }, { "a@b", 0 }, { "a:b", 0 }, { "a/b", 0 }, { "a,b", 0 }, { "[1.2.3.4]", 0 },
    { "a\tb", 0 },
    { "a\nb", 0 }, { "a\r", 0 }, { "a%b", 0 }, { "*.a", 0 }, { "a\x7f", 0 },
    /* what somebody reads as an address is no name; RFC 3696 2 */
    { "1.2.3.4", 0 }, { "127.1", 0 }, { "2130706433", 0 }, { "0x7f000001", 0 }, { "0x7f.1", 0 }, { "a.0x", 0 },
    { "a.1", 0 },
    { "a.1.", 0 }, { "017.b", "017.b" }, { "a.0xg", "a.0xg" }, { "0x.a", "0x.a" },
    { "a.0a", "a.0a" }, { "a.ax", "a.ax" },
    /* U-labels */
    { "bücher.example", "xn--bcher-kva.example" }, { "BÜCHER.EXAMPLE", "xn--bcher-kva.example" },
    { "faß.de", "xn--fa-hia.de" }, { "räksmörgås.se", "xn--rksmrgs-5wao1o.se" }, { "ü", "xn--tda" },
    { "ŁÓDŹ.pl", "xn--d-uga0v4h.pl" }, { "пример.рф", "xn--e1afmkfd.xn--p1ai" },
    { "ПРИМЕР.РФ", "xn--e1afmkfd.xn--p1ai" },
    { "παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp" }, { "例え.テスト", "xn--r8jz45g.xn--zckzah" },
    { "l·l.cat", "xn--ll-0ea.cat" }, { "ĲŽ.x", "xn--efa4m.x" },
    { "xn--ü.de", 0 }, { "ab--ü.de", 0 }, { "-ü.de", 0 }, { "ü-.de", 0 },
    { "\xff.de", 0 }, { "b\xfc" "cher.de", 0 }, { "a\xc3", 0 }, { "\xc0\xaf", 0 }, { "\xed\xa0\x80.x", 0 },
    { "a\xe3\x80\x82" "b", 0 }, { "a\xef\xbc\x8e" "b", 0 }, { "a\xef\xbd\xa1" "b", 0 }, /* other full stops */
    { "\xef\xbd\x81.x", 0 }, { "a\xc2\xad" "b.x", 0 }, { "a\xe2\x80\x8b" "b.x", 0 }, { "a\xc2\xa0" "b.x", 0 },
    { "a\xc2\x80.x", 0 }, { "\xe2\x84\xaa.x", 0 }, { "a\xef\xbb\xbf.x", 0 }, { "\xf0\x9d\x90\x80.x", 0 },
  }, *c;
  EACH_CASE(c, cases) {
    char out[DOMAIN_TEXT], again[DOMAIN_TEXT];
    size_t n = domain_canon(out, c->in, strlen(c->in));
    CHECK(n == (c->out ? strlen(c->out) : 0), "%s: %zu %s", c->in, n, n ? out : "");
    if (!n) continue;
    CHECK(!strcmp(out, c->out), "%s -> %s", c->in, out);
    CHECK(domain_canon(again, out, n) == n && !strcmp(again, out), "%s: again %s", out, again);
  }
  char out[DOMAIN_TEXT];
  assert_int_equal(domain_canon(out, "a\0b", 3), 0);
  assert_int_equal(domain_canon(out, "a.bcd", 3), 3);
}

/* RFC 3492 7.1, as labels (those in lower case that are no ASCII). */
static void punycode(void **state)
{
  static struct { char const *in, *out; } const cases[] = {
    { "ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn" }, { "他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye" },
    { "他們爲什麽不說中文", "ihqwctvzc91f659drss3x8bo0yb" }, { "למההםפשוטלאמדבריםעברית", "4dbcagdahymbxekheh6e0a7fei0b" },
    { "なぜみんな日本語を話してくれないのか", "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa" },
    { "почемужеонинеговорятпорусски", "b1abfaaepdrnnbgefbadotcwatmq2g4l" },
    { "3年b組金八先生", "3b-ww4c5e180e575a65lsy2b" }, { "ひとつ屋根の下2", "2-u9tlzr9756bt3uc0v" },
    { "そのスピードで", "d9juau41awczczp" },
  }, *c;
  EACH_CASE(c, cases) {
    char out[DOMAIN_TEXT], want[DOMAIN_TEXT];
    snprintf(want, sizeof want, "xn--%s", c->out);
    assert_true(domain_canon(out, c->in, strlen(c->in)));
    assert_string_equal(out, want);
  }
}

/* A U-label whose A-label has 63 bytes, and one of 64. */
static void long_label(void **state)
{
  char in[200], out[DOMAIN_TEXT];
  size_t most = 0;
  for (size_t n = 1; n < 70; n++) {
    memset(in, 'a', n);
    memcpy(in + n, "\xc3\xbc", 2); /* ü */
    size_t len = domain_canon(out, in, n + 2);
    assert_true(len <= 63);
    if (!len) continue;
    assert_int_equal(most, n - 1); /* none fits behind one that does not */
    assert_int_equal(strspn(out + 4, "a"), n);
    most = n;
  }
  assert_true(most >= 50 && most < 60);
  memset(in, 'a', most);
  memcpy(in + most, "\xc3\xbc", 2);
  assert_true(domain_canon(out, in, most + 2) == 63);
}

/* Capitals and their small letters are one name; what has no other case stays apart from its neighbours. */
static void cases_of_letters(void **state)
{
  static struct { char const *capital, *small; } const pairs[] = {
    { "À", "à" }, { "Ö", "ö" }, { "Ø", "ø" }, { "Þ", "þ" }, { "Α", "α" }, { "Ρ", "ρ" }, { "Σ", "σ" }, { "Ω", "ω" },
    { "А", "а" }, { "Я", "я" }, { "Ѐ", "ѐ" }, { "Џ", "џ" }, { "Ā", "ā" }, { "Ķ", "ķ" }, { "Ĺ", "ĺ" }, { "Ň", "ň" },
    { "Ŋ", "ŋ" }, { "Ŷ", "ŷ" }, { "Ź", "ź" }, { "Ž", "ž" },
  }, *c;
  static char const *const alone[] = { "ß", "ÿ", "ĸ", "ĺ", "ŉ", "ň", "ſ", "ž", "ı", "ĳ", "ά", "ώ", "ς", "ύ", "Ѡ", "џ" };
  char a[DOMAIN_TEXT], b[DOMAIN_TEXT];
  EACH_CASE(c, pairs) {
    assert_true(domain_canon(a, c->capital, strlen(c->capital)) && domain_canon(b, c->small, strlen(c->small)));
    CHECK(!strcmp(a, b), "%s %s: %s %s", c->capital, c->small, a, b);
  }
  for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
    for (size_t k = 0; k < i; k++) {
      assert_true(domain_canon(a, alone[i], strlen(alone[i])) && domain_canon(b, alone[k], strlen(alone[k])));
      CHECK(strcmp(a, b), "%s %s: %s", alone[i], alone[k], a);
    }
}

static void wider(void **state)
{
  static char const *const steps[] = { "a.b.c", ".b.c", ".c", "" };
  char const *name = steps[0];
  for (size_t i = 1; i < 4; i++) {
    name = domain_wider(name);
    assert_string_equal(name, steps[i]);
  }
  assert_null(domain_wider(name));
  assert_string_equal(domain_wider("c"), "");
  assert_string_equal(domain_wider("[192.0.2.1]"), "");
}

static void utf8(void **state)
{
  static struct { char const *in; size_t n; uint32_t c; size_t used; } const cases[] = {
    { "a", 1, 'a', 1 }, { "\0", 1, 0, 1 }, { "\x7f", 1, 0x7f, 1 }, { "\x80", 1, 0, 0 }, { "\xbf", 1, 0, 0 },
    { "\xc1\xbf", 2, 0, 0 }, { "\xc2\x80", 2, 0x80, 2 }, { "\xdf\xbf", 2, 0x7ff, 2 }, { "\xc2", 1, 0, 0 },
    { "\xc2\x7f", 2, 0, 0 },
    { "\xc2\xc0", 2, 0, 0 }, { "\xe0\x9f\xbf", 3, 0, 0 }, { "\xe0\xa0\x80", 3, 0x800, 3 },
    { "\xed\x9f\xbf", 3, 0xd7ff, 3 },
    { "\xed\xa0\x80", 3, 0, 0 }, { "\xed\xbf\xbf", 3, 0, 0 }, { "\xee\x80\x80", 3, 0xe000, 3 },
    { "\xef\xbf\xbf", 3, 0xffff, 3 },
    { "\xef\xbf\xbf", 2, 0, 0 }, { "\xf0\x8f\xbf\xbf", 4, 0, 0 }, { "\xf0\x90\x80\x80", 4, 0x10000, 4 },
    { "\xf4\x8f\xbf\xbf", 4, 0x10ffff, 4 }, { "\xf4\x90\x80\x80", 4, 0, 0 }, { "\xf5\x80\x80\x80", 4, 0, 0 },
    { "\xff", 1, 0, 0 }, { "", 0, 0, 0 },
  }, *c;
  EACH_CASE(c, cases) {
    uint32_t u = 0;
    CHECK(utf8_next(&u, c->in, c->n) == c->used && u == c->c, "case %zu: %x", (size_t)(c - cases), (unsigned)u);
  }
  assert_true(utf8_valid("aü例\xf0\x9f\x93\xaf", 10));
  assert_false(utf8_valid("aü例\xf0\x9f\x93\xaf", 9));
  assert_true(utf8_valid("", 0));
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(names), cmocka_unit_test(punycode), cmocka_unit_test(long_label),
    cmocka_unit_test(cases_of_letters), cmocka_unit_test(wider), cmocka_unit_test(utf8),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
