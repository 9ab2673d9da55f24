/* What the parts of this room share. */
#ifndef EXPLAIN_PARTS_H
#define EXPLAIN_PARTS_H

#include "explain/explain.h"
#include "policy/pop.h"

/* A piece of a key. */
struct piece {
  char const *s;
  size_t n;
};
int piece_is(struct piece p, char const *s);

/* An address, with its key at hand. */
struct target {
  struct address const *a;  /* null, or null sender: fits nothing */
  char key[ADDRESS_KEY];
  size_t len;
};
void target_set(struct target *x, struct address const *a);

/* Does a key of policy/match.h fit it? to: an address, a domain, a .suffix; from: the same with @ before domains;
 * domain:
 * a key of `domains`. */
int fits_to(struct piece key, struct target const *x);
int fits_from(struct piece key, struct target const *x);
int fits_domain(struct piece key, struct target const *x);
/* A key of recipients or aliases: 0, or how near it stands; the nearest is 1. */
unsigned fits_mailbox(struct piece key, struct target const *x);
/* A prefix as gate_cidr_key writes it. */
int fits_ip(struct piece bits, struct ip const *ip);

/* The statements of `relay`. X(name, words before the argument) */
#define STATEMENTS(X) \
  X(SAYS_LOGIN, "grant login") \
  X(SAYS_CLIENTS, "grant clients") \
  X(SAYS_POP, "grant pop") \
  X(SAYS_ANYONE, "grant anyone") \
  X(SAYS_TO, "grant to ") \
  X(SAYS_SENDER, "grant sender ") \
  X(SAYS_DEVICE, "grant device ") \
  X(SAYS_TO_HOST, "grant to-host ") \
  X(SAYS_DENY, "deny to ") \
  X(SAYS_LOCAL, "local ") \
  X(SAYS_REQUIRE_LOGIN, "require login") \
  X(SAYS_REQUIRE_TLS, "require tls") \
  X(SAYS_REQUIRE_SENDER, "require sender hosted")

enum says {
#define X(name, words) name,
  STATEMENTS(X)
#undef X
  SAYS_NOTHING,
};

/* Which statement a key of `relay` is; *arg is what follows. */
enum says statement(struct piece key, struct piece *arg);
/* `BITS FROM TO` of a device. Returns 0 when there are fewer. */
int device_parts(struct piece arg, struct piece parts[3]);

/* Keeps a string in x->text, the bytes s[0..n), a NUL behind; the format is printf's, of 500 bytes at most. Return
 * where
 * it stands; without memory x->broken is set. */
size_t keep_bytes(struct explanation *x, char const *s, size_t n);
size_t keep(struct explanation *x, char const *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for the line of a record. */
size_t keep_rule(struct explanation *x, enum table which, struct piece key, struct record const *r);

/* Fills lines and others. */
void survey(struct explanation *x, struct question const *q, struct table_set const *t);

/* Is it this user's name, in canonical form? */
int piece_is_user(struct piece key, char const *user);
/* A user whose POP stamp would count for the sender, as far as that binds it. Returns the name's length, 0 when there
 * is none (out is `somebody` then). */
size_t stamp_user(struct table_set const *t, struct address const *sender, char out[STAMP_NAME]);
/* The listener, or one on which POP stamps count, if they don't there. */
char const *stamp_listener(struct table_set const *t, char const *listener);
/* A sender that the user of a stamp may use, where he is bound to some. Returns 1, or 0. */
int stamp_sender(struct table_set const *t, char const *user, struct address *a);

/* Appends the line of a grant as it would be with other listeners, and bound or not. Returns 1, or 0 without memory. */
enum stamp_listeners { STAMP_LISTENERS, STAMP_HERE_TOO /* and `listener` */, STAMP_EVERYWHERE };
int stamp_line(stralloc *out, struct pop_grant const *g, enum stamp_listeners which, char const *listener, int bound);

/* Fills advice. */
void advise(struct explanation *x, struct question const *q, struct table_set const *t);

/* Which decision the explanation is about is decided step by step; this says at which the outcome stands. Each comes
 * after all before. */
enum step { STEP_GATE, STEP_SYNTAX, STEP_SUBMISSION, STEP_BOUND, STEP_ONWARD, STEP_DENIED, STEP_HOSTED, STEP_REQUIRED,
  STEP_GRANTS, STEP_TO_HOST, STEP_END };
enum step outcome_step(struct outcome const *o);

/* Fills changes. q comes back as it was. */
void find_changes(struct explanation *x, struct question *q, struct table_set const *t,
                  struct neighbours const *around);

/* A table of only those lines that have to do with a question, and the texts that make it; so that an edit of them can
 * be
 * tried without the others. */
struct bench_line {
  enum table which;
  uint32_t line;
  size_t key, key_len;
  size_t text;              /* as the key in the explanation's text */
  unsigned range : 1;       /* the line has other keys, too */
};
struct bench {
  struct explanation *x;
  struct question *q;
  struct table_set const *t;
  genalloc lines;           /* struct bench_line, by file and line */
  size_t all;               /* lines of the rules */
  unsigned whole : 1;       /* all of them are here */
  unsigned targeted : 1;    /* an alias stands for the recipient */
  unsigned domain_targeted : 1; /* or for somebody in its domain */
};
/* Gathers the lines. q must have been decided by t. */
void bench_start(struct bench *b, struct explanation *x, struct question *q, struct table_set const *t);
void bench_end(struct bench *b);
/* Decides q by the lines with n edits. Returns 1, or 0 when the edits make no rules that compile without an error. The
 * decision's record is of no use, nor is what q holds of the rules. */
int bench_try(struct bench *b, struct edit const *const *edits, unsigned n, struct outcome *o);
/* All lines are looked at from now on, and edits are none by which strangers relay (prove/prove.h): for the last look
 * at
 * what is to be shown. `clients`: only all of that file's, and without the proof. */
void bench_whole(struct bench *b, int clients);

/* Gathers single lines that may turn the verdict. */
void pool_fill(genalloc *pool, struct bench *b, struct neighbours const *around);

#endif
