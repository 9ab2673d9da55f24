/* What a client says in PLAIN, LOGIN, CRAM-MD5 and SCRAM-SHA-256: the RFCs' examples, and servers that are none. */
#include "unit.h"
#include "codec/base64.h"
#include "remote/sasl.h"

static struct sasl x;
static char out[CLIENT_SASL + 1];

static struct login who(char const *user, char const *password)
{
  struct login l = { .line = 1 };
  strcpy(l.user, user);
  strcpy(l.password, password);
  return l;
}

static int ask(enum login_mechanism m, char const *s)
{
  int n = sasl_mechanism(m)->answer(&x, s, s ? strlen(s) : 0, out);
  if (n >= 0) out[n] = 0;
  return n;
}

static void plain(void **state)
{
  struct login l = who("a b", "p\xc3\xa4 w");
  sasl_start(&x, LOGIN_PLAIN, &l, "");
  assert_int_equal(ask(LOGIN_PLAIN, 0), 10);
  assert_memory_equal(out, "\0a b\0p\xc3\xa4 w", 10);
  assert_int_equal(ask(LOGIN_PLAIN, ""), -1);
}

static void login(void **state)
{
  struct login l = who("joe", "secret");
  sasl_start(&x, LOGIN_LOGIN, &l, "");
  assert_int_equal(ask(LOGIN_LOGIN, 0), -1);
  assert_int_equal(ask(LOGIN_LOGIN, "Username:"), 3);
  assert_string_equal(out, "joe");
  assert_int_equal(ask(LOGIN_LOGIN, "anything"), 6);
  assert_string_equal(out, "secret");
  assert_int_equal(ask(LOGIN_LOGIN, "Username:"), -1);
}

/* RFC 2195 2. */
static void cram(void **state)
{
  struct login l = who("tim", "tanstaaftanstaaf");
  sasl_start(&x, LOGIN_CRAM_MD5, &l, "");
  assert_int_equal(ask(LOGIN_CRAM_MD5, 0), -1);
  assert_int_equal(ask(LOGIN_CRAM_MD5, ""), -1);
  assert_true(ask(LOGIN_CRAM_MD5, "<1896.697170952@postoffice.reston.mci.net>") > 0);
  assert_string_equal(out, "tim b913a602c7eda7a495b4e6e7334d3890");
  assert_int_equal(ask(LOGIN_CRAM_MD5, "<1896.697170952@postoffice.reston.mci.net>"), -1);
}

#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define MORE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT ",s=W22ZaJ0SNY7soEsUEjb6gQ=="
#define FIRST "r=" NONCE MORE SALT ",i=4096"
#define VERIFIER "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static void scram_begin(struct login const *l)
{
  sasl_start(&x, LOGIN_SCRAM_SHA_256, l, NONCE);
  assert_true(ask(LOGIN_SCRAM_SHA_256, 0) > 0);
}

static int proved(void)
{
  return sasl_mechanism(LOGIN_SCRAM_SHA_256)->proved(&x);
}

/* RFC 7677 3. */
static void scram(void **state)
{
  struct login l = who("user", "pencil");
  scram_begin(&l);
  assert_string_equal(out, "n,,n=user,r=" NONCE);
  assert_true(ask(LOGIN_SCRAM_SHA_256, FIRST) > 0);
  assert_string_equal(out, "c=biws,r=" NONCE MORE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  assert_false(proved());
  assert_int_equal(ask(LOGIN_SCRAM_SHA_256, VERIFIER), 0);
  assert_true(proved());
  assert_int_equal(ask(LOGIN_SCRAM_SHA_256, VERIFIER), -1);
}

static void scram_escapes(void **state)
{
  struct login l = who("a=,b", "x");
  scram_begin(&l);
  assert_string_equal(out, "n,,n=a=3D=2Cb,r=" NONCE);
}

static char const *const firsts[] = {
  "", "r", "r=", "e=other-error", "m=x," FIRST, "r=" NONCE SALT ",i=4096", "r=x" NONCE MORE SALT ",i=4096",
  "r=" NONCE "x y" SALT ",i=4096", "r=" NONCE "\x7f" SALT ",i=4096", "r=" NONCE MORE ",i=4096",
  "r=" NONCE MORE ",s=,i=4096", "r=" NONCE MORE ",s=W22,i=4096", "r=" NONCE MORE SALT, "r=" NONCE MORE SALT ",i=4095",
  "r=" NONCE MORE SALT ",i=10000001", "r=" NONCE MORE SALT ",i=-4096", "r=" NONCE MORE SALT ",i=99999999999999999999",
  "r=" NONCE MORE SALT ",i=", "s=W22ZaJ0SNY7soEsUEjb6gQ==,r=" NONCE MORE ",i=4096", "R=" NONCE MORE SALT ",i=4096",
};

static char const *const verdicts[] = {
  "", "v", "v=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==",
  "V=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "x" VERIFIER, "v=####", FIRST,
};

/* Nothing is proved by them, and nothing goes out after them. */
static void scram_bad(void **state)
{
  struct login l = who("user", "pencil");
  for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
    scram_begin(&l);
    CHECK(ask(LOGIN_SCRAM_SHA_256, firsts[i]) == -1, "first %zu: %s", i, out);
    CHECK(!proved(), "first %zu", i);
  }
  for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
    scram_begin(&l);
    assert_true(ask(LOGIN_SCRAM_SHA_256, FIRST) > 0);
    CHECK(ask(LOGIN_SCRAM_SHA_256, verdicts[i]) == -1, "verdict %zu: %s", i, out);
    CHECK(!proved(), "verdict %zu", i);
  }
}

/* An error is answered, so that the server's refusal can be read, and proves nothing; an extension is passed over. */
static void scram_rest(void **state)
{
  struct login l = who("user", "pencil");
  scram_begin(&l);
  assert_true(ask(LOGIN_SCRAM_SHA_256, FIRST ",x=y") > 0);
  assert_int_equal(ask(LOGIN_SCRAM_SHA_256, "e=invalid-proof"), 0);
  assert_false(proved());
}

/* The longest of everything fits. */
static void long_ones(void **state)
{
  struct login l = { .line = 1 };
  char first[CLIENT_SASL + 1] = "r=";
  memset(l.user, ',', sizeof l.user - 1);
  memset(l.password, 'p', sizeof l.password - 1);
  sasl_start(&x, LOGIN_PLAIN, &l, "");
  assert_int_equal(ask(LOGIN_PLAIN, 0), 255 + 511 + 2);
  sasl_start(&x, LOGIN_SCRAM_SHA_256, &l, "123456789012345678901234");
  assert_int_equal(ask(LOGIN_SCRAM_SHA_256, 0), 3 + 2 + 3 * 255 + 3 + 24);
  memset(first + 2, 'x', sizeof first - 3);
  memcpy(first + 2, x.nonce, SASL_NONCE);
  memcpy(first + sizeof first - 1 - 16, ",s=QUJD,i=004096", 16);
  int n = ask(LOGIN_SCRAM_SHA_256, first);
  assert_true(n == -1 || n <= CLIENT_SASL);
  memset(first + 2, 'x', sizeof first - 3);
  memcpy(first + 2, x.nonce, SASL_NONCE);
  strcpy(first + 900, ",s=QUJD,i=4096");
  sasl_start(&x, LOGIN_SCRAM_SHA_256, &l, x.nonce);
  ask(LOGIN_SCRAM_SHA_256, 0);
  assert_true(ask(LOGIN_SCRAM_SHA_256, first) > 900);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(plain), cmocka_unit_test(login), cmocka_unit_test(cram), cmocka_unit_test(scram),
    cmocka_unit_test(scram_escapes), cmocka_unit_test(scram_bad), cmocka_unit_test(scram_rest),
    cmocka_unit_test(long_ones),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
