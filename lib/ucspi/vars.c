/* Variables that describe a TLS connection. */
#include <errno.h>
#include <string.h>
#include "base/io.h"
#include "ucspi/vars.h"

#define PREFIX "SSL_"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* A whole one stands at v->start. Keeps or drops it. */
static int finish(struct ucspi_vars *v)
{
  char const *s = v->list->s + v->start, *equals = strchr(s, '=');
  if (equals == s) return 0;
  if (equals && !strncmp(s, PREFIX, sizeof PREFIX - 1) && s + strspn(s, LETTERS) == equals) v->start = v->list->len;
  else v->list->len = v->start;
  return 1;
}

int ucspi_vars_add(struct ucspi_vars *v, char const *s, size_t len)
{
  while (len) {
    char const *nul = memchr(s, 0, len);
    size_t n = nul ? (size_t)(nul - s) + 1 : len;
    v->seen += n;
    if (v->seen > UCSPI_VARS) return errno = EPROTO, -1;
    if (nul == s && v->list->len == v->start) return len == 1 ? 1 : (errno = EPROTO, -1);
    if (!stralloc_catb(v->list, s, n)) return -1;
    if (nul && !finish(v)) return errno = EPROTO, -1;
    s += n;
    len -= n;
  }
  return 0;
}

int ucspi_vars_read(int fd, stralloc *list, int64_t deadline)
{
  char buf[1024];
  size_t was = list->len;
  struct ucspi_vars v = { .list = list, .start = was };
  int r = 0;
  while (!r) {
    ssize_t n = io_read(fd, buf, sizeof buf, deadline);
    if (n == 0) errno = EPIPE;
    r = n <= 0 ? -1 : ucspi_vars_add(&v, buf, (size_t)n);
  }
  if (r > 0) return 0;
  list->len = was;
  return -1;
}

/* Is it a variable that a TLS side sets? */
static int is_tls(char const *s, size_t len)
{
  static char const *const fds[] = { "SSLCTLFD", "SSLREADFD", "SSLWRITEFD" };
  static char const *const kept[] = { "SSL_CERT_FILE", "SSL_CERT_DIR" };
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
    if (strlen(fds[i]) == len && !memcmp(fds[i], s, len)) return 1;
  }
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    if (strlen(kept[i]) == len && !memcmp(kept[i], s, len)) return 0;
  }
  return len >= sizeof PREFIX - 1 && !memcmp(s, PREFIX, sizeof PREFIX - 1);
}

int ucspi_vars_clear(stralloc *modifs, char const *const *environment)
{
  for (; *environment; environment++) {
    size_t len = strcspn(*environment, "=");
    if (!is_tls(*environment, len)) continue;
    if (!stralloc_catb(modifs, *environment, len) || !stralloc_0(modifs)) return 0;
  }
  return 1;
}
