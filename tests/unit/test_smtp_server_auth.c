/* AUTH: dialogues with a checker in memory. Those with processes are in the tests with real servers. */
#include "unit.h"
#include "smtp_cases.h"

#define P "AUTH PLAIN AGJvYgBwYXNz\r\n" /* bob, pass */
#define BOB "Ym9i\r\n"
#define PASS "cGFzcw==\r\n"
#define RELAYED "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@elsewhere.example>\r\n"
#define NOT_RELAYED " 250/2.1.0 550/5.7.1"

static struct table_set *with_logins(char const *limits)
{
  static struct table_set *t;
  if (t) table_close(t);
  int fd = memfd_create("rules", MFD_CLOEXEC);
  struct table_builder *b = table_build(fd);
  assert_true(b && !table_add(b, TABLE_ME, "", 0, 1, "relay.example", 13));
  assert_false(table_add(b, TABLE_DOMAINS, "hosted.example", 14, 3, "any", 3));
  assert_false(table_add(b, TABLE_RELAY, "grant login", 11, 2, "", 0));
  if (limits) assert_false(table_add(b, TABLE_LIMITS, "auth-errors", 11, 1, limits, strlen(limits)));
  assert_false(table_finish(b));
  assert_non_null(t = table_open_fd(fd));
  close(fd);
  return t;
}

struct login {
  char const *name;
  int canary, code;
  char const *attributes;   /* `|` for NUL */
  char const *says, *codes, *asked;
};

#define WITH_NUL E "AUTH PLAIN\r\nAA\rA\r\nAUTH PLAIN\r\n\nNOOP\r\nNOOP\r\nAUTH PLAIN\r\na\0a\r\n" Q

static struct login const logins[] = {
  { "plain", 2, 0, "", E P RELAYED Q, "220 250 235/2.7.0 250/2.1.0 250/2.1.5" S, "PLAINbob|pass||;" },
  { "plain, later", 2, 0, "", E "AUTH PLAIN\r\nAGJvYgBwYXNz\r\n" Q, "220 250 334 235/2.7.0" S, "PLAINbob|pass||;" },
  { "login", 1, 0, "", E "auth Login\r\n" BOB PASS Q, "220 250 334 334 235/2.7.0" S, "LOGINbob|pass||;" },
  { "login with a name", 1, 0, "", E "AUTH LOGIN " BOB PASS Q, "220 250 334 235/2.7.0" S, "LOGINbob|pass||;" },
  { "wrong", 2, 1, "", E P RELAYED Q, "220 250 535/5.7.8" NOT_RELAYED S, "PLAINbob|pass||;" },
  { "trouble", 2, 111, "", E P RELAYED Q, "220 250 454/4.7.0" NOT_RELAYED S, "PLAINbob|pass||;" },
  { "misused", 2, 2, "", E P Q, "220 250 454/4.7.0" S, "PLAINbob|pass||;" },
  { "not there", 2, -2, "", E P RELAYED Q, "220 250 454/4.7.0" NOT_RELAYED S, "" },
  { "no privilege", 2, 0, "relay=0|", E P RELAYED Q, "220 250 235/2.7.0 250/2.1.0 550/5.7.1" S, "PLAINbob|pass||;" },
  { "unknown words", 2, 0, "shoe=9|", E P RELAYED Q, "220 250 454/4.7.0" NOT_RELAYED S, "" },
  { "says yes to nothing", 0, 0, "", E P RELAYED Q, "220 250 454/4.7.0" NOT_RELAYED S, "" },
  { "fails at nothing", 111, 0, "", E P Q, "220 250 454/4.7.0" S, "" },
  { "can't be asked nothing", -2, 0, "", E P "AUTH LOGIN\r\n" Q, "220 250 454/4.7.0 454/4.7.0" S, "" },
  { "twice", 2, 0, "", E P P "AUTH\r\n" E "AUTH LOGIN\r\n" Q,
    "220 250 235/2.7.0 503/5.5.1 503/5.5.1 250 503/5.5.1" S, "PLAINbob|pass||;" },
  { "before EHLO", 2, 0, "", P "AUTH\r\n" E P Q, "220 503/5.5.1 503/5.5.1 250 235/2.7.0" S, "PLAINbob|pass||;" },
  { "in a transaction", 2, 0, "", EMR P "RSET\r\n" M P "RSET\r\n" P Q,
    A "503/5.5.1 250/2.0.0 250/2.1.0 503/5.5.1 250/2.0.0 235/2.7.0" S, "PLAINbob|pass||;" },
  { "in chunks", 2, 0, "", EMR "BDAT 1\r\nx" P "BDAT 0 LAST\r\n" Q, A "250/2.0.0 503/5.5.1 250/2.6.0" S, "" },
  { "cancelled", 2, 0, "", E "AUTH PLAIN\r\n*\r\nAUTH LOGIN\r\n" BOB "*\r\nAUTH CRAM-MD5\r\n*\r\n" P Q,
    "220 250 334 501/5.7.0 334 334 501/5.7.0 334 501/5.7.0 235/2.7.0" S, "PLAINbob|pass||;" },
  { "no base64", 2, 0, "",
    E "AUTH PLAIN AA\r\nAUTH PLAIN\r\nAA\r\nAUTH PLAIN =\r\nAUTH PLAIN\r\n\r\nAUTH PLAIN\r\n=\r\n" Q,
    "220 250 501/5.5.2 334 501/5.5.2 501/5.5.2 334 501/5.5.2 334 501/5.5.2" S, "" },
  { "bare, NUL", 2, 0, "", WITH_NUL, 0, "" },
  { "another mechanism", 2, 0, "",
    E "AUTH GSSAPI\r\nAUTH PLAINER\r\nAUTH EXTERNAL =\r\nAUTH SCRAM-SHA-256\r\nAUTH\r\n" Q,
    "220 250 504/5.5.4 504/5.5.4 504/5.5.4 504/5.5.4 501/5.5.4" S, "" },
  { "for somebody else", 2, 0, "", E "AUTH PLAIN eABib2IAcGFzcw==\r\nAUTH PLAIN Ym9iAGJvYgBwYXNz\r\n" Q,
    "220 250 535/5.7.8 235/2.7.0" S, "PLAINbob|pass||;" },
  { "control characters", 2, 0, "", E "AUTH LOGIN\r\nYgpi\r\n" PASS Q, "220 250 334 334 535/5.7.8" S, "" },
  { "NUL in name and password", 2, 0, "", E "AUTH LOGIN\r\nYgBi\r\n" PASS "AUTH LOGIN\r\n" BOB "AAAA\r\n" Q,
    "220 250 334 334 501/5.5.2 334 334 501/5.5.2" S, "" },
  { "nothing", 2, 0, "", E "AUTH LOGIN\r\n\r\n" PASS "AUTH LOGIN\r\n" BOB "\r\n" Q,
    "220 250 334 334 535/5.7.8 334 334 535/5.7.8" S, "" },
  { "parameter of MAIL", 2, 0, "",
    E "MAIL FROM:<a@b.example> AUTH=<> SIZE=1\r\nRSET\r\nMAIL FROM:<a@b.example> AUTH=a+3Db\r\n"
    "RSET\r\nMAIL FROM:<a@b.example> AUTH=a+b\r\nMAIL FROM:<a@b.example> AUTH\r\n" Q,
    "220 250 250/2.1.0 250/2.0.0 250/2.1.0 250/2.0.0 501/5.5.4 501/5.5.4" S, "" },
  { "bound", 2, 0, "user=Bob|from=me@hosted.example|from=@mine.example|",
    E P "MAIL FROM:<a@b.example>\r\nMAIL FROM:<>\r\n"
    "MAIL FROM:<ME@hosted.example>\r\nRSET\r\nMAIL FROM:<x@mine.example>\r\n" Q,
    "220 250 235/2.7.0 553/5.7.1 553/5.7.1 250/2.1.0 250/2.0.0 250/2.1.0" S, "PLAINbob|pass||;" },
  { "goes away", 2, 0, "", E "AUTH LOGIN\r\n" BOB, "220 250 334 334", "" },
};

static size_t nul_for_bar(char *out, char const *s)
{
  size_t n = strlen(s);
  for (size_t i = 0; i <= n; i++) out[i] = s[i] == '|' ? 0 : s[i];
  return n;
}

static void run_login(struct login const *c, size_t piece)
{
  static struct double_world d;
  char attributes[200];
  struct server_facts f = { .tables = with_logins(0), .auth_clear = 1 };
  size_t n = c->codes ? strlen(c->says) : sizeof WITH_NUL - 1;
  d = (struct double_world){ .in = c->says, .in_len = n, .piece = piece, .checker = 1, .canary = c->canary,
    .code = c->code,
    .attributes = attributes, .attributes_len = nul_for_bar(attributes, c->attributes) };
  run_logged(&d, &f);
  char *said = codes(&d);
  char const *wanted = c->codes ? c->codes : "220 250 334 500/5.5.2 334 500/5.5.2 500/5.5.2 250/2.0.0 334 500/5.5.2" S;
  CHECK(!strcmp(said, wanted), "%s: %s", c->name, said);
  if (c->asked[0] || !c->attributes[0])
    CHECK(!strcmp(d.asked_checker.s, c->asked), "%s: asked %s", c->name, d.asked_checker.s);
  CHECK(d.canaries <= 1 && !d.misuses && !d.running, "%s: %u canaries, %u misuses", c->name, d.canaries, d.misuses);
  CHECK(!strstr(log_text, "pass") && !strstr(log_text, "cGFzcw"), "%s: %s", c->name, log_text);
  free(said);
}

static void dialogues(void **state)
{
  struct login const *c;
  EACH_CASE(c, logins) for (size_t piece = 0; piece < 4; piece++) run_login(c, piece);
}

/* MAIL for submission without a login: 530 is for who could log in, 454 where nobody can just now. */
static void login_first(void **state)
{
#define NOW "530 5.7.0 log in first\r\n"
#define TLS_TOO "530 5.7.0 start TLS and log in first\r\n"
#define NO_CHECKER "454 4.7.0 logins cannot be checked now, try again later\r\n"
#define NO_TLS "454 4.7.0 TLS is not available now, try again later\r\n"
  static struct { int checker, canary, clear, quiet, tls; char const *protocol, *reply; unsigned canaries; } const
  cases[] = {
    { 1, 2, 1, 0, 0, 0, NOW, 1 }, { 1, 2, 0, 0, 1, "TLSv1.3", NOW, 1 }, { 1, 1, 1, 1, 1, 0, NOW, 1 },
    { 0, 0, 1, 0, 0, 0, NOW, 0 }, { 0, 0, 0, 0, 1, 0, NOW, 0 }, { 0, 0, 0, 0, -2, 0, NOW, 0 },
    { 1, 2, 0, 0, 1, 0, TLS_TOO, 0 }, { 1, 111, 0, 0, 1, 0, TLS_TOO, 0 }, { 1, 2, 0, 1, 1, 0, TLS_TOO, 0 },
    { 1, 111, 1, 0, 0, 0, NO_CHECKER, 1 }, { 1, 111, 0, 0, 1, "TLSv1.3", NO_CHECKER, 1 },
    { 1, 111, 1, 1, 0, 0, NO_CHECKER, 1 }, { 1, -2, 1, 0, 0, 0, NO_CHECKER, 0 }, { 1, 0, 1, 0, 0, 0, NO_CHECKER, 1 },
    { 1, 2, 0, 0, 0, 0, NO_TLS, 0 }, { 1, 2, 0, 0, -2, 0, NO_TLS, 0 },
  }, *c;
  static char const says[] = E M M Q;
  EACH_CASE(c, cases) {
    static struct double_world d;
    struct server_facts f = { .tables = with_logins(0), .listener = "submission", .auth_clear = c->clear != 0,
      .auth_quiet = c->quiet != 0, .tls_protocol = c->protocol };
    char both[512];
    d = (struct double_world){ .in = says, .in_len = sizeof says - 1, .checker = c->checker, .canary = c->canary,
      .tls = c->tls, .attributes = "" };
    run_logged(&d, &f);
    snprintf(both, sizeof both, "%s%s221 ", c->reply, c->reply);
    CHECK(strstr(d.replies.s, both), "case %zu: %s", i_, d.replies.s);
    CHECK(!d.misuses && d.canaries == c->canaries, "case %zu: %u canaries", i_, d.canaries);
  }
}

static char const *ehlo(struct server_facts const *f, struct double_world *d)
{
  d->in = "EHLO c.example\r\n" P;
  d->in_len = strlen(d->in);
  d->piece = 0;
  run_logged(d, f);
  char const *at = strstr(d->replies.s, "250-AUTH");
  static char line[100];
  if (!at) return "-";
  size_t n = strcspn(at, "\r");
  memcpy(line, at + 9, n - 9);
  line[n - 9] = 0;
  return line;
}

static void offers(void **state)
{
  static char const more[] = "mechanisms=SCRAM-SHA-256 EXTERNAL";
  static char const all[] = "mechanisms=LOGIN PLAIN SCRAM-SHA-256 EXTERNAL"; /* where `clear` is 2 */
#define ALL 0
  static struct { unsigned clear, quiet, mechanisms; char const *tls,
    *user; int canary; char const *offer; int code; } const
  cases[] = {
    { 0, 0, ALL, 0, 0, 2, "-", 538 }, { 1, 0, ALL, 0, 0, 2, "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", 235 },
    { 0, 0, ALL, "TLSv1.3", 0, 1, "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", 235 }, { 1, 1, ALL, 0, 0, 2, "-", 235 },
    { 0, 0, ALL, "TLSv1.3", "carol", 1, "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 EXTERNAL", 235 },
    { 1, 0, 1U << CHECKER_LOGIN | 1U << CHECKER_EXTERNAL, 0, "carol", 2, "LOGIN", 504 },
    { 2, 0, ALL, 0, 0, 2, "PLAIN LOGIN SCRAM-SHA-256", 235 },
    { 2, 0, 1U << CHECKER_LOGIN | 1U << CHECKER_CRAM_MD5, 0, 0, 2, "LOGIN", 504 },
    { 1, 0, ALL, 0, 0, 0, "-", 454 },
    { 1, 0, ALL, 0, 0, -2, "-", 454 }, { 0, 0, ALL, "TLSv1.3", 0, 111, "-", 454 },
  }, *c;
  EACH_CASE(c, cases) {
    static struct double_world d;
    struct server_facts f = { .tables = with_logins(0), .auth_clear = c->clear != 0, .auth_quiet = c->quiet,
      .tls_user = c->user,
      .mechanisms = c->mechanisms, .tls_protocol = c->tls };
    char code[4];
    d = (struct double_world){ .checker = 1, .canary = c->canary,
      .attributes = c->clear == 2 ? all : more, .attributes_len = c->clear == 2 ? sizeof all : sizeof more };
    char const *offer = ehlo(&f, &d);
    snprintf(code, sizeof code, "%d", c->code);
    CHECK(!strcmp(offer, c->offer), "case %zu: %s", i_, offer);
    CHECK(strstr(d.replies.s + 4, code) && !d.misuses, "case %zu: %s", i_, d.replies.s);
  }
}

/* Lines of exactly as much as may be, and one byte more; what counted before counts afterwards. */
static void long_lines(void **state)
{
  static struct double_world d;
  static char in[4 * LIMIT_RESPONSE_LINE];
  struct server_facts f = { .tables = with_logins(0), .auth_clear = 1 };
  for (size_t piece = 0; piece < 8000; piece += 1999) {
    for (size_t over = 0; over <= 4; over += 4) {
      size_t n = (size_t)sprintf(in, "EHLO c\r\nAUTH PLAIN\r\n"), len = LIMIT_RESPONSE_LINE - 4 + over;
      memset(in + n, 'A', len);
      strcpy(in + n + len, "\r\n" M Q);
      d = (struct double_world){ .in = in, .in_len = strlen(in), .piece = piece, .checker = 1, .canary = 2,
        .attributes = "" };
      run_logged(&d, &f);
      char *said = codes(&d);
      assert_string_equal(said, over ? "220 250 334 500/5.5.6 250/2.1.0" S : "220 250 334 501/5.5.2 250/2.1.0" S);
      free(said);
    }
  }
}

static void failures(void **state)
{
  static struct double_world d;
  static char const says[] = E P P P P P;
  struct server_facts f = { .tables = with_logins("4"), .auth_clear = 1 };
  d = (struct double_world){ .in = says, .in_len = sizeof says - 1, .checker = 1, .canary = 2, .code = 1,
    .attributes = "" };
  run_logged(&d, &f);
  char *said = codes(&d);
  assert_string_equal(said, "220 250 535/5.7.8 535/5.7.8 535/5.7.8 535/5.7.8 421/4.7.0");
  assert_true(d.waited == 500 + 1000 + 2000 + 4000 && d.failures == 4 && d.checks == 4);
  assert_non_null(strstr(log_text, "verdict=refused user=bob mechanism=PLAIN"));
  assert_non_null(strstr(log_text, "why=logins"));
  free(said);
  d = (struct double_world){ .in = says, .in_len = sizeof says - 1, .checker = 1, .canary = 2, .code = 1,
    .attributes = "",
    .failures = 9, .failures_max = 10 };
  run_logged(&d, &f);
  said = codes(&d);
  assert_string_equal(said, "220 250 535/5.7.8 454/4.7.0 454/4.7.0 454/4.7.0 454/4.7.0");
  assert_true(d.waited == 500 << 5 && d.checks == 1);
  free(said);
}

static void scram(void **state)
{
  static struct { char const *messages[3]; int code; char const *says, *codes,
    *asked; int attributes; } const cases[] = {
    { { "r=1", "v=2" }, 0, "AUTH SCRAM-SHA-256 YQ==\r\nYg==\r\n\r\n", "334 334 235/2.7.0", "<a<b", 1 },
    { { "r=1", "v=2" }, 0, "AUTH SCRAM-SHA-256\r\nYQ==\r\nYg==\r\n\r\n", "334 334 334 235/2.7.0", "<a<b", 1 },
    { { "r=1", "e=other-error" }, 1, "AUTH SCRAM-SHA-256 YQ==\r\nYg==\r\n", "334 535/5.7.8", "<a<b", 1 },
    { { "e=unknown-user" }, 1, "AUTH SCRAM-SHA-256 YQ==\r\n", "535/5.7.8", "<a", 1 },
    { { 0 }, 1, "AUTH SCRAM-SHA-256 YQ==\r\n", "535/5.7.8", "<a", 1 },
    { { "r=1", "v=2" }, 1, "AUTH SCRAM-SHA-256 YQ==\r\nYg==\r\n\r\n", "334 334 535/5.7.8", "<a<b", 1 },
    { { "r=1", "v=2" }, 0, "AUTH SCRAM-SHA-256 YQ==\r\nYg==\r\nYQ==\r\n", "334 334 501/5.5.2", "<a<b", 1 },
    { { "r=1", "v=2" }, 0, "AUTH SCRAM-SHA-256 YQ==\r\nYg==\r\n*\r\n", "334 334 501/5.7.0", "<a<b", 1 },
    { { "r=1", "v=2" }, 0, "AUTH SCRAM-SHA-256 YQ==\r\n*\r\n", "334 501/5.7.0", "<a", 1 },
    { { 0 }, 111, "AUTH SCRAM-SHA-256 YQ==\r\n", "454/4.7.0", "<a", 1 },
    { { "r=1", "v=2" }, 0, "AUTH SCRAM-SHA-256 YQ==\r\nYg==\r\n\r\n", "334 334 454/4.7.0", "<a<b", 0 }, /* whom? */
  }, *c;
  EACH_CASE(c, cases) {
    static struct double_world d;
    static char const with[] = "mechanisms=SCRAM-SHA-256\0user=bob", without[] = "mechanisms=SCRAM-SHA-256";
    struct server_facts f = { .tables = with_logins(0), .auth_clear = 1 };
    char in[200], wanted[100];
    size_t n = (size_t)snprintf(in, sizeof in, "%s%s%s", E, c->says, Q);
    snprintf(wanted, sizeof wanted, "220 250 %s" S, c->codes);
    for (size_t piece = 0; piece < 3; piece++) {
      d = (struct double_world){ .in = in, .in_len = n, .piece = piece, .checker = 1, .canary = 2, .code = c->code,
        .attributes = c->attributes ? with : without, .attributes_len = c->attributes ? sizeof with : sizeof without };
      memcpy(d.messages, c->messages, sizeof d.messages);
      run_logged(&d, &f);
      char *said = codes(&d);
      CHECK(!strcmp(said, wanted) && !strcmp(d.asked_checker.s, c->asked) && !d.misuses, "case %zu: %s, %s", i_, said,
        d.asked_checker.s);
      int fails = strstr(c->codes, "235") || strstr(c->codes, "454") ? 0 : 1; /* who gives up has failed, too */
      CHECK(d.waited == 500 * fails && d.failures == (uint32_t)fails, "case %zu: %lld, %u", i_, (long long)d.waited,
        d.failures);
      free(said);
    }
  }
}

static void environment(void **state)
{
  static struct double_world d;
  static char const user[] = "user=a/b%c d\xc3\xbc\\", says[] = E P Q;
  struct server_facts f = { .tables = with_logins(0), .auth_clear = 1 };
  d = (struct double_world){ .in = says, .in_len = sizeof says - 1, .checker = 1, .canary = 2, .attributes = user,
    .attributes_len = sizeof user };
  run_logged(&d, &f);
#define SAFE "a\\x2fb\\x25c\\x20d\\xc3\\xbc\\\\ "
  assert_string_equal(d.env.s, "TCPREMOTEINFO=" SAFE "SMTPAUTHUSER=" SAFE "AUTHUSER=" SAFE "AUTHPROTOCOL=PLAIN ");
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(dialogues), cmocka_unit_test(login_first), cmocka_unit_test(offers),
    cmocka_unit_test(long_lines), cmocka_unit_test(failures), cmocka_unit_test(scram), cmocka_unit_test(environment),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
