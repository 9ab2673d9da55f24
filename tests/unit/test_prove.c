/* lib/prove: each kind of opening, what is closed, and the verdict against a search through all classes. */
#include <errno.h>
#include "random_rules.h"
#include "policy/match.h"
#include "prove/prove.h"
#include "prove/report.h"
#include "unit.h"

#define RC "\t+RELAYCLIENT=~\n"
#define RP "\t+RELAYPROXY=~\n"
#define GC "rgrant clients\t\n"
#define HOSTED "dhosted.example\tany\n"

/* Records as they stand in the table, a line each: the letter and the key, a tab, the data with NUL as `~`. Their
 * numbers are their lines. What is open: the kind, `@` and the line, `!` when it is declared. */
static struct { char const *records, *openings; } const cases[] = {
  /* closed */
  { "", "" },
  { HOSTED GC "rgrant login\t\nrgrant pop\t300~\nc10." RC "c_01111111" RC "c/4\t\x08\n", "" },
  { HOSTED "rgrant to partner.example\t\nrgrant to .partner.example\t\nrgrant to a@b.example\t\n", "" },
  { GC "c\t+RELAYCLIENT=~\nc_\t\nc^\t\nc/4\t%\nc/6\t%\n", "" }, /* nobody is left for the first */
  { GC "c_0" RC "c_00\tD~\nc_01\tD~\nc/4\t\x02\x01\n", "" },
  { GC "c_0" RC "c_00\tD~\nc_011\tD~\nc_010\tD~\nc_01000010" RC "c/4\t\x08\x03\x02\x01\n", "" },
  { GC "c_0\tD~+RELAYCLIENT=~\nc_1\tD~+RELAYPROXY=~\nc10." RC "c/4\t\x01\n", "" },
  { "c" RC, "" }, /* without the grant */
  { GC "rrequire login\t\nc" RC, "" },
  { "c" RP, "" }, /* nobody to name */
  { GC "c_0" RC "c/4\t\x01\nrrequire login\t\n", "" },
  { "rgrant anyone\topen-relay\nrrequire login\t\n", "" },
  { "rgrant anyone\topen-relay\nc\tD~\n", "" }, /* nobody gets that far */
  { "rgrant anyone\topen-relay\nrrequire sender hosted\t\n", "" }, /* no sender is hosted */
  { "rgrant device _0 from any\t\nrgrant device _\t\nrgrant device/4\t%\n", "" }, /* no line */
  { "rgrant device _ any hosted\t\nrgrant device _\t\nrgrant device/4\t%\n", "" },
  { "rgrant device _ any any\t\nrgrant device _\t\n", "" }, /* no look-up asks for that length */
  { "rgrant device _0 any any\t\nrgrant device _0\t\nrgrant device/4\t\x01\nc_0\tD~\nc/4\t\x01\n", "" },
  { "rgrant device _00001011 any any\t\nrgrant device _00001011\t\nrgrant device/4\t\x08\n", "" },
  { "rgrant to-host _0\t\nrgrant to-host/4\t\x02\n", "" },
  { "rgrant to-host _01000000\t\nrgrant to-host/4\t\x08\n", "" },
  { "rgrant to-host _00001\t\nrgrant to-host _000011\t\nrgrant to-host _000010\t\nrgrant to-host/4\t\x06\x05\n", "" },
  { "rgrant to-host _0\t\nrgrant to-host/4\t\x01\no\t10.0.0.5~~\n", "" }, /* no mail goes to exchangers */
  { "rgrant to-host _0\t\nrgrant to-host/4\t\x01\no\t10.0.0.5~~\nofar.example\t10.0.0.6~25~\n", "" },
  { "d.example\tany\nd.internal\tany\nrgrant to .local\t\nrgrant to .home.arpa\t\nd.b.com\tany\ndcom\tany\n", "" },
  { "d.com\tany\nrdeny to .com\t\n", "" },
  { "d.bmw\tany\nd.intern\tany\nrown .bmw\t\nrgrant to .b\t\nrown .b\t\n", "" },
  { GC "c=.a.com" RC "c=host" RC "cu@192.0.2.1" RC, "" },
  { "rgrant device _ @a.example any\t\nrgrant device _\t\nrgrant device/4\t%\nrrequire sender hosted\t\n", "" },
  { GC "c=" RC "c_\t\nc^\t\nc/4\t%\nc/6\t%\n", "" },
  { "rgrant sender @a.example\t\nrrequire sender hosted\t\n", "" },
  { "rlocal .com\t\nrgrant sender user\t\n", "" }, /* no user among them */
  /* open to everybody */
  { "rgrant anyone\topen-relay\n", "anyone@1!" },
  { HOSTED "rgrant anyone\t\n", "anyone@2" },
  { HOSTED "rrequire sender hosted\t\nrgrant anyone\topen-relay\n", "anyone@3!" },
  { "rrequire tls\t\nrgrant anyone\topen-relay\n", "anyone@2!" },
  { "c\tD~\nc_000\t\nc/4\t\x03\nrgrant anyone\topen-relay\n", "anyone@4!" },
  /* to strangers whom a trust that grants nothing makes no better */
  { "c" RC "rgrant anyone\topen-relay\n", "anyone@2!" },
  { "c" RC "rgrant sender @a.example\tforgeable\n", "sender@2!" },
  { "c" RP "rgrant anyone\topen-relay\n", "anyone@2!" },
  { HOSTED "rrequire sender hosted\t\nrgrant sender @hosted.example\tforgeable\nrgrant device _ @a.example any\t\n"
    "rgrant device _\t\nrgrant device/4\t%\nrgrant device ^ @a.example any\t\nrgrant device ^\t\n"
    "rgrant device/6\t%\n", "sender@3!" },
  /* to who says he is somebody */
  { HOSTED "rgrant sender hosted\tforgeable\n", "sender@2!" },
  { HOSTED "rgrant sender hosted\t\n", "sender@2" },
  { "rlocal a.example\t\nrgrant sender hosted\tforgeable\n", "sender@2!" },
  { "rlocal x@a.example\t\nrgrant sender user\t\n", "sender@2" },
  { HOSTED "uj@hosted.example\t\nrgrant sender user\tforgeabl\n", "sender@3" },
  { "rgrant sender a@b.example\tforgeable\nrgrant sender @c.example\t\nrgrant sender @.d.example\topen-relay\n",
    "sender@2 sender@1! sender@3!" },
  { HOSTED "rrequire sender hosted\t\nrgrant sender @hosted.example\tforgeable\nrgrant sender @b.example\t\n",
    "sender@3!" },
  /* RELAYCLIENT */
  { GC "c" RC, "clients@2" },
  { GC "c0." RC "c_1" RC "c/4\t\x01\n", "clients@3" },
  { GC "c_10" RC "c_010" RC "c_011" RC "c/4\t\x03\x02\n", "clients@2" },
  { GC "c^001" RC "c/6\t\x03\n", "clients@2" },
  { GC "c^0010" RC "c/6\t\x04\n", "clients@2" },
  { GC "c^0" RC "c_0" RC "c/4\t\x01\nc/6\t\x01\n", "clients@2" }, /* it stands for all of IPv4, too */
  { GC "c^0011" RC "c_0" RC "c/4\t\x01\nc/6\t\x04\n", "clients@2 clients@3" },
  { GC "c_0" RC "c_00000000000000000000000000000000\tD~\nc/4\t\x20\x01\n"
    "c_10000000000000000000000000000000" RC, "clients@2" },
  { GC "c_" RC "c_0\tD~\nc_10\t\nc_110\t\nc/4\t\x03\x02\x01%\n", "" }, /* 224.0.0.0/3 is nobody's */
  { GC "c_0\t\nc" RC "c/4\t\x01\n", "clients@3" },
  { GC "c" RC "c_0\t\nc_10\tD~\nc^\t\nc/4\t\x02\x01\nc/6\t%\n", "clients@2" }, /* a quarter, but everybody else */
  { "rgrant clients\topen-relay\nc" RC, "clients@2!" },
  /* names */
  { GC "c=" RC, "names@2" },
  { GC "c=.com" RC "c=.local" RC, "names@2" },
  /* proxies */
  { GC "c_1" RP "c10." RC "c/4\t\x01\n", "proxies@2" },
  { GC "c_00001011" RP "c10." RC "c/4\t\x08\n", "" },
  { GC "c_0" RP "c10." RC "c/4\t\x01\n", "proxies@2" },
  { GC "c" RP "c^00100" RC "c/6\t\x05\n", "proxies@2" },
  { "c" RP "rgrant device _00000001 any any\t\nrgrant device _00000001\t\nrgrant device/4\t\x08\n", "proxies@1" },
  /* devices */
  { "rgrant device _ any any\t\nrgrant device _\t\nrgrant device/4\t%\n", "devices@1" },
  { "rgrant device _0 @a.example b@c.example\t\nrgrant device _0\t\nrgrant device/4\t\x01\n", "devices@1" },
  { "rgrant device _10 any any\t\nrgrant device _10\t\nrgrant device _11 hosted any\t\nrgrant device _11\t\n"
    "rgrant device/4\t\x02\n", "devices@1" },
  { GC "c_00" RC "c/4\t\x02\nrgrant device _01 any any\t\nrgrant device _01\t\nrgrant device _100 any any\t\n"
    "rgrant device _100\t\nrgrant device/4\t\x03\x02\n", "devices@4" }, /* five eighths, all kinds together */
  { GC "c_00000100" RC "c_00000101" RC "c_00000110" RC "c_00000111" RC "c_00001000" RP "c_00001001" RP "c_00001011" RP
    "c_00001100" RP "c/4\t\x08\nrgrant device _000100 any any\t\nrgrant device _000100\t\n"
    "rgrant device _0001010 any any\t\nrgrant device _0001010\t\nrgrant device/4\t\x07\x06\n", "devices@11" },
  { "rgrant device ^001 any any\t\nrgrant device ^001\t\nrgrant device/6\t\x03\n", "devices@1" },
  { "rgrant device _ hosted any\t\nrgrant device _\t\nrgrant device/4\t%\n", "" },
  { "rgrant device _ any a.example\t\nrgrant device _\t\nrgrant device/4\t%\nrgrant to .example\t\n", "" },
  { "rgrant device _ any .example\t\nrgrant device _\t\nrgrant device/4\t%\nrdeny to a.example\t\n", "devices@1" },
  { HOSTED "rgrant device _ any any\t\nrgrant device _\t\nrgrant device/4\t%\nrrequire sender hosted\t\n",
    "devices@2" },
  /* hosts */
  { "rgrant to-host _0\t\nrgrant to-host/4\t\x01\n", "to-host@1" },
  { "rgrant to-host _\t\nrgrant to-host/4\t%\nrgrant to-host ^0\t\nrgrant to-host/6\t\x01\n", "to-host@1 to-host@3" },
  { "o\t10.0.0.5~~\no.b.example\t~~\nrgrant to-host _0\t\nrgrant to-host/4\t\x01\n", "to-host@3" },
  { "rgrant to-host _000\t\nrgrant to-host _00\t\nrgrant to-host _01\t\nrgrant to-host/4\t\x03\x02\n", "to-host@3" },
  /* who says it of everybody says it of all */
  { GC "c" RC "rgrant anyone\topen-relay\n", "clients@2!" },
  { "d.com\tany\nrgrant anyone\topen-relay\n", "anyone@2! hosted@1!" },
  { GC "c" RC "rgrant anyone\t\n", "clients@2" },
  /* suffixes */
  { "d.co.uk\tany\nd.a.co.uk\tany\nrgrant to .com.br\t\nrown .uk\t\n", "hosted@1 granted@3" },
  { "d.com\tany\n", "hosted@1" },
  { "d.com\tlisted\n", "hosted@1" },
  { "d.com\tasked\nrgrant to .net\t\nrgrant to .org\topen-relay\n", "hosted@1 granted@2 granted@3!" },
};

/* Makes the table: `%` in data is a byte 0 without a line's end behind. */
static struct table_set *made(char const *records)
{
  FILE *f = tmpfile();
  uint32_t line = 0;
  struct table_builder *b = table_build(fileno(f));
  assert_int_equal(table_add(b, TABLE_ME, "", 0, 1, "relay.example", 13), 0);
  while (*records) {
    char data[200];
    char const *tab = strchr(records, '\t'), *end = strchr(tab, '\n');
    size_t n = (size_t)(end - tab) - 1;
    memcpy(data, tab + 1, n);
    for (size_t i = 0; i < n; i++)
      if (data[i] == '~' || data[i] == '%') data[i] = 0;
    assert_int_equal(table_add(b, (enum table)*records, records + 1, (size_t)(tab - records) - 1, ++line, data, n), 0);
    records = end + 1;
  }
  assert_int_equal(table_finish(b), 0);
  struct table_set *t = table_open_fd(fileno(f));
  fclose(f);
  assert_non_null(t);
  return t;
}

static void test_cases(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct table_set *t = made(cases[i].records);
    struct proof p;
    char text[300] = "";
    size_t undeclared = 0;
    CHECK(prove(&p, t) == 0, "%s", cases[i].records);
    for (size_t n = 0; n < proof_openings(&p); n++) {
      struct opening const *o = proof_opening(&p, n);
      undeclared += !o->declared;
      snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s@%u%s", n ? " " : "", report_kind(o->kind),
               (unsigned)o->record.line, o->declared ? "!" : "");
    }
    CHECK(!strcmp(text, cases[i].openings), "%s: got %s, not %s", cases[i].records, text, cases[i].openings);
    assert_int_equal(undeclared, p.undeclared);
    proof_free(&p);
    table_close(t);
  }
}

static struct { char const *records, *said; } const ways[] = {
  { "rrequire tls\t\nrgrant anyone\topen-relay\n", "  S: 220\n  C: EHLO a\n  S: 250\n  C: STARTTLS\n  S: 220\n"
    "  C: EHLO a\n  S: 250\n  C: MAIL FROM:<>\n  S: 250\n  C: RCPT TO:<a@example.org>\n  S: 250\n"
    "  relay:2: grant anyone open-relay\n" },
  { "rgrant sender \xc3\xbc@b.example\tforgeable\n", "  S: 220\n  C: EHLO a\n  S: 250\n"
    "  C: MAIL FROM:<\\xc3\\xbc@b.example> SMTPUTF8\n  S: 250\n  C: RCPT TO:<a@example.org>\n  S: 250\n" },
  { "c" RP GC "c2001:db8::7" RC, "client: 203.0.113.1\n  C: PROXY TCP6 2001:db8::7 2001:db8::25 40000 25\n  S: 220\n"
    "  C: HELO a\n" },
  { "rgrant to-host _0\t\nrgrant to-host/4\t\x01\n", "  dns: the MX of example.org leads to 11.0.0.1 alone\n" },
  { "o\t10.0.0.5~~\nofar.example\t~~\nrgrant to-host _0\t\nrgrant to-host/4\t\x01\n",
    "  dns: the MX of far.example leads to 11.0.0.1 alone\n" },
  { GC "c=" RC, "  client: 203.0.113.1 client0.example.net\n" },
  { "d.com\tasked\n", "  next hop: takes a@a.com\n" },
  { "rgrant device _ @.a.example b@c.example\t\nrgrant device _\t\nrgrant device/4\t%\n",
    "  C: MAIL FROM:<a@a.a.example>\n  S: 250\n  C: RCPT TO:<b@c.example>\n  S: 250\n"
    "  relay:1: grant device 0.0.0.0/0 from @.a.example to b@c.example\n" },
};

/* What is printed. (That it relays is for the whole chain to show.) */
static void test_ways(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    struct table_set *t = made(ways[i].records);
    stralloc out = STRALLOC_ZERO;
    struct proof p;
    assert_int_equal(prove(&p, t), 0);
    assert_true(report_text(&out, &p, "r", "") && stralloc_0(&out));
    CHECK(strstr(out.s, ways[i].said), "%s: not %s", out.s, ways[i].said);
    stralloc_free(&out);
    proof_free(&p);
    table_close(t);
  }
}

/* A damaged record is no proof. */
static void test_corrupt(void **state)
{
  static char const *const records[] = { "c\tx\n", "c1.\t+\n", "dhosted.example\tmany\n",
    "rgrant device/4\t\x21\nrgrant device _\t\nrgrant device _ any any\t\n" };
  (void)state;
  for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
    struct table_set *t = made(records[i]);
    struct proof p;
    errno = 0;
    CHECK(prove(&p, t) == -1 && errno == EPROTO, "%s", records[i]);
    proof_free(&p);
    table_close(t);
  }
}

/* Does some stranger relay? Every client, sender and recipient, with and without TLS. */
static int search(struct classes const *c)
{
  struct address s, r;
  for (size_t i = 0; i < classes_addresses(c); i++) {
    for (size_t n = 0; n < classes_addresses(c); n++) {
      if (!classes_address(c, i)->sender || !classes_address(c, n)->recipient) continue;
      for (unsigned tls = 0; tls < 2; tls++) {
        struct facts f = { .listener = "", .tls = tls, .client = { { 203, 0, 113, 1 }, 4 } };
        struct decision d;
        struct record to;
        f.sender = classes_example(c, classes_address(c, i), &s);
        f.recipient = classes_example(c, classes_address(c, n), &r);
        decide(&d, c->t[0], &f);
        if (d.verdict != VERDICT_ACCEPT || reason_incoming(d.reason)) continue;
        if (match_to(c->t[0], "grant to", &r, &to) == 0) return 1;
      }
    }
  }
  return 0;
}

static void test_search(void **state)
{
  unsigned open = 0, rounds = 1500;
  (void)state;
  for (uint32_t round = 1; round <= rounds; round++) {
    struct proof p;
    seed = 2463534242U * round;
    struct table_set *t = some_rules();
    int found = 0;
    assert_int_equal(prove(&p, t), 0);
    for (size_t i = 0; i < proof_openings(&p); i++) {
      enum opening_kind kind = proof_opening(&p, i)->kind;
      assert_true(kind != OPENING_OTHER);
      found |= kind == OPENING_ANYONE || kind == OPENING_SENDER;
    }
    CHECK(found == search(&p.classes), "round %u", (unsigned)round);
    open += found != 0;
    proof_free(&p);
    table_close(t);
  }
  assert_in_range(open, rounds / 10, rounds - rounds / 10);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(test_cases), cmocka_unit_test(test_ways), cmocka_unit_test(test_corrupt),
    cmocka_unit_test(test_search),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
