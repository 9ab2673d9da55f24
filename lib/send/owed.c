/* What the sender is to hear. */
#include <string.h>
#include "send/owed.h"

int owed_add(struct message *m, size_t at, enum notice_kind kind, char const *text)
{
  uint32_t position = (uint32_t)at;
  char letter = (char)kind;
  size_t len = m->failures.len;
  if (stralloc_catb(&m->failures, (char *)&position, sizeof position) && stralloc_catb(&m->failures, &letter, 1)
      && stralloc_catb(&m->failures, text, strnlen(text, REASON_TEXT)) && stralloc_catb(&m->failures, "", 1)) {
    m->failed++;
    return 1;
  }
  m->failures.len = len;
  return 0;
}

int owed_next(struct message const *m, size_t *pos, struct owed *o)
{
  if (*pos >= m->failures.len) return 0;
  memcpy(&o->at, m->failures.s + *pos, sizeof o->at);
  o->kind = (enum notice_kind)m->failures.s[*pos + sizeof o->at];
  o->text = m->failures.s + *pos + sizeof o->at + 1;
  *pos += sizeof o->at + 1 + strlen(o->text) + 1;
  return 1;
}

int owed_wanted(struct message const *m, size_t at, enum notice_kind kind)
{
  struct dsn_rcpt d;
  char const *sender = store_sender(&m->store);
  if (!*sender || !strcmp(sender, "#@[]")) return 0; /* qmail has two null senders */
  dsn_rcpt_scan(&d, store_params(&m->store, at));
  switch (kind) {
    case NOTICE_FAILED: case NOTICE_EXPIRED: return dsn_wants(&d, DSN_FAILURE);
    case NOTICE_DELAYED: return dsn_wants(&d, DSN_DELAY);
    default: return dsn_wants(&d, DSN_SUCCESS);
  }
}

int owed_alone(struct message const *m, size_t at, enum notice_kind *kind, char const **text)
{
  static char const word[] = "EXPANDED"; /* parse/dsn.h: it comes first */
  if (!strncmp(store_params(&m->store, at), word, sizeof word - 1)) {
    *kind = NOTICE_EXPANDED;
    *text = "It is an alias here.";
    return 1;
  }
  if (m->store.envelope[at] != STORE_OWED) return 0;
  *kind = NOTICE_RELAYED;
  *text = "The next server accepted it.";
  return 1;
}

int owed_late(struct send const *s, struct message const *m)
{
  return s->routing.warn_time && s->now - m->store.arrival >= s->routing.warn_time;
}
