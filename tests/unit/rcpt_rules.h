/* Rules for sessions in memory with every kind of recipient. */
#ifndef TESTS_RCPT_RULES_H
#define TESTS_RCPT_RULES_H

#include "smtp_cases.h"

#define TO(address) "RCPT TO:<" address ">\r\n"
#define TARGETS "x@hosted.example\0y@else.example\0list@hosted.example"

/* As rules(), with asked and listed domains, aliases, and hosts to which anybody may send. */
static inline struct table_set *rcpt_rules(char const *limits)
{
  static struct { enum table which; char const *key; size_t len; char const *data; size_t data_len; } const all[] = {
    { TABLE_ME, "", 0, "relay.example", 13 },
    { TABLE_DOMAINS, "hosted.example", 14, "any", 3 },
    { TABLE_DOMAINS, "asked.example", 13, "asked", 5 },
    { TABLE_DOMAINS, "listed.example", 14, "listed", 6 },
    { TABLE_RECIPIENTS, "joe@listed.example", 18, "", 0 },
    { TABLE_ALIASES, "list@hosted.example", 19, TARGETS, sizeof TARGETS },
    { TABLE_ALIASES, "broken@hosted.example", 21, "x@hosted.example", 16 },
    { TABLE_ALIASES, "empty@hosted.example", 20, "", 0 },
    { TABLE_RELAY, "grant to-host/4", 15, "\x18", 1 },
    { TABLE_RELAY, "grant to-host _110000000000000000000010", 39, "", 0 },
    { TABLE_RELAY, "grant clients", 13, "", 0 },
    { TABLE_RELAY, "grant pop", 9, "300\0on=inner\0bound", 19 },
    { TABLE_SENDERS, "joe", 3, "@hosted.example", 16 },
  };
  int fd = memfd_create("rules", MFD_CLOEXEC);
  struct table_builder *b = table_build(fd);
  assert_non_null(b);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    assert_int_equal(table_add(b, all[i].which, all[i].key, all[i].len, (uint32_t)i + 1, all[i].data,
                               all[i].data_len), 0);
  if (limits) assert_int_equal(table_add(b, TABLE_LIMITS, "recipients", 10, 1, limits, strlen(limits)), 0);
  assert_int_equal(table_finish(b), 0);
  struct table_set *t = table_open_fd(fd);
  assert_non_null(t);
  close(fd);
  return t;
}

#endif
