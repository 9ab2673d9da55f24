/* rules.cdb: one constant database (cdb) for all tables. A key is one letter for the table and the key within it; a
 * value says from which file and line it comes and then what it says. This room alone knows cdb. */
#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/stralloc.h>

#define TABLE_FORMAT "posthouse rules 3" /* the value of the empty key, without a line */
#define TABLE_FORMAT_USERS "posthouse users 1" /* the same in users.cdb */
#define TABLE_FORMAT_LOGINS "posthouse logins 1" /* and in logins.cdb */
#define TABLE_KEY 2048                   /* bytes of the longest key without the table's letter */

/* X(letter, file): the tables; the file is where its records come from */
#define TABLES(X) \
  X(TABLE_ME, 'm', "me")            /* "" -> our host name, canonical */ \
  X(TABLE_CLIENTS, 'c', "clients")  /* tcprules' key -> tcprules' data: `D\0` or nothing, then `+VAR=value\0` ... */ \
  X(TABLE_DOMAINS, 'd', "domains")  /* domain or .suffix, canonical -> its recipients' check: any, listed, asked */ \
  X(TABLE_RECIPIENTS, 'u', "recipients") /* a mailbox' key (policy/match.h) -> "" */ \
  X(TABLE_ALIASES, 'a', "aliases")  /* a mailbox' key -> the addresses it stands for, NUL behind each, no aliases */ \
  X(TABLE_RELAY, 'r', "relay")      /* "grant login", "deny to example.com", ... (policy/match.h) -> its arguments */ \
  X(TABLE_ROUTES, 'o', "routes")    /* domain, .suffix or "" -> "relay\0port\0", either may be empty,\
                                       then words (policy/route.h), NUL behind each */ \
  X(TABLE_LIMITS, 'l', "limits")    /* the limit's name -> decimal number */ \
  X(TABLE_SENDERS, 's', "users")    /* only for `grant pop ... bound`: who may relay, by its canonical name \
                                       (users/users.h) -> the senders it may use, NUL behind each; "": any */

/* X(letter, file): what is in users.cdb instead, a file of its own of the same build, since few may read it */
#define TABLES_OF_USERS(X) \
  X(TABLE_USERS, 'p', "users")      /* a name -> who that is (users/users.h); "": about the file, line 0 */

/* X(letter, file): what is in logins.cdb, likewise */
#define TABLES_OF_LOGINS(X) \
  X(TABLE_LOGINS, 'k', "logins")    /* a relay or a sender -> our login there (policy/logins.h) */

enum table {
#define X(name, letter, file) name = letter,
  TABLES(X)
  TABLES_OF_USERS(X)
  TABLES_OF_LOGINS(X)
#undef X
};

struct record {
  char const *file;  /* the control file's name, static */
  uint32_t line;     /* its line, from 1 */
  char const *data;  /* what it says; points into the table, not NUL-terminated, any byte */
  uint32_t len;      /* bytes of data */
};

struct table_set;    /* an open rules.cdb */

/* Opens and verifies: format, every hash table within the file, the last one ending where the file does. Records are
 * verified when they are looked up, so that opening costs the same for every size. The file is mapped: a rename does
 * not disturb who has it open, but writing into it would: table/damage.h. A descriptor of it stays open, closed by
 * exec. Returns it, or 0 with errno (ENOENT, EPROTO for a file
 * that is no rules.cdb, ...). */
struct table_set *table_open(char const *path);
struct table_set *table_open_fd(int fd);   /* fd stays the caller's */
struct table_set *table_open_users(char const *path); /* users.cdb; EPROTO for a rules.cdb too */
struct table_set *table_open_logins(char const *path); /* logins.cdb, likewise */
void table_close(struct table_set *t);

/* The file that is meant by a path on a command line: itself, or rules.cdb in it where it is a directory; with a NUL.
 * Returns 1, or 0 without memory. */
int table_path(stralloc *out, char const *path);

/* Looks key[0..len) up in a table. Returns 1 and the first record, 0 when there is none, -1 when the file is corrupt:
 * the caller must then fail temporarily, never decide. The key may hold any byte; one longer than TABLE_KEY is never
 * there. */
int table_find(struct table_set const *t, enum table which, char const *key, size_t len, struct record *r);

/* The same for many look-ups on end, without a system call for each miss. Behind the end of a file that was cut in
 * place the map reads as zeros up to the end of the page, as if nothing stood there (pages behind are SIGBUS:
 * table/damage.h): so before a 0 is believed, table_whole must say afterwards that the file has its size (1), not that
 * it was cut (0). */
int table_look(struct table_set const *t, enum table which, char const *key, size_t len, struct record *r);
int table_whole(struct table_set const *t);

/* Goes through all records, in the file's order: *pos starts at 0. Returns 1, 0 at the end, -1 when corrupt. *key
 * points into the table. */
int table_next(struct table_set const *t, uint32_t *pos, enum table *which, char const **key, size_t *keylen,
  struct record *r);

/* Building. Start writes to fd (empty, seekable); each returns 0, or -1 with errno (ENAMETOOLONG: the key is longer
 * than TABLE_KEY, which spoils nothing; after any other error all fails). Of equal keys the first added is found.
 * After finish the fd's data is complete but not yet synced. */
struct table_builder;
struct table_builder *table_build(int fd);
struct table_builder *table_build_users(int fd); /* users.cdb */
struct table_builder *table_build_logins(int fd); /* logins.cdb */
int table_add(struct table_builder *b, enum table which, char const *key, size_t keylen, uint32_t line,
  char const *data, size_t len);
int table_finish(struct table_builder *b);   /* frees b in any case */
void table_abandon(struct table_builder *b);

#endif
