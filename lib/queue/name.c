/* The names of the queue's files. */
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "queue/store.h"

/* Writes the low 4 * n bits of v as n hex digits. */
static void hex(char *out, uint64_t v, unsigned n)
{
  while (n--) {
    out[n] = "0123456789abcdef"[v & 15];
    v >>= 4;
  }
}

void store_id(char out[STORE_ID + 1])
{
  static uint64_t last;
  struct timeval t;
  gettimeofday(&t, 0);
  uint64_t us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
  if (us <= last) us = last + 1;
  last = us;
  uint64_t pid = (uint64_t)getpid();
  hex(out, us, 14);
  hex(out + 14, pid, 6);
  hex(out + 20, (us ^ us >> 6 ^ pid) % STORE_SPLIT, 2);
  out[STORE_ID] = 0;
}

int store_id_valid(char const *id, size_t len)
{
  if (len != STORE_ID) return 0;
  for (size_t i = 0; i < len; i++)
    if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f'))) return 0;
  return id[20] <= '3';
}

void store_path(char out[STORE_PATH], char const *id)
{
  memcpy(out, "mess/", 5);
  memcpy(out + 5, id + 20, 2);
  out[7] = '/';
  memcpy(out + 8, id, STORE_ID);
  out[8 + STORE_ID] = 0;
}
