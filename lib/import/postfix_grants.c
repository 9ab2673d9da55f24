/* Postfix' restrictions, as far as they say who may relay. Each list is gone through in its order; a client relays when
 * every list lets him. A grant is written when, in each list, it stands before whatever refuses other hosts' mail, and
 * behind nothing that might refuse by a rule about who may do what. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "import/postfix.h"

static char const *const lists[] = {
  "smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions", "smtpd_relay_restrictions",
  "smtpd_recipient_restrictions", "smtpd_data_restrictions", "smtpd_end_of_data_restrictions",
};

enum effect {
  PERMIT_CLIENTS, PERMIT_LOGIN,
  PERMIT_ALL,
  OURS,            /* permits what is hosted: nothing to do */
  REFUSE_OUTGOING, /* what is not hosted */
  REFUSE_ALL,
  OTHER_GRANT,     /* permits by something that we don't carry over: left out, narrower */
  JUDGE,           /* refuses what is malformed, or nobody's, whoever sends it: left out, and relay-import(8) says so */
  DECIDE,          /* may refuse by who or what it is: nothing behind it is carried over */
};

static struct { char const *name; enum effect effect; char const *hint; } const known[] = {
  { "permit_mynetworks", PERMIT_CLIENTS, 0 },
  { "permit_sasl_authenticated", PERMIT_LOGIN, 0 },
  { "permit", PERMIT_ALL, 0 },
  { "permit_auth_destination", OURS, 0 },
  { "reject_unauth_destination", REFUSE_OUTGOING, 0 },
  { "defer_unauth_destination", REFUSE_OUTGOING, 0 },
  { "reject", REFUSE_ALL, 0 },
  { "defer", REFUSE_ALL, 0 },
  { "permit_mx_backup", OTHER_GRANT, "the like here is `grant to-host PREFIX` in `relay`, with this host's addresses" },
  { "permit_tls_clientcerts", OTHER_GRANT, "no grant by certificate here" },
  { "permit_tls_all_clientcerts", OTHER_GRANT, "no grant by certificate here" },
  { "permit_inet_interfaces", OTHER_GRANT, "put this host's addresses into `clients` with RELAYCLIENT=\"\"" },
  { "permit_naked_ip_address", OTHER_GRANT, "no grant by what a client says" },
  { "sleep", JUDGE, 0 },
  { "defer_if_reject", JUDGE, 0 },
  { "reject_non_fqdn_helo_hostname", JUDGE, 0 },
  { "reject_non_fqdn_hostname", JUDGE, 0 },
  { "reject_non_fqdn_sender", JUDGE, 0 },
  { "reject_non_fqdn_recipient", JUDGE, 0 },
  { "reject_invalid_helo_hostname", JUDGE, 0 },
  { "reject_invalid_hostname", JUDGE, 0 },
  { "reject_unknown_helo_hostname", JUDGE, 0 },
  { "reject_unknown_hostname", JUDGE, 0 },
  { "reject_unknown_sender_domain", JUDGE, 0 },
  { "reject_unknown_recipient_domain", JUDGE, 0 },
  { "reject_unlisted_sender", JUDGE, 0 },
  { "reject_unlisted_recipient", JUDGE, 0 },
  { "reject_unverified_sender", JUDGE, 0 },
  { "reject_unverified_recipient", JUDGE, "`asked` in `domains` is the like, for hosted domains" },
  { "reject_unauth_pipelining", JUDGE, 0 },
  { "reject_multi_recipient_bounce", JUDGE, 0 },
  { "permit_dnswl_client", JUDGE, 0 },
  { "permit_rhswl_client", JUDGE, 0 },
  { "reject_plaintext_session", DECIDE, "the like here is `require tls` in `relay`" },
};

/* A list being gone through: whom it still lets relay, and whether what follows can be carried over. */
struct walk {
  char const *name;
  struct place from;
  char blocker[64];        /* what stands before and decides; "" */
  unsigned clients : 1, login : 1;   /* permitted already */
  unsigned over : 1;       /* nothing decides about outgoing mail any more */
  unsigned ours : 1;       /* hosted recipients are permitted from here on */
  unsigned outgoing : 1;   /* it is over because outgoing mail was refused; hosted recipients go on */
  unsigned refuses : 1;    /* it refuses outgoing mail at all */
  unsigned warns : 1;      /* the next one does not refuse: it only warns */
};

struct grants {
  unsigned clients : 1, login : 1, refuses : 1;
  struct place tls;        /* what wants TLS of all; file null: nothing does */
  char blocker_clients[96], blocker_login[96];
};

/* Does the word want a word behind it? */
static int has_argument(struct text w)
{
  static char const *const begin[] = { "check_",        "reject_rbl_",   "reject_rhsbl_",
                                       "permit_dnswl_", "permit_rhswl_", "sleep" };
  for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
    if (w.n >= strlen(begin[i]) && !memcmp(w.s, begin[i], strlen(begin[i]))) return 1;
  return 0;
}

static enum effect find(struct text word, char const **hint)
{
  *hint = 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (!text_is(word, known[i].name)) continue;
    *hint = known[i].hint;
    return known[i].effect;
  }
  return DECIDE;
}

/* What a restriction does to those who have got so far. */
static void apply(struct postfix *p, struct walk *w, enum effect effect, struct text word)
{
  int open = !w->over && !*w->blocker;
  if (open && (effect == PERMIT_CLIENTS || effect == PERMIT_ALL)) w->clients = 1;
  if (open && (effect == PERMIT_LOGIN || effect == PERMIT_ALL)) w->login = 1;
  if (effect == REFUSE_OUTGOING || effect == REFUSE_ALL) {
    if (!w->over) w->refuses = 1;
    if (effect == REFUSE_ALL && !w->ours && (!w->over || w->outgoing)) p->closed = w->from;
  }
  if (effect == OURS || effect == PERMIT_ALL) w->ours = 1;
  if (effect == REFUSE_OUTGOING && !w->over) w->outgoing = 1;
  if (effect == REFUSE_OUTGOING || effect == REFUSE_ALL || effect == PERMIT_ALL) w->over = 1;
  if (effect == DECIDE && open) {
    size_t n = word.n < sizeof w->blocker - 1 ? word.n : sizeof w->blocker - 1;
    memcpy(w->blocker, word.s, n);
    w->blocker[n] = 0;
  }
}

static void one_restriction(struct postfix *p, struct walk *w, struct text word, struct text argument)
{
  char const *hint;
  enum effect effect = find(word, &hint);
  int warns = w->warns;
  w->warns = text_is(word, "warn_if_reject");
  if (w->warns) return;
  if (effect >= OTHER_GRANT)
    import_left(p->x, w->from, "%.*s%s%.*s in %s%s%s", SHOWN(word), argument.n ? " " : "", SHOWN(argument), w->name,
                hint ? ": " : "", hint ? hint : "");
  if (!warns || effect <= OURS) apply(p, w, effect, word);
}

static void each_restriction(struct postfix *p, struct walk *w, struct text rest)
{
  struct text word;
  while (text_word(&rest, &word)) {
    struct text argument = { 0, 0 };
    if (has_argument(word)) text_word(&rest, &argument);
    one_restriction(p, w, word, argument);
  }
  /* Whom nothing refused is permitted at the end, unless what decides stands before. */
  if (w->over) return;
  if (!*w->blocker) w->clients = w->login = 1;
}

static void block(char out[96], struct walk const *w)
{
  size_t a = strlen(w->blocker), b = strlen(w->name);
  if (*out) return;
  if (!a) return;
  memcpy(out, w->blocker, a);
  memcpy(out + a, " in ", 4);
  if (a + 4 + b > 95) b = 95 - a - 4;
  memcpy(out + a + 4, w->name, b);
  out[a + 4 + b] = 0;
}

static void one_list(struct postfix *p, struct grants *g, char const *name)
{
  static char const relay_default[] = "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination";
  stralloc value = STRALLOC_ZERO;
  struct walk w = { .name = name, .from = postfix_place(p, name) };
  if (postfix_set(p, name)) {
    if (postfix_get(p, name, &value)) each_restriction(p, &w, (struct text){ value.s, value.len });
    else strcpy(w.blocker, "what can't be told");
  } else if (!strcmp(name, "smtpd_relay_restrictions")) {
    each_restriction(p, &w, (struct text){ relay_default, sizeof relay_default - 1 });
  } else {
    w.clients = w.login = 1;
  }
  if (!w.clients) g->clients = 0, block(g->blocker_clients, &w);
  if (!w.login) g->login = 0, block(g->blocker_login, &w);
  if (w.refuses) g->refuses = 1;
  stralloc_free(&value);
}

/* A list that a server has for itself. For those on other ports than 25 only what it does to logins counts: `grant
 * clients` is for port 25, and relay-smtpd takes nothing without a login on the port for submission. */
static void own_list(struct postfix *p, struct grants *g, struct walk *w, struct text value, int main)
{
  stralloc text = STRALLOC_ZERO;
  struct place closed = p->closed;
  int r = maincf_expand(&p->main, value, &text);
  if (r < 0) p->x->broken = ENOMEM;
  if (r > 0) each_restriction(p, w, (struct text){ text.s, text.len });
  if (!main) p->closed = closed;
  int decides = main || r <= 0 || *w->blocker;
  snprintf(w->blocker, sizeof w->blocker, "-o %s", w->name);
  w->name = w->from.file;
  if (main && !w->clients) g->clients = 0, block(g->blocker_clients, w);
  if (decides && !w->login) g->login = 0, block(g->blocker_login, w);
  stralloc_free(&text);
}

static void own_setting(struct postfix *p, struct text name, struct text value, struct place from, int main, void *arg)
{
  struct grants *g = arg;
  struct walk w = { .blocker = "-o mynetworks", .name = from.file, .from = from };
  if (main && (text_is(name, "mynetworks") || text_is(name, "mynetworks_style"))) {
    g->clients = 0;
    block(g->blocker_clients, &w);
  } else if (main && text_is(name, "smtpd_tls_security_level") && text_is_word(value, "encrypt")) {
    g->tls = from;
  }
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    if (!text_is(name, lists[i])) continue;
    w = (struct walk){ .name = lists[i], .from = from };
    own_list(p, g, &w, value, main);
  }
}

/* Where Postfix takes nothing without TLS nobody relays without it. */
static void require_tls(struct postfix *p, struct grants *g)
{
  static char const level[] = "smtpd_tls_security_level";
  stralloc value = STRALLOC_ZERO;
  int told = !postfix_set(p, level) || postfix_get(p, level, &value);
  struct text t = text_trim((struct text){ value.s, value.len });
  if (!told || text_is_word(t, "encrypt")) g->tls = postfix_place(p, level);
  else if (!t.n && postfix_yes(p, "smtpd_enforce_tls", 0)) g->tls = postfix_place(p, "smtpd_enforce_tls");
  stralloc_free(&value);
  if (!g->tls.file) return;
  import_line(p->x, IMPORT_RELAY, "require tls", 11, g->tls, 0, "require tls");
  import_left(p->x, g->tls, "TLS is asked of everybody there; here nobody relays without it, and mail to the hosted "
              "domains is taken without");
}

static void write_grant(struct postfix *p, unsigned granted, char const *grant, char const *blocker, struct place from)
{
  if (granted) {
    import_line(p->x, IMPORT_RELAY, grant, strlen(grant), from, 0, "%s", grant);
  } else if (*blocker) {
    import_comment(p->x, IMPORT_RELAY, "%s: behind %s, which decides, too", grant, blocker);
    import_left(p->x, from,
                "%s: it would stand behind %s, which is not carried over; if that is no loss, add it to `relay`", grant,
                blocker);
  } else {
    import_note(p->x, from, "%s is not written: a list of restrictions does not permit it", grant);
  }
}

void postfix_grants(struct postfix *p)
{
  struct grants g = { .clients = 1, .login = 1 };
  struct place from = postfix_place(p, "smtpd_relay_restrictions");
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) one_list(p, &g, lists[i]);
  postfix_services(p, own_setting, &g);
  if (!g.refuses) {
    import_left(
        p->x, from,
        "NO restriction refuses relaying: that is an open relay, or Postfix doesn't run so. Nobody may relay here");
    return;
  }
  require_tls(p, &g);
  if (!p->sealed) {
    write_grant(p, g.login, "grant login", g.blocker_login, from);
    write_grant(p, g.clients, "grant clients", g.blocker_clients, from);
  }
  int logins = g.login && postfix_yes(p, "smtpd_sasl_auth_enable", 0);
  if (g.login && !p->sealed && !logins)
    import_note(p->x, postfix_place(p, "smtpd_sasl_auth_enable"),
                "logins are off in main.cf (perhaps on in master.cf): `grant login` "
                "counts for those who log in, if relay-smtpd lets them");
  postfix_done(p, "smtpd_sasl_auth_enable");
  if (p->closed.file && logins)
    import_left(p->x, p->closed,
                "`reject`: strangers may not send to the hosted domains either; here they "
                "may, since those who log in must be let in");
  if (logins) p->closed.file = 0;
  p->clients = g.clients;
}
