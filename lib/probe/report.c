/* What a run found out, in words. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "codec/escape.h"
#include "json/json.h"
#include "probe/report.h"

static char const *const judgements[] = {
  [PROBE_SKIPPED] = "not tried", [PROBE_REFUSED] = "refused", [PROBE_UNCLEAR] = "unclear",
  [PROBE_ACCEPTED] = "ACCEPTED",
};

static int add(stralloc *out, char const *format, ...) __attribute__((format(printf, 2, 3)));
static int add(stralloc *out, char const *format, ...)
{
  char s[PROBE_TEXT + 256];
  va_list args;
  va_start(args, format);
  vsnprintf(s, sizeof s, format, args);
  va_end(args);
  return stralloc_cats(out, s);
}

/* A path or a greeting as it was said; what isn't printable, escaped. */
static int path(stralloc *out, struct probe const *p, unsigned i, char const *pattern)
{
  stralloc raw = STRALLOC_ZERO;
  int ok = probe_expand(&raw, &p->plan, &p->plan.test[i], pattern);
  for (size_t k = 0; ok && k < raw.len; k++) {
    char c = raw.s[k], escaped[CODEC_ESCAPED(1)];
    if (c >= ' ' && c <= '~') ok = stralloc_catb(out, &c, 1);
    else ok = stralloc_catb(out, escaped, codec_escape(escaped, &c, 1));
  }
  stralloc_free(&raw);
  return ok;
}

/* What stands behind MAIL FROM; and how we greeted if not as ever. */
static int mail_column(stralloc *out, struct probe const *p, unsigned i)
{
  struct probe_form const *f = p->plan.test[i].form;
  return path(out, p, i, f->mail) && (!f->hello || (stralloc_cats(out, " after ") && path(out, p, i, f->hello)));
}

/* The widest path of all tests: which 0 is MAIL's, 1 RCPT's. */
static size_t widest(struct probe const *p, int which)
{
  stralloc s = STRALLOC_ZERO;
  size_t most = 9;
  for (unsigned i = 0; i < p->plan.n; i++) {
    s.len = 0;
    which ? path(&s, p, i, p->plan.test[i].form->rcpt) : mail_column(&s, p, i);
    if (s.len > most) most = s.len;
  }
  stralloc_free(&s);
  return most;
}

static int padded(stralloc *out, size_t from, size_t width)
{
  int ok = 1;
  while (ok && out->len - from < width) ok = stralloc_catb(out, " ", 1);
  return ok && stralloc_catb(out, "  ", 2);
}

/* The columns of a test; of the head if there is no such one. */
static int columns(stralloc *out, struct probe const *p, unsigned i)
{
  size_t at = out->len;
  int ok = i < p->plan.n ? mail_column(out, p, i) : stralloc_cats(out, "MAIL FROM");
  ok = ok && padded(out, at, widest(p, 0));
  at = out->len;
  ok = ok && (i < p->plan.n ? path(out, p, i, p->plan.test[i].form->rcpt) : stralloc_cats(out, "RCPT TO"));
  return ok && padded(out, at, widest(p, 1));
}

int probe_report_head(stralloc *out, struct probe const *p)
{
  int ok = add(out, "server: %s, port %u; its names:", p->client.name, (unsigned)p->port);
  for (unsigned i = 0; ok && i < p->plan.names.n; i++) ok = add(out, " %s", p->plan.names.name[i]);
  return ok && add(out, "\n  no  %-9s  %-28s", "judgement", "form")
    && columns(out, p, p->plan.n) && add(out, "answer\n");
}

int probe_report_row(stralloc *out, struct probe const *p, unsigned i)
{
  struct probe_form const *f = p->plan.test[i].form;
  struct probe_result const *r = &p->result[i];
  char const *why = r->verdict.why;
  int both = *why && *r->text;
  char const *command = !r->code ? "" : r->stage == PROBE_MAIL ? "MAIL: " : r->stage == PROBE_HELLO ? "HELO: " : "";
  return add(out, "%4u  %-9s  %-28s", i + 1, judgements[r->verdict.what], f->name)
    && columns(out, p, i)
    && add(out, "%s%s%s%s%s\n", command, r->text, both ? " (" : "", why,
      both ? ")" : "");
}

int probe_report_sum(stralloc *out, struct probe const *p, enum probe_judgement whole)
{
  unsigned const *n = p->counts;
  if (!add(out, "%u accepted, %u refused, %u unclear, %u not tried\n", n[PROBE_ACCEPTED], n[PROBE_REFUSED],
    n[PROBE_UNCLEAR], n[PROBE_SKIPPED])) return 0;
  if (p->deliver && !add(out, "messages sent in this run have %s in their Message-ID\n", p->plan.unlikely)) return 0;
  switch (whole) {
    case PROBE_ACCEPTED: return add(out, "open: %s accepts strangers' mail for others%s\n", p->client.name,
      p->deliver ? "" : " (-d shows whether it delivers)");
    case PROBE_REFUSED: return add(out, "closed: %s refused all forms\n", p->client.name);
    default: return add(out, "could not tell: see what is unclear\n");
  }
}

static void json_test(struct json *j, struct probe const *p, unsigned i)
{
  static char const *const stages[] = { 0, "HELO", "MAIL", "RCPT", "DATA", "end of data" };
  struct probe_form const *f = p->plan.test[i].form;
  struct probe_result const *r = &p->result[i];
  stralloc hello = STRALLOC_ZERO, mail = STRALLOC_ZERO, rcpt = STRALLOC_ZERO;
  if (f->hello && !probe_expand(&hello, &p->plan, &p->plan.test[i], f->hello)) j->failed = 1;
  if (!probe_expand(&mail, &p->plan, &p->plan.test[i], f->mail)) j->failed = 1;
  if (!probe_expand(&rcpt, &p->plan, &p->plan.test[i], f->rcpt)) j->failed = 1;
  json_object(j);
  json_key(j, "number"), json_number(j, i + 1);
  json_key(j, "form"), json_str(j, f->name);
  json_key(j, "control"), json_bool(j, f->control);
  json_key(j, "hello"), f->hello ? json_string(j, hello.s, hello.len) : json_null(j);
  json_key(j, "mail"), json_string(j, mail.s, mail.len);
  json_key(j, "rcpt"), json_string(j, rcpt.s, rcpt.len);
  json_key(j, "command"), json_str(j, stages[r->stage]);
  json_key(j, "code"), r->code ? json_number(j, r->code) : json_null(j);
  json_key(j, "enhanced"), json_str(j, r->enhanced[0] ? r->enhanced : 0);
  json_key(j, "answer"), json_str(j, r->text);
  json_key(j, "judgement"), json_str(j, r->verdict.what == PROBE_ACCEPTED ? "accepted" : judgements[r->verdict.what]);
  json_key(j, "why"), json_str(j, r->verdict.why);
  json_end(j);
  stralloc_free(&hello);
  stralloc_free(&mail);
  stralloc_free(&rcpt);
}

int probe_report_json(stralloc *out, struct probe const *p, enum probe_judgement whole)
{
  struct json j = JSON_START(out);
  json_object(&j);
  json_key(&j, "server"), json_str(&j, p->client.name);
  json_key(&j, "port"), json_number(&j, p->port);
  json_key(&j, "names"), json_array(&j);
  for (unsigned i = 0; i < p->plan.names.n; i++) json_str(&j, p->plan.names.name[i]);
  json_end(&j);
  json_key(&j, "run"), json_str(&j, p->plan.unlikely);
  json_key(&j, "trouble"), json_str(&j, p->plan.n ? 0 : p->trouble);
  json_key(&j, "tests"), json_array(&j);
  for (unsigned i = 0; i < p->plan.n; i++) json_test(&j, p, i);
  json_end(&j);
  json_key(&j, "verdict"), json_str(&j, whole == PROBE_ACCEPTED ? "open" : whole == PROBE_REFUSED ? "closed" :
    "could not tell");
  json_end(&j);
  return !j.failed && stralloc_cats(out, "\n");
}
