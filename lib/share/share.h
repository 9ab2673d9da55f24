/* relay-pop-sync's inside: stamps of this machine go to a server, and those of others come from there.
 *
 *   paused --> looking the server up --> setting up --> ready
 *      ^              |                      |            |
 *      +------------- any failure: a pause, 1 to 30 s ----+
 *
 * Ready means: the channel of news is ours, and the server does what we say. Then the server is read through (others'
 * stamps that we missed), and so is the directory (ours that it missed). What is new comes by the channel and by
 * inotify. Two connections, since one that listens can say nothing else. */
#ifndef SHARE_SHARE_H
#define SHARE_SHARE_H

#include <stdint.h>
#include "share/entry.h"
#include "share/secret.h"
#include "share/secure.h"
#include "share/where.h"

#define SHARE_PREFIX "posthouse:stamp:" /* the keys' names; an address follows */
#define SHARE_CHANNEL "new"             /* the channel's name behind the prefix: no address */
#define SHARE_SECONDS_MOST 2592000      /* a month */

struct share_options {
  char const *dir, *node, *prefix;
  char const *password;      /* its file; null: none */
  struct where where;
  struct secure *secure;     /* null: no TLS */
  struct entry_key key;
  int64_t seconds;           /* a stamp's life */
};

/* Works until SIGTERM or SIGINT, or until the directory goes. Returns the exit code; what was wrong stands in the
 * log. */
int share_run(struct share_options const *o);

#endif
