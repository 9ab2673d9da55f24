/* Postfix' mynetworks. There the first element that fits counts, in `clients` the longest prefix: since prefixes lie
 * one within the other or apart, an element that an earlier one covers does nothing, and the others mean the same in
 * both. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "import/postfix.h"
#include "parse/ip.h"
#include "parse/number.h"
#include "policy/gate.h"

struct networks {
  struct names prefixes;     /* gate_cidr_key of all before */
  uint8_t lengths[2][129];   /* which lengths there are */
  unsigned stopped : 1;      /* an exclusion that can't be read: nothing behind it is safe */
};

/* Reads ADDRESS, [ADDRESS], ADDRESS/BITS, [ADDRESS]/BITS. Returns 0, or what is wrong. */
static char const *scan(struct text t, struct ip *ip, unsigned *bits)
{
  struct text address = t, length = { 0, 0 };
  uint64_t value;
  int cidr = text_cut(t, '/', &address, &length);
  if (address.n > 2 && *address.s == '[' && address.s[address.n - 1] == ']')
    address = (struct text){ address.s + 1, address.n - 2 };
  if (!ip_scan(ip, address.s, address.n)) return "no address";
  unsigned mapped = ip->len == 4 && memchr(address.s, ':', address.n) ? 96 : 0, most = mapped + 8U * ip->len;
  *bits = 8U * ip->len;
  if (!cidr) return 0;
  if (number_scan(length.s, length.n, most, &value) != NUMBER_OK) return "no right prefix length";
  if (value < mapped) return "a prefix of mapped addresses shorter than 96 bits";
  *bits = (unsigned)value - mapped;
  if (ip_mask(ip, *bits)) return "bits are set behind the prefix, and Postfix takes nobody for it";
  return *bits ? 0 : "everybody would relay: an open relay";
}

/* Is there an element before that covers these bits? */
static int covered(struct networks const *n, char const *key, unsigned bits, int six)
{
  for (unsigned i = 0; i <= bits; i++)
    if (n->lengths[six][i] && names_find(&n->prefixes, key, 1 + i, 0)) return 1;
  return 0;
}

static void one_network(struct postfix *p, struct item const *i, void *arg)
{
  struct networks *n = arg;
  struct ip ip;
  unsigned bits;
  char key[GATE_CIDR], text[IP_TEXT + 5];
  uint32_t none = 0;
  if (i->excludes) n->stopped = 1;
  if (i->unreadable) return;
  char const *why = n->stopped ? "it stands behind what can't be read and may exclude it" : scan(i->word, &ip, &bits);
  if (!why && i->key && bits < 8U * ip.len) why = "Postfix asks a table for whole addresses alone";
  if (why) {
    import_left(p->x, i->from, "%s%.*s in mynetworks: %s", i->negative ? "!" : "", SHOWN(i->word), why);
    if (i->negative) n->stopped = 1;
    return;
  }
  int six = ip.len == 16;
  gate_cidr_key(key, &ip, bits);
  if (covered(n, key, bits, six)) return;
  if (names_add(&n->prefixes, key, 1 + bits, &none) < 0) p->x->broken = ENOMEM;
  n->lengths[six][bits] = 1;
  size_t len = ip_fmt(text, &ip);
  if (bits < 8U * ip.len) len += (size_t)snprintf(text + len, 6, "/%u", bits);
  char const *stranger = p->closed.file ? "deny" : "allow", *trusted = "allow,RELAYCLIENT=\"\"";
  if (p->closed.file && !p->clients) trusted = "deny"; /* they are refused like all others */
  import_line(p->x, IMPORT_CLIENTS, text, len, i->from, 0, "%s:%s", text, i->negative ? stranger : trusted);
}

void postfix_networks(struct postfix *p)
{
  static char const *const loopback[] = { "127.0.0.0/8", "[::1]/128" };
  struct networks n = { .stopped = 0 };
  if (postfix_set(p, "mynetworks")) {
    postfix_list(p, "mynetworks", one_network, &n);
  } else {
    struct place from = postfix_place(p, "mynetworks_style");
    for (size_t i = 0; i < 2; i++)
      one_network(p, &(struct item){ .word = { loopback[i], strlen(loopback[i]) }, .from = from }, &n);
    import_left(
        p->x, from,
        "mynetworks is not set: Postfix then trusts addresses of its own host%s; here only the loopback addresses "
        "are trusted",
        postfix_set(p, "mynetworks_style") ? " or networks, as mynetworks_style says" : ", or its networks");
  }
  postfix_done(p, "mynetworks_style");
  if (p->closed.file) import_line(p->x, IMPORT_CLIENTS, "", 0, p->closed, 0, ":deny");
  else import_line(p->x, IMPORT_CLIENTS, "", 0, postfix_place(p, "mynetworks"), 0, ":allow");
  names_free(&n.prefixes);
}
