/* A double for skalibs' cdb_init_fromfd and cdb_free: the file's bytes stand right before a page that can't be read, so
 * that a look-up that reads one byte behind the file is killed, in the tests and under the fuzzer. */
#ifndef TESTS_GUARD_H
#define TESTS_GUARD_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/cdb.h>

static size_t guard_pages(size_t size)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  return (size + page - 1) / page * page;
}

int cdb_init_fromfd(cdb *c, int fd)
{
  struct stat st;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (fstat(fd, &st) < 0) return 0;
  size_t size = (size_t)st.st_size, pages = guard_pages(size);
  char *map = mmap(0, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) return 0;
  if (pread(fd, map + pages - size, size, 0) != (ssize_t)size || mprotect(map + pages, page, PROT_NONE) < 0) {
    munmap(map, pages + page);
    return 0;
  }
  c->map = map + pages - size;
  c->size = (uint32_t)size;
  return 1;
}

void cdb_free(cdb *c)
{
  if (!c->map) return;
  size_t pages = guard_pages(c->size);
  munmap((void *)(c->map + c->size - pages), pages + (size_t)sysconf(_SC_PAGESIZE));
  c->map = 0;
}

#endif
