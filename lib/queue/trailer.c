/* The last line of a message file: magic and version, four decimal numbers of fixed width, the digest in hex. */
#include <string.h>
#include "queue/trailer.h"

#define HEAD (STORE_TRAILER - 2 * TRAILER_DIGEST - 1) /* what the digest covers of the line */
#define FIELDS 4

static unsigned const width[FIELDS] = { 20, 20, 20, 10 };

static char const digits[] = "0123456789abcdef";

static int unhex(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void trailer_fmt(char out[STORE_TRAILER], struct trailer const *t, blake2s_ctx *state)
{
  uint64_t const field[FIELDS] = { t->body, t->envelope, t->arrival, t->flags };
  char digest[TRAILER_DIGEST];
  char *s = out;
  memcpy(s, TRAILER_MAGIC, sizeof TRAILER_MAGIC - 1);
  s += sizeof TRAILER_MAGIC - 1;
  *s++ = (char)('0' + t->version);
  *s++ = ' ';
  for (unsigned i = 0; i < FIELDS; i++) {
    uint64_t v = field[i];
    for (unsigned k = width[i]; k--; v /= 10) s[k] = digits[v % 10];
    s += width[i];
    *s++ = ' ';
  }
  blake2s_update(state, out, HEAD);
  blake2s_final(state, digest);
  for (unsigned i = 0; i < TRAILER_DIGEST; i++) {
    *s++ = digits[(unsigned char)digest[i] >> 4];
    *s++ = digits[(unsigned char)digest[i] & 15];
  }
  *s = '\n';
}

int trailer_scan(struct trailer *t, char const s[STORE_TRAILER])
{
  uint64_t *const field[FIELDS] = { &t->body, &t->envelope, &t->arrival, &t->flags };
  if (memcmp(s, TRAILER_MAGIC, sizeof TRAILER_MAGIC - 1)) return 0;
  s += sizeof TRAILER_MAGIC - 1;
  if (*s < '1' || *s > '0' + TRAILER_VERSION || s[1] != ' ') return 0;
  t->version = (unsigned)(*s - '0');
  s += 2;
  for (unsigned i = 0; i < FIELDS; i++) {
    uint64_t v = 0;
    for (unsigned k = 0; k < width[i]; k++) {
      if (s[k] < '0' || s[k] > '9') return 0;
      unsigned d = (unsigned)(s[k] - '0');
      if (v > (UINT64_MAX - d) / 10) return 0;
      v = 10 * v + d;
    }
    if (s[width[i]] != ' ') return 0;
    *field[i] = v;
    s += width[i] + 1;
  }
  for (unsigned i = 0; i < TRAILER_DIGEST; i++, s += 2) {
    int high = unhex(s[0]), low = unhex(s[1]);
    if (high < 0 || low < 0) return 0;
    t->digest[i] = (char)(high << 4 | low);
  }
  return *s == '\n';
}

int trailer_envelope(char const *s, size_t len, unsigned version)
{
  if (len < 2 || s[0] != 'F' || s[len - 1]) return 0;
  int parameters = 0; /* those of what came last */
  for (size_t pos = strlen(s) + 1; pos < len; pos += strlen(s + pos) + 1) {
    if (!s[pos] || !strchr(version == 1 ? "TDSW" : "TDSWP", s[pos])) return 0;
    if (s[pos] == 'P' && parameters) return 0;
    parameters = s[pos] == 'P';
  }
  return 1;
}
