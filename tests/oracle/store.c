/* What lib/queue makes of a message file; tests/e2e/lib/powercut.py asks it through a pipe. The working directory is a
 * queue. A question is an ID and LF, the answer one line:
 *   whole BODY, then letter and address of each recipient (those of the questions hold no blanks) | unfinished | gone |
 *   error | damaged | busy */
#include <stdio.h>
#include <string.h>
#include "queue/store.h"

static char const *const words[] = { "whole", "unfinished", "gone", "error", "damaged", "busy" };

int main(void)
{
  char line[STORE_ID + 3];
  while (fgets(line, sizeof line, stdin)) {
    struct store_message m;
    line[strcspn(line, "\n")] = 0;
    if (!store_id_valid(line, strlen(line))) return 100;
    enum store_state state = store_open(&m, line, 1);
    fputs(words[state], stdout);
    if (state == STORE_WHOLE) {
      size_t pos = 0, at;
      int done;
      char const *address;
      printf(" %llu", (unsigned long long)m.body);
      while ((address = store_recipient(&m, &pos, &done, &at))) printf(" %c%s", m.envelope[at], address);
      store_close(&m);
    }
    putchar('\n');
    if (fflush(stdout)) return 111;
  }
  return 0;
}
