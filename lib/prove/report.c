/* A proof for people, and for who compiles. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <skalibs/sha256.h>
#include "base/printable.h"
#include "prove/report.h"

#define TEXT 400

int report_sha256(char out[REPORT_SHA256], int fd)
{
  static char const hex[] = "0123456789abcdef";
  SHA256Schedule sum = SHA256_INIT();
  char buf[65536], digest[32];
  off_t at = 0;
  ssize_t n;
  while ((n = pread(fd, buf, sizeof buf, at))) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    sha256_update(&sum, buf, (size_t)n);
    at += n;
  }
  sha256_final(&sum, digest);
  for (size_t i = 0; i < sizeof digest; i++) {
    out[2 * i] = hex[(unsigned char)digest[i] >> 4];
    out[2 * i + 1] = hex[(unsigned char)digest[i] & 15];
  }
  out[2 * sizeof digest] = 0;
  return 0;
}

/* Lines that go into a text, each behind `before`. */
struct lines_out {
  stralloc *out;
  char const *before;
};

static int put_line(void *arg, char const *line)
{
  struct lines_out *o = arg;
  return stralloc_cats(o->out, o->before) && printable_put(o->out, line, strlen(line)) && stralloc_cats(o->out, "\n");
}

/* `file:line: ` */
static int put_place(stralloc *out, struct record const *r)
{
  char text[TEXT];
  if (!r->line) return 1;
  snprintf(text, sizeof text, "%s:%u: ", r->file, (unsigned)r->line);
  return stralloc_cats(out, text);
}

/* The line of the rules, with its place. */
static int put_says(stralloc *out, struct proof const *p, struct record const *r)
{
  if (!r->line) return 1;
  return stralloc_cats(out, "  ") && put_place(out, r) && report_says(out, p, r) && stralloc_cats(out, "\n");
}

static int put_opening(stralloc *out, struct proof const *p, struct opening const *o)
{
  struct lines_out lines = { out, "  " };
  return put_place(out, &o->record) && report_why(out, o) &&
    stralloc_cats(out, o->declared ? " (declared)\n" : "\n") &&
    report_way(p, &o->way, put_line, &lines) && put_says(out, p, &o->record) && put_says(out, p, &o->grant);
}

static int put_verdict(stralloc *out, struct proof const *p)
{
  char text[TEXT];
  size_t n = proof_openings(p);
  if (!n) return stralloc_cats(out, "closed: no stranger relays\n");
  snprintf(text, sizeof text, "OPEN%s: ways in which strangers relay: %zu%s\n", p->undeclared ? "" : " as declared", n,
           p->undeclared && p->undeclared < n ? ", some of them declared" : "");
  return stralloc_cats(out, text);
}

static int put_counts(stralloc *out, struct proof const *p, char const *rules, char const *sha256)
{
  char text[TEXT];
  if (!stralloc_cats(out, "rules: ") || !printable_put(out, rules, strlen(rules)) ||
      !stralloc_cats(out, "\nsha256: ") || !stralloc_cats(out, sha256)) return 0;
  snprintf(text, sizeof text, "\nclients: %zu classes, of %zu ranges of addresses\n"
           "senders: %zu classes, in %zu groups\nrecipients: %zu classes, in %zu groups\n"
           "sessions: 4 kinds\ndecisions: %zu\nseconds: %u.%03u\n",
           p->clients, p->intervals, p->senders, p->sender_groups, p->recipients, p->recipient_groups, p->decisions,
           (unsigned)(p->milliseconds / 1000), (unsigned)(p->milliseconds % 1000));
  return stralloc_cats(out, text);
}

int report_text(stralloc *out, struct proof const *p, char const *rules, char const *sha256)
{
  struct lines_out lines = { out, "  " };
  char text[TEXT];
  size_t n = proof_openings(p);
  int ok = put_verdict(out, p);
  for (size_t i = 0; ok && i < n && i < REPORT_OPENINGS; i++) ok = put_opening(out, p, proof_opening(p, i));
  if (ok && n > REPORT_OPENINGS) {
    snprintf(text, sizeof text, "and %zu more\n", n - REPORT_OPENINGS);
    ok = stralloc_cats(out, text);
  }
  if (ok) ok = put_counts(out, p, rules, sha256);
  return ok && stralloc_cats(out, "this rests on:\n") && report_assumptions(p, put_line, &lines);
}

/* Cuts the text into lines for the callback. Returns 1. */
static int complain_lines(stralloc *text, int warning, report_fn *complain, void *arg)
{
  size_t at = 0;
  for (size_t i = 0; i < text->len; i++) {
    if (text->s[i] != '\n') continue;
    text->s[i] = 0;
    complain(arg, warning, text->s + at);
    at = i + 1;
  }
  return 1;
}

int report_complain(struct proof const *p, report_fn *complain, void *arg)
{
  stralloc text = STRALLOC_ZERO;
  struct lines_out lines = { &text, "  " };
  size_t n = proof_openings(p), shown = 0;
  int ok = 1;
  for (int warning = 0; warning < 2; warning++) {
    for (size_t i = 0; ok && i < n; i++) {
      struct opening const *o = proof_opening(p, i);
      if (o->declared != warning || shown++ >= REPORT_OPENINGS) continue;
      text.len = 0;
      ok = put_place(&text, &o->record) && stralloc_cats(&text, warning ? "warning: " : "") && report_why(&text, o) &&
        stralloc_cats(&text, "\n") && report_way(p, &o->way, put_line, &lines) &&
        complain_lines(&text, warning, complain, arg);
    }
  }
  if (ok && n > REPORT_OPENINGS) {
    char more[TEXT];
    snprintf(more, sizeof more, "  and %zu more ways in which strangers relay", n - REPORT_OPENINGS);
    complain(arg, 1, more);
  }
  stralloc_free(&text);
  return ok;
}

int report_check(int fd, report_fn *complain, void *arg)
{
  struct proof p;
  struct table_set *t = table_open_fd(fd);
  if (!t) return -1;
  int r = prove(&p, t);
  if (r == 0 && !report_complain(&p, complain, arg)) r = (errno = ENOMEM, -1);
  if (r == 0) r = p.undeclared != 0;
  int e = errno;
  proof_free(&p);
  table_close(t);
  errno = e;
  return r;
}
