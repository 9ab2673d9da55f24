/* Postfix' recipients and virtual aliases, as far as they are of hosted domains. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "import/postfix.h"

#define TARGETS 1000 /* of one alias; as many as relay-mkcdb takes */

/* The classes of whose addresses a parameter speaks. */
struct map {
  char const *name;
  unsigned classes;          /* bits 1 << enum class */
};

static size_t catch_all(char out[ADDRESS_KEY + 1], struct text t)
{
  char key[IMPORT_DOMAIN];
  size_t len = import_domain(key, (struct text){ t.s + 1, t.n - 1 });
  if (!len) return 0;
  out[0] = '@';
  memcpy(out + 1, key, len + 1);
  return 1 + len;
}

size_t postfix_mailbox(struct postfix *p, char out[ADDRESS_KEY + 1], struct text t, struct place from, int catch)
{
  struct address a;
  if (t.n && *t.s == '@') {
    size_t len = catch ? catch_all(out, t) : 0;
    if (!len)
      import_left(p->x, from, "%.*s: %s", SHOWN(t),
                  catch ? "no domain behind the @" : "all of a domain can't stand here");
    return len;
  }
  if (address_mailbox(&a, t.s, t.n, 1) != ADDRESS_OK || !*a.domain) {
    import_left(p->x, from, "no address: %.*s", SHOWN(t));
    return 0;
  }
  if (a.onward) {
    import_left(p->x, from, "%.*s: a local part with %%, ! or @, or one that needs quotes, is never accepted here",
                SHOWN(t));
    return 0;
  }
  return address_key(out, &a);
}

/* Is the address behind the last @ of key in one of the map's classes? */
static int of_class(struct postfix *p, char const *key, struct map const *m, struct place from)
{
  char const *domain = strrchr(key, '@') + 1;
  unsigned class = postfix_class(p, domain);
  if (class && (m->classes >> class & 1)) return 1;
  import_left(p->x, from, "%s: %s", key, class ? "for the list that this domain is in, Postfix asks other maps" :
              "its domain is not in `domains`");
  return 0;
}

/* Remembers that somebody lives in the domain behind the @ of key. */
static void people(struct postfix *p, char const *key)
{
  uint32_t none = 0;
  for (char const *s = strrchr(key, '@') + 1; *s; s = domain_wider(s))
    if (names_add(&p->peopled, s, strlen(s), &none) < 0) p->x->broken = ENOMEM;
}

static void add_recipient(struct postfix *p, struct text t, struct place from, struct map const *m)
{
  char key[ADDRESS_KEY + 1];
  size_t len = postfix_mailbox(p, key, t, from, 1);
  if (!len || !of_class(p, key, m, from)) return;
  import_line(p->x, IMPORT_RECIPIENTS, key, len, from, 0, "%s", key);
  people(p, key);
}

/* Puts a user's name before each domain of mydestination. fn gets the address. */
static void each_local(struct postfix *p, struct text user, struct place from, void *arg,
                       void (*fn)(struct postfix *, struct text, struct place, void *))
{
  char address[LIMIT_ADDRESS + 2];
  if (!p->local.len || user.n > LIMIT_LOCAL_PART) {
    import_left(p->x, from, "%.*s: no address, and mydestination has no domain for it", SHOWN(user));
    return;
  }
  for (size_t i = 0; i < p->local.len && !p->x->broken; i += strlen(p->local.s + i) + 1) {
    size_t n = strlen(p->local.s + i);
    memcpy(address, user.s, user.n);
    address[user.n] = '@';
    memcpy(address + user.n + 1, p->local.s + i, n);
    fn(p, (struct text){ address, user.n + 1 + n }, from, arg);
  }
}

static void local_recipient(struct postfix *p, struct text t, struct place from, void *arg)
{
  add_recipient(p, t, from, arg);
}

static void one_recipient(struct postfix *p, struct text key, struct text value, struct place from, void *arg)
{
  struct map *m = arg;
  (void)value;
  if (memchr(key.s, '@', key.n)) add_recipient(p, key, from, m);
  else if (m->classes >> CLASS_LOCAL & 1) each_local(p, key, from, m, local_recipient);
  else import_left(p->x, from, "no address: %.*s", SHOWN(key));
}

void postfix_recipients(struct postfix *p)
{
  struct map maps[] = {
    { "local_recipient_maps", 1U << CLASS_LOCAL },
    { "virtual_mailbox_maps", 1U << CLASS_MAILBOX },
    { "relay_recipient_maps", 1U << CLASS_RELAY },
  };
  for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
    if (postfix_set(p, maps[i].name)) postfix_tables(p, maps[i].name, one_recipient, maps + i);
}

/* Is key among those before? They are few. */
static int twice(stralloc const *keys, char const *key)
{
  for (size_t i = 0; i < keys->len; i += strlen(keys->s + i) + 1)
    if (!strcmp(keys->s + i, key)) return 1;
  return 0;
}

/* The targets of an alias as our file has them; without a domain they are myorigin's. Returns their number, 0 after
 * saying what is wrong. */
static size_t targets(struct postfix *p, stralloc *out, stralloc *keys, struct text value, struct place from,
                      char const *origin)
{
  struct text word;
  char key[ADDRESS_KEY + 1];
  char address[LIMIT_ADDRESS + DOMAIN_TEXT + 2];
  size_t n = 0;
  out->len = keys->len = 0;
  for (; text_word(&value, &word); n++) {
    int bare = !memchr(word.s, '@', word.n);
    if (memchr("|/:\"\\", *word.s, 5)) {
      import_left(p->x, from, "an alias for what is no address: %.*s", SHOWN(word));
      return 0;
    }
    if (word.n > LIMIT_ADDRESS || (bare && !*origin) || n == TARGETS) {
      import_left(p->x, from, "an alias with %s: %.*s", n == TARGETS ? "too many targets" : "a target without a domain",
                  SHOWN(word));
      return 0;
    }
    int len = snprintf(address, sizeof address, bare ? "%.*s@%s" : "%.*s", (int)word.n, word.s, origin);
    size_t key_len = postfix_mailbox(p, key, (struct text){ address, (size_t)len }, from, 0);
    if (!key_len) return 0;
    if (twice(keys, key)) continue;
    if (!stralloc_catb(keys, key, key_len + 1) || !stralloc_catb(out, " ", 1) ||
        !stralloc_catb(out, address, (size_t)len)) p->x->broken = ENOMEM;
  }
  if (!n) import_left(p->x, from, "an alias for nobody");
  return n;
}

struct alias {
  struct map map;
  char origin[IMPORT_DOMAIN];  /* myorigin */
  struct text value;
  stralloc targets, keys;      /* the targets as they are written, and their keys */
};

static void add_alias(struct postfix *p, struct text t, struct place from, void *arg)
{
  struct alias *a = arg;
  char key[ADDRESS_KEY + 1];
  size_t len = postfix_mailbox(p, key, t, from, 1);
  if (!len || !of_class(p, key, &a->map, from) || !targets(p, &a->targets, &a->keys, a->value, from, a->origin))
    return;
  people(p, key);
  import_line(p->x, IMPORT_ALIASES, key, len, from, 0, "%.*s%.*s", (int)len, key, (int)a->targets.len, a->targets.s);
}

/* A key without an @ is a domain of virtual_alias_domains, whose value means nothing, or a user of mydestination. */
static void one_alias(struct postfix *p, struct text key, struct text value, struct place from, void *arg)
{
  struct alias *a = arg;
  char domain[IMPORT_DOMAIN];
  a->value = value;
  if (memchr(key.s, '@', key.n)) add_alias(p, key, from, a);
  else if (!import_domain(domain, key) || postfix_class(p, domain) != CLASS_ALIAS)
    each_local(p, key, from, a, add_alias);
}

/* myorigin: a domain, or, on Debian, a file with one. */
static void read_origin(struct postfix *p, char out[IMPORT_DOMAIN])
{
  stralloc value = STRALLOC_ZERO;
  struct source f = { .s = 0 };
  struct text t = { 0, 0 };
  if (maincf_get(&p->main, "myorigin", &value) > 0) t = text_trim((struct text){ value.s, value.len });
  if (t.n && *t.s == '/' && (postfix_open(p, &f, t) <= 0 || !source_line(&f, &t))) t.n = 0;
  if (!t.n || !import_domain(out, text_trim(t))) *out = 0;
  source_close(&f);
  stralloc_free(&value);
}

void postfix_aliases(struct postfix *p)
{
  struct alias a = { .map = { "virtual_alias_maps", ~0U } };
  read_origin(p, a.origin);
  if (postfix_set(p, a.map.name)) postfix_tables(p, a.map.name, one_alias, &a);
  if (postfix_set(p, "alias_maps"))
    import_left(p->x, postfix_place(p, "alias_maps"),
                "alias_maps: aliases of local delivery, which is the mailboxes' host's to do");
  postfix_done(p, "alias_maps");
  stralloc_free(&a.targets);
  stralloc_free(&a.keys);
}

/* What stands for all below a domain of relay_domains need not have recipients: the line says that this is meant. */
void postfix_deserted(struct postfix *p)
{
  static char const listed[] = " listed # ", ok[] = "ok: no-recipients; ";
  stralloc const old = p->x->text[IMPORT_DOMAINS];
  stralloc text = STRALLOC_ZERO;
  for (size_t i = 0; i < old.len && !p->x->broken; ) {
    char const *s = old.s + i, *lf = memchr(s, '\n', old.len - i), *space = memchr(s, ' ', old.len - i);
    size_t n = (size_t)(lf - s) + 1, key = (size_t)(space - s), head = key + sizeof listed - 1;
    int deserted = *s == '.' && !names_find(&p->peopled, s, key, 0);
    int mark = deserted && head < n && !memcmp(space, listed, sizeof listed - 1);
    if (!mark) head = 0;
    if (!stralloc_catb(&text, s, head) || (mark && !stralloc_catb(&text, ok, sizeof ok - 1)) ||
        !stralloc_catb(&text, s + head, n - head)) p->x->broken = ENOMEM;
    i += n;
  }
  stralloc_free(&p->x->text[IMPORT_DOMAINS]);
  p->x->text[IMPORT_DOMAINS] = text;
}
