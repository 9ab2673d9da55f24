/* Any bytes as a message file: opened without a crash, and what is called whole is in order. And any bytes as a
 * message: what is written comes back, and no beginning of the file is whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../unit/queue_dir.h"
#include "queue/envelope.h"
#include "queue/store.h"

static char const id[] = "0660d9bc60154600471c00";

static void must(int condition)
{
  if (!condition) abort();
}

static void look(int verify)
{
  struct store_message m;
  size_t pos = 0, at, used = 0;
  int done;
  char const *s;
  if (store_open(&m, id, verify) != STORE_WHOLE) return;
  used = strlen(store_sender(&m)) + 2;
  if (m.envelope[used] == 'P') used += strlen(m.envelope + used) + 1;
  while ((s = store_recipient(&m, &pos, &done, &at))) {
    must(s == m.envelope + at + 1 && (*m.envelope == 'F'));
    used += strlen(s) + 2;
    if (m.envelope[used] == 'P') must(store_params(&m, at) == m.envelope + used + 1);
    else must(!*store_params(&m, at));
    if (m.envelope[used] == 'P') used += strlen(m.envelope + used) + 1;
  }
  must(used == m.envelope_len);
  store_close(&m);
}

static void file(uint8_t const *data, size_t len)
{
  char path[STORE_PATH];
  store_path(path, id);
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  must(fd >= 0 && write(fd, data, len) == (ssize_t)len);
  look(0);
  look(1);
  close(fd);
  store_remove(id);
}

/* The first byte says how long the body is, the rest is the envelope. */
static void message(uint8_t const *data, size_t len)
{
  struct envelope e = ENVELOPE_ZERO;
  struct store_message m;
  char path[STORE_PATH];
  if (len < 2) return;
  size_t body = data[0] < len ? data[0] : len - 1;
  data++;
  len -= body + 1;
  size_t envelope = envelope_feed(&e, (char const *)data + body, len);
  struct store_writer *w = store_create(id);
  must(w != 0);
  if (store_body(w, (char const *)data, body) < 0 || e.state != ENVELOPE_END) {
    must(e.state != ENVELOPE_END || memchr(data, 0, body));
    store_abandon(w);
    return;
  }
  must(!store_envelope(w, (char const *)data + body, envelope) && !store_commit(w, 3));
  store_release(w);
  must(store_open(&m, id, 1) == STORE_WHOLE);
  must(m.body == body && m.envelope_len == envelope && !memcmp(m.envelope, data + body, envelope) && m.flags == 3);
  store_close(&m);
  store_path(path, id);
  for (size_t cut = body + envelope + STORE_TRAILER - 1; cut > body; cut -= 1 + cut / 16) {
    must(!truncate(path, (off_t)cut));
    must(store_open(&m, id, 1) != STORE_WHOLE);
  }
  store_remove(id);
}

static void clean(void)
{
  queue_dir_remove();
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  static int home = -1, queue;
  if (home < 0) {
    setenv("TMPDIR", "/dev/shm", 0);
    home = open(".", O_RDONLY | O_DIRECTORY);
    must(home >= 0 && !queue_dir_make());
    queue = open(".", O_RDONLY | O_DIRECTORY);
    must(queue >= 0);
    atexit(clean);
  }
  must(!fchdir(queue));
  file(data, len);
  message(data, len);
  must(!fchdir(home)); /* the fuzzer's own paths may be relative */
  return 0;
}
