/* Building rules.cdb with skalibs' cdbmaker. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <skalibs/buffer.h>
#include <skalibs/cdbmake.h>
#include <skalibs/diuint32.h>
#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>
#include <skalibs/uint32.h>
#include "table/table.h"

#define SLOT 8        /* bytes of a slot of a hash table */
#define STACK 262144  /* bytes of stack for all but the slots */

struct table_builder {
  cdbmaker c;
  stralloc value;    /* the value being added: line and data */
  uint32_t records;
  int error;         /* errno of what failed first: nothing goes on then */
};

static int fail(struct table_builder *b)
{
  b->error = errno ? errno : EIO;
  return -1;
}

static struct table_builder *build(int fd, char const *format)
{
  struct table_builder *b = calloc(1, sizeof *b);
  if (!b) return 0;
  if (!cdbmake_start(&b->c, fd) || !cdbmake_add(&b->c, "", 0, format, (unsigned int)strlen(format))) {
    int e = errno;
    table_abandon(b);
    errno = e;
    return 0;
  }
  b->records = 1;
  return b;
}

struct table_builder *table_build(int fd)
{
  return build(fd, TABLE_FORMAT);
}

struct table_builder *table_build_users(int fd)
{
  return build(fd, TABLE_FORMAT_USERS);
}

struct table_builder *table_build_logins(int fd)
{
  return build(fd, TABLE_FORMAT_LOGINS);
}

int table_add(struct table_builder *b, enum table which, char const *key, size_t keylen, uint32_t line,
  char const *data, size_t len)
{
  char k[1 + TABLE_KEY], l[4];
  if (b->error) return errno = b->error, -1;
  if (keylen > TABLE_KEY) return errno = ENAMETOOLONG, -1;
  if (len > UINT32_MAX - sizeof l) return errno = EFBIG, -1;
  k[0] = (char)which;
  memcpy(k + 1, key, keylen);
  uint32_pack(l, line);
  b->value.len = 0;
  if (!stralloc_catb(&b->value, l, sizeof l) || !stralloc_catb(&b->value, data, len)) return fail(b);
  if (!cdbmake_add(&b->c, k, (unsigned int)keylen + 1, b->value.s, (unsigned int)b->value.len)) return fail(b);
  b->records++;
  return 0;
}

static void *finish(void *arg)
{
  struct table_builder *b = arg;
  errno = 0;
  if (!cdbmake_finish(&b->c)) fail(b);
  return 0;
}

/* cdbmake_finish sorts on the stack, up to three slots a record: a million records would overflow a process' own
 * one. So it runs on a stack made for it. */
static int finish_aside(struct table_builder *b)
{
  pthread_attr_t attr;
  pthread_t thread;
  int e = pthread_attr_init(&attr);
  if (e) return e;
  e = pthread_attr_setstacksize(&attr, STACK + 3 * SLOT * (size_t)b->records / 4096 * 4096);
  if (!e) e = pthread_create(&thread, &attr, &finish, b);
  pthread_attr_destroy(&attr);
  if (!e) e = pthread_join(thread, 0);
  return e;
}

int table_finish(struct table_builder *b)
{
  int e = b->error ? b->error : finish_aside(b);
  if (!e) e = b->error;
  table_abandon(b);
  if (e) return errno = e, -1;
  return 0;
}

void table_abandon(struct table_builder *b)
{
  if (!b) return;
  genalloc_free(diuint32, &b->c.hplist);
  stralloc_free(&b->value);
  free(b);
}
