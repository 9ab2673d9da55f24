/* Making directories and files that are whole or not there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/djbunix.h>

#include "base/io.h"
#include "conf/make.h"

stralloc conf_at = STRALLOC_ZERO;

char const *conf_path(char const *dir, char const *separator, char const *name)
{
  conf_at.len = 0;
  if (!stralloc_cats(&conf_at, dir) || !stralloc_cats(&conf_at, separator) || !stralloc_cats(&conf_at, name)
    || !stralloc_0(&conf_at)) return 0;
  return conf_at.s;
}

int conf_make_above(char const *path)
{
  char const *slash = strrchr(path, '/');
  if (!conf_path(path, "", "")) return -1;
  if (!slash || slash == path) return 0;
  conf_at.s[slash - path] = 0;
  if (mkdir(conf_at.s, 0755) && errno != EEXIST) return -1;
  conf_at.s[slash - path] = '/';
  return 0;
}

int conf_open_ours(char const *dir)
{
  struct stat st;
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOTDIR || errno == ELOOP) errno = EEXIST;
    return -1;
  }
  int e = fstat(fd, &st) < 0 ? errno : st.st_mode & S_IWOTH ? EEXIST : 0;
  if (!e) return fd;
  close(fd);
  return errno = e, -1;
}

/* Sets conf_at to base, separator and the file's name. Returns its text, or null with errno. */
static char const *file_path(char const *base, char const *separator, struct conf_file const *f,
  struct conf_value const *v)
{
  stralloc name = STRALLOC_ZERO;
  char const *path = 0;
  if (conf_expand(&name, f->name, v, quote_text)) {
    if (name.len) name.len--; /* the line's end */
    if (stralloc_0(&name)) path = conf_path(base, separator, name.s);
  }
  int e = errno;
  stralloc_free(&name);
  errno = e;
  return path;
}

/* Writes a new file that lasts. */
static int write_file(char const *path, struct conf_file const *f, struct conf_value const *v)
{
  stralloc text = STRALLOC_ZERO;
  int r = -1, e;
  if (!conf_expand(&text, f->text, v, f->quote)) goto done;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) goto done;
  r = io_write_file(fd, text.s, text.len);
  if (!r) r = fchmod(fd, (mode_t)f->mode);
  if (!r) r = fsync(fd);
  e = errno;
  close(fd);
  if (r) unlink(path);
  errno = e;
done:
  e = errno;
  stralloc_free(&text);
  errno = e;
  return r;
}

static int is_there(char const *path)
{
  struct stat st;
  return !lstat(path, &st);
}

/* Makes everything below dir. */
static int fill(char const *dir, struct conf_file const *f, struct conf_value const *v, uid_t uid, gid_t gid)
{
  for (; f->name; f++) {
    char const *path = file_path(dir, "/", f, v);
    if (!path) return -1;
    if (f->text) {
      if (write_file(path, f, v)) return -1;
      continue;
    }
    if (mkdir(path, 0700) || chmod(path, (mode_t)f->mode)) return -1;
    char const *last = strrchr(f->name, '/');
    if (uid != (uid_t)-1 && last && !strcmp(last, "/main") && chown(path, uid, gid)) return -1;
  }
  return 0;
}

int conf_make_service(char const *dir, struct conf_file const *files, struct conf_value const *v,
  uid_t log_uid, gid_t log_gid)
{
  stralloc aside = STRALLOC_ZERO;
  char const *slash = strrchr(dir, '/');
  int r = -1;
  if (is_there(dir)) return conf_path(dir, "", "") ? (errno = EEXIST, -1) : -1;
  if (!stralloc_catb(&aside, dir, (size_t)(slash - dir) + 1) || !stralloc_append(&aside, '.')
    || !stralloc_cats(&aside, slash + 1) || !stralloc_cats(&aside, ".new") || !stralloc_0(&aside)) return -1;
  rm_rf(aside.s);
  if (!conf_path(aside.s, "", "") || mkdir(aside.s, 0700)) goto done;
  r = fill(aside.s, files, v, log_uid, log_gid);
  if (!r) r = conf_path(aside.s, "", "") && !chmod(aside.s, 0755) && !io_sync_dir(aside.s) ? 0 : -1;
  if (!r) r = conf_path(dir, "", "") && !rename(aside.s, dir) ? 0 : -1;
  if (r) {
    int e = errno;
    rm_rf(aside.s);
    errno = e;
  }
done:;
  int e = errno;
  stralloc_free(&aside);
  errno = e;
  return r;
}

/* Makes the files whose paths are base, separator and name. */
static int make_all(char const *base, char const *separator, struct conf_file const *files, struct conf_value const *v,
  void (*kept)(char const *path))
{
  for (struct conf_file const *f = files; !kept && f->name; f++) {
    char const *path = file_path(base, separator, f, v);
    if (!path) return -1;
    if (is_there(path)) return errno = EEXIST, -1;
  }
  for (struct conf_file const *f = files; f->name; f++) {
    char const *path = file_path(base, separator, f, v);
    if (!path) return -1;
    if (!write_file(path, f, v)) continue;
    if (errno != EEXIST || !kept) return -1;
    kept(path);
  }
  return 0;
}

int conf_make_files(char const *dir, struct conf_file const *files, struct conf_value const *v,
  void (*kept)(char const *path))
{
  if (!conf_path(dir, "", "") || (mkdir(dir, 0755) && errno != EEXIST)) return -1;
  if (make_all(dir, "/", files, v, kept)) return -1;
  return conf_path(dir, "", "") ? io_sync_dir(dir) : -1;
}

int conf_make_beside(char const *path, struct conf_file const *files, struct conf_value const *v)
{
  return make_all(path, "", files, v, 0);
}

int conf_make_log(char const *path, uid_t uid, gid_t gid)
{
  if (!conf_path(path, "", "")) return -1;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) return errno == EEXIST ? 0 : -1;
  int r = uid == (uid_t)-1 ? 0 : fchown(fd, uid, gid);
  int e = errno;
  close(fd);
  errno = e;
  return r;
}
