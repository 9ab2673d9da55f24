/* TLSA records in answers, good and hostile; whose word on validation is believed. */
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <arpa/nameser.h>
#include "dns_bytes.h"
#include "unit.h"
#include "dns/tlsa.h"

#define NAME "_25._tcp.mx.example"

static struct tlsa_list l;

static void begin(unsigned answers)
{
  len = 0;
  u16(4711); u16(0x81a0); u16(1); u16(answers); u16(0); u16(0);
  name(NAME); u16(ns_t_tlsa); u16(1);
}

static void record(char const *owner, unsigned type, void const *data, size_t n)
{
  name(owner); u16(type); u16(1); u16(0); u16(300); u16((unsigned)n);
  memcpy(msg + len, data, n);
  len += n;
}

static int reads(void)
{
  return dns_answer_tlsa(&l, NAME, msg, len);
}

static void records(void **state)
{
  begin(4);
  record(NAME, ns_t_tlsa, "\3\1\1abc", 6);
  record("_26._tcp.mx.example", ns_t_tlsa, "\3\1\1xyz", 6);
  record("_25._TCP.mx.EXAMPLE", ns_t_tlsa, "\2\0\377de", 5);
  record(NAME, ns_t_tlsa, "\1\2\3", 3); /* no data: unusable, but a record */
  assert_int_equal(reads(), 0);
  assert_int_equal(l.n, 3);
  assert_true(l.tlsa[0].usage == 3 && l.tlsa[0].selector == 1 && l.tlsa[0].matching == 1 && l.tlsa[0].len == 3);
  assert_memory_equal(l.data + l.tlsa[0].at, "abc", 3);
  assert_true(l.tlsa[1].usage == 2 && l.tlsa[1].selector == 0 && l.tlsa[1].matching == 255 && l.tlsa[1].len == 2);
  assert_memory_equal(l.data + l.tlsa[1].at, "de", 2);
  assert_true(l.tlsa[2].usage == 1 && l.tlsa[2].len == 0 && !l.more);
  begin(0);
  assert_int_equal(reads(), 0);
  assert_true(!l.n && !l.more && !l.len);
}

static void behind_a_cname(void **state)
{
  begin(2);
  record(NAME, ns_t_cname, "\2to\7example", 12);
  record("to.example", ns_t_tlsa, "\3\1\1abc", 6);
  assert_int_equal(reads(), 0);
  assert_int_equal(l.n, 1);
}

static void malformed(void **state)
{
  for (size_t n = 0; n < 3; n++) {
    begin(1);
    record(NAME, ns_t_tlsa, "\3\1", n);
    assert_int_equal(reads(), -1);
  }
  begin(1);
  record(NAME, ns_t_tlsa, "\3\1\1abc", 6);
  for (size_t whole = len; len--;) CHECK(reads() == -1, "%zu of %zu bytes", len, whole);
}

/* A list takes DNS_TLSA records, and their data whatever it is. */
static void many(void **state)
{
  static unsigned char const data[900] = { 3, 1 };
  begin(DNS_TLSA + 2);
  for (unsigned i = 0; i < DNS_TLSA + 2; i++) record(NAME, ns_t_tlsa, data, sizeof data - i);
  assert_true(len <= NS_MAXMSG);
  assert_int_equal(reads(), 0);
  assert_true(l.n == DNS_TLSA && l.more == 2);
  for (unsigned i = 0; i < l.n; i++) assert_int_equal(l.tlsa[i].len, sizeof data - i - 3);
  static unsigned char big[65000] = { 3 };
  begin(1);
  record(NAME, ns_t_tlsa, big, sizeof big);
  assert_int_equal(reads(), 0);
  assert_true(l.n == 1 && l.tlsa[0].len == sizeof big - 3 && !l.more);
}

/* A server on another machine is believed when the operator says so: of $DNSCACHEIP's. trust-ad speaks of resolv.conf's
 * servers alone; libresolv reads it once in a process. What resolv.conf may say besides needs a machine of its own:
 * tests/e2e/test_remote_dane.py. */
static void believed(void **state)
{
  static struct { char const *server; unsigned trust : 1, words : 1, believed : 1; } const cases[] = {
    { "192.0.2.1", 0, 0, 0 }, { "192.0.2.1", 0, 1, 0 }, { "192.0.2.1", 1, 0, 1 }, { "[2001:db8::1]:5353", 0, 1, 0 },
    { "127.0.0.9", 0, 0, 1 }, { "127.0.0.1:5353", 0, 1, 1 }, { "::1", 0, 0, 1 }, { "[::1]:5353", 1, 1, 1 },
    { 0, 0, 1, 1 }, { "", 0, 1, 1 },
  }, *c;
  EACH_CASE(c, cases) {
    int const bits = RES_TRUSTAD | RES_USE_DNSSEC;
    int status;
    pid_t pid = fork();
    if (!pid) {
      struct resolver r;
      int ready = (!c->words || !setenv("RES_OPTIONS", "trust-ad", 1)) && !resolver_init(&r, c->server, c->trust);
      _exit(ready && r.trusted == c->believed && ((int)r.state.options & bits) == (c->believed ? bits : 0) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    CHECK(status == 0, "%s, %d, %d", c->server ? c->server : "resolv.conf", c->trust, c->words);
  }
}

/* A name that can't stand behind _PORT._tcp. has no records: nobody is asked. */
static void too_long(void **state)
{
  char long_name[DOMAIN_TEXT];
  struct resolver r;
  assert_int_equal(resolver_init(&r, "127.0.0.1:5", 0), 0);
  r.state.retrans = r.state.retry = 1;
  memset(long_name, 'a', sizeof long_name);
  for (unsigned i = 63; i < 250; i += 64) long_name[i] = '.';
  long_name[250] = 0;
  assert_int_equal(tlsa_find(&r, long_name, 25, &l), DNS_NONE);
  assert_int_equal(tlsa_find(&r, "mx.example", 25, &l), DNS_FAILED);
  assert_false(l.secure || r.secure);
  resolver_free(&r);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(believed), cmocka_unit_test(records), cmocka_unit_test(behind_a_cname),
    cmocka_unit_test(malformed), cmocka_unit_test(many),
    cmocka_unit_test(too_long),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
