/* lib/policy/decide: hosting, addresses, clients and logins; all their combinations against a second opinion. */
#include "decide_double.h"
#include "policy/match.h"

static char const domains[] = "hosted.example\n.sub.example\n[192.0.2.1]\n[IPv6:2001:db8::1]\nxn--grn-ioa.example\n";
static char const both[] = "grant login\ngrant clients\n", reversed[] = "grant clients\n\ngrant login\n";

static struct {
  char const *relay, *sender, *recipient;
  unsigned facts;
  enum verdict verdict;
  enum reason reason;
  enum origin origin;
  char const *file;
  uint32_t line;
} const cases[] = {
  /* hosted */
  { "", "a@other.example", "b@hosted.example", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "domains", 1 },
  { "", "a@other.example", "b@HOSTED.Example.", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "domains", 1 },
  { both, "a@other.example", "b@hosted.example", TRUSTED | LOGIN | MAY, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL,
    "domains", 1 },
  { "", "", "b@a.sub.example", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "domains", 2 },
  { "", "", "b@x.y.SUB.example", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "domains", 2 },
  { "", "", "b@[192.0.2.1]", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "domains", 3 },
  { "", "", "b@[IPv6:2001:DB8:0::1]", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "domains", 4 },
  { "", "", "b@gr\xc3\xbcn.example", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "domains", 5 },
  { "", "", "b@GR\xc3\x9cN.example", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "domains", 5 },
  { "", "", "<postmaster>", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "me", 1 },
  { "", "", "<PostMaster>", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "me", 1 },
  /* nearly hosted */
  { both, "", "b@sub.example", 0, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "b@a.hosted.example", 0, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "b@nothosted.example", 0, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "b@hosted.example.org", 0, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "b@a.subsub.example", 0, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "b@example", 0, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "b@[192.0.2.2]", 0, VERDICT_REFUSE, REASON_LITERAL, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "b@[IPv6:2001:db8::2]", 0, VERDICT_REFUSE, REASON_LITERAL, ORIGIN_EXTERNAL, "", 0 },
  /* onward, whoever asks and whatever is hosted */
  { both, "a@hosted.example", "x%y.example@hosted.example", 0, VERDICT_REFUSE, REASON_ONWARD, ORIGIN_CLAIMED, "", 0 },
  { both, "", "y.example!x@hosted.example", 0, VERDICT_REFUSE, REASON_ONWARD, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "\"x@y.example\"@hosted.example", 0, VERDICT_REFUSE, REASON_ONWARD, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "\"x y\"@hosted.example", 0, VERDICT_REFUSE, REASON_ONWARD, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "x%y@other.example", TRUSTED | LOGIN | MAY, VERDICT_REFUSE, REASON_ONWARD, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "x%y@[192.0.2.1]", TRUSTED, VERDICT_REFUSE, REASON_ONWARD, ORIGIN_EXTERNAL, "", 0 },
  { both, "", "\"plain\"@hosted.example", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "domains", 1 },
  { both, "", "<@hosted.example,@relay.example:b@other.example>", 0, VERDICT_REFUSE, REASON_NOT_GRANTED,
    ORIGIN_EXTERNAL, "", 0 },
  { both, "", "<@other.example:b@hosted.example>", 0, VERDICT_ACCEPT, REASON_HOSTED, ORIGIN_EXTERNAL, "domains", 1 },
  /* relaying */
  { both, "a@hosted.example", "b@other.example", 0, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_CLAIMED, "", 0 },
  { both, "postmaster@hosted.example", "b@other.example", STAMP | TLS, VERDICT_REFUSE, REASON_NOT_GRANTED,
    ORIGIN_CLAIMED, "", 0 },
  { both, "a@hosted.example", "b@other.example", TRUSTED, VERDICT_ACCEPT, REASON_CLIENT, ORIGIN_LOCAL, "relay", 2 },
  { both, "a@other.example", "b@other.example", TRUSTED, VERDICT_ACCEPT, REASON_CLIENT, ORIGIN_EXTERNAL, "relay", 2 },
  { both, "", "b@other.example", TRUSTED, VERDICT_ACCEPT, REASON_CLIENT, ORIGIN_EXTERNAL, "relay", 2 },
  { both, "a@x.sub.example", "b@other.example", LOGIN | MAY, VERDICT_ACCEPT, REASON_LOGIN, ORIGIN_LOCAL, "relay", 1 },
  { both, "a@hosted.example", "b@other.example", TRUSTED | LOGIN | MAY, VERDICT_ACCEPT, REASON_LOGIN, ORIGIN_LOCAL,
    "relay", 1 },
  { reversed, "a@hosted.example", "b@other.example", TRUSTED | LOGIN | MAY, VERDICT_ACCEPT, REASON_CLIENT,
    ORIGIN_LOCAL, "relay", 1 },
  { reversed, "a@hosted.example", "b@other.example", LOGIN | MAY, VERDICT_ACCEPT, REASON_LOGIN, ORIGIN_LOCAL, "relay",
    3 },
  { both, "a@hosted.example", "b@[192.0.2.2]", TRUSTED, VERDICT_ACCEPT, REASON_CLIENT, ORIGIN_LOCAL, "relay", 2 },
  /* a trusted client without its grant, a login without the privilege */
  { "", "a@hosted.example", "b@other.example", TRUSTED, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_LOCAL, "", 0 },
  { "grant login\n", "a@hosted.example", "b@other.example", TRUSTED, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_LOCAL,
    "", 0 },
  { "grant clients\n", "a@hosted.example", "b@other.example", LOGIN | MAY, VERDICT_REFUSE, REASON_NOT_GRANTED,
    ORIGIN_LOCAL, "", 0 },
  { "grant clients\n", "a@hosted.example", "b@other.example", LOGIN, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_LOCAL,
    "", 0 },
  { both, "a@hosted.example", "b@other.example", LOGIN, VERDICT_REFUSE, REASON_NO_PRIVILEGE, ORIGIN_LOCAL, "", 0 },
  { both, "a@hosted.example", "b@[192.0.2.2]", LOGIN, VERDICT_REFUSE, REASON_NO_PRIVILEGE, ORIGIN_LOCAL, "", 0 },
  { both, "a@hosted.example", "b@other.example", MAY, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_CLAIMED, "", 0 },
  { both, "a@hosted.example", "b@other.example", LOGIN | TRUSTED, VERDICT_ACCEPT, REASON_CLIENT, ORIGIN_LOCAL, "relay",
    2 },
  /* who claims to be the host itself */
  { both, "a@[192.0.2.1]", "b@other.example", 0, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_CLAIMED, "", 0 },
  { both, "a@relay.example", "b@other.example", 0, VERDICT_REFUSE, REASON_NOT_GRANTED, ORIGIN_EXTERNAL, "", 0 },
};

static void rows(void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct table_set *t = rules(0, domains, cases[i].relay, 0, 0);
    struct address sender, recipient;
    struct facts f;
    struct decision d;
    set_address(&sender, cases[i].sender);
    set_address(&recipient, cases[i].recipient);
    set_facts(&f, cases[i].facts, &sender, &recipient);
    decide(&d, t, &f);
    if (d.reason != cases[i].reason) print_error("case %zu: %s\n", i, cases[i].recipient);
    assert_int_equal(d.reason, cases[i].reason);
    assert_int_equal(d.verdict, cases[i].verdict);
    assert_int_equal(d.origin, cases[i].origin);
    assert_string_equal(d.record.file, cases[i].file);
    assert_int_equal(d.record.line, cases[i].line);
    table_close(t);
  }
}

/* All combinations of what can be known, against the rules said in another way: who may relay is a property of
 * client, login and grants, never of the sender. */
static void second_opinion(void **state)
{
  static char const *const grants[] = { "", "grant login\n", "grant clients\n", "grant login\ngrant clients\n" };
  static char const *const senders[] = {
    "", "a@hosted.example", "a@other.example", "a@[192.0.2.1]", "a@relay.example"
  };
  static struct { char const *text; int hosted, onward; } const recipients[] = {
    { "b@hosted.example", 1, 0 }, { "b@a.sub.example", 1, 0 }, { "b@[192.0.2.1]", 1, 0 }, { "b@other.example", 0, 0 },
    { "b@[192.0.2.7]", 0, 0 }, { "b%c@hosted.example", 1, 1 }, { "b!c@other.example", 0, 1 },
  };
  for (unsigned g = 0; g < 4; g++) {
    struct table_set *t = rules(0, domains, grants[g], 0, 0);
    for (unsigned facts = 0; facts < 32; facts++)
      for (size_t s = 0; s < sizeof senders / sizeof *senders; s++)
        for (size_t r = 0; r < sizeof recipients / sizeof *recipients; r++) {
          struct address sender, recipient;
          struct facts f;
          struct decision d;
          set_address(&sender, senders[s]);
          set_address(&recipient, recipients[r].text);
          set_facts(&f, facts, *senders[s] || facts & TLS ? &sender : 0, &recipient);
          decide(&d, t, &f);
          int by_login = (facts & LOGIN) && (facts & MAY) && (g & 1), by_client = (facts & TRUSTED) && (g & 2);
          int accept = !recipients[r].onward && (recipients[r].hosted || by_login || by_client);
          assert_int_equal(d.verdict, accept ? VERDICT_ACCEPT : VERDICT_REFUSE);
          assert_int_equal(d.record.line > 0, accept);
          int ours = s == 1 || s == 3;
          assert_int_equal(d.origin, !ours ? ORIGIN_EXTERNAL : facts & (TRUSTED | LOGIN) ? ORIGIN_LOCAL :
            ORIGIN_CLAIMED); /* no line lets a stamp count */
        }
    table_close(t);
  }
}

static void no_tables(void **state)
{
  struct address sender, recipient;
  struct facts f;
  struct decision d;
  set_address(&sender, "a@hosted.example");
  set_address(&recipient, "b@hosted.example");
  set_facts(&f, TRUSTED | LOGIN | MAY, &sender, &recipient);
  decide(&d, 0, &f);
  assert_int_equal(d.verdict, VERDICT_TEMPFAIL);
  assert_int_equal(d.reason, REASON_TABLES);
  assert_int_equal(d.record.line, 0);
}

/* A literal has no suffixes, also when a table made by others holds what looks like one. */
static void literals(void **state)
{
  FILE *f = tmpfile();
  struct table_builder *b = table_build(fileno(f));
  struct record r;
  assert_int_equal(table_add(b, TABLE_DOMAINS, ".2.1]", 5, 1, "any", 3), 0);
  assert_int_equal(table_add(b, TABLE_DOMAINS, "", 0, 2, "any", 3), 0);
  assert_int_equal(table_add(b, TABLE_DOMAINS, "[192.0.3.1]", 11, 3, "any", 3), 0);
  assert_int_equal(table_finish(b), 0);
  struct table_set *t = table_open_fd(fileno(f));
  assert_non_null(t);
  assert_int_equal(match_hosted(t, "[192.0.2.1]", &r), 0);
  assert_int_equal(match_hosted(t, "a.example", &r), 0);
  assert_int_equal(match_hosted(t, "", &r), 0);
  assert_int_equal(match_hosted(t, "[192.0.3.1]", &r), 1);
  table_close(t);
  fclose(f);
}

static void words(void **state)
{
  assert_string_equal(reason_word(REASON_HOSTED), "hosted");
  assert_string_equal(reason_word(REASON_TABLES), "no-rules");
  assert_string_equal(reason_word(REASON_COUNT), "");
  assert_string_equal(origin_word(ORIGIN_LOCAL), "local");
  assert_string_equal(origin_word(ORIGIN_CLAIMED), "claimed");
  assert_string_equal(origin_word(ORIGIN_EXTERNAL), "external");
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(rows), cmocka_unit_test(second_opinion), cmocka_unit_test(no_tables), cmocka_unit_test(literals),
    cmocka_unit_test(words),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
