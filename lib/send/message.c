/* Active messages, from the open file to its removal or its next wait. outcome.c has what became of their
 * recipients. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "base/log.h"
#include "send/bounce.h"
#include "send/clock.h"
#include "send/destination.h"
#include "send/hold.h"
#include "send/outcome.h"
#include "send/retry.h"
#include "send/syncer.h"

static void say(char const *event, char const *id, char const *error)
{
  struct log_line l;
  log_start(&l, event);
  log_str(&l, "id", id);
  log_str(&l, "error", error);
  log_end(&l);
}

/* A damaged file goes to QUEUE/damaged: nobody delivers or removes it but the operator. When that can't be, it stays
 * known and waits for nothing, so that this process leaves it alone. */
static void put_aside(struct send *s, char const *id, uint32_t slot)
{
  char from[STORE_PATH], to[STORE_PATH];
  store_path(from, id);
  snprintf(to, sizeof to, "damaged/%s", id);
  if (mkdir("damaged", 0700) == 0) io_sync_dir(".");
  int moved = rename(from, to) == 0;
  if (moved) {
    io_sync_dir("damaged");
    syncer_removed(s, id);
  }
  say("damaged", id, moved ? 0 : strerror(errno));
  if (moved) schedule_drop(&s->schedule, slot);
}

/* An unfinished file is its injector's, or rubbish. */
static void unfinished(struct send *s, char const *id, uint32_t slot)
{
  int r = store_sweep(id, s->now);
  if (r < 0 && errno == EBADMSG) {
    put_aside(s, id, slot);
    return;
  }
  if (r) say("unfinished", id, r < 0 ? strerror(errno) : "removed");
  schedule_drop(&s->schedule, slot);
}

static void log_begin(struct send const *s, struct message const *m)
{
  struct log_line l;
  log_start(&l, "start");
  log_str(&l, "id", m->id);
  log_str(&l, "from", store_sender(&m->store));
  log_num(&l, "bytes", m->store.body);
  log_num(&l, "age", s->now > m->store.arrival ? (uint64_t)(s->now - m->store.arrival) : 0);
  log_end(&l);
}

void message_start(struct send *s, uint32_t slot)
{
  char id[STORE_ID + 1];
  struct message *m = calloc(1, sizeof *m);
  schedule_id(&s->schedule, slot, id);
  enum store_state state = STORE_ERROR;
  if (m) state = store_open(&m->store, id, s->schedule.slot[slot].flags & SLOT_UNVERIFIED);
  if (state == STORE_WHOLE) {
    memcpy(m->id, id, sizeof id);
    m->slot = slot;
    m->store.arrival = clock_arrival(s, m->store.arrival);
    m->edition = s->routing.edition;
    s->schedule.slot[slot].flags &= (uint8_t)~SLOT_UNVERIFIED;
    s->active++;
    log_begin(s, m);
    message_advance(s, m);
    return;
  }
  int e = errno;
  free(m);
  switch (state) {
    case STORE_UNFINISHED: unfinished(s, id, slot); break;
    case STORE_DAMAGED: put_aside(s, id, slot); break;
    case STORE_ERROR:
      say("trouble", id, strerror(e));
      schedule_wait(&s->schedule, slot, s->now + MESSAGE_TROUBLE);
      break;
    default: schedule_drop(&s->schedule, slot); /* gone, or not yet committed: the trigger will name it */
  }
}

/* Queues one recipient at its destination, or says at once why not. */
static void place(struct send *s, struct message *m, size_t at, char const *address)
{
  char word[ROUTE_TEXT];
  struct destination *d;
  switch (routing_word(&s->routing, address, word)) {
    case ROUTED_BAD_ADDRESS:
      outcome_note(s, m, at, OUTCOME_FAILED, "Not an address to which mail can be sent. (#5.1.3)", "");
      return;
    case ROUTED_CORRUPT:
      outcome_note(s, m, at, OUTCOME_DEFERRED, "The rules are damaged. (#4.3.5)", "");
      return;
    default: break;
  }
  if (!(d = destination_get(s, word))) outcome_note(s, m, at, OUTCOME_DEFERRED, "Out of memory. (#4.3.0)", word);
  else if (d->rest_until > s->now) outcome_rest(s, m, at, d);
  else if (destination_add(s, d, m, at, address)) destination_list(s, d, 0);
  else outcome_note(s, m, at, OUTCOME_DEFERRED, "Out of memory. (#4.3.0)", word);
}

/* Queues the next recipients. */
static void window(struct send *s, struct message *m)
{
  size_t at;
  int done;
  char const *address;
  m->out++; /* nothing that happens now is the end */
  for (unsigned n = 0; n < MESSAGE_WINDOW;) {
    if (!(address = store_recipient(&m->store, &m->cursor, &done, &at))) {
      m->ended = 1;
      break;
    }
    if (done) continue;
    if (!outcome_alone(s, m, at)) place(s, m, at, address);
    n++;
  }
  m->out--;
}

void message_route_again(struct send *s, struct delivery *v)
{
  struct message *m = v->message;
  if (m->left) m->left_mixed = 1; /* who knows where those belong now */
  m->edition = s->routing.edition;
  for (unsigned i = 0; i < v->n; i++) place(s, m, v->at[i], m->store.envelope + v->at[i] + 1);
  delivery_free(v);
  m->out--; /* only now: nothing that happened meanwhile was the end */
  message_advance(s, m);
}

static void log_left(struct send const *s, struct message const *m)
{
  struct log_line l;
  log_start(&l, m->left ? "defer" : "done");
  log_str(&l, "id", m->id);
  if (m->left) {
    log_num(&l, "left", m->left);
    log_num(&l, "next", m->next > s->now ? (uint64_t)(m->next - s->now) : 0);
  }
  log_num(&l, "age", s->now > m->store.arrival ? (uint64_t)(s->now - m->store.arrival) : 0);
  log_end(&l);
}

/* The file can't be removed: all that it has for whoever opens it again are marks. */
static void mark_all(struct send *s, struct message *m)
{
  size_t pos = 0, at;
  int done, e = 0;
  say("trouble", m->id, strerror(errno));
  while (store_recipient(&m->store, &pos, &done, &at))
    if (!done && store_mark(&m->store, at) < 0 && !e) e = errno;
  if (store_sync(&m->store) < 0 && !e) e = errno;
  errno = e;
  if (e) hold_add(s, m);
}

/* Nobody is left: the file goes. Returns 0 when the message must stay active, since its marks can't be written
 * either. */
static int remove_file(struct send *s, struct message *m)
{
  if (store_remove(m->id) == 0 || errno == ENOENT) {
    hold_drop(s, m);
    syncer_removed(s, m->id);
    log_left(s, m);
    schedule_drop(&s->schedule, m->slot);
    return 1;
  }
  mark_all(s, m);
  if (!m->held) schedule_wait(&s->schedule, m->slot, s->now + MESSAGE_TROUBLE);
  return !m->held;
}

/* The file's modification time is the time of its next try (INTERNALS). A message for a destination without room
 * waits there; one for several, of which none has shown that it works, looks again a few times. */
static void wait_again(struct send *s, struct message *m)
{
  struct destination *d = m->full;
  if (m->next < s->now) m->next = s->now;
  if (m->next > s->now + RETRY_MOST) m->next = s->now + RETRY_MOST; /* from before the clock was set back */
  if (d) {
    uint8_t *flags = &s->schedule.slot[m->slot].flags;
    if (!destination_full(s, d)) destination_wait(s, m, s->now);
    else if (m->several && !d->proven && (*flags & SLOT_STEPS) != SLOT_STEPS) {
      schedule_wait(&s->schedule, m->slot, s->now + *flags / SLOT_STEP + 1);
      *flags = (uint8_t)(*flags + SLOT_STEP);
    }
    else destination_park(s, d, m);
    return;
  }
  struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = (time_t)m->next } };
  if (futimens(m->store.fd, t) < 0) say("trouble", m->id, strerror(errno));
  log_left(s, m);
  destination_wait(s, m, m->next);
}

static void finish(struct send *s, struct message *m)
{
  int done = !m->left && m->ended;
  if (done ? !remove_file(s, m) : m->held) {
    m->waits = 1;
    return;
  }
  if (!done && m->ended) wait_again(s, m);
  else if (!done) schedule_wait(&s->schedule, m->slot, s->now); /* we are stopping */
  if (m->full) m->full->holds--;
  store_close(&m->store);
  stralloc_free(&m->failures);
  free(m);
  s->active--;
}

void message_advance(struct send *s, struct message *m)
{
  while (!m->out) {
    destination_withdraw(m); /* nothing else holds it active */
    if (m->failed) {
      if (bounce_start(s, m)) return;
      continue;
    }
    if (m->ended || s->stopping) {
      finish(s, m);
      return;
    }
    window(s, m);
  }
}
