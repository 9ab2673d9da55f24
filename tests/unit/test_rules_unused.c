/* lib/rules: a line of which it is said that it does nothing really does nothing. Random rules from few names, so that
 * they meet; each such line is taken out, and what the gate and the decision say must stay the same. */
#include <ctype.h>
#include "policy/decide.h"
#include "policy/gate.h"
#include "rules_double.h"
#include "unit.h"

#define ROUNDS 1500
#define QUESTIONS 300  /* for each line that is taken out */
#define WORDS(...) ((char const *const[]){ __VA_ARGS__, 0 })

static uint32_t state_of_chance = 20261122;
static unsigned chance(unsigned n)
{
  state_of_chance ^= state_of_chance << 13;
  state_of_chance ^= state_of_chance >> 17;
  state_of_chance ^= state_of_chance << 5;
  return state_of_chance % n;
}

static char const *one(char const *const *words)
{
  unsigned n = 0;
  while (words[n]) n++;
  return words[chance(n)];
}

#define DOMAIN one(WORDS("a.t", "b.a.t", ".a.t", ".b.a.t", "d.t", ".t", "e.t", "[192.0.2.7]"))
#define TO one(WORDS("a.t", "b.a.t", ".a.t", ".b.a.t", "d.t", ".t", "e.t", "j@a.t", "k@b.a.t", "j@d.t", "k@e.t", \
  "[192.0.2.7]", "j@[192.0.2.7]"))
#define FROM one(WORDS("@a.t", "@b.a.t", "@.a.t", "@.b.a.t", "@d.t", "@.t", "@e.t", "j@a.t", "k@b.a.t", "j@d.t", \
  "k@e.t"))
#define MAILBOX one(WORDS("@a.t", "@b.a.t", "@.a.t", "j@a.t", "j+*@a.t", "j+x@a.t", "j+x+*@a.t", "k@b.a.t", "j@d.t", \
  "@d.t", "k-*@d.t", "j@e.t"))
#define TARGET one(WORDS("j@a.t", "k@b.a.t", "j@d.t", "x@f.t", "j+x@a.t", "y@g.t"))
#define PREFIX one(WORDS("10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/31", "10.0.0.0", "10.0.0.1", "2001:db8::/32", \
  "2001:db8::1", "192.0.2.0/24"))
#define CLIENT one(WORDS("10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/30", "10.0.0.0/31", "10.0.0.2/31", "10.0.0.2/32", \
  "10.0.0.0", "10.0.0.1", "10.0.0.2-3", "10.0.0.", "10.0.", "10.", "10.0-127.", "10.128-255.", "10.128.0.0/9", \
  "2001:db8::/127", "2001:db8::", "2001:db8::1", "2001:db8::1/128", "::/0", "0.0.0.0/0", ""))

static void domains_line(char *s)
{
  sprintf(s, "%s %s", DOMAIN, one(WORDS("any", "listed", "asked")));
}
static void recipients_line(char *s)
{
  sprintf(s, "%s", MAILBOX);
}
static void aliases_line(char *s)
{
  sprintf(s, "%s %s", MAILBOX, TARGET);
}
static void clients_line(char *s)
{
  sprintf(s, "%s:%s", CLIENT, one(WORDS("allow", "deny", "allow,A=\"1\"", "allow,A=\"2\"")));
}
static void relay_line(char *s)
{
  switch (chance(13)) {
    case 0: sprintf(s, "grant %s", one(WORDS("login", "clients", "pop", "anyone open-relay"))); break;
    case 1: case 2: sprintf(s, "grant to %s", TO); break;
    case 3: sprintf(s, "grant to-host %s", PREFIX); break;
    case 4: sprintf(s, "grant sender %s forgeable", FROM); break;
    case 5: sprintf(s, "grant sender %s forgeable", one(WORDS("hosted", "user"))); break;
    case 6: sprintf(s, "local %s", TO); break;
    case 7: case 8: sprintf(s, "deny to %s", TO); break;
    case 9: sprintf(s, "require %s", one(WORDS("login", "tls", "sender hosted"))); break;
    default:
      sprintf(s, "grant device %s from %s to %s", PREFIX, chance(2) ? FROM : one(WORDS("any", "hosted")),
              chance(2) ? TO : one(WORDS("any", "hosted")));
  }
}

static void routes_line(char *s)
{
  sprintf(s, "%s:%s", chance(3) ? DOMAIN : "", chance(3) ? "10.0.0.9" : "");
}

enum { CLIENTS, DOMAINS, RECIPIENTS, ALIASES, RELAY, ROUTES, FILES };
#define LINES 12
static struct { char const *name; void (*line)(char *); unsigned most; } const files[FILES] = {
  { "clients", clients_line, 10 }, { "domains", domains_line, 4 }, { "recipients", recipients_line, 6 },
  { "aliases", aliases_line, 4 }, { "relay", relay_line, 10 }, { "routes", routes_line, 3 },
};

/* Rules as lines. */
struct lines {
  char line[FILES][LINES][200];
  unsigned n[FILES];
};

/* Compiles. Returns the tables, or null when the rules are wrong. */
static struct table_set *compile(struct lines const *x)
{
  static char text[FILES][LINES * 200];
  struct rules_text texts[FILES + 1] = { { "me", "relay.t", 7 } };
  for (unsigned f = 0; f < FILES; f++) {
    char *s = text[f];
    for (unsigned i = 0; i < x->n[f]; i++) s += sprintf(s, "%s\n", x->line[f][i]);
    texts[1 + f] = (struct rules_text){ files[f].name, text[f], (size_t)(s - text[f]) };
  }
  return try_texts(texts, FILES + 1);
}

/* Adds a line if the rules stay right with it. */
static void add_line(struct lines *x, unsigned file)
{
  files[file].line(x->line[file][x->n[file]++]);
  struct table_set *t = compile(x);
  if (t) table_close(t);
  else x->n[file]--;
}

static void read_address(struct address *a, char const *s)
{
  assert_int_equal(address_mailbox(a, s, strlen(s), 0), ADDRESS_OK);
}

static void read_ip(struct ip *ip, char const *s)
{
  assert_true(ip_scan(ip, s, strlen(s)));
}

#define ADDRESS one(WORDS("j@a.t", "k@a.t", "j+x@a.t", "j+x+y@a.t", "j@b.a.t", "k@b.a.t", "j@c.b.a.t", "j@d.t", \
  "k@d.t", "k-1@d.t", "j@e.t", "k@e.t", "x@f.t", "j@[192.0.2.7]", "k@[192.0.2.7]"))
#define IP one(WORDS("10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.1.1", "10.1.1.1", "10.200.1.1", \
  "2001:db8::", "2001:db8::1", "2001:db8::2", "192.0.2.1", "203.0.113.1"))

/* Asks both the same; what the decision rests on may differ, but not what it says. */
static void ask_decision(struct table_set const *a, struct table_set const *b, struct lines const *x, char const *why)
{
  struct address sender, recipient;
  struct ip host;
  struct decision d, e;
  struct facts f = { .listener = "", .trusted = chance(3) == 0, .login = chance(3) ? 0 : "joe", .tls = chance(2),
    .stamp = chance(5) ? 0 : "ann", .sender = &sender, .recipient = &recipient, .mailbox = ANSWER_YES + chance(2),
    .mx = ANSWER_YES + chance(2), .hosts = &host, .hosts_n = 1 };
  f.login_may_relay = chance(2);
  read_ip(&f.client, IP);
  read_ip(&host, IP);
  read_address(&sender, ADDRESS);
  if (chance(8) == 0) f.sender = 0;
  read_address(&recipient, ADDRESS);
  decide(&d, a, &f);
  decide(&e, b, &f);
  int same = d.verdict == e.verdict && (d.reason == REASON_ALIAS) == (e.reason == REASON_ALIAS);
  if (same && d.reason == REASON_ALIAS)
    same = d.record.len == e.record.len && !memcmp(d.record.data, e.record.data, d.record.len);
  if (same) return;
  for (unsigned k = 0; k < FILES; k++)
    for (unsigned i = 0; i < x->n[k]; i++) print_error("%s:%u: %s\n", files[k].name, i + 1, x->line[k][i]);
  fail_msg("%s: from %s to %s: %s became %s", why, f.sender ? sender.text : "", recipient.text, reason_word(d.reason),
           reason_word(e.reason));
}

static void ask_gate(struct table_set const *a, struct table_set const *b, struct lines const *x, char const *why)
{
  struct record r, q;
  struct ip ip;
  char const *client = IP;
  read_ip(&ip, client);
  int same = gate_find(a, &ip, 0, 0, &r) == gate_find(b, &ip, 0, 0, &q) && r.len == q.len && !memcmp(r.data, q.data,
    r.len);
  if (same) return;
  for (unsigned i = 0; i < x->n[CLIENTS]; i++) print_error("clients:%u: %s\n", i + 1, x->line[CLIENTS][i]);
  fail_msg("%s: %s", why, client);
}

/* Takes the line out, and compares. */
static void without(struct lines const *x, unsigned file, unsigned line, char const *why)
{
  static struct lines less;
  struct table_set *a = compile(x);
  less = *x;
  strcpy(less.line[file][line - 1], "# nothing");
  struct table_set *b = compile(&less);
  CHECK(a && b, "%s: %s", why, said.s);
  for (unsigned i = 0; i < QUESTIONS; i++) {
    if (file == CLIENTS) ask_gate(a, b, x, why);
    else ask_decision(a, b, x, why);
  }
  table_close(a);
  table_close(b);
}

static void nothing_changes(void **state)
{
  static struct lines x;
  unsigned lines = 0, void_hosts = 0, per_file[FILES] = { 0 };
  for (unsigned round = 0; round < ROUNDS; round++) {
    memset(x.n, 0, sizeof x.n);
    for (unsigned f = 0; f < FILES; f++) {
      unsigned clients_turn = round % 4 == 0;
      if ((f == CLIENTS) != clients_turn) continue;
      for (unsigned n = chance(files[f].most + 1); n--; ) add_line(&x, f);
    }
    struct table_set *t = compile(&x);
    assert_non_null(t);
    table_close(t);
    char *all = strdup(said.s);
    for (char *s = all, *lf; (lf = strchr(s, '\n')); s = lf + 1) {
      *lf = 0;
      if (!strstr(s, "`# ok: unused`")) continue;
      for (unsigned f = 0; f < FILES; f++) {
        size_t n = strlen(files[f].name);
        if (strncmp(s, files[f].name, n) || s[n] != ':') continue;
        unsigned line = (unsigned)strtoul(s + n + 1, 0, 10);
        /* of a range one number may be of no use */
        if (f == CLIENTS && strchr(x.line[f][line - 1], '-')) continue;
        without(&x, f, line, s);
        void_hosts += strstr(s, "mail exchangers") != 0;
        per_file[f]++;
        lines++;
      }
    }
    free(all);
  }
  for (unsigned f = 0; f < ROUTES; f++) CHECK(per_file[f] >= 3, "%s: %u", files[f].name, per_file[f]);
  CHECK(lines > 500 && void_hosts > 20, "%u %u", lines, void_hosts);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(nothing_changes) };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
