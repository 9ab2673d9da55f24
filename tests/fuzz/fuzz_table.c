/* Hostile tables: the input is a whole rules.cdb, or, when it begins with `+`,
  edits of a sound one (4 bytes each: place,
 * kind, value), since a fuzzer seldom finds its way through 2 KiB of hash tables. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <skalibs/uint32.h>
#include "fuzz.h"
#include "../guard.h"
#include "table/table.h"

static char image[8192];
static size_t image_len;

static int scratch(void)
{
  int fd = memfd_create("fuzz_table", MFD_CLOEXEC);
  MUST(fd >= 0);
  return fd;
}

static void make_image(void)
{
  int fd = scratch();
  struct table_builder *b = table_build(fd);
  MUST(b && !table_add(b, TABLE_ME, "", 0, 1, "mail.example", 12) && !table_add(b, TABLE_DOMAINS, "a.example", 9, 1,
    "any", 3));
  MUST(!table_add(b, TABLE_CLIENTS, "127.", 4, 2, "+RELAYCLIENT=", 14) && !table_add(b, TABLE_RELAY, "grant login",
    11, 1, "", 0));
  MUST(!table_finish(b));
  ssize_t n = pread(fd, image, sizeof image, 0);
  MUST(n > 2048 && (size_t)n < sizeof image);
  image_len = (size_t)n;
  close(fd);
}

static void edit(char *s, size_t n, uint8_t const *data, size_t size)
{
  for (; size >= 4; data += 4, size -= 4) {
    size_t at = (size_t)(data[0] << 8 | data[1]) % (n - 3);
    uint32_t word, v = data[3];
    uint32_unpack(s + at, &word);
    switch (data[2] & 7) {
      case 0: s[at] = (char)v; continue;
      case 1: word = v; break;
      case 2: word += v; break;
      case 3: word -= v; break;
      case 4: word = (uint32_t)n - v; break;
      case 5: word = 0xffffffff - v; break;
      case 6: word = 1U << (v & 31); break;
      default: word = 2048 + v; break;
    }
    uint32_pack(s + at, word);
  }
}

static volatile unsigned char sink;
static void touch(char const *s, size_t n)
{
  for (size_t i = 0; i < n; i++) sink = (unsigned char)s[i];
}

static void probe(struct table_set *t, size_t n)
{
  static struct { enum table which; char const *key; } const keys[] = {
    { TABLE_ME, "" }, { TABLE_DOMAINS, "a.example" }, { TABLE_CLIENTS, "127." }, { TABLE_RELAY, "grant login" },
    { TABLE_ROUTES, "" },
  };
  struct record r;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    int found = table_find(t, keys[i].which, keys[i].key, strlen(keys[i].key), &r);
    MUST(found >= -1 && found <= 1);
    if (found == 1) touch(r.data, r.len);
  }
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t keylen, steps = 0;
  while (table_next(t, &pos, &which, &key, &keylen, &r) == 1) {
    MUST(++steps <= n / 8 && r.file);
    touch(key, keylen);
    touch(r.data, r.len);
    struct record again;
    if (keylen <= TABLE_KEY && table_find(t, which, key, keylen, &again) == 1) touch(again.data, again.len);
  }
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  if (!image_len) make_image();
  int edits = size && data[0] == '+';
  size_t n = edits ? image_len : size;
  char *s = fuzz_copy(edits ? (void const *)image : (void const *)data, n);
  if (edits) edit(s, n, data + 1, size - 1);
  int fd = scratch();
  MUST(write(fd, s, n) == (ssize_t)n);
  struct table_set *t = table_open_fd(fd);
  if (t) probe(t, n);
  table_close(t);
  close(fd);
  free(s);
  return 0;
}
