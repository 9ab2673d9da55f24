/* lib/diff: random tables and random facts. Whenever the two tables decide differently the facts are in one line of the
 * right kind, whenever not in none; and the tables of some cases that are easy to say. */
#include "diff_check.h"

#define PAIRS 250
#define TRIALS 250
#define ADDRESSES_N(a) (sizeof (a) / sizeof *(a))

static uint32_t seed = 1;

static unsigned draw(unsigned n)
{
  seed = seed * 1664525 + 1013904223;
  return (seed >> 8) % n;
}

#define ANY_OF(list) (list)[draw(ADDRESSES_N(list))]

static char const *const client_keys[] = {
  "192.0.2.1", "192.0.2.", "192.0.2.0/25", "10.", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "2001:db8::/32",
  "2001:db8::1",
  "=mail.a.example", "=.a.example", "=.example", "=", "joe@192.0.2.1", "joe@=mail.a.example", "ann@=mail.a.example",
  "ann@=other.test", "",
};
static char const *const domain_lines[] = {
  "a.example", ".a.example listed", "b.example listed", "x.a.example asked", ".example any", "[192.0.2.7]",
  "c.test asked",
  "c.test listed", "b.example", "a.example listed", ".a.example asked", ".d.test listed", "e.d.test any",
};
static char const *const mailboxes[] = {
  "joe@a.example", "joe+*@a.example", "joe-x-*@a.example", "ann@b.example", "@b.example", "@.a.example",
  "joe@x.a.example",
  "postmaster@b.example", "joe+x@a.example", "ann@c.test", "@.example", "joe@f.d.test",
};
static char const *const targets[] = { "far@away.test", "ann@b.example", "far@away.test other@away.test" };
static char const *const relay_lines[] = {
  "grant login", "grant clients", "grant clients", "grant login", "grant to partner.test",
  "grant to .partner.test",
  "grant to joe@partner.test", "grant to .test", "grant to [192.0.2.8]", "grant to a.example", "deny to partner.test",
  "deny to .partner.test", "deny to joe@b.example", "deny to x.a.example", "deny to ann@partner.test",
  "local partner.test",
  "local joe@partner.test", "grant sender @partner.test forgeable", "grant sender hosted forgeable",
  "grant sender user forgeable", "grant sender joe@a.example forgeable", "grant sender @.a.example forgeable",
  "grant to-host 192.0.2.0/24", "grant to-host 192.0.2.0/25", "grant to-host 2001:db8::/32",
  "grant device 192.0.2.1 from joe@a.example to any", "grant device 10.1.0.0/16 from hosted to partner.test",
  "grant device 10.0.0.0/8 from any to joe@partner.test", "grant device 10.1.2.0/24 from @.a.example to .test",
  "grant device 2001:db8::/32 from @partner.test to any", "grant device 10.1.0.0/16 from joe@a.example to any",
  "grant device 10.0.0.0/8 from @a.example to .partner.test", "grant device 10.1.2.9 from any to any",
  "grant device 10.1.2.0/24 from joe@a.example to ann@partner.test",
  "require tls", "require login", "require sender hosted", "grant anyone open-relay",
};
static char const *const pops[] = {
  "grant pop", "grant pop 600 /64", "grant pop bound", "grant pop 300 bound", "grant pop on submission",
  "grant pop on -,mx", "grant pop on mx,submission bound", "grant pop 300 on mx", "grant pop 600 on - bound",
  "grant pop bound",
};
static char const *const user_lines[] = {
  "joe - from joe@a.example @b.example", "ann - from @.a.example", "bob -", "joe - from @a.example @partner.test",
  "ann - from joe@a.example ann@a.example", "eve - off", "fay - norelay", "bob - from @.partner.test joe@partner.test",
  "joe - from joe@a.example", "ann - from @a.example joe@x.a.example", "eve - from @[192.0.2.7]",
};
static char const *const stamps[] = { "joe", "ann", "bob", "eve", "fay", "nobody", "" };
static char const *const listeners[] = { "", "", LISTENER_SUBMISSION, "mx", "another" };
static char const *const route_lines[] = {
  "partner.test:relay.test", ".partner.test:", ".test:relay.test", "away.test::", ":relay.test", "c.test:relay.test",
};
static char const *const ips[] = { "192.0.2.1", "192.0.2.2", "192.0.2.200", "10.0.0.1", "10.1.0.1", "10.1.2.3",
    "10.1.2.9",
  "2001:db8::1", "2001:db8::2", "2001:db9::1", "203.0.113.1" };
static char const *const hosts[] = { "mail.a.example", "x.a.example", "other.test", "q.example" };
static char const *const addresses[] = {
  "joe@a.example", "joe+y@a.example", "joe+x@a.example", "joe-x-y@a.example", "ann@a.example", "ann@b.example",
  "bob@b.example",
  "postmaster@b.example", "postmaster@a.example", "joe@x.a.example", "postmaster@y.a.example", "bob@x.a.example",
  "bob@z.a.example",
  "joe@partner.test", "ann@partner.test", "bob@partner.test", "bob@q.partner.test", "bob@away.test", "bob@away.invalid",
  "bob@[192.0.2.7]", "bob@[192.0.2.8]", "bob@[192.0.2.9]", "bob@[IPv6:2001:db8::9]", "ann@c.test", "bob@c.test",
  "bob@q.example",
  "postmaster@c.test", "joe@f.d.test", "postmaster@f.d.test", "bob@e.d.test", "postmaster@e.d.test", "a%b@a.example",
};

/* Lines of a file: each of the list with a chance of `some` in ten. */
static size_t random_lines(char *out, size_t size, char const *const *list, size_t n, unsigned some, char const *rest)
{
  size_t len = 0;
  out[0] = 0;
  for (size_t i = 0; i < n; i++)
    if (draw(10) < some) len += (size_t)snprintf(out + len, size - len, "%s%s%s\n", list[i], *rest ? " " : "", rest);
  return len;
}

static size_t random_clients(char *out, size_t size)
{
  static char const *const actions[] = { "allow", "deny", "allow,RELAYCLIENT=\"\"", "allow,RELAYCLIENT=\"\"",
    "allow,RELAYCLIENT=\".inner.test\"", "allow,RELAYPROXY=\"\"" };
  size_t len = 0;
  out[0] = 0;
  for (size_t i = 0; i < ADDRESSES_N(client_keys); i++)
    if (draw(10) < 3) {
      char const *action = client_keys[i][0] && strcmp(client_keys[i], "=") ? ANY_OF(actions) : actions[draw(2)];
      len += (size_t)snprintf(out + len, size - len, "%s:%s\n", client_keys[i], action);
    }
  return len;
}

#define TEXT 4096
enum { ME, CLIENTS, DOMAINS, RECIPIENTS, ALIASES, RELAY, ROUTES, USERS, FILES };
static char texts[FILES][TEXT], before[FILES][TEXT]; /* of the new table, and of the old one */

/* Each name once. */
static void random_users(char *out)
{
  *out = 0;
  for (size_t i = 0; i < ADDRESSES_N(user_lines); i++) {
    char name[8] = { '\n', user_lines[i][0], user_lines[i][1], user_lines[i][2], 0 };
    if (draw(2) || strstr(out, name)) continue;
    strcat(strcat(out, "\n"), user_lines[i]);
  }
  strcat(out, "\n");
}

static void random_relay(char *out)
{
  size_t n = random_lines(out, TEXT, relay_lines, ADDRESSES_N(relay_lines), 1 + draw(4), "");
  if (draw(3)) snprintf(out + n, TEXT - n, "%s\n", ANY_OF(pops));
}

/* Writes file number i anew. */
static void random_text(unsigned i)
{
  unsigned some = 1 + draw(4);
  switch (i) {
    case CLIENTS: random_clients(texts[i], TEXT); break;
    case DOMAINS: random_lines(texts[i], TEXT, domain_lines, ADDRESSES_N(domain_lines), some, ""); break;
    case RECIPIENTS: random_lines(texts[i], TEXT, mailboxes, ADDRESSES_N(mailboxes), some, ""); break;
    case ALIASES: random_lines(texts[i], TEXT, mailboxes, ADDRESSES_N(mailboxes), draw(2), ANY_OF(targets)); break;
    case RELAY: random_relay(texts[i]); break;
    case USERS: random_users(texts[i]); break;
    case ROUTES: random_lines(texts[i], TEXT, route_lines, ADDRESSES_N(route_lines), draw(3), ""); break;
    default: strcpy(texts[i], "relay.example\n");
  }
}

/* Compiles them; null when they are wrong. */
static struct table_set *compile(void)
{
  static char const *const names[FILES] = { "me", "clients", "domains", "recipients", "aliases", "relay", "routes",
    "users" };
  struct rules_text all[FILES];
  for (unsigned i = 0; i < FILES; i++) all[i] = (struct rules_text){ names[i], texts[i], strlen(texts[i]) };
  return try_texts(all, FILES);
}

/* A table that differs from the last one in some of the files. */
static struct table_set *random_table(void)
{
  for (;;) {
    char keep[FILES][TEXT];
    memcpy(keep, texts, sizeof keep);
    for (unsigned n = 1 + draw(3); n; n--) random_text(1 + draw(FILES - 1));
    struct table_set *t = compile();
    if (t) return t;
    memcpy(texts, keep, sizeof keep);
  }
}

static void set_address(struct address *a, char const *text)
{
  memset(a, 0, sizeof *a);
  if (*text) assert_int_equal(address_mailbox(a, text, strlen(text), 1), ADDRESS_OK);
}

static void random_address(struct address *a, int sender)
{
  unsigned i = draw(ADDRESSES_N(addresses) + 2);
  set_address(a, i < ADDRESSES_N(addresses) ? addresses[i] : sender ? "" : "postmaster");
}

static struct ip ip_of(char const *s)
{
  struct ip ip;
  assert_true(ip_scan(&ip, s, strlen(s)));
  return ip;
}

static void random_ip(struct ip *ip)
{
  *ip = ip_of(ANY_OF(ips));
}

static void random_trial(struct trial *x)
{
  memset(x, 0, sizeof *x);
  if (draw(12)) random_ip(&x->client);
  if (!draw(2)) x->host = ANY_OF(hosts);
  if (!draw(3)) x->info = draw(2) ? "joe" : "ann";
  random_address(&x->sender, 1);
  random_address(&x->recipient, 0);
  x->facts = (struct facts){ .client = x->client, .listener = ANY_OF(listeners), .login = draw(3) ? 0 : "joe",
    .login_may_relay = !!draw(3), .stamp = draw(2) ? 0 : ANY_OF(stamps), .tls = draw(2), .sender = &x->sender,
    .recipient = &x->recipient, .mailbox = (enum answer)(1 + draw(3)), .mx = (enum answer)(1 + draw(3)),
    .hosts = x->hosts };
  if (x->facts.mx == ANSWER_YES) x->facts.hosts_n = draw(3);
  for (size_t i = 0; i < x->facts.hosts_n; i++) random_ip(x->hosts + i);
  if (!draw(10)) x->client = ip_of("192.0.2.1"), x->host = "mail.a.example", x->info = "joe";
  if (!draw(3)) {
    x->client = ip_of(draw(2) ? "10.1.2.3" : "10.1.0.1");
    x->facts.login = x->facts.stamp = 0;
    x->facts.listener = "";
    set_address(&x->recipient, addresses[13 + draw(5)]); /* at partner.test, below it, beside it */
    if (draw(2)) set_address(&x->sender, "joe@a.example");
  }
  x->facts.client = x->client;
}

static unsigned met[DIFF_KIND_COUNT], stamped; /* the latter: by a stamp that counts in one table alone */

static void try(struct diff const *d, struct described const *lines)
{
  struct trial x;
  random_trial(&x);
  enum diff_kind kind = expected(d, &x);
  unsigned hits[DIFF_KIND_COUNT] = { 0 };
  stamped += kind != DIFF_NONE && stamp_in(d->t[0], &x.facts) != stamp_in(d->t[1], &x.facts);
  for (size_t i = 0; i < genalloc_len(struct diff_line, &d->lines); i++)
    hits[lines[i].line->kind] += (unsigned)in_line(lines + i, d, &x);
  for (int k = DIFF_GAINS; k < DIFF_KIND_COUNT; k++) {
    unsigned want = (enum diff_kind)k == kind;
    if (k == DIFF_REDIRECTS) want = (unsigned)expected_redirect(d, &x);
    if (k >= DIFF_LASTS) want = (unsigned)expected_grant(d, (enum diff_kind)k);
    else if (k > DIFF_REDIRECTS) want = (unsigned)expected_gate(d, &x, (enum diff_kind)k);
    met[k] += want;
    if (hits[k] == want) continue;
    char ip[IP_TEXT] = "unknown";
    if (x.client.len) ip_fmt(ip, &x.client);
    print_error("%s: in %u lines, not in %u\nclient %s host %s user %s from %s to %s\n", diff_word((enum diff_kind)k),
                hits[k], want, ip, x.host ? x.host : "-", x.info ? x.info : "-", x.sender.text, x.recipient.text);
    print_error("login %d/%d stamp %s tls %d listener %s mailbox %d mx %d %zu\n", x.facts.login != 0,
                x.facts.login_may_relay, x.facts.stamp ? x.facts.stamp : "-", x.facts.tls, x.facts.listener,
                (int)x.facts.mailbox, (int)x.facts.mx, x.facts.hosts_n);
    for (unsigned i = 1; i < FILES; i++) print_error("--- %u old:\n%s--- new:\n%s", i, before[i], texts[i]);
    fail();
  }
}

static void random_pairs(void **state)
{
  random_text(ME);
  struct table_set *old = random_table();
  for (unsigned n = 0; n < PAIRS; n++) {
    memcpy(before, texts, sizeof before);
    struct table_set *new = random_table();
    struct diff d;
    assert_int_equal(diff_make(&d, old, new), 0);
    size_t len = genalloc_len(struct diff_line, &d.lines);
    struct described *lines = calloc(len + 1, sizeof *lines);
    assert_non_null(lines);
    for (size_t i = 0; i < len; i++) {
      describe(lines + i, &d, genalloc_s(struct diff_line, &d.lines) + i);
      check_example(&d, genalloc_s(struct diff_line, &d.lines) + i);
    }
    for (unsigned i = 0; i < TRIALS; i++) try(&d, lines);
    for (size_t i = 0; i < len; i++) described_free(lines + i);
    free(lines);
    diff_free(&d);
    table_close(old);
    old = new;
  }
  table_close(old);
  for (int k = DIFF_GAINS; k < DIFF_KIND_COUNT; k++)
    if (met[k] < 5) fail_msg("%s: met only %u times", diff_word((enum diff_kind)k), met[k]);
  if (stamped < 250) fail_msg("a stamp decided only %u times", stamped);
  (void)state;
}

static void no_difference(void **state)
{
  random_text(ME);
  for (unsigned n = 0; n < 20; n++) {
    struct table_set *t = random_table();
    struct diff d;
    assert_int_equal(diff_make(&d, t, t), 0);
    assert_int_equal(genalloc_len(struct diff_line, &d.lines), 0);
    diff_free(&d);
    table_close(t);
  }
  (void)state;
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(no_difference), cmocka_unit_test(random_pairs),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
