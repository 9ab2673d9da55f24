/* A conversation by SCRAM. */
#include <string.h>
#include <sys/random.h>
#include "auth/asked.h"
#include "auth/scram.h"
#include "auth/talk.h"
#include "checker/frame.h"
#include "codec/base64.h"

static int talk(struct scram *s, struct auth *a, struct table_set const *t, int fd, int64_t deadline, struct user *u)
{
  char msg[SCRAM_MESSAGE], out[SCRAM_MESSAGE], nonce[SCRAM_NONCE + 1] = "", random[SCRAM_NONCE / 4 * 3];
  size_t n;
  ssize_t got = frame_read(fd, msg, deadline);
  if (got < 0) return AUTH_ENDED;
  if (!scram_first(s, msg, (size_t)got)) return AUTH_NO;
  int found = users_find(t, s->user, s->user_len, u);
  if (found < 0) return AUTH_CORRUPT;
  if (getrandom(random, sizeof random, 0) != sizeof random) return AUTH_FAILED;
  codec_base64(nonce, random, sizeof random);
  n = scram_challenge(s, a, found ? u : 0, nonce, out);
  if (frame_write(fd, out, n, deadline) < 0 || (got = frame_read(fd, msg, deadline)) < 0) return AUTH_ENDED;
  int result = scram_final(s, msg, (size_t)got, out, &n);
  return frame_write(fd, out, n, deadline) < 0 ? AUTH_ENDED : result;
}

int talk_scram(struct auth *a, struct table_set const *t, int fd, int64_t deadline, struct user *u)
{
  struct scram s;
  int result = talk(&s, a, t, fd, deadline, u);
  explicit_bzero(&s, sizeof s);
  return result;
}
