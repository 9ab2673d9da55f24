/* The cache of next hops' answers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/sha256.h>
#include <skalibs/uint64.h>
#include "answer/cache.h"

#define FORMAT "posthouse asked 1"
#define KEY 24       /* bytes of the digest in a slot */
#define AT_WORD KEY
#define AT_CODE 25
#define CODE 15      /* with a NUL: "550 5.123.123" */
#define AT_TIME 40
#define AT_CHECK 48

static char const *trouble(struct cache *c, char const *why)
{
  cache_close(c);
  return why;
}

static char const *check_file(struct cache *c)
{
  struct stat st;
  if (fstat(c->fd, &st) < 0) return trouble(c, strerror(errno));
  if (!S_ISREG(st.st_mode)) return trouble(c, "it is no regular file");
  if (st.st_uid != geteuid()) return trouble(c, "it belongs to somebody else");
  if (st.st_mode & 022) return trouble(c, "others may write to it");
  if (st.st_size == CACHE_BYTES) return 0;
  if (st.st_size) return trouble(c, "it is of another size");
  /* just made, by us or by somebody who is about to do the same */
  return ftruncate(c->fd, CACHE_BYTES) < 0 ? trouble(c, strerror(errno)) : 0;
}

char const *cache_open(struct cache *c, char const *path)
{
  int const flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  c->fd = open(path, flags);
  if (c->fd < 0 && errno == ENOENT) c->fd = open(path, flags | O_CREAT | O_EXCL, 0600);
  if (c->fd < 0 && errno == EEXIST) c->fd = open(path, flags); /* somebody was faster */
  if (c->fd < 0) return errno == ELOOP ? "it is a link" : strerror(errno);
  return check_file(c);
}

void cache_close(struct cache *c)
{
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
}

/* Fills the slot's key. Returns the slot's offset. */
static off_t locate(char slot[CACHE_SLOT], char const *route, char const *address)
{
  SHA256Schedule h;
  char digest[32];
  sha256_init(&h);
  sha256_update(&h, FORMAT, sizeof FORMAT);
  sha256_update(&h, route, strlen(route) + 1);
  sha256_update(&h, address, strlen(address));
  sha256_final(&h, digest);
  memcpy(slot, digest + sizeof digest - KEY, KEY);
  uint32_t n = (uint32_t)(unsigned char)digest[0] << 8 | (unsigned char)digest[1];
  return (off_t)(n % CACHE_SLOTS) * CACHE_SLOT;
}

static void check_of(char out[CACHE_SLOT - AT_CHECK], char const slot[CACHE_SLOT])
{
  SHA256Schedule h;
  char digest[32];
  sha256_init(&h);
  sha256_update(&h, FORMAT, sizeof FORMAT);
  sha256_update(&h, slot, AT_CHECK);
  sha256_final(&h, digest);
  memcpy(out, digest, CACHE_SLOT - AT_CHECK);
}

static size_t digits(char const *s, size_t max)
{
  size_t n = 0;
  while (n < max && s[n] >= '0' && s[n] <= '9') n++;
  return n;
}

/* Copies "550" or "550 5.1.1" from the start of a reply's text; out is zeroed. */
static void copy_code(char out[CODE], char const *text)
{
  if (digits(text, 4) != 3) return;
  memcpy(out, text, 3);
  size_t n = 3;
  if (text[n++] != ' ') return;
  for (unsigned part = 0; part < 3; part++) {
    size_t d = digits(text + n, 3);
    n += d;
    if (!d || text[n] != (part < 2 ? '.' : ' ')) return;
    n += part < 2;
  }
  memcpy(out, text, n);
}

int cache_get(struct cache const *c, char const *route, char const *address, int64_t now, struct ask_answer *a)
{
  char slot[CACHE_SLOT], wanted[CACHE_SLOT], check[CACHE_SLOT - AT_CHECK];
  uint64_t made;
  if (c->fd < 0) return 0;
  off_t at = locate(wanted, route, address);
  if (pread(c->fd, slot, sizeof slot, at) != sizeof slot || memcmp(slot, wanted, KEY)) return 0;
  check_of(check, slot);
  if (memcmp(check, slot + AT_CHECK, sizeof check)) return 0;
  uint64_unpack(slot + AT_TIME, &made);
  uint32_t life = slot[AT_WORD] == 'y' ? c->yes : c->no;
  if (now < 0 || made > (uint64_t)now || (uint64_t)now - made >= (uint64_t)life * 1000) return 0;
  a->n = 0;
  *a->text = 0;
  a->state = slot[AT_WORD] == 'y' ? ANSWER_YES : ANSWER_NO;
  if (a->state == ANSWER_NO) {
    slot[AT_CODE + CODE - 1] = 0;
    snprintf(a->text, sizeof a->text, "%s%srefused shortly before", slot + AT_CODE, slot[AT_CODE] ? " " : "");
  }
  return 1;
}

void cache_put(struct cache const *c, char const *route, char const *address, int64_t now, struct ask_answer const *a)
{
  char slot[CACHE_SLOT] = { 0 };
  if (c->fd < 0 || now < 0 || (a->state != ANSWER_YES && a->state != ANSWER_NO)) return;
  if (!(a->state == ANSWER_YES ? c->yes : c->no)) return;
  off_t at = locate(slot, route, address);
  slot[AT_WORD] = a->state == ANSWER_YES ? 'y' : 'n';
  if (a->state == ANSWER_NO) copy_code(slot + AT_CODE, a->text);
  uint64_pack(slot + AT_TIME, (uint64_t)now);
  check_of(slot + AT_CHECK, slot);
  ssize_t ignored = pwrite(c->fd, slot, sizeof slot, at);
  (void)ignored;
}
