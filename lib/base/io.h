/* Timed input and output, and writes that last. All descriptors may be blocking: readiness is asked first. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Milliseconds of the monotonic clock. */
int64_t io_now(void);

/* Reads at most len bytes once fd is readable, before `deadline` (io_now's clock).
 * Returns the bytes, 0 at the end, -1 with errno (ETIMEDOUT when the deadline passed). */
ssize_t io_read(int fd, char *buf, size_t len, int64_t deadline);

/* Writes all. Returns 0, or -1 with errno (ETIMEDOUT, EPIPE, ...). fd should be non-blocking where a peer can
 * stop reading half-way through a large write. */
int io_write(int fd, char const *buf, size_t len, int64_t deadline);

/* Writes all of buf to a file, however often the kernel writes short. Returns 0, or -1 with errno. */
int io_write_file(int fd, char const *buf, size_t len);

/* Makes a directory's entries last. Returns 0, or -1 with errno. */
int io_sync_dir(char const *dir);

/* Reads a whole file of at most `max` bytes into malloc'ed memory that the caller frees; a NUL is put behind
 * it. Returns 0, or -1 with errno (EFBIG when it is larger). */
int io_slurp(char const *path, size_t max, char **data, size_t *len);

#endif
