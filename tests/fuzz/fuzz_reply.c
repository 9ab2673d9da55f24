/* The client's reply parser: fed in pieces of a size that the first byte gives; what it shows is printable, bounded,
 * and the same however the bytes come. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "smtp/client_reply.h"

static void each(void *arg, unsigned number, char const *s, size_t n)
{
  size_t *lines = arg;
  if (number != ++*lines || memchr(s, '\n', n)) abort();
}

static size_t feed(struct client_reply *r, enum client_reply_state *state, char const *s, size_t n, size_t step)
{
  size_t at = 0, lines = 0;
  *state = CLIENT_REPLY_MORE;
  client_reply_start(r, each, &lines);
  while (at < n && *state == CLIENT_REPLY_MORE) {
    size_t used, piece = n - at < step ? n - at : step;
    *state = client_reply_feed(r, s + at, piece, &used);
    if (used > piece || (*state == CLIENT_REPLY_MORE && used != piece)) abort();
    at += used;
  }
  if (lines > LIMIT_REPLY_LINES) abort();
  return at;
}

static void check(struct client_reply const *r)
{
  char const *e;
  if (r->code < 200 || r->code > 599 || r->text_len >= sizeof r->text || strlen(r->text) != r->text_len) abort();
  for (size_t i = 0; i < r->text_len; i++) if (r->text[i] < ' ' || r->text[i] > '~') abort();
  if (client_reply_enhanced(r, &e) && *e != r->text[0]) abort();
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  static struct client_reply a, b;
  enum client_reply_state sa, sb;
  if (!size) return 0;
  char const *s = (char const *)data + 1;
  size_t n = size - 1;
  size_t ua = feed(&a, &sa, s, n, 1 + data[0] % 64);
  size_t ub = feed(&b, &sb, s, n, n ? n : 1);
  if (sa != sb) abort();
  if (sa != CLIENT_REPLY_DONE) return 0;
  if (ua != ub || a.code != b.code || strcmp(a.text, b.text)) abort();
  check(&a);
  return 0;
}
