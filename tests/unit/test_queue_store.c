/* lib/queue: what is written comes back; what is damaged, cut, unfinished or still being written does not. */
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include "queue_file.h"
#include "queue/trailer.h"

#define TWO "Fa@b\0Tc@d\0Te@f\0"
#define LEN(s) (sizeof s - 1)

static void names(void **state)
{
  char a[STORE_ID + 1], b[STORE_ID + 1];
  store_id(a);
  for (unsigned i = 0; i < 10000; i++) {
    store_id(b);
    assert_true(store_id_valid(b, strlen(b)));
    assert_true(memcmp(a, b, 14) < 0); /* in the order of their making */
    memcpy(a, b, sizeof a);
  }
  struct { char const *id; int valid; } const cases[] = {
    { "0000000000000000000000", 1 }, { "ffffffffffffffffffff3f", 1 }, { "ffffffffffffffffffff40", 0 },
    { "FFFFFFFFFFFFFFFFFFFF00", 0 }, { "000000000000000000000", 0 }, { "00000000000000000000000", 0 }, { "", 0 },
    { "../../../etc/passwd000", 0 }, { "00000000000000000000/0", 0 }, { "0000000000 00000000000", 0 },
  }, *c;
  EACH_CASE(c, cases) CHECK(store_id_valid(c->id, strlen(c->id)) == c->valid, "%s", c->id);
}

static void round_trip(void **state)
{
  static size_t const sizes[] = { 0, 1, 63, 64, 4095, 4096, 65535, 65536, 65537, 131072, 1000003 };
  struct store_message m;
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char *body = malloc(sizes[i] + 1);
    for (size_t k = 0; k < sizes[i]; k++) body[k] = (char)(k % 251 + 1);
    message(body, sizes[i], TWO, LEN(TWO));
    for (int verify = 0; verify < 2; verify++) {
      assert_int_equal(store_open(&m, last, verify), STORE_WHOLE);
      assert_int_equal(m.body, sizes[i]);
      assert_int_equal(m.flags, STORE_FLAG_8BIT);
      assert_in_range(time(0) - m.arrival, 0, 60);
      assert_string_equal(store_sender(&m), "a@b");
      size_t len;
      char *file = slurp(last, &len);
      assert_int_equal(len, sizes[i] + LEN(TWO) + STORE_TRAILER);
      assert_memory_equal(file, body, sizes[i]);
      free(file);
      store_close(&m);
    }
    free(body);
  }
}

static void recipients(void **state)
{
  struct store_message m;
  size_t pos = 0, at[3];
  int done;
  message("x\n", 2, "F\0Tone@x\0Ttwo@x\0Tthree@x\0", 25);
  assert_int_equal(store_open(&m, last, 1), STORE_WHOLE);
  assert_string_equal(store_sender(&m), "");
  assert_string_equal(store_recipient(&m, &pos, &done, at), "one@x");
  assert_string_equal(store_recipient(&m, &pos, &done, at + 1), "two@x");
  assert_string_equal(store_recipient(&m, &pos, &done, at + 2), "three@x");
  assert_null(store_recipient(&m, &pos, &done, at));
  assert_int_equal(write(m.fd, "x", 1), -1); /* who is handed this descriptor can't change the message */
  assert_int_equal(store_mark(&m, at[1]), 0);
  assert_int_equal(store_sync(&m), 0);
  store_close(&m);
  assert_int_equal(store_open(&m, last, 1), STORE_WHOLE); /* a mark does not change the digest */
  pos = 0;
  for (unsigned i = 0; i < 3; i++) {
    size_t where;
    char const *address = store_recipient(&m, &pos, &done, &where);
    assert_ptr_equal(address, m.envelope + where + 1);
    assert_int_equal(done, i == 1);
  }
  store_close(&m);
  message("", 0, "Fa@b\0", 5); /* nobody: whole, and done at once */
  pos = 0;
  assert_int_equal(store_open(&m, last, 1), STORE_WHOLE);
  assert_null(store_recipient(&m, &pos, &done, at));
  store_close(&m);
  assert_int_equal(store_remove(last), 0);
  assert_int_equal(store_open(&m, last, 0), STORE_GONE);
}

static void long_envelope(void **state)
{
  struct store_writer *w = begin();
  struct store_message m;
  char entry[64];
  size_t pos = 0, at;
  int done;
  assert_int_equal(store_envelope(w, "Fa@b\0", 5), 0);
  for (unsigned i = 0; i < 5000; i++) {
    size_t len = (size_t)sprintf(entry, "Tuser%u@example.com", i);
    assert_int_equal(store_envelope(w, entry, len + 1), 0);
  }
  assert_int_equal(store_commit(w, 0), 0);
  store_release(w);
  assert_int_equal(store_open(&m, last, 1), STORE_WHOLE);
  for (unsigned i = 0; i < 5000; i++) {
    sprintf(entry, "user%u@example.com", i);
    assert_string_equal(store_recipient(&m, &pos, &done, &at), entry);
  }
  assert_null(store_recipient(&m, &pos, &done, &at));
  store_close(&m);
}

/* Every bit of a small file: found by the digest, or harmless since it is the mark of a recipient. */
static void damage(void **state)
{
  struct store_message m;
  size_t len;
  message("Subject: x\n\nbody\n", 17, TWO, LEN(TWO));
  char *file = slurp(last, &len);
  for (size_t i = 0; i < len; i++)
    for (unsigned bit = 0; bit < 8; bit++) {
      file[i] = (char)(file[i] ^ 1 << bit);
      spill(last, file, len);
      enum store_state r = store_open(&m, last, 1);
      int mark = strchr("DSW", file[i]) && file[i] && (i == 17 + 5 || i == 17 + 10);
      CHECK(mark ? r == STORE_WHOLE : r == STORE_DAMAGED || r == STORE_UNFINISHED, "byte %zu bit %u: %d", i, bit, r);
      store_close(&m);
      file[i] = (char)(file[i] ^ 1 << bit);
    }
  spill(last, file, len);
  assert_int_equal(store_open(&m, last, 1), STORE_WHOLE);
  store_close(&m);
  free(file);
}

/* A file cut at any length, or with anything behind it, is not whole. */
static void cut(void **state)
{
  struct store_message m;
  size_t len;
  message("Subject: x\n\nbody\n", 17, TWO, LEN(TWO));
  char *file = slurp(last, &len);
  for (size_t i = 0; i < len; i++) {
    spill(last, file, i);
    for (int verify = 0; verify < 2; verify++) CHECK(store_open(&m, last, verify) == STORE_UNFINISHED, "%zu bytes", i);
  }
  file[len] = 'x';
  spill(last, file, len + 1);
  assert_int_equal(store_open(&m, last, 0), STORE_UNFINISHED);
  free(file);
}

/* A stranger's body that imitates a whole file must never make a whole file of its beginning: not as a body, which
 * may hold no NUL, and not as an address, before which a T stands. */
static void imitation(void **state)
{
  struct store_message m;
  size_t len;
  message("forged\n", 7, TWO, LEN(TWO));
  char *forged = slurp(last, &len);
  struct store_writer *w = begin();
  assert_int_equal(store_body(w, forged, len), -1);
  assert_int_equal(errno, EILSEQ);
  store_abandon(w);
  for (char *p = forged; p < forged + len; p++)
    if (!*p) *p = ' ';
  message(forged, len, TWO, LEN(TWO));
  char *file = slurp(last, &len);
  for (size_t i = 0; i < len; i++) {
    spill(last, file, i);
    enum store_state r = store_open(&m, last, 1);
    CHECK(r == STORE_UNFINISHED || r == STORE_DAMAGED, "%zu bytes: %d", i, r);
    r = store_open(&m, last, 0);
    CHECK(r == STORE_UNFINISHED || r == STORE_DAMAGED, "%zu bytes: %d", i, r);
  }
  free(file);
  free(forged);
}

/* The same within an address: the trailer is right for all before it, but what is before it ends with a T. */
static void imitation_in_address(void **state)
{
  char file[256], line[STORE_TRAILER];
  struct store_message m;
  blake2s_ctx state_;
  memcpy(file, TWO "T", LEN(TWO) + 1);
  size_t envelope = LEN(TWO) + 1;
  blake2s_init(&state_, TRAILER_DIGEST);
  blake2s_update(&state_, file, envelope);
  struct trailer t = { .version = TRAILER_VERSION, .envelope = envelope, .arrival = 1 };
  trailer_fmt(line, &t, &state_);
  memcpy(file + envelope, line, sizeof line);
  store_id(last);
  spill(last, file, envelope + sizeof line);
  assert_int_equal(store_open(&m, last, 0), STORE_DAMAGED);
  assert_int_equal(store_open(&m, last, 1), STORE_DAMAGED);
}

static void bad_envelopes(void **state)
{
  struct { char const *s; size_t len; int ok, old; } const cases[] = {
    { "F\0", 2, 1, 1 }, { "Fa\0Tb\0", 6, 1, 1 }, { "Fa\0Db\0Tc\0", 9, 1, 1 }, { "F\0T\0", 4, 1, 1 },
    { "Fa\0Pp\0Tb\0", 9, 1, 0 }, { "Fa\0Tb\0Pp\0", 9, 1, 0 }, { "Fa\0Pp\0", 6, 1, 0 }, { "Fa\0P\0", 5, 1, 0 },
    { "Fa\0Wb\0Pp\0Sc\0", 12, 1, 0 }, { "Fa\0Wb\0", 6, 1, 1 }, { "Fa\0Sb\0", 6, 1, 1 },
    { "Fa\0Pp\0Pq\0", 9, 0, 0 }, { "Fa\0Tb\0Pp\0Pq\0", 12, 0, 0 }, { "Pp\0Fa\0", 6, 0, 0 },
    { "", 0, 0, 0 }, { "F", 1, 0, 0 }, { "\0", 1, 0, 0 }, { "Ta\0", 3, 0, 0 }, { "Fa\0Xb\0", 6, 0, 0 },
    { "Fa\0Tb", 5, 0, 0 }, { "Fa\0\0", 4, 0, 0 }, { "Fa\0Fb\0", 6, 0, 0 },
  }, *c;
  EACH_CASE(c, cases) {
    CHECK(trailer_envelope(c->s, c->len, TRAILER_VERSION) == c->ok, "case %zu", i_);
    CHECK(trailer_envelope(c->s, c->len, 1) == c->old, "case %zu, format 1", i_);
  }
}

/* Another process holds it, as an injector does. */
static void busy(void **state)
{
  int ready[2], go[2], status;
  struct store_message m;
  char c = 0;
  store_id(last);
  assert_int_equal(pipe(ready) | pipe(go), 0);
  pid_t pid = fork();
  if (!pid) {
    struct store_writer *w = store_create(last);
    if (!w || store_body(w, "x\n", 2) || store_envelope(w, TWO, LEN(TWO))) _exit(1);
    int bad = write(ready[1], "", 1) != 1 || read(go[0], &c, 1) != 1 || store_commit(w, 0);
    _exit(bad);
  }
  assert_int_equal(read(ready[0], &c, 1), 1);
  assert_int_equal(store_open(&m, last, 1), STORE_BUSY);
  assert_int_equal(store_sweep(last, time(0) + 10 * STORE_STALE), 0);
  assert_int_equal(write(go[1], "", 1), 1);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  assert_int_equal(store_open(&m, last, 1), STORE_WHOLE);
  store_close(&m);
}

static void sweep(void **state)
{
  struct store_message m;
  store_id(last);
  spill(last, "Subject: half\n", 14);
  assert_int_equal(store_open(&m, last, 0), STORE_UNFINISHED);
  assert_int_equal(store_sweep(last, time(0) + STORE_STALE - 60), 0);
  assert_int_equal(store_open(&m, last, 0), STORE_UNFINISHED);
  assert_int_equal(store_sweep(last, time(0) + STORE_STALE + 60), 1);
  assert_int_equal(store_open(&m, last, 0), STORE_GONE);
  assert_int_equal(store_sweep(last, time(0)), 0);
  spill(last, "x\nFa@b\0Tc@d\0", 12); /* an envelope was begun: kept, and said so */
  assert_int_equal(store_sweep(last, time(0) + STORE_STALE + 60), -1);
  assert_int_equal(errno, EBADMSG);
  spill(last, "", 0);
  assert_int_equal(store_sweep(last, time(0) + STORE_STALE + 60), 1);
}

static void no_file(void **state)
{
  struct store_message m;
  char path[STORE_PATH];
  store_id(last);
  store_path(path, last);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_int_equal(store_open(&m, last, 0), STORE_DAMAGED);
  assert_null(store_create(last));
  assert_int_equal(errno, EEXIST);
  rmdir(path);
  assert_int_equal(symlink("/etc/passwd", path), 0);
  assert_int_equal(store_open(&m, last, 0), STORE_DAMAGED);
  assert_null(store_create(last));
  unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_int_equal(store_open(&m, last, 0), STORE_DAMAGED);
}

/* No room for the last bytes: refused, and nothing stays. */
static void no_room(void **state)
{
  struct rlimit old, small = { .rlim_cur = 100000 };
  char body[70000];
  memset(body, 'x', sizeof body);
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &old);
  small.rlim_max = old.rlim_max;
  setrlimit(RLIMIT_FSIZE, &small);
  struct store_writer *w = begin();
  assert_int_equal(store_body(w, body, sizeof body), 0);
  assert_int_equal(store_body(w, body, 30000 - LEN(TWO)), 0);
  assert_int_equal(store_envelope(w, TWO, LEN(TWO)), 0);
  int r = store_commit(w, 0), e = errno;
  setrlimit(RLIMIT_FSIZE, &old);
  struct store_message m;
  assert_int_equal(r, -1);
  assert_int_equal(e, EFBIG);
  assert_int_equal(store_open(&m, last, 0), STORE_GONE);
}

static void envelope_limit(void **state)
{
  struct store_writer *w = begin();
  static char piece[1 << 20];
  memset(piece, 'T', sizeof piece);
  for (size_t n = 0; n < STORE_ENVELOPE; n += sizeof piece) assert_int_equal(store_envelope(w, piece, sizeof piece), 0);
  assert_int_equal(store_envelope(w, "T", 1), -1);
  assert_int_equal(errno, EFBIG);
  store_abandon(w);
  struct store_message m;
  assert_int_equal(store_open(&m, last, 0), STORE_GONE);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(names), cmocka_unit_test(round_trip), cmocka_unit_test(recipients),
    cmocka_unit_test(long_envelope), cmocka_unit_test(damage), cmocka_unit_test(cut), cmocka_unit_test(imitation),
    cmocka_unit_test(imitation_in_address), cmocka_unit_test(bad_envelopes), cmocka_unit_test(busy),
    cmocka_unit_test(sweep), cmocka_unit_test(no_file),
    cmocka_unit_test(no_room), cmocka_unit_test(envelope_limit),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
