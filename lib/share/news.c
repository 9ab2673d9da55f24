/* What others say: judged, written, or counted. */
#include <errno.h>
#include <string.h>
#include "base/io.h"
#include "share/work.h"

#define EVERY 60000 /* milliseconds between two lines */
#define GATHER 1000 /* and from the first entry to the line: more often come together */

void news_drop(struct share *x, enum entry_result why, char const *node)
{
  x->drops.count[why]++;
  if (node) strcpy(x->drops.node, node);
}

void news_take(struct share *x, char const *s, size_t n)
{
  struct stamp stamp;
  int64_t late;
  struct clocks c = clock_look(x, &late);
  enum entry_result r = entry_open(&stamp, s, n, &x->o->key);
  if (r != ENTRY_GOOD) return news_drop(x, r, 0);
  r = entry_judge(&stamp, &c, late, x->o->seconds);
  if (r != ENTRY_GOOD) return news_drop(x, r, stamp.node);
  /* our own come back, too, and find themselves there */
  if (stamp_write_newer(x->dir, &stamp) >= 0) return;
  x->drops.failed++;
  x->drops.error = errno;
}

void news_say(struct share *x, int64_t now)
{
  struct log_line l;
  unsigned any = x->drops.failed;
  for (int i = 0; i < ENTRY_COUNT; i++) any |= x->drops.count[i];
  if (!any) return;
  if (!x->drops.first) x->drops.first = now;
  if (now - x->drops.first < GATHER || (x->drops.said && now - x->drops.said < EVERY)) return;
  log_start(&l, "entries-dropped");
  for (int i = 0; i < ENTRY_COUNT; i++)
    if (x->drops.count[i]) log_num(&l, entry_word(i), x->drops.count[i]);
  if (*x->drops.node) log_str(&l, "node", x->drops.node);
  if (x->drops.failed) {
    log_num(&l, "failed", x->drops.failed);
    log_str(&l, "why", strerror(x->drops.error));
  }
  log_end(&l);
  memset(&x->drops, 0, sizeof x->drops);
  x->drops.said = now;
}
