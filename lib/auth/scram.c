/* SCRAM's messages. Names of the grammar's parts are those of RFC 5802 7. */
#include <stdio.h>
#include <string.h>
#include "auth/scram.h"
#include "codec/base64.h"
#include "hash/hash.h"
#include "parse/utf8.h"

/* A piece of a message; the comma behind it is not in it. */
struct part {
  char const *s;
  size_t n;
};

/* Takes what stands before the next comma, and the comma. Returns 0 when there is no comma. */
static int part(struct part *p, char const **s, size_t *n)
{
  char const *comma = memchr(*s, ',', *n);
  p->s = *s;
  p->n = comma ? (size_t)(comma - *s) : *n;
  *s += p->n + (comma != 0);
  *n -= p->n + (comma != 0);
  return comma != 0;
}

static int is(struct part const *p, char attribute)
{
  return p->n >= 2 && p->s[0] == attribute && p->s[1] == '=';
}

/* saslname: `=2C` is a comma, `=3D` an equals sign, no other equals signs. Returns the bytes, 0 when malformed. */
static size_t saslname(char *out, char const *s, size_t n)
{
  size_t len = 0;
  for (size_t i = 0; i < n; i++) {
    if (s[i] != '=') {
      out[len++] = s[i];
      continue;
    }
    if (n - i < 3 || (memcmp(s + i, "=2C", 3) && memcmp(s + i, "=3D", 3))) return 0;
    out[len++] = s[i + 2] == 'C' ? ',' : '=';
    i += 2;
  }
  return len;
}

static int nonce_ok(char const *s, size_t n)
{
  for (size_t i = 0; i < n; i++) if (s[i] < 0x21 || s[i] > 0x7e || s[i] == ',') return 0;
  return n > 0 && n <= SCRAM_CLIENT_NONCE;
}

static void sign(struct scram *s, char const *text, size_t n)
{
  memcpy(s->signed_text + s->signed_len, text, n);
  s->signed_len += n;
}

int scram_first(struct scram *s, char const *msg, size_t n)
{
  char authzid[SCRAM_MESSAGE];
  struct part flag, id, user, nonce;
  char const *at = msg;
  size_t left = n, id_len = 0;
  s->signed_len = s->user_len = s->header_len = s->nonce_len = 0;
  if (n > SCRAM_MESSAGE || memchr(msg, 0, n) || !utf8_valid(msg, n)) return 0;
  /* gs2-header. `p=` asks for a channel binding, `y` says that the client could have had one: we offer none */
  if (!part(&flag, &at, &left) || flag.n != 1 || (*flag.s != 'n' && *flag.s != 'y') || !part(&id, &at, &left)) return 0;
  if (id.n && (!is(&id, 'a') || !(id_len = saslname(authzid, id.s + 2, id.n - 2)))) return 0;
  s->header_len = (size_t)(at - msg);
  memcpy(s->header, msg, s->header_len);
  /* client-first-message-bare; an `m=` before the name must be understood, other extensions come behind */
  sign(s, at, left);
  sign(s, ",", 1);
  if (!part(&user, &at, &left) || !is(&user, 'n')) return 0;
  if (!(s->user_len = saslname(s->user, user.s + 2, user.n - 2))) return 0;
  if (id_len && (id_len != s->user_len || memcmp(authzid, s->user, id_len))) return 0;
  part(&nonce, &at, &left);
  if (!is(&nonce, 'r') || !nonce_ok(nonce.s + 2, nonce.n - 2)) return 0;
  s->nonce_len = nonce.n - 2;
  memcpy(s->nonce, nonce.s + 2, s->nonce_len);
  return 1;
}

/* What somebody without keys gets: as names are the same in upper and lower case, so is this. */
static void make_up(struct scram *s, struct auth const *a, char salt[USERS_SALT])
{
  char name[SCRAM_MESSAGE];
  for (size_t i = 0; i < s->user_len; i++) {
    char c = s->user[i];
    name[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
  }
  auth_fake(a, "salt", name, s->user_len, salt);
  auth_fake(a, "more salt", name, s->user_len, salt + USERS_HASH);
  auth_fake(a, "stored", name, s->user_len, s->stored);
  auth_fake(a, "server", name, s->user_len, s->server);
}

size_t scram_challenge(struct scram *s, struct auth const *a, struct user const *u, char const *nonce,
                       char out[SCRAM_MESSAGE])
{
  char salt[USERS_SALT], text[CODEC_BASE64(USERS_SALT) + 1];
  size_t salt_len = a->about.salt_len;
  uint32_t iterations = a->about.iterations;
  make_up(s, a, salt);
  s->real = u && u->keys.iterations && u->on;
  if (u && u->keys.iterations) {
    memcpy(salt, u->keys.salt, salt_len = u->keys.salt_len);
    memcpy(s->stored, u->keys.stored, USERS_HASH);
    memcpy(s->server, u->keys.server, USERS_HASH);
    iterations = u->keys.iterations;
  }
  size_t more = strnlen(nonce, SCRAM_NONCE);
  memcpy(s->nonce + s->nonce_len, nonce, more);
  s->nonce_len += more;
  text[codec_base64(text, salt, salt_len)] = 0;
  int n = snprintf(out, SCRAM_MESSAGE, "r=%.*s,s=%s,i=%u", (int)s->nonce_len, s->nonce, text, (unsigned)iterations);
  sign(s, out, (size_t)n);
  sign(s, ",", 1);
  return (size_t)n;
}

static int refuse(char out[SCRAM_MESSAGE], size_t *len, char const *error)
{
  *len = strlen(error);
  memcpy(out, error, *len);
  return AUTH_NO;
}

/* Proves the client's proof: StoredKey is the hash of what it holds. */
static int proof_ok(struct scram const *s, char const proof[USERS_HASH])
{
  char key[USERS_HASH], stored[USERS_HASH];
  hash_hmac(key, s->stored, sizeof s->stored, s->signed_text, s->signed_len);
  for (size_t i = 0; i < sizeof key; i++) key[i] ^= proof[i];
  hash_sha256(stored, key, sizeof key);
  int same = hash_same(stored, s->stored, sizeof stored);
  explicit_bzero(key, sizeof key);
  return same && s->real;
}

static int header_back(struct scram const *s, struct part const *c)
{
  char header[(CODEC_BASE64(SCRAM_MESSAGE) + 3) / 4 * 3];
  size_t n;
  if (!is(c, 'c') || c->n - 2 > CODEC_BASE64(SCRAM_MESSAGE)) return 0;
  if (!codec_unbase64(header, &n, c->s + 2, c->n - 2)) return 0;
  return n == s->header_len && !memcmp(header, s->header, n);
}

int scram_final(struct scram *s, char const *msg, size_t n, char out[SCRAM_MESSAGE], size_t *len)
{
  char proof[(CODEC_BASE64(USERS_HASH) + 3) / 4 * 3], signature[USERS_HASH];
  struct part binding, nonce;
  char const *at = msg, *last;
  size_t left = n, bytes;
  if (n > SCRAM_MESSAGE || memchr(msg, 0, n) || !utf8_valid(msg, n)) return refuse(out, len, "e=invalid-encoding");
  last = memrchr(msg, ',', n); /* the proof stands last; the names of extensions before it don't matter */
  if (!last || !part(&binding, &at, &left) || !part(&nonce, &at, &left)) return refuse(out, len, "e=other-error");
  if (!header_back(s, &binding)) return refuse(out, len, "e=channel-bindings-dont-match");
  if (!is(&nonce, 'r') || nonce.n - 2 != s->nonce_len || memcmp(nonce.s + 2, s->nonce, s->nonce_len))
    return refuse(out, len, "e=other-error");
  struct part p = { last + 1, n - (size_t)(last + 1 - msg) };
  if (!is(&p, 'p') || p.n - 2 != CODEC_BASE64(USERS_HASH) || !codec_unbase64(proof, &bytes, p.s + 2, p.n - 2) ||
      bytes != USERS_HASH) return refuse(out, len, "e=invalid-encoding");
  sign(s, msg, (size_t)(last - msg));
  if (!proof_ok(s, proof)) return refuse(out, len, "e=invalid-proof");
  hash_hmac(signature, s->server, sizeof s->server, s->signed_text, s->signed_len);
  memcpy(out, "v=", 2);
  *len = 2 + codec_base64(out + 2, signature, sizeof signature);
  explicit_bzero(proof, sizeof proof);
  return AUTH_YES;
}
