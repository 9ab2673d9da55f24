/* lib/policy/decide: every statement of the control files with its reason and its line, and the order: of two steps
 * that both could decide the first does, and the lines' order counts only where the manual says so. */
#include "unit.h"
#include "decide_double.h"

static char const domains[] =
  "hosted.example\n.sub.example listed\nasked.example asked\n[192.0.2.1]\n[192.0.2.2] listed\n";
static char const recipients[] =
  "joe@in.sub.example\nann+*@in.sub.example\n@all.sub.example\n@.deep.sub.example\nuser@hosted.example\n"
  "ext-*@hosted.example\nboth@hosted.example\njoe@asked.example\njoe@[192.0.2.2]\nown@alias.sub.example\n"
  "ext@list.sub.example\n";
static char const aliases[] =
  "sales@hosted.example u@target.example x@target.example\nboth@hosted.example x@target.example\n@alias.sub.example "
  "u@target.example\n@.all.sub.example u@target.example\nsales+*@hosted.example y@target.example\n"
  "sales+vip+*@hosted.example z@target.example\next+*@list.sub.example y@target.example\n";

struct row {
  char const *relay, *to, *want; /* want: verdict reason file:line */
  unsigned facts;
  char const *from, *client, *hosts, *routes; /* null: a@far.example, 203.0.113.9, no addresses, none */
  enum answer mailbox, mx;
};

#define R(relay_, to_, want_, ...) { .relay = relay_, .to = to_, .want = want_, __VA_ARGS__ }
static struct row const rows[] = {
  /* recipients and aliases: the mailbox, the longest extension, then the whole domain; aliases first each time */
  R("", "joe@in.sub.example", "accept listed recipients:1"),
  R("", "JOE@In.Sub.Example.", "accept listed recipients:1"),
  R("", "joe+x@in.sub.example", "refuse no-such-recipient domains:2"),
  R("", "eve@in.sub.example", "refuse no-such-recipient domains:2"),
  R("", "ann+x@in.sub.example", "accept listed recipients:2"),
  R("", "Ann+X@in.sub.example", "accept listed recipients:2"),
  R("", "ann+@in.sub.example", "accept listed recipients:2"),
  R("", "ann@in.sub.example", "refuse no-such-recipient domains:2"),
  R("", "ann-x@in.sub.example", "refuse no-such-recipient domains:2"),
  R("", "annx@in.sub.example", "refuse no-such-recipient domains:2"),
  R("", "any@all.sub.example", "accept listed recipients:3"),
  R("", "any@b.all.sub.example", "accept alias aliases:4"),
  R("", "any@a.deep.sub.example", "accept listed recipients:4"),
  R("", "any@deep.sub.example", "refuse no-such-recipient domains:2"),
  R("", "user@hosted.example", "accept listed recipients:5"),
  R("", "ext-a-b@hosted.example", "accept listed recipients:6"),
  R("", "both@hosted.example", "accept alias aliases:2"),
  R("", "own@alias.sub.example", "accept listed recipients:10"),
  R("", "any@alias.sub.example", "accept alias aliases:3"),
  R("", "ext@list.sub.example", "accept listed recipients:11"),
  R("", "ext+a@list.sub.example", "accept alias aliases:7"),
  R("", "sales@hosted.example", "accept alias aliases:1"),
  R("", "sales+a@hosted.example", "accept alias aliases:5"),
  R("", "sales+vip@hosted.example", "accept alias aliases:5"),
  R("", "sales+vip+a+b@hosted.example", "accept alias aliases:6"),
  R("", "eve@hosted.example", "accept hosted domains:1"),
  R("", "postmaster@in.sub.example", "accept hosted domains:2"),
  R("", "POSTMASTER@in.sub.example", "accept hosted domains:2"),
  R("", "postmaster+x@in.sub.example", "refuse no-such-recipient domains:2"),
  R("", "joe@[192.0.2.2]", "accept listed recipients:9"),
  R("", "eve@[192.0.2.2]", "refuse no-such-recipient domains:5"),
  R("", "postmaster@asked.example", "ask-mailbox ask domains:3"),
  R("", "eve@asked.example", "ask-mailbox ask domains:3"),
  R("", "eve@asked.example", "accept confirmed domains:3", .mailbox = ANSWER_YES),
  R("", "eve@asked.example", "refuse no-such-recipient domains:3", .mailbox = ANSWER_NO),
  R("", "eve@asked.example", "tempfail recipient-unconfirmed domains:3", .mailbox = ANSWER_UNKNOWN),
  R("", "joe@asked.example", "accept listed recipients:8", .mailbox = ANSWER_NO),
  /* grant to, deny to: the first line that fits, however wide */
  R("grant to x@far.example\n", "X@FAR.example", "accept to relay:1"),
  R("grant to x@far.example\n", "x+y@far.example", "refuse relaying-denied"),
  R("grant to .example\ngrant to far.example\ngrant to x@far.example\n", "x@far.example", "accept to relay:1"),
  R("grant to x@far.example\ngrant to .example\ngrant to far.example\n", "y@far.example", "accept to relay:2"),
  R("grant to .far.example\n", "x@far.example", "refuse relaying-denied"),
  R("grant to far.example\n", "x@a.far.example", "refuse relaying-denied"),
  R("grant to far.example\n", "x@nearfar.example", "refuse relaying-denied"),
  R("grant to [192.0.2.7]\n", "x@[192.0.2.7]", "accept to relay:1"),
  R("grant to [192.0.2.7]\n", "x@[192.0.2.70]", "refuse address-literal"),
  R("deny to .far.example\ndeny to a.far.example\n", "x@a.far.example", "refuse denied relay:1", .facts = TRUSTED),
  R("grant to x@far.example\ndeny to far.example\n", "x@far.example", "refuse denied relay:2"),
  /* grant sender */
  R("grant sender a@far.example forgeable\n", "x@far.example", "accept sender relay:1", .from = "A@Far.Example"),
  R("grant sender a@far.example forgeable\n", "x@far.example", "refuse relaying-denied", .from = "b@far.example"),
  R("grant sender @far.example forgeable\n", "x@far.example", "accept sender relay:1", .from = "b@far.example"),
  R("grant sender @far.example forgeable\n", "x@far.example", "refuse relaying-denied", .from = "b@a.far.example"),
  R("grant sender @.far.example forgeable\n", "x@far.example", "accept sender relay:1", .from = "b@a.far.example"),
  R("grant sender @.far.example forgeable\n", "x@far.example", "refuse relaying-denied", .from = "b@far.example"),
  R("grant sender @.far.example forgeable\n", "x@far.example", "refuse relaying-denied", .from = ""),
  R("grant sender hosted forgeable\n", "x@far.example", "accept sender relay:1", .from = "eve@hosted.example"),
  R("grant sender hosted forgeable\n", "x@far.example", "accept sender relay:1", .from = "eve@[192.0.2.1]"),
  R("grant sender hosted forgeable\n", "x@far.example", "refuse relaying-denied", .from = "eve@far.example"),
  R("grant sender hosted forgeable\n", "x@far.example", "refuse relaying-denied", .from = ""),
  R("grant sender hosted forgeable\nlocal far.example\n", "x@far.example", "accept sender relay:1"),
  R("grant sender hosted forgeable\nlocal .far.example\n", "x@far.example", "refuse relaying-denied"),
  R("grant sender hosted forgeable\nlocal a@far.example\n", "x@far.example", "accept sender relay:1"),
  R("grant sender user forgeable\n", "x@far.example", "accept sender relay:1", .from = "user@hosted.example"),
  R("grant sender user forgeable\n", "x@far.example", "accept sender relay:1", .from = "ext-a@hosted.example"),
  R("grant sender user forgeable\n", "x@far.example", "refuse relaying-denied", .from = "sales@hosted.example"),
  R("grant sender user forgeable\n", "x@far.example", "refuse relaying-denied", .from = "both@hosted.example"),
  R("grant sender user forgeable\n", "x@far.example", "refuse relaying-denied", .from = "eve@hosted.example"),
  R("grant sender user forgeable\n", "x@far.example", "refuse relaying-denied", .from = "eve@all.sub.example"),
  R("grant sender user forgeable\nlocal far.example\n", "x@far.example", "refuse relaying-denied"),
  R("grant sender user forgeable\nlocal a@far.example\n", "x@far.example", "accept sender relay:1"),
  R("local far.example\n", "x@far.example", "refuse relaying-denied"),
  R("local far.example\nrequire sender hosted\ngrant anyone open-relay\n", "x@far.example",
    "refuse sender-not-hosted relay:2"),
  /* grant device */
  R("grant device 203.0.113.9 from a@far.example to x@far.example\n", "x@far.example", "accept device relay:1"),
  R("grant device 203.0.113.9 from a@far.example to x@far.example\n", "y@far.example", "refuse relaying-denied"),
  R("grant device 203.0.113.9 from a@far.example to any\n", "x@far.example", "refuse relaying-denied", .from = ""),
  R("grant device 203.0.113.8 from any to any\n", "x@far.example", "refuse relaying-denied"),
  R("grant device 203.0.113.0/24 from any to .example\n", "x@[192.0.2.7]", "refuse address-literal"),
  R("grant device 203.0.113.0/24 from any to any\n", "x@[192.0.2.7]", "accept device relay:1", .from = ""),
  R("grant device 203.0.113.0/24 from hosted to any\n", "x@far.example", "refuse relaying-denied"),
  R("grant device 203.0.113.0/24 from hosted to any\nlocal far.example\n", "x@far.example", "refuse relaying-denied"),
  R("grant device 203.0.113.0/24 from hosted to any\n", "x@far.example", "accept device relay:1",
    .from = "eve@hosted.example"),
  R("grant device 203.0.113.0/24 from any to hosted\n", "x@far.example", "refuse relaying-denied"),
  R("grant device 203.0.113.0/24 from any to hosted\n", "x@hosted", "refuse relaying-denied"),
  R("grant device 203.0.113.0/24 from @.example to far.example\ngrant device 203.0.113.9 from any to any\n",
    "x@far.example", "accept device relay:1"),
  R("grant device 203.0.113.9 from any to any\ngrant device 203.0.113.0/24 from @.example to far.example\n",
    "x@far.example", "accept device relay:1"),
  R("grant device ::ffff:203.0.113.0/120 from any to any\n", "x@far.example", "accept device relay:1"),
  R("grant device 2001:db8::/32 from any to any\n", "x@far.example", "accept device relay:1", .client = "2001:db8::9"),
  R("grant device 2001:db8::/32 from any to any\n", "x@far.example", "refuse relaying-denied"),
  R("grant device 203.0.113.9 from any to any\n", "x@far.example", "refuse relaying-denied", .client = ""),
  /* the other grants */
  R("grant pop 60\n", "x@far.example", "accept pop relay:1", .facts = STAMP),
  R("grant pop 60\n", "x@far.example", "tempfail stamp-unknown", .facts = UNKNOWN), /* test_policy_pop has more */
  R("grant pop 60\n", "x@far.example", "refuse relaying-denied", .facts = TRUSTED | LOGIN | MAY),
  R("grant login\n", "x@far.example", "accept login relay:1", .facts = LOGIN | MAY),
  R("grant login\n", "x@far.example", "refuse no-privilege", .facts = LOGIN),
  R("grant anyone open-relay\n", "x@[192.0.2.7]", "accept anyone relay:1"),
  R("grant anyone open-relay\ngrant login\n", "x@far.example", "accept anyone relay:1", .facts = LOGIN),
  /* grant to-host: all addresses, the first line, literals have none */
  R("grant to-host 10.0.0.0/8\n", "x@far.example", "ask-mx ask"),
  R("grant to-host 10.0.0.0/8\n", "x@[10.0.0.1]", "refuse address-literal"),
  R("grant to-host 10.0.0.0/8\n", "x@far.example", "tempfail mx-unknown", .mx = ANSWER_UNKNOWN),
  R("grant to-host 10.0.0.0/8\n", "x@far.example", "refuse relaying-denied", .mx = ANSWER_NO),
  R("grant to-host 10.0.0.0/8\n", "x@far.example", "refuse relaying-denied", .mx = ANSWER_YES),
  R("grant to-host 10.0.0.0/8\ngrant to-host 10.1.0.0/16\n", "x@far.example", "accept to-host relay:1",
    .mx = ANSWER_YES, .hosts = "10.1.0.1"),
  R("grant to-host 10.1.0.0/16\ngrant to-host 2001:db8::/32\n", "x@far.example", "accept to-host relay:1",
    .mx = ANSWER_YES, .hosts = "2001:db8::1 10.1.0.1"),
  R("grant to-host 10.0.0.0/8\n", "x@far.example", "refuse relaying-denied", .mx = ANSWER_YES,
    .hosts = "10.0.0.1 192.0.2.1"),
  R("grant to-host 10.0.0.0/8\n", "x@far.example", "refuse relaying-denied", .mx = ANSWER_YES,
    .hosts = "192.0.2.1 10.0.0.1"),
  R("grant login\ngrant to-host 10.0.0.0/8\n", "x@far.example", "refuse no-privilege", .facts = LOGIN, .mx = ANSWER_NO),
  /* no grant where a route, the most special one, names a relay: nothing is asked */
#define VIA(routes_, to_, want_) R("grant to-host 10.0.0.0/8\n", to_, want_, .routes = routes_, .mx = ANSWER_YES, \
  .hosts = "10.0.0.1")
  VIA("far.example:192.0.2.9\n", "x@far.example", "refuse relaying-denied"),
  R("grant to-host 10.0.0.0/8\n", "x@far.example", "refuse relaying-denied", .routes = "far.example:192.0.2.9\n"),
  VIA(":192.0.2.9\n", "x@far.example", "refuse relaying-denied"),
  VIA(".example:inner.example:2525\n", "x@far.example", "refuse relaying-denied"),
  VIA("far.example:/run/lmtp\n", "x@far.example", "refuse relaying-denied"),
  VIA(":/run/smtp smtp\n", "x@far.example", "refuse relaying-denied"),
  VIA("far.example:10.0.0.1:24 lmtp tls=none\n", "x@far.example", "refuse relaying-denied"),
  VIA(":/run/lmtp\nfar.example: tls=verify ca=/etc/x\n", "x@far.example", "accept to-host relay:1"),
  VIA(".far.example:192.0.2.9\n", "x@far.example", "accept to-host relay:1"),
  VIA(":192.0.2.9\nfar.example:\n", "x@far.example", "accept to-host relay:1"),
  VIA(":192.0.2.9\nfar.example::2525\n", "x@far.example", "accept to-host relay:1"),
  VIA(":192.0.2.9\n.example:\nfar.example:192.0.2.8\n", "x@far.example", "refuse relaying-denied"),
  R("grant to far.example\n", "x@far.example", "accept to relay:1", .routes = ":192.0.2.9\n"),
  /* requirements: the first line that does not hold */
  R("require tls\nrequire login\nrequire sender hosted\n", "x@far.example", "refuse no-tls relay:1"),
  R("require tls\nrequire login\nrequire sender hosted\n", "x@far.example", "refuse no-login relay:2", .facts = TLS),
  R("require tls\nrequire login\nrequire sender hosted\n", "x@far.example", "refuse sender-not-hosted relay:3",
    .facts = TLS | LOGIN),
  R("require sender hosted\nrequire login\nrequire tls\n", "x@far.example", "refuse sender-not-hosted relay:1",
    .facts = LOGIN),
  R("require sender hosted\nrequire login\nrequire tls\n", "x@far.example", "refuse no-login relay:2",
    .from = "eve@hosted.example"),
  R("require sender hosted\ngrant clients\n", "x@far.example", "refuse sender-not-hosted relay:1",
    .facts = TRUSTED, .from = ""),
  R("require login\ngrant clients\n", "x@far.example", "accept client relay:2", .facts = TRUSTED | LOGIN),
  /* neighbouring steps, where both could decide: submission, onward, denied, hosted, required, granted, to-host */
  R("", "x%y@hosted.example", "refuse login-first", .facts = SUBMISSION),
  R("", "x%y@hosted.example", "refuse onward-routing", .facts = SUBMISSION | LOGIN),
  R("", "x%y@hosted.example", "refuse login-first", .facts = SUBMISSION | WRONG),
  R("", "x%y@hosted.example", "refuse sender-not-yours", .facts = SUBMISSION | LOGIN | WRONG),
  R("", "x@hosted.example", "refuse sender-not-yours", .facts = LOGIN | MAY | WRONG | TRUSTED),
  R("", "x@hosted.example", "accept hosted domains:1", .facts = WRONG),
  R("", "x@hosted.example", "accept hosted domains:1", .facts = SUBMISSION | LOGIN),
  R("", "<postmaster>", "refuse login-first", .facts = SUBMISSION),
  R("grant login\n", "x@far.example", "refuse sender-not-yours", .facts = LOGIN | MAY | WRONG),
  R("grant login\n", "x%y@hosted.example", "refuse sender-not-yours", .facts = LOGIN | WRONG | SUBMISSION),
  R("deny to far.example\n", "x@far.example", "refuse sender-not-yours", .facts = LOGIN | WRONG),
  R("", "x@hosted.example", "refuse login-first", .facts = WRONG | SUBMISSION),
  R("", "x@hosted.example", "accept hosted domains:1", .facts = WRONG),
  R("deny to hosted.example\n", "x%y@hosted.example", "refuse onward-routing"),
  R("deny to hosted.example\n", "x@hosted.example", "refuse denied relay:1"),
  R("deny to user@hosted.example\n", "user@hosted.example", "refuse denied relay:1"),
  R("deny to user@hosted.example\n", "eve@hosted.example", "accept hosted domains:1"),
  R("deny to asked.example\n", "x@asked.example", "refuse denied relay:1", .mailbox = ANSWER_YES),
  R("deny to relay.example\n", "<postmaster>", "accept hosted me:1"),
  R("require login\n", "x@hosted.example", "accept hosted domains:1"),
  R("require login\n", "eve@in.sub.example", "refuse no-such-recipient domains:2"),
  R("grant anyone open-relay\n", "eve@in.sub.example", "refuse no-such-recipient domains:2", .facts = TRUSTED),
  R("grant anyone open-relay\nrequire tls\n", "x@far.example", "refuse no-tls relay:2", .facts = TRUSTED),
  R("require tls\ngrant anyone open-relay\n", "x@far.example", "refuse no-tls relay:1", .facts = TRUSTED),
  R("require tls\ngrant anyone open-relay\n", "x@far.example", "accept anyone relay:2", .facts = TLS),
  R("grant to-host 10.0.0.0/8\nrequire tls\n", "x@far.example", "refuse no-tls relay:2"),
  R("grant to-host 10.0.0.0/8\ngrant clients\n", "x@far.example", "accept client relay:2", .facts = TRUSTED),
  R("grant clients\ngrant to-host 10.0.0.0/8\n", "x@far.example", "accept client relay:1",
    .facts = TRUSTED, .mx = ANSWER_UNKNOWN),
  R("grant clients\ngrant to-host 10.0.0.0/8\n", "x@far.example", "ask-mx ask"),
};

/* Each pair of grants that hold together, in both orders: the one that stands first gives the reason. */
static struct { char const *line, *reason; } const grants[] = {
  { "grant clients", "client" }, { "grant login", "login" }, { "grant pop 60", "pop" }, { "grant to .example", "to" },
  { "grant sender @far.example forgeable", "sender" }, { "grant device 203.0.113.0/24 from any to any", "device" },
  { "grant anyone open-relay", "anyone" },
};

static struct table_set *tables(char const *relay, char const *routes)
{
  struct rules_text texts[] = {
    { "me", "relay.example\n", 14 }, { "domains", domains, sizeof domains - 1 },
    { "recipients", recipients, sizeof recipients - 1 }, { "aliases", aliases, sizeof aliases - 1 },
    { "relay", relay, strlen(relay) }, { "routes", routes ? routes : "", routes ? strlen(routes) : 0 },
  };
  return open_texts(texts, sizeof texts / sizeof *texts);
}

static size_t set_hosts(struct ip *hosts, char const *s)
{
  size_t n = 0, len;
  for (; s && *s; s += len + (s[len] == ' ')) {
    len = strcspn(s, " ");
    assert_true(ip_scan(hosts + n++, s, len));
  }
  return n;
}

static void decide_row(struct row const *c, char said_[100])
{
  static char const *const verdicts[] = { "accept", "refuse", "tempfail", "ask-mailbox", "ask-mx" };
  struct table_set *t = tables(c->relay, c->routes);
  struct address sender, recipient;
  struct ip hosts[4];
  struct decision d;
  struct facts f;
  char const *client = c->client ? c->client : "203.0.113.9";
  set_facts(&f, c->facts, &sender, &recipient);
  f.mailbox = c->mailbox;
  f.mx = c->mx;
  f.hosts = hosts;
  f.hosts_n = set_hosts(hosts, c->hosts);
  assert_true(!*client || ip_scan(&f.client, client, strlen(client)));
  set_address(&sender, c->from ? c->from : "a@far.example");
  set_address(&recipient, c->to);
  decide(&d, t, &f);
  int n = snprintf(said_, 100, "%s %s", verdicts[d.verdict], reason_word(d.reason));
  if (d.record.line) snprintf(said_ + n, 100 - (size_t)n, " %s:%u", d.record.file, (unsigned)d.record.line);
  table_close(t);
}

static void each_row(void **state)
{
  char got[100];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    decide_row(rows + i, got);
    CHECK(!strcmp(got, rows[i].want), "row %zu: %s, rules: %s%s", i, rows[i].to, rows[i].relay, got);
  }
}

static void first_grant(void **state)
{
  char relay[200], want[100], got[100];
  for (size_t n = sizeof grants / sizeof *grants, i = 0; i < n; i++)
    for (size_t k = 0; k < n; k++) {
      if (i == k) continue;
      struct row r = R(relay, "x@far.example", want, .facts = TRUSTED | LOGIN | MAY | STAMP);
      snprintf(relay, sizeof relay, "%s\n# between\n%s\n", grants[i].line, grants[k].line);
      snprintf(want, sizeof want, "accept %s relay:1", grants[i].reason);
      decide_row(&r, got);
      assert_string_equal(got, want);
    }
}

/* Every reason but the one for damaged tables stands in a row. */
static void every_reason(void **state)
{
  char word[40];
  for (int r = 0; r < REASON_COUNT; r++) {
    snprintf(word, sizeof word, " %s", reason_word((enum reason)r));
    size_t n = strlen(word), found = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
      char const *s = strstr(rows[i].want, word);
      found += s && (!s[n] || s[n] == ' ');
    }
    CHECK(!found == (r == REASON_TABLES), "%s: %zu rows", word, found);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(each_row), cmocka_unit_test(first_grant), cmocka_unit_test(every_reason),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
