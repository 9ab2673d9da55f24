/* The field From.
 *
 *   state    LF           :                  space, tab   0x21 to 0x7e   other       the state means
 *   BEGIN    end          improper           BODY, KEEP   NAME           improper    at the beginning of a line
 *   NAME     improper     KEEP if it is From GAP          NAME           improper    in a field's name
 *   GAP      improper     the same           GAP          improper       improper    between name and colon
 *   BODY     BEGIN        stays              stays        stays          stays       of another field
 *   KEEP     BEGIN        kept               kept         kept           kept        of From
 *
 * A folded line goes on with the field before it. */
#include <string.h>
#include "parse/from.h"
#include "parse/utf8.h"

enum { BEGIN, NAME, GAP, BODY, KEEP };

void from_init(struct from *f)
{
  memset(f, 0, offsetof(struct from, s));
}

static void end(struct from *f, int improper)
{
  f->ended = 1;
  f->improper = !!improper;
}

static void colon(struct from *f)
{
  int it_is = f->name == 4 && f->match == 4;
  f->state = it_is ? KEEP : BODY;
  if (it_is && f->fields++) f->state = BODY; /* a second one is refused anyway */
}

static void keep(struct from *f, char c)
{
  if (f->len < FROM_MAX) f->s[f->len++] = c;
  else f->big = 1;
}

/* A line begins. match and name tell what the line before it belongs to. */
static void begin(struct from *f, unsigned char c)
{
  if (c == '\n') end(f, 0);
  else if (c == ' ' || c == '\t') {
    if (!f->name) end(f, 1); /* the first line of all can't be folded */
    else f->state = f->match == 4 && f->name == 4 && f->fields == 1 ? KEEP : BODY;
    if (f->state == KEEP) keep(f, (char)c);
  }
  else if (c > ' ' && c < 0x7f && c != ':') {
    f->name = 1;
    f->match = (c | 32) == 'f';
    f->state = NAME;
  }
  else end(f, 1);
}

static void byte(struct from *f, unsigned char c)
{
  if (f->state == BEGIN) begin(f, c);
  else if (f->state >= BODY) {
    if (c == '\n') f->state = BEGIN;
    else if (f->state == KEEP) keep(f, (char)c);
  }
  else if (c == ':') colon(f);
  else if (c == ' ' || c == '\t') f->state = GAP;
  else if (f->state == NAME && c > ' ' && c < 0x7f) {
    if (f->match == f->name && f->match < 4 && (c | 32) == "from"[f->match]) f->match++;
    f->name++;
  }
  else end(f, 1);
}

void from_feed(struct from *f, char const *s, size_t n)
{
  for (size_t i = 0; i < n && !f->ended; i++) {
    char const *lf = f->state == BODY ? memchr(s + i, '\n', n - i) : 0;
    if (f->state == BODY && !lf) return;
    if (lf) i = (size_t)(lf - s);
    byte(f, (unsigned char)s[i]);
  }
}

struct reader {
  char const *s;
  size_t n, at;
  int (*each)(void *arg, struct address const *a);
  void *arg;
  unsigned found;
};

static int next(struct reader const *r)
{
  return r->at < r->n ? (unsigned char)r->s[r->at] : -1;
}

/* Steps over a quoted string, a literal or a comment that begins here. Returns 1, or 0 when it has no end. */
static int over(struct reader *r, char open, char close)
{
  unsigned depth = 0;
  for (; r->at < r->n; r->at++) {
    char c = r->s[r->at];
    if (c == '\\') r->at++;
    else if (c == close && (c != open || depth) && !--depth) return r->at++, 1;
    else if (c == open) depth++;
  }
  return 0;
}

/* CFWS (RFC 5322 3.2.2). */
static int blanks(struct reader *r)
{
  for (;;) {
    int c = next(r);
    if (c == ' ' || c == '\t') r->at++;
    else if (c != '(') return 1;
    else if (!over(r, '(', ')')) return 0;
  }
}

/* Bytes of an atom, with dots and UTF-8 (RFC 6532 3.2). */
static size_t atom(struct reader *r)
{
  size_t from = r->at;
  while (r->at < r->n) {
    unsigned char c = (unsigned char)r->s[r->at];
    uint32_t u;
    int plain = c > ' ' && c < 0x7f && !strchr("()<>[]:;@\\,\"", c);
    size_t step = c >= 0x80 ? utf8_next(&u, r->s + r->at, r->n - r->at) : (size_t)plain;
    if (!step) break;
    r->at += step;
  }
  return r->at - from;
}

/* A word: an atom or a quoted string. */
static int word(struct reader *r)
{
  return next(r) == '"' ? over(r, '"', '"') : atom(r) > 0;
}

/* Reads s[from..at) as an address and hands it over. */
static int give(struct reader *r, size_t from)
{
  struct address a;
  if (address_mailbox(&a, r->s + from, r->at - from, 1) != ADDRESS_OK || !*a.domain) return 0;
  r->found++;
  return r->each(r->arg, &a);
}

/* local-part "@" domain without blanks in it; the local part has been read from `from` on. */
static int address(struct reader *r, size_t from)
{
  if (next(r) != '@') return 0;
  r->at++;
  if (next(r) == '[' ? !over(r, '[', ']') : !atom(r)) return 0;
  return give(r, from);
}

/* "<" address ">" */
static int angle(struct reader *r)
{
  r->at++;
  size_t from = r->at;
  if (!word(r) || !address(r, from) || next(r) != '>') return 0;
  r->at++;
  return blanks(r);
}

/* [phrase] "<" address ">", or an address alone; or, where groups may be, phrase ":" addresses ";" */
static int mailbox(struct reader *r, int group);

static int mailboxes(struct reader *r, int in_group)
{
  do {
    if (!blanks(r)) return 0;
    if (in_group && next(r) == ';') break;
    if (!mailbox(r, !in_group)) return 0;
  } while (next(r) == ',' && ++r->at);
  return 1;
}

static int mailbox(struct reader *r, int group)
{
  size_t words = 0;
  while (next(r) != '<') {
    size_t from = r->at;
    if (next(r) == ':' && group && words) {
      r->at++;
      if (!mailboxes(r, 1) || next(r) != ';') return 0;
      r->at++;
      return blanks(r);
    }
    if (!word(r)) return 0;
    if (next(r) == '@') return !words && address(r, from) && blanks(r);
    if (!blanks(r)) return 0;
    words++;
  }
  return angle(r);
}

int from_each(struct from const *f, int (*each)(void *arg, struct address const *a), void *arg)
{
  struct reader r = { f->s, f->len, 0, each, arg, 0 };
  if (f->fields != 1 || f->big || f->improper) return 0;
  return mailboxes(&r, 0) && r.at == r.n && r.found;
}
