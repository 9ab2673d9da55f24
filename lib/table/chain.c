/* The rules of a connection. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/log.h"
#include "parse/number.h"
#include "table/chain.h"

/* The descriptor was inherited, so it is looked at before it is trusted. */
static struct table_set *inherited(char const *text, int pass)
{
  uint64_t fd;
  struct stat st;
  if (number_scan(text, strlen(text), 1 << 30, &fd) != NUMBER_OK) return errno = EINVAL, (struct table_set *)0;
  if ((!pass && fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0) || fstat((int)fd, &st) < 0) return 0;
  if (!S_ISREG(st.st_mode)) return errno = EPROTO, (struct table_set *)0;
  return table_open_fd((int)fd);
}

int chain_has_rules(char const *path)
{
  return path || getenv("RELAYRULESFD") || getenv("RELAYRULES");
}

struct table_set *chain_rules(char const *path, char const *otherwise, int pass)
{
  char const *fd = getenv("RELAYRULESFD");
  struct table_set *t;
  if (!path && fd) t = inherited(fd, pass);
  else {
    if (!path) path = getenv("RELAYRULES");
    if (!path) path = otherwise;
    if (!path) return 0;
    t = table_open(path);
  }
  if (!t) {
    struct log_line l;
    int e = errno;
    log_start(&l, "no-rules");
    log_str(&l, "rules", !path ? "RELAYRULESFD" : path);
    log_str(&l, "error", strerror(e));
    log_end(&l);
  }
  return t;
}
