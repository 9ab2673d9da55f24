/* What the one who was refused can do without a change of the rules: each is tried. */
#include <string.h>
#include "explain/parts.h"

/* A hosted domain of the rules, for a sender. Returns 1, or 0 when there is none. */
static int hosted_sender(struct address *a, struct table_set const *t)
{
  char text[LIMIT_ADDRESS + 1] = "postmaster@";
  struct record r;
  struct piece key;
  enum table which;
  uint32_t pos = 0;
  while (table_next(t, &pos, &which, &key.s, &key.n, &r) > 0) {
    if (which != TABLE_DOMAINS || *key.s == '.' || *key.s == '[' || key.n > LIMIT_DOMAIN) continue;
    memcpy(text + 11, key.s, key.n);
    return address_mailbox(a, text, 11 + key.n, 1) == ADDRESS_OK;
  }
  return 0;
}

/* What may change. */
enum { PRIVILEGE = 1, LOGIN = 2, TLS = 4, HOSTED = 8, FETCH = 16, OWN = 32, LISTENER = 64 };

struct advising {
  struct question const *q;
  struct table_set const *t;
  struct address hosted, own;
  char user[STAMP_NAME];
};

/* The facts after the change. Returns 0 when it is none for them. */
static int follow(struct advising *x, unsigned what, struct facts *f)
{
  *f = x->q->facts;
  if ((what & PRIVILEGE && !f->login) || (what & LOGIN && f->login) || (what & TLS && f->tls)) return 0;
  if ((what & FETCH && (f->stamp || f->stamp_unknown)) || (what & (OWN | LISTENER) && !f->stamp)) return 0;
  if (what & LOGIN) f->login = "somebody";
  if (what & (LOGIN | PRIVILEGE)) f->login_may_relay = 1;
  if (what & TLS) f->tls = 1;
  if (what & HOSTED) f->sender = &x->hosted;
  if (what & OWN && !stamp_sender(x->t, f->stamp, &x->own)) return 0;
  if (what & OWN) f->sender = &x->own;
  if (what & LISTENER) f->listener = stamp_listener(x->t, f->listener);
  if (!(what & FETCH)) return 1;
  f->stamp = x->user;
  return stamp_user(x->t, f->sender, x->user) != 0;
}

/* The least first; but a stamp that is there goes before a login. */
void advise(struct explanation *x, struct question const *q, struct table_set const *t)
{
  static struct { char const *words; unsigned what; } const all[] = {
    { "send as an address that the POP stamp's user may use", OWN },
    { "send through a listener on which POP stamps count", LISTENER },
    { "log in", LOGIN }, { "give the login the privilege to relay", PRIVILEGE }, { "use TLS", TLS },
    { "send as an address of a hosted domain", HOSTED }, { "log in, under TLS", LOGIN | TLS },
    { "log in, and send as an address of a hosted domain", LOGIN | HOSTED },
    { "log in under TLS, and send as an address of a hosted domain", LOGIN | TLS | HOSTED },
    { "fetch mail by POP3 or IMAP first, from the same address, as a user who may relay", FETCH },
    { "fetch mail by POP3 or IMAP first, from the same address, as a user who may relay; and use TLS", FETCH | TLS },
  };
  struct advising a = { .q = q, .t = t };
  if (!hosted_sender(&a.hosted, t)) a.hosted = *q->facts.sender;
  for (size_t i = 0; i < sizeof all / sizeof *all && !x->advice_n; i++) {
    struct facts f;
    struct decision d;
    if (!follow(&a, all[i].what, &f)) continue;
    decide(&d, t, &f);
    if (d.verdict == VERDICT_ACCEPT) x->advice[x->advice_n++] = all[i].words;
  }
  if (x->outcome.decision.reason == REASON_ONWARD)
    x->advice[x->advice_n++] = "write the recipient without %, ! and @ in its local part, and without quotes";
}
