/* Entries: what opens is a stamp that is written in that one way, whoever signed it; the input itself, which nobody has
 * signed, opens nothing. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "fuzz.h"
#include "share/entry.h"

static struct entry_key const key = { "0123456789abcdef0123456789abcdef", 32, "p:" };

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  struct stamp s, t;
  char again[ENTRY_MAX], sealed[ENTRY_MAX];
  char *in = fuzz_copy(data, size);
  enum entry_result r = entry_open(&s, in, size, &key);
  MUST(r == ENTRY_UNSIGNED || (r == ENTRY_LARGE && size > ENTRY_MAX));
  if (entry_is_name(in, size)) MUST(size < ENTRY_NAME);
  if (entry_scan(&s, in, size, "p:") == ENTRY_GOOD) {
    MUST(entry_fmt(again, &s, "p:") == size && !memcmp(again, in, size));
    MUST(s.time >= 0 && stamp_is_node(s.node, strlen(s.node)) && (!*s.user || stamp_is_user(s.user, strlen(s.user))));
    MUST(s.ip.len == 16 || (s.ip.len == 4 && !s.net));
    size_t n = entry_seal(sealed, &s, &key);
    MUST(n == size + ENTRY_SIGNATURE && n <= ENTRY_MAX && entry_open(&t, sealed, n, &key) == ENTRY_GOOD);
    MUST(!memcmp(&s, &t, sizeof s));
    int64_t was = s.time;
    struct clocks c = { .now = 1700000000, .boot = 1000 };
    if (entry_judge(&s, &c, (int64_t)size % 3, 300) == ENTRY_GOOD)
      MUST(s.time <= 1700000000 && s.time <= was && s.time > 1699999700 && s.boot >= 0 && s.boot <= 1000);
  }
  free(in);
  return 0;
}
