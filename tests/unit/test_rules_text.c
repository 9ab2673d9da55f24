/* Records as lines: what is written compiles to the same record. */
#include "unit.h"
#include "rules_double.h"
#include "rules/text.h"

static struct { char const *file, *text; } const files[] = {
  { "me", "relay.example\n" },
  { "clients", "10.:allow\n10.1.:deny\n192.0.2.1:allow,RELAYCLIENT=\"\"\n192.0.2.5-7:allow,A='x\"y'\n"
    "198.51.100.0/24:allow,RELAYCLIENT=\"\",DATABYTES=\"17\"\n2001:db8::1:allow\n2001:db8:1::/48:deny\n"
    "joe@192.0.2.9:allow,B=\"/\"\n_a@192.0.2.9:deny\n^@=h.example:allow\n=h.example:allow\n=.h.example:deny\n"
    "=:allow\n203.0.113.4/32:allow,C=/'\"/\n:deny\n" },
  { "domains", "hosted.example\n.hosted.example listed\nasked.example asked\n[192.0.2.1]\n[IPv6:2001:db8::1] any\n" },
  { "recipients", "joe@x.hosted.example\nann+*@x.hosted.example\n@y.hosted.example\n@.z.hosted.example\n" },
  { "aliases",
    "a@hosted.example b@hosted.example \xc3\xbc@else.example\nb@hosted.example b@hosted.example c@else.example\n"
    "d@hosted.example a@hosted.example\n@hosted.example joe@x.hosted.example\n" },
  { "relay", "grant login\ngrant clients\ngrant pop\nrequire tls\nrequire login\nrequire sender hosted\n"
    "grant to partner.example\ngrant to .partner.example\ngrant to joe@net.example\ngrant to [192.0.2.77]\n"
    "grant sender hosted forgeable\ngrant sender user forgeable\ngrant sender @f.example forgeable\n"
    "grant sender @.f.example forgeable\ngrant sender Joe@G.example forgeable\ngrant to-host 192.0.2.0/24\n"
    "grant to-host 192.0.2.1\ngrant to-host 2001:db8::/32\ngrant device 192.0.2.9 from any to any\n"
    "grant device 192.0.2.0/25 from @.h.example to p@h.example\ngrant device 2001:db8::7 from hosted to hosted\n"
    "deny to bad.example\nlocal there.example\n" },
  { "routes",
    "inner.example:192.0.2.3\n.sub.example:[2001:db8::2]:2525\nback.example:\nport.example::26\n:relay.example:587\n"
    "lmtp.example:/run/a:b\nsmtp.example:/run/x;y smtp\n"
    "tls.example:[2001:db8::2]:24 lmtp tls=verify name=X.example ca=/a#b\n"
    "now.example:10.0.0.9:465 tls=verify,now\nmx.example: tls=required\nnone.example::26 tls=none\n" },
  { "limits", "size 1000\nhops 50\n" },
};
#define FILES (sizeof files / sizeof *files)

/* Writes each record below the line it comes from; a range gets lines of its own at the end. Returns the records. */
static unsigned write_all(struct table_set const *t, enum table table, char const *file, stralloc *out)
{
  struct record r;
  char const *key;
  size_t len;
  enum table which;
  uint32_t pos = 0, last = 0;
  unsigned n = 0;
  while (table_next(t, &pos, &which, &key, &len, &r) > 0) {
    if (which != table || !r.line) continue;
    assert_string_equal(r.file, file);
    for (; last + 1 < r.line; last++) assert_true(stralloc_catb(out, "\n", 1));
    assert_true(rules_text(out, which, key, len, &r) && stralloc_catb(out, "\n", 1));
    last++;
    n++;
  }
  return n;
}

static void round_trip(void **state)
{
  static enum table const tables[] = { TABLE_ME, TABLE_CLIENTS, TABLE_DOMAINS, TABLE_RECIPIENTS, TABLE_ALIASES,
    TABLE_RELAY,
    TABLE_ROUTES, TABLE_LIMITS };
  static unsigned const records[] = { 1, 17, 5, 4, 4, 23, 11, 2 };
  struct rules_text texts[FILES];
  stralloc out[FILES] = { STRALLOC_ZERO };
  for (size_t i = 0; i < FILES; i++)
    texts[i] = (struct rules_text){ files[i].file, files[i].text, strlen(files[i].text) };
  struct table_set *first = open_texts(texts, FILES);
  for (size_t i = 0; i < FILES; i++) {
    assert_int_equal(write_all(first, tables[i], files[i].file, out + i), records[i]);
    texts[i].s = out[i].s;
    texts[i].len = out[i].len;
  }
  struct table_set *second = open_texts(texts, FILES);
  struct record r, other;
  char const *key;
  size_t len;
  enum table which;
  uint32_t pos = 0;
  unsigned n = 0;
  for (; table_next(first, &pos, &which, &key, &len, &r) > 0; n++) {
    CHECK(table_find(second, which, key, len, &other) == 1, "%c %.*s is gone", which, (int)len, key);
    CHECK(r.len == other.len && !memcmp(r.data, other.data, r.len), "%c %.*s differs", which, (int)len, key);
  }
  for (pos = 0; table_next(second, &pos, &which, &key, &len, &r) > 0; n--) ;
  assert_int_equal(n, 0);
  for (size_t i = 0; i < FILES; i++) stralloc_free(out + i);
  table_close(first);
  table_close(second);
}

/* The very words, where people know them. */
static void words(void **state)
{
  static struct { enum table which; char const *key, *data; size_t len; char const *line; } const cases[] = {
    { TABLE_CLIENTS, "_00001010", "+RELAYCLIENT=\0", 14, "10.0.0.0/8:allow,RELAYCLIENT=\"\"" },
    { TABLE_CLIENTS, "_", "", 0, "0.0.0.0/0:allow" }, { TABLE_CLIENTS, "^", "D\0", 2, "::/0:deny" },
    { TABLE_CLIENTS, "", "D\0", 2, ":deny" }, { TABLE_CLIENTS, "a", "+A=\"'/\0", 7, "a:allow,A=|\"'/|" },
    { TABLE_RELAY, "grant to-host _1", "", 0, "grant to-host 128.0.0.0/1" },
    { TABLE_RELAY, "grant pop", "300\0", 4, "grant pop 300" },
    { TABLE_RELAY, "grant pop", "60\0/64\0on=\0on=a\0bound\0", 22, "grant pop 60 /64 on -,a bound" },
    { TABLE_SENDERS, "joe", "a@b\0@c\0", 7, "joe - from a@b @c" }, { TABLE_SENDERS, "ann", "", 0, "ann -" },
    { TABLE_RELAY, "grant device _11 any hosted", "", 0, "grant device 192.0.0.0/2 from any to hosted" },
    { TABLE_RELAY, "grant anyone", "open-relay", 10, "grant anyone open-relay" },
    { TABLE_ALIASES, "a@b", "c@d\0e@f\0", 8, "a@b c@d e@f" },
    { TABLE_ROUTES, "x", "/r\0\0lmtp\0", 9, "x:/r lmtp" },
    { TABLE_ROUTES, "x", "\0" "26\0tls=none\0ca=/x\0", 20, "x::26 tls=none ca=/x" },
    { TABLE_ROUTES, "", "\0\0", 2, ":" }, { TABLE_ROUTES, "x", "::1\0" "25\0", 7, "x:[::1]:25" },
    /* damage */
    { TABLE_RELAY, "grant pop", "300\0on=a", 8, "grant pop 300" }, { TABLE_RELAY, "grant pop", "300", 3, "grant pop" },
    { TABLE_RELAY, "grant device _1 any", "", 0, "grant device 128.0.0.0/1" }, { TABLE_ROUTES, "x", "", 0, "x:" },
    { TABLE_ALIASES, "a@b", "c@d", 3, "a@b c@d" },
  };
  stralloc out = STRALLOC_ZERO;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct record r = { "x", 1, cases[i].data, (uint32_t)cases[i].len };
    out.len = 0;
    assert_true(rules_text(&out, cases[i].which, cases[i].key, strlen(cases[i].key), &r) && stralloc_0(&out));
    CHECK(!strcmp(out.s, cases[i].line), "%s, wanted %s", out.s, cases[i].line);
  }
  stralloc_free(&out);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(round_trip), cmocka_unit_test(words) };
  return cmocka_run_group_tests(tests, 0, 0);
}
