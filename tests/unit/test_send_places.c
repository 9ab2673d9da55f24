/* lib/send: who gets the places when there are too few, over a socket pair in the spawner's place. */
#include "send_pool.h"

/* All places are taken: who has none gets the next that is free, before who wants a further one; and who keeps but one
 * keeps it for a while. */
static void places(void **state)
{
  char id[STORE_ID + 1];
  int a[3], b, c;
  s.remote_most = 4;
  s.routing.destination = 3;
  destination_get(&s, "mx:a.example")->proven = 1;
  destination_get(&s, "mx:b.example")->proven = 1;
  for (unsigned i = 0; i < 20; i++) queue("mx:a.example", id);
  pool_run(&s);
  for (unsigned i = 0; i < 3; i++) assert_true((a[i] = asked("mx:a.example")) >= 0);
  for (unsigned i = 0; i < 5; i++) queue("mx:b.example", id);
  pool_run(&s);
  assert_true((b = asked("mx:b.example")) >= 0);
  assert_ptr_equal(s.wanting.first, destination_get(&s, "mx:b.example"));
  queue("mx:c.example", id);
  pool_run(&s);
  assert_ptr_equal(s.starved.first, destination_get(&s, "mx:c.example"));
  SAYS(b, "\010\0\0r\0Kfine\0"); /* its only one: it goes on */
  events();
  assert_int_equal(destination_get(&s, "mx:b.example")->queued, 3);
  SAYS(a[0], "\010\0\0r\0Kfine\0");
  events();
  assert_true((c = asked("mx:c.example")) >= 0);
  assert_int_equal(destination_get(&s, "mx:a.example")->remotes, 2);
  assert_null(s.starved.first);
  SAYS(a[1], "\010\0\0r\0Kfine\0"); /* nobody has none any more */
  events();
  assert_int_equal(destination_get(&s, "mx:a.example")->remotes, 2);
  assert_int_equal(s.busy, 4);
  queue("mx:d.example", id);
  pool_run(&s);
  s.up += POOL_TIME; /* long enough, even for an only one */
  SAYS(b, "\010\0\0r\0Kfine\0");
  events();
  assert_int_equal(destination_get(&s, "mx:b.example")->remotes, 0);
  int d = asked("mx:d.example");
  assert_true(d >= 0);
  assert_int_equal(s.busy, 4);
  s.stopping = 1;
  for (unsigned i = 0; i < 3; i++) close(a[i]);
  close(b);
  close(c);
  close(d);
  events();
  for (char const *word = "mx:a.example"; word; word = *(word + 3) == 'a' ? "mx:b.example" : 0)
    for (struct delivery *v; (v = destination_pop(destination_get(&s, word)));)
      message_outcome(&s, v, OUTCOME_DEFERRED, "", "");
}

/* Next hops that failed before never take more than half of the places, however many they are; one that is new is not
 * held up by them, and when one of them works or ends the next may try. */
static void doubts(void **state)
{
  char id[STORE_ID + 1], word[32];
  int fd[4];
  s.remote_most = 4;
  for (unsigned i = 0; i < 6; i++) {
    sprintf(word, "mx:d%u.example", i);
    destination_get(&s, word)->failures = 1;
    queue(word, id);
  }
  pool_run(&s);
  assert_true((fd[0] = asked("mx:d0.example")) >= 0);
  assert_true((fd[1] = asked("mx:d1.example")) >= 0);
  assert_int_equal(s.busy, 2);
  queue("mx:new.example", id);
  pool_run(&s);
  assert_true((fd[2] = asked("mx:new.example")) >= 0);
  SAYS(fd[0], "\010\0\0r\0Kfine\0"); /* it is as good as any again */
  events();
  assert_true((fd[3] = asked("mx:d2.example")) >= 0);
  assert_int_equal(s.doubts, 2);
  assert_int_equal(s.remotes, 4);
  close(fd[1]); /* gives its place to the next */
  events();
  assert_true((fd[1] = asked("mx:d3.example")) >= 0);
  assert_int_equal(s.doubts, 2);
  s.stopping = 1;
  for (unsigned i = 0; i < 4; i++) close(fd[i]);
  events();
  assert_int_equal(s.doubts, 0);
  for (unsigned i = 2; i < 6; i++) {
    sprintf(word, "mx:d%u.example", i);
    for (struct delivery *v; (v = destination_pop(destination_get(&s, word)));)
      message_outcome(&s, v, OUTCOME_DEFERRED, "", "");
  }
}

/* Lines for recipients without a connection say nothing of a next hop that failed. */
static void unmet(void **state)
{
  char id[STORE_ID + 1];
  struct destination *d = destination_get(&s, "mx:a.example");
  d->failures = 3;
  queue("mx:a.example", id);
  pool_run(&s);
  int fd = asked("mx:a.example");
  takes(fd, id);
  SAYS(fd, "\026\0\0sno login\0Zno login\0t\0");
  events();
  assert_int_equal(d->failures, 3);
  assert_int_equal(d->good, 0);
  assert_false(d->proven);
  assert_int_equal(s.doubts, 1);
  assert_true(queued(id));
  queue("mx:a.example", id);
  pool_run(&s);
  SAYS(fd, "\032\0\0sno login\0Zno login\0tnone\0");
  events();
  assert_int_equal(d->failures, 0);
  assert_int_equal(d->good, 1);
  assert_int_equal(s.doubts, 0);
  close(fd);
}

/* One that has read other rules gets no further message, even if its next hop is still the right one. */
static void old_rules(void **state)
{
  char id[STORE_ID + 1];
  queue("mx:a.example", id);
  pool_run(&s);
  int old = asked("mx:a.example");
  s.routing.edition++;
  queue("mx:a.example", id);
  SAYS(old, "\010\0\0r\0Kfine\0");
  events();
  int fresh = asked("mx:a.example");
  assert_true(fresh >= 0);
  takes(fresh, id);
  SAYS(fresh, "\010\0\0r\0Kfine\0");
  events();
  assert_int_equal(s.remotes, 1);
  close(old);
  close(fresh);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  struct CMUnitTest const tests[] = { TEST(places), TEST(doubts), TEST(unmet), TEST(old_rules) };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, 0, 0);
}
