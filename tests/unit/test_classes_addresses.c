/* lib/classes: each sender and recipient is decided as the representative of its class is, in all facts, one table and
 * two; equal traits mean equal verdicts. */
#include "random_rules.h"
#include "classes/classes.h"
#include "parse/address.h"
#include "unit.h"

static size_t find(struct classes const *c, enum form f, char const *key)
{
  for (size_t i = 0; i < classes_addresses(c); i++)
    if (classes_address(c, i)->form == f && !strcmp(classes_text(c, classes_address(c, i)->key), key)) return i;
  return CLASSES_NONE;
}

/* The class of an address, found without the links: the most special form that a table has. */
static size_t class_of(struct classes const *c, struct address const *a)
{
  char key[ADDRESS_KEY], pattern[ADDRESS_KEY + 2];
  size_t found, domain_found = CLASSES_NONE;
  address_key(key, a);
  if (!a->domain[0]) return FORM_BARE;
  if ((found = find(c, FORM_ADDRESS, key)) != CLASSES_NONE) return found;
  for (size_t i = a->local_len; i-- > 1; ) {
    if (key[i] != '+' && key[i] != '-') continue;
    snprintf(pattern, sizeof pattern, "%.*s*@%s", (int)i + 1, key, a->domain);
    if ((found = find(c, FORM_EXTENSION, pattern)) != CLASSES_NONE) return found;
  }
  found = find(c, FORM_DOMAIN, a->domain);
  enum form which = found != CLASSES_NONE ? FORM_DOMAIN : FORM_SUFFIX;
  char const *s = a->domain;
  for (; found == CLASSES_NONE && (s = domain_wider(s)) && *s; ) found = find(c, FORM_SUFFIX, s);
  if (found == CLASSES_NONE) return a->literal ? FORM_OTHER_LITERAL : FORM_OTHER;
  if (a->local_len == 10 && !strncmp(key, "postmaster", 10))
    domain_found = find(c, FORM_POSTMASTER, which == FORM_DOMAIN ? a->domain : s);
  return domain_found != CLASSES_NONE ? domain_found : found;
}

/* From the most special class with this role on. */
static struct address_class const *in_role(struct classes const *c, size_t i, int sender)
{
  for (; i != CLASSES_NONE; i = classes_address(c, i)->wider) {
    struct address_class const *k = classes_address(c, i);
    if (sender ? k->sender : k->recipient) return k;
  }
  return 0;
}

static int same(struct decision const *a, struct decision const *b)
{
  return a->verdict == b->verdict && a->reason == b->reason && a->origin == b->origin &&
    a->record.line == b->record.line && (!a->record.line || !strcmp(a->record.file, b->record.file));
}

static char const *const users[] = { "user", "joe", "nobody", "" }, *const listeners[] = { "", "mx", "other" };
static struct ip const exchanger = { { 192, 0, 2, 1 }, 4 };

static void random_facts(struct facts *f)
{
  *f = (struct facts){ .client = { { 192, 0, 2, (uint8_t)dice(256) }, 4 } };
  classes_session(f, dice(CLASSES_SESSIONS));
  if (f->stamp) f->stamp = ONE_OF(users);
  if (!*f->listener) f->listener = ONE_OF(listeners);
  f->stamp_unknown = !dice(4);
  f->trusted = !dice(3);
  f->mailbox = (enum answer)dice(4);
  f->mx = (enum answer)dice(3);
  f->hosts = &exchanger;
  f->hosts_n = 1;
}

static void random_address(struct address *a, int with_null)
{
  char text[200];
  snprintf(text, sizeof text, "%s@%s%s", dice(3) ? ONE_OF(locals) : "some", dice(6) ? "" : "y.", ONE_OF(names));
  if (strstr(text, "y.[")) strcpy(text, "some@example.com");
  memset(a, 0, sizeof *a);
  if (with_null && !dice(10)) return;
  if (!with_null && !dice(20)) strcpy(text, "postmaster");
  assert_int_equal(address_mailbox(a, text, strlen(text), 1), ADDRESS_OK);
}

static unsigned stamped; /* accepted by a stamp that is bound to senders */

static void compare(struct classes const *c)
{
  struct address sender, recipient, s, r;
  struct facts f;
  struct decision wanted, got;
  random_facts(&f);
  random_address(&sender, 1);
  random_address(&recipient, 0);
  struct address_class const *sk = in_role(c, sender.len ? class_of(c, &sender) : FORM_NULL, 1);
  struct address_class const *rk = in_role(c, class_of(c, &recipient), 0);
  assert_non_null(sk);
  assert_non_null(rk);
  for (unsigned t = 0; t < c->n; t++) {
    f.sender = &sender;
    f.recipient = &recipient;
    decide(&wanted, c->t[t], &f);
    f.sender = classes_example(c, sk, &s);
    f.recipient = classes_example(c, rk, &r);
    assert_non_null(f.recipient);
    decide(&got, c->t[t], &f);
    if (wanted.reason == REASON_POP) stamped += !strcmp(wanted.record.data + strlen(wanted.record.data) + 1, "bound");
    CHECK(same(&wanted, &got), "%s -> %s as %s -> %s: %s:%u, %s:%u", sender.text, recipient.text,
          f.sender ? f.sender->text : "", r.text, reason_word(wanted.reason), (unsigned)wanted.record.line,
          reason_word(got.reason), (unsigned)got.record.line);
  }
}

/* Each example is of its own class, and each traits' verdict is one, without devices. */
static void check(struct classes const *c)
{
  static struct decision seen[2][TRAITS][TRAITS];
  struct address s, r;
  struct facts f;
  memset(seen, 0, sizeof seen);
  random_facts(&f);
  f.client.len = 0;
  f.stamp = 0; /* what a stamp is worth is no trait */
  for (size_t i = 0; i < classes_addresses(c); i++) {
    struct address_class const *k = classes_address(c, i);
    struct address const *a = classes_example(c, k, &s);
    assert_int_equal(a ? class_of(c, a) : FORM_NULL, i);
    if (!k->sender) continue;
    for (size_t n = 0; n < classes_addresses(c); n++) {
      if (!classes_address(c, n)->recipient) continue;
      for (unsigned t = 0; t < c->n; t++) {
        struct decision d;
        unsigned st, rt;
        f.sender = a;
        f.recipient = classes_example(c, classes_address(c, n), &r);
        assert_int_equal(classes_sender_traits(c->t[t], a, &st), 0);
        assert_int_equal(classes_recipient_traits(c->t[t], &r, &rt), 0);
        decide(&d, c->t[t], &f);
        struct decision *before = &seen[t][st][rt];
        if (before->record.file) CHECK(before->verdict == d.verdict, "%s -> %s: traits %u %u", s.text, r.text, st, rt);
        *before = d;
        before->record.file = "";
      }
    }
  }
}

static void test_addresses(void **state)
{
  (void)state;
  for (uint32_t round = 1; round < 400; round++) {
    struct table_set *t[2];
    struct classes c;
    seed = 2463534242U * round;
    t[0] = some_rules();
    t[1] = some_rules();
    assert_int_equal(classes_make(&c, (struct table_set const *const *)t, 1 + round % 2), 0);
    check(&c);
    for (unsigned i = 0; i < 150; i++) compare(&c);
    classes_free(&c);
    table_close(t[0]);
    table_close(t[1]);
  }
  assert_in_range(stamped, 20, 100000);
}

static void test_sessions(void **state)
{
  struct facts f = { 0 };
  unsigned seen = 0;
  (void)state;
  for (unsigned i = 0; i < CLASSES_SESSIONS; i++) {
    classes_session(&f, i);
    unsigned n = (!!*f.listener * 2 + f.tls) * 2 + (f.stamp != 0);
    n = n * 3 + (f.login ? 1 + f.login_may_relay : 0);
    assert_false(seen >> n & 1);
    seen |= 1U << n;
    assert_true(!*f.listener || !strcmp(f.listener, LISTENER_SUBMISSION));
  }
  assert_int_equal(seen, (1U << CLASSES_SESSIONS) - 1);
  classes_session(&f, 0);
  assert_true(!*f.listener && !f.tls && !f.stamp && !f.login);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(test_addresses), cmocka_unit_test(test_sessions) };
  return cmocka_run_group_tests(tests, 0, 0);
}
