/* A conversation by SCRAM. */
#include <string.h>
#include <sys/random.h>
#include "auth/asked.h"
#include "auth/scram.h"
#include "auth/talk.h"
#include "base/io.h"
#include "codec/base64.h"

static int read_all(int fd, char *s, size_t n, int64_t deadline)
{
  while (n) {
    ssize_t r = io_read(fd, s, n, deadline);
    if (r <= 0) return 0;
    s += r;
    n -= (size_t)r;
  }
  return 1;
}

static int hear(int fd, char msg[SCRAM_MESSAGE], size_t *n, int64_t deadline)
{
  unsigned char h[4];
  if (!read_all(fd, (char *)h, sizeof h, deadline)) return 0;
  *n = (size_t)h[0] << 24 | (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
  return *n <= SCRAM_MESSAGE && read_all(fd, msg, *n, deadline);
}

static int say(int fd, char const *msg, size_t n, int64_t deadline)
{
  char whole[4 + SCRAM_MESSAGE] = { 0, 0, (char)(n >> 8), (char)n };
  memcpy(whole + 4, msg, n);
  return !io_write(fd, whole, 4 + n, deadline);
}

static int talk(struct scram *s, struct auth *a, struct table_set const *t, int fd, int64_t deadline, struct user *u)
{
  char msg[SCRAM_MESSAGE], out[SCRAM_MESSAGE], nonce[SCRAM_NONCE + 1] = "", random[SCRAM_NONCE / 4 * 3];
  size_t n;
  if (!hear(fd, msg, &n, deadline)) return AUTH_ENDED;
  if (!scram_first(s, msg, n)) return AUTH_NO;
  int found = users_find(t, s->user, s->user_len, u);
  if (found < 0) return AUTH_CORRUPT;
  if (getrandom(random, sizeof random, 0) != sizeof random) return AUTH_FAILED;
  codec_base64(nonce, random, sizeof random);
  n = scram_challenge(s, a, found ? u : 0, nonce, out);
  if (!say(fd, out, n, deadline) || !hear(fd, msg, &n, deadline)) return AUTH_ENDED;
  int result = scram_final(s, msg, n, out, &n);
  return say(fd, out, n, deadline) ? result : AUTH_ENDED;
}

int talk_scram(struct auth *a, struct table_set const *t, int fd, int64_t deadline, struct user *u)
{
  struct scram s;
  int result = talk(&s, a, t, fd, deadline, u);
  explicit_bzero(&s, sizeof s);
  return result;
}
