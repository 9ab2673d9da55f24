/* Which lines fit. A key is put together behind its verb, the way the compiler wrote it. */
#include <string.h>
#include "policy/gate.h"
#include "policy/match.h"

#define FORMS 140 /* of an address: itself, its domain, a suffix for each label, two words */

struct key {
  char s[TABLE_KEY];
  size_t n;
};

static void append(struct key *k, char const *s, size_t n)
{
  if (n > sizeof k->s - k->n) n = sizeof k->s - k->n; /* a key that was cut is in no table */
  memcpy(k->s + k->n, s, n);
  k->n += n;
}

static void begin(struct key *k, char const *verb)
{
  k->n = 0;
  append(k, verb, strlen(verb));
  append(k, " ", 1);
}

/* Looks k with s behind it up; k stays as it is. */
static int find(struct table_set const *t, enum table which, struct key *k, char const *s, struct record *r)
{
  size_t n = k->n;
  append(k, s, strlen(s));
  int found = table_look(t, which, k->s, k->n, r);
  k->n = n;
  return found;
}

/* The same in `relay`, but r, of which line 0 is none, changes only to a lower line. Returns -1, else whether r is
 * one. */
static int find_lower(struct table_set const *t, struct key *k, char const *s, struct record *r)
{
  struct record other;
  int found = find(t, TABLE_RELAY, k, s, &other);
  if (found < 0 || (found && !other.line)) return -1;
  if (found && (!r->line || other.line < r->line)) *r = other;
  return r->line != 0;
}

/* The forms in which lines may name an address, each in two pieces. */
struct forms {
  struct { char const *at, *s; } form[FORMS];
  size_t n;
  char address[ADDRESS_KEY];
};

static void add_form(struct forms *f, char const *at, char const *s)
{
  if (f->n == FORMS) return;
  f->form[f->n].at = at;
  f->form[f->n++].s = s;
}

/* The address, its domain and the suffixes; `at` stands before the latter. */
static void set_forms(struct forms *f, struct address const *a, char const *at)
{
  f->n = 0;
  if (address_key(f->address, a)) add_form(f, "", f->address);
  for (char const *s = a->domain; *s; s = domain_wider(s)) add_form(f, at, s);
}

/* The lowest line with any of the forms behind k. */
static int find_forms(struct table_set const *t, struct key *k, struct forms const *f, struct record *r)
{
  size_t n = k->n;
  int found = r->line != 0;
  for (size_t i = 0; i < f->n && found >= 0; i++) {
    append(k, f->form[i].at, strlen(f->form[i].at));
    found = find_lower(t, k, f->form[i].s, r);
    k->n = n;
  }
  return found;
}

int match_hosted(struct table_set const *t, char const *domain, struct record *r)
{
  for (char const *s = domain; *s; s = domain_wider(s)) {
    int found = table_look(t, TABLE_DOMAINS, s, strlen(s), r);
    if (found) return found;
  }
  return 0;
}

int match_mailbox(struct table_set const *t, enum table which, struct address const *a, struct record *r)
{
  struct key k = { .n = 0 };
  char address[ADDRESS_KEY];
  size_t len = address_key(address, a);
  int found = table_look(t, which, address, len, r);
  if (found || len == a->local_len) return found;
  for (size_t i = a->local_len; i-- > 1; ) {
    if (address[i] != '+' && address[i] != '-') continue;
    k.n = 0;
    append(&k, address, i + 1);
    append(&k, "*", 1);
    found = find(t, which, &k, address + a->local_len, r);
    if (found) return found;
  }
  return 0;
}

int match_catch_all(struct table_set const *t, enum table which, struct address const *a, struct record *r)
{
  struct key k = { "@", 1 };
  for (char const *s = a->domain; *s; s = domain_wider(s)) {
    int found = find(t, which, &k, s, r);
    if (found) return found;
  }
  return 0;
}

int match_line(struct table_set const *t, char const *what, struct record *r)
{
  return table_look(t, TABLE_RELAY, what, strlen(what), r);
}

int match_to(struct table_set const *t, char const *verb, struct address const *a, struct record *r)
{
  struct key k;
  struct forms f;
  begin(&k, verb);
  set_forms(&f, a, "");
  r->line = 0;
  return find_forms(t, &k, &f, r);
}

/* Hosted, or `local` names it. */
int match_as_hosted(struct table_set const *t, struct address const *a)
{
  struct record r;
  int found = match_hosted(t, a->domain, &r);
  return found ? found : match_to(t, "local", a, &r);
}

/* A listed recipient and no alias, or `local` names the address itself. */
int match_as_user(struct table_set const *t, struct address const *a)
{
  struct record r;
  struct key k;
  char address[ADDRESS_KEY];
  int found = match_mailbox(t, TABLE_RECIPIENTS, a, &r);
  if (found > 0 && (found = match_mailbox(t, TABLE_ALIASES, a, &r)) >= 0) found = !found;
  if (found) return found;
  begin(&k, "local");
  address_key(address, a);
  return find(t, TABLE_RELAY, &k, address, &r);
}

/* `grant sender WORD`, whose condition is asked for only when the line could change r. */
static int find_class(struct table_set const *t, struct key *k, char const *word, struct address const *a,
                      int (*holds)(struct table_set const *, struct address const *), struct record *r)
{
  struct record other;
  int found = find(t, TABLE_RELAY, k, word, &other);
  if (found > 0 && (!r->line || other.line < r->line)) {
    found = holds(t, a);
    if (found > 0) *r = other;
  }
  return found < 0 ? -1 : r->line != 0;
}

int match_sender(struct table_set const *t, struct address const *sender, struct record *r)
{
  struct key k;
  struct forms f;
  r->line = 0;
  if (!sender || !sender->len) return 0;
  begin(&k, "grant sender");
  set_forms(&f, sender, "@");
  int found = find_forms(t, &k, &f, r);
  if (found >= 0) found = find_class(t, &k, "hosted", sender, &match_as_hosted, r);
  if (found >= 0) found = find_class(t, &k, "user", sender, &match_as_user, r);
  return found;
}

/* A prefix of ip among the lines of a verb, from the place *at on in the list of lengths, which moves on. k gets its
 * key. */
static int next_prefix(struct table_set const *t, char const *verb, struct ip const *ip, uint32_t *at, struct key *k,
                       struct record *r)
{
  struct record lengths;
  char bits[GATE_CIDR];
  struct key list = { .n = 0 };
  if (!ip->len) return 0;
  append(&list, verb, strlen(verb));
  int found = find(t, TABLE_RELAY, &list, ip->len == 4 ? "/4" : "/6", &lengths);
  if (found <= 0) return found;
  if (lengths.len > GATE_CIDR) return -1;
  gate_cidr_key(bits, ip, 8U * ip->len);
  while (*at < lengths.len) {
    unsigned n = (unsigned char)lengths.data[(*at)++];
    if (n > 8U * ip->len) return -1;
    begin(k, verb);
    append(k, bits, 1 + n);
    found = table_look(t, TABLE_RELAY, k->s, k->n, r);
    if (found) return found;
  }
  return 0;
}

int match_to_host(struct table_set const *t, struct ip const *ip, struct record *r)
{
  struct record other;
  struct key k;
  uint32_t at = 0;
  int found;
  r->line = 0;
  while ((found = next_prefix(t, "grant to-host", ip, &at, &k, &other)) > 0) {
    if (!other.line) return -1;
    if (!r->line || other.line < r->line) *r = other;
  }
  return found < 0 ? -1 : r->line != 0;
}

int match_device_client(struct table_set const *t, struct ip const *client, struct record *r)
{
  struct key k;
  uint32_t at = 0;
  return next_prefix(t, "grant device", client, &at, &k, r);
}

/* All lines of one prefix, whose key k holds: each form of the sender with each of the recipient. */
static int find_device(struct table_set const *t, struct key *k, struct forms const *from, struct forms const *to,
                       struct record *r)
{
  size_t n = k->n;
  int found = r->line != 0;
  for (size_t i = 0; i < from->n && found >= 0; i++) {
    append(k, " ", 1);
    append(k, from->form[i].at, strlen(from->form[i].at));
    append(k, from->form[i].s, strlen(from->form[i].s));
    append(k, " ", 1);
    found = find_forms(t, k, to, r);
    k->n = n;
  }
  return found;
}

int match_device(struct table_set const *t, struct ip const *client, struct address const *sender,
                 struct address const *recipient, struct record *r)
{
  struct forms from = { .n = 0 }, to;
  struct record prefix, hosted;
  struct key k;
  uint32_t at = 0;
  int found;
  r->line = 0;
  if ((found = next_prefix(t, "grant device", client, &at, &k, &prefix)) <= 0) return found;
  if (sender && sender->len) {
    set_forms(&from, sender, "@");
    if ((found = match_hosted(t, sender->domain, &hosted)) < 0) return -1;
    if (found) add_form(&from, "", "hosted");
  }
  add_form(&from, "", "any");
  set_forms(&to, recipient, "");
  if (!strcmp(recipient->domain, "hosted")) to.n--; /* a domain of that name is not meant by `to hosted` */
  add_form(&to, "", "any");
  do {
    if (find_device(t, &k, &from, &to, r) < 0) return -1;
  } while ((found = next_prefix(t, "grant device", client, &at, &k, &prefix)) > 0);
  return found < 0 ? -1 : r->line != 0;
}
