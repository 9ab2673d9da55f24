/* Logins at relays. Passwords go into `logins` alone: no line of the list has one. */
#include <errno.h>
#include <string.h>
#include "import/source.h"
#include "policy/logins.h"

/* Appends a word, in quotes where it needs them. Returns 1, or 0 without memory. */
static int put_word(stralloc *out, struct text t)
{
  int plain = *t.s != '"' && *t.s != '#';
  for (size_t i = 0; i < t.n; i++) plain &= t.s[i] != ' ' && t.s[i] != '\t';
  if (plain) return stralloc_catb(out, t.s, t.n);
  int ok = stralloc_catb(out, "\"", 1);
  for (size_t i = 0; i < t.n && ok; i++)
    ok = (t.s[i] != '"' && t.s[i] != '\\' ? 1 : stralloc_catb(out, "\\", 1)) && stralloc_catb(out, t.s + i, 1);
  return ok && stralloc_catb(out, "\"", 1);
}

/* Why it can't be written; null: it can. */
static char const *unfit(struct text user, struct text password)
{
  if (!user.n || !password.n) return "has no user, or no password";
  if (user.n >= LOGIN_USER || password.n >= LOGIN_PASSWORD) return "is too long";
  for (size_t i = 0; i < user.n; i++) if (!user.s[i] || user.s[i] == '\r') return "has a control character";
  for (size_t i = 0; i < password.n; i++) if (!password.s[i] || password.s[i] == '\r') return "has a control character";
  return 0;
}

void import_login(struct import *x, char const *key, size_t len, struct place from, struct text user,
                  struct text password)
{
  stralloc words = STRALLOC_ZERO;
  char const *why = unfit(user, password);
  uint32_t before;
  if (why) {
    import_left(x, from, "a login that %s (it is not repeated here)", why);
    return;
  }
  if (!put_word(&words, user) || !stralloc_catb(&words, " ", 1) || !put_word(&words, password) || !stralloc_0(&words)) {
    x->broken = ENOMEM;
  } else {
    if (!x->text[IMPORT_LOGINS].len) {
      import_comment(x, IMPORT_LOGINS, "Imported; # names the file and line that each comes from.");
      import_note(x, from, "the password goes to the relay under TLS alone, or in a challenge's answer; `clear` behind "
                  "it in `logins` lets it go without, and relay-remote's user must be able to read what is made of "
                  "that file");
    }
    if (!import_line(x, IMPORT_LOGINS, key, len, from, &before, "%s %s", key, words.s))
      import_left(x, from, "a second login for %s, which has that of line %u", key, (unsigned)before);
  }
  stralloc_free(&words);
}
