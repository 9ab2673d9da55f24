/* The sheet: what relay-smtpd tells the injector of a message's parameters of RFC 3461, since the qmail-queue protocol
 * has no place for them. A file without a name on the descriptor that $RELAYDSNFD gives, complete before the envelope's
 * first byte comes, empty when there is nothing to tell:
 *
 *   F<sender>\0<parameters>\0                  first, once
 *   T<recipient>\0<parameters>\0               for those who have any, in any order
 *   E<alias>\0<parameters>\0                   an alias whose targets are recipients in its place: its expansion is the
 *                                              success that was asked about
 *
 * Parameters are in the form of parse/dsn.h. Who stands between the two and changes the envelope changes nothing here:
 * what fits is taken. For another sender than F's nothing fits: that is another message. */
#ifndef QUEUE_SHEET_H
#define QUEUE_SHEET_H

#include <stddef.h>
#include "base/limits.h"
#include "parse/dsn.h"
#include "queue/store.h"

#define SHEET_VARIABLE "RELAYDSNFD"
#define SHEET_MOST 67108864 /* bytes */

struct sheet_line { char const *address, *parameters; };

struct sheet {
  char *text;                /* malloc'ed; null: there is none */
  size_t len;
  struct sheet_line *line;   /* the T's, sorted; malloc'ed */
  size_t n;
  struct sheet_line mail;
  unsigned fits : 1;         /* the sender is this one */
  size_t have;               /* bytes of an address of the envelope so far, with its letter */
  char address[LIMIT_ADDRESS + 2];
};

/* The descriptor that $RELAYDSNFD gives, 3 or more; -1: none. */
int sheet_descriptor(void);

/* Reads fd from its beginning. Returns 0, also when there is no sheet: fd is -1, no plain file, or what it holds is
 * nothing of the kind; -1 with errno when it can't be read, or without memory. t may be anything before, and is to be
 * freed afterwards. */
int sheet_read(struct sheet *t, int fd);
/* The same for bytes: s[0..len), malloc'ed, which becomes t's. Returns 0, -1 without memory. */
int sheet_take(struct sheet *t, char *s, size_t len);
void sheet_free(struct sheet *t);

/* The parameters of the sender, to be asked first, and of a recipient; "": none. */
char const *sheet_mail(struct sheet *t, char const *sender);
char const *sheet_rcpt(struct sheet const *t, char const *recipient);

/* Passes bytes of an envelope, in any pieces, to store_envelope, with the parameters behind each address. The bytes
 * must be such as envelope_feed gives back. Returns as store_envelope does. */
int sheet_envelope(struct sheet *t, struct store_writer *w, char const *s, size_t len);
/* Behind the last of them: writes the aliases, as recipients marked EXPANDED. */
int sheet_aliases(struct sheet const *t, struct store_writer *w);

#endif
