/* sink [-c] PORT COUNT: takes mail on 127.0.0.1 as fast as it comes and keeps nothing. Prints `listening` once, then
 * each time that another COUNT messages (`.` or BDAT LAST) are in: the monotonic clock in nanoseconds, the
 * messages and the connections so far. Offers what smtp-sink offers; -c CHUNKING besides. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 65536
#define EVENTS 256

struct session {
  int fd;
  int match;              /* bytes of CRLF.CRLF seen; a message begins as if after CRLF */
  enum { COMMAND, TEXT, CHUNK } mode;
  int last;               /* the chunk is the last one */
  unsigned long need;     /* bytes of the chunk still to come */
  size_t len;             /* bytes of line */
  char line[2048];
  size_t out_len;
  char out[BUFFER];
};

static unsigned long messages, connections, goal, every;
static int chunking;

static void die(char const *what)
{
  perror(what);
  exit(111);
}

static void say(struct session *s, char const *text)
{
  size_t n = strlen(text);
  if (s->out_len + n <= sizeof s->out) {
    memcpy(s->out + s->out_len, text, n);
    s->out_len += n;
  }
}

static void kept(struct session *s)
{
  struct timespec t;
  say(s, "250 2.0.0 Ok\r\n");
  if (++messages < goal) return;
  goal += every;
  clock_gettime(CLOCK_MONOTONIC, &t);
  printf("%lld %lu %lu\n", (long long)t.tv_sec * 1000000000 + t.tv_nsec, messages, connections);
  fflush(stdout);
}

static int command(struct session *s)
{
  char *l = s->line;
  if (!strncasecmp(l, "EHLO", 4)) {
    say(s, chunking ? "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 CHUNKING\r\n"
                    : "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n");
  }
  else if (!strncasecmp(l, "DATA", 4)) {
    say(s, "354 End data with <CR><LF>.<CR><LF>\r\n");
    s->mode = TEXT;
    s->match = 2;
  }
  else if (!strncasecmp(l, "BDAT", 4)) {
    s->need = strtoul(l + 4, &l, 10);
    s->last = strcasestr(l, "LAST") != 0;
    s->mode = CHUNK;
  }
  else if (!strncasecmp(l, "QUIT", 4)) {
    say(s, "221 2.0.0 Bye\r\n");
    return 0;
  }
  else say(s, "250 2.0.0 Ok\r\n");
  return 1;
}

/* Bytes in; 0 when the session is over. */
static int feed(struct session *s, char const *p, char const *end)
{
  static char const mark[] = "\r\n.\r\n";
  while (p < end || (s->mode == CHUNK && !s->need)) {
    if (s->mode == CHUNK) {
      unsigned long n = (unsigned long)(end - p) < s->need ? (unsigned long)(end - p) : s->need;
      p += n;
      if (s->need -= n) return 1;
      s->mode = COMMAND;
      if (s->last) kept(s); else say(s, "250 2.0.0 more\r\n");
    }
    else if (s->mode == TEXT) {
      if (!s->match && !(p = memchr(p, '\r', (size_t)(end - p)))) return 1;
      s->match = *p == mark[s->match] ? s->match + 1 : *p == '\r';
      p++;
      if (s->match == 5) {
        s->mode = COMMAND;
        kept(s);
      }
    }
    else {
      char const *lf = memchr(p, '\n', (size_t)(end - p));
      size_t n = (size_t)((lf ? lf + 1 : end) - p);
      if (s->len + n >= sizeof s->line) return 0;
      memcpy(s->line + s->len, p, n);
      s->len += n;
      p += n;
      if (!lf) return 1;
      s->line[s->len] = 0;
      s->len = 0;
      if (!command(s)) return 0;
    }
  }
  return 1;
}

static void work(int ep, struct session *s)
{
  static char in[BUFFER];
  ssize_t r = read(s->fd, in, sizeof in);
  int more = r > 0 && feed(s, in, in + r);
  if (s->out_len && write(s->fd, s->out, s->out_len) != (ssize_t)s->out_len) more = 0;
  s->out_len = 0;
  if (more || (r < 0 && errno == EAGAIN)) return;
  epoll_ctl(ep, EPOLL_CTL_DEL, s->fd, 0);
  close(s->fd);
  free(s);
}

static void join(int ep, int listener)
{
  int fd, one = 1;
  while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
    struct session *s = calloc(1, sizeof *s);
    if (!s) die("calloc");
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    s->fd = fd;
    connections++;
    if (write(fd, "220 sink ESMTP\r\n", 16) != 16 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)) {
      close(fd);
      free(s);
    }
  }
}

int main(int argc, char **argv)
{
  struct epoll_event events[EVENTS], e = { .events = EPOLLIN };
  struct sockaddr_in a = { .sin_family = AF_INET };
  int ep = epoll_create1(0), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  if (argc > 1 && !strcmp(argv[1], "-c")) { chunking = 1; argc--; argv++; }
  if (argc != 3) { fputs("usage: sink [-c] PORT COUNT\n", stderr); return 100; }
  signal(SIGPIPE, SIG_IGN);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons((unsigned short)atoi(argv[1]));
  goal = every = strtoul(argv[2], 0, 10);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 1024)) die("listen");
  if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)) die("epoll");
  puts("listening");
  fflush(stdout);
  for (;;) {
    int n = epoll_wait(ep, events, EVENTS, -1);
    if (n < 0 && errno != EINTR) die("epoll");
    for (int i = 0; i < n; i++) {
      if (events[i].data.ptr) work(ep, events[i].data.ptr);
      else join(ep, fd);
    }
  }
}
