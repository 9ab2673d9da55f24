/* Values of RELAYCLIENT in `clients`. */
#include <errno.h>
#include <string.h>
#include "codec/escape.h"
#include "diff/values.h"
#include "parse/number.h"
#include "policy/gate.h"

#define KEPT 100 /* different values; there is seldom more than one */

struct value {
  char const *s;      /* points into a table */
  uint32_t line[2];   /* the first that sets it in each; 0: none */
};

struct values {
  struct value all[KEPT];
  size_t n;
  int more;           /* others were not kept */
};

/* Do both say the same, whatever the lines' numbers? Returns 1, 0, or -1 when one is corrupt. */
static int same(struct table_set const *const t[2])
{
  uint32_t pos[2] = { 0, 0 };
  enum table which[2];
  char const *key[2];
  size_t len[2];
  struct record r[2];
  for (;;) {
    int more[2];
    for (int i = 0; i < 2; i++)
      if ((more[i] = table_next(t[i], pos + i, which + i, key + i, len + i, r + i)) < 0) return -1;
    if (!more[0] || !more[1]) return more[0] == more[1];
    if (which[0] != which[1] || len[0] != len[1] || memcmp(key[0], key[1], len[0]) || r[0].len != r[1].len ||
        memcmp(r[0].data, r[1].data, r[0].len)) return 0;
  }
}

static void add(struct values *x, char const *s, uint32_t line, unsigned t)
{
  size_t i = 0;
  while (i < x->n && strcmp(x->all[i].s, s)) i++;
  if (i == KEPT) {
    x->more = 1;
    return;
  }
  if (i == x->n) x->all[x->n++] = (struct value){ .s = s };
  if (!x->all[i].line[t] || line < x->all[i].line[t]) x->all[i].line[t] = line;
}

static int gather(struct values *x, struct diff const *d)
{
  static char const name[] = "RELAYCLIENT=";
  int equal = same(d->t), more = 0;
  x->n = 0;
  x->more = 0;
  for (unsigned t = 0; t < 2 && !equal; t++) {
    uint32_t pos = 0, at;
    enum table which;
    char const *key, *var;
    size_t len;
    struct record r;
    while ((more = table_next(d->t[t], &pos, &which, &key, &len, &r)) > 0) {
      if (which != TABLE_CLIENTS || !r.line) continue;
      for (at = 0; (more = gate_variable(&r, &at, &var)) > 0; )
        if (!strncmp(var, name, sizeof name - 1) && var[sizeof name - 1]) add(x, var + sizeof name - 1, r.line, t);
      if (more < 0) break;
    }
    if (more < 0) break;
  }
  return equal < 0 || more < 0 ? (errno = EPROTO, -1) : 0;
}

static int put_line(stralloc *out, uint32_t line)
{
  char text[NUMBER_TEXT];
  if (!line) return stralloc_cats(out, "-");
  return stralloc_cats(out, "clients:") && stralloc_catb(out, text, number_fmt(text, line));
}

int values_text(stralloc *out, struct diff const *d, unsigned most)
{
  struct values x;
  int ok = 1;
  if (gather(&x, d) < 0) return -1;
  for (size_t i = 0; i < x.n && ok && (!most || i < most); i++) {
    size_t n = strlen(x.all[i].s);
    ok = stralloc_cats(out, "not followed: recipients with RELAYCLIENT's value ") &&
      stralloc_readyplus(out, CODEC_ESCAPED(n));
    if (ok) out->len += codec_escape(out->s + out->len, x.all[i].s, n);
    ok = ok && stralloc_cats(out, " behind (") && put_line(out, x.all[i].line[0]) && stralloc_cats(out, " -> ") &&
      put_line(out, x.all[i].line[1]) && stralloc_cats(out, "); what is decided about those was not compared\n");
  }
  if (ok && (x.more || (most && x.n > most))) ok = stralloc_cats(out, "not followed: more values\n");
  return ok ? 0 : (errno = ENOMEM, -1);
}

int values_json(struct json *j, struct diff const *d)
{
  static char const *const keys[2] = { "old", "new" };
  struct values x;
  if (gather(&x, d) < 0) return -1;
  json_key(j, "not-followed"), json_array(j);
  for (size_t i = 0; i < x.n; i++) {
    json_object(j);
    json_key(j, "value"), json_str(j, x.all[i].s);
    for (unsigned t = 0; t < 2; t++) {
      json_key(j, keys[t]);
      if (x.all[i].line[t]) json_number(j, x.all[i].line[t]);
      else json_null(j);
    }
    json_end(j);
  }
  json_end(j);
  json_key(j, "not-followed-more"), json_bool(j, x.more);
  return 0;
}
