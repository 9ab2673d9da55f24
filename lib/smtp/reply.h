/* What the server says: each reply a named constant with its code (RFC 5321 4.2) and enhanced code (RFC 2034, RFC 3463,
 * RFC 5248, RFC 7372). Texts are printable ASCII without CR, LF or NUL. */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stddef.h>

#define REPLY_LINE 512  /* bytes of a reply line with CRLF; RFC 5321 4.5.3.1.5 */

/* X(name, code, enhanced code or "", text). RFC 2034 3: no enhanced code with 220 of the greeting, with EHLO, HELO
 * and 354. */
#define REPLIES(X) \
  X(REPLY_TLS_READY,       220, "2.0.0", "ready for TLS") \
  X(REPLY_BYE,             221, "2.0.0", "closing the connection") \
  X(REPLY_LOGGED_IN,       235, "2.7.0", "logged in") \
  X(REPLY_OK,              250, "2.0.0", "ok") \
  X(REPLY_RESET,           250, "2.0.0", "forgotten") \
  X(REPLY_SENDER_OK,       250, "2.1.0", "sender ok") \
  X(REPLY_RECIPIENT_OK,    250, "2.1.5", "recipient ok") \
  X(REPLY_CHUNK_OK,        250, "2.0.0", "chunk taken") \
  X(REPLY_ACCEPTED,        250, "2.6.0", "accepted as") \
  X(REPLY_VRFY,            252, "2.5.2", "cannot verify; send mail and see") \
  X(REPLY_HELP,            214, "2.0.0", "HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT; RFC 5321") \
  X(REPLY_GO_AHEAD,        354, "",      "go ahead, end with <CRLF>.<CRLF>") \
  X(REPLY_TIMEOUT,         421, "4.4.2", "too slow, closing the connection") \
  X(REPLY_SESSION_TIME,    421, "4.4.2", "the session lasts too long, closing the connection") \
  X(REPLY_ERRORS,          421, "4.7.0", "too many errors, closing the connection") \
  X(REPLY_LOGINS,          421, "4.7.0", "too many failed logins, closing the connection") \
  X(REPLY_TABLES,          451, "4.3.5", "no rules can be read here, try again later") \
  X(REPLY_MAILBOX_UNKNOWN, 451, "4.4.1", "the recipient cannot be confirmed now, try again later") \
  X(REPLY_MX_UNKNOWN,      451, "4.4.3", "the recipient's domain cannot be looked up now, try again later") \
  X(REPLY_STAMP_UNKNOWN,   451, "4.3.0", "cannot tell now whether you have read your mail before, try again later") \
  X(REPLY_APPENDED,        451, "4.3.5", "no address comes of what is appended for you here, try again later") \
  X(REPLY_INJECTOR,        451, "4.3.0", "the message cannot be queued now, try again later") \
  X(REPLY_INJECTOR_TIME,   451, "4.4.5", "queueing takes too long, try again later") \
  X(REPLY_INJECTOR_FULL,   451, "4.3.1", "the queue is full, try again later") \
  X(REPLY_INJECTOR_HOP,    451, "4.4.1", "the next hop does not answer, try again later") \
  X(REPLY_RECIPIENTS,      452, "4.5.3", "too many recipients") \
  X(REPLY_MEMORY,          451, "4.3.0", "out of memory, try again later") \
  X(REPLY_TLS_GONE,        454, "4.7.0", "TLS is not available now, try again later") \
  X(REPLY_CHECKER,         454, "4.7.0", "logins cannot be checked now, try again later") \
  X(REPLY_LOGINS_PAUSED,   454, "4.7.0", "too many failed logins from your address, try again later") \
  X(REPLY_UNKNOWN,         500, "5.5.2", "command not recognized") \
  X(REPLY_BARE,            500, "5.5.2", "CR and LF must come as CRLF") \
  X(REPLY_NUL,             500, "5.5.2", "NUL in a command") \
  X(REPLY_LONG,            500, "5.5.6", "command line too long") \
  X(REPLY_TEXT_LONG,       500, "5.6.0", "line of the message too long") \
  X(REPLY_RESPONSE_LONG,   500, "5.5.6", "response too long") \
  X(REPLY_SYNTAX,          501, "5.5.4", "syntax error in the argument") \
  X(REPLY_NO_ARGUMENT,     501, "5.5.4", "this command takes no argument") \
  X(REPLY_ARGUMENT,        501, "5.5.4", "this command needs an argument") \
  X(REPLY_HELO_SYNTAX,     501, "5.5.4", "neither a domain nor an address literal") \
  X(REPLY_REPEATED,        501, "5.5.4", "parameter malformed or given twice") \
  X(REPLY_CANCELLED,       501, "5.7.0", "login cancelled") \
  X(REPLY_BASE64,          501, "5.5.2", "no base64, or not what the mechanism wants") \
  X(REPLY_SENDER_SYNTAX,   501, "5.1.7", "sender address: syntax error") \
  X(REPLY_RECIPIENT_SYNTAX, 501, "5.1.3", "recipient address: syntax error") \
  X(REPLY_NOT_HERE,        502, "5.5.1", "command not implemented") \
  X(REPLY_HELLO_FIRST,     503, "5.5.1", "say EHLO or HELO first") \
  X(REPLY_MAIL_FIRST,      503, "5.5.1", "give MAIL first") \
  X(REPLY_MAIL_TWICE,      503, "5.5.1", "MAIL was given already") \
  X(REPLY_RCPT_FIRST,      503, "5.5.1", "no recipient was accepted") \
  X(REPLY_IN_CHUNKS,       503, "5.5.1", "the message comes with BDAT, only BDAT or RSET may follow") \
  X(REPLY_LOGIN_TWICE,     503, "5.5.1", "logged in already") \
  X(REPLY_IN_TRANSACTION,  503, "5.5.1", "not within a transaction") \
  X(REPLY_TLS_TWICE,       503, "5.5.1", "TLS is on already") \
  X(REPLY_MECHANISM,       504, "5.5.4", "mechanism not supported") \
  X(REPLY_CREDENTIALS,     535, "5.7.8", "login failed") \
  X(REPLY_TLS_FIRST,       538, "5.7.11", "start TLS first") \
  X(REPLY_SENDER_LONG,     553, "5.1.7", "sender address too long") \
  X(REPLY_RECIPIENT_LONG,  553, "5.1.3", "recipient address too long") \
  X(REPLY_NEEDS_UTF8,      553, "5.6.7", "address is not ASCII, and SMTPUTF8 was not given") \
  X(REPLY_RELAYING,        550, "5.7.1", "relaying denied; if you have an account here, log in first, on port 587") \
  X(REPLY_LOGIN_FIRST,     530, "5.7.0", "log in first") \
  X(REPLY_TLS_LOGIN_FIRST, 530, "5.7.0", "start TLS and log in first") \
  X(REPLY_WRONG_SENDER,    553, "5.7.1", "your account may not send as this sender") \
  X(REPLY_WRONG_FROM,      550, "5.7.1", "your account may not send as the address in the field From") \
  X(REPLY_DENIED,          550, "5.7.1", "no mail goes to this address from here") \
  X(REPLY_NO_MAILBOX,      550, "5.1.1", "no such recipient here") \
  X(REPLY_REQUIRE_SENDER,  550, "5.7.1", "relaying denied: your sender address is none of this server's domains") \
  X(REPLY_REQUIRE_LOGIN,   550, "5.7.1", "relaying denied: log in first, on port 587") \
  X(REPLY_REQUIRE_TLS,     550, "5.7.1", "relaying denied without TLS") \
  X(REPLY_LITERAL,         550, "5.7.1", "no mail to address literals") \
  X(REPLY_NO_PRIVILEGE,    550, "5.7.1", "relaying denied: your account may not send beyond this server") \
  X(REPLY_REFUSED,         550, "5.7.1", "refused by the rules of this server") \
  X(REPLY_ONWARD,          553, "5.1.3", "no routing within the local part") \
  X(REPLY_TEXT_BARE,       550, "5.6.0", "bare CR or LF in the message; lines end with CRLF") \
  X(REPLY_TEXT_NUL,        550, "5.6.0", "NUL in the message") \
  X(REPLY_SIZE,            552, "5.3.4", "message too large") \
  X(REPLY_HOPS,            554, "5.4.6", "too many Received fields: a loop") \
  X(REPLY_QUEUE_ADDRESS,   553, "5.1.0", "an address is too long for the queue") \
  X(REPLY_QUEUE_REFUSED,   554, "5.3.0", "message refused") \
  X(REPLY_PARAMETER,       555, "5.5.4", "parameter not supported")

enum reply {
  REPLY_NONE = 0,  /* nothing to object */
#define X(name, code, enhanced, text) name,
  REPLIES(X)
#undef X
  REPLY_COUNT
};

unsigned reply_code(enum reply r);

#define REPLY_WORD 32   /* bytes of a reply's word */

/* Writes the reply's word for the log: its name's, such as `hello-first`. Returns the bytes; no NUL behind. */
size_t reply_word(char out[REPLY_WORD], enum reply r);

/* Writes the reply's line with its CRLF, the text followed by a space and `more` when that isn't null. `more` is
 * ours: printable ASCII; what goes beyond the line is cut. Returns the bytes. */
size_t reply_fmt(char out[REPLY_LINE], enum reply r, char const *more);

/* The same with a text of its own instead of the reply's (an injector's words, which may begin with an enhanced code of
 * the reply's class; the reply's own is put before it if not). Printable ASCII. */
size_t reply_fmt_own(char out[REPLY_LINE], enum reply r, char const *text);

#endif
