/* RELAYCLIENT's value and a recipient. */
#include <string.h>
#include "policy/appended.h"

int appended(struct address *out, struct address const *a, char const *value)
{
  char text[2 * LIMIT_ADDRESS + 4];
  size_t n = 0, more = strlen(value);
  int quote = strchr(value, '@') != 0;
  if (more > LIMIT_ADDRESS) return 0;
  if (quote) text[n++] = '"';
  for (size_t i = 0; i < a->len && n < LIMIT_ADDRESS; i++) {
    if (quote && (a->text[i] == '"' || a->text[i] == '\\')) text[n++] = '\\';
    text[n++] = a->text[i];
  }
  for (size_t i = 0; i < more; i++) {
    if (quote && value[i] == '@') {
      text[n++] = '"';
      quote = 0;
    }
    text[n++] = value[i];
  }
  if (n > LIMIT_ADDRESS || address_mailbox(out, text, n, a->utf8) != ADDRESS_OK) return 0;
  out->onward = 0;
  return 1;
}
