/* Delivery as a whole, against a server in a child process: the connection is kept, but not for ever; which failure
 * is reported. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "unit.h"
#include "base/io.h"
#include "remote/remote.h"
#include "table/table.h"

static struct remote rm;
static struct client_body body;

/* A server for n connections on a port of its own: each gets as many messages as come. Exits with the number of
 * messages. */
static pid_t serve(uint16_t *port, int connections)
{
  struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
  socklen_t len = sizeof sa;
  int l = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(l, (struct sockaddr *)&sa, sizeof sa), 0);
  assert_int_equal(listen(l, 5), 0);
  assert_int_equal(getsockname(l, (struct sockaddr *)&sa, &len), 0);
  *port = ntohs(sa.sin_port);
  pid_t pid = fork();
  if (pid) return close(l), pid;
  alarm(20);
  int messages = 0;
  while (connections--) {
    FILE *f = fdopen(accept(l, 0, 0), "r+");
    char line[1000];
    int quit = 0, text = 0;
    fputs("220 x\r\n", f);
    fflush(f);
    while (!quit && fgets(line, sizeof line, f)) {
      if (text && strcmp(line, ".\r\n")) continue;
      quit = !strncmp(line, "QUIT", 4);
      messages += text;
      text = !text && !strncmp(line, "DATA", 4);
      fseek(f, 0, SEEK_CUR);
      fputs(text ? "354 go\r\n" : "250 ok\r\n", f);
      fflush(f);
    }
    fclose(f);
  }
  _exit(messages);
}

static char verdict(void)
{
  struct client_report report = CLIENT_REPORT_ZERO;
  struct client_message m = { .sender = "s@x", .recipients = "a@y", .n = 1, .body = &body };
  assert_int_equal(client_body_rewind(&body), 0);
  remote_deliver(&rm, &m, &report);
  assert_true(report.sa.len > 1 && !report.failed);
  char kind = 0;
  for (size_t at = 0; at < report.sa.len; at += strlen(report.sa.s + at) + 1) kind = report.sa.s[at];
  client_report_free(&report);
  return kind;
}

static struct table_set *rules(void)
{
  FILE *f = tmpfile();
  assert_non_null(f);
  struct table_builder *b = table_build(fileno(f));
  assert_non_null(b);
  assert_int_equal(table_add(b, TABLE_ME, "", 0, 1, "me.example", 10), 0);
  assert_int_equal(table_finish(b), 0);
  struct table_set *t = table_open_fd(fileno(f));
  assert_non_null(t);
  fclose(f);
  return t;
}

static void opened(uint16_t port)
{
  int p[2];
  struct table_set *t = rules();
  assert_null(remote_open(&rm, t, 0, 0, 5));
  table_close(t);
  assert_string_equal(rm.me, "me.example");
  strcpy(rm.route.host, "127.0.0.1");
  rm.route.port = port;
  rm.route.mx = 0;
  rm.route.named = 1;
  assert_int_equal(pipe(p), 0);
  assert_int_equal(write(p[1], "x\n", 2), 2);
  close(p[1]);
  assert_int_equal(client_body_open(&body, p[0], -1), 0);
  close(p[0]);
}

static void kept_for_a_while(void **state)
{
  uint16_t port;
  int status;
  pid_t pid = serve(&port, 2);
  opened(port);
  for (int i = 0; i < 3; i++) assert_int_equal(verdict(), 'K');
  int64_t first = rm.since;
  rm.since = io_now() - REMOTE_REUSE * 1000 + 60000; /* not yet */
  assert_int_equal(verdict(), 'K');
  assert_true(rm.since < first);
  rm.since = io_now() - REMOTE_REUSE * 1000; /* now */
  assert_int_equal(verdict(), 'K');
  assert_true(rm.since >= first);
  remote_hang_up(&rm);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 5 << 8);
  assert_int_equal(verdict(), 'Z'); /* nobody there any more */
  remote_close(&rm);
}

static void without_rules(void **state)
{
  assert_non_null(remote_open(&rm, 0, 0, 0, 0));
  struct table_set *t = rules();
  assert_non_null(strstr(remote_open(&rm, t, "nonsense", 0, 0), "DNSCACHEIP"));
  table_close(t);
}

static void failures(void **state)
{
  struct failure f = { .kind = 0 };
  failure_note(&f, 'D', "a", 0, 0);
  assert_int_equal(f.kind, 'D');
  failure_note(&f, 'D', "b", "c", "d");
  assert_string_equal(f.text, "bcd");
  failure_note(&f, 'Z', "e", 0, "f");
  assert_int_equal(f.kind, 'Z');
  assert_string_equal(f.text, "ef");
  failure_note(&f, 'D', "g", 0, 0);
  assert_int_equal(f.kind, 'Z');
  assert_string_equal(f.text, "ef");
  failure_note(&f, 'Z', "h", 0, 0);
  assert_string_equal(f.text, "h");
  static char huge[3000];
  memset(huge, 'x', sizeof huge - 1);
  failure_note(&f, 'Z', huge, huge, huge);
  assert_int_equal(strlen(f.text), REMOTE_FAILURE_TEXT - 1);
}

int main(void)
{
  signal(SIGPIPE, SIG_IGN);
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(kept_for_a_while), cmocka_unit_test(without_rules), cmocka_unit_test(failures),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
