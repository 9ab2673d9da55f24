/* The files, all of them or none: each is written aside; only when all are on the disk are they renamed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "import/source.h"
#include "import/write.h"
#include "prove/report.h"
#include "table/table.h"

#define ASIDE ".import"

/* Sets x->path to DIR/NAME, with ASIDE behind. */
static char const *aside(struct import *x, char const *dir, char const *name)
{
  if (!import_path(x, dir, name)) return 0;
  x->path.len--;
  if (stralloc_catb(&x->path, ASIDE, sizeof ASIDE)) return x->path.s;
  x->broken = ENOMEM;
  return 0;
}

static int write_aside(struct import *x, char const *dir, enum import_file which)
{
  char const *path = aside(x, dir, import_name(which));
  if (!path) return errno = x->broken, -1;
  if (unlink(path) < 0 && errno != ENOENT) return -1;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  mode_t mode = which == IMPORT_LOGINS ? 0640 : 0644;
  int bad = io_write_file(fd, x->text[which].s, x->text[which].len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0;
  int e = errno;
  close(fd);
  return bad ? errno = e, -1 : 0;
}

static void remove_asides(struct import *x, char const *dir)
{
  int e = errno;
  stralloc path = x->path;
  x->path = (stralloc)STRALLOC_ZERO;
  for (size_t i = 0; i < IMPORT_COUNT; i++)
    if (x->text[i].len && aside(x, dir, import_name(i))) unlink(x->path.s);
  stralloc_free(&x->path);
  x->path = path;
  errno = e;
}

static int rename_all(struct import *x, char const *dir)
{
  stralloc from = STRALLOC_ZERO;
  int bad = 0;
  for (size_t i = 0; i < IMPORT_COUNT && !bad; i++) {
    if (!x->text[i].len) continue;
    char const *path = aside(x, dir, import_name(i));
    bad = !path || !stralloc_copyb(&from, x->path.s, x->path.len);
    if (bad) errno = ENOMEM;
    else bad = !import_path(x, dir, import_name(i)) || rename(from.s, x->path.s) < 0;
  }
  stralloc_free(&from);
  return bad || io_sync_dir(dir) < 0 ? -1 : 0;
}

/* Is one of the files there? */
static int any_there(struct import *x, char const *dir)
{
  struct stat st;
  for (size_t i = 0; i < IMPORT_COUNT; i++) {
    if (!x->text[i].len) continue;
    if (!import_path(x, dir, import_name(i))) return errno = x->broken, -1;
    if (!lstat(x->path.s, &st)) return 1;
    if (errno != ENOENT) return -1;
  }
  return 0;
}

int import_write(struct import *x, char const *dir, int force)
{
  int r = 0;
  if (mkdir(dir, 0755) < 0 && errno != EEXIST) return import_path(x, 0, dir), -1;
  if (!force && (r = any_there(x, dir))) return r;
  for (size_t i = 0; i < IMPORT_COUNT && !r; i++)
    if (x->text[i].len) r = write_aside(x, dir, i);
  if (!r) r = rename_all(x, dir);
  if (r < 0) remove_asides(x, dir);
  return r;
}

static char const *const controls[] = {
#define X(name, letter, file) file,
  TABLES(X)
  TABLES_OF_LOGINS(X)
#undef X
};
#define CONTROLS (sizeof controls / sizeof *controls)

static int compile(struct rules_text const *texts, int rules, int logins, complain_fn *complain, void *arg)
{
  struct rules_private private = { -1, 0, logins };
  return rules_compile_all(texts, CONTROLS, 0, rules, &private, complain, arg);
}

int import_check(char const *dir, complain_fn *complain, void *arg)
{
  struct rules_text texts[CONTROLS];
  struct import scratch = { 0 };
  char *data[CONTROLS] = { 0 };
  FILE *f = tmpfile(), *logins = tmpfile();
  int r = f && logins ? 0 : -1;
  for (size_t i = 0; i < CONTROLS && !r; i++) {
    texts[i] = (struct rules_text){ .file = controls[i] };
    if (!import_path(&scratch, dir, controls[i])) r = -1;
    else if (!io_slurp(scratch.path.s, RULES_FILE_MAX, &data[i], &texts[i].len)) texts[i].s = data[i];
    else if (errno != ENOENT) r = -1;
    else if (!strcmp(controls[i], "me")) texts[i] = (struct rules_text){ "me", "me.invalid", 10 };
  }
  if (!r) r = compile(texts, fileno(f), fileno(logins), complain, arg);
  if (!r) r = report_check(fileno(f), complain, arg);
  int e = errno;
  for (size_t i = 0; i < CONTROLS; i++) free(data[i]);
  import_free(&scratch);
  if (f) fclose(f);
  if (logins) fclose(logins);
  errno = e;
  return r;
}

char const *import_others(struct import const *x, char const *dir, unsigned *i)
{
  struct import scratch = { 0 };
  char const *found = 0;
  while (!found && *i < IMPORT_COUNT) {
    enum import_file which = (*i)++;
    if (!x->text[which].len && import_path(&scratch, dir, import_name(which)) && !access(scratch.path.s, F_OK))
      found = import_name(which);
  }
  import_free(&scratch);
  return found;
}
