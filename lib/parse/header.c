/* The header of a message, read while it streams by.
 *
 *   state    LF            :              space, tab    0x21 to 0x7e   other       the state means
 *   BEGIN    end: empty    end: no field  FOLD          NAME           end: no     at the beginning of a line
 *   NAME     end: no       BODY (count)   GAP           NAME           end: no     in a field's name
 *   GAP      end: no       BODY (count)   GAP           end: no        end: no     between name and colon
 *   BODY     BEGIN         stays          stays         stays          stays       behind the colon, or folded
 *
 * FOLD: as BODY, but the first line of all can't be folded: end. */
#include <string.h>
#include "parse/header.h"

enum { BEGIN, NAME, GAP, BODY };

static char const received[] = "received";

void header_init(struct header *h)
{
  *h = (struct header){ .start = HEADER_UNKNOWN, .state = BEGIN };
}

static void end(struct header *h, enum header_start start)
{
  if (h->start == HEADER_UNKNOWN) h->start = start;
  h->ended = 1;
}

static void colon(struct header *h)
{
  if (h->start == HEADER_UNKNOWN) h->start = HEADER_FIELDS;
  if (h->name == sizeof received - 1 && h->match == h->name) h->received++;
  h->state = BODY;
}

static void name(struct header *h, unsigned char c)
{
  if (h->match == h->name && h->match < sizeof received - 1 && (c | 32) == received[h->match]) h->match++;
  h->name++;
  h->state = NAME;
}

/* One byte of BEGIN, NAME or GAP. */
static void byte(struct header *h, unsigned char c)
{
  int space = c == ' ' || c == '\t';
  if (h->state == BEGIN) {
    h->name = h->gap = h->match = 0;
    if (c == '\n') end(h, HEADER_EMPTY);
    else if (space && h->start == HEADER_FIELDS) h->state = BODY;
    else if (c > ' ' && c < 0x7f && c != ':') name(h, c);
    else end(h, HEADER_MISSING);
  }
  else if (c == ':') colon(h);
  else if (h->name + h->gap == HEADER_NAME) end(h, HEADER_MISSING);
  else if (space) h->state = GAP, h->gap++;
  else if (h->state == NAME && c > ' ' && c < 0x7f) name(h, c);
  else end(h, HEADER_MISSING);
}

/* Bytes of s[0..n), within a field's body, up to and with its LF. */
static size_t body(struct header *h, char const *s, size_t n)
{
  char const *lf = memchr(s, '\n', n);
  size_t len = lf ? (size_t)(lf - s) + 1 : n;
  if (lf) h->state = BEGIN;
  for (size_t i = 0; i < len && !h->eightbit; i++)
    if ((unsigned char)s[i] >= 0x80) h->eightbit = 1;
  return len;
}

void header_feed(struct header *h, char const *s, size_t n)
{
  for (size_t i = 0; i < n && !h->ended; ) {
    if (h->state == BODY) i += body(h, s + i, n - i);
    else byte(h, (unsigned char)s[i++]);
  }
}

void header_end(struct header *h)
{
  end(h, HEADER_MISSING);
}
