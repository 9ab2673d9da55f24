/* lib/policy/pop: `grant pop` with its listeners and senders; what the decision makes of it. */
#include "decide_double.h"
#include "policy/pop.h"

static char const users[] = "joe - from joe@hosted.example @.brand.example\nann@hosted.example -\neve - norelay\n"
  "bob - off\n";

static struct table_set *tables(char const *relay)
{
  struct rules_text texts[] = {
    { "me", "relay.example\n", 14 }, { "domains", "hosted.example\n.brand.example\n", 30 },
    { "relay", relay, strlen(relay) }, { "users", users, sizeof users - 1 },
  };
  return open_texts(texts, sizeof texts / sizeof *texts);
}

static struct {
  char const *relay, *stamp, *listener, *from; /* stamp null: there is none; "?": that could not be told */
  char const *want;
} const rows[] = {
  { "grant pop", "joe", "", "x@far.example", "accept pop relay:1" },
  { "grant pop", "", "", "", "accept pop relay:1" },
  { "grant pop", 0, "", "x@far.example", "refuse relaying-denied" },
  { "grant clients", "joe", "", "x@far.example", "refuse relaying-denied" },
  /* listeners */
  { "grant pop on -", "joe", "", "", "accept pop relay:1" },
  { "grant pop on -", "joe", "inside", "", "refuse relaying-denied" },
  { "grant pop on inside", "joe", "", "", "refuse relaying-denied" },
  { "grant pop on inside", "joe", "inside", "", "accept pop relay:1" },
  { "grant pop on Inside", "joe", "iNSIDE", "", "accept pop relay:1" },
  { "grant pop on inside", "joe", "insider", "", "refuse relaying-denied" },
  { "grant pop on a,b,-", "joe", "b", "", "accept pop relay:1" },
  { "grant pop on a,b,-", "joe", "", "", "accept pop relay:1" },
  { "grant pop on a,b,-", "joe", "a,b", "", "refuse relaying-denied" },
  { "grant pop on submission,x", "joe", "submission", "", "refuse login-first" },
  /* senders */
  { "grant pop bound", "joe", "", "joe@hosted.example", "accept pop relay:1" },
  { "grant pop bound", "JOE", "", "Joe@HOSTED.example", "accept pop relay:1" },
  { "grant pop bound", "joe", "", "x@a.brand.example", "accept pop relay:1" },
  { "grant pop bound", "joe", "", "x@brand.example", "refuse relaying-denied" },
  { "grant pop bound", "joe", "", "ann@hosted.example", "refuse relaying-denied" },
  { "grant pop bound", "joe", "", "", "refuse relaying-denied" },
  { "grant pop bound", "ann@hosted.example", "", "x@far.example", "accept pop relay:1" },
  { "grant pop bound", "Ann@Hosted.Example", "", "", "accept pop relay:1" },
  { "grant pop bound", "ann", "", "ann@hosted.example", "refuse relaying-denied" },
  { "grant pop bound", "eve", "", "eve@hosted.example", "refuse relaying-denied" },
  { "grant pop bound", "bob", "", "bob@hosted.example", "refuse relaying-denied" },
  { "grant pop bound", "nobody", "", "joe@hosted.example", "refuse relaying-denied" },
  { "grant pop bound", "", "", "joe@hosted.example", "refuse relaying-denied" },
  { "grant pop on x bound", "joe", "x", "joe@hosted.example", "accept pop relay:1" },
  { "grant pop on x bound", "joe", "", "joe@hosted.example", "refuse relaying-denied" },
  { "grant pop on x bound", "joe", "x", "ann@hosted.example", "refuse relaying-denied" },
  { "grant pop bound\ngrant to .example", "joe", "", "ann@hosted.example", "accept to relay:2" },
  { "grant pop bound\ngrant to .example", "joe", "", "joe@hosted.example", "accept pop relay:1" },
  /* not known */
  { "grant pop", "?", "", "", "tempfail stamp-unknown" },
  { "grant pop bound", "?", "", "x@far.example", "tempfail stamp-unknown" },
  { "grant clients", "?", "", "", "refuse relaying-denied" },
  { "grant pop on x", "?", "", "", "refuse relaying-denied" },
  { "grant pop on x", "?", "X", "", "tempfail stamp-unknown" },
  { "grant pop\ngrant to far.example", "?", "", "", "accept to relay:2" },
  { "grant pop\nrequire tls", "?", "", "", "refuse no-tls relay:2" },
  { "grant pop\ndeny to far.example", "?", "", "", "refuse denied relay:2" },
  { "grant pop\ngrant to-host 10.0.0.1", "?", "", "", "ask-mx ask" },
  { "grant pop", "?", "submission", "", "refuse login-first" },
};

static void ask(struct decision *d, struct table_set const *t, char const *stamp, char const *listener,
                char const *from, char const *to)
{
  struct address sender, recipient;
  struct facts f;
  int unknown = stamp && *stamp == '?';
  set_address(&sender, from);
  set_address(&recipient, to);
  set_facts(&f, unknown ? UNKNOWN : 0, &sender, &recipient);
  f.stamp = unknown ? 0 : stamp;
  f.listener = listener;
  decide(d, t, &f);
}

/* A stamp that doesn't count vouches for nobody, also where mail is for us. */
static void origins(void **state)
{
  static struct { char const *relay, *stamp, *listener, *from, *want; } const all[] = {
    { "grant pop", "joe", "", "joe@hosted.example", "local" },
    { "grant pop", "", "", "ann@hosted.example", "local" },
    { "grant pop", 0, "", "joe@hosted.example", "claimed" },
    { "grant pop", "joe", "", "joe@far.example", "external" },
    { "grant pop", "joe", "", "", "external" },
    { "grant clients", "joe", "", "joe@hosted.example", "claimed" },
    { "grant pop on inside", "joe", "inside", "joe@hosted.example", "local" },
    { "grant pop on inside", "joe", "", "joe@hosted.example", "claimed" },
    { "grant pop bound", "joe", "", "joe@hosted.example", "local" },
    { "grant pop bound", "joe", "", "x@a.brand.example", "local" },
    { "grant pop bound", "joe", "", "ann@hosted.example", "claimed" },
    { "grant pop bound", "ann@hosted.example", "", "joe@hosted.example", "local" },
    { "grant pop bound", "bob", "", "bob@hosted.example", "claimed" },
    { "grant pop bound\ndeny to far.example", "joe", "", "joe@hosted.example", "local" },
  };
  static char const *const to[] = { "y@far.example", "y@hosted.example" };
  for (size_t i = 0; i < 2 * (sizeof all / sizeof *all); i++) {
    struct table_set *t = tables(all[i / 2].relay);
    struct decision d;
    ask(&d, t, all[i / 2].stamp, all[i / 2].listener, all[i / 2].from, to[i % 2]);
    if (strcmp(origin_word(d.origin), all[i / 2].want)) print_error("row %zu: %s", i / 2, all[i / 2].relay);
    assert_string_equal(origin_word(d.origin), all[i / 2].want);
    table_close(t);
  }
}

static void decides(void **state)
{
  static char const *const verdicts[] = { "accept", "refuse", "tempfail", "ask-mailbox", "ask-mx" };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct table_set *t = tables(rows[i].relay);
    struct decision d;
    char got[100];
    ask(&d, t, rows[i].stamp, rows[i].listener, rows[i].from, "y@far.example");
    int n = snprintf(got, sizeof got, "%s %s", verdicts[d.verdict], reason_word(d.reason));
    if (d.record.line) snprintf(got + n, sizeof got - (size_t)n, " %s:%u", d.record.file, (unsigned)d.record.line);
    if (strcmp(got, rows[i].want)) print_error("row %zu: %s", i, rows[i].relay);
    assert_string_equal(got, rows[i].want);
    table_close(t);
  }
}

/* The null sender without an address, a listener without a name, and what the line says. */
static void finds(void **state)
{
  struct table_set *t = tables("grant login\ngrant pop 60 /64 on -,B bound\n");
  struct pop_grant g;
  size_t at = 0;
  assert_int_equal(pop_find(&g, t), 1);
  assert_true(g.seconds == 60 && g.network && g.bound && g.record.line == 2);
  assert_string_equal(pop_listener(&g, &at), "");
  assert_string_equal(pop_listener(&g, &at), "b");
  assert_null(pop_listener(&g, &at));
  assert_true(pop_listens(&g, 0) && pop_listens(&g, "") && pop_listens(&g, "B") && !pop_listens(&g, "c"));
  assert_int_equal(pop_may_send(&g, t, "joe", 0), 0);
  assert_int_equal(pop_may_send(&g, t, "ann@hosted.example", 0), 1);
  table_close(t);
  t = tables("grant pop\n");
  at = 0;
  assert_int_equal(pop_find(&g, t), 1);
  assert_true(g.seconds == 300 && !g.network && !g.bound && !pop_listener(&g, &at) && pop_listens(&g, "any"));
  assert_int_equal(pop_may_send(&g, t, "", 0), 1);
  table_close(t);
  t = tables("grant login\n");
  assert_int_equal(pop_find(&g, t), 0);
  table_close(t);
}

static struct table_set *made(char const *data, size_t n, char const *senders, size_t len)
{
  FILE *f = tmpfile();
  struct table_builder *b = table_build(fileno(f));
  assert_int_equal(table_add(b, TABLE_RELAY, "grant pop", 9, 1, data, n), 0);
  assert_int_equal(table_add(b, TABLE_SENDERS, "joe", 3, 1, senders, len), 0);
  assert_int_equal(table_finish(b), 0);
  struct table_set *t = table_open_fd(fileno(f));
  assert_non_null(t);
  fclose(f);
  return t;
}

/* Lines that no compiler writes. */
static void damaged(void **state)
{
  static struct { char const *data; size_t n; } const lines[] = {
    { "", 0 }, { "300", 3 }, { "\0", 1 }, { "0\0", 2 }, { "86401\0", 6 }, { "-1\0", 3 }, { "300\0bound", 9 },
    { "300\0bound\0/64\0", 14 }, { "300\0/64\0/64\0", 12 }, { "300\0on\0", 7 }, { "300\0bound\0on=\0", 14 },
    { "300\0\0", 5 }, { "300\0Bound\0", 10 },
  };
  struct address sender, recipient;
  struct pop_grant g;
  struct decision d;
  struct facts f;
  set_address(&sender, "a@far.example");
  set_address(&recipient, "b@far.example");
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    for (unsigned facts = STAMP; facts <= UNKNOWN; facts += UNKNOWN - STAMP) {
      struct table_set *t = made(lines[i].data, lines[i].n, "", 0);
      if (pop_find(&g, t) != -1) print_error("line %zu\n", i);
      assert_int_equal(pop_find(&g, t), -1);
      set_facts(&f, facts, &sender, &recipient);
      decide(&d, t, &f);
      assert_int_equal(d.verdict, VERDICT_TEMPFAIL);
      assert_int_equal(d.reason, REASON_TABLES);
      table_close(t);
    }
  struct table_set *t = made("300\0bound\0", 10, "@far.example", 12);
  assert_int_equal(pop_find(&g, t), 1);
  assert_int_equal(pop_holds(&g, t, "", "joe", &sender), -1);
  table_close(t);
}

/* A name that is longer than any user's. */
static void long_names(void **state)
{
  struct table_set *t = tables("grant pop bound\n");
  struct pop_grant g;
  char name[5000];
  assert_int_equal(pop_find(&g, t), 1);
  for (size_t n = 1; n < sizeof name; n += n < 300 ? 1 : 400) {
    memset(name, 'a', n);
    name[n] = 0;
    assert_int_equal(pop_may_send(&g, t, name, 0), 0);
  }
  table_close(t);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(decides), cmocka_unit_test(origins), cmocka_unit_test(finds), cmocka_unit_test(damaged),
    cmocka_unit_test(long_names),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
