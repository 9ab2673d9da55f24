/* relay-import: writes our control files from those of qmail, Postfix or tcprules, and lists what can't be carried
 * over. */
#include <errno.h>
#include <string.h>
#include <skalibs/buffer.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include "import/import.h"
#include "import/write.h"

#define USAGE "relay-import [-f] qmail DIR OUT | postfix DIR OUT | tcprules FILE OUT"

static struct import x;

static struct kind { char const *name; int (*read)(struct import *, char const *); } const kinds[] = {
  { "qmail", import_qmail },
  { "postfix", import_postfix },
  { "tcprules", import_tcprules },
};

static void complain(void *arg, int warning, char const *line)
{
  (void)arg;
  (void)warning;
  buffer_puts(buffer_2, line);
  buffer_put(buffer_2, "\n", 1);
}

static _Noreturn void usage(void)
{
  strerr_dieusage(100, USAGE);
}

static struct kind const *find_kind(char const *name)
{
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!strcmp(kinds[i].name, name)) return kinds + i;
  usage();
}

static void read_source(struct kind const *kind, char const *from)
{
  int r = kind->read(&x, from);
  if (r < 0) {
    errno = x.broken ? x.broken : errno;
    strerr_diefu2sys(111, "read ", x.path.len ? x.path.s : from);
  }
  if (!r) strerr_dief3x(100, from, " is no configuration of that kind: there is no ", x.path.s);
}

static void write_files(char const *out, int force)
{
  int r = import_write(&x, out, force);
  if (r < 0) strerr_diefu2sys(111, "write ", x.path.len ? x.path.s : out);
  if (r) strerr_dief2x(100, x.path.s, " is there already; nothing is written (-f overwrites)");
}

/* The list, on descriptor 1, then what relay-mkcdb would say, on descriptor 2. */
static int report(char const *out)
{
  unsigned i = 0;
  char const *name;
  while ((name = import_others(&x, out, &i)))
    strerr_warn(PROG, ": ", out, "/", name, " was there, stays as it is and counts, too");
  if (buffer_put(buffer_1, x.notes.s, x.notes.len) < 0 || !buffer_flush(buffer_1))
    strerr_diefu1sys(111, "write the list");
  int wrong = import_check(out, complain, 0);
  int e = errno;
  buffer_flush(buffer_2);
  errno = e;
  if (wrong < 0) strerr_diefu2sys(111, "compile ", out);
  if (wrong) strerr_warn(PROG, ": relay-mkcdb would refuse ", out, " as it is");
  return wrong || x.left;
}

int main(int argc, char const *const *argv)
{
  subgetopt opt = SUBGETOPT_ZERO;
  int force = 0;
  PROG = "relay-import";
  for (int c; (c = subgetopt_r(argc, argv, "f", &opt)) != -1; ) {
    if (c == 'f') force = 1;
    else usage();
  }
  if (argc - opt.ind != 3) usage();
  read_source(find_kind(argv[opt.ind]), argv[opt.ind + 1]);
  write_files(argv[opt.ind + 2], force);
  return report(argv[opt.ind + 2]);
}
