/* The rules as relay-send uses them. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "parse/address.h"
#include "policy/limits.h"
#include "send/routing.h"

static void complain(struct routing *r, int e)
{
  struct log_line l;
  if (r->complained) return;
  r->complained = 1;
  log_start(&l, "no-rules");
  log_str(&l, "file", r->path);
  log_str(&l, "kept", r->table ? "old" : "none");
  log_str(&l, "error", strerror(e));
  log_end(&l);
}

static void adopt(struct routing *r, struct table_set *t)
{
  struct record rec;
  if (r->table) table_close(r->table);
  r->table = t;
  r->complained = 0;
  r->edition++;
  r->concurrency = limit_get(t, LIMIT_CONCURRENCY);
  r->destination = limit_get(t, LIMIT_DESTINATION);
  r->queue_time = limit_get(t, LIMIT_QUEUE_TIME);
  r->warn_time = limit_get(t, LIMIT_WARN_TIME);
  if (table_find(t, TABLE_ME, "", 0, &rec) == 1 && rec.len && rec.len < sizeof r->me) {
    memcpy(r->me, rec.data, rec.len);
    r->me[rec.len] = 0;
  } else if (gethostname(r->me, sizeof r->me) < 0 || !*r->me) memcpy(r->me, "localhost", 10);
  r->me[sizeof r->me - 1] = 0;
}

static int same(struct stat const *a, struct stat const *b)
{
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size
    && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int routing_fresh(struct routing *r, int64_t now, int force)
{
  struct stat st;
  if (now == r->checked && !force) return r->table != 0;
  r->checked = now;
  if (stat(r->path, &st) < 0) {
    complain(r, errno);
    return r->table != 0;
  }
  if (!force && same(&st, &r->seen)) return r->table != 0;
  struct table_set *t = table_open(r->path);
  if (!t) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) return r->table != 0; /* looked at again in a second */
    r->seen = st;
    complain(r, errno);
    return r->table != 0;
  }
  r->seen = st;
  adopt(r, t);
  return 1;
}

/* The canonical form of what stands behind the last @. Returns its length, or 0. */
static size_t domain_of(struct routing const *r, char const *recipient, char out[DOMAIN_TEXT])
{
  char const *at = strrchr(recipient, '@');
  if (!at) {
    size_t n = strlen(r->me);
    memcpy(out, r->me, n + 1);
    return n;
  }
  if (at[1] != '[') return domain_canon(out, at + 1, strlen(at + 1));
  struct address a;
  char mailbox[DOMAIN_TEXT] = "x";
  size_t n = strlen(at);
  if (n + 2 > sizeof mailbox) return 0;
  memcpy(mailbox + 1, at, n + 1);
  if (address_mailbox(&a, mailbox, n + 1, 0) != ADDRESS_OK || !a.literal) return 0;
  n = strlen(a.domain);
  memcpy(out, a.domain, n + 1);
  return n;
}

enum routed routing_word(struct routing const *r, char const *recipient, char word[ROUTE_TEXT])
{
  char domain[DOMAIN_TEXT];
  struct route route;
  if (!domain_of(r, recipient, domain)) return ROUTED_BAD_ADDRESS;
  if (route_find(r->table, domain, &route) < 0) return ROUTED_CORRUPT;
  route_fmt(word, &route);
  return ROUTED;
}
