/* The text of a message as it comes in. The machine is drawn in the header. */
#include <string.h>
#include "parse/eod.h"

enum { START, DOT, DOT_CR, TEXT, TEXT_CR, LF_START };

#define EACH (UINT64_MAX / 255) /* 1 in each byte of a word */

void eod_init(struct eod *e, unsigned mode, size_t line_max)
{
  *e = (struct eod){ .mode = mode, .line_max = line_max, .state = START };
}

/* Bytes at s[0..n) before the first NUL, LF or CR. Words without a byte below 14 are passed at once. Sets *high if
 * one of the bytes is 0x80 or more. */
static size_t plain(char const *s, size_t n, int *high)
{
  uint64_t word, seen = 0;
  size_t i = 0;
  while (i < n) {
    if (n - i >= sizeof word) {
      memcpy(&word, s + i, sizeof word);
      if (!((word - EACH * 14) & ~word & EACH * 128)) {
        seen |= word;
        i += sizeof word;
        continue;
      }
    }
    size_t end = n - i < sizeof word ? n : i + sizeof word;
    for (; i < end; i++) {
      unsigned char c = (unsigned char)s[i];
      if (c == 0 || c == '\n' || c == '\r') goto out;
      seen |= c;
    }
  }
out:
  if (seen & EACH * 128) *high = 1;
  return i;
}

/* Where the conversion stands: the next byte in is buf[i], the next out buf[o]; o never passes i. */
struct place {
  char *buf;
  size_t i, o, n;
};

static void newline(struct eod *e, struct place *p)
{
  p->buf[p->o++] = '\n';
  e->size += 2;
  e->text++;
  e->line = 0;
}

static void bytes(struct eod *e, struct place *p, size_t len)
{
  if (p->o != p->i) memmove(p->buf + p->o, p->buf + p->i, len);
  p->i += len;
  p->o += len;
  e->size += len;
  e->text += len;
  e->line += len;
  if (e->line > e->line_max) e->faults |= EOD_LONG;
}

/* State TEXT: takes what is plain, then the byte that is not. */
static void text(struct eod *e, struct place *p)
{
  int high = 0;
  size_t len = plain(p->buf + p->i, p->n - p->i, &high);
  if (high) e->eightbit = 1;
  if (len) bytes(e, p, len);
  if (p->i == p->n) return;
  switch (p->buf[p->i]) {
    case '\r':
      if (++p->i == p->n || p->buf[p->i] != '\n') {
        e->state = TEXT_CR;
        return;
      }
      p->i++;
      newline(e, p);
      e->state = START;
      return;
    case '\n':
      if (!(e->mode & (EOD_LF_OK | EOD_LF_LINES))) e->faults |= EOD_BARE_LF;
      p->i++;
      newline(e, p);
      e->state = e->mode & (EOD_BDAT | EOD_LF_LINES) ? START : LF_START;
      return;
    default:
      e->faults |= EOD_NUL;
      bytes(e, p, 1);
  }
}

size_t eod_feed(struct eod *e, char *buf, size_t n, size_t *used)
{
  struct place p = { .buf = buf, .n = n };
  while (p.i < n && !e->ended) {
    char c = buf[p.i];
    switch (e->state) {
      case START:
      case LF_START: {
        int dot = c == '.' && !(e->mode & EOD_BDAT);
        p.i += (size_t)dot;
        e->state = dot && e->state == START ? DOT : TEXT;
        break;
      }
      case DOT:
        if (c == '\n' && e->mode & EOD_LF_LINES) e->ended = 1;
        p.i += c == '\r' || e->ended;
        e->state = c == '\r' ? DOT_CR : TEXT;
        break;
      case DOT_CR:
      case TEXT_CR:
        if (c != '\n') {
          e->faults |= EOD_BARE_CR;
          e->state = TEXT;
          break;
        }
        p.i++;
        if (e->state == DOT_CR) {
          e->ended = 1;
        }
        else {
          newline(e, &p);
          e->state = START;
        }
        break;
      default:
        text(e, &p);
    }
  }
  *used = p.i;
  return p.o;
}

int eod_last(struct eod *e)
{
  if (e->state == TEXT_CR) e->faults |= EOD_BARE_CR;
  if (e->state == START) return 0;
  e->state = START;
  e->size += 2;
  e->text++;
  e->line = 0;
  return 1;
}
