/* A message from its stored form (LF) to the wire's (CRLF). Pure.
 *
 * The wire never carries a bare CR, a bare LF or a NUL (RFC 5321 2.3.8, 4.1.1.4): a server that took one for a line
 * end would let one message become two. CR LF in the stored form counts as one line end (texts of foreign
 * injectors); any other CR, and NUL, is an error. */
#ifndef SMTP_CLIENT_WIRE_H
#define SMTP_CLIENT_WIRE_H

#include <stddef.h>

struct client_wire {
  unsigned dots : 1;    /* double a dot at a line's start (DATA; RFC 5321 4.5.2), not for BDAT */
  unsigned inside : 1;  /* the last byte taken was not a line's end */
  unsigned cr : 1;      /* a CR was taken and waits for its LF */
};

#define CLIENT_WIRE_START(with_dots) { .dots = (with_dots) }
#define CLIENT_WIRE_ROOM(n) (2 * (n) + 2) /* bytes that n bytes can grow to, with the end */

/* Converts all of in[0..n) to out, which has CLIENT_WIRE_ROOM(n) bytes. Returns 0 and sets *len, or -1 at a bare CR
 * or a NUL: then out is worth nothing. */
int client_wire_convert(struct client_wire *w, char const *in, size_t n, char *out, size_t *len);

/* Ends the message: a last line without its end gets one. out has 2 bytes. Returns 0 and sets *len, or -1 at a CR
 * that waits. */
int client_wire_end(struct client_wire *w, char *out, size_t *len);

/* Looks at a piece of the stored form and adds to what client_wire_size gives. Ignores what is an error:
 * client_wire_convert finds it. */
struct client_measure {
  unsigned long long bytes;   /* on the wire, without doubled dots: what SIZE and BDAT count (RFC 1870 3, RFC 3030 2) */
  unsigned eight : 1;         /* holds bytes from 0x80 on */
  unsigned bad : 1;           /* holds a NUL or a bare CR: it can't be sent */
  unsigned inside : 1;        /* as in client_wire */
  unsigned cr : 1;
};

void client_wire_measure(struct client_measure *m, char const *in, size_t n);
void client_wire_measure_end(struct client_measure *m);

#endif
