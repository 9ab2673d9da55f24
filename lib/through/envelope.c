/* The envelope as qmail-queue gets it (interfaces of qmail-queue(8)), kept in memory. */
#include <string.h>
#include "base/limits.h"
#include "through/through.h"

/* A byte between addresses: the letter of the next one, or the end. */
static enum through_read letter(struct through_envelope *e, char c)
{
  if (!e->sender && c == 'F') e->in = 1;
  else if (e->sender && c == 'T') e->in = 1;
  else return e->sender && e->n && !c ? THROUGH_WHOLE : THROUGH_BAD;
  e->address = 0;
  return THROUGH_MORE;
}

enum through_read through_envelope(struct through_envelope *e, char const *s, size_t len)
{
  enum through_read r = THROUGH_MORE;
  for (size_t i = 0; i < len && r == THROUGH_MORE; ) {
    if (!e->in) {
      r = letter(e, s[i++]);
      continue;
    }
    char const *end = memchr(s + i, 0, len - i);
    size_t n = end ? (size_t)(end - s) - i : len - i;
    e->address += n;
    if (e->address > LIMIT_ADDRESS) return THROUGH_LONG;
    if (!stralloc_catb(&e->bytes, s + i, n + (end != 0))) return THROUGH_NO_MEMORY;
    i += n + (end != 0);
    if (!end) continue;
    e->in = 0;
    if (e->sender) e->n++;
    e->sender = 1;
  }
  return r;
}

char const *through_recipients(struct through_envelope const *e)
{
  return e->bytes.s + strlen(e->bytes.s) + 1;
}
