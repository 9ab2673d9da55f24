/* RCPT in sessions in memory: recipients that the network is asked about, aliases, the submission listener, and what
 * the log says so that a decision can be made anew. */
#include <time.h>
#include "rcpt_rules.h"

struct dialogue {
  char const *name, *listener, *relayclient, *limits;
  char const *says, *codes, *taken;
  unsigned asked;
};

#define DATA "DATA\r\na: b\r\n\r\nc\r\n.\r\n"

static struct dialogue const dialogues[] = {
  { "the next hop takes it", 0, 0, 0, E M TO("yes@asked.example") Q, A "221/2.0.0", "abort", 1 },
  { "it does not", 0, 0, 0, E M TO("no@asked.example") Q, "220 250 250/2.1.0 550/5.1.1" S, "", 1 },
  { "nobody knows", 0, 0, 0, E M TO("who@asked.example") Q, "220 250 250/2.1.0 451/4.4.1" S, "", 1 },
  { "each is asked about", 0, 0, 0, E M TO("yes@asked.example") TO("no@asked.example") TO("yes2@asked.example") Q,
    A "550/5.1.1 250/2.1.5" S, "abort", 3 },
  { "what is known is not asked", 0, 0, 0,
    E M TO("x@hosted.example") TO("joe@listed.example") TO("JOE@listed.example") Q,
    A "250/2.1.5 250/2.1.5" S, "abort", 0 },
  { "not listed", 0, 0, 0, E M TO("jim@listed.example") TO("postmaster@listed.example") Q,
    "220 250 250/2.1.0 550/5.1.1 250/2.1.5" S, "abort", 0 },
  { "to a host", 0, 0, 0, E M TO("x@yes.example") TO("x@no.example") TO("x@who.example") TO("x@both.example") Q,
    A "550/5.7.1 451/4.4.3 550/5.7.1" S, "abort", 4 },
  { "trusted: nothing is asked", 0, "", 0, E M TO("x@who.example") Q, A "221/2.0.0", "abort", 0 },
  { "appended: both are asked about", 0, "@asked.example", 0, E M TO("yes@asked.example") Q,
    "220 250 250/2.1.0 451/4.4.1" S, "", 2 },
  { "an alias and its targets", 0, 0, 0, E M TO("List@hosted.example") DATA Q, A "354 250/2.6.0" S,
    "Fa@b.exampleTx@hosted.exampleTy@else.exampleTlist@hosted.example|", 0 },
  { "a target given before", 0, 0, 0, E M TO("x@hosted.example") TO("list@hosted.example") DATA Q,
    A "250/2.1.5 354 250/2.6.0" S, "Fa@b.exampleTx@hosted.exampleTy@else.exampleTlist@hosted.example|", 0 },
  { "a target given before counts once", 0, 0, "3", E M TO("x@hosted.example") TO("list@hosted.example") DATA Q,
    A "250/2.1.5 354 250/2.6.0" S, "Fa@b.exampleTx@hosted.exampleTy@else.exampleTlist@hosted.example|", 0 },
  { "targets are more than may be", 0, 0, "2", E M TO("x@hosted.example") TO("list@hosted.example") DATA Q,
    A "452/4.5.3 354 250/2.6.0" S, "Fa@b.exampleTx@hosted.example|", 0 },
  { "but one alias may have more", 0, 0, "1", E M TO("list@hosted.example") TO("x@hosted.example") DATA Q,
    A "452/4.5.3 354 250/2.6.0" S, "Fa@b.exampleTx@hosted.exampleTy@else.exampleTlist@hosted.example|", 0 },
  { "targets without an end", 0, 0, 0, E M TO("broken@hosted.example") TO("empty@hosted.example") Q,
    "220 250 250/2.1.0 451/4.3.5 451/4.3.5" S, "abort", 0 },
  { "submission wants a login", "submission", "", 0, E M TO("x@hosted.example") Q, "220 250 530/5.7.0 503/5.5.1" S, "",
    0 },
  { "however it is written", "SubMission", "", 0, E M TO("x@hosted.example") Q, "220 250 530/5.7.0 503/5.5.1" S, "",
    0 },
  { "another listener does not", "submissions", "", 0, E M TO("x@hosted.example") Q, A "221/2.0.0", "abort", 0 },
};

static void run_dialogue(struct dialogue const *c, size_t piece)
{
  static struct double_world d;
  struct table_set *t = rcpt_rules(c->limits);
  struct server_facts f = { .tables = t, .listener = c->listener, .relayclient = c->relayclient };
  memset(&d, 0, sizeof d);
  d.in = c->says;
  d.in_len = strlen(c->says);
  d.piece = piece;
  run_logged(&d, &f);
  char *got = codes(&d), *messages = taken(&d), *end = strchr(messages, '|');
  if (end) end[1] = 0;
  if (strcmp(got, c->codes) || strcmp(messages, c->taken) || d.asked != c->asked)
    print_error("case: %s (pieces of %zu)\n", c->name, piece);
  assert_string_equal(got, c->codes);
  assert_string_equal(messages, c->taken);
  assert_int_equal(d.asked, c->asked);
  assert_int_equal(d.misuses, 0);
  assert_int_equal(d.starts, d.finishes + d.aborts);
  free(got);
  free(messages);
  table_close(t);
}

static void test_dialogues(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof dialogues / sizeof *dialogues; i++) {
    run_dialogue(dialogues + i, 0);
    run_dialogue(dialogues + i, 1);
    run_dialogue(dialogues + i, 7);
  }
}

/* The replies to a pipelined MAIL are sent before the network is asked, which may take long. */
static void test_replies_first(void **state)
{
  static struct double_world d;
  struct table_set *t = rcpt_rules(0);
  struct server_facts f = { .tables = t };
  (void)state;
  memset(&d, 0, sizeof d);
  d.in = E M TO("yes@asked.example") Q;
  d.in_len = strlen(d.in);
  d.due = sizeof "220 \r\n250-\r\n250 \r\n250 2.1.0 sender ok\r\n" - 1;
  run_logged(&d, &f);
  assert_int_equal(d.asked, 1);
  assert_int_equal(d.misuses, 0);
  table_close(t);
}

/* What nobody knows is not the client's error, however often; but nobody is asked for ever. */
static void test_unknown(void **state)
{
  static struct double_world d;
  struct table_set *t = rcpt_rules(0);
  struct server_facts f = { .tables = t };
  static char in[4096], got[4096] = "220 250 250/2.1.0";
  (void)state;
  memset(&d, 0, sizeof d);
  strcpy(in, E M);
  for (int i = 0; i < 15; i++) {
    strcat(in, TO("who@asked.example") TO("x@who.example"));
    strcat(got, " 451/4.4.1 451/4.4.3");
  }
  strcat(in, TO("yes@asked.example") TO("x@hosted.example") Q); /* nobody is asked, but what is known is known */
  strcat(got, " 451/4.4.1 250/2.1.5" S);
  d.in = in;
  d.in_len = strlen(in);
  run_logged(&d, &f);
  char *said = codes(&d);
  assert_string_equal(said, got);
  assert_int_equal(d.asked, 10);
  assert_non_null(strstr(log_text, "mailbox=unknown answer=too\\x20many\\x20questions"));
  assert_non_null(strstr(log_text, " errors=0 "));
  free(said);
  table_close(t);
}

/* For a client that is gone nobody is asked. */
static void test_gone(void **state)
{
  static struct double_world d;
  struct table_set *t = rcpt_rules(0);
  struct server_facts f = { .tables = t };
  (void)state;
  memset(&d, 0, sizeof d);
  d.in = E M TO("yes@asked.example") Q;
  d.in_len = strlen(d.in);
  d.deaf = EPIPE;
  run_logged(&d, &f);
  assert_int_equal(d.asked, 0);
  assert_int_equal(d.misuses, 0);
  table_close(t);
}

/* Of a recipient that RELAYCLIENT changes both decisions can be made anew. */
static void test_log_appended(void **state)
{
  static struct double_world d;
  struct table_set *t = rcpt_rules(0);
  struct server_facts f = { .tables = t, .relayclient = "@asked.example" };
  (void)state;
  memset(&d, 0, sizeof d);
  d.in = E M TO("yes@asked.example") Q;
  d.in_len = strlen(d.in);
  run_logged(&d, &f);
  assert_int_equal(d.asked, 2);
  assert_non_null(strstr(log_text, " verdict=deferred reason=recipient-unconfirmed "));
  assert_non_null(strstr(log_text, " mailbox=yes becomes-mailbox=unknown answer=the\\x20double\\x20says\\x20so\n"));
  memset(&d, 0, sizeof d);
  d.in = E M TO("yes@asked.example") Q; /* what becomes of it needs no question */
  d.in_len = strlen(d.in);
  f.relayclient = ".example";
  run_logged(&d, &f);
  assert_int_equal(d.asked, 1);
  assert_non_null(strstr(log_text, " mailbox=yes\n"));
  table_close(t);
}

/* All that was looked at stands in the line. */
static void test_log(void **state)
{
  static struct double_world d;
  struct table_set *t = rcpt_rules(0);
  struct server_facts f = { .tables = t, .client_host = "h.example", .client_info = "joe", .listener = "inner" };
  static char const *const words[] = {
    " verdict=accepted reason=confirmed rule=domains:3 ",
    " recipient=yes@asked.example helo=c.example host=h.example info=joe listener=inner mailbox=yes\n",
    " verdict=refused reason=no-such-recipient rule=domains:3 ", " mailbox=no answer=the\\x20double\\x20says\\x20so\n",
    " verdict=deferred reason=recipient-unconfirmed rule=domains:3 ", " mailbox=unknown answer=",
    " verdict=accepted reason=to-host rule=relay:10 ", " mx=192.0.2.1\n",
    " verdict=refused reason=relaying-denied ", " mx=192.0.2.1,198.51.100.1\n",
    " verdict=accepted reason=alias rule=aliases:6 ",
  };
  (void)state;
  memset(&d, 0, sizeof d);
  d.in = E M TO("yes@asked.example") TO("no@asked.example") TO("who@asked.example") TO("x@yes.example")
    TO("x@both.example") TO("list@hosted.example") Q;
  d.in_len = strlen(d.in);
  run_logged(&d, &f);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (!strstr(log_text, words[i])) print_error("missing: %s in: %s\n", words[i], log_text);
    assert_non_null(strstr(log_text, words[i]));
  }
  table_close(t);
}

#define LIFE 100 /* seconds that a stamp has left, where the row says nothing else */

/* A stamp counts on the listener, for its user's senders and until it ends; where nobody could tell: 451. */
static void test_stamps(void **state)
{
  static struct { char const *stamp, *listener, *codes, *log; int64_t left; } const rows[] = {
    { "joe", "inner", "550/5.7.1 250/2.0.0 250/2.1.0 250/2.1.5", " reason=pop rule=relay:12 origin=local ", 0 },
    { "joe", "inner", "550/5.7.1 250/2.0.0 250/2.1.0 550/5.7.1", " reason=address-literal origin=claimed sender=",
      -LIFE },
    { "joe", "inner", "550/5.7.1 250/2.0.0 250/2.1.0 550/5.7.1", " reason=address-literal origin=claimed sender=",
      -LIFE - 1 },
    { "ann", "inner", "550/5.7.1 250/2.0.0 250/2.1.0 550/5.7.1", " pop=ann\n", 0 },
    { "", "inner", "550/5.7.1 250/2.0.0 250/2.1.0 550/5.7.1", " pop=\n", 0 },
    { "joe", 0, "550/5.7.1 250/2.0.0 250/2.1.0 550/5.7.1", " pop=joe\n", 0 },
    { 0, "Inner", "451/4.3.0 250/2.0.0 250/2.1.0 451/4.3.0", " verdict=deferred reason=stamp-unknown origin=", 0 },
    { 0, 0, "550/5.7.1 250/2.0.0 250/2.1.0 550/5.7.1", " pop-unknown=1\n", 0 },
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static struct double_world d;
    char want[200];
    struct table_set *t = rcpt_rules(0);
    struct server_facts f = { .tables = t, .listener = rows[i].listener, .stamp = rows[i].stamp };
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    f.stamp_until = now.tv_sec + LIFE + rows[i].left;
    f.stamp_unknown = !rows[i].stamp;
    memset(&d, 0, sizeof d);
    d.in = E "MAIL FROM:<a@far.example>\r\n" TO("x@[192.0.2.9]") "RSET\r\nMAIL FROM:<a@hosted.example>\r\n"
      TO("x@[192.0.2.9]") Q;
    d.in_len = strlen(d.in);
    run_logged(&d, &f);
    snprintf(want, sizeof want, "220 250 250/2.1.0 %s 221/2.0.0", rows[i].codes);
    char *got = codes(&d);
    assert_string_equal(got, want);
    free(got);
    if (!strstr(log_text, rows[i].log)) print_error("missing: %s in: %s\n", rows[i].log, log_text);
    assert_non_null(strstr(log_text, rows[i].log));
    table_close(t);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(test_dialogues),
    cmocka_unit_test(test_replies_first),
    cmocka_unit_test(test_unknown),
    cmocka_unit_test(test_gone),
    cmocka_unit_test(test_log_appended),
    cmocka_unit_test(test_log),
    cmocka_unit_test(test_stamps),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
