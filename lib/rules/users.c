/* The file `users`: who may log in. No complaint shows anything of a hash: it might be a password. */
#include <errno.h>
#include <string.h>
#include "rules/rules.h"

#define SENDERS_MOST 60000   /* bytes of them as relay-auth says them: the receiver takes so many in one piece */
#define SENDER_SAID 5        /* bytes of `from=` */
#define COSTS_MOST 64        /* kinds of crypt(3) hashes by cost, as many as are counted */
#define SALT_USUAL 16        /* what relay-passwd makes: salts of users who don't exist look so if nobody has SCRAM */
#define ITERATIONS_USUAL 65536

/* How often hashes that cost the same have been met: of crypt(3), of SCRAM, or (neither) passwords that are compared
 * with SCRAM's hash for want of the other. */
struct cost {
  char setting[USERS_CRYPT]; /* crypt(3)'s of the first; "": none */
  uint32_t iterations;       /* SCRAM's; 0: none */
  uint32_t salt_len;
  size_t count;
};

/* A user without a hash that others may have. */
struct lack {
  uint32_t line;
  unsigned cram : 1, scram : 1; /* has it */
};

static int same(struct cost const *a, struct cost const *b)
{
  size_t n = users_crypt_cost(a->setting);
  return a->iterations == b->iterations && a->salt_len == b->salt_len && users_crypt_cost(b->setting) == n &&
    !memcmp(a->setting, b->setting, n);
}

static void tally(struct compiler *c, struct cost const *new)
{
  struct cost *all = genalloc_s(struct cost, &c->users.kinds);
  size_t n = genalloc_len(struct cost, &c->users.kinds), i = 0;
  while (i < n && !same(all + i, new)) i++;
  if (i < n) all[i].count++;
  else if (n < COSTS_MOST && !genalloc_append(struct cost, &c->users.kinds, new)) c->broken = ENOMEM;
}

static void count(struct compiler *c, struct users_keys const *k, int on)
{
  struct cost password = { .count = 1 };
  struct cost scram = { .iterations = k->iterations, .salt_len = (uint32_t)k->salt_len, .count = 1 };
  struct lack lack = { .line = c->line, .cram = k->cram, .scram = k->iterations != 0 };
  if (*k->crypt) memcpy(password.setting, k->crypt, users_crypt_setting(k->crypt));
  if (*k->crypt || k->iterations) tally(c, &password);
  if (k->iterations) tally(c, &scram);
  c->users.about.external |= on && k->external;
  if (!on || (!*k->crypt && !k->cram && !k->iterations)) return;
  c->users.about.cram |= k->cram;
  c->users.about.scram |= k->iterations != 0;
  if (!genalloc_append(struct lack, &c->users.lacks, &lack)) c->broken = ENOMEM;
}

struct options {
  unsigned on : 1, relay : 1;
  unsigned power : 1, privilege : 1; /* were said */
};

/* Takes the next word of what is left of the line. */
static int next_word(char const **s, size_t *n, struct word *w)
{
  if (!rules_words(*s, *n, w, 1)) return 0;
  *n -= (size_t)(w->s + w->n - *s);
  *s = w->s + w->n;
  return 1;
}

/* Appends the sender's key to c->data. */
static void read_sender(struct compiler *c, struct word w)
{
  char key[RULES_KEY];
  struct quoted q;
  size_t len = rules_from(c, key, w.s, w.n);
  if (!len) return;
  char const *domain = strchr(key, '@') + 1;
  if (!rules_hosted(c, domain))
    rules_warn(c, WARN_FOREIGN_SENDER, "%s is of no domain in `domains`", quote(&q, w.s, w.n));
  if (!stralloc_catb(&c->data, key, len) || !stralloc_0(&c->data)) c->broken = ENOMEM;
}

/* The words behind the hashes. The senders come into c->data. */
static int read_options(struct compiler *c, struct options *o, char const *s, size_t n)
{
  struct quoted q;
  struct word w;
  size_t senders = 0;
  *o = (struct options){ .on = 1, .relay = 1 };
  c->data.len = 0;
  while (next_word(&s, &n, &w)) {
    int on = rules_is(w, "on"), off = rules_is(w, "off"), relay = rules_is(w, "relay"), no = rules_is(w, "norelay");
    if (rules_is(w, "from")) {
      if (!rules_words(s, n, &w, 1)) return rules_error(c, "`from` without an address"), 0;
      for (; next_word(&s, &n, &w); senders++) read_sender(c, w);
    } else if (!on && !off && !relay && !no) {
      return rules_error(c, "%s is none of on, off, relay, norelay, from", quote(&q, w.s, w.n)), 0;
    } else if ((on || off) ? o->power : o->privilege) {
      return rules_error(c, "%s after %s", quote(&q, w.s, w.n), on || off ? "on or off" : "relay or norelay"), 0;
    }
    if (on || off) o->power = 1, o->on = on != 0;
    if (relay || no) o->privilege = 1, o->relay = relay != 0;
  }
  if (c->data.len + senders * SENDER_SAID <= SENDERS_MOST) return 1;
  return rules_error(c, "%zu senders are too many for one user; a domain can stand for all in it", senders), 0;
}

static void add(struct compiler *c, char const *name, struct word shown, struct options const *o, struct word hashes)
{
  stralloc record = STRALLOC_ZERO;
  if (!users_pack(&record, name, strlen(name), o->on, o->relay, hashes.s, hashes.n, c->data.len ? c->data.s : "",
                  c->data.len)) c->broken = ENOMEM;
  else if (rules_add(c, TABLE_USERS, name, strlen(name), shown, record.s, record.len) && o->on && o->relay)
    rules_pop_user(c, shown, name, c->data.len ? c->data.s : "", c->data.len);
  stralloc_free(&record);
}

void rules_users(struct compiler *c, char const *s, size_t n)
{
  char name[USERS_NAME + 1];
  struct quoted q;
  struct users_keys keys;
  struct options o;
  struct word user, hashes;
  next_word(&s, &n, &user);
  if (!users_name(name, user.s, user.n)) {
    rules_error(c, "%s can't be a name: letters, digits and . _ + - @ = ~, beginning with a letter, a digit or _; %d "
                "bytes at most", quote(&q, user.s, user.n), USERS_NAME);
    return;
  }
  if (!next_word(&s, &n, &hashes)) {
    rules_error(c, "%s without a hash of the password; relay-passwd writes the line", quote(&q, user.s, user.n));
    return;
  }
  char const *why = users_keys_scan(&keys, hashes.s, hashes.n);
  if (why) rules_error(c, "behind %s: %s", quote(&q, user.s, user.n), why);
  if (!read_options(c, &o, s, n) || why || c->broken) return;
  add(c, name, user, &o, hashes);
  count(c, &keys, o.on);
}

/* The record about the file. */
void rules_users_end(struct compiler *c)
{
  struct users_about *a = &c->users.about;
  struct cost const *all = genalloc_s(struct cost, &c->users.kinds);
  size_t password = 0, scram = 0;
  stralloc record = STRALLOC_ZERO;
  if (!c->users.table || c->wrong || c->broken) return;
  a->iterations = ITERATIONS_USUAL;
  a->salt_len = SALT_USUAL;
  for (size_t i = 0; i < genalloc_len(struct cost, &c->users.kinds); i++) {
    if (all[i].iterations && all[i].count > scram) {
      scram = all[i].count;
      a->iterations = all[i].iterations;
      a->salt_len = all[i].salt_len;
    } else if (!all[i].iterations && all[i].count > password) {
      password = all[i].count;
      strcpy(a->setting, all[i].setting);
    }
  }
  if (!users_pack_about(&record, a)) c->broken = ENOMEM;
  else if (table_add(c->users.table, TABLE_USERS, "", 0, 0, record.s, record.len) < 0) c->broken = errno;
  stralloc_free(&record);
}

void rules_check_users(struct compiler *c)
{
  struct lack const *all = genalloc_s(struct lack, &c->users.lacks);
  for (size_t i = 0; i < genalloc_len(struct lack, &c->users.lacks); i++) {
    int cram = c->users.about.cram && !all[i].cram, scram = c->users.about.scram && !all[i].scram;
    if (cram || scram)
      rules_warn_at(c, WARN_FEWER_HASHES, FILE_USERS, all[i].line, "no %s%s%s, which others have: it is offered to "
                    "everybody, and a login by it fails", cram ? "{CRAM-MD5}" : "", cram && scram ? " and " : "",
                    scram ? "{SCRAM-SHA-256}" : "");
  }
}

void rules_users_free(struct compiler *c)
{
  genalloc_free(struct cost, &c->users.kinds);
  genalloc_free(struct lack, &c->users.lacks);
}
