/* Addresses: what we read the system reads too, to the same bytes; what we write we read again. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "fuzz.h"
#include "parse/ip.h"

static void against_system(struct ip const *ip, char const *s, size_t n)
{
  char text[IP_TEXT + 1];
  struct in6_addr six;
  struct ip theirs;
  MUST(n < IP_TEXT);
  memcpy(text, s, n);
  text[n] = 0;
  int colon = !!memchr(s, ':', n);
  MUST(inet_pton(colon ? AF_INET6 : AF_INET, text, &six) == 1);
  ip_set(&theirs, six.s6_addr, colon ? 16 : 4);
  MUST(!memcmp(&theirs, ip, sizeof *ip));
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  struct ip ip, again;
  char text[IP_TEXT];
  char *s = fuzz_copy(data, size);
  if (ip_scan(&ip, s, size)) {
    against_system(&ip, s, size);
    size_t n = ip_fmt(text, &ip);
    MUST(n < IP_TEXT && strlen(text) == n);
    MUST(ip_scan(&again, text, n) && !memcmp(&ip, &again, sizeof ip));
    unsigned bits = size ? data[size - 1] : 0;
    ip_mask(&again, bits);
    MUST(!ip_mask(&again, bits));
    MUST(bits < 8u * ip.len || !memcmp(&ip, &again, sizeof ip));
  }
  else if (size && size < IP_TEXT && !memchr(s, 0, size)) {
    /* what we refuse the system refuses too */
    char z[IP_TEXT];
    struct in6_addr six;
    memcpy(z, s, size);
    z[size] = 0;
    MUST(inet_pton(AF_INET6, z, &six) != 1 && inet_pton(AF_INET, z, &six) != 1);
  }
  if (size >= 16) {
    ip_set(&ip, data, 16);
    size_t n = ip_fmt(text, &ip);
    MUST(ip_scan(&again, text, n) && !memcmp(&ip, &again, sizeof ip));
  }
  free(s);
  return 0;
}
