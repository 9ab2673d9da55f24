/* What relay-smtpd and relay-ask say to each other, and a slot of the cache: any bytes. What is taken is written back
 * as the same line, and says nothing that the protocol forbids. */
#include <sys/types.h>
#include <unistd.h>
#include "answer/cache.h"
#include "ask/line.h"
#include "fuzz.h"

static void query(char const *s, size_t n)
{
  struct ask_query q;
  char out[ASK_QUESTION];
  if (!ask_query_scan(&q, s, n)) return;
  MUST(*q.subject && strlen(q.subject) <= ASK_SUBJECT && !strpbrk(q.subject, "\r\n"));
  MUST(ask_query_fmt(out, q.kind, q.subject) == n + 1 && !memcmp(out, s, n) && out[n] == '\n');
}

static void answer(char const *s, size_t n, enum ask_kind kind)
{
  struct ask_answer a, b;
  char out[ASK_ANSWER];
  if (!ask_answer_scan(&a, kind, s, n)) return;
  MUST(a.state != ANSWER_NOT_ASKED && a.n <= ASK_IPS && strlen(a.text) < ASK_TEXT);
  MUST(a.state == ANSWER_YES ? (a.n > 0) == (kind == ASK_HOSTS) && !*a.text : !a.n);
  for (char const *c = a.text; *c; c++) MUST(*c >= ' ' && *c <= '~');
  size_t len = ask_answer_fmt(out, &a);
  MUST(len <= sizeof out && memchr(out, '\n', len) == out + len - 1);
  MUST(ask_answer_scan(&b, kind, out, len - 1));
  MUST(a.state == b.state && a.n == b.n && !strcmp(a.text, b.text));
}

/* A file that is nothing but such slots believes none of them: who wrote them did not know the check. */
static void slot(char const *s, size_t n)
{
  static int fd = -1;
  static char path[] = "/tmp/posthouse-fuzz-XXXXXX";
  struct ask_answer a;
  char bytes[SLOTS_SLOT] = { 0 };
  if (fd < 0) {
    fd = mkstemp(path);
    MUST(fd >= 0 && !unlink(path));
  }
  struct cache c = { .slots = { .fd = fd, .format = "posthouse asked 1" }, .yes = 604800, .no = 604800 };
  cache_put(&c, "r", "a", 1000, &(struct ask_answer){ .state = ANSWER_YES });
  MUST(cache_get(&c, "r", "a", 1000, &a) && a.state == ANSWER_YES);
  off_t at = lseek(fd, 0, SEEK_END) - SLOTS_SLOT; /* the one slot that was written is the file's last */
  memcpy(bytes, s, n < sizeof bytes ? n : sizeof bytes);
  char before[SLOTS_SLOT];
  MUST(pread(fd, before, sizeof before, at) == sizeof before);
  MUST(pwrite(fd, bytes, sizeof bytes, at) == sizeof bytes);
  MUST(!cache_get(&c, "r", "a", 1000, &a) || !memcmp(bytes, before, sizeof bytes));
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  char *s = fuzz_copy(data, size);
  query(s, size);
  answer(s, size, ASK_RECIPIENT);
  answer(s, size, ASK_HOSTS);
  slot(s, size);
  free(s);
  return 0;
}
