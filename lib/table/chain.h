/* Where a program of the receiving chain finds rules.cdb: at `path` (its option -r); else as relay-gate opened it
 * (RELAYRULESFD), so that the whole connection sees one version; else where RELAYRULES says; else at `otherwise`. */
#ifndef TABLE_CHAIN_H
#define TABLE_CHAIN_H

#include "table/table.h"

/* path and otherwise may be null. The descriptor that RELAYRULESFD names is closed by exec, unless `pass`: then who
 * comes next gets it, too. Returns the open rules; 0 when they can't be had or are damaged, after a line of the log;
 * 0 without a word when nothing says where they are and `otherwise` is null. */
struct table_set *chain_rules(char const *path, char const *otherwise, int pass);

/* Do `path` or the environment say where they are? */
int chain_has_rules(char const *path);

#endif
