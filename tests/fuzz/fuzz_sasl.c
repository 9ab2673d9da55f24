/* What a server says in SCRAM-SHA-256, to the client: lines of the input are its messages. Iterations stay cheap. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "remote/sasl.h"

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  static struct login const l = { .user = "us,er", .password = "pencil", .line = 1 };
  struct client_sasl const *m = sasl_mechanism(LOGIN_SCRAM_SHA_256);
  char out[CLIENT_SASL];
  struct sasl x;
  sasl_start(&x, LOGIN_SCRAM_SHA_256, &l, "nonce");
  int n = m->answer(&x, 0, 0, out);
  char const *s = (char const *)data;
  /* six digits would take too long here */
  for (size_t i = 0, digits = 0; i < size; i++) {
    digits = s[i] >= '0' && s[i] <= '9' ? digits + 1 : 0;
    if (digits > 4) return 0;
  }
  for (size_t len; size && n >= 0; s += len, size -= len) {
    char const *end = memchr(s, '\n', size);
    len = end ? (size_t)(end - s) : size;
    char *copy = malloc(len + 1); /* an overrun shows */
    if (!copy) abort();
    memcpy(copy, s, len);
    n = m->answer(&x, copy, len, out);
    free(copy);
    if (n > CLIENT_SASL) abort();
    if (end) len++;
  }
  if (m->proved(&x) && x.step != 2) abort();
  return 0;
}
