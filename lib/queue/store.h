/* The queue's files. A message is one file, mess/XX/ID, mode 0600, written from front to back:
 *
 *   body        as injected, LF line ends, no NUL
 *   envelope    F<sender>\0, then for each recipient T<recipient>\0; the T becomes another letter, in place (enum
 *               store_letter), a D when that one is done. Behind each of them, and behind the sender, may stand
 *               P<parameters>\0: those of RFC 3461 (parse/dsn.h)
 *   trailer     one line, fixed length: format, body bytes, envelope bytes, arrival, flags, digest
 *
 * The format is 2 when there is a P, else 1, so that only what needs it can't be read by who knows 1 alone. The letters
 * are the same in both: a file of 1 may be older than the S and the W, and gets them all the same.
 *
 * The digest (BLAKE2s over all before it, with every D, S and W read as T) says that the file is whole: one without a
 * right trailer is being written, was never finished, or is damaged, and is never delivered. ID is 22 hex digits:
 * microseconds since 1970 (14), process (6), XX (2; 00 to 3f, the subdirectory). Names do not depend on inodes.
 *
 * Who sends a message chooses its body, so a body may hold what looks like an envelope and a trailer. A half-written
 * file never ends in one: an envelope ends with a NUL, a body has none (store_body refuses it), and a trailer begins
 * with none of its letters. Whoever writes a file holds a lock on it (flock) until it is committed, and who opens it
 * asks for a shared one: so nothing is read, and nothing swept away, that an injector still works on. */
#ifndef QUEUE_STORE_H
#define QUEUE_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STORE_SPLIT 64      /* subdirectories of mess */
#define STORE_ID 22         /* bytes of an ID */
#define STORE_PATH 64       /* bytes of "mess/XX/ID" with its NUL, with room */
#define STORE_FLAG_8BIT 1U  /* the message holds bytes from 0x80 on */
#define STORE_FLAG_UTF8 2U  /* SMTPUTF8 was declared (RFC 6531) */
#define STORE_STALE 129600  /* seconds after which an unfinished file is rubbish (an injector lives at most 86400) */
#define STORE_TRAILER 159   /* bytes of the trailer with its LF */
#define STORE_ENVELOPE 67108864 /* bytes of the largest envelope: relay-send holds one in memory */

/* Makes an ID for now. Two calls in one process never give the same. */
void store_id(char out[STORE_ID + 1]);
int store_id_valid(char const *id, size_t len);
void store_path(char out[STORE_PATH], char const *id);

/* Writing, within the queue directory (the working directory). */
struct store_writer;
struct store_writer *store_create(char const *id);        /* null with errno; EEXIST: take another ID */
char const *store_writer_id(struct store_writer const *w);
/* The body, then the envelope in the file's own form, both in pieces of any size. Return 0, or -1 with errno; EILSEQ: a
 * NUL in the body is refused; EFBIG: the envelope is longer than STORE_ENVELOPE. */
int store_body(struct store_writer *w, char const *s, size_t len);
int store_envelope(struct store_writer *w, char const *s, size_t len);
/* Trailer, fsync of file and directory: now it lasts, but nobody looks at it before store_release. Returns 0; or -1
 * with errno: the file is worthless and gone, and w freed. */
int store_commit(struct store_writer *w, unsigned flags);
/* Gives the committed file up to its readers. Frees w. */
void store_release(struct store_writer *w);
/* Removes the file, which was not released. Frees w. */
void store_abandon(struct store_writer *w);

/* Reading. */
struct store_message {
  int fd;               /* the open file, read only: it is handed to others; -1: none */
  int mark_fd;          /* the same for writing, from the first mark until they are synced; -1: not open */
  char id[STORE_ID + 1];
  uint64_t body;        /* bytes of the body, at offset 0 */
  int64_t arrival;      /* seconds since 1970 */
  unsigned flags;       /* STORE_FLAG_... */
  char *envelope;       /* malloc'ed, as in the file */
  size_t envelope_len;
};

enum store_state {
  STORE_WHOLE,
  STORE_UNFINISHED, /* no trailer at its end */
  STORE_GONE,       /* ENOENT */
  STORE_ERROR,      /* errno */
  STORE_DAMAGED,    /* a trailer, but its lengths, the envelope or (verify) the digest don't agree; or no plain file */
  STORE_BUSY,       /* its injector still holds it */
};

/* Opens mess/XX/ID. verify: read it all and compare the digest (for files found by a scan; one that the trigger
 * named was synced before). */
enum store_state store_open(struct store_message *m, char const *id, int verify);
void store_close(struct store_message *m);

/* What is known about a recipient. */
enum store_letter {
  STORE_TODO = 'T',
  STORE_WARNED = 'W', /* to do, and the sender knows that it takes long */
  STORE_OWED = 'S',   /* delivered, or handed on; the sender is still to hear of it */
  STORE_DONE = 'D',
};

char const *store_sender(struct store_message const *m);
/* The parameters of the recipient at `at` (store_recipient), or of the sender (0): "" when there are none. Printable
 * ASCII is not promised: whoever could write the queue's files could write anything. */
char const *store_params(struct store_message const *m, size_t at);
/* Goes through the recipients: *pos starts at 0. Returns the address or null; *done tells a D; *at is what
 * store_mark takes; the address is then m->envelope + *at + 1, its letter m->envelope[*at]. */
char const *store_recipient(struct store_message const *m, size_t *pos, int *done, size_t *at);
/* Notes the letter in memory, whatever happens, and writes it. Returns 0, or -1 with errno. */
int store_note(struct store_message *m, size_t at, enum store_letter letter);
/* The same with a D. */
int store_mark(struct store_message *m, size_t at);
/* Makes what was written last. Returns 0, or -1 with errno. Between two syncs a message holds a second descriptor. */
int store_sync(struct store_message *m);
/* After a failure of either: writes every letter but T of the memory again, and syncs. Returns 0, or -1 with errno. */
int store_settle(struct store_message *m);
int store_remove(char const *id);                         /* 0, or -1 */

/* What to do with a file that has no trailer: 1, it was rubbish (unlocked, untouched since `now` - STORE_STALE, its
 * body never finished) and has been removed; 0, leave it alone; -1 with errno. EBADMSG: it is old, but an envelope
 * was begun, so it may be a message that lost its end. */
int store_sweep(char const *id, int64_t now);

#endif
