/* Handing a message to a qmail-queue program (interfaces.md): started early, fed while it comes in, judged at the
 * end. Descriptors 0 to 2 must be open. SIGPIPE must be ignored and SIGCHLD not (inject_signals); the program gets
 * both in their default state. All our ends of the pipes are close-on-exec.
 *
 * The program leads a process group of its own, and signals go to the group: a shell's pipeline ends as one. Unless the
 * program reports success nothing of its group is left behind, so that what we call lost can't be queued afterwards.
 * Who leaves the group (setsid) is out of reach; let it hold neither message nor envelope. */
#ifndef QUEUE_INJECT_H
#define QUEUE_INJECT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define INJECT_TEXT 512        /* bytes of a program's own words with their NUL */
#define INJECT_ABORT_TIME 5000 /* milliseconds: an abandoned program's until SIGTERM, any one's from that to SIGKILL */
#define INJECT_CRASHED 81      /* the code of a program that was killed, or that took less than it was given */
#define INJECT_TIMEOUT 52      /* the code of a program that took too long and died of our signal */

struct inject {
  pid_t pid;       /* and its process group; 0: none running */
  int body;        /* we write the message here; -1 when closed */
  int envelope;    /* and the envelope here */
  int error;       /* a custom reply comes from here: descriptor 6 of the program */
  int sheet;       /* queue/sheet.h: descriptor 7 of the program */
  unsigned broken : 1; /* a write failed: the program has gone or its pipe timed out */
};

struct inject_result {
  int code;               /* qmail-queue's exit code; 0 queued; 81 when it crashed */
  char text[INJECT_TEXT]; /* the program's own words without D or Z, one line of printable ASCII (the rest as \xHH) */
  char kind;              /* 'D' permanent, 'Z' temporary, 0 accepted */
};

/* Ignores SIGPIPE and gives SIGCHLD its default, for the whole process. */
void inject_signals(void);

/* Starts `program` (null: $QMAILQUEUE, or else BIN_DIR/relay-queue) with the environment plus `id` as RELAYID,
 * RELAYDSNFD and, if utf8, RELAYUTF8=1; without RELAYRULESFD, whose descriptor it doesn't get. Returns 0, or -1 with
 * errno. */
int inject_start(struct inject *q, char const *program, char const *id, int utf8);

/* Feeds the message, LF line ends; any byte may occur. Errors are kept for the end. deadline: base/io.h. */
void inject_body(struct inject *q, char const *s, size_t len, int64_t deadline);

/* Writes the sheet (queue/sheet.h), before inject_finish. */
void inject_sheet(struct inject *q, char const *s, size_t len);

/* Ends the message, hands over the envelope (addresses NUL-terminated one behind the other: sender, then `n` bytes of
 * recipients) and waits for the verdict. At the deadline the group gets SIGTERM, INJECT_ABORT_TIME later SIGKILL; an
 * exit code that comes all the same counts: the message may have been queued just then. Returns at the latest
 * 2 * INJECT_ABORT_TIME behind the deadline. */
void inject_finish(struct inject *q, char const *sender, char const *recipients, size_t n, int64_t deadline,
                   struct inject_result *r);

/* Gives up: the program sees no envelope and queues nothing. Returns when it has gone; one that stays gets SIGTERM
 * after INJECT_ABORT_TIME, and SIGKILL after as much again. Harmless when none runs. */
void inject_abort(struct inject *q);

#endif
