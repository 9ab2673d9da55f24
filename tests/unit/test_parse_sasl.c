/* SASL's messages. */
#include <stdlib.h>
#include "unit.h"
#include "parse/sasl.h"

#define S(text) text, sizeof text - 1

/* Reads from memory that ends where the message does. */
static char *exact(char const *s, size_t n)
{
  char *out = malloc(n ? n : 1);
  memcpy(out, s, n);
  return out;
}

static int is(struct piece const *p, char const *s)
{
  return p->s && p->len == strlen(s) && !memcmp(p->s, s, p->len);
}

static void auth(void **state)
{
  static struct { char const *in; int ok; char const *mechanism, *initial; } const cases[] = {
    { "PLAIN", 1, "PLAIN", 0 }, { "PLAIN =", 1, "PLAIN", "=" }, { "cram-md5", 1, "cram-md5", 0 },
    { "PLAIN YQ==", 1, "PLAIN", "YQ==" }, { "", 0, 0, 0 }, { " PLAIN", 0, 0, 0 }, { "PLAIN ", 0, 0, 0 },
    { "PLAIN  YQ==", 0, 0, 0 }, { "PLAIN a b", 0, 0, 0 },
  }, *c;
  EACH_CASE(c, cases) {
    struct piece m, i;
    char *s = exact(c->in, strlen(c->in));
    int ok = sasl_auth(&m, &i, s, strlen(c->in));
    CHECK(ok == c->ok, "%s", c->in);
    if (ok) CHECK(is(&m, c->mechanism) && (c->initial ? is(&i, c->initial) : !i.s), "%s", c->in);
    free(s);
  }
}

static void plain(void **state)
{
  static struct { char const *in; size_t n; char const *id, *user, *password; } const cases[] = {
    { S("\0bob\0secret"), "", "bob", "secret" }, { S("a\0b\0c"), "a", "b", "c" },
    { S("\0b\0\r\n %/"), "", "b", "\r\n %/" },
    { S(""), 0, 0, 0 }, { S("bob"), 0, 0, 0 }, { S("\0bob"), 0, 0, 0 }, { S("\0bob\0"), 0, 0, 0 },
    { S("\0\0secret"), 0, 0, 0 }, { S("\0bob\0a\0"), 0, 0, 0 }, { S("\0bob\0a\0b"), 0, 0, 0 }, { S("\0\0\0"), 0, 0, 0 },
  }, *c;
  EACH_CASE(c, cases) {
    struct piece id, user, password;
    char *s = exact(c->in, c->n);
    int ok = sasl_plain(&id, &user, &password, s, c->n);
    CHECK(ok == (c->user != 0), "case %zu", i_);
    if (ok) CHECK(is(&id, c->id) && is(&user, c->user) && is(&password, c->password), "case %zu", i_);
    free(s);
  }
}

static void cram(void **state)
{
#define HEX "0123456789abcdef0123456789abcdef"
  static struct { char const *in; size_t n; char const *user; } const cases[] = {
    { S("bob " HEX), "bob" }, { S("a b " HEX), "a b" }, { S(" " HEX), 0 }, { S(HEX), 0 }, { S("bob" HEX), 0 },
    { S("bob " HEX "0"), 0 }, { S("bob 0123456789ABCDEF0123456789ABCDEF"), 0 }, { S("bob "), 0 }, { S(""), 0 },
    { S("bob 0123456789abcdef0123456789abcde\0"), 0 },
  }, *c;
  EACH_CASE(c, cases) {
    struct piece user, digest;
    char *s = exact(c->in, c->n);
    int ok = sasl_cram(&user, &digest, s, c->n);
    CHECK(ok == (c->user != 0), "%s", c->in);
    if (ok) CHECK(is(&user, c->user) && digest.len == 32, "%s", c->in);
    free(s);
  }
}

static void users(void **state)
{
  static struct { char const *in; size_t n; int ok; } const cases[] = {
    { S("bob"), 1 }, { S("b%/\\ \"@x"), 1 }, { S("\xc3\xbc"), 1 }, { S("12345678"), 1 }, { S("123456789"), 0 },
    { S(""), 0 },
    { S("b\0b"), 0 }, { S("b\n"), 0 }, { S("\rb"), 0 }, { S("b\x7f"), 0 }, { S("\x1b"), 0 },
  }, *c;
  EACH_CASE(c, cases) {
    struct piece p = { c->in, c->n };
    CHECK(sasl_user(&p, 8) == c->ok, "case %zu", i_);
  }
}

static void parameter(void **state)
{
  static struct { char const *in; int ok; } const cases[] = {
    { "<>", 1 }, { "a@b.example", 1 }, { "a+3Db", 1 }, { "+2B", 1 }, { "", 0 }, { "a+", 0 }, { "a+3", 0 },
    { "a+3d", 0 },
    { "a+GG", 0 }, { "a=b", 0 }, { "a b", 0 }, { "\xc3\xbc", 0 }, { "a\x01", 0 },
  }, *c;
  EACH_CASE(c, cases) {
    char *s = exact(c->in, strlen(c->in));
    CHECK(sasl_auth_parameter(s, strlen(c->in)) == c->ok, "%s", c->in);
    free(s);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(auth), cmocka_unit_test(plain), cmocka_unit_test(cram), cmocka_unit_test(users),
    cmocka_unit_test(parameter),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
