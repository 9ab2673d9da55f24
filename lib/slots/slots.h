/* A small memory that many processes share: one file of a fixed size with a slot for each key. It never grows, nobody
 * sweeps it, and who brings a million keys only overwrites what others had there. A slot that was written in part, or
 * by two at once, fails its check and reads as empty.
 *
 * A file of SLOTS slots of 64 bytes; the slot is named by the SHA-256 of format and key:
 *
 *   0   24 bytes of that digest
 *   24  SLOTS_DATA bytes, the caller's
 *   48  16 bytes of the SHA-256 of format and what stands before */
#ifndef SLOTS_SLOTS_H
#define SLOTS_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#define SLOTS 65536
#define SLOTS_SLOT 64
#define SLOTS_DATA 24
#define SLOTS_BYTES ((int64_t)SLOTS_SLOT * SLOTS)

struct slots {
  int fd;               /* -1: there is none */
  char const *format;   /* what the file is for; another format finds nothing in it */
};

/* Opens the file, or makes it, mode 0600, if its directory lets us. It must be a regular file of ours that nobody else
 * may write to, empty or of the right size; links are not followed. `format` must outlive s. Returns null, or in words
 * why there is none (static, until the next call); everything else works all the same then. */
char const *slots_open(struct slots *s, char const *path, char const *format);
void slots_close(struct slots *s);

/* The same without a name, for a process and those that inherit it: returns a descriptor to put into s->fd, which
 * closes on exec; -1 with errno. slots_inherited finds one again by its number in text (null: none); -1: there is none.
 * slots_forget empties it; -1 is harmless. */
int slots_memory(void);
int slots_inherited(char const *number);
void slots_forget(int fd);

/* What was put last under the key (any bytes), unless its slot has gone to another one. Returns 1, or 0. */
int slots_get(struct slots const *s, char const *key, size_t len, char data[SLOTS_DATA]);

/* Keeps data in place of whatever the slot held. Errors are ignored. */
void slots_put(struct slots const *s, char const *key, size_t len, char const data[SLOTS_DATA]);

/* The same for data that depend on what was there: `change` gets these (zeros: nothing was) with `arg`, and what it
 * makes of them is kept, if it returns 1. Other processes that change the slot wait meanwhile. Returns what change
 * did; 0 without a file. */
int slots_change(struct slots const *s, char const *key, size_t len, int (*change)(void *arg, char data[SLOTS_DATA]),
                 void *arg);

#endif
