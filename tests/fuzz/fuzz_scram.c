/* SCRAM's messages: the input is the client's first one, LF, its last one. No client that lacks the key gets a yes. */
#include "fuzz.h"
#include "auth/scram.h"

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  static struct auth const a = { .about = { .secret = "secret", .iterations = 4096, .salt_len = 16 } };
  static struct user user = { .on = 1, .keys = { .iterations = 4096, .salt_len = 16, .stored = "key" } };
  struct scram s;
  char out[SCRAM_MESSAGE], again[SCRAM_MESSAGE];
  uint8_t const *lf = memchr(data, '\n', size);
  size_t n = lf ? (size_t)(lf - data) : size, len;
  char *first = fuzz_copy(data, n), *last = fuzz_copy(lf ? lf + 1 : data + size, lf ? size - n - 1 : 0);
  if (scram_first(&s, first, n)) {
    MUST(s.user_len && s.user_len < n && !memchr(s.user, 0, s.user_len) && s.nonce_len <= SCRAM_CLIENT_NONCE);
    /* a user or none: the same form */
    struct scram none = s;
    size_t known = scram_challenge(&s, &a, &user, "nonce", out);
    size_t unknown = scram_challenge(&none, &a, 0, "nonce", again);
    MUST(known == unknown && known <= SCRAM_MESSAGE && !memcmp(out, "r=", 2));
    MUST(scram_final(&none, last, lf ? size - n - 1 : 0, again, &len) == AUTH_NO);
    MUST(len > 2 && len <= SCRAM_MESSAGE && !memcmp(again, "e=", 2));
    MUST(scram_final(&s, last, lf ? size - n - 1 : 0, again, &len) == AUTH_NO);
    MUST(len > 2 && len <= SCRAM_MESSAGE && !memcmp(again, "e=", 2));
  }
  free(first);
  free(last);
  return 0;
}
