/* The sheet, the injector's side. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "parse/number.h"
#include "queue/sheet.h"

int sheet_descriptor(void)
{
  char const *s = getenv(SHEET_VARIABLE);
  uint64_t fd;
  if (!s || number_scan(s, strlen(s), 65535, &fd) != NUMBER_OK || fd < 3) return -1;
  return (int)fd;
}

static int compare(void const *a, void const *b)
{
  return strcmp(((struct sheet_line const *)a)->address, ((struct sheet_line const *)b)->address);
}

/* Takes the line at *pos: a letter, an address, parameters that are what the letter asks for. Returns the letter, or 0
 * when it is none. */
static char next(struct sheet const *t, size_t *pos, struct sheet_line *line)
{
  struct dsn_mail mail;
  struct dsn_rcpt rcpt;
  char const *s = t->text + *pos, *end = t->text + t->len;
  char const *nul = memchr(s, 0, (size_t)(end - s));
  char const *last = nul ? memchr(nul + 1, 0, (size_t)(end - nul - 1)) : 0;
  if (!last || nul == s || nul - s - 1 > LIMIT_ADDRESS) return 0;
  *line = (struct sheet_line){ s + 1, nul + 1 };
  *pos = (size_t)(last + 1 - t->text);
  if (*s == 'F') return dsn_mail_scan(&mail, line->parameters) ? 'F' : 0;
  return (*s == 'T' || *s == 'E') && dsn_rcpt_scan(&rcpt, line->parameters) && !rcpt.expanded ? *s : 0;
}

/* All lines. Returns 1, or 0 when it is no sheet. t->line has room for them. */
static int scan(struct sheet *t)
{
  struct sheet_line line;
  size_t pos = 0;
  if (next(t, &pos, &t->mail) != 'F') return 0;
  while (pos < t->len) switch (next(t, &pos, &line)) {
    case 'T': t->line[t->n++] = line; break;
    case 'E': break;
    default: return 0;
  }
  qsort(t->line, t->n, sizeof *t->line, compare);
  return 1;
}

int sheet_take(struct sheet *t, char *s, size_t len)
{
  size_t most = 1;
  *t = (struct sheet){ .text = s, .len = len };
  for (size_t i = 0; i < len; i++) most += !s[i];
  t->line = malloc((most / 2 + 1) * sizeof *t->line);
  if (t->line && len && scan(t)) return 0;
  int bad = !t->line;
  sheet_free(t);
  return bad ? -1 : 0;
}

int sheet_read(struct sheet *t, int fd)
{
  struct stat st;
  size_t at = 0, len;
  char *s;
  *t = (struct sheet){ .text = 0 };
  if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !st.st_size || st.st_size > SHEET_MOST) return 0;
  len = (size_t)st.st_size;
  if (!(s = malloc(len))) return -1;
  while (at < len) {
    ssize_t r = pread(fd, s + at, len - at, (off_t)at);
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0) {
      free(s);
      return r ? -1 : (errno = EIO, -1);
    }
    at += (size_t)r;
  }
  return sheet_take(t, s, len);
}

void sheet_free(struct sheet *t)
{
  free(t->text);
  free(t->line);
  *t = (struct sheet){ .text = 0 };
}

char const *sheet_mail(struct sheet *t, char const *sender)
{
  t->fits = t->text && !strcmp(t->mail.address, sender);
  return t->fits ? t->mail.parameters : "";
}

char const *sheet_rcpt(struct sheet const *t, char const *recipient)
{
  struct sheet_line const wanted = { recipient, 0 };
  if (!t->fits) return "";
  struct sheet_line const *found = bsearch(&wanted, t->line, t->n, sizeof wanted, compare);
  return found ? found->parameters : "";
}

static int put(struct store_writer *w, char letter, char const *s)
{
  return store_envelope(w, &letter, 1) < 0 ? -1 : store_envelope(w, s, strlen(s) + 1);
}

/* An address of the envelope is complete in t->address. */
static int complete(struct sheet *t, struct store_writer *w)
{
  char const *parameters = *t->address == 'F' ? sheet_mail(t, t->address + 1) : sheet_rcpt(t, t->address + 1);
  if (store_envelope(w, t->address, t->have) < 0) return -1;
  t->have = 0;
  return *parameters ? put(w, 'P', parameters) : 0;
}

int sheet_envelope(struct sheet *t, struct store_writer *w, char const *s, size_t len)
{
  if (!t->text) return store_envelope(w, s, len);
  while (len) {
    char const *nul = memchr(s, 0, len);
    size_t n = nul ? (size_t)(nul + 1 - s) : len;
    if (n > sizeof t->address - t->have) return errno = EFBIG, -1; /* envelope_feed sees to it that it isn't */
    memcpy(t->address + t->have, s, n);
    t->have += n;
    s += n;
    len -= n;
    if (nul && complete(t, w) < 0) return -1;
  }
  return 0;
}

int sheet_aliases(struct sheet const *t, struct store_writer *w)
{
  char parameters[DSN_TEXT];
  struct dsn_rcpt rcpt;
  struct sheet_line line;
  char letter;
  for (size_t pos = 0; t->fits && pos < t->len;) {
    if (!(letter = next(t, &pos, &line))) return 0;
    if (letter != 'E') continue;
    dsn_rcpt_scan(&rcpt, line.parameters);
    rcpt.expanded = 1;
    dsn_rcpt_fmt(parameters, &rcpt);
    if (put(w, 'T', line.address) < 0 || put(w, 'P', parameters) < 0) return -1;
  }
  return 0;
}
