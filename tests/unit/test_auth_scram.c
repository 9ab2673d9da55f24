/* SCRAM-SHA-256, the server's side: RFC 7677's example, and what clients get wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "auth/scram.h"
#include "codec/base64.h"
#include "hash/hash.h"
#include "unit.h"

#define CLIENT "rOprNGfwEbeRWgbNEkqO"
#define SERVER "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define FIRST "n,,n=user,r=" CLIENT
#define CHALLENGE "r=" CLIENT SERVER ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define PROOF ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define FINAL "c=biws,r=" CLIENT SERVER PROOF
#define VERIFIER "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static struct auth a = { .about = { .secret = "a secret", .iterations = 4096, .salt_len = 16 } };

/* RFC 7677's user. */
static struct user pencil(void)
{
  struct user u = { .on = 1, .keys = { .iterations = 4096 } };
  assert_int_equal(codec_unbase64(u.keys.salt, &u.keys.salt_len, "W22ZaJ0SNY7soEsUEjb6gQ==", 24), 1);
  assert_int_equal(hash_scram_keys(u.keys.stored, u.keys.server, "pencil", u.keys.salt, u.keys.salt_len, 4096), 1);
  return u;
}

static int final(struct scram *s, char const *msg, char out[SCRAM_MESSAGE + 1])
{
  size_t n;
  int result = scram_final(s, msg, strlen(msg), out, &n);
  out[n] = 0;
  return result;
}

/* Up to the challenge. */
static void begin(struct scram *s, struct user const *u, char const *first, char out[SCRAM_MESSAGE + 1])
{
  assert_int_equal(scram_first(s, first, strlen(first)), 1);
  out[scram_challenge(s, &a, u, SERVER, out)] = 0;
}

static void rfc7677(void **state)
{
  struct scram s;
  struct user u = pencil();
  char out[SCRAM_MESSAGE + 1];
  begin(&s, &u, FIRST, out);
  assert_int_equal(s.user_len, 4);
  assert_memory_equal(s.user, "user", 4);
  assert_string_equal(out, CHALLENGE);
  assert_int_equal(final(&s, FINAL, out), AUTH_YES);
  assert_string_equal(out, VERIFIER);
}

static void names(void **state)
{
  static struct { char const *first, *user; } const cases[] = {
    { "y,,n=user,r=x", "user" }, { "n,a=user,n=user,r=x", "user" }, { "n,,n=a=2Cb=3Dc,r=x", "a,b=c" },
    { "n,a=a=2Cb,n=a=2Cb,r=x", "a,b" }, { "n,,n=user,r=x,ext=1", "user" }, { "n,,n=u/%\r\n,r=x", "u/%\r\n" },
    { "n,,n=user,r=!~+/", "user" },
    { "p=tls-unique,,n=user,r=x", 0 }, { "n,a=other,n=user,r=x", 0 }, { "n,,m=1,n=user,r=x", 0 }, { "n,,n=,r=x", 0 },
    { "n,,n=a=2cb,r=x", 0 }, { "n,,n=a=b,r=x", 0 }, { "n,,n=a=2,r=x", 0 }, { "n,,n=user,r=", 0 }, { "n,,n=user", 0 },
    { "n,,n=user,x=y", 0 }, { "n,n=user,r=x", 0 }, { "", 0 }, { "n", 0 }, { "n,,", 0 }, { "x,,n=user,r=x", 0 },
    { "n,,user,r=x", 0 }, { "n,,n=user,r=\x7f", 0 }, { "n,,n=user,r=a b", 0 }, { "n,,n=\xff,r=x", 0 },
    { "n,a=,n=user,r=x", 0 },
    { "nn,,n=user,r=x", 0 }, { ",,n=user,r=x", 0 },
  };
  struct scram s;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int ok = scram_first(&s, cases[i].first, strlen(cases[i].first));
    if (ok != (cases[i].user != 0)) fail_msg("%s", cases[i].first);
    if (!ok) continue;
    assert_int_equal(s.user_len, strlen(cases[i].user));
    assert_memory_equal(s.user, cases[i].user, s.user_len);
  }
  assert_int_equal(scram_first(&s, "n,,n=us\0er,r=x", 14), 0);
  char big[SCRAM_MESSAGE + 10];
  memset(big, 'x', sizeof big);
  memcpy(big, "n,,n=user,r=", 12);
  assert_int_equal(scram_first(&s, big, 12 + SCRAM_CLIENT_NONCE), 1);
  assert_int_equal(scram_first(&s, big, 12 + SCRAM_CLIENT_NONCE + 1), 0);
  memcpy(big + SCRAM_MESSAGE - 4, ",r=x", 4);
  assert_int_equal(scram_first(&s, big, SCRAM_MESSAGE), 0);
  memcpy(big, "n,,n=userrrr", 12);
  assert_int_equal(scram_first(&s, big, SCRAM_MESSAGE), 1);
  assert_int_equal(scram_first(&s, big, SCRAM_MESSAGE + 1), 0);
}

static void wrong(void **state)
{
  static struct { char const *last, *answer; } const cases[] = {
    { "c=biws,r=" CLIENT SERVER ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVA=", "e=invalid-proof" },
    { "c=biws,r=" CLIENT SERVER ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVR=", "e=invalid-encoding" },
    { "c=biws,r=" CLIENT SERVER ",p=dHzb", "e=invalid-encoding" },
    { "c=biws,r=" CLIENT SERVER ",p=", "e=invalid-encoding" },
    { "c=biws,r=" CLIENT SERVER ",q=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "e=invalid-encoding" },
    { "c=eSws,r=" CLIENT SERVER PROOF, "e=channel-bindings-dont-match" },
    { "c=,r=" CLIENT SERVER PROOF, "e=channel-bindings-dont-match" },
    { "c=biw,r=" CLIENT SERVER PROOF, "e=channel-bindings-dont-match" },
    { "c=biws,r=" CLIENT PROOF, "e=other-error" },
    { "c=biws,r=" CLIENT SERVER "x" PROOF, "e=other-error" },
    { "c=biws" PROOF, "e=other-error" },
    { "r=" CLIENT SERVER ",c=biws" PROOF, "e=channel-bindings-dont-match" },
    { "c=biws,r=" CLIENT SERVER ",ext=1" PROOF, "e=invalid-proof" },
    { "", "e=other-error" }, { "\xff", "e=invalid-encoding" },
  };
  struct user u = pencil();
  char out[SCRAM_MESSAGE + 1];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct scram s;
    begin(&s, &u, FIRST, out);
    assert_int_equal(final(&s, cases[i].last, out), AUTH_NO);
    if (strcmp(out, cases[i].answer)) fail_msg("%s: %s", cases[i].last, out);
  }
}

/* A client's proof, made from a password. */
static void prove(char *msg, char const *header, char const *bare, char const *challenge, char const *nonce,
                  char const *password, char const *salt, size_t salt_len)
{
  char stored[USERS_HASH], server[USERS_HASH], sig[USERS_HASH], key[USERS_HASH], salted[USERS_HASH], text[2000], c[100];
  char b64[64];
  /* ClientKey is found again from the same steps that hash_scram_keys takes, but for its last one */
  char one[USERS_SALT + 4], u1[USERS_HASH];
  memcpy(one, salt, salt_len);
  memcpy(one + salt_len, "\0\0\0\1", 4);
  hash_hmac(u1, password, strlen(password), one, salt_len + 4);
  memcpy(salted, u1, sizeof salted);
  for (int i = 1; i < 4096; i++) {
    hash_hmac(u1, password, strlen(password), u1, sizeof u1);
    for (size_t k = 0; k < sizeof salted; k++) salted[k] ^= u1[k];
  }
  hash_hmac(key, salted, sizeof salted, "Client Key", 10);
  hash_sha256(stored, key, sizeof key);
  hash_scram_keys(sig, server, password, salt, salt_len, 4096);
  assert_memory_equal(sig, stored, sizeof stored);
  c[codec_base64(c, header, strlen(header))] = 0;
  int n = snprintf(text, sizeof text, "%s,%s,c=%s,r=%s", bare, challenge, c, nonce);
  hash_hmac(sig, stored, sizeof stored, text, (size_t)n);
  for (size_t k = 0; k < sizeof key; k++) key[k] ^= sig[k];
  b64[codec_base64(b64, key, sizeof key)] = 0;
  sprintf(msg, "c=%s,r=%s,p=%s", c, nonce, b64);
}

/* Other headers, and users who must not get in although the proof is right. */
static void proofs(void **state)
{
  struct user u = pencil(), off = u, without = u;
  char out[SCRAM_MESSAGE + 1], msg[1000];
  struct scram s;
  off.on = 0;
  without.keys.iterations = 0;
  begin(&s, &u, "y,a=user,n=user,r=abc", out);
  prove(msg, "y,a=user,", "n=user,r=abc", out, "abc" SERVER, "pencil", u.keys.salt, u.keys.salt_len);
  assert_int_equal(final(&s, msg, out), AUTH_YES);
  begin(&s, &u, "n,,n=user,r=abc,x=1", out);
  prove(msg, "n,,", "n=user,r=abc,x=1", out, "abc" SERVER, "pencil", u.keys.salt, u.keys.salt_len);
  assert_int_equal(final(&s, msg, out), AUTH_YES);
  begin(&s, &u, "n,,n=user,r=abc", out);
  prove(msg, "n,,", "n=user,r=abc", out, "abc" SERVER, "Pencil", u.keys.salt, u.keys.salt_len);
  assert_int_equal(final(&s, msg, out), AUTH_NO);
  assert_string_equal(out, "e=invalid-proof");
  begin(&s, &off, "n,,n=user,r=abc", out);
  prove(msg, "n,,", "n=user,r=abc", out, "abc" SERVER, "pencil", u.keys.salt, u.keys.salt_len);
  assert_int_equal(final(&s, msg, out), AUTH_NO);
  assert_string_equal(out, "e=invalid-proof");
  begin(&s, &without, "n,,n=user,r=abc", out);
  prove(msg, "n,,", "n=user,r=abc", out, "abc" SERVER, "pencil", u.keys.salt, u.keys.salt_len);
  assert_int_equal(final(&s, msg, out), AUTH_NO);
  begin(&s, 0, "n,,n=user,r=abc", out);
  prove(msg, "n,,", "n=user,r=abc", out, "abc" SERVER, "pencil", u.keys.salt, u.keys.salt_len);
  assert_int_equal(final(&s, msg, out), AUTH_NO);
  assert_string_equal(out, "e=invalid-proof");
}

/* Who doesn't exist looks like somebody, always the same. */
static void nobody(void **state)
{
  struct scram s;
  struct auth other = a;
  char x[SCRAM_MESSAGE + 1], y[SCRAM_MESSAGE + 1];
  begin(&s, 0, "n,,n=Nobody,r=abc", x);
  begin(&s, 0, "n,,n=nobody,r=abc", y);
  assert_string_equal(x, y);
  char const *salt = strstr(x, ",s=");
  assert_non_null(salt);
  assert_string_equal(strchr(salt + 3, ','), ",i=4096");
  assert_int_equal(strcspn(salt + 3, ","), 24);
  begin(&s, 0, "n,,n=nobodz,r=abc", y);
  assert_string_not_equal(x, y);
  other.about.secret[0] ^= 1;
  assert_int_equal(scram_first(&s, "n,,n=nobody,r=abc", 17), 1);
  y[scram_challenge(&s, &other, 0, SERVER, y)] = 0;
  assert_string_not_equal(x, y);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(rfc7677), cmocka_unit_test(names), cmocka_unit_test(wrong), cmocka_unit_test(proofs),
    cmocka_unit_test(nobody),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
