/* From stored lines to the wire: never a bare CR, a bare LF, a NUL or a single dot on a line; what was measured is
 * what is sent; the same however the message is cut into pieces. The first byte gives the pieces' size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "smtp/client_wire.h"

#define MOST 4096

static int convert(char const *in, size_t n, size_t step, int dots, char *out, size_t *total)
{
  struct client_wire w = CLIENT_WIRE_START(dots ? 1 : 0);
  size_t len;
  *total = 0;
  for (size_t at = 0; at < n; at += step) {
    if (client_wire_convert(&w, in + at, n - at < step ? n - at : step, out + *total, &len) < 0) return -1;
    *total += len;
  }
  if (client_wire_end(&w, out + *total, &len) < 0) return -1;
  *total += len;
  return 0;
}

static void check(char const *s, size_t n, int dots)
{
  if (n && s[n - 1] != '\n') abort();
  for (size_t i = 0; i < n; i++) {
    if (!s[i] || (s[i] == '\n' && (!i || s[i - 1] != '\r')) || (s[i] == '\r' && (i + 1 == n
      || s[i + 1] != '\n'))) abort();
    if (dots && s[i] == '.' && (!i || s[i - 1] == '\n') && (i + 1 == n || s[i + 1] != '.')) abort();
    if (dots && s[i] == '.' && (!i || s[i - 1] == '\n')) i++;
  }
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  static char one[2 * MOST + 2], other[2 * MOST + 2];
  if (size < 1 || size > MOST) return 0;
  char const *in = (char const *)data + 1;
  size_t n = size - 1, step = 1 + data[0] % 64, len, len2;
  struct client_measure m = { .bytes = 0 };
  for (size_t at = 0; at < n; at += step) client_wire_measure(&m, in + at, n - at < step ? n - at : step);
  client_wire_measure_end(&m);
  for (int dots = 0; dots < 2; dots++) {
    int r = convert(in, n, step, dots, one, &len);
    if (r != convert(in, n, n ? n : 1, dots, other, &len2)) abort();
    if (r != (m.bad ? -1 : 0)) abort();
    if (r < 0) continue;
    if (len != len2 || memcmp(one, other, len) || (!dots && len != m.bytes)) abort();
    check(one, len, dots);
  }
  return 0;
}
