/* lib/rules: the files `recipients` and `aliases`, and what they, `domains` and `relay` say to each other. */
#include "rules_cases.h"

#define D "%domains\na.example listed\n.a.example any\nb.example asked\n[192.0.2.1]\n"
#define DR "da.example@1=listed d.a.example@2=any db.example@3=asked d[192.0.2.1]@4=any "
/* for what is under test, its neighbours are said to be meant */
#define A "%domains\na.example\n%aliases\n"
#define AR "da.example@1=any "

static struct good_case const good[] = {
  { "%", D "%recipients\n# ours\nJoe@A.example.\n\"ann\"@a.example # quotes that aren't needed\n"
    "joe+*@b.example\nx-*@b.example\ngr\xc3\xbcn@b.example\n",
    DR "ujoe@a.example@2= uann@a.example@3= ujoe+*@b.example@4= ux-*@b.example@5= ugr{195}{188}n@b.example@6= " },
  { "%", "%domains\n.a.example listed\n%recipients\n@b.a.example # ok: catch-all\njoe@c.a.example\n",
    "d.a.example@1=listed u@b.a.example@1= ujoe@c.a.example@2= " },
  { "%", A "Joe@A.example Ann@B.example.\n", AR "ajoe@a.example@1=Ann@B.example| " },
  { "%", A "joe@a.example \"ann\"@b.example Joe@a.example c@[192.0.2.1]\n",
    AR "ajoe@a.example@1=ann@b.example|Joe@a.example|c@[192.0.2.1]| " },
  { "%", "%domains\na.example\n.a.example\n%aliases\n@a.example x@b.example\njoe+*@a.example y@b.example\n"
    "@.a.example z@b.example\njoe@x.a.example a@b.example\tb@b.example  c@b.example # three\n",
    AR "d.a.example@2=any a@a.example@1=x@b.example| ajoe+*@a.example@2=y@b.example| a@.a.example@3=z@b.example| "
    "ajoe@x.a.example@4=a@b.example|b@b.example|c@b.example| " },
  /* aliases of aliases, whatever their order; the same address once */
  { "%", A "1@a.example 2@a.example z@b.example\n2@a.example 3@A.example y@b.example\n3@a.example x@b.example\n",
    AR "a1@a.example@1=x@b.example|y@b.example|z@b.example| a2@a.example@2=x@b.example|y@b.example| "
    "a3@a.example@3=x@b.example| " },
  { "%", A "1@a.example 2@a.example 3@a.example\n2@a.example 4@a.example\n3@a.example 4@A.Example x@b.example\n"
    "4@a.example X@B.example y@c.example\n",
    AR "a1@a.example@1=X@B.example|y@c.example| a2@a.example@2=X@B.example|y@c.example| "
    "a3@a.example@3=X@B.example|y@c.example| a4@a.example@4=X@B.example|y@c.example| " },
  /* the other host may tell capitals apart: each as it is written */
  { "%", A "1@a.example Joe@b.example\n2@a.example joe@b.example\n3@a.example 2@a.example 1@a.example\n",
    AR "a1@a.example@1=Joe@b.example| a2@a.example@2=joe@b.example| a3@a.example@3=joe@b.example| " },
  /* itself is the mailbox; others that lead to it get that too */
  { "%", A "1@a.example 1@a.example x@b.example\n2@a.example 1@a.example\n",
    AR "a1@a.example@1=1@a.example|x@b.example| a2@a.example@2=1@a.example|x@b.example| " },
  /* targets don't go through lines for more than a mailbox */
  { "%", A "@a.example x@b.example\njoe+*@a.example y@b.example\n1@a.example joe+z@a.example 9@a.example\n",
    AR "a@a.example@1=x@b.example| ajoe+*@a.example@2=y@b.example| a1@a.example@3=joe+z@a.example|9@a.example| " },
};

#define STAR(place, address) place ": `" address "`: no asterisk can stand there; all of a domain is @example.com, " \
  "all extensions are joe+*@example.com\n"
static struct bad_case const bad[] = {
  { "recipients", "joe@a.example\n", "1: `joe@a.example` is in no domain of `domains`\n" },
  { "%", D "%recipients\njoe\njoe@\n@\na b@a.example\njoe@a.example ann@a.example\njoe%x@a.example\njoe@a..example\n"
    "*@a.example\nj*@a.example\n+*@a.example\njoe+**@a.example\njoe*+@a.example\n\"a b\"@a.example\n@192.0.2.1\n"
    "joe@c.example\n@c.example\njoe@[192.0.2.2]\n",
    "recipients:1: `joe` is no address; all of a domain is written with an @ before it\nrecipients:2: `joe@` is no "
    "address\n"
    "recipients:3: `@` is no address\nrecipients:4: `b@a.example` is one word too many; each recipient has a line of "
    "its own\n"
    "recipients:5: `ann@a.example` is one word too many; each recipient has a line of its own\n"
    "recipients:6: `joe%x@a.example`: a local part with %, ! or @, or one that needs quotes, is never accepted\n"
    "recipients:7: `joe@a..example` is no address\n"
    STAR("recipients:8", "*@a.example") STAR("recipients:9", "j*@a.example") STAR("recipients:10", "+*@a.example")
    STAR("recipients:11", "joe+**@a.example") STAR("recipients:12", "joe*+@a.example")
    "recipients:13: `b\"@a.example` is one word too many; each recipient has a line of its own\n"
    "recipients:14: `192.0.2.1` is no domain; an address stands in brackets\n"
    "recipients:15: `joe@c.example` is in no domain of `domains`\n"
    "recipients:16: `@c.example` is in no domain of `domains`\n"
    "recipients:17: `joe@[192.0.2.2]` is in no domain of `domains`\n" },
  { "%", D "%recipients\nJoe@a.example\njoe@A.example\n@b.example\n@B.example\n",
    "recipients:2: `joe@A.example` stands already in line 1\nrecipients:4: `@B.example` stands already in line 3\n" },
  { "%", D "%aliases\njoe@a.example\njoe@c.example x@a.example\n@b.example @c.example\njoe@a.example x\n*@a.example "
    "x@b.example\n"
    "joe@a.example x@b.example, y@b.example\nx%y@b.example a@b.example\nann@a.example a%b@c.example\n",
    "aliases:1: an alias and the addresses that it stands for, 1 to 1000, make a line\n"
    "aliases:2: `joe@c.example` is in no domain of `domains`; only addresses of ours can have targets\n"
    "aliases:3: `@c.example` is no address\naliases:4: `x` is no address\n" STAR("aliases:5", "*@a.example")
    "aliases:6: `x@b.example,` is no address\n"
    "aliases:7: `x%y@b.example`: a local part with %, ! or @, or one that needs quotes, is never accepted\n"
    "aliases:8: `a%b@c.example`: a local part with %, ! or @, or one that needs quotes, is never accepted\n" },
  { "%", D "%aliases\njoe@b.example x@c.example\nJOE@b.example y@c.example\n",
    "aliases:2: `JOE@b.example` stands already in line 1\n" },
  { "%", D "%aliases\njoe@b.example x@c.example y@c.example \"X\"@C.example.\n",
    "aliases:1: `\"X\"@C.example.` stands there twice\n" },
  /* loops */
  { "%", A "1@a.example 2@a.example\n2@a.example 1@a.example\n",
    "aliases:1: a loop: `1@a.example` leads to `2@a.example` (line 2), and back to itself\n" },
  { "%", A "x@a.example 1@a.example\n\n3@a.example 1@a.example\n2@a.example y@b.example 3@a.example\n"
    "1@a.example 2@a.example\n",
    "aliases:3: a loop: `3@a.example` leads to `1@a.example` (line 5), to `2@a.example` (line 4), and back to itself\n"
    },
  { "%", A "1@a.example 1@a.example 2@a.example\n2@a.example 2@a.example 1@a.example\n",
    "aliases:1: a loop: `1@a.example` leads to `2@a.example` (line 2), and back to itself\n" },
  { "%", A "1@a.example 2@a.example 3@a.example\n2@a.example 1@a.example\n3@a.example 1@a.example\n4@a.example "
    "5@a.example\n"
    "5@a.example 6@a.example\n6@a.example 4@a.example\n",
    "aliases:1: a loop: `1@a.example` leads to `2@a.example` (line 2), and back to itself\n"
    "aliases:1: a loop: `1@a.example` leads to `3@a.example` (line 3), and back to itself\n"
    "aliases:4: a loop: `4@a.example` leads to `5@a.example` (line 5), to `6@a.example` (line 6), and back to itself\n"
    },
  { "%", A "0@a.example 1@a.example\n1@a.example 2@a.example\n2@a.example 3@a.example\n3@a.example 4@a.example\n"
    "4@a.example 5@a.example\n5@a.example 6@a.example\n6@a.example 7@a.example\n7@a.example 8@a.example\n"
    "8@a.example 9@a.example\n9@a.example 0@a.example\n",
    "aliases:1: a loop: `0@a.example` leads to `1@a.example` (line 2), to `2@a.example` (line 3), to `3@a.example` "
    "(line 4), "
    "to `4@a.example` (line 5), to `5@a.example` (line 6), to `6@a.example` (line 7), to `7@a.example` (line 8), to 2 "
    "more, and back to itself\n" },
  /* past a denial */
  { "%", A "1@a.example x@c.example\n2@a.example 1@a.example y@d.example\n3@a.example joe@e.example\n"
    "4@a.example ann@e.example x@f.g.example\n%relay\ndeny to c.example\ndeny to joe@e.example\ndeny to .g.example\n",
    "aliases:1: `x@c.example` is a recipient that `deny to` (relay:1) forbids\n"
    "aliases:3: `joe@e.example` is a recipient that `deny to` (relay:2) forbids\n"
    "aliases:4: `x@f.g.example` is a recipient that `deny to` (relay:3) forbids\n" },
};

#define TAKEN(place, check, line) \
  place ": warning: every address of the domain is taken, so that `" check "` (domains:" \
  line ") keeps nothing out [catch-all]\n"
#define UNKNOWN(place, target) place ": warning: `" target "` is neither in `recipients` nor an alias: " MAY_BOUNCE
#define MAY_BOUNCE "the next hop may refuse it, and the mail bounces [unknown-target]\n"
static struct bad_case const warned[] = {
  /* domains */
  { "%", "%domains\na.example\n.a.example any\nb.a.example\n.b.a.example\nc.a.example asked\nx.c.a.example asked\n",
    "domains:3: warning: line 2 says the same of all domains there [unused]\n"
    "domains:4: warning: line 2 says the same of all domains there [unused]\n" },
  { "%", "%domains\na.example listed\nb.example listed\nc.example listed\n.d.example listed\ne.d.example listed\n"
    ".f.example listed # ok: no-recipients\ng.example listed\n%recipients\njoe@b.example\njoe@x.d.example\n"
    "%aliases\njoe@c.example x@y.example\n@g.example x@y.example # ok: catch-all\n",
    "domains:1: warning: its recipients are to be listed, and neither `recipients` nor `aliases` has one: all but "
    "postmaster are refused [no-recipients]\n"
    "domains:5: warning: its recipients are to be listed, and neither `recipients` nor `aliases` has one: all but "
    "postmaster are refused [no-recipients]\n"
    "domains:5: warning: line 4 says the same of all domains there [unused]\n" },
  { "%", "%domains\n.a.example listed # ok: no-recipients\nb.a.example listed\n%recipients\n@.a.example # ok: "
    "catch-all\n",
    "domains:1: warning: `ok: no-recipients` silences nothing here any more: take it out\n"
    "domains:2: warning: line 1 says the same of all domains there [unused]\n" },
  /* a list that nobody asks: the word `listed` was forgotten */
  { "%", "%domains\na.example\nb.example asked\n%recipients\n\njoe@a.example\nann@a.example\njoe@b.example\n",
    "domains:1: warning: every recipient is taken, although `recipients` lists some (line 2): say `listed` to refuse "
    "the "
    "others [any-listed]\n" },
  { "%", "%domains\na.example\n%recipients\njoe@a.example\n%relay\ngrant sender user forgeable\n", "" },
  { "%", "%domains\na.example\n%recipients\njoe@a.example\n%aliases\n@a.example x@b.example\n", "" },
  { "%", "%domains\nb.a.example\n.a.example asked\n%recipients\njoe@b.a.example\n%aliases\n"
    "@.a.example x@b.example # ok: catch-all\n", "" },
  /* recipients */
  { "%", D "%recipients\njoe+*@a.example\njoe+x@a.example\njoe-x@a.example\njoe+x+y@a.example\njoe+x+*@a.example\n"
    "joe@a.example\nx@b.example\n@b.example # ok: catch-all\n",
    "recipients:2: warning: line 1 has it too [unused]\nrecipients:4: warning: line 5 has it too [unused]\n"
    "recipients:5: warning: line 1 has it too [unused]\nrecipients:7: warning: line 8 has it too [unused]\n" },
  { "%", "%domains\nb.example asked\n%recipients\nx@b.example\n@b.example # ok: catch-all\n%relay\ngrant sender user "
    "forgeable\n", "" },
  { "%", D "%recipients\nx@b.example\n@b.example # ok: catch-all\n%aliases\n@b.example y@z.example # ok: catch-all\n"
    "joe@a.example x@y.example\n",
    "recipients:2: warning: aliases:1 comes before it [unused]\n"
    "recipients:2: warning: `ok: catch-all` silences nothing here any more: take it out\n" },
  { "%", D "%recipients\nx@a.example\ny@a.example\nz@a.example\n%aliases\nx@a.example x@y.example\n"
    "y@a.example Y@a.example x@y.example\n", "recipients:1: warning: aliases:1 comes before it [unused]\n" },
  { "%", D "%recipients\nx@a.example\ny@a.example\n%aliases\nz@a.example y@a.example\n%relay\ndeny to x@a.example\n"
    "deny to Z@a.example\n",
    "recipients:1: warning: `deny to` (relay:1) refuses mail to it [unused]\n"
    "aliases:1: warning: `deny to` (relay:2) refuses mail to it [unused]\n" },
  { "%", D "%recipients\n@a.example\n@b.example\n@x.a.example # ok: any-listed\n",
    "domains:2: warning: every recipient is taken, although `recipients` lists some (line 3): say `listed` to refuse "
    "the "
    "others [any-listed]\n" TAKEN("recipients:1", "listed", "1") TAKEN("recipients:2", "asked", "3")
    "recipients:3: warning: `ok: any-listed` silences nothing here any more: take it out\n" },
  /* aliases */
  { "%", D "%recipients\njoe@a.example\n%aliases\n@a.example x@y.example\n@b.example x@y.example\n"
    "@c.a.example x@y.example\n", TAKEN("aliases:1", "listed", "1") TAKEN("aliases:2", "asked", "3") },
  { "%", D "%recipients\njoe@a.example\nann+*@a.example\n%aliases\n1@a.example x@a.example y@a.example\n"
    "2@a.example Joe@a.example ann+z@a.example 1@a.example\n3@a.example postmaster@a.example x@b.example "
    "x@c.a.example\n"
    "4@a.example 4@a.example x@y.example\n5@a.example ann@a.example\n",
    UNKNOWN("aliases:1", "x@a.example") UNKNOWN("aliases:5", "ann@a.example") },
  { "%", D "%recipients\n@a.example # ok: catch-all\n%aliases\n1@a.example x@a.example\n", "" },
  { "%", D "%aliases\n1@a.example x@a.example\n@a.example z@y.example # ok: catch-all\n",
    UNKNOWN("aliases:1", "x@a.example") },
};

static void compiles(void **state)
{
  GOOD(good);
}

static void complains(void **state)
{
  ERRORS(bad);
}

static void warns(void **state)
{
  WARNINGS_OF(warned);
}

/* `n` targets on a line, which starts at `from`. */
static void add_targets(stralloc *text, unsigned from, unsigned n)
{
  char target[40];
  for (unsigned i = 0; i < n; i++) {
    snprintf(target, sizeof target, " %u@x.example", from + i);
    assert_true(stralloc_cats(text, target));
  }
}

/* 1000 targets, on a line and all told; an address that several ways lead to counts once. */
static void most_targets(void **state)
{
  static struct { unsigned n, from, others; char const *why; } const rows[] = {
    { 1000, 0, 0, "" }, { 500, 500, 500, "" }, { 501, 500, 500, "" }, { 1000, 0, 999, "" },
    { 1001, 0, 0, "aliases:1: an alias and the addresses that it stands for, 1 to 1000, make a line\n" },
    { 501, 501, 500, "aliases:2: stands for more than 1000 addresses\n" },
    { 1000, 1000, 1, "aliases:2: stands for more than 1000 addresses\n" },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    stralloc text = STRALLOC_ZERO;
    int fd;
    assert_true(stralloc_cats(&text, A "1@a.example"));
    add_targets(&text, 0, rows[i].n);
    if (rows[i].others) {
      assert_true(stralloc_cats(&text, "\n2@a.example 1@a.example"));
      add_targets(&text, rows[i].from, rows[i].others);
      assert_true(stralloc_cats(&text, "\n3@a.example 2@a.example")); /* complained of once, where it is too much */
    }
    assert_true(stralloc_0(&text));
    CHECK(several(text.s, &fd) == !!*rows[i].why && !strcmp(said.s, rows[i].why), "%zu: %s", i, said.s);
    close(fd);
    stralloc_free(&text);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(compiles), cmocka_unit_test(complains), cmocka_unit_test(warns), cmocka_unit_test(most_targets),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
