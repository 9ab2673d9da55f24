/* The DNS' answers: whatever a server sends, the lists stay within their limits and hold only names and addresses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <arpa/nameser.h>
#include "dns/addr.h"
#include "dns/mx.h"

static void exchangers(uint8_t const *data, size_t size)
{
  static struct mx_list l;
  char canonical[DOMAIN_TEXT];
  if (dns_answer_mx(&l, "a.example", data, size) < 0) return;
  if (l.n > DNS_MX || (l.null && (l.n || l.bad))) abort();
  mx_sort(&l);
  for (unsigned i = 0; i < l.n; i++) {
    if (i && l.mx[i].preference < l.mx[i - 1].preference) abort();
    if (!domain_canon(canonical, l.mx[i].host, strlen(l.mx[i].host)) || strcmp(canonical, l.mx[i].host)) abort();
  }
}

static void addresses(uint8_t const *data, size_t size, int type)
{
  static struct address_list l;
  char text[IP_TEXT];
  l.n = 0;
  if (dns_answer_addresses(&l, "a.example", type, data, size) < 0) return;
  if (l.n > DNS_ADDRESSES) abort();
  addr_interleave(&l);
  for (unsigned i = 0; i < l.n; i++) if (!ip_fmt(text, &l.ip[i])) abort();
}

/* The data of each record lies within the list, behind that of the one before. */
static void certificates(uint8_t const *data, size_t size)
{
  static struct tlsa_list l;
  if (dns_answer_tlsa(&l, "a.example", data, size) < 0) return;
  if (l.n > DNS_TLSA || l.len > DNS_TLSA_DATA || l.secure) abort();
  uint32_t at = 0;
  for (unsigned i = 0; i < l.n; i++) {
    if (l.tlsa[i].at != at) abort();
    at += l.tlsa[i].len;
  }
  if (at != l.len) abort();
}

static void text(void *arg, char const *s, size_t len)
{
  unsigned *sum = arg;
  if (len > DNS_ANSWER) abort();
  for (size_t i = 0; i < len; i++) *sum += (unsigned char)s[i];
}

static void texts(uint8_t const *data, size_t size)
{
  unsigned sum = 0;
  dns_answer_txt(text, &sum, "a.example", data, size);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  exchangers(data, size);
  addresses(data, size, ns_t_a);
  addresses(data, size, ns_t_aaaa);
  texts(data, size);
  certificates(data, size);
  return 0;
}
