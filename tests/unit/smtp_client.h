/* A client's connection to a server whose replies lie ready, and what it says and reports. */
#ifndef TESTS_SMTP_CLIENT_H
#define TESTS_SMTP_CLIENT_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "unit.h"
#include "smtp/client_send.h"

static struct client c;
static struct client_body body;
static struct client_report report;

/* A connection as it is after EHLO. Returns the server's end. */
static inline int connected(unsigned offers, uint64_t size)
{
  int p[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
  fcntl(p[0], F_SETFL, O_NONBLOCK);
  client_init(&c);
  c.fd = p[0];
  c.offers = offers;
  c.size = size;
  c.patience = 2;
  strcpy(c.name, "H");
  return p[1];
}

static inline int message_fd(char const *s, size_t n)
{
  FILE *f = tmpfile();
  assert_non_null(f);
  assert_int_equal(fwrite(s, 1, n, f), n);
  fflush(f);
  rewind(f);
  int fd = dup(fileno(f));
  fclose(f);
  return fd;
}

/* "a,b" -> "a\0b\0" */
static inline unsigned split(char *to, char const *list)
{
  unsigned n = 1;
  strcpy(to, list);
  for (; *to; to++) if (*to == ',') *to = 0, n++;
  return n;
}

static inline void say(int fd, char const *s)
{
  assert_int_equal(write(fd, s, strlen(s)), strlen(s));
}

/* All that was sent so far. */
static inline void heard(int fd, char *s, size_t max)
{
  size_t n = 0;
  ssize_t r;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  while (n < max - 1 && (r = read(fd, s + n, max - 1 - n)) > 0) n += (size_t)r;
  s[n] = 0;
}

/* The report with | for NUL. */
static inline char const *said(void)
{
  static char s[5000];
  assert_true(report.sa.len < sizeof s && !report.failed);
  for (size_t i = 0; i < report.sa.len; i++) s[i] = report.sa.s[i] ? report.sa.s[i] : '|';
  s[report.sa.len] = 0;
  return s;
}

static inline enum client_sent send_text(char const *sender, char const *recipients, char const *text, unsigned utf8)
{
  static char list[4000];
  unsigned n = split(list, recipients);
  int fd = message_fd(text, strlen(text));
  assert_int_equal(client_body_open(&body, fd, -1), 0);
  struct client_message m = { .sender = sender, .recipients = list, .n = n, .utf8 = utf8, .body = &body };
  client_report_clear(&report);
  enum client_sent sent = client_send(&c, &m, &report);
  close(fd);
  return sent;
}

#endif
