/* Writing words for a shell, systemd and xinetd. */
#include <errno.h>
#include <string.h>

#include "conf/quote.h"

/* Bytes that mean nothing to anybody here. */
static char const harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=@+,-";

static int is_harmless(char const *word)
{
  return *word && !word[strspn(word, harmless)];
}

static int no_lines(char const *word)
{
  if (!strchr(word, '\n')) return 1;
  errno = EINVAL;
  return 0;
}

int quote_sh(stralloc *sa, char const *word)
{
  if (!no_lines(word)) return 0;
  if (is_harmless(word)) return stralloc_cats(sa, word);
  if (!stralloc_append(sa, '\'')) return 0;
  for (; *word; word++) {
    if (*word == '\'' ? !stralloc_cats(sa, "'\\''") : !stralloc_append(sa, *word)) return 0;
  }
  return stralloc_append(sa, '\'');
}

int quote_systemd(stralloc *sa, char const *word)
{
  if (!no_lines(word)) return 0;
  if (strchr(word, '$')) return errno = EINVAL, 0;
  if (is_harmless(word)) return stralloc_cats(sa, word);
  if (!stralloc_append(sa, '"')) return 0;
  for (; *word; word++) {
    if (strchr("\"\\", *word) && !stralloc_append(sa, '\\')) return 0;
    if (*word == '%' && !stralloc_append(sa, '%')) return 0;
    if (!stralloc_append(sa, *word)) return 0;
  }
  return stralloc_append(sa, '"');
}

int quote_plain(stralloc *sa, char const *word)
{
  if (is_harmless(word)) return stralloc_cats(sa, word);
  errno = EINVAL;
  return 0;
}

int quote_text(stralloc *sa, char const *word)
{
  return no_lines(word) && stralloc_cats(sa, word);
}
