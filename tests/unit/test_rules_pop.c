/* lib/rules: `grant pop` and its words. */
#include "rules_cases.h"

static struct good_case const good[] = {
  { "relay", "grant pop\n", "rgrant pop@1=300| " },
  { "relay", "grant pop 1\n", "rgrant pop@1=1| " },
  { "relay", "grant pop 3600\n", "rgrant pop@1=3600| " },
  { "relay", "grant pop 86400 # ok: long-pop\n", "rgrant pop@1=86400| " },
  { "relay", "grant pop /64\n", "rgrant pop@1=300|/64| " },
  { "relay", "grant pop on -\n", "rgrant pop@1=300|on=| " },
  { "relay", "grant pop 60 /64 on -,Inside,submission # bound\n",
    "rgrant pop@1=60|/64|on=|on=inside|on=submission| " },
  { "relay", "grant\tpop  on a.b-c_9\n", "rgrant pop@1=300|on=a.b-c_9| " },
  /* who is bound: those who may relay, whatever their passwords */
  { "%", "%users\nJoe - from Joe@A.example @.b.example\nann -\neve - norelay from @a.example\nbob - off\n"
    "%relay\ngrant login\ngrant pop 60 on - bound # ok: unbound\n%domains\na.example\n.b.example\n",
    "da.example@1=any d.b.example@2=any rgrant login@1= rgrant pop@2=60|on=|bound| "
    "sjoe@1=joe@a.example|@.b.example| sann@2= " },
  { "%", "%users\njoe - from @a.example\n%relay\ngrant login\ngrant pop\n%domains\na.example\n",
    "da.example@1=any rgrant login@1= rgrant pop@2=300| " },
};

#define ORDER "grant pop [SECONDS] [/64] [on LISTENER,...] [bound]\n"
#define MISSING "a listener's name is missing: they stand with a comma and no blank between\n"
#define NOBODY "warning: void: `bound`, and there is nobody in `users` who may relay [unused]\n"
#define FREE(n) "warning: bound: " n " users may send as anybody, since their lines have no `from` [unbound]\n"
#define ODD(name) "1: warning: `" name "` is hardly a listener's name, which is that of `relay-smtpd -l`, or `-` " \
  "[odd-listener]\n"
#define LONG "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffgggggggghhhhhhh"

static struct bad_case const bad[] = {
  { "relay", "grant pop 0\ngrant pop 86401\ngrant pop -1\ngrant pop 5m\ngrant pop /48\n",
    "1: `0` is no number of seconds from 1 to 86400\n2: `86401` is no number of seconds from 1 to 86400\n"
    "3: `-1` is no number of seconds from 1 to 86400\n4: `5m` is no number of seconds from 1 to 86400\n"
    "5: `/48` is no number of seconds from 1 to 86400\n" },
  { "relay", "grant pop 300 300\ngrant pop 300 /48\ngrant pop on a BOUND\ngrant pop bound now\n",
    "1: `300` is not known here: " ORDER "2: `/48` is not known here: " ORDER "3: `BOUND` is not known here: " ORDER
    "4: `now` is not known here: " ORDER },
  { "relay", "grant pop /64 /64\ngrant pop bound on a\ngrant pop on a /64 bound b c d e f\n",
    "1: `/64` in the wrong place, or twice: " ORDER "2: `on` in the wrong place, or twice: " ORDER
    "3: `/64` in the wrong place, or twice: " ORDER },
  { "relay", "grant pop on\ngrant pop on bound\ngrant pop on on a\n", "1: a listener is missing behind `on`\n"
    "2: a listener is missing behind `on`\n3: a listener is missing behind `on`\n" },
  { "relay", "grant pop on a,\ngrant pop on ,a\ngrant pop on a,,b\ngrant pop on a, b\ngrant pop on ,\n",
    "1: " MISSING "2: " MISSING "3: " MISSING "4: " MISSING "5: " MISSING },
  { "relay", "grant pop on a,b,A\ngrant pop on -,-\n", "1: the listener `A` stands twice\n"
    "2: the listener `-` stands twice\n" },
  { "relay", "grant pop on a" LONG "\n", "1: a listener's name of 64 bytes; 63 are allowed\n" },
  { "relay", "grant pop on " LONG "\ngrant pop 60\n", "2: `grant pop 60` stands already in line 1\n" },
  { "%", "%relay\ngrant pop bound\n%users\njoe -\nJOE -\n", "users:2: `JOE` stands already in line 1\n" },
};

static struct bad_case const warned[] = {
  { "relay", "grant pop 3601\n", "1: warning: 3601 seconds after a POP login somebody else may have its address "
    "[long-pop]\n" },
  { "relay", "grant pop on 587\n", ODD("587") },
  { "relay", "grant pop on -l\n", ODD("-l") },
  { "relay", "grant pop on 0.0.0.0:25,x\n", ODD("0.0.0.0:25") },
  { "relay", "grant pop 300 on Submission\n", "1: warning: the listener `submission` wants another login all the same "
    "[odd-listener]\n" },
  { "relay", "grant pop 300 on submission,x\n", "" },
  { "relay", "grant pop 300 bound\n", "1: " NOBODY },
  { "%", "%relay\ngrant pop bound\n%users\njoe - norelay\nann - off\n", "relay:1: " NOBODY },
  { "%", "%relay\ngrant pop bound\n%users\njoe - norelay\nann -\n", "relay:1: " FREE("1") },
  { "%", "%relay\n\ngrant pop on submission bound\n%users\njoe - norelay\nbob - off\nann -\neve - on\n"
    "sue - from x@far.example # ok: foreign-sender\n", "relay:2: " FREE("2")
    "relay:2: warning: the listener `submission` wants another login all the same [odd-listener]\n" },
  { "%", "%relay\ngrant pop bound\n%users\nsue - from x@far.example # ok: foreign-sender\nann - norelay\n", "" },
  { "%", "%relay\ngrant pop\n%users\nann -\n", "" },
};

static void compiles(void **state)
{
  check_good(good, sizeof good / sizeof *good);
}

static void complains(void **state)
{
  ERRORS(bad);
  WARNINGS_OF(warned);
}

/* Who gives the text of `users` and wants no users.cdb gets the senders all the same. */
static void without_users(void **state)
{
  static struct rules_text const texts[] = {
    { "me", "relay.example", 13 }, { "relay", "grant pop bound", 15 }, { "users", "joe -", 5 },
  };
  FILE *f = tmpfile();
  struct record r;
  assert_non_null(f);
  said.len = 0;
  assert_int_equal(rules_compile_texts(texts, 3, fileno(f), say, &said), 0);
  struct table_set *t = table_open_fd(fileno(f));
  assert_non_null(t);
  assert_int_equal(table_find(t, TABLE_SENDERS, "joe", 3, &r), 1);
  assert_true(r.len == 0 && r.line == 1 && !strcmp(r.file, "users"));
  assert_int_equal(table_find(t, TABLE_USERS, "joe", 3, &r), 0);
  table_close(t);
  fclose(f);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(compiles), cmocka_unit_test(complains), cmocka_unit_test(without_users),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
