/* The directory's name. */
#include <stdlib.h>
#include <sys/stat.h>
#include "stamp/dir.h"

char const *stamp_dir(char const *const **argv)
{
  struct stat st;
  char const *dir = getenv("RELAY_CTRL_DIR");
  if (dir && *dir && (***argv != '/' || stat(**argv, &st) < 0 || !S_ISDIR(st.st_mode))) return dir;
  return *(*argv)++;
}
