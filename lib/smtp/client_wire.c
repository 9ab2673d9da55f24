/* A message from its stored form (LF) to the wire's (CRLF). */
#include <stdint.h>
#include <string.h>
#include "smtp/client_wire.h"

/* The common case: no CR and no NUL in the whole piece, line by line. */
static size_t plain(struct client_wire *w, char const *in, size_t n, char *out)
{
  char *o = out;
  while (n) {
    char const *lf = memchr(in, '\n', n);
    size_t line = lf ? (size_t)(lf - in) : n;
    if (w->dots && !w->inside && *in == '.') *o++ = '.';
    memcpy(o, in, line);
    o += line;
    w->inside = !lf;
    if (!lf) break;
    *o++ = '\r';
    *o++ = '\n';
    in += line + 1;
    n -= line + 1;
  }
  return (size_t)(o - out);
}

/* States: at a line's start, inside a line, after a CR.
 *
 *            LF              CR        NUL    other
 *   start    CRLF, start     -> cr     error  [.] byte, inside
 *   inside   CRLF, start     -> cr     error  byte, inside
 *   cr       CRLF, start     error     error  error               */
static int careful(struct client_wire *w, char const *in, size_t n, char *out, size_t *len)
{
  char *o = out;
  for (; n; in++, n--) {
    if (*in == '\n') {
      *o++ = '\r';
      *o++ = '\n';
      w->inside = w->cr = 0;
      continue;
    }
    if (w->cr || !*in) return -1;
    if (*in == '\r') {
      w->cr = 1;
      continue;
    }
    if (w->dots && !w->inside && *in == '.') *o++ = '.';
    *o++ = *in;
    w->inside = 1;
  }
  *len = (size_t)(o - out);
  return 0;
}

int client_wire_convert(struct client_wire *w, char const *in, size_t n, char *out, size_t *len)
{
  *len = 0;
  if (!n) return 0;
  if (w->cr || memchr(in, '\r', n) || memchr(in, 0, n)) return careful(w, in, n, out, len);
  *len = plain(w, in, n, out);
  return 0;
}

int client_wire_end(struct client_wire *w, char *out, size_t *len)
{
  *len = 0;
  if (w->cr) return -1;
  if (!w->inside) return 0;
  memcpy(out, "\r\n", 2);
  *len = 2;
  w->inside = 0;
  return 0;
}

static unsigned has_eight(char const *s, size_t n)
{
  uint64_t word, all = 0;
  for (; n >= sizeof word; s += sizeof word, n -= sizeof word) {
    memcpy(&word, s, sizeof word);
    all |= word;
  }
  for (; n; s++, n--) all |= (unsigned char)*s;
  return (all & UINT64_C(0x8080808080808080)) != 0;
}

/* Counts LFs. Each becomes CRLF, so that one byte comes on top; a CR before it is in the count already. */
static void count(struct client_measure *m, char const *in, size_t n)
{
  char const *end = in + n;
  if (m->cr && *in != '\n') m->bad = 1;
  for (char const *p = in; p < end;) {
    char const *lf = memchr(p, '\n', (size_t)(end - p));
    if (!lf) break;
    if (lf > in ? lf[-1] != '\r' : !m->cr) m->bytes++;
    p = lf + 1;
  }
  m->bytes += n;
}

void client_wire_measure(struct client_measure *m, char const *in, size_t n)
{
  if (!n) return;
  count(m, in, n);
  if (!m->eight) m->eight = has_eight(in, n);
  if (memchr(in, 0, n)) m->bad = 1;
  char const *end = in + n;
  for (char const *p = in; !m->bad && (p = memchr(p, '\r', (size_t)(end - p))); p++) {
    if (p + 1 < end && p[1] != '\n') m->bad = 1;
  }
  m->inside = end[-1] != '\n';
  m->cr = end[-1] == '\r';
}

void client_wire_measure_end(struct client_measure *m)
{
  if (m->cr) m->bad = 1;
  else if (m->inside) m->bytes += 2;
}
