/* Rules that are cut while they are mapped (cp or rsync --inplace over rules.cdb, instead of relay-mkcdb's rename): the
 * next look-up behind the new end is answered by SIGBUS. A program that holds tables open asks here not to die of it
 * without a word. */
#ifndef TABLE_DAMAGE_H
#define TABLE_DAMAGE_H

#define DAMAGE_SMTP "421 4.3.5 the rules are damaged, try again later\r\n"

/* From now on SIGBUS writes `reply` (static; null: nothing) to descriptor 1 and a line of the log to descriptor 2,
 * unless that is the connection on descriptor 0; then the process exits 111 at once. PROG must be set. Neither write
 * waits long for a reader. Returns 0, or -1 with errno. */
int table_on_damage(char const *reply);

#endif
