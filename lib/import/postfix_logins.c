/* How Postfix's SMTP client speaks to next hops: smtp_sasl_password_maps, and smtp_tls_security_level. */
#include <errno.h>
#include <string.h>
#include "import/postfix.h"
#include "policy/route.h"

static void one_login(struct postfix *p, struct text key, struct text value, struct place from, void *arg)
{
  int const *by_sender = arg;
  char relay[POSTFIX_ROUTE], sender[5 + ADDRESS_KEY + 1] = "from:";
  struct text user, password;
  struct address a;
  size_t len = 0;
  value = text_trim(value);
  if (!text_cut(value, ':', &user, &password)) user = value, password = (struct text){ 0, 0 };
  if (!memchr(key.s, '@', key.n)) {
    if ((len = postfix_relay(relay, key))) import_login(p->x, relay, len, from, user, password);
  } else if (!*by_sender) {
    import_left(p->x, from, "%.*s: Postfix looks at it with smtp_sender_dependent_authentication alone", SHOWN(key));
    return;
  } else if (*key.s == '@') {
    sender[5] = '@';
    len = key.n < IMPORT_DOMAIN ? import_domain(sender + 6, (struct text){ key.s + 1, key.n - 1 }) : 0;
    if (len) import_login(p->x, sender, len + 6, from, user, password);
  } else if (address_mailbox(&a, key.s, key.n, 1) == ADDRESS_OK && *a.domain && !a.onward) {
    len = address_key(sender + 5, &a);
    import_login(p->x, sender, len + 5, from, user, password);
  }
  if (!len) import_left(p->x, from, "a login for what is neither a relay nor a sender (it is not repeated here)");
}

void postfix_logins(struct postfix *p)
{
  int by_sender = postfix_yes(p, "smtp_sender_dependent_authentication", 0);
  int on = postfix_yes(p, "smtp_sasl_auth_enable", 0);
  if (!postfix_set(p, "smtp_sasl_password_maps")) return;
  if (on) postfix_tables(p, "smtp_sasl_password_maps", one_login, &by_sender);
  else import_note(p->x, postfix_place(p, "smtp_sasl_password_maps"), "unused there without smtp_sasl_auth_enable");
  postfix_done(p, "smtp_sasl_password_maps");
}

/* The file of CAs goes with a verification, if it can stand in a line. */
static void read_ca(struct postfix *p, stralloc *value)
{
  static char const name[] = "smtp_tls_CAfile";
  struct route r = { .port = 25 };
  unsigned said = 0;
  if (!postfix_set(p, name) || !postfix_get(p, name, value)) return;
  stralloc word = STRALLOC_ZERO;
  if (!stralloc_cats(&word, "ca=") || !stralloc_catb(&word, value->s, value->len)) p->x->broken = ENOMEM;
  else if (route_option(&r, &said, word.s, word.len))
    import_left(p->x, postfix_place(p, name), "no absolute path that a route can have");
  else if (!stralloc_cats(&p->tls, " ") || !stralloc_catb(&p->tls, word.s, word.len)) p->x->broken = ENOMEM;
  stralloc_free(&word);
}

void postfix_tls(struct postfix *p)
{
  static char const level[] = "smtp_tls_security_level";
  stralloc value = STRALLOC_ZERO;
  char const *words = "";
  int set = postfix_set(p, level), told = set && postfix_get(p, level, &value);
  struct text t = told ? text_trim((struct text){ value.s, value.len }) : (struct text){ 0, 0 };
  struct place from = postfix_place(p, set ? level : "smtp_enforce_tls");
  p->secure = text_is_word(t, "secure");
  int verify = text_is_word(t, "verify") || p->secure;
  if (verify) words = " tls=verify";
  else if (text_is_word(t, "encrypt") || (!t.n && postfix_yes(p, "smtp_enforce_tls", 0))) words = " tls=required";
  else if (text_is_word(t, "none")) import_note(p->x, from, "TLS is used where the next hop offers it; `tls=none` in "
                                                "`routes` says where not");
  else if (text_is_word(t, "dane-only") || text_is_word(t, "fingerprint")) {
    import_left(p->x, from, "%.*s: the routes say `tls=required`", SHOWN(t));
    words = " tls=required";
  }
  if (!stralloc_cats(&p->tls, words)) p->x->broken = ENOMEM;
  if (verify) {
    import_note(p->x, from, "`tls=verify` wants the name of the relay%s in its certificate; `name=HOST` behind a route "
                "wants another", p->secure ? "" : ", or of the mail exchanger (which unsigned DNS says),");
    read_ca(p, &value);
  }
  if (!stralloc_0(&p->tls)) p->x->broken = ENOMEM;
  postfix_done(p, level);
  stralloc_free(&value);
}
