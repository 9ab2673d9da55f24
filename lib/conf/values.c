/* The values that the templates name. A LF separates the words of a value (conf/template.h). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/values.h"

/* Sets a value to the pieces, one behind the other; a null piece ends them. A first piece that is null: not set. */
static int set(struct conf_values *x, char const *name, ...)
{
  va_list ap;
  stralloc *sa = &x->text[x->n];
  char const *piece;
  int ok = 1, any = 0;
  va_start(ap, name);
  while (ok && (piece = va_arg(ap, char const *))) ok = stralloc_cats(sa, piece), any = 1;
  va_end(ap);
  if (!ok || !stralloc_0(sa)) return 0;
  x->v[x->n].name = name;
  x->v[x->n].value = any ? sa->s : 0;
  return x->n++, 1;
}
#define END (char const *)0

static int set_number(struct conf_values *x, char const *name, unsigned long n)
{
  char s[24];
  snprintf(s, sizeof s, "%lu", n);
  return set(x, name, s, END);
}

/* The words that come before relay-gate in a run script. */
static int set_server(struct conf_values *x, char const *const *o, char const *user, char const *memory)
{
  return set(x, "server", user ? "envuidgid\n" : "", user ? user : "", user ? "\n" : "",
    memory ? "softlimit\n-m\n" : "", memory ? memory : "", memory ? "\n" : "",
    user ? "tcpserver\n-UvHRl0\n-b\n" : "tcpserver\n-vHRl0\n-b\n", o[OPT_CLIENTS], "\n-c\n", o[OPT_CLIENTS], "\n",
    o[OPT_ADDRESS], "\n", o[OPT_PORT], END);
}

/* relay-send's words. It knows where relay-remote is installed, but not where else it may be. */
static int set_send(struct conf_values *x, char const *const *o, struct conf_accounts const *a, char const *dir)
{
  char ids[128] = "";
  if (a->queue.name) {
    snprintf(ids, sizeof ids, "\n-u\n%lu:%lu\n-U\n%lu:%lu", (unsigned long)a->queue.uid, (unsigned long)a->queue.gid,
      (unsigned long)a->remote.uid, (unsigned long)a->remote.gid);
  }
  int elsewhere = strcmp(o[OPT_BIN], BIN_DIR);
  return set(x, "send", dir, "relay-send\n-q\n", o[OPT_QUEUE], "\n-r\n", o[OPT_CONTROL], "/rules.cdb", ids,
    elsewhere ? "\n-R\n" : "", elsewhere ? o[OPT_BIN] : "", elsewhere ? "/relay-remote" : "", END);
}

/* The directory of relay-tlsd's socket, which under /run systemd makes. */
static int set_socket_dir(struct conf_values *x, char const *socket)
{
  stralloc dir = STRALLOC_ZERO;
  size_t n = (size_t)(strrchr(socket, '/') - socket);
  int ok = stralloc_catb(&dir, socket, n ? n : 1) && stralloc_0(&dir) && set(x, "socket-dir", dir.s, END)
    && set(x, "runtime", strncmp(dir.s, "/run/", 5) ? END : dir.s + 5, END);
  stralloc_free(&dir);
  return ok;
}

/* relay-tlsd's words. */
static int set_tlsd(struct conf_values *x, char const *const *o, struct conf_accounts const *a, char const *bin,
  char const *socket)
{
  char ids[96] = "";
  if (a->tls.name) {
    snprintf(ids, sizeof ids, "-u\n%lu:%lu\n-g\n%lu\n", (unsigned long)a->tls.uid, (unsigned long)a->tls.gid,
      (unsigned long)a->user.gid);
  }
  return set_socket_dir(x, socket) && set(x, "tls-user", a->tls.name, END)
    && set(x, "certificates", o[OPT_CERTIFICATES], END)
    && set(x, "tlsd", bin, "relay-tlsd\n", ids, socket, "\n", o[OPT_CERTIFICATES], END);
}

/* What stands between `posthouse` and the rest in the names of a listener's units: nothing for the plain one. With TLS
 * from the start a listener is another one, called as the registry of ports has it: submission, submissions. */
static int set_unit(struct conf_values *x, char const *const *o)
{
  char const *name = o[OPT_LISTENER] ? o[OPT_LISTENER] : o[OPT_TLS_NOW] ? "smtp" : 0;
  return set(x, "unit", name ? "-" : "", name ? name : "", name && o[OPT_TLS_NOW] ? "s" : "", END);
}

/* relay-pop-sync's words. */
static int set_sync(struct conf_values *x, char const *const *o, struct conf_accounts const *a)
{
  int unit = !!o[OPT_SYSTEMD]; /* systemd wants the whole path, and makes it that user's itself */
  char const *user = unit ? 0 : a->sync.name;
  struct { char const *option, *value; } const given[] = {
    { "\n-p\n", o[OPT_PASSWORD] }, { "\n-n\n", o[OPT_NODE] },
    { "\n-t\n", o[OPT_SERVER_TLS] }, { "\n-x\n", o[OPT_PREFIX] },
  };
  stralloc s = STRALLOC_ZERO;
  int ok = stralloc_catb(&s, "", 0);
  for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
    if (given[i].value) ok = ok && stralloc_cats(&s, given[i].option) && stralloc_cats(&s, given[i].value);
  }
  ok = ok && stralloc_0(&s) && set(x, "sync-user", a->sync.name, END) && set(x, "stamps", o[OPT_STAMPS], END)
    && set(x, "server", o[OPT_SERVER], END)
    && set(x, "sync", user ? "setuidgid\n" : "", user ? user : "", user ? "\n" : "", unit ? o[OPT_BIN] : "",
      unit ? "/" : "", "relay-pop-sync\n-k\n", o[OPT_KEY], s.s, "\n-s\n", o[OPT_SECONDS], "\n", o[OPT_STAMPS], "\n",
      o[OPT_SERVER], END);
  stralloc_free(&s);
  return ok;
}

/* relay-pop-sweep's words, for systemd. */
static int set_sweep(struct conf_values *x, char const *const *o, struct conf_accounts const *a, char const *bin)
{
  return set(x, "stamps", o[OPT_STAMPS], END) && set(x, "stamp-group", a->stamps.name, END)
    && set(x, "sweep", bin, "relay-pop-sweep\n-r\n", o[OPT_CONTROL], "/rules.cdb\n", o[OPT_STAMPS], END);
}

/* The words behind relay-gate; each program's name behind `bin`. */
static int set_smtpd(struct conf_values *x, char const *const *o, char const *bin)
{
  stralloc s = STRALLOC_ZERO;
  int ok = 1;
  if (o[OPT_STAMPS]) ok = stralloc_cats(&s, bin) && stralloc_cats(&s, "relay-pop-check\n")
    && stralloc_cats(&s, o[OPT_STAMPS]) && stralloc_cats(&s, "\n");
  if (o[OPT_TLS]) ok = ok && stralloc_cats(&s, bin) && stralloc_cats(&s, "relay-tls\n")
    && (!o[OPT_TLS_NOW] || stralloc_cats(&s, "-i\n")) && stralloc_cats(&s, o[OPT_TLS]) && stralloc_cats(&s, "\n");
  ok = ok && stralloc_cats(&s, bin) && stralloc_cats(&s, "relay-smtpd");
  if (o[OPT_LISTENER]) ok = ok && stralloc_cats(&s, "\n-l\n") && stralloc_cats(&s, o[OPT_LISTENER]);
  if (o[OPT_BARE_LF]) ok = ok && stralloc_cats(&s, "\n-b");
  if (o[OPT_LOGINS]) ok = ok && stralloc_cats(&s, "\n") && stralloc_cats(&s, bin) && stralloc_cats(&s, "relay-auth\n")
    && stralloc_cats(&s, o[OPT_CONTROL]) && stralloc_cats(&s, "/users.cdb\ntrue");
  ok = ok && stralloc_0(&s) && set(x, "smtpd", s.s, END);
  stralloc_free(&s);
  return ok;
}

/* What depends on the address: 0 and 0.0.0.0 are all addresses of both families where that can be had. */
static int set_address(struct conf_values *x, char const *address, char const *port)
{
  int all = !strcmp(address, "0") || !strcmp(address, "0.0.0.0") || !strcmp(address, "::");
  int v6 = all || strchr(address, ':');
  return set(x, "bind", all ? END : address, END)
    && set(x, "family", v6 ? "IPv6" : "IPv4", END)
    && set(x, "listen", all ? "" : v6 ? "[" : "", all ? "" : address, all ? "" : v6 ? "]:" : ":", port, END);
}

static int set_environment(struct conf_values *x, char const *const *o)
{
  return set(x, "injector", o[OPT_BIN], "/relay-queue", END)
    && set(x, "env-injector", "QMAILQUEUE=", o[OPT_BIN], "/relay-queue", END)
    && set(x, "reporter", o[OPT_BIN], "/relay-bounce", END)
    && set(x, "env-reporter", "RELAYBOUNCE=", o[OPT_BIN], "/relay-bounce", END)
    && set(x, "asker", o[OPT_BIN], "/relay-ask", END)
    && set(x, "env-asker", "RELAYASK=", o[OPT_BIN], "/relay-ask", END)
    && set(x, "cache", o[OPT_CACHE], END)
    && set(x, "env-cache", o[OPT_CACHE] ? "RELAYASKED=" : END, o[OPT_CACHE], END)
    && set(x, "failures", o[OPT_LOGINS] ? o[OPT_FAILURES] : END, END)
    && set(x, "env-failures", o[OPT_LOGINS] ? "RELAYFAILURES=" : END, o[OPT_FAILURES], END)
    && set(x, "policies", o[OPT_POLICIES], END)
    && set(x, "env-policies", o[OPT_POLICIES] ? "RELAYMTASTS=" : END, o[OPT_POLICIES], END)
    && set(x, "env-queue", "RELAYQUEUE=", o[OPT_QUEUE], END)
    && set(x, "env-path", "PATH=", o[OPT_BIN], ":/usr/local/bin:/usr/bin:/bin", END)
    && set(x, "resolver", o[OPT_RESOLVER], END)
    && set(x, "trust-ad", o[OPT_TRUST_AD] ? "1" : END, END)
    && set(x, "env-resolver", o[OPT_RESOLVER] ? "DNSCACHEIP=" : END, o[OPT_RESOLVER], END);
}

static int set_accounts(struct conf_values *x, struct conf_accounts const *a)
{
  if (!set(x, "user", a->user.name ? a->user.name : a->one.name, END)
    || !set(x, "queue-user", a->queue.name, END)
    || !set(x, "remote-user", a->remote.name, END)
    || !set(x, "log-user", a->log.name, END)) return 0;
  return a->log.name ? set(x, "only", END) : set_number(x, "only", (unsigned long)a->one.uid);
}

int conf_values(struct conf_values *x, struct conf_options const *options, struct conf_accounts const *a)
{
  char const *const *o = options->value;
  char const *memory = o[OPT_MEMORY] && strspn(o[OPT_MEMORY], "0") < strlen(o[OPT_MEMORY]) ? o[OPT_MEMORY] : 0;
  int full = options->what == CONF_SYSTEMD; /* systemd wants whole paths */
  if (options->what == CONF_CONTROL) return set(x, "me", options->me, END);
  if (!set_accounts(x, a)) return 0;
  if (options->what == CONF_TLS) return set(x, "bin", o[OPT_BIN], END) && set_tlsd(x, o, a, "", o[OPT_SOCKET]);
  if (options->what == CONF_SYNC) return set(x, "bin", o[OPT_BIN], END) && set_sync(x, o, a);
  if (!set_environment(x, o)) return 0;
  stralloc bin = STRALLOC_ZERO;
  int ok = (!full || (stralloc_cats(&bin, o[OPT_BIN]) && stralloc_cats(&bin, "/"))) && stralloc_0(&bin)
    && set(x, "bin", o[OPT_BIN], END)
    && set(x, "queue", o[OPT_QUEUE], END)
    && set(x, "rules", o[OPT_CONTROL], "/rules.cdb", END)
    && set_send(x, o, a, bin.s);
  if (ok && options->what != CONF_SEND) {
    ok = set(x, "address", o[OPT_ADDRESS], END) && set(x, "port", o[OPT_PORT], END)
      && set(x, "clients", o[OPT_CLIENTS], END) && set_address(x, o[OPT_ADDRESS], o[OPT_PORT])
      && set(x, "memory", memory, END) && set_number(x, "kilobytes", strtoul(memory ? memory : "0", 0, 10) / 1024)
      && set_server(x, o, a->user.name, memory)
      && set(x, "gate", o[OPT_BIN], "/relay-gate", END)
      && set_smtpd(x, o, bin.s) && set_unit(x, o) && (!o[OPT_TLS] || !full || set_tlsd(x, o, a, bin.s, o[OPT_TLS]))
      && (!o[OPT_STAMPS] || !full || set_sweep(x, o, a, bin.s))
      && set(x, "log", o[OPT_LOG], END) && set(x, "run", options->where, ".run", END);
  }
  stralloc_free(&bin);
  return ok;
}

void conf_values_free(struct conf_values *x)
{
  for (unsigned i = 0; i < CONF_VALUES; i++) stralloc_free(&x->text[i]);
}
