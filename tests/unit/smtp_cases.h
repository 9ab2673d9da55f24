/* What the session's tests share: rules, the replies and messages in a comparable form, the log. */
#ifndef TESTS_SMTP_CASES_H
#define TESTS_SMTP_CASES_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include "base/limits.h"
#include "smtp_double.h"

#define E "EHLO c.example\r\n"
#define M "MAIL FROM:<a@b.example>\r\n"
#define R "RCPT TO:<x@hosted.example>\r\n"
#define EMR E M R
#define Q "QUIT\r\n"

/* What EMR is answered */
#define A "220 250 250/2.1.0 250/2.1.5 "
#define S " 221/2.0.0"
#define F "Fa@b.exampleTx@hosted.example|"

#define LIMITS_SMALL "size=200 recipients=3 text-line=998 hops=5 errors=4"

/* A rules.cdb: one hosted domain, relaying for trusted clients, and limits ("name=value ...", each may be missing). */
static inline struct table_set *rules(char const *limits)
{
  int fd = memfd_create("rules", MFD_CLOEXEC);
  assert_true(fd >= 0);
  struct table_builder *b = table_build(fd);
  assert_non_null(b);
  assert_int_equal(table_add(b, TABLE_ME, "", 0, 1, "relay.example", 13), 0);
  assert_int_equal(table_add(b, TABLE_DOMAINS, "hosted.example", 14, 3, "any", 3), 0);
  assert_int_equal(table_add(b, TABLE_DOMAINS, "gateway.example", 15, 4, "any", 3), 0);
  assert_int_equal(table_add(b, TABLE_RELAY, "grant clients", 13, 2, "", 0), 0);
  for (char const *p = limits; p && *p; p += strspn(p, " ")) {
    size_t key = strcspn(p, "="), value = strcspn(p + key, " ");
    assert_int_equal(table_add(b, TABLE_LIMITS, p, key, 1, p + key + 1, value - 1), 0);
    p += key + value;
  }
  assert_int_equal(table_finish(b), 0);
  struct table_set *t = table_open_fd(fd);
  assert_non_null(t);
  close(fd);
  return t;
}

/* "220 250/2.1.0": the last line of each reply. Malformed replies fail the test. */
static inline char *codes(struct double_world const *d)
{
  char *out = calloc(1, d->replies.len + 1), *to = out;
  char const *p = d->replies.s;
  while (*p) {
    char const *end = strstr(p, "\r\n");
    assert_non_null(end);
    assert_true(end - p >= 4 && end - p <= 510);
    for (char const *c = p; c < end; c++) assert_true(*c >= ' ' && *c < 0x7f);
    assert_true(strspn(p, "0123456789") == 3 && (p[3] == ' ' || p[3] == '-'));
    if (p[3] == ' ') {
      if (to > out) *to++ = ' ';
      memcpy(to, p, 3);
      to += 3;
      if (p[4] == p[0] && p[5] == '.') {
        *to++ = '/';
        for (p += 4; *p != ' '; ) *to++ = *p++;
      }
    }
    p = end + 2;
  }
  return out;
}

/* The messages without their trace fields, whose place must be right: the very beginning of the body. */
static inline char *taken(struct double_world const *d)
{
  char *out = strdup(d->taken.s), *at = out;
  while ((at = strstr(at, "|Received: from "))) {
    char *end = strstr(at, " +0000\n");
    assert_non_null(end);
    for (char *c = at; c < end; c++) assert_true(*c == '\n' || (*c >= ' ' && *c < 0x7f) || *c < 0);
    memmove(at + 1, end + 7, strlen(end + 7) + 1);
  }
  return out;
}

/* The log goes where the caller can read it; descriptor 2 is the test's own again afterwards. */
static char log_text[1 << 20];
static inline void run_logged(struct double_world *d, struct server_facts const *f)
{
  int keep = dup(2), log = memfd_create("log", MFD_CLOEXEC);
  assert_true(keep >= 0 && log >= 0 && dup2(log, 2) >= 0);
  double_run(d, f);
  dup2(keep, 2);
  close(keep);
  ssize_t n = pread(log, log_text, sizeof log_text - 1, 0);
  assert_true(n >= 0);
  log_text[n] = 0;
  close(log);
  for (char *c = log_text; *c; c++)
    if (*c != '\n' && (*c < ' ' || *c >= 0x7f)) fail_msg("raw byte in the log: %s", log_text);
}

#endif
