/* lib/policy/decide over damaged tables. */
#include <sys/stat.h>
#include "decide_double.h"
#include "policy/gate.h"
#include "policy/match.h"

/* A file with all that `relay` can say, on fd. Nothing in it grants a stranger what he asks below. */
static int everything(void)
{
  static char const relay[] =
    "require tls\ngrant login\ngrant clients\ngrant pop 60\ngrant to partner.example\ngrant to-host 10.0.0.0/8\n"
    "grant sender @friend.example forgeable\ngrant device 10.0.0.7 from any to any\ngrant sender user forgeable\n"
    "deny to denied.example\nlocal remote.example\n";
  static char const domains[] = "hosted.example\n.sub.example listed\nasked.example asked\n[192.0.2.1]\n";
  static char const recipients[] = "joe@x.sub.example\n@y.sub.example\n";
  static char const clients[] = "192.0.2.1:deny\n192.0.2.0/24:allow\n:allow\n";
  static char const aliases[] = "sales@hosted.example joe@x.sub.example\n";
  struct rules_text texts[] = {
    { "me", "relay.example", 13 }, { "domains", domains, strlen(domains) },
    { "relay", relay, strlen(relay) }, { "recipients", recipients, strlen(recipients) },
    { "aliases", aliases, strlen(aliases) }, { "clients", clients, strlen(clients) },
  };
  int result, fd = compiled(texts, 6, &result);
  if (result) print_error("%s", said.s);
  assert_int_equal(result, 0);
  return fd;
}

static void is_tables(struct decision const *d)
{
  assert_int_equal(d->verdict, VERDICT_TEMPFAIL);
  assert_int_equal(d->reason, REASON_TABLES);
  assert_int_equal(d->origin, ORIGIN_EXTERNAL);
  assert_int_equal(d->record.line, 0);
}

/* No damaged file lets a stranger relay: every byte changed, every truncation. */
static void damaged(void **state)
{
  struct address sender, recipient;
  struct facts f, trusted;
  struct decision d;
  struct record r;
  struct stat st;
  int fd = everything();
  assert_int_equal(fstat(fd, &st), 0);
  size_t n = (size_t)st.st_size, opened = 0, corrupt = 0;
  char *whole = malloc(n), byte;
  assert_int_equal(pread(fd, whole, n, 0), (ssize_t)n);
  set_address(&sender, "a@hosted.example");
  set_address(&recipient, "b@other.example");
  set_facts(&f, TLS, &sender, &recipient);
  f.mx = ANSWER_NO;
  set_facts(&trusted, TRUSTED | LOGIN | MAY | TLS, &sender, &recipient);
  for (size_t i = 0; i < 3 * n; i++) {
    byte = (char)(whole[i / 3] ^ (i % 3 == 0 ? 1 : i % 3 == 1 ? 0x80 : 0xff));
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)(i / 3)), 1);
    struct table_set *t = table_open_fd(fd);
    opened += t != 0;
    decide(&d, t, &f);
    assert_int_not_equal(d.verdict, VERDICT_ACCEPT);
    if (!t || d.verdict == VERDICT_TEMPFAIL) is_tables(&d);
    /* What was found before the damage shows counts for nothing. */
    decide(&d, t, &trusted);
    if (t && (table_find(t, TABLE_RELAY, "grant login", 11, &r) < 0 || match_hosted(t, "hosted.example", &r) < 0)) {
      is_tables(&d);
      corrupt++;
    }
    if (d.verdict == VERDICT_TEMPFAIL) is_tables(&d);
    if (t) table_close(t);
    assert_int_equal(pwrite(fd, whole + i / 3, 1, (off_t)(i / 3)), 1);
  }
  assert_true(opened > 0 && corrupt > 0);
  for (size_t len = n; len--; ) {
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    assert_null(table_open_fd(fd));
  }
  free(whole);
  close(fd);
}

/* A file that is cut while it is open decides nothing any more, not even what is still found. */
static void cut(void **state)
{
  static char const *const recipients[] = {
    "b@other.example", "b@hosted.example", "sales@hosted.example", "b@denied.example", "b%c@hosted.example",
    "postmaster",
  };
  struct address sender, recipient;
  struct facts f;
  struct decision d;
  struct record r;
  struct ip denied, stranger;
  struct stat st;
  int fd = everything();
  assert_true(ip_scan(&denied, "192.0.2.1", 9) && ip_scan(&stranger, "203.0.113.9", 11));
  struct table_set *t = table_open_fd(fd);
  assert_non_null(t);
  assert_int_equal(fstat(fd, &st), 0);
  set_address(&sender, "a@hosted.example");
  for (off_t size = st.st_size; size >= st.st_size - 8; size--) {
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(gate_find(t, &denied, 0, 0, &r), size < st.st_size ? GATE_TEMPFAIL : GATE_DENY);
    assert_int_equal(gate_find(t, &stranger, 0, 0, &r), size < st.st_size ? GATE_TEMPFAIL : GATE_ALLOW);
    for (size_t i = 0; i < sizeof recipients / sizeof *recipients; i++) {
      set_address(&recipient, recipients[i]);
      set_facts(&f, TRUSTED | LOGIN | MAY | TLS, &sender, &recipient);
      decide(&d, t, &f);
      if (size < st.st_size) is_tables(&d);
      else assert_int_not_equal(d.reason, REASON_TABLES);
    }
  }
  table_close(t);
  close(fd);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(damaged), cmocka_unit_test(cut) };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
