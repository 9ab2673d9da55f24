/* The client's side of an SMTP connection: greeting, offers, commands out, replies in. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/io.h"
#include "smtp/client_session.h"

void client_init(struct client *c)
{
  memset(c, 0, offsetof(struct client, in));
  c->fd = c->owner = -1;
}

void client_close(struct client *c)
{
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
  c->in_at = c->in_len = c->out_at = c->out_len = 0;
}

static int64_t until(struct client const *c, unsigned seconds)
{
  if (c->patience && seconds > c->patience) seconds = c->patience;
  int64_t t = io_now() + (int64_t)seconds * 1000;
  return c->deadline && t > c->deadline ? c->deadline : t;
}

/* Notes what went wrong. The connection stays open: what the server sent before may still be read. */
static int trouble(struct client *c, enum client_trouble t)
{
  c->trouble = t;
  c->error = t == CLIENT_LOST ? errno : 0;
  return -1;
}

char const *client_trouble_text(struct client const *c)
{
  switch (c->trouble) {
    case CLIENT_TIMEOUT: return "did not answer in time (#4.4.2)";
    case CLIENT_GARBAGE: return "sent something that is no reply (#4.5.0)";
    default: return "closed the connection (#4.4.2)";
  }
}

size_t client_room(struct client const *c)
{
  return CLIENT_OUT - c->out_len;
}

void client_put(struct client *c, char const *s, size_t n)
{
  memcpy(c->out + c->out_len, s, n);
  c->out_len += n;
}

void client_puts(struct client *c, char const *s)
{
  client_put(c, s, strlen(s));
}

/* Writes first and waits only when the kernel takes no more. */
int client_flush(struct client *c, unsigned seconds)
{
  int64_t deadline = until(c, seconds);
  while (c->out_at < c->out_len) {
    ssize_t w = write(c->fd, c->out + c->out_at, c->out_len - c->out_at);
    if (w >= 0) {
      c->out_at += (size_t)w;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return trouble(c, CLIENT_LOST);
    int64_t left = deadline - io_now();
    if (left <= 0) return trouble(c, CLIENT_TIMEOUT);
    struct pollfd p = { .fd = c->fd, .events = POLLOUT };
    if (poll(&p, 1, (int)left) < 0 && errno != EINTR) return trouble(c, CLIENT_LOST);
  }
  c->out_at = c->out_len = 0;
  return 0;
}

typedef void line_fn(void *arg, unsigned number, char const *text, size_t len);

static int read_reply(struct client *c, unsigned seconds, line_fn *each, void *arg)
{
  int64_t deadline = until(c, seconds);
  client_reply_start(&c->reply, each, arg);
  for (;;) {
    size_t used;
    enum client_reply_state s = client_reply_feed(&c->reply, c->in + c->in_at, c->in_len - c->in_at, &used);
    c->in_at += used;
    if (s == CLIENT_REPLY_DONE) return c->reply.code;
    if (s == CLIENT_REPLY_BAD) return trouble(c, CLIENT_GARBAGE);
    c->in_at = c->in_len = 0;
    if (io_now() >= deadline) return trouble(c, CLIENT_TIMEOUT); /* also when bytes keep dripping in */
    ssize_t r = io_read(c->fd, c->in, CLIENT_IN, deadline);
    if (r > 0) c->in_len = (size_t)r;
    else if (!r) return errno = 0, trouble(c, CLIENT_LOST);
    else return trouble(c, errno == ETIMEDOUT && io_now() >= deadline ? CLIENT_TIMEOUT : CLIENT_LOST);
  }
}

int client_read(struct client *c, unsigned seconds)
{
  return read_reply(c, seconds, 0, 0);
}

int client_last_words(struct client *c)
{
  if (c->trouble != CLIENT_LOST) return -1;
  int error = c->error;
  int code = read_reply(c, CLIENT_TIME_QUIT, 0, 0);
  c->trouble = CLIENT_LOST;
  c->error = error;
  return code;
}

int client_alive(struct client *c)
{
  struct pollfd p = { .fd = c->fd, .events = POLLIN };
  return c->fd >= 0 && c->in_at == c->in_len && poll(&p, 1, 0) == 0;
}

int client_unwanted(struct client *c)
{
  struct pollfd p = { .fd = c->owner };
  if (c->owner < 0 || poll(&p, 1, 0) <= 0) return 0; /* POLLHUP or POLLERR: nothing else was asked for */
  if (c->fd >= 0) shutdown(c->fd, SHUT_RDWR);
  return 1;
}

void client_quit(struct client *c)
{
  if (c->fd >= 0) {
    c->out_at = c->out_len = 0;
    client_puts(c, "QUIT\r\n");
    if (client_flush(c, CLIENT_TIME_QUIT) == 0) client_read(c, CLIENT_TIME_QUIT);
  }
  client_close(c);
}

void client_leave(struct client *c)
{
  ssize_t ignored = c->fd >= 0 ? send(c->fd, "QUIT\r\n", 6, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
  (void)ignored;
  client_close(c);
}

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

static void on_line(void *arg, unsigned number, char const *s, size_t n)
{
  static struct { char const *word; enum client_extension bit; } const known[] = {
    { "PIPELINING", CLIENT_PIPELINING }, { "CHUNKING", CLIENT_CHUNKING }, { "SIZE", CLIENT_SIZE },
    { "8BITMIME", CLIENT_8BITMIME }, { "SMTPUTF8", CLIENT_SMTPUTF8 },
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
  return read_reply(c, CLIENT_TIME_COMMAND, on_line, o);
}

enum client_hello client_hello(struct client *c, char const *me, int find_self)
{
  struct offer o = { .c = c, .me = find_self ? me : 0 };
  c->greeting[0] = 0;
  int code = read_reply(c, CLIENT_TIME_GREETING, on_line, &o);
  if (code < 0) return CLIENT_BROKEN;
  if (code != 220) return CLIENT_REFUSED;
  if (o.self) return CLIENT_SELF;
  o.keywords = 1;
  code = say_hello(c, "EHLO ", me, &o);
  if (code >= 500) {
    c->offers = 0;
    c->size = 0;
    o.keywords = 0;
    code = say_hello(c, "HELO ", me, &o);
  }
  if (code < 0) return CLIENT_BROKEN;
  if (code / 100 != 2) return CLIENT_REFUSED;
  return o.self ? CLIENT_SELF : CLIENT_READY;
}
