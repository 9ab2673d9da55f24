/* lib/policy/match: keys at their limits, how many look-ups it takes, tables that no compiler of ours made. match.c is
 * part of this file, so that its look-ups can be counted. */
#include "table/table.h"

static size_t looks;
static int counting_look(struct table_set const *t, enum table which, char const *key, size_t len, struct record *r)
{
  looks++;
  return table_look(t, which, key, len, r);
}

#define table_look counting_look
#include "policy/match.c"
#undef table_look

#include "rules_double.h"
#include "policy/decide.h"

#define LABELS 127 /* of the longest name: 253 bytes */

/* LOCAL@a.a.a...: the longest address of all. */
static void set_longest(struct address *a, char local)
{
  char text[LIMIT_LOCAL_PART + 1 + DOMAIN_TEXT];
  size_t n = 0;
  memset(text, local, LIMIT_LOCAL_PART);
  n = LIMIT_LOCAL_PART;
  for (int i = 0; i < LABELS; i++) {
    text[n++] = i ? '.' : '@';
    text[n++] = 'a';
  }
  assert_int_equal(address_mailbox(a, text, n, 0), ADDRESS_OK);
  assert_int_equal(strlen(a->domain), 253);
}

static void set(struct address *a, char const *text)
{
  assert_int_equal(address_mailbox(a, text, strlen(text), 1), ADDRESS_OK);
}

static struct ip ip(char const *s)
{
  struct ip x;
  assert_true(ip_scan(&x, s, strlen(s)));
  return x;
}

/* A table of records as they stand here: KEY=DATA, its line behind a `#`. */
static struct table_set *records(enum table which, char const *const *lines)
{
  FILE *f = tmpfile();
  struct table_builder *b = table_build(fileno(f));
  assert_non_null(b);
  for (; *lines; lines++) {
    char const *equal = strchr(*lines, '='), *hash = strrchr(*lines, '#');
    assert_true(equal && hash > equal);
    assert_int_equal(table_add(b, which, *lines, (size_t)(equal - *lines), (uint32_t)atoi(hash + 1), equal + 1,
      (size_t)(hash - equal - 1)), 0);
  }
  assert_int_equal(table_finish(b), 0);
  struct table_set *t = table_open_fd(fileno(f));
  assert_non_null(t);
  fclose(f);
  return t;
}

static int by_verb(struct table_set const *t, char const *verb, struct address const *a, struct record *r)
{
  return strcmp(verb, "grant sender") ? match_to(t, verb, a, r) : match_sender(t, a, r);
}

/* Each form in which a line may name the longest address is found. */
static void longest(void **state)
{
  static char const *const verbs[] = { "grant to", "deny to", "local", "grant sender" };
  struct address a;
  struct record r;
  char relay[ADDRESS_KEY + 40], key[ADDRESS_KEY];
  set_longest(&a, 'x');
  address_key(key, &a);
  for (size_t v = 0; v < 4; v++)
    for (int i = -1; i < LABELS; i++) {
      char const *form = i < 0 ? key : a.domain + (i ? 2 * i - 1 : 0);
      char const *at = v == 3 && i >= 0 ? "@" : "", *end = v == 3 ? "forgeable" : "";
      snprintf(relay, sizeof relay, "%s %s%s %s\n", verbs[v], at, form, end);
      struct table_set *t = rules(0, 0, relay, 0, 0);
      assert_int_equal(by_verb(t, verbs[v], &a, &r), 1);
      assert_int_equal(r.line, 1);
      table_close(t);
    }
}

static void longest_device(void **state)
{
  static char const *const forms[] = { "%s", "@%s", "@.a", "any" };
  struct address from, to;
  struct record r;
  struct ip client = ip("2001:db8::1");
  char relay[3 * ADDRESS_KEY], one[ADDRESS_KEY], other[ADDRESS_KEY], word[ADDRESS_KEY];
  set_longest(&from, 'x');
  set_longest(&to, 'y');
  address_key(one, &from);
  address_key(other, &to);
  for (size_t i = 0; i < 4; i++)
    for (size_t k = 0; k < 3; k++) {
      snprintf(word, sizeof word, forms[i], i ? from.domain : one);
      char const *recipient = k == 0 ? other : k == 1 ? ".a" : "any";
      snprintf(relay, sizeof relay, "grant device 2001:db8::1 from %s to %s\n", word, recipient);
      struct table_set *t = rules(0, 0, relay, 0, 0);
      assert_int_equal(match_device(t, &client, &from, &to, &r), 1);
      assert_int_equal(r.line, 1);
      /* the other way round it holds only where the line does not tell one from the other */
      assert_int_equal(match_device(t, &client, &to, &from, &r), i > 0 && k > 0);
      table_close(t);
    }
}

/* Look-ups for a decision's questions: by the labels of the domains, never by the lines. */
static void bounded(void **state)
{
  static struct { char const *text; int labels, extensions; } const cases[] = {
    { "joe@far.example", 2, 0 }, { "joe+a+b-c@a.b.far.example", 4, 3 }, { "joe@[192.0.2.1]", 1, 0 }, { 0, LABELS, 0 },
  };
  static char const *const relays[] = { "grant sender hosted forgeable\ngrant sender user forgeable\n", 0 };
  char *many = malloc(1 << 20);
  struct record r;
  size_t n = (size_t)sprintf(many, "%s", relays[0]);
  for (int i = 0; i < 20000; i++) n += (size_t)sprintf(many + n, "grant to d%d.example\n", i);
  for (int round = 0; round < 2; round++) {
    struct table_set *t = rules(0, "hosted.example\n", round ? many : relays[0], 0, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
      struct address a;
      if (cases[i].text) set(&a, cases[i].text);
      else set_longest(&a, 'x');
      size_t labels = (size_t)cases[i].labels, own = 1 + (size_t)cases[i].extensions;
#define LOOKS(call, most) do { looks = 0; assert_int_equal(call, 0); assert_int_equal(looks, most); } while (0)
      LOOKS(match_hosted(t, a.domain, &r), labels);
      LOOKS(match_to(t, "deny to", &a, &r), labels + 1);
      LOOKS(match_mailbox(t, TABLE_RECIPIENTS, &a, &r), own);
      LOOKS(match_catch_all(t, TABLE_RECIPIENTS, &a, &r), labels);
      LOOKS(match_sender(t, &a, &r), (labels + 1) + 1 + (labels + labels + 1) + 1 + (own + 1));
      LOOKS(match_device(t, &(struct ip){ .len = 4 }, &a, &a, &r), 1);
      LOOKS(match_to_host(t, &(struct ip){ .len = 16 }, &r), 1);
    }
    table_close(t);
  }
  free(many);
}

/* A device's line costs a look-up for each pair of forms, but only where its prefix is the client's. */
static void bounded_device(void **state)
{
  struct table_set *t = rules(0, "hosted.example\n",
    "grant device 10.0.0.0/8 from x@a.example to any\ngrant device 10.1.0.0/16 from x@a.example to any\n"
    "grant device 192.0.2.1 from any to any\n", 0, 0);
  struct address from, to;
  struct record r;
  struct ip inside = ip("10.1.2.3"), half = ip("10.2.0.1"), other = ip("172.16.0.1");
  set(&from, "y@far.example");
  set(&to, "joe@b.c.example");
  size_t pairs = (3 + 1) * (4 + 1), hosted = 2, lists = 1;
  LOOKS(match_device(t, &other, &from, &to, &r), lists + 3);
  LOOKS(match_device(t, &half, &from, &to, &r), 3 + hosted + pairs + 2 * lists);
  looks = 0;
  assert_int_equal(match_device(t, &inside, &from, &to, &r), 0);
  assert_int_equal(looks, 3 + hosted + 2 * pairs + 3 * lists);
  assert_int_equal(match_device_client(t, &inside, &r), 1);
  assert_int_equal(match_device_client(t, &other, &r), 0);
  table_close(t);
}

/* Extensions: the longest one, never without what it extends, and no suffix or literal where there is none. */
static void extensions(void **state)
{
  static char const *const lines[] = {
    "joe+*@a.example=#1", "joe+a-*@a.example=#2", "+*@a.example=#3", "@.example=#4", "joe-*=#5", "postmaster=#6",
    "@.0.2.1]=#7", 0
  };
  static struct { char const *text; uint32_t line, all; } const cases[] = {
    { "joe+x@a.example", 1, 4 }, { "joe+@a.example", 1, 4 }, { "joe+a-x+y@a.example", 2, 4 },
    { "joe+a@a.example", 1, 4 }, { "joe@a.example", 0, 4 }, { "+x@a.example", 0, 4 },
    { "joe-x@a.example", 0, 4 }, { "x+joe+y@a.example", 0, 4 },
    { "joe+x@b.example", 0, 4 }, { "postmaster", 6, 0 }, { "joe+x@[192.0.2.1]", 0, 0 },
  };
  struct table_set *t = records(TABLE_RECIPIENTS, lines);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct address a;
    struct record r = { .line = 0 };
    set(&a, cases[i].text);
    assert_int_equal(match_mailbox(t, TABLE_RECIPIENTS, &a, &r), cases[i].line != 0);
    if (cases[i].line) assert_int_equal(r.line, cases[i].line);
    assert_int_equal(match_catch_all(t, TABLE_RECIPIENTS, &a, &r), cases[i].all != 0);
    if (cases[i].all) assert_int_equal(r.line, cases[i].all);
    assert_int_equal(match_mailbox(t, TABLE_ALIASES, &a, &r), 0);
  }
  table_close(t);
}

/* What only damage can write: line 0, lengths that no address has. The decision fails, whatever else would hold. */
static void damage(void **state)
{
  static struct { char const *lines[4]; } const cases[] = {
    { { "deny to far.example=#0", "grant clients=#1", 0 } }, { { "require login=#0", "grant clients=#1", 0 } },
    { { "grant clients=#0", 0 } }, { { "grant anyone=open-relay#0", "grant clients=#1", 0 } },
    { { "grant to far.example=#0", 0 } }, { { "grant sender @far.example=forgeable#0", "grant clients=#1", 0 } },
    { { "grant to-host/4=\x08#0", "grant to-host _00001010=#0", 0 } }, { { "grant to-host/4=\x21#0", 0 } },
    { { "grant device/4=\x21#0", "grant clients=#1", 0 } },
    { { "grant device/4=\x01#0", "grant device _1=#0", "grant device _1 any any=#0", 0 } },
  };
  struct address from, to;
  struct decision d;
  struct ip host = ip("10.0.0.1");
  struct facts f = { .listener = "", .trusted = 1, .sender = &from, .recipient = &to, .client = ip("203.0.113.9"),
    .mx = ANSWER_YES, .hosts = &host, .hosts_n = 1 };
  set(&from, "a@far.example");
  set(&to, "b@far.example");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct table_set *t = records(TABLE_RELAY, cases[i].lines);
    decide(&d, t, &f);
    if (d.reason != REASON_TABLES) print_error("case %zu: %s\n", i, reason_word(d.reason));
    assert_int_equal(d.verdict, VERDICT_TEMPFAIL);
    assert_int_equal(d.reason, REASON_TABLES);
    assert_int_equal(d.record.line, 0);
    table_close(t);
  }
}

static void odd_domains(void **state)
{
  static char const *const lines[] = {
    "far.example=maybe#1", "a.example=#2", "b.example=any #3", "c.example=ask#4", 0
  };
  static char const *const names[] = { "x@far.example", "x@a.example", "x@b.example", "postmaster@c.example" };
  struct table_set *t = records(TABLE_DOMAINS, lines);
  for (size_t i = 0; i < 4; i++) {
    struct address to;
    struct decision d;
    struct facts f = { .listener = "", .recipient = &to, .mailbox = ANSWER_YES };
    set(&to, names[i]);
    decide(&d, t, &f);
    assert_int_equal(d.reason, REASON_TABLES);
  }
  table_close(t);
}

/* More lengths than a family has. */
static void long_list(void **state)
{
  char line[GATE_CIDR + 60] = "grant to-host/6=";
  size_t n = strlen(line);
  struct record r;
  struct ip host = ip("2001:db8::1");
  for (int more = 0; more < 2; more++) {
    memset(line + n, 0x40, GATE_CIDR + (size_t)more);
    strcpy(line + n + GATE_CIDR + more, "#0");
    struct table_set *t = records(TABLE_RELAY, (char const *const[]){ line, 0 });
    assert_int_equal(match_to_host(t, &host, &r), -more);
    table_close(t);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(longest), cmocka_unit_test(longest_device), cmocka_unit_test(bounded),
    cmocka_unit_test(bounded_device), cmocka_unit_test(extensions), cmocka_unit_test(damage),
    cmocka_unit_test(odd_domains), cmocka_unit_test(long_list),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
