/* Parameters: put together again with single spaces they are the same; the walk ends. Those about notifications come
 * back from their form, which is printable ASCII. */
#include "fuzz.h"
#include "parse/dsn.h"
#include "parse/params.h"

static size_t walk(char *out, char const *s, size_t n, int utf8, int *end)
{
  struct param p;
  size_t pos = 0, len = 0;
  while ((*end = params_next(s, n, &pos, utf8, &p)) == 1) {
    MUST(pos <= n && p.keylen >= 1 && p.key >= s && p.key + p.keylen <= s + n);
    MUST(p.value ? p.valuelen >= 1 && p.value + p.valuelen == s + pos : p.key + p.keylen == s + pos);
    out[len++] = ' ';
    memcpy(out + len, p.key, p.keylen);
    len += p.keylen;
    if (!p.value) continue;
    out[len++] = '=';
    memcpy(out + len, p.value, p.valuelen);
    len += p.valuelen;
  }
  return len;
}

static void notifications(char const *s, size_t n, int utf8)
{
  struct dsn_mail m = { 0 }, m2;
  struct dsn_rcpt r = { 0 }, r2;
  struct param p;
  char text[DSN_TEXT];
  size_t pos = 0;
  while (params_next(s, n, &pos, utf8, &p) == 1) {
    enum dsn_taken a = dsn_mail_take(&m, &p), b = dsn_rcpt_take(&r, &p);
    if (a == DSN_BAD || b == DSN_BAD) return;
  }
  MUST(dsn_mail_fmt(text, &m) == strlen(text) && dsn_mail_scan(&m2, text) && !memcmp(&m.ret, &m2.ret, sizeof m.ret));
  MUST(!strcmp(m.envid, m2.envid));
  MUST(dsn_rcpt_fmt(text, &r) == strlen(text) && dsn_rcpt_scan(&r2, text) && r.notify == r2.notify);
  MUST(!strcmp(r.orcpt, r2.orcpt));
  for (char const *c = text; *c; c++) MUST(*c >= ' ' && *c <= '~');
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  int utf8 = fuzz_byte(&data, &size) & 1, end;
  char *s = fuzz_copy(data, size), *a = malloc(size + 1), *b = malloc(size + 1);
  size_t len = walk(a, s, size, utf8, &end);
  MUST(len <= size && !memchr(a, 0, len) && !memchr(a, '\r', len) && !memchr(a, '\n', len));
  MUST(walk(b, a, len, utf8, &end) == len && !end && !memcmp(a, b, len));
  notifications(s, size, utf8);
  free(s);
  free(a);
  free(b);
  return 0;
}
