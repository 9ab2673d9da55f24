/* Explanations: keys held against facts as decide() finds them, how each line stands, which changes are proposed. */
#include "unit.h"
#include "explain_cases.h"
#include "rules_double.h"
#include "explain/parts.h"
#include "explain/print.h"
#include "facts/options.h"
#include "policy/match.h"

static struct question q;
static struct explanation x = EXPLANATION_ZERO;

#define TEXT(name, s) { name, s, strlen(s) }

static void target_of(struct target *to, struct address *a, char const *text)
{
  CHECK(address_mailbox(a, text, strlen(text), 1) == ADDRESS_OK, "%s", text);
  target_set(to, a);
}

static char const *const addresses[] = {
  "joe@a.example", "JOE@A.Example.", "joe@x.a.example", "joe@ya.example", "ann@a.example", "joe@example",
    "joe@[192.0.2.1]",
  "joe@[IPv6:2001:DB8::1]", "joe+a@a.example", "joe+a+b@a.example", "joe-x@a.example", "joe+@a.example", "postmaster",
  "\xc3\xbc@a.example", "joe@gr\xc3\xbcn.example",
};
#define ADDRESSES (sizeof addresses / sizeof *addresses)

/* Each key alone: does it fit? */
static void keys_fit(void **state)
{
  static char const *const keys[] = { "joe@a.example", "a.example", ".a.example", ".example", "example", "[192.0.2.1]",
    "[IPv6:2001:db8::1]", "joe+a@a.example", "\xc3\xbc@a.example", "gr\xc3\xbcn.example", "postmaster" };
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    char relay[300];
    char const *from = strchr(keys[i], '@') ? "" : "@";
    sprintf(relay, "deny to %s\ngrant sender %s%s forgeable\n", keys[i], from, keys[i]);
    struct rules_text texts[] = { TEXT("me", "relay.example\n"), TEXT("relay", relay) };
    struct table_set *t = open_texts(texts, 2);
    struct piece to = { 0 }, sender = { 0 }, key, arg;
    struct record r;
    enum table which;
    for (uint32_t pos = 0; table_next(t, &pos, &which, &key.s, &key.n, &r) > 0; ) {
      if (which != TABLE_RELAY) continue;
      if (statement(key, &arg) == SAYS_DENY) to = arg;
      if (statement(key, &arg) == SAYS_SENDER) sender = arg;
    }
    assert_true(to.n && sender.n);
    for (size_t k = 0; k < ADDRESSES; k++) {
      struct address a;
      struct target x;
      target_of(&x, &a, addresses[k]);
      CHECK(fits_to(to, &x) == match_to(t, "deny to", &a, &r), "%s to %s", keys[i], addresses[k]);
      CHECK(fits_from(sender, &x) == match_sender(t, &a, &r), "%s from %s", keys[i], addresses[k]);
      target_set(&x, 0);
      assert_true(!fits_to(to, &x) && !fits_from(sender, &x) && !fits_domain(to, &x) && !fits_mailbox(to, &x));
    }
    table_close(t);
  }
}

/* Of many mailboxes the nearest is what the decision finds. */
static void mailboxes_fit(void **state)
{
  struct rules_text texts[] = { TEXT("me", "relay.example\n"),
    TEXT("domains", "example\n.example\n[192.0.2.1]\n[IPv6:2001:db8::1]\n"),
    TEXT("recipients", "joe@a.example\njoe+*@a.example\njoe+a+*@a.example\njoe-*@a.example\n@.example\n@.a.example\n"
      "@example\njoe@[192.0.2.1]\n") };
  struct table_set *t = open_texts(texts, 3);
  for (size_t k = 0; k < ADDRESSES; k++) {
    struct address a;
    struct target to;
    struct piece key;
    struct record r, best = { .line = 0 }, found = { .line = 0 };
    enum table which;
    unsigned nearest = 0;
    target_of(&to, &a, addresses[k]);
    for (uint32_t pos = 0; table_next(t, &pos, &which, &key.s, &key.n, &r) > 0; ) {
      unsigned rank = which == TABLE_RECIPIENTS ? fits_mailbox(key, &to) : 0;
      if (!rank || (nearest && rank > nearest)) continue;
      CHECK(rank != nearest, "%s: two lines stand as near", addresses[k]);
      nearest = rank;
      best = r;
    }
    if (match_mailbox(t, TABLE_RECIPIENTS, &a, &found) != 1 && match_catch_all(t, TABLE_RECIPIENTS, &a, &found) != 1)
      found.line = 0;
    CHECK(best.line == found.line, "%s: %u, wanted %u", addresses[k], (unsigned)best.line, (unsigned)found.line);
  }
  table_close(t);
}

static void pieces(void **state)
{
  struct ip ip;
  struct piece arg, parts[3];
  ip_scan(&ip, "192.0.2.1", 9);
  assert_true(fits_ip((struct piece){ "_", 1 }, &ip) && fits_ip((struct piece){ "_11000000", 9 }, &ip));
  assert_true(!fits_ip((struct piece){ "_11000001", 9 }, &ip) && !fits_ip((struct piece){ "^", 1 }, &ip));
  ip.len = 0;
  assert_false(fits_ip((struct piece){ "_", 1 }, &ip));
  assert_int_equal(statement((struct piece){ "grant to-host _1", 16 }, &arg), SAYS_TO_HOST);
  assert_true(piece_is(arg, "_1"));
  assert_int_equal(statement((struct piece){ "grant login", 11 }, &arg), SAYS_LOGIN);
  assert_int_equal(statement((struct piece){ "grant logins", 12 }, &arg), SAYS_NOTHING);
  assert_int_equal(statement((struct piece){ "grant to ", 9 }, &arg), SAYS_NOTHING);
  assert_int_equal(statement((struct piece){ "require sender hosted", 21 }, &arg), SAYS_REQUIRE_SENDER);
  assert_true(device_parts((struct piece){ "_1 any hosted", 13 }, parts) && piece_is(parts[1], "any") &&
    piece_is(parts[2], "hosted"));
  assert_false(device_parts((struct piece){ "_1 any", 6 }, parts));
  assert_false(device_parts((struct piece){ "_1 any hosted x", 15 }, parts));
}

static struct rules_text const site[] = {
  TEXT("me", "relay.example\n"),
  TEXT("clients", "10.:allow\n10.1.0.0/16:allow,RELAYCLIENT=\"\"\n172.16.0.1:allow,RELAYCLIENT=\"\",A=\"b\"\n"
    "192.0.2.66:deny\n192.0.2.:allow\n172.16.0.2:allow,RELAYCLIENT=\".inner\"\n:allow\n"),
  TEXT("domains", "hosted.example\n.hosted.example listed\nasked.example asked\n"),
  TEXT("recipients", "joe@x.hosted.example\n@.z.hosted.example\n"),
  TEXT("aliases", "all@hosted.example joe@x.hosted.example\n"),
  TEXT("relay", "grant login\ngrant clients\ngrant to partner.net\ngrant to .pa.net\ndeny to bad.example\n"
    "deny to .bad.example\ngrant device 192.0.2.9 from @hosted.example to away.example\ngrant to-host 198.51.100.0/24\n"
    "require tls\ngrant to .partner.net\ngrant to x@partner.net\n"),
};

static void read_facts(char const *const *argv)
{
  char const *why = "";
  question_init(&q);
  for (int n; *argv; argv += n) CHECK((n = question_option(&q, argv, &why)) > 0, "%s %s", *argv, why);
  assert_null(question_finish(&q));
}

/* "relay:3 decides, clients:1 holds" */
static char const *standings(void)
{
  static char out[2000];
  static char const *const words[] = {
#define X(name, word) word,
    STANDINGS(X)
#undef X
  };
  struct explained const *e = genalloc_s(struct explained, &x.lines);
  size_t n = 0;
  *out = 0;
  for (size_t i = 0; i < genalloc_len(struct explained, &x.lines); i++)
    n += (size_t)sprintf(out + n, "%s%s:%u %s", i ? ", " : "", file_name(e[i].which), (unsigned)e[i].line,
      words[e[i].standing]);
  return out;
}

static char const *changes(void)
{
  static char out[4000];
  static char const *const actions[] = { "add", "remove", "replace" };
  struct change const *c = genalloc_s(struct change, &x.changes);
  size_t n = 0;
  *out = 0;
  if (!x.tried) return "none";
  for (size_t i = 0; i < genalloc_len(struct change, &x.changes); i++)
    for (unsigned k = 0; k < c[i].n; k++) {
      struct edit const *e = c[i].edits + k;
      char line[20] = "";
      if (e->line) sprintf(line, ":%u", (unsigned)e->line);
      n += (size_t)sprintf(out + n, "%s%s %s%s: %s%s%s", k ? "; " : i ? " | " : "", actions[e->action],
        file_name(e->which),
        line, explained_text(&x, e->text), e->action == ACTION_REPLACE ? " by " : "",
        e->action == ACTION_REPLACE ? explained_text(&x, e->by) : "");
    }
  return out;
}

static void explanations(void **state)
{
  struct table_set *t = open_texts(site, sizeof site / sizeof *site);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    read_facts(cases[i].argv);
    explain(&x, &q, t, 0);
    assert_int_equal(x.broken, 0);
    CHECK(!strcmp(verdict_word(x.outcome.decision.verdict), cases[i].verdict) &&
      !strcmp(outcome_word(&x.outcome), cases[i].word) && !strcmp(x.reply, cases[i].reply), "case %zu: %s %s %s", i,
      verdict_word(x.outcome.decision.verdict), outcome_word(&x.outcome), x.reply);
    CHECK(!strcmp(standings(), cases[i].lines), "case %zu: %s", i, standings());
    CHECK(!strcmp(changes(), cases[i].changes), "case %zu: %s", i, changes());
    CHECK(!strstr(changes(), "forgeable") && !strstr(changes(), "open-relay"), "case %zu: %s", i, changes());
    assert_true(*outcome_meaning(&x.outcome));
    struct outcome again;
    question_decide(&again, &q, t); /* q is as it was */
    assert_true(again.decision.verdict == x.outcome.decision.verdict &&
      again.decision.reason == x.outcome.decision.reason);
  }
  explain(&x, &q, 0, 0);
  assert_true(x.outcome.decision.verdict == VERDICT_TEMPFAIL && !x.tried &&
    explain_status(x.outcome.decision.verdict) == 2);
  table_close(t);
}

/* A gateway of this host hides strangers: no change trusts it. */
static void gateways(void **state)
{
  struct table_set *t = open_texts(site, sizeof site / sizeof *site);
  struct neighbours around = { .len = 1 };
  ip_scan(&around.n[0].ip, "10.1.2.3", 8);
  read_facts((char const *const[]){ "--client=10.1.2.3", "--tls", "--to=a@away.example", "--mx=none", 0 });
  explain(&x, &q, t, 0);
  assert_non_null(strstr(changes(), "10.1.2.3:allow,RELAYCLIENT=\"\""));
  explain(&x, &q, t, &around);
  assert_null(strstr(changes(), "RELAYCLIENT"));
  assert_non_null(strstr(changes(), "grant to a@away.example"));
  table_close(t);
}

/* What each answer of the network would bring. */
static void prospects(void **state)
{
  struct table_set *t = open_texts(site, sizeof site / sizeof *site);
  static struct { char const *to; enum reason reason[3]; uint32_t line; } const asked[] = {
    { "--to=a@asked.example", { REASON_CONFIRMED, REASON_NO_MAILBOX, REASON_MAILBOX_UNKNOWN }, 3 },
    { "--to=a@away.example", { REASON_TO_HOST, REASON_NOT_GRANTED, REASON_MX_UNKNOWN }, 8 },
  };
  for (int i = 0; i < 2; i++) {
    read_facts((char const *const[]){ "--tls", asked[i].to, 0 });
    explain(&x, &q, t, 0);
    assert_int_equal(x.prospects_n, 3);
    for (int k = 0; k < 3; k++) assert_int_equal(x.prospects[k].decision.reason, asked[i].reason[k]);
    assert_int_equal(x.prospects[0].decision.record.line, asked[i].line);
    assert_int_equal(explain_status(x.outcome.decision.verdict), 3);
  }
  table_close(t);
}

static void logged(void **state)
{
  struct table_set *t = open_texts(site, sizeof site / sizeof *site);
  static struct { char const *verdict, *reason, *rule; int same; } const lines[] = {
    { "accepted", "hosted", "domains:1", 1 }, { "unqueued", "hosted", "domains:1", 1 }, { "refused", "hosted",
      "domains:1", 0 },
    { "accepted", "listed", "domains:1", 0 }, { "accepted", "hosted", "domains:2", 0 }, { "accepted", "hosted", "", 0 },
  };
  read_facts((char const *const[]){ "--to=a@hosted.example", 0 });
  explain(&x, &q, t, 0);
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct logged l = { lines[i].verdict, lines[i].reason, lines[i].rule, "", "", "" };
    CHECK(logged_same(&x, &l) == lines[i].same, "%s %s %s", l.verdict, l.reason, l.rule);
  }
  table_close(t);
}

static void printing(void **state)
{
  stralloc out = STRALLOC_ZERO;
  for (int b = 0; b < 256; b++) {
    char c = (char)b, wanted[8];
    sprintf(wanted, b == '\\' ? "\\\\" : b < ' ' || b >= 0x7f ? "\\x%02x" : "%c", b);
    out.len = 0;
    assert_true(print_bytes(&out, &c, 1) && stralloc_0(&out));
    assert_string_equal(out.s, wanted);
  }
  stralloc_free(&out);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(keys_fit), cmocka_unit_test(mailboxes_fit), cmocka_unit_test(pieces),
      cmocka_unit_test(explanations),
    cmocka_unit_test(gateways), cmocka_unit_test(prospects), cmocka_unit_test(logged), cmocka_unit_test(printing),
  };
  int failed = cmocka_run_group_tests(tests, 0, 0);
  explanation_free(&x);
  return failed;
}
