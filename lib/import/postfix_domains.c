/* Postfix' domains: mydestination, virtual_alias_domains, virtual_mailbox_domains, relay_domains. */
#include <errno.h>
#include <string.h>
#include "import/postfix.h"

/* A list of domains on its way. */
struct domains {
  char const *name;         /* the parameter */
  enum class class;
  char const *maps;         /* the parameter with its recipients; null: none */
  char const *check;        /* how recipients are checked */
  unsigned below : 1;       /* a domain stands for those below it, too */
  unsigned stopped : 1;     /* an exclusion that can't be read: nothing behind it is safe */
  struct names excluded;    /* with their NULs */
};

unsigned postfix_class(struct postfix const *p, char const *domain)
{
  uint32_t class;
  for (char const *s = domain; *s; s = domain_wider(s))
    if (names_find(&p->class, s, strlen(s), &class)) return class;
  return 0;
}

/* Is one of the excluded below the suffix? Exclusions are few: they are asked one by one. */
static int is_above(struct domains const *d, char const *suffix, size_t len)
{
  char const *s = d->excluded.keys.s, *end = s + d->excluded.keys.len;
  while (s && s < end) {
    size_t n = strlen(s);
    if (n > len && !memcmp(s + n - len, suffix, len)) return 1;
    s += n + 1;
  }
  return 0;
}

static void add(struct postfix *p, struct domains *d, char const *key, size_t len, struct place from)
{
  uint32_t class = d->class;
  for (char const *s = key; *s; s = domain_wider(s))
    if (names_find(&d->excluded, s, strlen(s) + 1, 0)) return;
  if (*key == '.' && is_above(d, key, len)) {
    import_left(p->x, from, "%s in %s: a domain below it is excluded, and `domains` knows no exclusions", key, d->name);
    return;
  }
  if (!import_line(p->x, IMPORT_DOMAINS, key, len, from, 0, "%s %s", key, d->check)) return;
  if (names_add(&p->class, key, len, &class) < 0 || !stralloc_catb(&p->hosted, key, len + 1)) p->x->broken = ENOMEM;
  if (d->class == CLASS_LOCAL && *key != '.' && !stralloc_catb(&p->local, key, len + 1)) p->x->broken = ENOMEM;
}

static void one_domain(struct postfix *p, struct item const *i, void *arg)
{
  struct domains *d = arg;
  char key[IMPORT_DOMAIN + 1] = ".";
  uint32_t none = 0;
  if (i->excludes) d->stopped = 1;
  if (i->unreadable) return;
  if (i->key && memchr(i->word.s, '@', i->word.n)) return; /* a map of addresses that names domains, too */
  if (i->key && d->class == CLASS_ALIAS && !memchr(i->word.s, '.', i->word.n)) return; /* a user in such a map */
  size_t len = import_domain(key + 1, i->word);
  if (d->stopped || !len || (d->below && i->word.n && *i->word.s == '.')) {
    import_left(p->x, i->from, "%.*s in %s: %s", SHOWN(i->word), d->name,
                d->stopped ? "it stands behind what can't be read and may exclude it"
                : len      ? "Postfix takes this for no domain, see parent_domain_matches_subdomains"
                           : "no domain");
  } else if (i->negative) {
    if (names_add(&d->excluded, key + 1, len + 1, &none) < 0) p->x->broken = ENOMEM;
    if (d->below && key[1] != '[' && names_add(&d->excluded, key, len + 2, &none) < 0) p->x->broken = ENOMEM;
  } else {
    add(p, d, key + 1, len, i->from);
    if (d->below && key[1] != '[') add(p, d, key, len + 1, i->from);
  }
}

/* Are all the tables of a parameter texts that we have? */
static int readable(struct postfix *p, char const *name)
{
  stralloc value = STRALLOC_ZERO;
  struct text rest, word;
  int all = maincf_get(&p->main, name, &value) > 0;
  rest = (struct text){ value.s, all ? value.len : 0 };
  while (all && text_word(&rest, &word)) all = postfix_table(p, word, postfix_place(p, name), 0, 0);
  stralloc_free(&value);
  return all;
}

/* No maps: any recipient. Maps that we can read are the list; else the host behind us must know. */
static char const *check_by(struct postfix *p, char const *maps)
{
  stralloc value = STRALLOC_ZERO;
  char const *check = "asked";
  if (postfix_overridden(p, maps)) check = "asked";
  else if (maincf_get(&p->main, maps, &value) > 0 && !text_trim((struct text){ value.s, value.len }).n) check = "any";
  else if (readable(p, maps)) check = "listed";
  stralloc_free(&value);
  return check;
}

static int parents_match(struct postfix *p, char const *list)
{
  stralloc value = STRALLOC_ZERO;
  struct text rest, word;
  int found = 0;
  if (!postfix_get(p, "parent_domain_matches_subdomains", &value)) value.len = 0;
  rest = (struct text){ value.s, value.len };
  while (text_word(&rest, &word)) found |= text_is(word, list);
  stralloc_free(&value);
  return found;
}

static void read_list(struct postfix *p, struct domains *d)
{
  size_t before = p->hosted.len;
  if (d->maps) d->check = check_by(p, d->maps);
  postfix_list(p, d->name, one_domain, d);
  names_free(&d->excluded);
  if (p->hosted.len > before && !strcmp(d->check, "asked"))
    import_left(p->x, postfix_place(p, d->maps), "%s can't be read: for %s the next hop is asked for each recipient",
                d->maps, d->name);
}

void postfix_domains(struct postfix *p)
{
  struct domains local = { .name = "mydestination", .class = CLASS_LOCAL, .maps = "local_recipient_maps" };
  struct domains alias = { .name = "virtual_alias_domains", .class = CLASS_ALIAS, .check = "listed" };
  struct domains mailbox = { .name = "virtual_mailbox_domains",
                             .class = CLASS_MAILBOX,
                             .maps = "virtual_mailbox_maps" };
  struct domains relay = { .name = "relay_domains", .class = CLASS_RELAY, .maps = "relay_recipient_maps" };
  read_list(p, &local);
  read_list(p, &alias);
  read_list(p, &mailbox);
  relay.below = parents_match(p, relay.name) > 0;
  if (postfix_set(p, relay.name)) read_list(p, &relay);
  else
    import_note(p->x, (struct place){ "main.cf", 0 },
                "relay_domains is not set; below compatibility_level 2 Postfix also takes mail "
                "for all domains below those of mydestination, and here they are not in `domains`");
  if (p->local.len)
    import_note(p->x, postfix_place(p, local.name),
                "Postfix delivers mail for mydestination itself; here there are no mailboxes: each "
                "of these domains needs a line in `routes` that names the host with its mailboxes");
}
