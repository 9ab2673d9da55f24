/* Any bytes as relay-bounce's records, and as the sheet: what is taken makes a report whose lines are printable ASCII
 * and whose parts nobody else can end. */
#include "fuzz.h"
#include "queue/sheet.h"
#include "report/compose.h"

#define BOUNDARY "=_0660d9bc60154600471c0f.not.to.be.known"

static void report(char const *s, size_t len)
{
  struct notice n;
  stralloc sa = STRALLOC_ZERO;
  if (notice_scan(&n, s, len) != 1) return;
  struct compose c = { .notice = &n, .id = "0660d9bc60154600471c0f", .boundary = BOUNDARY, .now = 1 };
  MUST(n.n && *n.sender);
  MUST(compose_head(&sa, &c));
  MUST(!memchr(sa.s, '\r', sa.len) && !memchr(sa.s, 0, sa.len));
  sa.len = 0;
  MUST(compose_words(&sa, &c) && compose_status(&sa, &c));
  size_t line = 0;
  for (size_t i = 0; i < sa.len; i++) {
    MUST(sa.s[i] == '\n' || (sa.s[i] >= ' ' && sa.s[i] <= '~'));
    line = sa.s[i] == '\n' ? 0 : line + 1;
    MUST(line <= 1100); /* an address of qmail-queue(8) is longer than RFC 5322 allows a line to be */
  }
  stralloc_free(&sa);
  notice_free(&n);
}

static void sheet(char const *s, size_t len)
{
  struct sheet t;
  char *copy = malloc(len + 1);
  MUST(copy);
  memcpy(copy, s, len);
  MUST(!sheet_take(&t, copy, len));
  if (t.text) MUST(*t.text == 'F');
  if (t.text) {
    MUST(sheet_mail(&t, t.text + 1) == t.mail.parameters && t.fits);
    for (size_t i = 0; i < t.n; i++) MUST(!strpbrk(sheet_rcpt(&t, t.line[i].address), "\r\n"));
  }
  sheet_free(&t);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  char *s = fuzz_copy(data, size);
  report(s, size);
  sheet(s, size);
  free(s);
  return 0;
}
