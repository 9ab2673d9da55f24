/* lib/classes: the partition is one, and exact: brute force over small universes, one table and two. */
#include <errno.h>
#include "rules_double.h"
#include "classes/classes.h"
#include "policy/gate.h"
#include "policy/match.h"
#include "unit.h"

static uint32_t seed;

static uint32_t dice(uint32_t n)
{
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed % n;
}

static struct table_set *open_rules(stralloc *texts, char const *const *files, size_t n)
{
  struct rules_text all[8] = { { "me", "relay.example\n", 14 } };
  for (size_t i = 0; i < n; i++) all[1 + i] = (struct rules_text){ files[i], texts[i].s, texts[i].len };
  return open_texts(all, 1 + n);
}

static void put(stralloc *text, char const *format, ...)
{
  char line[300];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  assert_true(stralloc_cats(text, line));
}

/* ---- clients ---- */

/* One within 10.20.0.0/20, or around it. */
static uint32_t prefix(unsigned bits)
{
  return (10U << 24 | 20 << 16 | dice(4096)) & ~(uint32_t)(((uint64_t)1 << (32 - bits)) - 1);
}

/* Rules and devices around 10.20.0.0/20, 2001:db8::/112 and the ends of both families. */
static struct table_set *some_clients(void)
{
  static char const *const sets[] = { ":deny", ":allow", ":allow,RELAYCLIENT=\"\"", ":allow,RELAYPROXY=\"\"",
    ":deny,RELAYCLIENT=\"\"", ":allow,A=\"b\"" };
  static char const *const files[] = { "clients", "relay" };
  stralloc texts[2] = { STRALLOC_ZERO, STRALLOC_ZERO };
  char used[64][64];
  size_t n = 0;
  while (n < 40) {
    char key[64];
    unsigned bits = 20 + dice(13), a = prefix(bits);
    switch (dice(8)) {
      case 0: snprintf(key, sizeof key, "10.20.%u.%u", dice(16), dice(256)); break;
      case 1: snprintf(key, sizeof key, "10.20.%u.", dice(16)); break;
      case 2: snprintf(key, sizeof key, dice(2) ? "10.20." : "10."); break;
      case 3: snprintf(key, sizeof key, "2001:db8::%x/116", dice(16) << 12); break;
      case 4: snprintf(key, sizeof key, "2001:db8::%x", dice(65536)); break;
      case 5: snprintf(key, sizeof key, "%s", (char const *[]){ "", "0.0.0.0/1", "255.255.255.255", "::/1", "::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "=h.example", "u@10.20.1.2" }[dice(8)]); break;
      default: snprintf(key, sizeof key, "%u.%u.%u.%u/%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, bits);
    }
    size_t same = 0;
    while (same < n && strcmp(used[same], key)) same++;
    strcpy(used[n], key);
    if (same == n++) put(&texts[0], "%s%s\n", key, sets[dice(6)]);
  }
  for (size_t i = 0; i < 6; i++) {
    unsigned bits = 18 + dice(15), a = prefix(bits);
    put(&texts[1], "grant device %u.%u.%u.%u/%u from any to a%zu.example\n", a >> 24, a >> 16 & 255, a >> 8 & 255,
        a & 255, bits, i);
  }
  put(&texts[1], "grant device 2001:db8::8000/113 from any to any\n");
  struct table_set *t = open_rules(texts, files, 2);
  stralloc_free(&texts[0]);
  stralloc_free(&texts[1]);
  return t;
}

/* The class of an address, in which it must be once. */
static struct client_class const *class_of(struct classes const *c, struct ip const *ip, struct span const **span)
{
  struct client_class const *found = 0;
  for (size_t i = 0; i < classes_clients(c); i++) {
    struct client_class const *k = classes_client(c, i);
    for (size_t n = k->first; n < k->first + k->n; n++) {
      struct span const *s = classes_span(c, n);
      if (s->first.len != ip->len || range_cmp(&s->first, ip) > 0 || range_cmp(&s->last, ip) < 0) continue;
      assert_null(found);
      found = k;
      *span = s;
    }
  }
  assert_non_null(found);
  return found;
}

static int sets(struct record const *r, char const *name)
{
  uint32_t pos = 0;
  char const *var;
  while (gate_variable(r, &pos, &var) > 0)
    if (!strncmp(var, name, strlen(name)) && var[strlen(name)] == '=') return 1;
  return 0;
}

/* The longest prefix with devices: a second way to find it. */
static int device_bits(struct table_set const *t, struct ip const *ip)
{
  char key[16 + GATE_CIDR] = "grant device ";
  struct record r;
  for (int bits = 8 * ip->len; bits >= 0; bits--)
    if (table_find(t, TABLE_RELAY, key, 13 + gate_cidr_key(key + 13, ip, (unsigned)bits), &r) == 1) return bits;
  return -1;
}

static void check_address(struct classes const *c, struct ip const *ip)
{
  struct span const *s;
  struct client_class const *k = class_of(c, ip, &s);
  for (unsigned t = 0; t < c->n; t++) {
    struct record r, all;
    struct client_view const *v = k->view + t;
    assert_int_equal(gate_find(c->t[t], ip, 0, 0, &r) == GATE_DENY, v->denied);
    assert_int_equal(r.line, s->line[t]);
    assert_int_equal(sets(&r, "RELAYCLIENT"), v->trusted);
    assert_int_equal(sets(&r, "RELAYPROXY"), v->proxy);
    int everybody = table_find(c->t[t], TABLE_CLIENTS, "", 0, &all);
    assert_int_equal(s->rest[t], everybody ? r.data == all.data : !r.line);
    assert_int_equal(v->is_device, match_device_client(c->t[t], ip, &r));
    assert_int_equal(v->is_device ? v->device_bits : -1, device_bits(c->t[t], ip));
    struct ip prefix = *ip;
    ip_mask(&prefix, v->device_bits);
    if (v->is_device) assert_int_equal(range_cmp(&prefix, &v->device), 0);
  }
}

/* All addresses are there once, no two classes look alike, and numbers and examples are right. */
static void check_clients(struct classes const *c)
{
  struct wide v4 = { 0, 0 }, v6 = { 0, 0 };
  struct wide all4 = { 0, (uint64_t)1 << 32 }, all6 = { UINT64_MAX, UINT64_MAX - UINT32_MAX };
  for (size_t i = 0; i < classes_clients(c); i++) {
    struct client_class const *k = classes_client(c, i);
    struct wide n4 = { 0, 0 }, n6 = { 0, 0 }, global = { 0, 0 };
    struct span const *s;
    for (size_t n = k->first; n < k->first + k->n; n++) {
      s = classes_span(c, n);
      assert_true(n == k->first || range_cmp(&classes_span(c, n - 1)->last, &s->first) < 0);
      wide_add(s->first.len == 4 ? &n4 : &n6, range_size(&s->first, &s->last));
      if (s->first.len == 16) wide_add(&global, range_global(&s->first, &s->last));
    }
    assert_int_equal(n4.low, k->v4);
    assert_int_equal(wide_cmp(n6, k->v6), 0);
    assert_int_equal(wide_cmp(global, k->v6_global), 0);
    assert_ptr_equal(class_of(c, &k->example, &s), k);
    wide_add(&v4, n4);
    wide_add(&v6, n6);
    for (size_t other = 0; other < i; other++) {
      struct client_class const *o = classes_client(c, other);
      int same = 1;
      for (unsigned t = 0; t < c->n; t++)
        same = same && o->view[t].denied == k->view[t].denied && o->view[t].trusted == k->view[t].trusted &&
          o->view[t].proxy == k->view[t].proxy && o->view[t].is_device == k->view[t].is_device &&
          o->view[t].device_bits == k->view[t].device_bits && !range_cmp(&o->view[t].device, &k->view[t].device);
      assert_false(same);
    }
  }
  assert_int_equal(wide_cmp(v4, all4), 0);
  assert_int_equal(wide_cmp(v6, all6), 0);
}

static void test_clients(void **state)
{
  (void)state;
  for (seed = 1; seed < 7; seed++) {
    uint32_t again = seed;
    struct table_set *t[2];
    struct classes c;
    seed = 2463534242U * again;
    t[0] = some_clients();
    t[1] = some_clients();
    assert_int_equal(classes_make(&c, (struct table_set const *const *)t, 1 + again % 2), 0);
    check_clients(&c);
    for (unsigned i = 0; i < 4096; i++) {
      struct ip v4 = { { 10, 20, (uint8_t)(i >> 8), (uint8_t)i }, 4 }, any = { .len = dice(2) ? 4 : 16 };
      struct ip v6 = { { 0x20, 1, 0xd, 0xb8, [14] = (uint8_t)dice(256), [15] = (uint8_t)dice(256) }, 16 };
      check_address(&c, &v4);
      check_address(&c, &v6);
      for (unsigned n = 0; n < any.len; n++) any.b[n] = (uint8_t)(dice(3) ? dice(256) : 0);
      check_address(&c, &any);
    }
    classes_free(&c);
    table_close(t[0]);
    table_close(t[1]);
    seed = again;
  }
}

/* What is no address's key cuts nothing and hurts nothing; what cannot be read is said. */
static void test_strange(void **state)
{
  static char const *const keys[] = { "_012", "_", "^", "10.0.0.1.", "010.", "1.2.3.4.5.", ".", "..", "300.", "x",
    "_010101010101010101010101010101010101", "::ffff:10.0.0.1", "1.", "1.2", "@", "=" };
  struct classes c;
  struct span const *s;
  (void)state;
  for (int corrupt = 0; corrupt < 2; corrupt++) {
    FILE *f = tmpfile();
    struct table_builder *b = table_build(fileno(f));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
      assert_int_equal(table_add(b, TABLE_CLIENTS, keys[i], strlen(keys[i]), (uint32_t)i + 1, "D", 2), 0);
    if (corrupt) assert_int_equal(table_add(b, TABLE_CLIENTS, "192.0.2.1", 9, 99, "+=", 3), 0);
    assert_int_equal(table_finish(b), 0);
    struct table_set const *t = table_open_fd(fileno(f));
    errno = 0;
    assert_int_equal(classes_make(&c, &t, 1), corrupt ? -1 : 0);
    assert_int_equal(errno, corrupt ? EPROTO : errno);
    if (!corrupt) {
      struct ip one = { { 1, 255, 0, 1 }, 4 }, ten = { { 10, 0, 0, 1 }, 4 };
      check_clients(&c);
      check_address(&c, &one);
      check_address(&c, &ten);
      assert_true(class_of(&c, &one, &s)->view->denied);
    }
    classes_free(&c);
    table_close((struct table_set *)t);
    fclose(f);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(test_clients), cmocka_unit_test(test_strange),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
