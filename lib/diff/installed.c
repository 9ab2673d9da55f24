/* Installed rules against new ones. */
#include <errno.h>
#include <string.h>
#include "diff/diff.h"
#include "diff/installed.h"

static int compare(stralloc *out, struct table_set const *old, struct table_set const *new)
{
  struct diff d;
  int r = diff_make(&d, old, new);
  if (r == 0) r = diff_text(out, &d, 0);
  if (r == 0 && !genalloc_len(struct diff_line, &d.lines) &&
      !stralloc_cats(out, "no difference in who may relay and which mail is taken\n")) r = -1;
  int e = errno;
  diff_free(&d);
  return errno = e, r;
}

int diff_installed(stralloc *out, char const *path, int fd)
{
  struct table_set *old = table_open(path);
  if (!old) {
    int ok = errno == ENOENT ? stralloc_cats(out, "no rules are installed yet: nothing to compare with\n") :
      stralloc_cats(out, "the installed rules can't be compared: ") && stralloc_cats(out, strerror(errno)) &&
      stralloc_cats(out, "\n");
    return ok ? 0 : (errno = ENOMEM, -1);
  }
  struct table_set *new = table_open_fd(fd);
  int r = new ? compare(out, old, new) : -1, e = errno;
  table_close(new);
  table_close(old);
  return errno = e, r;
}
