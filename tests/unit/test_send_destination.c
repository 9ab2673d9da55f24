/* lib/send: destinations' queues, late deliveries, rest; marks and outcomes in a queue of their own. */
#include <errno.h>
#include <time.h>
#include "queue_dir.h"
#include "send/destination.h"
#include "send/hold.h"
#include "send/outcome.h"
#include "send/pool.h"
#include "unit.h"

static struct send s;
static char id[STORE_ID + 1];
static char nothing[256]; /* an envelope without parameters, wherever one looks */

static int setup(void **state)
{
  memset(&s, 0, sizeof s);
  s.schedule = (struct schedule)SCHEDULE_ZERO;
  s.now = time(0);
  s.active_most = 1000;
  s.remote_most = 100;
  s.routing.destination = 20;
  s.routing.queue_time = 432000;
  strcpy(s.routing.me, "relay.example");
  return queue_dir_make();
}

static int teardown(void **state)
{
  schedule_free(&s.schedule);
  for (size_t i = 0; i < s.buckets; i++)
    for (struct destination *d = s.bucket[i], *next; d; d = next) {
      for (struct delivery *v; (v = destination_pop(d));) delivery_free(v);
      next = d->chain;
      free(d);
    }
  free(s.bucket);
  return queue_dir_remove();
}

/* A message for `recipients`, active, with its cursor at the end. */
static struct message *message(char const *envelope, size_t len)
{
  struct message *m = calloc(1, sizeof *m);
  store_id(id);
  struct store_writer *w = store_create(id);
  assert_true(m && w);
  assert_int_equal(store_body(w, "Subject: x\n\n", 12), 0);
  assert_int_equal(store_envelope(w, envelope, len), 0);
  assert_int_equal(store_commit(w, 0), 0);
  store_release(w);
  assert_int_equal(store_open(&m->store, id, 1), STORE_WHOLE);
  memcpy(m->id, id, sizeof id);
  m->slot = schedule_add(&s.schedule, id);
  m->ended = 1;
  s.active++;
  return m;
}
#define MESSAGE(envelope) message(envelope, sizeof envelope - 1)

/* The letters of a message's recipients, as its file has them. */
static char const *letters(char const *which)
{
  static char text[16];
  struct store_message m;
  size_t pos = 0, at, n = 0;
  int done;
  if (store_open(&m, which, 1) != STORE_WHOLE) return "gone";
  while (store_recipient(&m, &pos, &done, &at) && n < sizeof text - 1) text[n++] = done ? 'D' : 'T';
  text[n] = 0;
  store_close(&m);
  return text;
}

/* All of the delivery's recipients have got it. */
static void delivered(struct delivery *v, char const *word)
{
  static char const lines[] = "r\0r\0Kfine\0";
  struct report r;
  assert_in_range(v->n, 1, 2);
  size_t skip = v->n == 1 ? 2 : 0;
  assert_int_equal(report_scan(&r, lines + skip, sizeof lines - 1 - skip, v->n), REPORT_EACH);
  message_report(&s, v, &r, word);
}

static size_t position(struct message const *m, unsigned nth)
{
  size_t pos = 0, at = 0;
  int done;
  for (unsigned i = 0; i <= nth; i++) assert_non_null(store_recipient(&m->store, &pos, &done, &at));
  return at;
}

static void found_by_word(void **state)
{
  char word[32];
  struct destination *d[1000];
  for (unsigned i = 0; i < 1000; i++) {
    sprintf(word, "mx:d%u.example", i);
    assert_non_null(d[i] = destination_get(&s, word));
  }
  for (unsigned i = 0; i < 1000; i++) {
    sprintf(word, "mx:d%u.example", i);
    assert_ptr_equal(destination_get(&s, word), d[i]);
    assert_string_equal(d[i]->word, word);
  }
  assert_int_equal(s.destinations, 1000);
  d[7]->holds = 1;
  destination_sweep(&s, 0);
  assert_int_equal(s.destinations, 1);
  assert_ptr_equal(destination_get(&s, "mx:d7.example"), d[7]);
  d[7]->holds = 0;
}

/* One job has at most DELIVERY_RECIPIENTS and DELIVERY_BYTES; a message's recipients share one. */
static void jobs(void **state)
{
  struct destination *d = destination_get(&s, "mx:a.example");
  struct message m = { .store.envelope = nothing }, other = { .store.envelope = nothing };
  char address[1000];
  for (unsigned i = 0; i < DELIVERY_RECIPIENTS + 1; i++)
    assert_int_equal(destination_add(&s, d, &m, i, "a@a.example"), 1);
  assert_int_equal(d->queued, 2);
  assert_int_equal(m.out, 2);
  assert_int_equal(destination_add(&s, d, &other, 0, "a@a.example"), 1);
  assert_int_equal(destination_add(&s, d, &m, 0, "a@a.example"), 1);
  assert_int_equal(d->queued, 4);
  memset(address, 'x', sizeof address - 1);
  address[sizeof address - 1] = 0;
  for (unsigned i = 0; i < 60; i++) assert_int_equal(destination_add(&s, d, &m, i, address), 1);
  static unsigned const n[] = { DELIVERY_RECIPIENTS, 1, 1 };
  struct delivery *v;
  for (unsigned i = 0; i < 3; i++) {
    v = destination_pop(d);
    assert_int_equal(v->n, n[i]);
    delivery_free(v);
  }
  unsigned left = 61;
  while ((v = destination_pop(d))) {
    assert_true(v->bytes <= DELIVERY_BYTES && v->n <= left);
    left -= v->n;
    delivery_free(v);
  }
  assert_int_equal(left, 0);
}

/* A full queue: the next are late, of a job each message; they are queued in order when there is room, and given back
 * when nothing else holds their message. */
static void late(void **state)
{
  struct destination *d = destination_get(&s, "mx:a.example"), *e = destination_get(&s, "mx:b.example");
  struct message m[50] = { { .out = 0 } };
  for (unsigned i = 0; i < 50; i++) m[i].store.envelope = nothing;
  for (unsigned i = 0; i < 50; i++)
    for (unsigned k = 0; k < 3; k++) assert_int_equal(destination_add(&s, d, m + i, k, "a@a.example"), 1);
  assert_int_equal(d->queued, 40);
  assert_true(destination_full(&s, d));
  for (unsigned i = 0; i < 50; i++) {
    assert_int_equal(m[i].out, i < 40);
    assert_int_equal(m[i].late != 0, i >= 40);
  }
  destination_withdraw(m + 45);
  assert_int_equal(m[45].left, 3);
  assert_ptr_equal(m[45].full, d);
  assert_int_equal(m[45].several, 0);
  assert_int_equal(d->holds, 1);
  while (d->queued > 36) delivery_free(destination_pop(d));
  destination_unpark(&s, d); /* still more than half */
  assert_int_equal(d->queued, 36);
  assert_true(destination_full(&s, d)); /* nobody overtakes the late ones */
  while (d->queued > 20) delivery_free(destination_pop(d));
  destination_unpark(&s, d);
  assert_int_equal(d->queued, 29);
  assert_null(d->late_first);
  assert_null(d->late_last);
  assert_false(destination_full(&s, d));
  for (unsigned i = 40; i < 50; i++) assert_int_equal(m[i].out, i != 45);
  assert_ptr_equal(destination_next(&s, 0), d);
  s.active = s.active_most; /* crowded: one that has not shown that it works gets little */
  assert_true(destination_full(&s, d));
  for (unsigned i = 0; i < 3; i++) assert_int_equal(destination_add(&s, e, m + i, 9, "b@b.example"), 1);
  assert_int_equal(e->queued, 2);
  destination_add(&s, d, m + 2, 9, "b@a.example");
  d->proven = 1;
  destination_withdraw(m + 2);
  assert_ptr_equal(m[2].full, d); /* what works will have room first */
  assert_int_equal(m[2].several, 1);
}

static void rest(void **state)
{
  struct destination *d = destination_get(&s, "mx:a.example");
  destination_succeeded(&s, d);
  assert_int_equal(destination_allowed(&s, d), 6);
  char reason[2 * REASON_TEXT];
  memset(reason, 'r', sizeof reason - 1);
  reason[sizeof reason - 1] = 0;
  destination_failed(&s, d, reason);
  assert_true(d->rest_until > s.now && strlen(d->reason) == REASON_TEXT - 1);
  assert_int_equal(destination_allowed(&s, d), 1);
  destination_sweep(&s, 0); /* how long it rested is not forgotten at once */
  assert_ptr_equal(destination_get(&s, "mx:a.example"), d);
  destination_sweep(&s, 1);
  assert_int_equal(d->rest_until, 0);
}

/* One delivered, one deferred: marked and waiting. All delivered: gone, without a mark. */
static void outcomes(void **state)
{
  struct destination *d = destination_get(&s, "mx:a.example");
  struct message *m = MESSAGE("Fs@x\0Ta@a.example\0Tb@a.example\0");
  uint32_t slot = m->slot;
  struct report r;
  for (unsigned i = 0; i < 2; i++) destination_add(&s, d, m, position(m, i), "a@a.example");
  assert_int_equal(report_scan(&r, "r\0slater\0Kfine\0", 15, 2), REPORT_EACH);
  message_report(&s, destination_pop(d), &r, d->word);
  assert_int_equal(s.active, 0);
  assert_string_equal(letters(id), "DT");
  assert_int_equal(schedule_first(&s.schedule), slot);
  assert_true(s.schedule.slot[slot].when >= s.now + 150);
  m = MESSAGE("Fs@x\0Ta@a.example\0Tb@a.example\0");
  for (unsigned i = 0; i < 2; i++) destination_add(&s, d, m, position(m, i), "a@a.example");
  delivered(destination_pop(d), d->word);
  assert_string_equal(letters(id), "gone");
  assert_int_equal(schedule_find(&s.schedule, id), SCHEDULE_NONE);
  m = MESSAGE("F\0Ta@a.example\0"); /* nobody to tell */
  destination_add(&s, d, m, position(m, 0), "a@a.example");
  message_outcome(&s, destination_pop(d), OUTCOME_FAILED, "no", d->word);
  assert_string_equal(letters(id), "gone");
  assert_int_equal(s.active, 0);
}

/* Marks that can't be written hold the message, in memory they stand at once; later they are written. */
static void held(void **state)
{
  struct destination *d = destination_get(&s, "mx:a.example");
  struct message *m = MESSAGE("Fs@x\0Ta@a.example\0Tb@a.example\0");
  char path[STORE_PATH], away[] = "mess/away";
  uint32_t slot = m->slot;
  destination_add(&s, d, m, position(m, 0), "a@a.example");
  m->left = 1;
  m->next = s.now + 1000;
  store_path(path, id);
  assert_int_equal(rename(path, away), 0); /* a directory in its place: EISDIR */
  assert_int_equal(mkdir(path, 0700), 0);
  delivered(destination_pop(d), d->word);
  assert_int_equal(s.active, 1);
  assert_ptr_equal(s.held, m);
  assert_int_equal(m->store.envelope[position(m, 0)], 'D');
  hold_retry(&s, 1);
  assert_ptr_equal(s.held, m);
  assert_int_equal(rmdir(path), 0);
  assert_int_equal(rename(away, path), 0);
  hold_retry(&s, 0); /* not yet time */
  assert_ptr_equal(s.held, m);
  s.now += 2 * HOLD_MOST;
  hold_retry(&s, 0);
  assert_null(s.held);
  assert_int_equal(s.holds, 0);
  assert_int_equal(s.active, 0);
  assert_string_equal(letters(id), "DT");
  assert_int_equal(schedule_first(&s.schedule), slot);
}

/* A file that can't be removed is marked; when that fails, too, held; when it has gone, forgotten. */
static void not_removed(void **state)
{
  struct destination *d = destination_get(&s, "mx:a.example");
  char path[STORE_PATH], away[] = "mess/away";
  struct message *m = MESSAGE("Fs@x\0Ta@a.example\0Tb@a.example\0");
  for (unsigned i = 0; i < 2; i++) destination_add(&s, d, m, position(m, i), "a@a.example");
  store_path(path, id);
  assert_int_equal(rename(path, away), 0);
  assert_int_equal(mkdir(path, 0700), 0);
  delivered(destination_pop(d), d->word);
  assert_ptr_equal(s.held, m);
  assert_int_equal(rmdir(path), 0);
  hold_retry(&s, 1);
  assert_null(s.held);
  assert_int_equal(s.active, 0);
  assert_int_equal(schedule_find(&s.schedule, id), SCHEDULE_NONE);
  m = MESSAGE("Fs@x\0Ta@a.example\0");
  destination_add(&s, d, m, position(m, 0), "a@a.example");
  store_path(path, id);
  unlink(path); /* by somebody else */
  delivered(destination_pop(d), d->word);
  assert_int_equal(s.active, 0);
  assert_int_equal(schedule_find(&s.schedule, id), SCHEDULE_NONE);
}

static void few_held(void **state)
{
  struct message m[HOLD_FEW] = { { .id = "x" } };
  for (unsigned i = 0; i < HOLD_FEW; i++) {
    assert_true(hold_few(&s));
    errno = EROFS;
    hold_add(&s, m + i);
    hold_add(&s, m + i);
  }
  assert_false(hold_few(&s));
  hold_drop(&s, m + 3);
  hold_drop(&s, m + 3);
  assert_true(hold_few(&s));
  errno = ENOENT;
  hold_add(&s, m + 3);
  assert_int_equal(s.holds, HOLD_FEW - 1);
}

/* An undelivered job that was not read costs no try; one that the next hop does not take costs one, then it is
 * deferred. */
static void tries(void **state)
{
  struct destination *d = destination_get(&s, "mx:a.example");
  struct message *m = MESSAGE("Fs@x\0Ta@a.example\0");
  destination_add(&s, d, m, position(m, 0), "a@a.example");
  for (unsigned i = 0; i < 10; i++) pool_untried(&s, d, destination_pop(d));
  for (unsigned i = 1; i < DELIVERY_TRIES; i++) {
    pool_again(&s, d, destination_pop(d), "no more", 0);
    assert_int_equal(d->queued, 1);
  }
  pool_again(&s, d, destination_pop(d), "no more", 0);
  assert_int_equal(d->queued, 0);
  assert_int_equal(s.active, 0);
  assert_string_equal(letters(id), "T");
  assert_int_equal(d->rest_until, 0);
}

/* A next hop that is down: all that is queued and late is deferred. */
static void down(void **state)
{
  struct destination *d = destination_get(&s, "mx:a.example");
  struct message *m[45];
  for (unsigned i = 0; i < 45; i++) {
    m[i] = MESSAGE("Fs@x\0Ta@a.example\0");
    if (i >= 40) m[i]->out++; /* held by another */
    destination_add(&s, d, m[i], position(m[i], 0), "a@a.example");
    assert_int_equal(m[i]->late != 0, i >= 40);
  }
  pool_again(&s, d, destination_pop(d), "down", 1);
  assert_int_equal(d->queued, 0);
  assert_null(d->late_first);
  assert_int_equal(s.active, 5);
  assert_int_equal(s.schedule.waiting, 40);
  for (unsigned i = 40; i < 45; i++) {
    assert_null(m[i]->late);
    assert_int_equal(m[i]->left, 1);
    store_close(&m[i]->store);
    free(m[i]);
  }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  struct CMUnitTest const tests[] = {
    TEST(found_by_word), TEST(jobs), TEST(late), TEST(rest), TEST(outcomes), TEST(held), TEST(not_removed),
    TEST(few_held), TEST(tries), TEST(down),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
