/* C escapes for bytes that go into a log line. */
#ifndef CODEC_ESCAPE_H
#define CODEC_ESCAPE_H

#include <stddef.h>

#define CODEC_ESCAPED(n) (4 * (n)) /* bytes that n bytes can grow to */

/* Writes in[0..len) to out as printable ASCII without space, `"`, `\` and `=`; everything else as \n, \xHH and
 * the like. The input may hold any byte. Returns the bytes written, at most CODEC_ESCAPED(len). */
size_t codec_escape(char *out, char const *in, size_t len);

/* The way back: writes the bytes that in[0..len) stands for to out, at most len of them, no NUL behind. Returns 1 with
 * their number in *n, or 0 when it is nothing that codec_escape writes: a byte that needs an escape and has none, an
 * escape that is unknown or cut. */
int codec_unescape(char *out, size_t *n, char const *in, size_t len);

#endif
