/* lib/through: the envelope in all pieces, one next hop or none, and what each report comes to. */
#include <stdlib.h>
#include "rules_double.h"
#include "unit.h"
#include "base/limits.h"
#include "through/through.h"

#define L100 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
#define L1000 L100 L100 L100 L100 L100 L100 L100 L100 L100 L100

/* Envelopes with | for NUL. */
static struct envelope_case {
  char const *text;
  enum through_read read;
  unsigned n;
  char const *kept;
} const envelopes[] = {
  { "Fs@x|Ta@y||", THROUGH_WHOLE, 1, "s@x|a@y|" },
  { "F|Ta@y|Tb@y||", THROUGH_WHOLE, 2, "|a@y|b@y|" },
  { "Fs@x|Ta@y|", THROUGH_MORE, 1, "s@x|a@y|" },
  { "Fs@x|Ta@", THROUGH_MORE, 0, "s@x|a@" },
  { "", THROUGH_MORE, 0, "" },
  { "Fs@x||", THROUGH_BAD, 0, "s@x|" }, /* nobody to send to */
  { "|", THROUGH_BAD, 0, "" },
  { "Ta@y|", THROUGH_BAD, 0, "" },
  { "Fs@x|Fa@y|", THROUGH_BAD, 0, "s@x|" },
  { "Fs@x|Ta@y|X", THROUGH_BAD, 1, "s@x|a@y|" },
  { "F" L1000 "123|T" L1000 "123||", THROUGH_WHOLE, 1, L1000 "123|" L1000 "123|" },
  { "F" L1000 "1234|", THROUGH_LONG, 0, 0 },
  { "F|T" L1000 "1234|", THROUGH_LONG, 0, 0 },
};

static void reads_envelopes(void **state)
{
  struct envelope_case const *c;
  (void)state;
  EACH_CASE(c, envelopes) {
    for (size_t piece = 1; piece < 4000; piece = piece < 6 ? piece + 1 : piece * 7) {
      struct through_envelope e = { .bytes = STRALLOC_ZERO };
      size_t len = strlen(c->text);
      char *s = strdup(c->text);
      enum through_read r = THROUGH_MORE;
      for (size_t i = 0; i < len; i++) if (s[i] == '|') s[i] = 0;
      for (size_t i = 0; i < len && r == THROUGH_MORE; i += piece)
        r = through_envelope(&e, s + i, len - i < piece ? len - i : piece);
      CHECK(r == c->read && (!c->kept || e.n == c->n), "%s by %zu: %d, %u", c->text, piece, r, e.n);
      for (size_t i = 0; i < e.bytes.len; i++) if (!e.bytes.s[i]) e.bytes.s[i] = '|';
      int same = c->kept && e.bytes.len == strlen(c->kept) &&
        (!e.bytes.len || !memcmp(e.bytes.s, c->kept, e.bytes.len));
      CHECK(!c->kept || same, "%s by %zu", c->text, piece);
      stralloc_free(&e.bytes);
      free(s);
    }
  }
}

/* With the routes below: recipients with | for NUL, and the domain, or the verdict. */
static char const routes[] =
  "a.example:192.0.2.1\nb.example:192.0.2.1\nc.example:192.0.2.1:26\n.d.example:\nrelay.example:[::1]\n";
static struct hop_case { char const *recipients, *domain, *verdict; } const hops[] = {
  { "x@a.example|", "a.example", 0 },
  { "x@a.example|y@B.example.|", "a.example", 0 },
  { "x@A.EXAMPLE|", "a.example", 0 },
  { "x@e.example|y@e.example|", "e.example", 0 },
  { "postmaster|x@relay.example|", "relay.example", 0 },
  { "x@[192.0.2.7]|", "[192.0.2.7]", 0 },
  { "x@a.example|y@c.example|", 0, "Z4.5.3 " },
  { "x@a.example|y@b.example|z@e.example|", 0, "Z4.5.3 " },
  { "x@s.d.example|y@t.d.example|", 0, "Z4.5.3 " },
  { "x@a.example|postmaster|", 0, "Z4.5.3 " },
  { "x@@a|", 0, "D5.1.3 " },
  { "x@a.example|joe|", 0, "D5.1.3 " },
  { "|", 0, "D5.1.3 " },
};

static void finds_one_hop(void **state)
{
  struct hop_case const *c;
  struct table_set *t = rules(0, 0, 0, routes, 0);
  struct through_verdict v;
  char domain[DOMAIN_TEXT];
  (void)state;
  EACH_CASE(c, hops) {
    char *s = strdup(c->recipients);
    unsigned n = 0;
    for (char *p = s; *p; p++) if (*p == '|') *p = 0, n++;
    memset(&v, 0, sizeof v);
    int r = through_hop(t, s, n, domain, &v);
    CHECK(r == (c->domain != 0), "%s: %d", c->recipients, r);
    CHECK(!r || !strcmp(domain, c->domain), "%s: %s", c->recipients, domain);
    int same = !r && v.kind == *c->verdict && !strncmp(v.text, c->verdict + 1, strlen(c->verdict) - 1);
    CHECK(r || same, "%s: %c%s", c->recipients, v.kind, v.text);
    free(s);
  }
  assert_int_equal(through_hop(0, "x@a.example", 1, domain, &v), 0);
  assert_int_equal(v.kind, 'Z');
  table_close(t);
}

/* Reports with | for NUL, for the recipients a@y and b@y, or a@y alone; what they come to: "" when accepted. */
#define NOBODY "; none of the recipients got the message"
static struct report_case { unsigned n; char const *report, *verdict; } const reports[] = {
  { 1, "rH said: 250 r|KH said: 250 t|", "" },
  { 2, "r1|r2|Kok|", "" },
  { 1, "hH said: 550 5.1.1 no|DH refused all recipients|", "D5.1.1 H said: 550 5.1.1 no" },
  { 1, "hH said: 550 no|DH refused all recipients|", "DH said: 550 no" },
  { 1, "sH said: 450 4.2.0 no|ZH took no recipient|", "Z4.2.0 H said: 450 4.2.0 no" },
  { 1, "rH said: 250|DH said: 554 5.7.1 spam|", "D5.7.1 H said: 554 5.7.1 spam" },
  { 1, "rH said: 250|ZH said: 451 4.3.0 later|", "Z4.3.0 H said: 451 4.3.0 later" },
  { 1, "Zcannot connect to H: Connection refused (#4.4.1)|",
    "Z4.4.1 cannot connect to H: Connection refused (#4.4.1)" },
  { 2, "Dno such domain (#5.1.2)|", "D5.1.2 no such domain (#5.1.2)" },
  { 2, "r1|hH said: 550 5.1.1 no|DH did not take all|", "D5.1.1 b@y: H said: 550 5.1.1 no" NOBODY },
  { 2, "sH said: 450 no|r|ZH did not take all|", "Za@y: H said: 450 no" NOBODY },
  { 2, "hm|hm|Dm|", "Dm" },
  { 2, "s450 a|h550 b|Dx|", "Db@y: 550 b" NOBODY },
  { 2, "r1|hno 5.1.1|KH said: 250|", "D5.1.1 no 5.1.1; the other recipients got the message" },
  { 2, "r1|KH said: 250|", "D5.3.0 the next hop; the other recipients got the message" },
  { 1, "hH [192.5.1.1] v5.1.1.2 45.1.1 5.1.1111 5.1 5.1.2|Dx|",
    "D5.1.2 H [192.5.1.1] v5.1.1.2 45.1.1 5.1.1111 5.1 5.1.2" },
  { 1, "h4.1.1 no\x01|Dx|", "D4.1.1 no?" },
  /* no reports */
  { 1, "", "Z4.3.0 relay-remote gave no report" },
  { 1, "r1|", "Z4.3.0 relay-remote gave no report" },
  { 1, "r1|K", "Z4.3.0 relay-remote gave no report" },
  { 1, "r1|r2|K|", "Z4.3.0 relay-remote gave no report" },
  { 1, "K|K|", "Z4.3.0 relay-remote gave no report" },
  { 1, "K|r|", "Z4.3.0 relay-remote gave no report" },
  { 1, "x|K|", "Z4.3.0 relay-remote gave no report" },
  { 1, "||", "Z4.3.0 relay-remote gave no report" },
};

static void reads_reports(void **state)
{
  struct report_case const *c;
  (void)state;
  EACH_CASE(c, reports) {
    struct through_verdict v;
    char s[300], said[THROUGH_TEXT + 2] = "";
    size_t len = strlen(c->report);
    memcpy(s, c->report, len);
    for (size_t i = 0; i < len; i++) if (s[i] == '|') s[i] = 0;
    through_report(&v, s, len, "a@y\0b@y", c->n);
    if (v.kind) snprintf(said, sizeof said, "%c%s", v.kind, v.text);
    CHECK(!strcmp(said, c->verdict), "%s: %s", c->report, said);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(reads_envelopes), cmocka_unit_test(finds_one_hop), cmocka_unit_test(reads_reports),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
