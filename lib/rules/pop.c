/* `grant pop [SECONDS] [/64] [on LISTENER[,LISTENER...]] [bound]`; policy/pop.h has what becomes of it. */
#include <errno.h>
#include <string.h>
#include "parse/number.h"
#include "policy/pop.h"
#include "rules/rules.h"

#define SECONDS_USUAL 300
#define SECONDS_LONG 3600 /* an address that is handed out anew belongs to somebody else by then */
#define ORDER "grant pop [SECONDS] [/64] [on LISTENER,...] [bound]"
#define LISTENER_MOST 63  /* bytes of a listener's name */

/* The words behind `grant pop`. */
struct words {
  struct word const *w;
  size_t n;
};

static int is_word(struct word w)
{
  return rules_is(w, "/64") || rules_is(w, "on") || rules_is(w, "bound");
}

static int take(struct words *x, char const *word)
{
  if (!x->n || !rules_is(*x->w, word)) return 0;
  x->w++;
  x->n--;
  return 1;
}

/* Appends s with a NUL behind to the value. */
static int put(struct compiler *c, char const *s, size_t n)
{
  if (stralloc_catb(&c->data, s, n) && stralloc_0(&c->data)) return 1;
  c->broken = ENOMEM;
  return 0;
}

static int read_seconds(struct compiler *c, struct words *x)
{
  struct quoted q;
  char digits[NUMBER_TEXT];
  uint64_t seconds = SECONDS_USUAL;
  if (x->n && !is_word(*x->w)) {
    if (number_scan(x->w->s, x->w->n, POP_SECONDS_MOST, &seconds) != NUMBER_OK || !seconds)
      return rules_error(c, "%s is no number of seconds from 1 to %d", quote(&q, x->w->s, x->w->n), POP_SECONDS_MOST),
        0;
    if (seconds > SECONDS_LONG)
      rules_warn(c, WARN_LONG_POP, "%u seconds after a POP login somebody else may have its address",
                 (unsigned)seconds);
    x->w++;
    x->n--;
  }
  return put(c, digits, number_fmt(digits, seconds));
}

/* Could relay-smtpd -l have it? A number is rather a port, and what begins with `-` an option. */
static int usual_name(struct word w)
{
  size_t digits = 0;
  for (size_t i = 0; i < w.n; i++) {
    char ch = w.s[i];
    int digit = ch >= '0' && ch <= '9';
    digits += (size_t)digit;
    if (!digit && !(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z') && (!i || !strchr("._-", ch))) return 0;
  }
  return digits < w.n;
}

/* A name in small letters, `-` being the plain listener, whose name is empty. */
static int read_listener(struct compiler *c, struct word w, size_t first)
{
  struct quoted q;
  char text[3 + LISTENER_MOST + 1] = "on=";
  if (!w.n) return rules_error(c, "a listener's name is missing: they stand with a comma and no blank between"), 0;
  if (w.n > LISTENER_MOST)
    return rules_error(c, "a listener's name of %zu bytes; %d are allowed", w.n, LISTENER_MOST), 0;
  if (w.n > 1 || *w.s != '-') {
    if (!usual_name(w))
      rules_warn(c, WARN_ODD_LISTENER, "%s is hardly a listener's name, which is that of `relay-smtpd -l`, or `-`",
                 quote(&q, w.s, w.n));
    for (size_t i = 0; i < w.n; i++)
      text[3 + i] = (char)(w.s[i] >= 'A' && w.s[i] <= 'Z' ? w.s[i] + 32 : w.s[i]);
  }
  for (size_t at = first; at < c->data.len; at += strlen(c->data.s + at) + 1)
    if (!strcmp(c->data.s + at, text)) return rules_error(c, "the listener %s stands twice", quote(&q, w.s, w.n)), 0;
  return put(c, text, strlen(text));
}

static int read_listeners(struct compiler *c, struct words *x)
{
  size_t first = c->data.len;
  if (!take(x, "on")) return 1;
  if (!x->n || is_word(*x->w)) return rules_error(c, "a listener is missing behind `on`"), 0;
  struct word all = *x->w++;
  x->n--;
  for (;;) {
    char const *comma = memchr(all.s, ',', all.n);
    size_t n = comma ? (size_t)(comma - all.s) : all.n;
    if (!read_listener(c, (struct word){ all.s, n }, first)) return 0;
    if (!comma) break;
    all.s += n + 1;
    all.n -= n + 1;
  }
  c->pop.submission = c->data.len - first == sizeof "on=submission" && !strcmp(c->data.s + first, "on=submission");
  return 1;
}

int rules_pop(struct compiler *c, struct word const *w, size_t n)
{
  struct words x = { w, n };
  struct quoted q;
  c->data.len = 0;
  if (!read_seconds(c, &x)) return 0;
  if (take(&x, "/64") && !put(c, "/64", 3)) return 0;
  if (!read_listeners(c, &x)) return 0;
  if (take(&x, "bound")) {
    c->pop.bound = 1;
    if (!put(c, "bound", 5)) return 0;
  }
  if (!x.n) return 1;
  rules_error(c, is_word(*x.w) ? "%s in the wrong place, or twice: %s" : "%s is not known here: %s",
              quote(&q, x.w->s, x.w->n), ORDER);
  return 0;
}

/* Whom a bound grant lets relay: the users who may. */
void rules_pop_user(struct compiler *c, struct word shown, char const *name, char const *senders, size_t len)
{
  if (!c->pop.bound || !rules_add(c, TABLE_SENDERS, name, strlen(name), shown, senders, len)) return;
  c->pop.users++;
  c->pop.unbound += !len;
}

void rules_check_pop(struct compiler *c, uint32_t line)
{
  if (c->pop.bound && !c->pop.users) {
    rules_warn_at(c, WARN_UNUSED, FILE_RELAY, line, "void: `bound`, and there is nobody in `users` who may relay");
    return;
  }
  if (c->pop.unbound)
    rules_warn_at(c, WARN_UNBOUND, FILE_RELAY, line, "bound: %u users may send as anybody, since their lines have no "
                  "`from`", (unsigned)c->pop.unbound);
  if (c->pop.submission)
    rules_warn_at(c, WARN_ODD_LISTENER, FILE_RELAY, line, "the listener `submission` wants another login all the same");
}
