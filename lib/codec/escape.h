/* C escapes for bytes that go into a log line. */
#ifndef CODEC_ESCAPE_H
#define CODEC_ESCAPE_H

#include <stddef.h>

#define CODEC_ESCAPED(n) (4 * (n)) /* bytes that n bytes can grow to */

/* Writes in[0..len) to out as printable ASCII without space, `"`, `\` and `=`; everything else as \n, \xHH and
 * the like. The input may hold any byte. Returns the bytes written, at most CODEC_ESCAPED(len). */
size_t codec_escape(char *out, char const *in, size_t len);

#endif
