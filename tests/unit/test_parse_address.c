/* Paths and mailboxes. */
#include <stdlib.h>
#include "unit.h"
#include "parse/address.h"

#define A64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
#define A256 A64 A64 A64 A64
#define L63 "lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"
#define N253 L63 "." L63 "." L63 ".lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"

enum { RCPT = 1, UTF8 = 2 };
enum { LITERAL = 1, UTF8_SEEN = 2, ONWARD = 4 };
#define SYNTAX 0, 0, 0, ADDRESS_SYNTAX

static struct path_case {
  char const *in;
  int how;
  char const *text;      /* on ADDRESS_OK; all of `in` up to the last `|` is used */
  char const *domain;
  int flags;
  enum address_error error;
} const paths[] = {
  { "<a@b.example>|", 0, "a@b.example", "b.example", 0, ADDRESS_OK },
  { "<a@b.example>| SIZE=3", 0, "a@b.example", "b.example", 0, ADDRESS_OK },
  { "<A.b+c@B.EXAMPLE.>|>", RCPT, "A.b+c@B.EXAMPLE", "b.example", 0, ADDRESS_OK },
  { "<>|", 0, "", "", 0, ADDRESS_OK }, { "<>", RCPT, SYNTAX },
  { "<postmaster>|", RCPT, "postmaster", "", 0, ADDRESS_OK },
  { "<PostMaster>|", RCPT, "PostMaster", "", 0, ADDRESS_OK },
  { "<\"postmaster\">|", RCPT, "postmaster", "", 0, ADDRESS_OK },
  { "<postmaster>", 0, SYNTAX }, { "<root>", RCPT, SYNTAX }, { "<postmasterx>", RCPT, SYNTAX },
  { "<postmastex>", RCPT, SYNTAX }, { "<qostmaster>", RCPT, SYNTAX }, { "<root>", 0, SYNTAX },
  { "<#$&'*+-/=?^_`{|}~@b>|", 0, "#$&'*+-/=?^_`{|}~@b", "b", 0, ADDRESS_OK },
  /* what could route once more */
  { "<a%b@c>|", RCPT, "a%b@c", "c", ONWARD, ADDRESS_OK }, { "<b!a@c>|", RCPT, "b!a@c", "c", ONWARD, ADDRESS_OK },
  { "<\"a@b\"@c>|", RCPT, "\"a@b\"@c", "c", ONWARD, ADDRESS_OK },
  { "<\"a b\"@c>|", RCPT, "\"a b\"@c", "c", ONWARD, ADDRESS_OK },
  { "<\"a%b\"@c>|", RCPT, "a%b@c", "c", ONWARD, ADDRESS_OK }, { "<a@b@c>", RCPT, SYNTAX }, { "<a%b>", RCPT, SYNTAX },
  /* quotes: kept only where needed, one spelling */
  { "<\"a.b\"@c>|", 0, "a.b@c", "c", 0, ADDRESS_OK }, { "<\"\\a\\.b\"@c>|", 0, "a.b@c", "c", 0, ADDRESS_OK },
  { "<\"a..b\"@c>|", 0, "\"a..b\"@c", "c", ONWARD, ADDRESS_OK },
  { "<\".a\"@c>|", 0, "\".a\"@c", "c", ONWARD, ADDRESS_OK },
  { "<\"a.\"@c>|", 0, "\"a.\"@c", "c", ONWARD, ADDRESS_OK }, { "<\"\"@c>|", 0, "\"\"@c", "c", ONWARD, ADDRESS_OK },
  { "<\"a\\\"b\"@c>|", 0, "\"a\\\"b\"@c", "c", ONWARD, ADDRESS_OK },
  { "<\"a\\\\b\"@c>|", 0, "\"a\\\\b\"@c", "c", ONWARD, ADDRESS_OK },
  { "<\"a\\ b>\"@c>|", 0, "\"a b>\"@c", "c", ONWARD, ADDRESS_OK },
  { "<\"a@c>", 0, SYNTAX }, { "<\"a\"b@c>", 0, SYNTAX }, { "<a\"b\"@c>", 0, SYNTAX }, { "<\"a\\", 0, SYNTAX },
  { "<\"a\tb\"@c>", 0, SYNTAX },
  { "<\"a\\\tb\"@c>", 0, SYNTAX }, { "<\"a\x7f\"@c>", 0, SYNTAX }, { "<\"a\nb\"@c>", 0, SYNTAX },
  { "<\"a\\\rb\"@c>", 0, SYNTAX },
  /* source routes */
  { "<@r.example:a@b>|", RCPT, "a@b", "b", 0, ADDRESS_OK }, { "<@r,@s.example:a@b>|", 0, "a@b", "b", 0, ADDRESS_OK },
  { "<@r:postmaster>|", RCPT, "postmaster", "", 0, ADDRESS_OK },
  { "<@r,s:a@b>", 0, SYNTAX }, { "<@r:>", 0, SYNTAX }, { "<@:a@b>", 0, SYNTAX }, { "<@-r@b>", 0, SYNTAX },
  { "<@r a@b>", 0, SYNTAX },
  { "<@r,:a@b>", 0, SYNTAX },
  { "<@-r:a@b>", 0, SYNTAX }, { "<@r:@s:a@b>", 0, SYNTAX }, { "<@r", 0, SYNTAX }, { "<@", 0, SYNTAX },
  /* literals */
  { "<a@[192.0.2.1]>|", RCPT, "a@[192.0.2.1]", "[192.0.2.1]", LITERAL, ADDRESS_OK },
  { "<a@[IPv6:2001:DB8:0::1]>|", RCPT, "a@[IPv6:2001:DB8:0::1]", "[IPv6:2001:db8::1]", LITERAL, ADDRESS_OK },
  { "<a@[ipv6:::ffff:192.0.2.1]>|", RCPT, "a@[ipv6:::ffff:192.0.2.1]", "[192.0.2.1]", LITERAL, ADDRESS_OK },
  { "<a@[2001:db8::1]>", RCPT, SYNTAX }, { "<a@[IPv6:192.0.2.1]>", RCPT, SYNTAX }, { "<a@[192.0.2.01]>", RCPT, SYNTAX },
  { "<a@[192.0.2]>", RCPT, SYNTAX }, { "<a@[tag:x]>", RCPT, SYNTAX }, { "<a@[]>", RCPT, SYNTAX },
  { "<a@[192.0.2.1>", RCPT, SYNTAX },
  { "<a@[192.0.2.1].>", RCPT, SYNTAX }, { "<a@[ 192.0.2.1 ]>", RCPT, SYNTAX }, { "<a@192.0.2.1>", RCPT, SYNTAX },
  { "<a@2130706433>", RCPT, SYNTAX }, { "<a@[IPv6:fe80::1%eth0]>", RCPT, SYNTAX },
  /* UTF-8 */
  { "<ü@b>|", UTF8, "ü@b", "b", UTF8_SEEN, ADDRESS_OK },
  { "<a@bücher.de>|", UTF8, "a@bücher.de", "xn--bcher-kva.de", UTF8_SEEN, ADDRESS_OK },
  { "<\"ü\"@b>|", UTF8, "ü@b", "b", UTF8_SEEN, ADDRESS_OK },
  { "<\"ü x\"@b>|", UTF8, "\"ü x\"@b", "b", UTF8_SEEN | ONWARD, ADDRESS_OK },
  { "<azAZ09@az09-AZ.x>|", 0, "azAZ09@az09-AZ.x", "az09-az.x", 0, ADDRESS_OK },
  { "<a@b>|", UTF8, "a@b", "b", 0, ADDRESS_OK }, { "<@ü:a@b>|", UTF8, "a@b", "b", 0, ADDRESS_OK },
  { "<ü@b>", 0, 0, 0, 0, ADDRESS_NEEDS_UTF8 }, { "<a@ü>", 0, 0, 0, 0, ADDRESS_NEEDS_UTF8 },
  { "<@ü:a@b>", 0, 0, 0, 0, ADDRESS_NEEDS_UTF8 },
  { "<\xff@b>", UTF8, SYNTAX }, { "<\xff@b>", 0, SYNTAX }, { "<a@\xfc>", UTF8, SYNTAX },
  { "<\xc2\x80@b>", UTF8, SYNTAX },
  { "<\"\\ü\"@b>", UTF8, SYNTAX }, { "<\"\xc2\"@b>", UTF8, SYNTAX },
  /* limits */
  { "<" A256 "@b>|", 0, A256 "@b", "b", 0, ADDRESS_OK }, { "<" A256 "x@b>", 0, 0, 0, 0, ADDRESS_TOO_LONG },
  { "<\"" A256 "\"@b>|", 0, A256 "@b", "b", 0, ADDRESS_OK }, { "<\"" A256 "x\"@b>", 0, 0, 0, 0, ADDRESS_TOO_LONG },
  { "<" A256 "@" N253 ">|", 0, A256 "@" N253, N253, 0, ADDRESS_OK },
  { "<" A256 "@" N253 ".>|", 0, A256 "@" N253, N253, 0, ADDRESS_OK },
  { "<a@" N253 "l>", 0, SYNTAX }, { "<a@" N253 "lll>", 0, 0, 0, 0, ADDRESS_TOO_LONG },
  /* all kinds of wrong */
  { "", 0, SYNTAX }, { "a@b", 0, SYNTAX }, { " <a@b>", 0, SYNTAX }, { "<a@b", 0, SYNTAX }, { "<", 0, SYNTAX },
  { "< >", 0, SYNTAX },
  { "< a@b>", 0, SYNTAX }, { "<a@b >", 0, SYNTAX }, { "<a b@c>", 0, SYNTAX }, { "<@b>", 0, SYNTAX },
  { "<a@>", 0, SYNTAX }, { "<.a@b>", 0, SYNTAX },
  { "<a.@b>", 0, SYNTAX }, { "<a..b@c>", 0, SYNTAX }, { "<a@b..c>", 0, SYNTAX }, { "<a@.b>", 0, SYNTAX },
  { "<a@b..>", 0, SYNTAX },
  { "<a@b_c>|", 0, "a@b_c", "b_c", 0, ADDRESS_OK }, { "<a@-b>", 0, SYNTAX }, { "<a(c)@b>", 0, SYNTAX },
  { "<a@b(c)>", 0, SYNTAX },
  { "<a,b@c>", 0, SYNTAX }, { "<a:b@c>", 0, SYNTAX }, { "<a;b@c>", 0, SYNTAX }, { "<a\\b@c>", 0, SYNTAX },
  { "<a[b@c>", 0, SYNTAX },
  { "<<a@b>>", 0, SYNTAX }, { "<a@b\r\n>", 0, SYNTAX }, { "<a\nb@c>", 0, SYNTAX }, { "<a@b,c>", 0, SYNTAX },
  { "<a@b/c>", 0, SYNTAX },
};

static void check(struct path_case const *c, struct address const *a, char const *what)
{
  CHECK(!strcmp(a->text, c->text) && a->len == strlen(c->text), "%s %s: text %s", what, c->in, a->text);
  CHECK(!strcmp(a->domain, c->domain), "%s %s: domain %s", what, c->in, a->domain);
  int flags = (a->literal ? LITERAL : 0) | (a->utf8 ? UTF8_SEEN : 0) | (a->onward ? ONWARD : 0);
  CHECK(flags == c->flags, "%s %s: flags %d", what, c->in, flags);
  size_t local = a->domain[0] ? (size_t)(strrchr(a->text, '@') - a->text) : a->len;
  CHECK(a->local_len == local, "%s %s: local part of %zu", what, c->in, a->local_len);
}

static void path_table(void **state)
{
  struct path_case const *c;
  EACH_CASE(c, paths) {
    struct address a, again;
    char const *bar = strrchr(c->in, '|');
    size_t n = strlen(c->in), used = 0;
    char *exact = malloc(n ? n : 1); /* so that a byte read behind it is seen */
    if (bar) { /* the bar itself is not part of the input */
      memcpy(exact, c->in, (size_t)(bar - c->in));
      memcpy(exact + (bar - c->in), bar + 1, n - (size_t)(bar - c->in) - 1);
      n--;
    }
    else memcpy(exact, c->in, n);
    memset(&a, 0x5a, sizeof a);
    enum address_error e = address_path(&a, exact, n, !(c->how & RCPT), !!(c->how & UTF8), &used);
    CHECK(e == c->error, "%s: %d", c->in, e);
    free(exact);
    if (e) continue;
    CHECK(used == (size_t)(bar - c->in), "%s: used %zu", c->in, used);
    check(c, &a, "path");
    if (!a.len) continue;
    CHECK(address_mailbox(&again, a.text, a.len, !!(c->how & UTF8)) == ADDRESS_OK, "%s: not read again", a.text);
    check(c, &again, "mailbox");
  }
}

static void mailboxes(void **state)
{
  struct address a;
  assert_int_equal(address_mailbox(&a, "", 0, 0), ADDRESS_SYNTAX);
  assert_int_equal(address_mailbox(&a, "a@b>", 4, 0), ADDRESS_SYNTAX);
  assert_int_equal(address_mailbox(&a, "a@b ", 4, 0), ADDRESS_SYNTAX);
  assert_int_equal(address_mailbox(&a, "a@b\0", 4, 0), ADDRESS_SYNTAX);
  assert_int_equal(address_mailbox(&a, "a\0@b", 4, 0), ADDRESS_SYNTAX);
  assert_int_equal(address_mailbox(&a, "@x:a@b", 6, 0), ADDRESS_SYNTAX);
  assert_int_equal(address_mailbox(&a, "root", 4, 0), ADDRESS_SYNTAX);
  assert_int_equal(address_mailbox(&a, "postmaster", 10, 0), ADDRESS_OK);
  assert_int_equal(a.local_len, a.len);
  assert_int_equal(address_mailbox(&a, "a@b.", 4, 0), ADDRESS_OK);
  assert_string_equal(a.text, "a@b");
}

/* Every byte in every place: no control ever gets into the text. */
static void bytes(void **state)
{
  static char const *const frames[] = { "<a?b@c>", "<\"a?b\"@c>", "<\"a\\?b\"@c>", "<a@b?c>", "<a@c>?", "?a@c>",
    "<@r?s:a@c>", "<a@[1.2.3.4?]>" };
  for (size_t f = 0; f < sizeof frames / sizeof *frames; f++)
    for (int b = 0; b < 256; b++)
      for (int utf8 = 0; utf8 < 2; utf8++) {
        char in[32];
        size_t n = strlen(frames[f]), used;
        struct address a;
        memcpy(in, frames[f], n);
        *(char *)memchr(in, '?', n) = (char)b;
        if (address_path(&a, in, n, 1, utf8, &used)) continue;
        assert_true(strlen(a.text) == a.len);
        for (size_t i = 0; i < a.len; i++) assert_true(a.text[i] >= ' ' && a.text[i] < 0x7f);
      }
}

/* What the rules are keyed by: ASCII letters of the local part small, the canonical domain. */
static void keys(void **state)
{
  static struct { char const *in, *key; } const cases[] = {
    { "Joe+A.b@Far.EXAMPLE.", "joe+a.b@far.example" }, { "PostMaster", "postmaster" },
    { "\"JOE\"@b.example", "joe@b.example" },
    { "\xc3\x89RIC@GR\xc3\x9cN.example", "\xc3\x89ric@xn--grn-ioa.example" }, { "[@b.example", 0 },
    { "`{@Z", "`{@z" },
    { "A@[ipv6:2001:DB8:0::1]", "a@[IPv6:2001:db8::1]" }, { "A@[IPv6:::ffff:192.0.2.1]", "a@[192.0.2.1]" },
    { "\"A B\"@b.example", "\"a b\"@b.example" }, { A256 "@" N253, A256 "@" N253 },
  };
  char out[ADDRESS_KEY + 1];
  struct address a;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    enum address_error e = address_mailbox(&a, cases[i].in, strlen(cases[i].in), 1);
    CHECK((e == ADDRESS_OK) == (cases[i].key != 0), "%s", cases[i].in);
    if (e != ADDRESS_OK) continue;
    memset(out, '#', sizeof out);
    size_t n = address_key(out, &a);
    assert_string_equal(out, cases[i].key);
    assert_int_equal(n, strlen(out));
    assert_int_equal(out[ADDRESS_KEY], '#');
    /* what is keyed is an address again, and its own key */
    assert_int_equal(address_mailbox(&a, out, n, 1), ADDRESS_OK);
    assert_int_equal(address_key(out, &a), n);
    assert_string_equal(out, cases[i].key);
  }
  memset(&a, 0, sizeof a);
  assert_int_equal(address_key(out, &a), 0);
  assert_string_equal(out, "");
}

/* In configurations. */
static void literals(void **state)
{
  static struct { char const *in, *out; } const cases[] = {
    { "[192.0.2.1]", "[192.0.2.1]" }, { "[IPv6:2001:DB8:0::1]", "[IPv6:2001:db8::1]" },
    { "[2001:db8::1]", "[IPv6:2001:db8::1]" }, { "[ipV6:192.0.2.1]", "[192.0.2.1]" },
    { "[IPv6:::ffff:192.0.2.1]", "[192.0.2.1]" }, { "[IPv6:::]", "[IPv6:::]" }, { "[::]", "[IPv6:::]" },
    { "[IPv6:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", "[IPv6:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]" },
    { "[]", 0 }, { "[", 0 }, { "", 0 }, { "]", 0 }, { "[IPv6:]", 0 }, { "[IPv6:", 0 }, { "[IPv4:192.0.2.1]", 0 },
    { "[192.0.2.1", 0 }, { "192.0.2.1]", 0 }, { "[192.0.2.1] ", 0 }, { "[192.0.2.1]]", 0 }, { "[1]", 0 },
    { "[IPv6:IPv6:::1]", 0 },
  };
  char out[ADDRESS_LITERAL + 1];
  struct ip ip;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int ok = address_literal_scan(&ip, cases[i].in, strlen(cases[i].in));
    CHECK(ok == (cases[i].out != 0), "%s", cases[i].in);
    if (!ok) continue;
    memset(out, '#', sizeof out);
    assert_int_equal(address_literal_fmt(out, &ip), strlen(cases[i].out));
    assert_string_equal(out, cases[i].out);
    assert_int_equal(out[ADDRESS_LITERAL], '#');
  }
  assert_int_equal(address_literal_scan(&ip, "[192.0.2.1\0]", 12), 0);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(path_table), cmocka_unit_test(mailboxes), cmocka_unit_test(bytes), cmocka_unit_test(keys),
    cmocka_unit_test(literals),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
