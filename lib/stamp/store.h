/* The directory of stamps. Its files are written aside, under a name that begins with a dot, and renamed; so a reader
 * sees a whole stamp or none. Whatever else lies there (links, devices, directories, names that are no address,
 * files that are too large) is no stamp.
 *
 * The directory must not be writable for everybody: who can write there may relay. */
#ifndef STAMP_STORE_H
#define STAMP_STORE_H

#include "stamp/stamp.h"

struct clocks { int64_t now, boot; }; /* seconds: since 1970, since the machine's start */
struct clocks stamp_clocks(void);

/* Opens the directory (null: stamp_dir found none). Returns a descriptor, closed by exec, for the functions below (to
 * list the directory open "." in it: who may write there need not be allowed to list), or -1: *why says in words what
 * is wrong (static, or of strerror). It must be a directory that only its owner and its group may write to. */
int stamp_open(char const *dir, char const **why);

enum stamp_found {
  STAMP_FOUND,
  STAMP_NONE,      /* there is no such file */
  STAMP_BAD,       /* there is something, but no stamp: errno is EPROTO (not a regular file, too large, several names,
                      a body that is none) */
  STAMP_FAILED,    /* it can't be told: errno */
};

/* Reads the stamp of an address, or with `net` of its network (IPv4 has none). An address that is the first of its
 * network shares a file with it, and finds only its own kind there. */
enum stamp_found stamp_read(int dir, struct ip const *ip, int net, struct stamp *out);

/* Puts a stamp, with the modification time s->time, in place of what stands there, a directory excepted. Returns 0, or
 * -1 with errno. */
int stamp_write(int dir, struct stamp const *s);

/* The same, unless a stamp stands there that is as young or younger, also when that came just now; one from the future
 * counts for nothing. Returns 1 when it was put, 0 when not, -1 with errno: EINVAL, too, where the file system can't
 * exchange two names (NFS). */
int stamp_write_newer(int dir, struct stamp const *s);

/* Removes the file `name` if it is older than `seconds`: also beside writers that replace it just now. One from the
 * future is, when the second clock says so, or when it doesn't know and the time is more than `seconds` away. Returns 1
 * when it was removed, 0 when it is not so old or has gone, -1 with errno: EPROTO when it is nothing that can be a
 * stamp (not a regular file, too large, several names). */
int stamp_remove_old(int dir, char const *name, int64_t seconds, struct clocks const *c);

#endif
