/* Messages on descriptor 3 of a checker that is asked by SCRAM (checker/checker.h): each behind its length, 4 bytes,
 * big-endian. Both ends. Nothing is copied: it may be a secret. */
#ifndef CHECKER_FRAME_H
#define CHECKER_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHECKER_MESSAGE 2048       /* bytes of a message of SCRAM */

/* Reads one. Returns its bytes, or -1: the end, the deadline (base/io.h), an error, or it is longer than a message may
 * be. */
ssize_t frame_read(int fd, char s[CHECKER_MESSAGE], int64_t deadline);

/* Writes one. Returns 0, or -1. */
int frame_write(int fd, char const *s, size_t n, int64_t deadline);

#endif
