/* lib/send: a hundred thousand messages for one destination, and those of others; what new rules change. */
#include <errno.h>
#include <time.h>
#include "queue_dir.h"
#include "send/destination.h"
#include "send/due.h"
#include "unit.h"

#define MANY 100000
#define NAMES 50000 /* of one file; some file systems have 65000 at most */

static struct send s, over[4]; /* what is active in a test ends with the process: no leak, `over` has it */
static unsigned ended;
static char many[MANY][STORE_ID + 1];

static int setup(void **state)
{
  memset(&s, 0, sizeof s);
  s.schedule = (struct schedule)SCHEDULE_ZERO;
  s.now = time(0);
  s.active_most = 1000;
  s.remote_most = 0; /* nothing is handed out: what is queued stays so */
  s.routing.destination = s.routing.concurrency = 20;
  s.routing.queue_time = 432000;
  s.routing.path = "rules.cdb";
  s.routing.edition = 1;
  return queue_dir_make();
}

static int teardown(void **state)
{
  over[ended++] = s;
  return queue_dir_remove();
}

static void make(char const *recipient, char id[STORE_ID + 1])
{
  store_id(id);
  struct store_writer *w = store_create(id);
  assert_non_null(w);
  assert_int_equal(store_body(w, "x\n", 2), 0);
  assert_int_equal(store_envelope(w, "Fs@x\0T", 6), 0);
  assert_int_equal(store_envelope(w, recipient, strlen(recipient) + 1), 0);
  assert_int_equal(store_commit(w, 0), 0);
  store_release(w);
}

/* The same message under many names: known, and due since long. */
static void make_many(char const *recipient)
{
  char from[STORE_PATH], to[STORE_PATH];
  for (unsigned i = 0; i < MANY; i++) {
    if (i % NAMES == 0) make(recipient, many[i]);
    else {
      sprintf(many[i], "%014x%06x%02x", i + 1, 1, i % STORE_SPLIT);
      store_path(from, many[i - i % NAMES]);
      store_path(to, many[i]);
      assert_int_equal(link(from, to), 0);
    }
    schedule_wait(&s.schedule, schedule_add(&s.schedule, many[i]), s.now - 1000);
  }
}

static void remove_many(void)
{
  char path[STORE_PATH];
  for (unsigned i = 0; i < MANY; i++) {
    store_path(path, many[i]);
    unlink(path);
  }
}

static void arrives(char const *recipient)
{
  char id[STORE_ID + 1];
  make(recipient, id);
  schedule_line_up(&s.schedule, schedule_add(&s.schedule, id));
}

static unsigned queued(char const *word)
{
  return destination_get(&s, word)->queued;
}

static unsigned parked(char const *word)
{
  unsigned n = 0;
  for (uint32_t i = destination_get(&s, word)->parked; i != SCHEDULE_NONE; i = s.schedule.slot[i].link) n++;
  return n;
}

/* None of the many has been looked at, and all are due: what comes is started at once. Later they are known to wait for
 * a destination without room: when they are all due again, another's retry behind them is reached without a look into
 * their files. New rules let all be looked at. */
static void many_for_one(void **state)
{
  char late[STORE_ID + 1];
  make_many("a@a.example");
  arrives("b@b.example");
  arrives("b@b.example");
  assert_int_equal(due_run(&s), 1);
  assert_int_equal(queued("mx:b.example"), 2);
  assert_true(s.schedule.waiting > MANY - 100);
  unsigned rounds = 1;
  for (; due_run(&s); rounds++) assert_true(rounds < MANY);
  unsigned first = queued("mx:a.example"), rest = MANY - first;
  assert_in_range(first, 30, 50);
  assert_int_equal(parked("mx:a.example"), rest);
  assert_int_equal(s.active, first + 2);
  remove_many(); /* whoever is looked at from now on is seen to be gone, and forgotten */
  destination_unpark_all(&s, destination_get(&s, "mx:a.example"), s.now, 0);
  assert_int_equal(s.schedule.waiting, rest);
  make("c@c.example", late);
  s.now++;
  schedule_wait(&s.schedule, schedule_add(&s.schedule, late), s.now);
  arrives("d@d.example");
  assert_int_equal(due_run(&s), 1);
  assert_int_equal(queued("mx:d.example"), 1);
  for (rounds = 0; due_run(&s); rounds++) assert_true(rounds < MANY / 1000);
  assert_int_equal(queued("mx:c.example"), 1);
  assert_int_equal(parked("mx:a.example"), rest);
  assert_int_equal(s.schedule.known, MANY + 4);
  destination_unpark_all(&s, destination_get(&s, "mx:a.example"), s.now, 0);
  s.routing.edition++;
  while (due_run(&s)) ;
  assert_int_equal(s.schedule.known, first + 4);
  assert_int_equal(parked("mx:a.example"), 0);
}

/* What has recipients for another destination, too, is always looked at. */
static void not_alone(void **state)
{
  struct destination *a = destination_get(&s, "mx:a.example");
  char id[STORE_ID + 1];
  struct message m = { .ended = 1, .edition = 1 };
  store_id(id);
  m.slot = schedule_add(&s.schedule, id);
  a->queued = destination_room(&s, a);
  destination_left(&m, a->hash, 3);
  destination_park(&s, a, &m);
  destination_unpark_all(&s, a, 1, 0);
  schedule_take(&s.schedule, m.slot);
  assert_int_equal(destination_park_unseen(&s, m.slot), 1);
  destination_unpark_all(&s, a, 1, 0);
  schedule_take(&s.schedule, m.slot);
  a->rest_until = s.now + 60; /* then it may be too old */
  assert_int_equal(destination_park_unseen(&s, m.slot), 0);
  assert_int_equal(destination_park_unseen(&s, m.slot), 0);
  a->rest_until = 0;
  destination_wait(&s, &m, 1);
  schedule_take(&s.schedule, m.slot);
  assert_int_equal(destination_park_unseen(&s, m.slot), 1);
  destination_left(&m, destination_hash("mx:b.example"), 1);
  destination_unpark_all(&s, a, 1, 0);
  destination_park(&s, a, &m);
  destination_unpark_all(&s, a, 1, 0);
  schedule_take(&s.schedule, m.slot);
  assert_int_equal(destination_park_unseen(&s, m.slot), 0);
  a->queued = 0;
}

/* By turns: a stream of new ones does not hold up those that were due before. */
static void turns(void **state)
{
  char id[STORE_ID + 1];
  for (unsigned i = 0; i < 80; i++) {
    arrives("b@b.example");
    make("a@a.example", id);
    schedule_wait(&s.schedule, schedule_add(&s.schedule, id), s.now);
  }
  assert_int_equal(due_run(&s), 1);
  assert_int_equal(queued("mx:a.example"), 32);
  assert_int_equal(queued("mx:b.example"), 32);
  assert_int_equal(due_when(&s, -1), s.now);
  while (due_run(&s)) ;
  assert_int_equal(due_when(&s, -1), -1);
  assert_int_equal(s.schedule.known, 160);
}

/* The line of new ones keeps its order; and a slot in it is known. */
static void line(void **state)
{
  char id[STORE_ID + 1];
  uint32_t slot[1000];
  assert_int_equal(schedule_take_fresh(&s.schedule), SCHEDULE_NONE);
  for (unsigned round = 0; round < 2; round++) {
    for (unsigned i = 0; i < 1000; i++) {
      store_id(id);
      schedule_line_up(&s.schedule, slot[i] = schedule_add(&s.schedule, id));
      assert_int_equal(schedule_find(&s.schedule, id), slot[i]);
    }
    for (unsigned i = 0; i < 1000; i++) {
      assert_int_equal(schedule_take_fresh(&s.schedule), slot[i]);
      schedule_drop(&s.schedule, slot[i]);
    }
    assert_int_equal(schedule_take_fresh(&s.schedule), SCHEDULE_NONE);
  }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  struct CMUnitTest const tests[] = { TEST(many_for_one), TEST(not_alone), TEST(turns), TEST(line) };
  if (!freopen("/dev/null", "w", stderr)) return 1; /* a line of log for each message */
  return cmocka_run_group_tests(tests, 0, 0);
}
