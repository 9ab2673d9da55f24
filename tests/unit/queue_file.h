/* Message files in a queue of a test's own (queue_dir.h). */
#ifndef TESTS_QUEUE_FILE_H
#define TESTS_QUEUE_FILE_H

#include "queue_dir.h"
#include "queue/store.h"
#include "unit.h"

static char last[STORE_ID + 1];

static int setup(void **state)
{
  return queue_dir_make();
}

static int teardown(void **state)
{
  return queue_dir_remove();
}

static struct store_writer *begin(void)
{
  store_id(last);
  struct store_writer *w = store_create(last);
  assert_non_null(w);
  assert_string_equal(store_writer_id(w), last);
  return w;
}

/* Queues a message; its ID is in `last`. The envelope comes in pieces of so many bytes. */
static void message_by(char const *body, size_t len, char const *envelope, size_t envelope_len, size_t piece)
{
  struct store_writer *w = begin();
  assert_int_equal(store_body(w, body, len), 0);
  for (size_t i = 0; i < envelope_len; i += piece)
    assert_int_equal(store_envelope(w, envelope + i, envelope_len - i < piece ? envelope_len - i : piece), 0);
  assert_int_equal(store_commit(w, STORE_FLAG_8BIT), 0);
  store_release(w);
}

static inline void message(char const *body, size_t len, char const *envelope, size_t envelope_len)
{
  message_by(body, len, envelope, envelope_len, envelope_len);
}

/* The file, malloc'ed. */
static char *slurp(char const *id, size_t *len)
{
  char path[STORE_PATH];
  struct stat st;
  store_path(path, id);
  int fd = open(path, O_RDONLY);
  assert_true(fd >= 0 && !fstat(fd, &st));
  *len = (size_t)st.st_size;
  char *s = malloc(*len + 1);
  assert_int_equal(read(fd, s, *len), *len);
  close(fd);
  return s;
}

static void spill(char const *id, char const *s, size_t len)
{
  char path[STORE_PATH];
  store_path(path, id);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, s, len), len);
  close(fd);
}

#endif
