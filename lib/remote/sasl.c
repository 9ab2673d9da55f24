/* What a client says in each mechanism. Names of the grammar's parts are those of RFC 5802 7. */
#include <string.h>
#include "codec/base64.h"
#include "parse/number.h"
#include "remote/sasl.h"

void sasl_start(struct sasl *s, enum login_mechanism m, struct login const *l, char const *nonce)
{
  memset(s, 0, sizeof *s);
  s->login = l;
  s->mechanism = m;
  memcpy(s->nonce, nonce, strnlen(nonce, SASL_NONCE));
}

static size_t add(char *out, size_t n, char const *s, size_t len)
{
  memcpy(out + n, s, len);
  return n + len;
}

static int plain(void *arg, char const *s, size_t n, char out[CLIENT_SASL])
{
  struct login const *l = ((struct sasl *)arg)->login;
  (void)n;
  if (s) return -1; /* the one message has been sent */
  size_t len = add(out, add(out, 0, "", 1), l->user, strlen(l->user) + 1);
  return (int)add(out, len, l->password, strlen(l->password));
}

/* A server asks for the user, then for the password, in words that nobody ever fixed. */
static int login(void *arg, char const *s, size_t n, char out[CLIENT_SASL])
{
  struct sasl *x = arg;
  (void)n;
  if (!s || x->step == 2) return -1;
  char const *word = x->step++ ? x->login->password : x->login->user;
  return (int)add(out, 0, word, strlen(word));
}

static int cram(void *arg, char const *s, size_t n, char out[CLIENT_SASL])
{
  struct sasl *x = arg;
  char states[HASH_BYTES], digest[HASH_CRAM_DIGEST];
  if (!s || !n || x->step++) return -1;
  hash_cram_states(states, x->login->password);
  hash_cram_digest(digest, states, s, n);
  explicit_bzero(states, sizeof states);
  size_t len = add(out, add(out, 0, x->login->user, strlen(x->login->user)), " ", 1);
  return (int)add(out, len, digest, sizeof digest - 1);
}

/* n,,n=saslname,r=nonce */
static int scram_first(struct sasl *x, char out[CLIENT_SASL])
{
  char const *user = x->login->user;
  size_t n = add(x->bare, 0, "n=", 2);
  for (; *user; user++) {
    if (*user == ',') n = add(x->bare, n, "=2C", 3);
    else if (*user == '=') n = add(x->bare, n, "=3D", 3);
    else x->bare[n++] = *user;
  }
  n = add(x->bare, n, ",r=", 3);
  x->bare_len = add(x->bare, n, x->nonce, strlen(x->nonce));
  return (int)add(out, add(out, 0, "n,,", 3), x->bare, x->bare_len);
}

/* server-first-message: r=nonce,s=salt,i=number, and extensions that nobody needs to know. */
struct server_first {
  char const *nonce;
  size_t nonce_len;
  char salt[CLIENT_SASL];
  size_t salt_len;
  uint32_t iterations;
};

/* Takes `letter=value` and the comma behind it, or the end. Returns 1, or 0. */
static int part(char letter, char const **value, size_t *len, char const **s, size_t *n)
{
  char const *comma = memchr(*s, ',', *n);
  size_t all = comma ? (size_t)(comma - *s) : *n;
  if (all < 3 || (*s)[0] != letter || (*s)[1] != '=') return 0;
  *value = *s + 2;
  *len = all - 2;
  *s += all + (comma != 0);
  *n -= all + (comma != 0);
  return 1;
}

/* Extensions that must be understood begin with m=, before the nonce: no message that has them is taken. */
static int read_first(struct server_first *f, struct sasl const *x, char const *s, size_t n)
{
  char const *v;
  size_t len;
  uint64_t count;
  if (n > CLIENT_SASL || !part('r', &f->nonce, &f->nonce_len, &s, &n)) return 0;
  if (f->nonce_len <= strlen(x->nonce) || memcmp(f->nonce, x->nonce, strlen(x->nonce))) return 0;
  for (size_t i = 0; i < f->nonce_len; i++) if (f->nonce[i] < 0x21 || f->nonce[i] > 0x7e) return 0;
  if (!part('s', &v, &len, &s, &n) || !codec_unbase64(f->salt, &f->salt_len, v, len) || !f->salt_len) return 0;
  if (!part('i', &v, &len, &s, &n) || number_scan(v, len, SASL_ITERATIONS_MOST, &count) != NUMBER_OK) return 0;
  f->iterations = (uint32_t)count;
  return count >= SASL_ITERATIONS_LEAST;
}

/* c=biws,r=nonce,p=proof; keeps the signature that the server must show. */
static int scram_final(struct sasl *x, char const *s, size_t n, char out[CLIENT_SASL])
{
  struct server_first f;
  char client[HASH_BYTES], stored[HASH_BYTES], server[HASH_BYTES], proof[HASH_BYTES];
  char text[SASL_BARE + 2 * CLIENT_SASL + 16]; /* AuthMessage */
  if (!read_first(&f, x, s, n)) return -1;
  if (f.nonce_len + CODEC_BASE64(HASH_BYTES) + 16 > CLIENT_SASL) return -1;
  if (!hash_scram_client(client, stored, server, x->login->password, f.salt, f.salt_len, f.iterations)) return -1;
  size_t len = add(out, 0, "c=biws,r=", 9);
  len = add(out, len, f.nonce, f.nonce_len);
  size_t signed_len = add(text, add(text, 0, x->bare, x->bare_len), ",", 1);
  signed_len = add(text, add(text, signed_len, s, n), ",", 1);
  signed_len = add(text, signed_len, out, len);
  hash_hmac(proof, stored, HASH_BYTES, text, signed_len);
  for (int i = 0; i < HASH_BYTES; i++) proof[i] ^= client[i];
  hash_hmac(x->signature, server, HASH_BYTES, text, signed_len);
  len = add(out, len, ",p=", 3);
  len += codec_base64(out + len, proof, sizeof proof);
  explicit_bzero(client, sizeof client);
  explicit_bzero(stored, sizeof stored);
  explicit_bzero(server, sizeof server);
  return (int)len;
}

/* v=signature, or e=error, behind which the server's refusal comes. The answer is empty (RFC 4954 4). */
static int scram_verdict(struct sasl *x, char const *s, size_t n)
{
  char is[CLIENT_SASL];
  char const *v;
  size_t len, is_len;
  if (n > 1 && s[0] == 'e' && s[1] == '=') return 0;
  if (n > CLIENT_SASL || !part('v', &v, &len, &s, &n) || !codec_unbase64(is, &is_len, v, len)) return -1;
  if (is_len != HASH_BYTES || !hash_same(is, x->signature, HASH_BYTES)) return -1;
  x->is_proved = 1;
  return 0;
}

static int scram(void *arg, char const *s, size_t n, char out[CLIENT_SASL])
{
  struct sasl *x = arg;
  if (!s) return scram_first(x, out);
  switch (x->step++) {
    case 0: return scram_final(x, s, n, out);
    case 1: return scram_verdict(x, s, n);
    default: return -1;
  }
}

static int proved(void *arg)
{
  return ((struct sasl *)arg)->is_proved;
}

struct client_sasl const *sasl_mechanism(enum login_mechanism m)
{
  static struct client_sasl const all[LOGIN_MECHANISM_COUNT] = {
    [LOGIN_PLAIN] = { .word = "PLAIN", .answer = plain },
    [LOGIN_LOGIN] = { .word = "LOGIN", .answer = login, .deaf = 1 },
    [LOGIN_CRAM_MD5] = { .word = "CRAM-MD5", .answer = cram },
    [LOGIN_SCRAM_SHA_256] = { .word = "SCRAM-SHA-256", .answer = scram, .proved = proved },
  };
  return &all[m];
}
