/* relay-ask's questions and answers. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "answer/answer.h"
#include "base/io.h"

#define HANGING 5       /* seconds beyond the time for a question after which SIGALRM ends us */
#define OUT_TIME 30000  /* milliseconds for an answer to be taken */
#define FOREVER INT64_MAX

static int answer_line(struct answerer *w, char const *s, size_t n, int out)
{
  struct ask_query q;
  struct ask_answer a = { .state = ANSWER_UNKNOWN, .text = "that is no question" };
  char line[ASK_ANSWER];
  if (ask_query_scan(&q, s, n)) {
    alarm(w->seconds + HANGING);
    answer_question(w, &q, &a);
    alarm(0);
  }
  return io_write(out, line, ask_answer_fmt(line, &a), io_now() + OUT_TIME);
}

/* Reads more. With a connection that is kept, and nothing to read for ANSWER_IDLE, the connection is given up. */
static ssize_t more(struct answerer *w, int in, char *buf, size_t room)
{
  if (!w->broken && w->rm.client.fd >= 0) {
    ssize_t r = io_read(in, buf, room, io_now() + ANSWER_IDLE * 1000);
    if (r >= 0 || errno != ETIMEDOUT) return r;
    remote_leave(&w->rm);
  }
  return io_read(in, buf, room, FOREVER);
}

int answer_serve(struct answerer *w, int in, int out)
{
  char buf[ASK_QUESTION];
  size_t n = 0;
  for (;;) {
    char *lf;
    while ((lf = memchr(buf, '\n', n))) {
      size_t len = (size_t)(lf - buf);
      if (answer_line(w, buf, len, out) < 0) return -1;
      n -= len + 1;
      memmove(buf, lf + 1, n);
    }
    if (n == sizeof buf) return errno = EMSGSIZE, -1;
    ssize_t r = more(w, in, buf + n, sizeof buf - n);
    if (r <= 0) return (int)r;
    n += (size_t)r;
  }
}
