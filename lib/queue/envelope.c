/* The envelope, byte machine:
 *
 *                    F               T                  NUL             other
 *   SENDER_TAG       SENDER          FORMAT             FORMAT          FORMAT
 *   SENDER           +1              +1                 RECIPIENT_TAG   +1
 *   RECIPIENT_TAG    FORMAT          RECIPIENT          END             FORMAT
 *   RECIPIENT        +1              +1                 RECIPIENT_TAG   +1
 *
 * +1: one more byte of the address, LONG after LIMIT_ADDRESS of them. */
#include <string.h>
#include "base/limits.h"
#include "queue/envelope.h"

size_t envelope_feed(struct envelope *e, char const *s, size_t len)
{
  size_t i = 0;
  while (i < len) switch (e->state) {
    case ENVELOPE_SENDER_TAG:
      if (s[i] != 'F') return e->state = ENVELOPE_FORMAT, i;
      e->state = ENVELOPE_SENDER;
      e->address = 0;
      i++;
      break;
    case ENVELOPE_RECIPIENT_TAG:
      if (!s[i]) return e->state = ENVELOPE_END, i;
      if (s[i] != 'T') return e->state = ENVELOPE_FORMAT, i;
      e->state = ENVELOPE_RECIPIENT;
      e->address = 0;
      i++;
      break;
    case ENVELOPE_SENDER:
    case ENVELOPE_RECIPIENT:;
      char const *nul = memchr(s + i, 0, len - i);
      size_t n = nul ? (size_t)(nul - s) - i : len - i;
      e->address += n;
      if (e->address > LIMIT_ADDRESS) return e->state = ENVELOPE_LONG, i;
      i += n;
      if (nul) {
        e->state = ENVELOPE_RECIPIENT_TAG;
        i++;
      }
      break;
    default:
      return i;
  }
  return i;
}
