/* Base64 (RFC 4648 4), strict: for SASL's dialogue (RFC 4954 4). */
#ifndef CODEC_BASE64_H
#define CODEC_BASE64_H

#include <stddef.h>

#define CODEC_BASE64(n) (((n) + 2) / 3 * 4) /* bytes that n bytes become */

/* Writes in[0..len), any bytes, as base64 with its padding; no line ends, no NUL behind. Returns CODEC_BASE64(len). */
size_t codec_base64(char *out, char const *in, size_t len);

/* The way back: writes at most len / 4 * 3 bytes to out, no NUL behind; any byte may come of it. Returns 1 with their
 * number in *n, or 0 when in[0..len) is not base64 as codec_base64 writes it: another character, a wrong length, no
 * padding or too much, bits behind the last byte that are not 0. out may be `in`. Nothing of it is kept elsewhere. */
int codec_unbase64(char *out, size_t *n, char const *in, size_t len);

#endif
