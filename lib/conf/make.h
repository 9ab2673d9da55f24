/* Making directories and files that are whole or not there. */
#ifndef CONF_MAKE_H
#define CONF_MAKE_H

#include <sys/types.h>
#include <skalibs/stralloc.h>
#include "conf/template.h"
#include "conf/templates.h"

/* The path at which a function failed, for the message; NUL-terminated. */
extern stralloc conf_at;

/* Sets conf_at to dir, separator and name. Returns its text, or null without memory. */
char const *conf_path(char const *dir, char const *separator, char const *name);

/* Makes directory `dir` with the files of `files`. It is made under a name that begins with a dot and renamed at the
 * end: a supervisor that watches its parent sees it whole. A directory named "main" becomes log_uid's, log_gid's,
 * unless (uid_t)-1. Returns 0, or -1 with errno (EEXIST when dir is there) and conf_at; then nothing is left of it. */
int conf_make_service(char const *dir, struct conf_file const *files, struct conf_value const *v,
  uid_t log_uid, gid_t log_gid);

/* Makes the files of `files` in the directory dir, which may be there. A file that is there stays as it is;
 * kept() hears of it (null: it is an error, EEXIST, and found before anything is written). Returns 0, or -1 with
 * errno and conf_at. */
int conf_make_files(char const *dir, struct conf_file const *files, struct conf_value const *v,
  void (*kept)(char const *path));

/* The same for files that are called path, then each one's own name, as xinetd's are. */
int conf_make_beside(char const *path, struct conf_file const *files, struct conf_value const *v);

/* Makes the directory in which path lies, mode 0755, unless it is there. Returns 0 with conf_at `path`, or
 * -1 with errno. */
int conf_make_above(char const *path);

/* Opens a directory that was made, or was there. Returns a descriptor, or -1 with errno: EEXIST when it is none, a
 * link, or everybody may write to it, so that what is in it may be anybody's. */
int conf_open_ours(char const *dir);

/* Makes a queue (queue/store.h) at dir (and dir's parent), or what it lacks; all of it becomes uid's and gid's unless
 * uid is (uid_t)-1. Returns 0, or -1 with errno and conf_at. */
int conf_make_queue(char const *dir, uid_t uid, gid_t gid);

/* Makes an empty file for relay-ask's cache (and its parent), or leaves it as it is; it becomes uid's and gid's unless
 * uid is (uid_t)-1, mode 0600. Returns 0, or -1 with errno (EEXIST: there is something else) and conf_at. */
int conf_make_cache(char const *path, uid_t uid, gid_t gid);

/* Makes a directory for MTA-STS's policies (and its parent), or leaves what is in it; it becomes uid's and gid's unless
 * uid is (uid_t)-1, mode 0755. Returns 0, or -1 with errno (EEXIST: as conf_open_ours has it) and conf_at. */
int conf_make_policies(char const *path, uid_t uid, gid_t gid);

/* Makes a directory of POP-before-SMTP stamps (and its parent). With a group, the one who runs us owns it, the group
 * may write and everybody look an address up, also when it was there; gid (gid_t)-1: it is for its owner alone, and one
 * that is there stays as it is. What is in it stays. Returns 0, or -1 with errno (EEXIST: there is no directory, or one
 * to which everybody may write, so that whoever wrote a stamp there could renew it for ever) and conf_at. */
int conf_make_stamps(char const *dir, gid_t gid);

/* Makes an empty log file for uid unless it is there. Returns 0, or -1 with errno and conf_at. */
int conf_make_log(char const *path, uid_t uid, gid_t gid);

#endif
