/* Parameters of delivery status notifications. */
#include <stdint.h>
#include <string.h>
#include "parse/dsn.h"
#include "parse/utf8.h"

static struct { char const *word; unsigned bit; } const notify_words[] = { /* in the order of the form */
  { "NEVER", DSN_NEVER }, { "SUCCESS", DSN_SUCCESS }, { "FAILURE", DSN_FAILURE }, { "DELAY", DSN_DELAY },
};
#define WORDS (sizeof notify_words / sizeof *notify_words)

static int upper_hex(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int dsn_unxtext(char *out, size_t *len, char const *s, size_t n)
{
  size_t at = 0;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c <= ' ' || c > '~' || c == '=') return 0;
    if (c == '+') {
      int high = n - i > 2 ? upper_hex(s[i + 1]) : -1, low = n - i > 2 ? upper_hex(s[i + 2]) : -1;
      if (high < 0 || low < 0) return 0;
      c = (unsigned char)(high << 4 | low);
      if (c < ' ' || c > '~') return 0; /* it is to stand in a header field some day */
      i += 2;
    }
    out[at++] = (char)c;
  }
  *len = at;
  return 1;
}

/* Keeps xtext as it is written. Returns 1, or 0 when it is none, empty, or longer than most. */
static int keep_xtext(char *out, char const *s, size_t n, size_t most)
{
  char plain[DSN_ORCPT];
  size_t len;
  if (!n || n > most || !dsn_unxtext(plain, &len, s, n)) return 0;
  memcpy(out, s, n);
  out[n] = 0;
  return 1;
}

enum dsn_taken dsn_mail_take(struct dsn_mail *d, struct param const *p)
{
  if (param_is(p, "RET")) {
    if (d->ret) return DSN_BAD;
    d->ret = param_value_is(p, "FULL") ? DSN_RET_FULL : param_value_is(p, "HDRS") ? DSN_RET_HDRS : DSN_RET_NONE;
    return d->ret ? DSN_TAKEN : DSN_BAD;
  }
  if (!param_is(p, "ENVID")) return DSN_OTHER;
  return !*d->envid && p->value && keep_xtext(d->envid, p->value, p->valuelen, DSN_ENVID) ? DSN_TAKEN : DSN_BAD;
}

/* NEVER, or a list of the others, none of them twice. */
static enum dsn_taken take_notify(struct dsn_rcpt *d, struct param const *p)
{
  if (d->notify || !p->value) return DSN_BAD;
  for (size_t i = 0; i <= p->valuelen;) {
    char const *comma = memchr(p->value + i, ',', p->valuelen - i);
    size_t n = comma ? (size_t)(comma - p->value) - i : p->valuelen - i, k = 0;
    struct param word = { .value = p->value + i, .valuelen = n };
    while (k < WORDS && !param_value_is(&word, notify_words[k].word)) k++;
    if (k == WORDS || d->notify & (notify_words[k].bit | DSN_NEVER)) return DSN_BAD;
    if (notify_words[k].bit == DSN_NEVER && d->notify) return DSN_BAD;
    d->notify |= notify_words[k].bit;
    i += n + 1;
  }
  return DSN_TAKEN;
}

/* Reads \x{HEX} (RFC 6533 3: no surrogates, no more digits than needed, nothing that needs no escape). Returns its
 * length, or 0. */
static size_t embedded(char const *s, size_t n)
{
  uint32_t u = 0;
  size_t i = 3;
  if (n < 6 || memcmp(s, "\\x{", 3)) return 0;
  for (; i < n && i < 9 && upper_hex(s[i]) >= 0; i++) u = u << 4 | (uint32_t)upper_hex(s[i]);
  if (i == n || s[i] != '}' || s[3] == '0' || i == 3 || u > 0x10ffff || (u >= 0xd800 && u <= 0xdfff)) return 0;
  return u >= 0x80 || (u < 0x80 && (u == 0x20 || u == '+' || u == '=' || u == '\\')) ? i + 1 : 0;
}

static size_t embed(char *out, uint32_t u)
{
  static char const digits[] = "0123456789ABCDEF";
  size_t at = 3, shift = 24;
  memcpy(out, "\\x{", 3);
  while (shift && !(u >> (shift - 4))) shift -= 4;
  for (; shift; shift -= 4) out[at++] = digits[u >> (shift - 4) & 15];
  out[at++] = '}';
  return at;
}

/* An address of the type utf-8 (RFC 6533 3), in either form; the one of ASCII is kept. Returns 1, -1 when that is too
 * long, 0 when malformed. */
static int keep_utf8(char *out, size_t room, char const *s, size_t n)
{
  char piece[16];
  size_t at = 0;
  int fits = 1;
  for (size_t i = 0; i < n;) {
    unsigned char c = (unsigned char)s[i];
    uint32_t u;
    size_t used = c == '\\' ? embedded(s + i, n - i) : c >= 0x80 ? utf8_next(&u, s + i, n - i)
      : c > ' ' && c <= '~' && c != '+' && c != '=';
    if (!used) return 0;
    size_t len = c >= 0x80 ? embed(piece, u) : used;
    if (at + len > room) fits = 0;
    if (fits) memcpy(out + at, c >= 0x80 ? piece : s + i, len);
    at += len;
    i += used;
  }
  if (!fits || !at) return at ? -1 : 0;
  out[at] = 0;
  return 1;
}

/* Is it an atom, as the type of an address must be? Letters, digits and hyphens are all that is in use. */
static int is_type(char const *s, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    char c = (char)(s[i] | 32);
    if (!(c >= 'a' && c <= 'z') && !(s[i] >= '0' && s[i] <= '9') && s[i] != '-') return 0;
  }
  return n > 0;
}

static enum dsn_taken take_orcpt(struct dsn_rcpt *d, struct param const *p)
{
  char const *semicolon = p->value ? memchr(p->value, ';', p->valuelen) : 0;
  size_t type = semicolon ? (size_t)(semicolon - p->value) : 0;
  if (*d->orcpt || !is_type(p->value, type) || p->valuelen > DSN_ORCPT) return DSN_BAD;
  struct param word = { .value = p->value, .valuelen = type };
  char const *s = semicolon + 1;
  size_t n = p->valuelen - type - 1, room = DSN_ORCPT - type - 1;
  int kept = param_value_is(&word, "utf-8") ? keep_utf8(d->orcpt + type + 1, room, s, n)
    : keep_xtext(d->orcpt + type + 1, s, n, room);
  if (kept > 0) memcpy(d->orcpt, p->value, type + 1);
  else *d->orcpt = 0;
  return kept ? DSN_TAKEN : DSN_BAD;
}

enum dsn_taken dsn_rcpt_take(struct dsn_rcpt *d, struct param const *p)
{
  if (param_is(p, "NOTIFY")) return take_notify(d, p);
  return param_is(p, "ORCPT") ? take_orcpt(d, p) : DSN_OTHER;
}

/* Writes an address as xtext. Returns 1, or 0: no room, or not printable ASCII. */
static int xtext(char *out, size_t room, char const *s)
{
  static char const digits[] = "0123456789ABCDEF";
  for (; *s; s++) {
    int plain = *s > ' ' && *s <= '~' && *s != '+' && *s != '=';
    if (*s < ' ' || *s > '~' || room < 4) return 0;
    if (!plain) *out++ = '+', *out++ = digits[*s >> 4], *out++ = digits[*s & 15];
    else *out++ = *s;
    room -= plain ? 1 : 3;
  }
  *out = 0;
  return 1;
}

/* The same as RFC 6533 has it for addresses beyond ASCII. */
static int xtext_utf8(char *out, size_t room, char const *s)
{
  size_t n = strlen(s), used;
  uint32_t u;
  for (size_t i = 0; i < n; i += used) {
    if (room < 11 || !(used = utf8_next(&u, s + i, n - i)) || u < ' ' || u == 0x7f) return 0;
    int plain = u > ' ' && u < 0x7f && u != '+' && u != '=' && u != '\\';
    size_t len = plain ? 1 : embed(out, u);
    if (plain) *out = s[i];
    out += len;
    room -= len;
  }
  *out = 0;
  return 1;
}

void dsn_set_orcpt(struct dsn_rcpt *d, char const *address)
{
  int ascii = 1;
  for (char const *s = address; *s; s++) if ((unsigned char)*s >= 0x80) ascii = 0;
  char const *type = ascii ? "rfc822;" : "utf-8;";
  size_t n = strlen(type);
  memcpy(d->orcpt, type, n);
  int ok = *address && (ascii ? xtext : xtext_utf8)(d->orcpt + n, DSN_ORCPT - n, address);
  if (!ok) *d->orcpt = 0;
}

static size_t cat(char *out, size_t at, char const *s)
{
  size_t n = strlen(s);
  memcpy(out + at, s, n + 1);
  return at + n;
}

size_t dsn_mail_fmt(char out[DSN_TEXT], struct dsn_mail const *d)
{
  size_t at = cat(out, 0, d->ret == DSN_RET_FULL ? "RET=FULL" : d->ret == DSN_RET_HDRS ? "RET=HDRS" : "");
  return *d->envid ? cat(out, cat(out, at, at ? " ENVID=" : "ENVID="), d->envid) : at;
}

size_t dsn_rcpt_fmt(char out[DSN_TEXT], struct dsn_rcpt const *d)
{
  size_t at = cat(out, 0, d->expanded ? "EXPANDED" : "");
  char const *before = at ? " NOTIFY=" : "NOTIFY=";
  for (size_t k = 0; k < WORDS; k++) {
    if (!(d->notify & notify_words[k].bit)) continue;
    at = cat(out, cat(out, at, before), notify_words[k].word);
    before = ",";
  }
  return *d->orcpt ? cat(out, cat(out, at, at ? " ORCPT=" : "ORCPT="), d->orcpt) : at;
}

static int mail_takes(void *d, struct param const *p)
{
  return dsn_mail_take(d, p) == DSN_TAKEN;
}

static size_t mail_writes(char out[DSN_TEXT], void const *d)
{
  return dsn_mail_fmt(out, d);
}

static int rcpt_takes(void *d, struct param const *p)
{
  struct dsn_rcpt *r = d;
  if (!param_is(p, "EXPANDED") || p->value) return dsn_rcpt_take(r, p) == DSN_TAKEN;
  r->expanded = 1;
  return 1;
}

static size_t rcpt_writes(char out[DSN_TEXT], void const *d)
{
  return dsn_rcpt_fmt(out, d);
}

/* Only what is written back as it came counts: so all is checked that the form makes sure of. */
static int scan(void *d, char const *s, int (*takes)(void *, struct param const *),
  size_t (*writes)(char out[DSN_TEXT], void const *))
{
  char text[DSN_TEXT], line[DSN_TEXT + 1] = " ";
  size_t n = strlen(s), pos = 0;
  struct param p;
  int more = 0;
  if (n >= DSN_TEXT) return 0;
  memcpy(line + 1, s, n);
  while (n && (more = params_next(line, n + 1, &pos, 0, &p)) > 0) if (!takes(d, &p)) return 0;
  return !more && writes(text, d) == n && !memcmp(text, s, n);
}

int dsn_mail_scan(struct dsn_mail *d, char const *s)
{
  memset(d, 0, sizeof *d);
  int ok = scan(d, s, mail_takes, mail_writes);
  if (!ok) memset(d, 0, sizeof *d);
  return ok;
}

int dsn_rcpt_scan(struct dsn_rcpt *d, char const *s)
{
  memset(d, 0, sizeof *d);
  int ok = scan(d, s, rcpt_takes, rcpt_writes);
  if (!ok) memset(d, 0, sizeof *d);
  return ok;
}

int dsn_wants(struct dsn_rcpt const *d, enum dsn_notify what)
{
  unsigned notify = d->notify ? d->notify : DSN_FAILURE | DSN_DELAY;
  return (notify & what) != 0;
}

void dsn_no_success(struct dsn_rcpt *d)
{
  if (!(d->notify & DSN_SUCCESS)) return;
  d->notify &= ~(unsigned)DSN_SUCCESS;
  if (!d->notify) d->notify = DSN_NEVER;
}
