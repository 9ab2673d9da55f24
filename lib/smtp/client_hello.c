/* How a client's session begins: greeting, offers, STARTTLS. */
#include <string.h>
#include <strings.h>
#include "policy/logins.h"
#include "smtp/client_hello.h"

/* Greeting and EHLO's answer, line by line. */
struct offer {
  struct client *c;
  char const *me;    /* null: don't look for ourselves */
  unsigned keywords : 1; /* this is EHLO's answer */
  unsigned self : 1;
  unsigned greeted : 1;  /* the first line came */
};

/* Is s[0..n) the keyword, alone or with parameters behind it? Keywords are case-insensitive (RFC 5321 4.1.1.1). */
static int keyword(char const *s, size_t n, char const *word)
{
  size_t len = strlen(word);
  return n >= len && !strncasecmp(s, word, len) && (n == len || s[len] == ' ');
}

/* SIZE [digits]; 0 or none: no limit known (RFC 1870 4). A number that is too large for us is no limit either. */
static uint64_t size_of(char const *s, size_t n)
{
  uint64_t size = 0;
  for (size_t i = 5; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
    if (size > UINT64_MAX / 10 - 10) return 0;
    size = 10 * size + (uint64_t)(s[i] - '0');
  }
  return size;
}

/* The name stands behind the code of the greeting's first line (RFC 5321 4.2). */
static void note_greeting(struct offer *o, char const *s, size_t n)
{
  char const *end = memchr(s, ' ', n);
  if (!domain_canon(o->c->greeting, s, end ? (size_t)(end - s) : n)) o->c->greeting[0] = 0;
  o->greeted = 1;
}

/* AUTH's mechanisms, s[0..n), and whatever blanks between them. */
static void note_mechanisms(struct client *c, char const *s, size_t n)
{
  c->offers |= CLIENT_AUTH;
  for (size_t i = 0, len; i < n; i += len + 1) {
    for (len = 0; i + len < n && s[i + len] != ' ';) len++;
    for (int m = LOGIN_ANY + 1; m < LOGIN_MECHANISM_COUNT; m++) {
      char const *word = login_mechanism_word((enum login_mechanism)m);
      if (len == strlen(word) && !strncasecmp(s + i, word, len)) c->mechanisms |= 1U << m;
    }
  }
}

static void on_line(void *arg, unsigned number, char const *s, size_t n)
{
  static struct { char const *word; enum client_extension bit; } const known[] = {
    { "PIPELINING", CLIENT_PIPELINING }, { "CHUNKING", CLIENT_CHUNKING }, { "SIZE", CLIENT_SIZE },
    { "8BITMIME", CLIENT_8BITMIME }, { "SMTPUTF8", CLIENT_SMTPUTF8 }, { "STARTTLS", CLIENT_STARTTLS },
    { "DSN", CLIENT_DSN },
  };
  struct offer *o = arg;
  if (number == 1) { /* the server's name comes first, in the greeting and in EHLO's answer */
    size_t len = o->me ? strlen(o->me) : 0;
    if (len && n >= len && !strncasecmp(s, o->me, len) && (n == len || s[len] == ' ')) o->self = 1;
    if (!o->greeted) note_greeting(o, s, n);
    return;
  }
  if (!o->keywords) return;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (!keyword(s, n, known[i].word)) continue;
    o->c->offers |= known[i].bit;
    if (known[i].bit == CLIENT_SIZE) o->c->size = size_of(s, n);
  }
  /* `AUTH=` is what servers said before RFC 2554, and some say both */
  if (n >= 4 && !strncasecmp(s, "AUTH", 4) && (n == 4 || s[4] == ' ' || s[4] == '='))
    note_mechanisms(o->c, n > 5 ? s + 5 : s + n, n > 5 ? n - 5 : 0);
}

static int say_hello(struct client *c, char const *verb, char const *me, struct offer *o)
{
  client_puts(c, verb);
  client_puts(c, me);
  client_puts(c, "\r\n");
  if (client_flush(c, CLIENT_TIME_COMMAND) < 0) {
    c->out_at = c->out_len = 0;
    return client_last_words(c);
  }
  return client_read_lines(c, CLIENT_TIME_COMMAND, on_line, o);
}

static enum client_hello hello(struct client *c, char const *me, struct offer *o)
{
  o->keywords = 1;
  int code = say_hello(c, c->lmtp ? "LHLO " : "EHLO ", me, o);
  if (code >= 500 && !c->lmtp) {
    c->offers = c->mechanisms = 0;
    c->size = 0;
    o->keywords = 0;
    code = say_hello(c, "HELO ", me, o);
  }
  if (code < 0) return CLIENT_BROKEN;
  if (code / 100 != 2) return CLIENT_REFUSED;
  return o->self ? CLIENT_SELF : CLIENT_READY;
}

enum client_hello client_hello(struct client *c, char const *me, int find_self)
{
  struct offer o = { .c = c, .me = find_self ? me : 0 };
  c->greeting[0] = 0;
  int code = client_read_lines(c, CLIENT_TIME_GREETING, on_line, &o);
  if (code < 0) return CLIENT_BROKEN;
  if (code != 220) return CLIENT_REFUSED;
  if (o.self) return CLIENT_SELF;
  return hello(c, me, &o);
}

enum client_hello client_hello_again(struct client *c, char const *me, int find_self)
{
  struct offer o = { .c = c, .me = find_self ? me : 0, .greeted = 1 };
  return hello(c, me, &o);
}

/* Was something said that nobody asked for? */
static int injected(struct client *c)
{
  return c->in_at < c->in_len ? client_failed(c, CLIENT_INJECTED), 1 : 0;
}

enum client_hello client_starttls(struct client *c)
{
  if (injected(c)) return CLIENT_BROKEN;
  client_puts(c, "STARTTLS\r\n");
  int sent = client_flush(c, CLIENT_TIME_COMMAND);
  if (sent < 0) c->out_at = c->out_len = 0;
  int code = sent < 0 ? client_last_words(c) : client_read(c, CLIENT_TIME_COMMAND);
  if (code < 0 || injected(c)) return CLIENT_BROKEN;
  return code == 220 ? CLIENT_READY : CLIENT_REFUSED;
}
