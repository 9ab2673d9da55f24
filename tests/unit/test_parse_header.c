/* The message's header as it streams by. */
#include <stdlib.h>
#include "unit.h"
#include "parse/header.h"

#define N16 "nnnnnnnnnnnnnnnn"
#define N128 N16 N16 N16 N16 N16 N16 N16 N16

struct header_case {
  char const *in;
  enum header_start start; /* after header_end */
  unsigned received;
  int ended;               /* before header_end */
  int eightbit;
};

static struct header_case const cases[] = {
  { "", HEADER_MISSING, 0, 0, 0 }, { "\n", HEADER_EMPTY, 0, 1, 0 }, { "\nReceived: x\n", HEADER_EMPTY, 0, 1, 0 },
  { "Subject: x\n\nbody\n", HEADER_FIELDS, 0, 1, 0 }, { "Subject: x\n", HEADER_FIELDS, 0, 0, 0 },
  { "Subject:", HEADER_FIELDS, 0, 0, 0 },
  { "Received: a\nreceived:b\nRECEIVED : c\nReceived\t: d\nX-Received: e\nReceive: f\nReceivedx: g\n\nReceived: no\n",
    HEADER_FIELDS, 4, 1, 0 },
  { "Received: a\n Received: folded\n\tReceived: folded\nReceived:\n\nReceived: body\n", HEADER_FIELDS, 2, 1, 0 },
  { "Subject: Received: x\nSubject: a\nReceived:\n", HEADER_FIELDS, 1, 0, 0 }, { "Received", HEADER_MISSING, 0, 0, 0 },
  { "RECEIVED:", HEADER_FIELDS, 1, 0, 0 },
  { "Rreceived: a\nreceiveD: b\nReceiv\xe5" "d: c\nReceived: d\n", HEADER_FIELDS, 1, 1, 0 },
  { "hello\n", HEADER_MISSING, 0, 1, 0 }, { "hello world: x\n", HEADER_MISSING, 0, 1, 0 },
  { " folded: x\n", HEADER_MISSING, 0, 1, 0 }, { "\tx\n", HEADER_MISSING, 0, 1, 0 },
  { ": x\n", HEADER_MISSING, 0, 1, 0 }, { "From x Mon\nSubject: a\n", HEADER_MISSING, 0, 1, 0 },
  { "a \n: b\n", HEADER_MISSING, 0, 1, 0 },
  { "A: b\nno field here\nReceived: x\n", HEADER_FIELDS, 0, 1, 0 },
  { "A: b\nnofield\n\nReceived: x\n", HEADER_FIELDS, 0, 1, 0 }, { "A: b\n:\nReceived: x\n", HEADER_FIELDS, 0, 1, 0 },
  { "A: b\r\n\r\nReceived: x\n", HEADER_FIELDS, 0, 1, 0 }, { "A: b\n\x01: c\n", HEADER_FIELDS, 0, 1, 0 },
  { "Abcdefgh: x\nReceivex: y\nxeceived: z\n", HEADER_FIELDS, 0, 0, 0 }, { "\x7f: a\n", HEADER_MISSING, 0, 1, 0 },
  { "A\x7f: a\n", HEADER_MISSING, 0, 1, 0 }, { "A~: a\n", HEADER_FIELDS, 0, 0, 0 },
  { "!A: a\n", HEADER_FIELDS, 0, 0, 0 },
  { "A: \xc3\xbc\n\n", HEADER_FIELDS, 0, 1, 1 }, { "A: b\n \xff\n\n", HEADER_FIELDS, 0, 1, 1 },
  { "A: b\n\n\xff\n", HEADER_FIELDS, 0, 1, 0 }, { "A: \x7f\n\n", HEADER_FIELDS, 0, 1, 0 },
  { "\xc3\xbc: b\n\n", HEADER_MISSING, 0, 1, 0 }, { "A\xc3\xbc: b\n\n", HEADER_MISSING, 0, 1, 0 },
  { N128 N128 ": a\nReceived: b\n", HEADER_FIELDS, 1, 0, 0 },
  { N128 N128 "n: a\nReceived: b\n", HEADER_MISSING, 0, 1, 0 },
  { N128 N128 " : a\nReceived: b\n", HEADER_MISSING, 0, 1, 0 },
  { N128 N16 N16 N16 N16 N16 N16 N16 "nnnnnnnnnnnnn \t : a\n", HEADER_FIELDS, 0, 0, 0 },
  { "A: b\n" N128 N128 "n: a\nReceived: b\n", HEADER_FIELDS, 0, 1, 0 }, { "a" N128 "\n", HEADER_MISSING, 0, 1, 0 },
};

static void run(struct header *h, struct header_case const *c, size_t a, size_t b)
{
  size_t const cuts[] = { 0, a, b, strlen(c->in) };
  header_init(h);
  for (int i = 0; i < 3; i++) {
    size_t len = cuts[i + 1] - cuts[i];
    char *piece = malloc(len ? len : 1);
    memcpy(piece, c->in + cuts[i], len);
    header_feed(h, piece, len);
    free(piece);
    if (cuts[i + 1] > HEADER_NAME) assert_true(h->start != HEADER_UNKNOWN);
  }
}

static void table(void **state)
{
  struct header_case const *c;
  EACH_CASE(c, cases) {
    size_t n = strlen(c->in), step = n > 100 ? 7 : 1;
    for (size_t b = 0; b <= n; b += step)
      for (size_t a = 0; a <= b; a += step) {
        struct header h;
        run(&h, c, a, b);
        CHECK(h.ended == c->ended, "%s at %zu, %zu: ended %d", c->in, a, b, h.ended);
        header_end(&h);
        CHECK(h.start == c->start, "%s at %zu, %zu: start %d", c->in, a, b, h.start);
        CHECK(h.received == c->received, "%s at %zu, %zu: received %u", c->in, a, b, h.received);
        CHECK(h.eightbit == c->eightbit, "%s at %zu, %zu: eightbit %d", c->in, a, b, h.eightbit);
      }
  }
}

/* How soon the start is known: what the caller must keep back. */
static void start(void **state)
{
  static struct { char const *in; enum header_start start; } const early[] = {
    { "S", HEADER_UNKNOWN }, { "Subject", HEADER_UNKNOWN }, { "Subject ", HEADER_UNKNOWN },
    { "Subject:", HEADER_FIELDS }, { "\n", HEADER_EMPTY },
    { " ", HEADER_MISSING }, { "a b", HEADER_MISSING }, { "a\n", HEADER_MISSING }, { N128 N128, HEADER_UNKNOWN },
    { N128 N128 "n", HEADER_MISSING },
    { N128 N128 ":", HEADER_FIELDS },
  }, *c;
  EACH_CASE(c, early) {
    struct header h;
    header_init(&h);
    header_feed(&h, c->in, strlen(c->in));
    CHECK(h.start == c->start, "%s: %d", c->in, h.start);
  }
  struct header h;
  header_init(&h);
  header_feed(&h, "A: b\0c\nReceived: \0\n", 19); /* a NUL is as good as any */
  assert_int_equal(h.received, 1);
  assert_int_equal(h.ended, 0);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(table), cmocka_unit_test(start) };
  return cmocka_run_group_tests(tests, 0, 0);
}
