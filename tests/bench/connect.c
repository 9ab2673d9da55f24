/* connect PORT COUNT PARALLEL: COUNT connections to 127.0.0.1, PARALLEL at once: reads the banner, says QUIT, reads
 * until the server closes. Prints the nanoseconds that it all took and how many sessions did not go that way. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256

struct session {
  int fd;
  int seen;       /* first digits of the replies seen: 1 the banner, 2 the answer to QUIT */
  char last;      /* the byte before */
};

static struct sockaddr_in server = { .sin_family = AF_INET };
static unsigned long todo, running, bad;

static void start(int ep)
{
  struct session *s = calloc(1, sizeof *s);
  struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };
  if (!s) exit(111);
  todo--;
  running++;
  s->last = '\n';
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (s->fd < 0 || (connect(s->fd, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS)
      || epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &e)) {
    perror("connect");
    exit(111);
  }
}

/* Counts replies by their ends; 0 when the session is over. */
static int work(struct session *s)
{
  char b[1024];
  ssize_t n = read(s->fd, b, sizeof b);
  if (n < 0 && errno == EAGAIN) return 1;
  if (n <= 0) return 0;
  for (ssize_t i = 0; i < n; i++) {
    if (s->last == '\n' && b[i] != '2') s->seen = -100;
    if (b[i] == '\n' && ++s->seen == 1 && write(s->fd, "QUIT\r\n", 6) != 6) return 0;
    s->last = b[i];
  }
  return 1;
}

int main(int argc, char **argv)
{
  struct epoll_event events[EVENTS];
  struct timespec t, u;
  int ep = epoll_create1(0);
  if (argc != 4) { fputs("usage: connect PORT COUNT PARALLEL\n", stderr); return 100; }
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  server.sin_port = htons((unsigned short)atoi(argv[1]));
  todo = strtoul(argv[2], 0, 10);
  clock_gettime(CLOCK_MONOTONIC, &t);
  for (unsigned long n = strtoul(argv[3], 0, 10); n && todo; n--) start(ep);
  while (running) {
    int n = epoll_wait(ep, events, EVENTS, 60000);
    if (n <= 0) { fputs("connect: no answer\n", stderr); return 111; }
    for (int i = 0; i < n; i++) {
      struct session *s = events[i].data.ptr;
      if (work(s)) continue;
      if (s->seen != 2) bad++;
      close(s->fd);
      free(s);
      running--;
      if (todo) start(ep);
    }
  }
  clock_gettime(CLOCK_MONOTONIC, &u);
  printf("%lld %lu\n", (long long)(u.tv_sec - t.tv_sec) * 1000000000 + u.tv_nsec - t.tv_nsec, bad);
  return 0;
}
