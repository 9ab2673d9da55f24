/* $name in main.cf's values. */
#include <string.h>
#include "import/maincf.h"

#define DEPTH 40             /* names within names */
#define EXPANDED 33554432 /* bytes of all values on the way: one that refers to long ones again and again ends here */
#define NAME_COST 64         /* a name counts like so many bytes */

/* Defaults that others refer to, as far as they are the same in all versions; null: what depends on the other host. */
static struct { char const *name, *value; } const defaults[] = {
  { "alias_maps", "hash:/etc/aliases, nis:mail.aliases" },
  { "config_directory", "/etc/postfix" },
  { "default_transport", "smtp" },
  { "local_recipient_maps", "proxy:unix:passwd.byname $alias_maps" },
  { "local_transport", "local:$myhostname" },
  { "mydestination", "$myhostname, localhost.$mydomain, localhost" },
  { "myhostname", 0 },
  { "mynetworks", 0 },
  { "myorigin", "$myhostname" },
  { "parent_domain_matches_subdomains", "debug_peer_list, fast_flush_domains, mynetworks, permit_mx_backup_networks, "
    "qmqpd_authorized_clients, relay_domains, smtpd_access_maps" },
  { "queue_directory", "/var/spool/postfix" },
  { "relay_domains", 0 },
  { "relay_transport", "relay" },
  { "virtual_alias_domains", "$virtual_alias_maps" },
  { "virtual_alias_maps", "$virtual_maps" },
  { "virtual_mailbox_domains", "$virtual_mailbox_maps" },
  { "virtual_transport", "virtual" },
};

struct walk {
  struct maincf const *m;
  size_t spent;
};

static int expand(struct walk *w, struct text t, stralloc *out, unsigned depth);

static int append(struct walk *w, stralloc *out, char const *s, size_t n)
{
  if ((w->spent += n) > EXPANDED) return 0;
  return stralloc_catb(out, s, n) ? 1 : -1;
}

/* mydomain: what stands behind the first dot of myhostname. */
static int mydomain(struct walk *w, stralloc *out, unsigned depth)
{
  stralloc host = STRALLOC_ZERO;
  struct text before, behind;
  int r = expand(w, (struct text){ "$myhostname", 11 }, &host, depth);
  if (r > 0) {
    if (text_cut((struct text){ host.s, host.len }, '.', &before, &behind)) r = append(w, out, behind.s, behind.n);
    else r = append(w, out, "localdomain", 11);
  }
  stralloc_free(&host);
  return r;
}

static int value_of(struct walk *w, struct text name, stralloc *out, unsigned depth)
{
  if ((w->spent += NAME_COST) > EXPANDED) return 0;
  struct parameter const *p = maincf_find(w->m, name.s, name.n);
  if (p) return expand(w, maincf_value(w->m, p), out, depth);
  if (text_is(name, "mydomain")) return mydomain(w, out, depth);
  for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
    if (!text_is(name, defaults[i].name)) continue;
    char const *s = defaults[i].value;
    return s ? expand(w, (struct text){ s, strlen(s) }, out, depth) : 0;
  }
  return 1;
}

/* The length of what an opening brace at t begins, with both braces; 0: it does not close. */
static size_t braces(struct text t)
{
  char open = *t.s, close = open == '{' ? '}' : ')';
  size_t depth = 0;
  for (size_t i = 0; i < t.n; i++) {
    if (t.s[i] == open) depth++;
    if (t.s[i] == close && !--depth) return i + 1;
  }
  return 0;
}

static size_t name_length(struct text t)
{
  size_t i = 0;
  while (i < t.n && ((t.s[i] >= 'a' && t.s[i] <= 'z') || (t.s[i] >= 'A' && t.s[i] <= 'Z') ||
                     (t.s[i] >= '0' && t.s[i] <= '9') || t.s[i] == '_')) i++;
  return i;
}

/* Takes {text} from the front, or else all. Returns 1, or 0 when braces don't close. */
static int branch(struct text *rest, struct text *out)
{
  *rest = text_trim(*rest);
  *out = *rest;
  if (!rest->n || *rest->s != '{') return rest->n = 0, 1;
  size_t n = braces(*rest);
  if (!n) return 0;
  *out = text_trim((struct text){ rest->s + 1, n - 2 });
  *rest = text_trim((struct text){ rest->s + n, rest->n - n });
  return 1;
}

/* What stands between the braces: a name, then perhaps `?` or `:` and what to put when it is set or isn't. */
static int choose(struct walk *w, struct text in, stralloc *out, unsigned depth)
{
  stralloc value = STRALLOC_ZERO;
  struct text full = { 0, 0 }, empty = { 0, 0 };
  in = text_trim(in);
  size_t n = name_length(in);
  struct text name = { in.s, n }, rest = text_trim((struct text){ in.s + n, in.n - n });
  if (!n) return 0; /* a comparison */
  if (!rest.n) return value_of(w, name, out, depth);
  char kind = *rest.s;
  if (kind != '?' && kind != ':') return 0;
  rest = (struct text){ rest.s + 1, rest.n - 1 };
  if (!branch(&rest, kind == '?' ? &full : &empty)) return 0;
  if (rest.n) {
    if (kind != '?' || *rest.s != ':') return 0;
    rest = (struct text){ rest.s + 1, rest.n - 1 };
    if (!branch(&rest, &empty) || rest.n) return 0;
  }
  int r = value_of(w, name, &value, depth);
  if (r > 0) r = expand(w, value.len ? full : empty, out, depth);
  stralloc_free(&value);
  return r;
}

static int expand(struct walk *w, struct text t, stralloc *out, unsigned depth)
{
  int r = 1;
  if (depth == DEPTH) return 0;
  for (size_t i = 0; r > 0 && i < t.n; ) {
    char const *dollar = memchr(t.s + i, '$', t.n - i);
    size_t plain = dollar ? (size_t)(dollar - t.s) - i : t.n - i;
    if (plain) r = append(w, out, t.s + i, plain);
    i += plain;
    if (r <= 0 || !dollar) continue;
    struct text rest = { t.s + i + 1, t.n - i - 1 };
    size_t n = name_length(rest);
    if (rest.n && (*rest.s == '{' || *rest.s == '(')) {
      n = braces(rest);
      r = n ? choose(w, (struct text){ rest.s + 1, n - 2 }, out, depth + 1) : 0;
    } else if (rest.n && *rest.s == '$') {
      n = 1;
      r = append(w, out, "$", 1);
    } else {
      r = n ? value_of(w, (struct text){ rest.s, n }, out, depth + 1) : append(w, out, "$", 1);
    }
    i += 1 + n;
  }
  return r;
}

int maincf_expand(struct maincf const *m, struct text t, stralloc *out)
{
  struct walk w = { .m = m };
  return expand(&w, t, out, 0);
}

int maincf_get(struct maincf const *m, char const *name, stralloc *out)
{
  struct walk w = { .m = m };
  out->len = 0;
  return value_of(&w, (struct text){ name, strlen(name) }, out, 0);
}
