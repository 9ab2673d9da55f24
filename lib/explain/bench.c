/* Tries edits on a small copy of the rules. Which lines have to do with a question does not depend on the edits: those
 * whose keys fit the client, the sender, the recipient or what RELAYCLIENT makes of it. Only their order counts, so
 * they
 * get new numbers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "explain/parts.h"
#include "prove/prove.h"
#include "rules/compile.h"

struct gathering {
  struct bench *b;
  struct target given, changed, sender;
  unsigned to_host;      /* lines of to-host that were taken */
};

static int add(struct bench *b, enum table which, struct piece key, struct record const *r)
{
  struct bench_line l = { .which = which, .line = r->line, .key_len = key.n };
  l.key = keep_bytes(b->x, key.s, key.n);
  l.text = keep_rule(b->x, which, key, r);
  if (!genalloc_append(struct bench_line, &b->lines, &l)) b->x->broken = ENOMEM;
  return b->x->broken != 0;
}

static int add_client(void *arg, char const *key, size_t len, struct record const *r)
{
  return add(arg, TABLE_CLIENTS, (struct piece){ key, len }, r);
}

static int fits_any_host(struct question const *q, struct piece bits)
{
  struct question_answers const *both[] = { &q->given, &q->becomes };
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; i < both[k]->hosts_n; i++)
      if (fits_ip(bits, both[k]->hosts + i)) return 1;
  return 0;
}

/* Does an alias stand for the recipient, or for somebody in its domain? The compiler wants no denial of those. */
static void look_at_targets(struct gathering *g, struct record const *r)
{
  struct address a;
  char key[ADDRESS_KEY];
  struct target const *x = g->changed.a ? &g->changed : &g->given;
  for (uint32_t i = 0; i < r->len && x->a; i++) {
    char const *end = memchr(r->data + i, 0, r->len - i);
    size_t n = end ? (size_t)(end - r->data) - i : r->len - i;
    if (address_mailbox(&a, r->data + i, n, 1) == ADDRESS_OK && !strcmp(a.domain, x->a->domain)) {
      g->b->domain_targeted = 1;
      if (address_key(key, &a) == x->len && !memcmp(key, x->key, x->len)) g->b->targeted = 1;
    }
    i += (uint32_t)n;
  }
}

static int relay_fits(struct gathering *g, struct piece key)
{
  struct question const *q = g->b->q;
  struct piece arg, parts[3];
  switch (statement(key, &arg)) {
    case SAYS_TO:
    case SAYS_DENY: return fits_to(arg, &g->given) || fits_to(arg, &g->changed);
    case SAYS_SENDER: return piece_is(arg, "hosted") || piece_is(arg, "user") || fits_from(arg, &g->sender);
    case SAYS_LOCAL: return fits_to(arg, &g->sender);
    case SAYS_DEVICE: return device_parts(arg, parts) && fits_ip(parts[0], &q->facts.client);
    case SAYS_TO_HOST: return !g->to_host++ || fits_any_host(q, arg); /* whether there is one counts, too */
    case SAYS_NOTHING: return 0;
    default: return 1;
  }
}

static int fits(struct gathering *g, enum table which, struct piece key, struct record const *r)
{
  switch (which) {
    case TABLE_ME: return 1;
    case TABLE_DOMAINS: return fits_domain(key, &g->given) || fits_domain(key, &g->changed) || fits_domain(key,
      &g->sender);
    case TABLE_ALIASES:
      look_at_targets(g, r);
      /* fall through */
    case TABLE_RECIPIENTS:
      return fits_mailbox(key, &g->given) || fits_mailbox(key, &g->changed) || fits_mailbox(key, &g->sender);
    case TABLE_ROUTES: return !key.n || fits_domain(key, &g->given) || fits_domain(key, &g->changed);
    case TABLE_RELAY: return relay_fits(g, key);
    case TABLE_SENDERS: return piece_is_user(key, g->b->q->facts.stamp);
    default: return 0;
  }
}

static int compare(void const *a, void const *b)
{
  struct bench_line const *x = a, *y = b;
  if (x->which != y->which) return x->which < y->which ? -1 : 1;
  return x->line < y->line ? -1 : x->line > y->line;
}

/* A line of `clients` with several keys is a range: who edits it edits them all. */
static void find_range(struct bench *b, struct piece key, uint32_t line)
{
  struct bench_line *l = genalloc_s(struct bench_line, &b->lines);
  for (size_t i = 0; i < genalloc_len(struct bench_line, &b->lines); i++) {
    if (l[i].which != TABLE_CLIENTS || l[i].line != line) continue;
    if (l[i].key_len != key.n || memcmp(explained_text(b->x, l[i].key), key.s, key.n)) l[i].range = 1;
  }
}

/* Those of one table, of all (`fits` null), or those that fit. */
enum extent { EXTENT_FITTING, EXTENT_CLIENTS, EXTENT_ALL };

static int wanted(struct gathering *g, enum extent extent, enum table which, struct piece key, struct record const *r)
{
  if (extent == EXTENT_FITTING) return fits(g, which, key, r);
  if (extent == EXTENT_CLIENTS) return which == TABLE_CLIENTS;
  return which != TABLE_LIMITS;
}

static void gather(struct bench *b, enum extent extent)
{
  struct gathering g = { .b = b };
  struct question const *q = b->q;
  struct address becomes;
  struct record r;
  struct piece key;
  enum table which;
  uint32_t pos = 0;
  int changed = !q->recipient_error && q->relayclient && *q->relayclient && question_becomes(&becomes, q, b->t);
  target_set(&g.given, q->recipient_error ? 0 : &q->recipient);
  target_set(&g.changed, changed ? &becomes : 0);
  target_set(&g.sender, q->sender_error ? 0 : &q->sender);
  while (!b->x->broken && table_next(b->t, &pos, &which, &key.s, &key.n, &r) > 0) {
    if (!r.line) continue;
    if (extent == EXTENT_FITTING) b->all++;
    if (extent == EXTENT_FITTING && which == TABLE_CLIENTS) find_range(b, key, r.line);
    if (wanted(&g, extent, which, key, &r)) add(b, which, key, &r);
  }
}

static void sort(struct bench *b)
{
  size_t n = genalloc_len(struct bench_line, &b->lines);
  if (n) qsort(genalloc_s(struct bench_line, &b->lines), n, sizeof(struct bench_line), &compare);
}

void bench_start(struct bench *b, struct explanation *x, struct question *q, struct table_set const *t)
{
  *b = (struct bench){ .x = x, .q = q, .t = t, .lines = GENALLOC_ZERO };
  gate_each(t, &q->facts.client, q->host, q->info, &add_client, b);
  gather(b, EXTENT_FITTING);
  sort(b);
}

void bench_whole(struct bench *b, int clients)
{
  struct bench_line *l = genalloc_s(struct bench_line, &b->lines);
  size_t n = genalloc_len(struct bench_line, &b->lines), kept = 0;
  for (size_t i = 0; i < n; i++)
    if (clients && l[i].which != TABLE_CLIENTS) l[kept++] = l[i];
  genalloc_setlen(struct bench_line, &b->lines, kept);
  gather(b, clients ? EXTENT_CLIENTS : EXTENT_ALL);
  sort(b);
  b->whole = !clients;
}

void bench_end(struct bench *b)
{
  genalloc_free(struct bench_line, &b->lines);
}

/* The edit of this line, or null. */
static struct edit const *edit_of(struct bench_line const *l, struct edit const *const *edits, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    if (edits[i]->action != ACTION_ADD && edits[i]->which == l->which && edits[i]->line == l->line) return edits[i];
  return 0;
}

static int put(stralloc *out, char const *line)
{
  return stralloc_cats(out, line) && stralloc_catb(out, "\n", 1);
}

/* One file with the edits. */
static int write_file(struct bench *b, enum table which, struct edit const *const *edits, unsigned n, stralloc *out)
{
  struct explanation const *x = b->x;
  struct bench_line const *l = genalloc_s(struct bench_line, &b->lines);
  size_t lines = genalloc_len(struct bench_line, &b->lines);
  int ok = 1;
  for (size_t i = 0; i < lines && ok; i++) {
    if (l[i].which != which) continue;
    struct edit const *e = edit_of(l + i, edits, n);
    if (!e || e->action == ACTION_REPLACE) ok = put(out, explained_text(x, e ? e->by : l[i].text));
  }
  for (unsigned i = 0; i < n && ok; i++)
    if (edits[i]->which == which && edits[i]->action == ACTION_ADD) ok = put(out, explained_text(x, edits[i]->text));
  return ok;
}

static void no_complaints(void *arg, int warning, char const *line)
{
}

/* Do these rules let no stranger relay, but where they say so? Returns 1, 0, or -1 with errno. */
static int is_closed(struct table_set const *t)
{
  struct proof p;
  int r = prove(&p, t);
  size_t open = p.undeclared;
  proof_free(&p);
  return r < 0 ? -1 : !open;
}

/* Compiles and decides. Returns 1, 0 when the compiler finds an error or the rules are open, -1 with errno. */
static int decide_texts(struct bench *b, struct rules_text const *texts, size_t n, struct outcome *o)
{
  int fd = memfd_create("rules", MFD_CLOEXEC);
  if (fd < 0) return -1;
  int wrong = rules_compile_texts(texts, n, fd, &no_complaints, 0), good = wrong < 0 ? -1 : !wrong;
  struct table_set *t = good > 0 ? table_open_fd(fd) : 0;
  if (good > 0 && !t) good = -1;
  if (t) {
    question_decide(o, b->q, t);
    if (b->whole) good = is_closed(t);
    o->decision.record.line = o->given.record.line = o->gate.line = 0; /* their data go with the table */
    table_close(t);
  }
  close(fd);
  return good;
}

int bench_try(struct bench *b, struct edit const *const *edits, unsigned n, struct outcome *o)
{
  static struct { enum table which; char const *file; } const files[] = {
#define X(name, letter, file) { name, file },
    TABLES(X)
#undef X
  };
  struct rules_text texts[sizeof files / sizeof *files];
  size_t starts[sizeof files / sizeof *files + 1], count = sizeof files / sizeof *files;
  stralloc out = STRALLOC_ZERO;
  int ok = 1, r = 0;
  for (size_t i = 0; i < count && ok; i++) {
    starts[i] = out.len;
    ok = write_file(b, files[i].which, edits, n, &out);
  }
  starts[count] = out.len;
  if (!ok) errno = ENOMEM;
  for (size_t i = 0; i < count && ok; i++)
    texts[i] = (struct rules_text){ files[i].file, out.s + starts[i], starts[i + 1] - starts[i] };
  if (ok) r = decide_texts(b, texts, count, o);
  if (!ok || r < 0) b->x->broken = errno ? errno : EIO;
  stralloc_free(&out);
  return r > 0;
}
