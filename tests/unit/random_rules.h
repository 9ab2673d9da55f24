/* Rules made up from few names, so that their lines meet: domains, recipients, aliases, relay. */
#ifndef TESTS_RANDOM_RULES_H
#define TESTS_RANDOM_RULES_H

#include "rules_double.h"

static uint32_t seed; /* not 0 */

static uint32_t dice(uint32_t n)
{
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed % n;
}

#define ONE_OF(list) list[dice(sizeof list / sizeof *list)]
static char const *const locals[] = { "a", "b", "joe", "joe+x", "joe+x-y", "joe-", "postmaster", "Joe", "b-c", "any" };
static char const *const patterns[] = { "joe+*", "joe-*", "joe+x-*", "b-*", "joe+*" };
static char const *const names[] = { "a.test", "b.test", "c.b.test", "d.c.b.test", "test", "x.org", "hosted", "any",
  "b.b.test", "a.b.test", "a.a.test", "a.c.b.test", "[192.0.2.1]", "[192.0.2.9]" };

static void put(stralloc *text, char const *s)
{
  assert_true(stralloc_cats(text, s));
}

static char const *domain(char *out)
{
  char const *name = ONE_OF(names);
  return strcat(strcpy(out, dice(3) || *name == '[' ? "" : "."), name);
}

/* An address or, with `at` before it, a domain. */
static char const *form(char *out, char const *at)
{
  char d[64];
  if (dice(2)) return strcat(strcpy(out, at), domain(d));
  return strcat(strcat(strcpy(out, ONE_OF(locals)), "@"), ONE_OF(names));
}

/* Adds `key` unless the text has it, with `rest` behind. Keys that differ in case alone are the same. */
static void line(stralloc *text, char const *key, char const *rest)
{
  char low[300] = "\n";
  for (size_t i = 0; i <= strlen(key); i++) low[1 + i] = (char)(key[i] >= 'A' && key[i] <= 'Z' ? key[i] + 32 : key[i]);
  strcat(low, rest);
  if (!text->len) put(text, "\n");
  strcat(low, "\n");
  assert_true(stralloc_0(text));
  text->len--;
  if (!strstr(text->s, low)) put(text, low + 1);
}

static void relay_lines(stralloc *text)
{
  static char const *const fixed[] = { "grant clients", "grant login", "grant pop bound", "grant pop on mx bound",
    "grant pop 600 /64 on -,submission", "grant anyone open-relay",
    "grant sender hosted forgeable", "grant sender user forgeable", "require sender hosted", "require tls",
    "grant to-host 192.0.2.0/24" };
  char key[300], a[100], b[100];
  for (unsigned n = dice(14); n--; ) {
    switch (dice(6)) {
      case 0: if (!dice(2)) line(text, ONE_OF(fixed), ""); break;
      case 1: line(text, strcat(strcpy(key, dice(3) ? "grant to " : "deny to "), form(a, "")), ""); break;
      case 2: line(text, strcat(strcpy(key, "local "), form(a, "")), ""); break;
      case 3: line(text, strcat(strcpy(key, "grant sender "), form(a, "@")), " forgeable"); break;
      default:
        strcpy(a, dice(3) ? form(b, "@") : dice(2) ? "any" : "hosted");
        snprintf(key, sizeof key, "grant device 192.0.2.%u/%u from %s to %s", dice(2) * 128, 24 + dice(2), a,
                 dice(3) ? form(b, "") : dice(2) ? "any" : "hosted");
        if (strstr(key, "128/24")) break;
        line(text, key, "");
    }
  }
}

static void put_mailboxes(stralloc *text, stralloc const *domains, char const *target)
{
  char key[300];
  for (unsigned n = dice(8); n--; ) {
    char const *name = ONE_OF(names);
    snprintf(key, sizeof key, "%s@%s", dice(4) ? ONE_OF(locals) : dice(3) ? ONE_OF(patterns) : "", name);
    if (strstr(domains->s, name)) line(text, key, target);
  }
}

/* Each domain once: to a relay, or by its MX records. */
static void put_routes(stralloc *text)
{
  static char const *const relays[] = { ":10.0.0.5", ":", "::2525", ":/run/lmtp", ": tls=required", ":h.test:24 lmtp" };
  char keys[16][64], d[64];
  for (unsigned n = dice(5), i = 0, k; i < n; i++) {
    strcpy(keys[i], dice(8) ? domain(d) : "");
    for (k = 0; k < i && strcmp(keys[k], keys[i]); k++);
    if (k == i) put(text, keys[i]), put(text, ONE_OF(relays)), put(text, "\n");
  }
}

/* Who may use which senders by a POP stamp. */
static void put_users(stralloc *text)
{
  static char const *const users[] = { "user", "joe" };
  char form_text[100];
  for (unsigned i = 0; i < 2; i++) {
    put(text, users[i]);
    put(text, dice(4) ? " - from" : " -");
    for (unsigned n = text->s[text->len - 1] == 'm' ? 1 + dice(3) : 0; n--; ) {
      put(text, " ");
      put(text, form(form_text, "@"));
    }
    put(text, "\n");
  }
}

/* Some rules: what the compiler does not take is left for the next try. */
static inline struct table_set *some_rules(void)
{
  static char const *const checks[] = { "", " any", " listed", " asked" };
  stralloc domains, recipients, aliases, relay, routes, users;
  for (;;) {
    char d[64];
    domains = recipients = aliases = relay = routes = users = (stralloc)STRALLOC_ZERO;
    for (unsigned n = dice(6); n--; ) line(&domains, domain(d), ONE_OF(checks));
    relay_lines(&relay);
    put_routes(&routes);
    put_users(&users);
    put(&domains, "\n");
    assert_true(stralloc_0(&domains));
    domains.len--;
    put_mailboxes(&recipients, &domains, "");
    put_mailboxes(&aliases, &domains, " z@elsewhere.example");
    struct rules_text texts[] = { { "me", "relay.example\n", 14 }, { "domains", domains.s, domains.len },
      { "recipients", recipients.s, recipients.len }, { "aliases", aliases.s, aliases.len },
      { "relay", relay.s, relay.len }, { "routes", routes.s, routes.len },
      { "users", users.s, users.len } };
    struct table_set *t = try_texts(texts, 7);
    stralloc_free(&domains);
    stralloc_free(&recipients);
    stralloc_free(&aliases);
    stralloc_free(&relay);
    stralloc_free(&routes);
    stralloc_free(&users);
    if (t) return t;
  }
}

#endif
