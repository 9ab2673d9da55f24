/* Which senders a login may use. */
#include "unit.h"
#include "policy/senders.h"

static void senders(void **state)
{
  static char const list[] = "Bob@Hosted.example\0@mine.example\0@.below.example\0\"a b\"@q.example\0nonsense\0@\0"
    "@..\0@[192.0.2.1]";
  static struct { char const *in; int ok; } const cases[] = {
    { "bob@hosted.example", 1 }, { "BOB@HOSTED.EXAMPLE", 1 }, { "bob@hosted.example.", 1 }, { "x@mine.example", 1 },
    { "x@a.below.example", 1 }, { "x@a.b.BELOW.example", 1 }, { "\"A B\"@q.example", 1 }, { "x@[192.0.2.1]", 1 },
    { "x@below.example", 0 }, { "x@abelow.example", 0 }, { "x@a.mine.example", 0 }, { "x@xmine.example", 0 },
    { "bob@mine.example.evil", 0 }, { "alice@hosted.example", 0 }, { "bob+x@hosted.example", 0 },
    { "x@[192.0.2.2]", 0 },
    { "nonsense@hosted.example", 0 }, { "postmaster", 0 },
  }, *c;
  EACH_CASE(c, cases) {
    struct address a;
    assert_int_equal(address_mailbox(&a, c->in, strlen(c->in), 1), ADDRESS_OK);
    CHECK(senders_allow(list, sizeof list, &a) == c->ok, "%s", c->in);
    assert_false(senders_allow("", 0, &a));
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(senders) };
  return cmocka_run_group_tests(tests, 0, 0);
}
