/* AUTH's dialogue: challenges and answers in base64, a line each. */
#include <string.h>
#include "codec/base64.h"
#include "smtp/client_auth.h"

#define COMMAND 510 /* bytes of a command without its CRLF (RFC 4954 4: AUTH is one like others) */

/* What the server's line says behind its code. */
struct challenge {
  char text[LIMIT_REPLY_LINE];
  size_t len;
};

static void on_line(void *arg, unsigned number, char const *s, size_t n)
{
  struct challenge *ch = arg;
  if (number > 1 || n > sizeof ch->text) return;
  memcpy(ch->text, s, n);
  ch->len = n;
}

/* Sends what was put and reads the reply. Returns its code, or -1. */
static int say(struct client *c, struct challenge *ch)
{
  size_t put = c->out_len;
  ch->len = 0;
  client_puts(c, "\r\n");
  int sent = client_flush(c, CLIENT_TIME_COMMAND);
  explicit_bzero(c->out, put);
  if (sent == 0) return client_read_lines(c, CLIENT_TIME_COMMAND, on_line, ch);
  c->out_at = c->out_len = 0;
  return client_last_words(c);
}

/* Puts a mechanism's message. */
static void put(struct client *c, char const *s, size_t n)
{
  char line[CODEC_BASE64(CLIENT_SASL)];
  size_t len = codec_base64(line, s, n);
  client_put(c, line, len);
  explicit_bzero(line, sizeof line);
}

/* RFC 4954 4: `*` cancels. */
static enum client_authed cancel(struct client *c, struct challenge *ch)
{
  client_puts(c, "*");
  return say(c, ch) < 0 ? CLIENT_AUTH_BROKEN : CLIENT_AUTH_WRONG;
}

/* The mechanism's answer to a challenge. Returns its bytes, or -1. */
static int answer(struct client_sasl const *m, void *arg, struct challenge const *ch, char out[CLIENT_SASL])
{
  char in[LIMIT_REPLY_LINE];
  size_t n = 0;
  if (!m->deaf && ch->len && !codec_unbase64(in, &n, ch->text, ch->len)) return -1;
  return m->answer(arg, in, n, out);
}

static enum client_authed talk(struct client *c, struct client_sasl const *m, void *arg, char out[CLIENT_SASL])
{
  struct challenge ch;
  int n = m->answer(arg, 0, 0, out);
  int held = n >= 0; /* what the mechanism says first still waits for a challenge, which is empty then */
  client_puts(c, "AUTH ");
  client_puts(c, m->word);
  if (n >= 0 && c->out_len + 1 + CODEC_BASE64((size_t)n) <= COMMAND) {
    client_puts(c, n ? " " : " ="); /* RFC 4954 4: an empty one is `=` */
    put(c, out, (size_t)n);
    held = 0;
  }
  for (int rounds = 0; ; rounds++) {
    int code = say(c, &ch);
    if (code < 0) return CLIENT_AUTH_BROKEN;
    if (code / 100 == 2) return !m->proved || m->proved(arg) ? CLIENT_AUTHED : CLIENT_AUTH_WRONG;
    if (code != 334) return CLIENT_AUTH_REFUSED;
    if (rounds == CLIENT_SASL_ROUNDS || c->reply.lines > 1) return cancel(c, &ch);
    if (!held) n = answer(m, arg, &ch, out);
    held = 0;
    if (n < 0) return cancel(c, &ch);
    put(c, out, (size_t)n);
  }
}

enum client_authed client_auth(struct client *c, struct client_sasl const *m, void *arg)
{
  char out[CLIENT_SASL];
  enum client_authed r = talk(c, m, arg, out);
  explicit_bzero(out, sizeof out);
  return r;
}
