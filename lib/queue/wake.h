/* Telling relay-send of a new message, through the queue's FIFO. */
#ifndef QUEUE_WAKE_H
#define QUEUE_WAKE_H

#define WAKE_PATIENCE 1000 /* milliseconds that we wait for room in the FIFO */

/* Writes `ID\n` to the trigger of the queue in the working directory. A relay-send that does not run, a FIFO that
 * stays full or a missing one are no errors: relay-send finds the message by its scan. Keeps errno. */
void wake(char const *id);

#endif
