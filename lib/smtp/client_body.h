/* The message that a client sends, LF line ends: a file, read with pread as often as needed, or a pipe, read once. */
#ifndef SMTP_CLIENT_BODY_H
#define SMTP_CLIENT_BODY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "smtp/client_wire.h"

#define CLIENT_BLOCK 65536       /* bytes read at once; a message of at most as many is held whole */
#define CLIENT_INPUT_TIME 300    /* seconds until a pipe must give something */

struct client_body {
  int fd;
  off_t base;                    /* the message's start in the file */
  uint64_t len;                  /* bytes of it in the file; not for a pipe */
  uint64_t at;                   /* bytes of it already given */
  struct client_measure measure; /* if measured: what the wire will see */
  unsigned file : 1;             /* pread works */
  unsigned whole : 1;            /* all of it is in buf */
  unsigned measured : 1;         /* all of it was looked at: whole, or a file */
  unsigned kept : 1;             /* buf holds the message's first `have` bytes */
  size_t have;                   /* bytes in buf */
  char buf[CLIENT_BLOCK];
};

/* Makes ready, and looks the message through if that is possible before sending. len: bytes from the file's start,
 * or -1: all from fd's position to its end (which may be a pipe's). The file's position is never moved. Returns 0,
 * or -1 with errno (EPROTO: the file is shorter than len). fd stays the caller's. */
int client_body_open(struct client_body *b, int fd, int64_t len);

/* The next piece: *s is set into the buffer. Returns its bytes, 0 at the end, -1 with errno. */
ssize_t client_body_next(struct client_body *b, char const **s);

/* Back to the start. Returns 0, or -1 when that can't be: a pipe of which more was read than the buffer holds. */
int client_body_rewind(struct client_body *b);

#endif
