/* The limits: every bound that a client, a server or an operator can run into, with its default.
 * Those in the table LIMITS can be set in the control file `limits` (one `name value` a line) and are
 * looked up in rules.cdb (policy/limits.h); the others are fixed by an RFC or by a buffer. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define LIMIT_COMMAND_LINE 2048   /* bytes with CRLF; RFC 5321 4.5.3.1.4 asks for 512 and more with extensions */
#define LIMIT_RESPONSE_LINE 12288 /* bytes with CRLF of a line within AUTH; RFC 4954 4 */
#define LIMIT_ADDRESS 1003        /* bytes; qmail-queue(8) */
#define LIMIT_LOCAL_PART 256      /* bytes; RFC 5321 4.5.3.1.1 asks for 64 and more; VERP and SRS make longer ones */
#define LIMIT_DOMAIN 255          /* bytes; RFC 5321 4.5.3.1.2 */
#define LIMIT_REPLY_LINE 1024     /* bytes with CRLF that we read of a server; RFC 5321 4.5.3.1.5 says 512 */
#define LIMIT_REPLY_LINES 100     /* lines of one reply of a server */
#define LIMIT_RULE_LINE 65536     /* bytes of a line in the control directory */
#define LIMIT_TRACE 4096          /* bytes of a trace header */

/* X(C name, name in the file `limits`, default, least, most, unit) */
#define LIMITS(X) \
  X(SIZE,          "size",           52428800, 0, 4294967295U, "bytes of a message, 0: no limit") \
  X(RECIPIENTS,    "recipients",     1000, 1, 100000, "recipients of a message; RFC 5321 4.5.3.1.8 asks for 100") \
  X(TEXT_LINE,     "text-line",      998000, 998, 16777216, "bytes of a line of a message without CRLF") \
  X(HOPS,          "hops",           100, 5, 1000, "Received fields; RFC 5321 6.3") \
  X(ERRORS,        "errors",         20, 1, 1000, "refused commands and dropped transactions of a session") \
  X(AUTH_ERRORS,   "auth-errors",    3, 1, 100, "failed logins of a session") \
  X(AUTH_TIME,     "auth-time",      30, 1, 600, "seconds for the program that checks a login") \
  X(AUTH_FAILURES, "auth-failures",  30, 1, 65535, "failed logins from one address until no further one is checked") \
  X(AUTH_FORGET,   "auth-forget",    900, 1, 604800, "seconds until so many failed logins are forgotten") \
  X(COMMAND_TIME,  "command-time",   300, 1, 3600, "seconds for a command or a piece of data; RFC 5321 4.5.3.2.7") \
  X(SESSION_TIME,  "session-time",   7200, 1, 86400, "seconds for a whole session") \
  X(CONCURRENCY,   "concurrency",    100, 1, 10000, "relay-remote processes at once") \
  X(DESTINATION,   "destination",    20, 1, 1000, "relay-remote processes at once for one next hop") \
  X(QUEUE_TIME,    "queue-time",     432000, 60, 31536000, "seconds until an undelivered message bounces") \
  X(WARN_TIME,     "warn-time",      0, 0, 31536000, "seconds until the sender hears that a message waits, 0: never") \
  X(ASKED_YES,     "asked-yes",      3600, 0, 604800, "seconds that a next hop's yes to a recipient is believed") \
  X(ASKED_NO,      "asked-no",       600, 0, 604800, "seconds that a next hop's no to a recipient is believed")

enum limit {
#define X(c, name, def, least, most, unit) LIMIT_##c,
  LIMITS(X)
#undef X
  LIMIT_COUNT
};

#endif
