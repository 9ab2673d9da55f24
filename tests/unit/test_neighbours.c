/* lib/rules/neighbours: routing tables as the kernel prints them, and the warnings. */
#include "rules_double.h"
#include "rules/neighbours.h"

static char const table4[] =
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
  "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
  "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
  "eth1\t0000000A\t020011AC\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n"
  "tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n"
  "eth2\t00000000\tFE0200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
static char const table6[] =
  "00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 "
  "00000001 00000000 00000003     eth0\n"
  "20010db8000000000000000000000000 20 00000000000000000000000000000000 00 20010db8000000000000000000000002 00000400 "
  "00000001 00000000 00000003     eth0\n"
  "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff "
  "00000001 00000000 00200200       lo\n";

static void routes(void **state)
{
  static struct { char const *text; int v6; char const *found; } const rows[] = {
    { table4, 0, "172.17.0.1 192.0.2.254 " }, { table6, 1, "2001:db8::1 " }, { table4, 1, "" }, { table6, 0, "" },
    { "", 0, "" }, { "\n\n\n", 0, "" }, { "a 00000000 0100000", 0, "" }, { "a 00000000 010000x0", 0, "" },
    { "a 00000000 0100007f", 0, "127.0.0.1 " }, { "a 00000000", 0, "" }, { "a 000000000 0100007f", 0, "" },
  };
  uint32_t one = 1;
  if (!*(char *)&one) skip(); /* the tables are a little-endian machine's */
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct neighbours x = { .len = 0 };
    char found[300] = "", ip[IP_TEXT];
    neighbours_routes(&x, rows[i].text, strlen(rows[i].text), rows[i].v6);
    for (size_t k = 0; k < x.len; k++) {
      ip_fmt(ip, &x.n[k].ip);
      strcat(strcat(found, ip), " ");
      assert_string_equal(x.n[k].what, "the default gateway");
    }
    assert_string_equal(found, rows[i].found);
  }
}

/* No more than there is room for. */
static void many(void **state)
{
  struct neighbours x = { .len = 0 };
  for (unsigned i = 0; i < NEIGHBOURS + 10; i++) neighbours_routes(&x, "a 00000000 0100007f", 19, 0);
  assert_int_equal(x.len, NEIGHBOURS);
}

#define WARNS(place, does, whom, rest, so) \
  place ": warning: " does " " whom ", the default gateway" rest ": if strangers' connections come through it (NAT, " \
  "a container's port, a proxy), they may " so "; if that is meant, end the line with `# ok: gateway`\n"
static void check(void **state)
{
  static struct { char const *clients, *relay, *said; } const rows[] = {
    { ":allow\n", "", "" }, { ":allow\n172.17.0.0/16:allow\n", "", "" }, { ":allow\n172.17.0.0/16:deny\n", "", "" },
    { ":allow\n172.17.0.0/16:allow,RELAYCLIENT=\"\"\n172.17.0.1:allow\n", "", "" },
    { ":allow\n172.:allow,A=\"b\",RELAYCLIENT=\"\"\n", "", WARNS("clients:2", "trusts", "172.17.0.1", "", "relay") },
    { ":allow\n172.17.0.1:allow,RELAYCLIENT=\"\" # ok: gateway; nobody else is in there\n", "", "" },
    { ":allow\n10.0.0.1:allow,RELAYCLIENT=\"\" # ok: gateway\n", "", "" }, /* not stale: another day it may be one */
    { ":allow\n2001:db8::/32:allow,RELAYCLIENT=\"\"\n", "", WARNS("clients:2", "trusts", "2001:db8::1", "", "relay") },
    { ":allow\n2001:db8::/32:allow,RELAYPROXY=\"\"\n", "",
      WARNS("clients:2", "believes", "2001:db8::1", "", "claim any address") },
    { ":allow\n", "grant device 172.17.0.2 from any to b.example\ngrant device 172.16.0.0/12 from any to a.example\n",
      WARNS("relay:2", "takes", "172.17.0.1", ", for the device", "pass for it") },
    { ":allow\n", "grant device 2001:db8::1 from j@a.example to b.example\ngrant device 2001:db8::2 from any to any\n",
      WARNS("relay:1", "takes", "2001:db8::1", ", for the device", "pass for it") },
    { ":allow\n", "grant device 172.17.0.1 from j@a.example to b.example # ok: gateway\n", "" },
    { ":allow\n", "grant device 0.0.0.0/0 from j@a.example to b.example # ok: gateway, large-prefix\n"
      "grant to-host 172.17.0.1\n", "" },
  };
  struct neighbours x = { .len = 2 };
  strcpy(x.n[0].what, "the default gateway");
  strcpy(x.n[1].what, "the default gateway");
  assert_true(ip_scan(&x.n[0].ip, "172.17.0.1", 10) && ip_scan(&x.n[1].ip, "2001:db8::1", 11));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct rules_text texts[] = { { "me", "relay.example", 13 }, { "clients", rows[i].clients,
        strlen(rows[i].clients) },
      { "relay", rows[i].relay, strlen(rows[i].relay) } };
    FILE *f = tmpfile();
    assert_non_null(f);
    said.len = 0;
    assert_int_equal(rules_compile_beside(texts, 3, &x, fileno(f), say, &said), 0);
    fclose(f);
    assert_true(stralloc_0(&said));
    assert_string_equal(said.s, rows[i].said);
  }
}

/* Looking around must work anywhere, whatever there is to see. */
static void around(void **state)
{
  struct neighbours x = { .len = 99 };
  neighbours_find(&x);
  assert_true(x.len <= NEIGHBOURS);
  for (size_t i = 0; i < x.len; i++) assert_true(x.n[i].ip.len == 4 || x.n[i].ip.len == 16);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(routes), cmocka_unit_test(many), cmocka_unit_test(check), cmocka_unit_test(around)
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
