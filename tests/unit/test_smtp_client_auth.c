/* AUTH's dialogue, with a mechanism that answers as it is told: what goes over the wire, and what the end means. */
#include <sys/socket.h>
#include <unistd.h>
#include "unit.h"
#include "policy/logins.h"
#include "smtp/client_auth.h"
#include "smtp/client_hello.h"

static struct client c;

/* Answers: what the mechanism says first (null: it waits), then to each challenge; null: it takes none. */
struct double_sasl {
  char const *first, *answers[3];
  unsigned at;
  char heard[200]; /* the challenges, `|` behind each */
  int proved;
};

static int double_answer(void *arg, char const *s, size_t n, char out[CLIENT_SASL])
{
  struct double_sasl *d = arg;
  if (s) {
    size_t len = strlen(d->heard);
    memcpy(d->heard + len, s, n);
    strcpy(d->heard + len + n, "|");
  }
  char const *say = s ? d->at < 3 ? d->answers[d->at++] : 0 : d->first;
  if (!say) return -1;
  memcpy(out, say, strlen(say));
  return (int)strlen(say);
}

static int double_proved(void *arg)
{
  return ((struct double_sasl *)arg)->proved;
}

static int connected(char const *says)
{
  int p[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p), 0);
  client_init(&c);
  c.fd = p[0];
  c.patience = 1;
  assert_int_equal(write(p[1], says, strlen(says)), strlen(says));
  shutdown(p[1], SHUT_WR);
  return p[1];
}

static struct auth_case {
  struct double_sasl d;
  unsigned deaf, unproved;
  char const *says, *want_out, *want_heard;
  enum client_authed want;
} const cases[] = {
  { { "abc", { 0 }, 0, "", 1 }, 0, 0, "235 ok\r\n", "AUTH X YWJj\r\n", "", CLIENT_AUTHED },
  { { "", { 0 }, 0, "", 1 }, 0, 0, "235 ok\r\n", "AUTH X =\r\n", "", CLIENT_AUTHED },
  { { "abc", { 0 }, 0, "", 1 }, 0, 0, "235-o\r\n235 k\r\n", "AUTH X YWJj\r\n", "", CLIENT_AUTHED },
  { { "abc", { 0 }, 0, "", 0 }, 0, 0, "235 ok\r\n", "AUTH X YWJj\r\n", "", CLIENT_AUTH_WRONG }, /* proved too little */
  { { "abc", { 0 }, 0, "", 1 }, 0, 0, "535 no\r\n", "AUTH X YWJj\r\n", "", CLIENT_AUTH_REFUSED },
  { { 0, { "u", "p" }, 0, "", 1 }, 0, 0, "334 QQ==\r\n334 Qg==\r\n235 ok\r\n", "AUTH X\r\ndQ==\r\ncA==\r\n", "A|B|",
    CLIENT_AUTHED },
  { { 0, { "u", "" }, 0, "", 1 }, 0, 0, "334 \r\n334\r\n235 ok\r\n", "AUTH X\r\ndQ==\r\n\r\n", "||", CLIENT_AUTHED },
  { { 0, { "u", "p" }, 0, "", 1 }, 1, 0, "334 Username:\r\n334 Pass\r\n235 ok\r\n", "AUTH X\r\ndQ==\r\ncA==\r\n", "||",
    CLIENT_AUTHED },
  { { 0, { "u" }, 0, "", 1 }, 0, 0, "334 no base64\r\n501 cancelled\r\n", "AUTH X\r\n*\r\n", "", CLIENT_AUTH_WRONG },
  { { 0, { "u" }, 0, "", 1 }, 0, 0, "334 QQ==\r\n334 QQ==\r\n501 x\r\n", "AUTH X\r\ndQ==\r\n*\r\n", "A|A|",
    CLIENT_AUTH_WRONG },
  { { 0, { "u" }, 0, "", 1 }, 0, 0, "334-QQ==\r\n334 QQ==\r\n501 x\r\n", "AUTH X\r\n*\r\n", "", CLIENT_AUTH_WRONG },
  { { 0, { "u" }, 0, "", 1 }, 0, 0, "334 QQ==\r\n", "AUTH X\r\ndQ==\r\n", "A|", CLIENT_AUTH_BROKEN },
  { { 0, { "u" }, 0, "", 1 }, 0, 0, "hello\r\n", "AUTH X\r\n", "", CLIENT_AUTH_BROKEN },
  { { 0, { "u" }, 0, "", 1 }, 0, 0, "354 go on\r\n", "AUTH X\r\n", "", CLIENT_AUTH_REFUSED },
  { { 0, { 0 }, 0, "", 1 }, 0, 0, "334 QQ==\r\n", "AUTH X\r\n*\r\n", "A|", CLIENT_AUTH_BROKEN },
};

static void dialogue(void **state)
{
  struct auth_case const *k;
  EACH_CASE(k, cases) {
    char sent[200];
    struct double_sasl d = k->d;
    struct client_sasl m = { .word = "X", .answer = double_answer, .proved = double_proved, .deaf = k->deaf & 1 };
    int fd = connected(k->says);
    enum client_authed r = client_auth(&c, &m, &d);
    ssize_t n = read(fd, sent, sizeof sent - 1);
    sent[n < 0 ? 0 : n] = 0;
    CHECK(r == k->want, "case %zu: %d", i_, r);
    CHECK(!strcmp(sent, k->want_out), "case %zu: %s", i_, sent);
    CHECK(!strcmp(d.heard, k->want_heard), "case %zu: %s", i_, d.heard);
    CHECK(!memmem(c.out, sizeof c.out, "YWJj", 4), "case %zu: it is still there", i_);
    client_close(&c);
    close(fd);
  }
}

/* A command has at most 512 bytes: a longer message waits for a challenge. */
static void long_first(void **state)
{
  for (size_t len = 370; len < 385; len++) {
    static char first[400], sent[2000];
    memset(first, 'x', sizeof first);
    first[len] = 0;
    struct double_sasl d = { .first = first, .proved = 1 };
    struct client_sasl m = { .word = "X", .answer = double_answer };
    int fd = connected("334 \r\n235 ok\r\n");
    assert_int_equal(client_auth(&c, &m, &d), len <= 375 ? CLIENT_AUTH_WRONG : CLIENT_AUTHED);
    sent[read(fd, sent, sizeof sent - 1)] = 0;
    assert_true(strcspn(sent, "\r") <= 510);
    client_close(&c);
    close(fd);
  }
}

/* Challenges without an end. */
static void endless(void **state)
{
  char says[1000] = "";
  for (int i = 0; i < 20; i++) strcat(says, "334 \r\n");
  struct double_sasl d = { .first = "", .answers = { "", "", "" } };
  struct client_sasl m = { .word = "X", .answer = double_answer, .deaf = 1 };
  int fd = connected(says);
  assert_int_equal(client_auth(&c, &m, &d), CLIENT_AUTH_WRONG);
  client_close(&c);
  close(fd);
}

#define PLAIN (1U << LOGIN_PLAIN)
#define ALL (PLAIN | 1U << LOGIN_LOGIN | 1U << LOGIN_CRAM_MD5 | 1U << LOGIN_SCRAM_SHA_256)

static struct offer_case { char const *line; unsigned mechanisms, offers; } const offers[] = {
  { "AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", ALL, CLIENT_AUTH },
  { "auth  scram-sha-256   plain login Cram-MD5 ", ALL, CLIENT_AUTH },
  { "AUTH=PLAIN", PLAIN, CLIENT_AUTH },
  { "AUTH", 0, CLIENT_AUTH },
  { "AUTH ", 0, CLIENT_AUTH },
  { "AUTH SCRAM-SHA-1 SCRAM-SHA-256-PLUS PLAINS PLAI GSSAPI", 0, CLIENT_AUTH },
  { "AUTHPLAIN", 0, 0 },
  { "XAUTH PLAIN", 0, 0 },
};

static void offered(void **state)
{
  struct offer_case const *k;
  EACH_CASE(k, offers) {
    char says[300];
    snprintf(says, sizeof says, "220 x\r\n250-x\r\n250-%s\r\n250 SIZE\r\n", k->line);
    int fd = connected(says);
    assert_int_equal(client_hello(&c, "me.example", 1), CLIENT_READY);
    CHECK(c.mechanisms == k->mechanisms, "case %zu: %x", i_, c.mechanisms);
    CHECK(c.offers == (k->offers | CLIENT_SIZE), "case %zu: %x", i_, c.offers);
    client_secured(&c, 0, 0); /* what was offered in the clear does not count */
    assert_int_equal(c.mechanisms, 0);
    client_close(&c);
    close(fd);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(dialogue), cmocka_unit_test(long_first), cmocka_unit_test(endless), cmocka_unit_test(offered),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
