/* Reading the DNS' answers. */
#include <sys/types.h>
#include <string.h>
#include <strings.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include "dns/answer.h"

/* A name from within the message, uncompressed, as text without trailing dot ("" is the root). ns_name_uncompress
 * keeps within the message, follows pointers a bounded number of times and escapes what is no plain character.
 * Returns 0 or -1. */
static int name_at(char out[NS_MAXDNAME], ns_msg const *m, unsigned char const *p)
{
  if (ns_name_uncompress(ns_msg_base(*m), ns_msg_end(*m), p, out, NS_MAXDNAME) < 0) return -1;
  size_t n = strlen(out);
  if (n && out[n - 1] == '.') out[n - 1] = 0;
  return 0;
}

/* Follows the CNAMEs from name on: their order in the answer doesn't matter. Returns 0, -1 malformed (also: a
 * circle). */
static int follow(char owner[NS_MAXDNAME], char const *name, ns_msg *m)
{
  int n = ns_msg_count(*m, ns_s_an);
  if (strlen(name) >= NS_MAXDNAME) return -1;
  strcpy(owner, name);
  for (unsigned hops = 0; hops <= DNS_ALIASES; hops++) {
    int i;
    for (i = 0; i < n; i++) {
      ns_rr rr;
      if (ns_parserr(m, ns_s_an, i, &rr) < 0) return -1;
      if (ns_rr_type(rr) != ns_t_cname || ns_rr_class(rr) != ns_c_in || strcasecmp(ns_rr_name(rr), owner)) continue;
      if (name_at(owner, m, ns_rr_rdata(rr)) < 0) return -1;
      break;
    }
    if (i == n) return 0;
  }
  return -1;
}

/* The end of the CNAMEs as a canonical name, or "". */
static void keep_owner(char out[DOMAIN_TEXT], char const *owner)
{
  if (!domain_canon(out, owner, strlen(owner))) *out = 0;
}

/* Keeps the best: a full list gives up its worst, of equals the one with the larger random number. */
static struct mx *place(struct mx_list *l, uint16_t preference, uint32_t random)
{
  if (l->n < DNS_MX) return &l->mx[l->n++];
  struct mx *worst = l->mx;
  for (unsigned i = 1; i < l->n; i++) {
    struct mx *x = &l->mx[i];
    if (x->preference < worst->preference) continue;
    if (x->preference > worst->preference || x->random > worst->random) worst = x;
  }
  if (worst->preference < preference) return 0;
  if (worst->preference == preference && worst->random <= random) return 0;
  return worst;
}

/* A cheap spread for equals beyond DNS_MX; the order among those kept is made by dns/mx.c. */
static uint32_t spread(unsigned char const *p, size_t n)
{
  uint32_t h = 2166136261U;
  while (n--) h = (h ^ *p++) * 16777619U;
  return h;
}

static int add_mx(struct mx_list *l, ns_msg *m, ns_rr *rr, unsigned *roots)
{
  char text[NS_MAXDNAME], host[DOMAIN_TEXT];
  if (ns_rr_rdlen(*rr) < 3) return -1;
  uint16_t preference = (uint16_t)(ns_rr_rdata(*rr)[0] << 8 | ns_rr_rdata(*rr)[1]);
  if (name_at(text, m, ns_rr_rdata(*rr) + 2) < 0) return -1;
  if (!*text) return ++*roots, 0;
  if (!domain_canon(host, text, strlen(text))) return l->bad++, 0;
  uint32_t random = spread((unsigned char const *)host, strlen(host));
  if (l->n == DNS_MX) l->more++;
  struct mx *x = place(l, preference, random);
  if (x) {
    x->preference = preference;
    x->random = random;
    strcpy(x->host, host);
  }
  return 0;
}

int dns_answer_mx(struct mx_list *l, char const *name, unsigned char const *answer, size_t len)
{
  ns_msg m;
  char owner[NS_MAXDNAME];
  unsigned roots = 0;
  memset(l, 0, sizeof *l);
  if (len > NS_MAXMSG || ns_initparse(answer, (int)len, &m) < 0 || follow(owner, name, &m) < 0) return -1;
  keep_owner(l->owner, owner);
  for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
    ns_rr rr;
    if (ns_parserr(&m, ns_s_an, i, &rr) < 0) return -1;
    if (ns_rr_type(rr) != ns_t_mx || ns_rr_class(rr) != ns_c_in || strcasecmp(ns_rr_name(rr), owner)) continue;
    if (add_mx(l, &m, &rr, &roots) < 0) return -1;
  }
  l->null = roots && !l->n && !l->bad;
  l->bad += l->null ? 0 : roots;
  return 0;
}

static void add_address(struct address_list *l, unsigned start, ns_rr *rr)
{
  struct ip ip;
  uint16_t port;
  if (ns_rr_type(*rr) == ns_t_a) {
    struct sockaddr_in sa = { .sin_family = AF_INET };
    memcpy(&sa.sin_addr, ns_rr_rdata(*rr), 4);
    if (!ip_from_sockaddr(&ip, &port, (struct sockaddr *)&sa)) return;
  }
  else {
    struct sockaddr_in6 sa = { .sin6_family = AF_INET6 };
    memcpy(&sa.sin6_addr, ns_rr_rdata(*rr), 16);
    if (!ip_from_sockaddr(&ip, &port, (struct sockaddr *)&sa)) return;
  }
  for (unsigned i = 0; i < l->n; i++) {
    if (l->ip[i].len == ip.len && !memcmp(l->ip[i].b, ip.b, ip.len)) return;
  }
  if (l->n - start >= DNS_ADDRESSES || l->n >= 2 * DNS_ADDRESSES) l->more++;
  else l->ip[l->n++] = ip;
}

int dns_answer_addresses(struct address_list *l, char const *name, int type, unsigned char const *answer, size_t len)
{
  ns_msg m;
  char owner[NS_MAXDNAME];
  unsigned start = l->n;
  if (len > NS_MAXMSG || ns_initparse(answer, (int)len, &m) < 0 || follow(owner, name, &m) < 0) return -1;
  for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
    ns_rr rr;
    if (ns_parserr(&m, ns_s_an, i, &rr) < 0) return -1;
    if (ns_rr_type(rr) != (ns_type)type || ns_rr_class(rr) != ns_c_in || strcasecmp(ns_rr_name(rr), owner)) continue;
    if (ns_rr_rdlen(rr) != (type == ns_t_a ? 4 : 16)) return -1;
    add_address(l, start, &rr);
  }
  if (l->n == start) return 0;
  if (strcmp(owner, name)) l->aliased = 1;
  if (!*l->owner) keep_owner(l->owner, owner);
  return 0;
}

/* Returns 0, or -1 malformed. */
static int add_tlsa(struct tlsa_list *l, ns_rr *rr)
{
  unsigned char const *p = ns_rr_rdata(*rr);
  size_t len = ns_rr_rdlen(*rr);
  if (len < 3) return -1;
  len -= 3;
  if (l->n == DNS_TLSA || len > sizeof l->data - l->len) return l->more++, 0;
  l->tlsa[l->n++] = (struct tlsa){
    .usage = p[0], .selector = p[1], .matching = p[2], .len = (uint16_t)len, .at = l->len,
  };
  memcpy(l->data + l->len, p + 3, len);
  l->len += (uint32_t)len;
  return 0;
}

int dns_answer_tlsa(struct tlsa_list *l, char const *name, unsigned char const *answer, size_t len)
{
  ns_msg m;
  char owner[NS_MAXDNAME];
  l->n = l->more = l->secure = l->len = 0;
  if (len > NS_MAXMSG || ns_initparse(answer, (int)len, &m) < 0 || follow(owner, name, &m) < 0) return -1;
  for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
    ns_rr rr;
    if (ns_parserr(&m, ns_s_an, i, &rr) < 0) return -1;
    if (ns_rr_type(rr) != ns_t_tlsa || ns_rr_class(rr) != ns_c_in || strcasecmp(ns_rr_name(rr), owner)) continue;
    if (add_tlsa(l, &rr) < 0) return -1;
  }
  return 0;
}

/* Joins a record's strings. Returns their length, or -1 malformed. */
static int join(char out[NS_MAXMSG], ns_rr *rr)
{
  unsigned char const *p = ns_rr_rdata(*rr), *end = p + ns_rr_rdlen(*rr);
  int n = 0;
  while (p < end) {
    size_t len = *p++;
    if (len > (size_t)(end - p)) return -1;
    memcpy(out + n, p, len);
    n += (int)len;
    p += len;
  }
  return n;
}

int dns_answer_txt(dns_txt_fn *each, void *arg, char const *name, unsigned char const *answer, size_t len)
{
  ns_msg m;
  char owner[NS_MAXDNAME], text[NS_MAXMSG];
  if (len > NS_MAXMSG || ns_initparse(answer, (int)len, &m) < 0 || follow(owner, name, &m) < 0) return -1;
  for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
    ns_rr rr;
    if (ns_parserr(&m, ns_s_an, i, &rr) < 0) return -1;
    if (ns_rr_type(rr) != ns_t_txt || ns_rr_class(rr) != ns_c_in || strcasecmp(ns_rr_name(rr), owner)) continue;
    int n = join(text, &rr);
    if (n < 0) return -1;
    each(arg, text, (size_t)n);
  }
  return 0;
}
