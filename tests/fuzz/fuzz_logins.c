/* The file `logins`: the input is its text. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fuzz_table.h"
#include "policy/logins.h"
#include "rules/compile.h"

static unsigned errors;

/* A complaint is `logins:LINE: why` in printable ASCII. */
static void complain(void *arg, int warning, char const *line)
{
  MUST(arg == &errors && !strncmp(line, "logins:", 7) && isdigit((unsigned char)line[7]));
  MUST(warning == (strstr(line, ": warning: ") != 0));
  for (char const *s = line; *s; s++) MUST(*s >= ' ' && *s < 0x7f);
  errors += !warning;
}

/* Its own key finds a login, or what is wider or narrower. */
static void check_login(struct table_set const *t, char const *key, size_t n)
{
  struct login l;
  struct route route = { .port = 25, .named = 1 };
  char sender[TABLE_KEY + 4] = "";
  MUST(n && n < TABLE_KEY && !memchr(key, 0, n));
  strcpy(route.host, "no.such.relay.test");
  if (n > 5 && !memcmp(key, "from:", 5) && memchr(key, '@', n)) {
    snprintf(sender, sizeof sender, "%s%.*s", key[5] == '@' ? "x" : "", (int)n - 5, key + 5);
    MUST(logins_find(t, &route, sender, &l) >= 0);
    return;
  }
  char const *colon = *key == '/' ? 0 : memrchr(key, ':', n);
  size_t len = n;
  if (colon && (*key != '[' || colon[-1] == ']')) {
    len = (size_t)(colon - key);
    route.port = (uint16_t)atoi(colon + 1);
  }
  int bracket = *key == '[';
  if (len >= sizeof route.host || *key == '.') return;
  memset(route.host, 0, sizeof route.host);
  memcpy(route.host, key + bracket, len - 2 * (size_t)bracket);
  route.local = *key == '/';
  MUST(logins_find(t, &route, "", &l) == 1 && *l.user && *l.password);
}

static void check_record(struct table_set const *t, enum table which, char const *key, size_t n, struct record const *r)
{
  MUST(which == TABLE_LOGINS && !strcmp(r->file, "logins") && r->line);
  check_login(t, key, n);
}

static void check_logins(int fd)
{
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  struct table_set *t = table_open_logins(path);
  MUST(t);
  fuzz_records(t, check_record);
  table_close(t);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  static char const routes[] = ":relay.example:587\na.example:192.0.2.1\nb.example:/run/lmtp\nc.example:[::2]:24\n";
  char *s = fuzz_copy(data, size);
  struct rules_text texts[] = {
    { "me", "x.example", 9 }, { "routes", routes, sizeof routes - 1 }, { "logins", s, size },
  };
  int fd = memfd_create("rules", 0);
  struct rules_private private = { -1, 0, memfd_create("logins", 0) };
  errors = 0;
  int r = rules_compile_all(texts, 3, 0, fd, &private, complain, &errors);
  MUST(r == (errors > 0));
  if (!r) check_logins(private.logins);
  close(fd);
  close(private.logins);
  free(s);
  return 0;
}
