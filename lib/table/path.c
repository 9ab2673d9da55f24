/* Which rules are meant. */
#include <sys/stat.h>
#include "table/table.h"

int table_path(stralloc *out, char const *path)
{
  struct stat st;
  int directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
  return stralloc_copys(out, path) && (!directory || stralloc_cats(out, "/rules.cdb")) && stralloc_0(out);
}
