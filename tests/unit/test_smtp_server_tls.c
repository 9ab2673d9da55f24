/* STARTTLS: when it may come, and what is forgotten. */
#include "unit.h"
#include "smtp_cases.h"

#define TLS "STARTTLS\r\n"
#define P "AUTH PLAIN AGJvYgBwYXNz\r\n"

struct start {
  char const *name, *clear, *then;
  int tls, checker;
  char const *codes;
};

static struct start const starts[] = {
  { "as it should be", E TLS, EMR Q, 1, 0, "220 250 220/2.0.0 250 250/2.1.0 250/2.1.5" S },
  { "not there", E TLS Q, 0, 0, 0, "220 250 502/5.5.1" S },
  { "before EHLO", TLS E TLS, E Q, 1, 0, "220 503/5.5.1 250 220/2.0.0 250" S },
  { "with an argument", E "STARTTLS x\r\n" TLS, Q, 1, 0, "220 250 501/5.5.4 220/2.0.0" S },
  { "in a transaction", EMR TLS "RSET\r\n" TLS, Q, 1, 0, A "503/5.5.1 250/2.0.0 220/2.0.0" S },
  { "in chunks", EMR "BDAT 1\r\nx" TLS "RSET\r\n" Q, 0, 1, 0, A "250/2.0.0 503/5.5.1 250/2.0.0" S },
  { "twice", E TLS, TLS E TLS "STARTTLS x\r\n" Q, 1, 0, "220 250 220/2.0.0 503/5.5.1 250 503/5.5.1 503/5.5.1" S },
  { "EHLO is forgotten", E TLS, M R Q, 1, 0, "220 250 220/2.0.0 503/5.5.1 503/5.5.1" S },
  { "what came too early is gone", E TLS EMR "DATA\r\nx\r\n.\r\n" Q, E Q, 1, 0, "220 250 220/2.0.0 250" S },
  { "half a line too", E TLS "QUI", "T\r\n" Q, 1, 0, "220 250 220/2.0.0 500/5.5.2" S },
  { "a bare LF too", E TLS "x\nMAIL", E Q, 1, 0, "220 250 220/2.0.0 250" S },
  { "it is gone", E TLS Q, 0, -2, 0, "220 250 454/4.7.0" S },
  { "it fails", E TLS Q, E Q, -1, 0, "220 250 220/2.0.0" },
  { "the login is forgotten", E P TLS, E "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@elsewhere.example>\r\nRSET\r\n" P Q,
    1, 1,
    "220 250 235/2.7.0 220/2.0.0 250 250/2.1.0 550/5.7.1 250/2.0.0 235/2.7.0" S },
};

static void dialogues(void **state)
{
  struct start const *c;
  struct table_set *t = rules(0);
  struct server_facts f = { .tables = t, .auth_clear = 1, .client_info = "ident" };
  EACH_CASE(c, starts) for (size_t piece = 0; piece < 4; piece++) {
    static struct double_world d;
    d = (struct double_world){ .in = c->clear, .in_len = strlen(c->clear), .piece = piece, .tls = c->tls,
      .then = c->then,
      .then_len = c->then ? strlen(c->then) : 0, .checker = c->checker, .canary = 2, .attributes = "" };
    run_logged(&d, &f);
    char *said = codes(&d);
    CHECK(!strcmp(said, c->codes), "%s, pieces of %zu: %s", c->name, piece, said);
    CHECK(!d.misuses && d.canaries <= 1 && !d.finishes, "%s", c->name);
    if (d.starttls) CHECK(!!strstr(log_text, "tls-failed") == (c->tls < 0), "%s: %s", c->name, log_text);
    if (c->checker)
      CHECK(strstr(d.env.s, "AUTHPROTOCOL=PLAIN TCPREMOTEINFO=ident SMTPAUTHUSER- AUTHUSER- AUTHPROTOCOL- "), "%s",
        d.env.s);
    free(said);
  }
  table_close(t);
}

#define V(s) .vars = s, .vars_len = sizeof s

/* What the TLS side says goes to log, trace, and the programs behind us. */
static void variables(void **state)
{
  static struct double_world d;
  static char const clear[] = E TLS, then[] = EMR "DATA\r\nA: b\r\n.\r\n" Q;
  struct table_set *t = rules(0);
  struct server_facts f = { .tables = t };
  static char const vars[] = "SSL_PROTOCOL=TLSv1.3\0SSL_CIPHER=TLS_AES_256_GCM_SHA384\0SSL_X=a\nb\0SSL_Y=\0"
    "SSL_CLIENT_VERIFY=NONE\0"
    "SSL_CLIENT_S_DN_CN=mallory\0SSL_CERT=-----BEGIN X\nY";
  d = (struct double_world){ .in = clear, .in_len = sizeof clear - 1, .tls = 1, .then = then,
    .then_len = sizeof then - 1,
    V(vars) };
  run_logged(&d, &f);
  assert_string_equal(d.env.s, "SSL_PROTOCOL=TLSv1.3 SSL_CIPHER=TLS_AES_256_GCM_SHA384 SSL_Y= SSL_CLIENT_VERIFY=NONE "
    "SSL_CLIENT_S_DN_CN=mallory SSL_CERT=-----BEGIN X\nY ");
  assert_non_null(strstr(d.taken.s, " with ESMTPS id "));
  assert_non_null(strstr(d.taken.s, "\n  (TLSv1.3 TLS_AES_256_GCM_SHA384)\n"));
  assert_non_null(strstr(d.taken.s, "\n  tls TLS_AES_256_GCM_SHA384; "));
  assert_non_null(strstr(log_text, " tls=1 protocol=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384"));
  assert_null(strstr(log_text, "mallory"));
  d = (struct double_world){ .in = clear, .in_len = sizeof clear - 1, .tls = 1, .then = then,
    .then_len = sizeof then - 1 };
  run_logged(&d, &f);
  assert_non_null(strstr(d.taken.s, " with ESMTPS id "));
  assert_non_null(strstr(log_text, " tls=1"));
  table_close(t);
}

static void certificates(void **state)
{
  static struct { char const *vars; size_t n; char const *asked; } const cases[] = {
#define C(s, asked) { s, sizeof s, asked }
    C("SSL_CLIENT_VERIFY=SUCCESS\0SSL_CLIENT_S_DN_CN=carol", "EXTERNALcarol|||;"),
    C("SSL_CLIENT_S_DN_Email=c@x\0SSL_CLIENT_VERIFY=SUCCESS\0SSL_CLIENT_S_DN_CN=carol", "EXTERNALcarol|||;"),
    C("SSL_CLIENT_S_DN_Email=c@x\0SSL_CLIENT_VERIFY=SUCCESS", ""),
    C("SSL_CLIENT_VERIFY=NONE\0SSL_CLIENT_S_DN_CN=carol", ""),
      C("SSL_CLIENT_VERIFY=FAILED:x\0SSL_CLIENT_S_DN_CN=carol", ""),
    C("SSL_CLIENT_S_DN_CN=carol", ""), C("SSL_CLIENT_VERIFY=SUCCESS", ""),
      C("SSL_CLIENT_VERIFY=SUCCESS\0SSL_CLIENT_S_DN_CN=", ""),
    C("SSL_CLIENT_VERIFY=SUCCESS\0SSL_CLIENT_S_DN_CN=a\nb", ""),
  }, *c;
  static char const clear[] = E TLS, then[] = E "AUTH EXTERNAL =\r\n" Q, says[] = "mechanisms=EXTERNAL";
  struct table_set *t = rules(0);
  struct server_facts f = { .tables = t };
  EACH_CASE(c, cases) {
    static struct double_world d;
    d = (struct double_world){ .in = clear, .in_len = sizeof clear - 1, .tls = 1, .then = then,
      .then_len = sizeof then - 1,
      .vars = c->vars, .vars_len = c->n, .checker = 1, .canary = 2, .attributes = says, .attributes_len = sizeof says };
    run_logged(&d, &f);
    char *said = codes(&d);
    CHECK(!strcmp(d.asked_checker.s, c->asked), "case %zu: %s", i_, d.asked_checker.s);
    CHECK(!!strstr(said, "235") == !!*c->asked && !!strstr(said, "504") == !*c->asked, "case %zu: %s", i_, said);
    free(said);
  }
  table_close(t);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(dialogues), cmocka_unit_test(variables), cmocka_unit_test(certificates),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
