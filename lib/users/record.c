/* Records of users.cdb, written and read. */
#include <string.h>
#include "parse/number.h"
#include "table/seal.h"
#include "users/users.h"

#define FIELDS 4 /* of the record about the file, behind the secret */

static int field(stralloc *out, char const *s, size_t n)
{
  return stralloc_catb(out, s, n) && stralloc_0(out);
}

static int field_number(stralloc *out, uint64_t v)
{
  char text[NUMBER_TEXT];
  return field(out, text, number_fmt(text, v));
}

int users_pack(stralloc *out, char const *name, size_t len, int on, int relay, char const *hashes, size_t hashes_len,
               char const *from, size_t from_len)
{
  size_t at = out->len;
  if (!table_seal_reserve(out) || !stralloc_cats(out, on ? "on" : "off") || !stralloc_0(out) ||
      !stralloc_cats(out, relay ? "relay" : "norelay") || !stralloc_0(out) || !field(out, hashes, hashes_len) ||
      !stralloc_catb(out, from, from_len)) return 0;
  table_seal(out, at, TABLE_FORMAT_USERS, name, len);
  return 1;
}

int users_pack_about(stralloc *out, struct users_about const *a)
{
  size_t at = out->len, n = 0;
  char can[3];
  if (a->cram) can[n++] = 'c';
  if (a->scram) can[n++] = 's';
  if (a->external) can[n++] = 'e';
  if (!table_seal_reserve(out) || !stralloc_catb(out, a->secret, sizeof a->secret) || !field(out, can, n) ||
      !field(out, a->setting, strlen(a->setting)) || !field_number(out, a->iterations) ||
      !field_number(out, a->salt_len)) return 0;
  table_seal(out, at, TABLE_FORMAT_USERS, "", 0);
  return 1;
}

/* Takes the next field. Null: there is none. */
static char const *next(char const **s, char const *end)
{
  char const *f = *s;
  if (f == end) return 0;
  *s += strlen(f) + 1;
  return f;
}

static int flag(char const *s, char const *yes, char const *no)
{
  return !s ? -1 : !strcmp(s, yes) ? 1 : !strcmp(s, no) ? 0 : -1;
}

int users_find(struct table_set const *t, char const *name, size_t n, struct user *u)
{
  struct record r;
  size_t len = users_name(u->name, name, n), bytes;
  int found = len ? table_find(t, TABLE_USERS, u->name, len, &r) : 0;
  if (found <= 0) return found;
  char const *s = table_unseal(&r, TABLE_FORMAT_USERS, u->name, len, &bytes);
  if (!s) return -1;
  char const *end = s + bytes;
  int on = flag(next(&s, end), "on", "off"), relay = flag(next(&s, end), "relay", "norelay");
  char const *hashes = next(&s, end);
  if (on < 0 || relay < 0 || !hashes || users_keys_scan(&u->keys, hashes, strlen(hashes))) return -1;
  u->on = on > 0;
  u->relay = relay > 0;
  u->from = s;
  u->from_len = (size_t)(end - s);
  return 1;
}

int users_about(struct table_set const *t, struct users_about *a)
{
  struct record r;
  size_t bytes;
  uint64_t iterations, salt;
  char const *f[FIELDS], *s;
  if (table_find(t, TABLE_USERS, "", 0, &r) != 1 || !(s = table_unseal(&r, TABLE_FORMAT_USERS, "", 0, &bytes)) ||
      bytes < USERS_SECRET) return -1;
  char const *end = s + bytes;
  memcpy(a->secret, s, USERS_SECRET);
  s += USERS_SECRET;
  for (int i = 0; i < FIELDS; i++) if (!(f[i] = next(&s, end))) return -1;
  if (s != end || strlen(f[1]) >= sizeof a->setting ||
      number_scan(f[2], strlen(f[2]), USERS_ITERATIONS_MOST, &iterations) != NUMBER_OK || !iterations ||
      number_scan(f[3], strlen(f[3]), USERS_SALT, &salt) != NUMBER_OK || !salt) return -1;
  a->cram = strchr(f[0], 'c') != 0;
  a->scram = strchr(f[0], 's') != 0;
  a->external = strchr(f[0], 'e') != 0;
  strcpy(a->setting, f[1]);
  a->iterations = (uint32_t)iterations;
  a->salt_len = (uint32_t)salt;
  return 0;
}
