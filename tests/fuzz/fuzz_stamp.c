/* Stamps: whatever a file says, what is read is within its limits, and written again reads the same. The first byte
 * chooses between bodies and names. */
#include "fuzz.h"
#include "stamp/stamp.h"

static void body(char const *s, size_t n)
{
  struct stamp a = { .time = 5 }, b = { .time = 6 };
  char text[STAMP_BODY];
  if (!stamp_scan(&a, s, n)) return;
  size_t user = strlen(a.user), node = strlen(a.node);
  MUST(a.time == 5 && a.boot >= -1 && user < STAMP_USER && node < STAMP_NODE);
  MUST(!user || stamp_is_user(a.user, user));
  MUST(!node || stamp_is_node(a.node, node));
  for (size_t i = 0; i < user; i++) MUST((unsigned char)a.user[i] >= 0x20 && a.user[i] != 0x7f);
  size_t len = stamp_fmt(text, &a);
  MUST(len && len <= sizeof text);
  MUST(stamp_scan(&b, text, len) && b.boot == a.boot && b.net == a.net && !strcmp(a.user, b.user) &&
       !strcmp(a.node, b.node));
  int64_t age = stamp_age(&a, 400, a.boot);
  MUST(age >= 395);
}

static void name(char const *s, size_t n)
{
  struct ip ip;
  char text[IP_TEXT];
  if (!stamp_name_scan(&ip, s, n)) return;
  MUST(ip_fmt(text, &ip) == n && !memcmp(text, s, n) && !memchr(s, '/', n) && n && *s != '.');
  struct ip net = stamp_network(&ip), again = stamp_network(&net);
  MUST(net.len == ip.len && !memcmp(&net, &again, sizeof net) && !memcmp(net.b, ip.b, 8));
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  int names = fuzz_byte(&data, &size) & 1;
  char *s = fuzz_copy(data, size);
  names ? name(s, size) : body(s, size);
  free(s);
  return 0;
}
