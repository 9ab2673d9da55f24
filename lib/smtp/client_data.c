/* A client's transaction: the text. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "smtp/client_transaction.h"

#define CHUNK_HEAD 40 /* bytes kept free before a chunk for its BDAT line */

void transaction_verdict(struct transaction *t, int code)
{
  char text[sizeof t->why + 80];
  if (code == 421) transaction_said(t);
  else if (code < 0 && !t->lost) transaction_lost(t);
  if (t->lost) {
    snprintf(text, sizeof text, " %s%s", t->why,
      t->given && !t->said ? " after the whole message was sent; it may arrive twice" : "");
    client_report_add(t->report, 'Z', t->c->name, text, 0);
    return;
  }
  char kind = code / 100 == 2 ? 'K' : client_for_good(t->c, code) ? 'D' : 'Z';
  client_report_add(t->report, kind, t->c->name, " said: ", t->c->reply.text);
}

/* The message turned out to hold what must not be sent, or can't be read: the connection is closed before the server
 * takes what it has for a whole message. */
static void abort_text(struct transaction *t, int bad)
{
  char const *why = strerror(errno);
  client_close(t->c);
  if (bad) client_report_add(t->report, 'D', CLIENT_BAD_TEXT, 0, 0);
  else client_report_add(t->report, 'Z', "the message can't be read: ", why, " (#4.3.0)");
}

static char *out_end(struct client *c)
{
  return c->out + c->out_len;
}

void transaction_put_small(struct transaction *t)
{
  struct client *c = t->c;
  struct client_body const *b = t->m->body;
  struct client_wire w = CLIENT_WIRE_START(0);
  char line[CHUNK_HEAD];
  size_t len;
  /* an envelope of many recipients may have filled the buffer; should the write fail, the next one fails as well */
  if (client_room(c) < b->measure.bytes + CHUNK_HEAD) client_flush(c, CLIENT_TIME_COMMAND);
  if (client_room(c) < CLIENT_WIRE_ROOM(b->have) + CHUNK_HEAD) return;
  client_unwanted(c);
  snprintf(line, sizeof line, "BDAT %llu LAST\r\n", b->measure.bytes);
  t->given = 1;
  client_puts(c, line);
  client_wire_convert(&w, b->buf, b->have, out_end(c), &len); /* neither fails: it was measured, and is not bad */
  c->out_len += len;
  client_wire_end(&w, out_end(c), &len);
  c->out_len += len;
}

/* Reads the verdict; when the text could not be sent (sent < 0), the words with which the server hung up. */
static void finish(struct transaction *t, int sent)
{
  if (!sent && t->c->lmtp) {
    transaction_each(t);
    return;
  }
  if (!sent) {
    transaction_verdict(t, client_read(t->c, CLIENT_TIME_DOT));
    return;
  }
  int code = t->c->trouble == CLIENT_LOST ? client_last_words(t->c) : -1;
  if (code >= 400) {
    transaction_verdict(t, code);
    t->lost = 1;
  }
  else transaction_verdict(t, -1);
}

void transaction_data(struct transaction *t)
{
  struct client *c = t->c;
  struct client_wire w = CLIENT_WIRE_START(1);
  char const *piece;
  ssize_t n;
  size_t len;
  int sent = 0;
  while ((n = client_body_next(t->m->body, &piece)) > 0) {
    if (client_room(c) < CLIENT_WIRE_ROOM((size_t)n) + 8) sent = client_flush(c, CLIENT_TIME_BLOCK);
    if (sent < 0) return finish(t, sent);
    if (client_wire_convert(&w, piece, (size_t)n, out_end(c), &len) < 0) return abort_text(t, 1);
    c->out_len += len;
  }
  if (n < 0) return abort_text(t, 0);
  if (client_wire_end(&w, out_end(c), &len) < 0) return abort_text(t, 1);
  c->out_len += len;
  client_puts(c, ".\r\n");
  t->given = 1;
  client_unwanted(c);
  finish(t, client_flush(c, CLIENT_TIME_BLOCK));
}

/* Fills c->out behind CHUNK_HEAD with the next chunk. Returns 1, 0 for the last one, -1: can't be read, -2: must not
 * be sent. */
static int fill_chunk(struct transaction *t, struct client_wire *w)
{
  struct client *c = t->c;
  char const *piece;
  size_t len;
  c->out_len = CHUNK_HEAD;
  while (client_room(c) >= CLIENT_WIRE_ROOM((size_t)CLIENT_BLOCK)) {
    ssize_t n = client_body_next(t->m->body, &piece);
    if (n < 0) return -1;
    int r = n ? client_wire_convert(w, piece, (size_t)n, out_end(c), &len) : client_wire_end(w, out_end(c), &len);
    if (r < 0) return -2;
    c->out_len += len;
    if (!n) return 0;
  }
  return 1;
}

/* Writes BDAT's line right before the chunk and sends both. */
static int send_chunk(struct client *c, int last)
{
  char line[CHUNK_HEAD];
  int n = snprintf(line, sizeof line, "BDAT %zu%s\r\n", c->out_len - CHUNK_HEAD, last ? " LAST" : "");
  c->out_at = (size_t)(CHUNK_HEAD - n);
  memcpy(c->out + c->out_at, line, (size_t)n);
  return client_flush(c, CLIENT_TIME_BLOCK);
}

/* A chunk was refused: the replies to those behind it say nothing new, but must be read. The refusal stays in
 * c->reply. */
static void refused_chunk(struct transaction *t, unsigned outstanding)
{
  struct client *c = t->c;
  int code = c->reply.code;
  transaction_verdict(t, code / 100 == 5 ? code : 451);
  while (outstanding-- && !t->lost) if (client_read(c, CLIENT_TIME_DATA) < 0) transaction_lost(t);
  c->dirty = 1;
}

void transaction_chunks(struct transaction *t)
{
  struct client *c = t->c;
  struct client_wire w = CLIENT_WIRE_START(0);
  unsigned window = c->offers & CLIENT_PIPELINING ? CLIENT_CHUNKS : 1, outstanding = 0;
  for (int more = 1; more;) {
    more = fill_chunk(t, &w);
    if (more < 0) return abort_text(t, more == -2);
    t->given = !more;
    if (!more) client_unwanted(c);
    if (send_chunk(c, !more) < 0) return finish(t, -1);
    outstanding++;
    while (more ? outstanding >= window : outstanding > 1) {
      int code = client_read(c, CLIENT_TIME_DATA);
      outstanding--;
      if (code < 0 || code == 421) return transaction_verdict(t, code);
      if (code / 100 != 2) return refused_chunk(t, outstanding);
    }
  }
  finish(t, 0);
}
