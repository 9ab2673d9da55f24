/* What servers say when they refuse, and what relay-probe makes of it: the texts of widespread ones, word by word. */
#include <stdlib.h>
#include "unit.h"
#include "probe/judge.h"
#include "probe/meaning.h"
#include "smtp/client_reply.h"

/* As relay-probe has it when no option was given. */
static char const *const ours[] = { "relay-probe-k3k3", "relay-probe", "example.net", "relay-probe@example.org",
  "probe.example", 0 };
static struct probe_form const plain = { .name = "plain", .mail = "<$f>", .rcpt = "<$u@$t>" };

static enum probe_judgement judged(char const *text, int known, char const *const *said)
{
  char enhanced[16] = "";
  struct probe_answer a = { .stage = PROBE_RCPT, .code = atoi(text), .enhanced = enhanced, .text = text, .ours = said };
  sscanf(text, "%*d %15[0-9.]", enhanced);
  return probe_judge(&plain, &a, PROBE_NOT_KNOWN, known).what;
}

/* Refusals of relaying: the server is closed, whoever asks. */
static void closed(void **state)
{
  static char const *const texts[] = {
    /* Postfix */ "554 5.7.1 <relay-probe@example.net>: Relay access denied",
    "454 4.7.1 <relay-probe@example.net>: Relay access denied",
    /* Exim */ "550 relay not permitted", "550 relay not permitted, authentication required",
    "550-Please turn on SMTP Authentication in your mail client, or login to the IMAP/POP3 server before sending your "
      "message. 550 [192.0.2.9] (probe.example) is not permitted to relay through this server without authentication.",
    /* qmail */ "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    "553 sorry, that domain isn't in my list of allowed rcpthosts; no valid cert for gatewaying (#5.7.1)",
    /* Sendmail */ "550 5.7.1 <relay-probe@example.net>... Relaying denied",
    "550 5.7.1 <relay-probe@example.net>... Relaying denied. Proper authentication required.",
    "550 5.7.1 <relay-probe@example.net>... Relaying denied. IP name lookup failed [192.0.2.9]",
    "551 <relay-probe@example.net> we do not relay",
    /* Exchange, IIS */ "550 5.7.1 Unable to relay", "550 5.7.1 Unable to relay for relay-probe@example.net",
    "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "550 5.7.54 no",
    "550 5.7.64 TenantAttribution; Relay Access Denied", "530 5.7.1 Client was not authenticated",
    /* Courier */ "513 Relaying denied.",
    /* MailEnable */ "503 This mail server requires authentication when attempting to send to a non-local e-mail "
      "address. Please check your mail client settings or contact your administrator to verify that the domain or "
      "address is defined for this server.",
    /* hMailServer */ "550 Delivery is not allowed to this address.", "530 SMTP authentication is required.",
    /* Zoho */ "553 Relaying disallowed as relay-probe@example.org",
    /* Domino */ "554 Relay rejected for policy reasons.",
    /* Kerio */ "550 5.7.1 Relaying to <relay-probe@example.net> denied (authentication required)",
    /* MDaemon */ "550 5.7.1 Sorry, <relay-probe@example.net> is not accepted here; we do not relay",
    /* CommuniGate */ "571 relay-probe@example.net prohibited. We do not relay",
    /* Stalwart, chasquid */ "550 5.1.2 Relay not allowed.", "503 5.7.1 Relay not allowed",
    /* SmarterMail */ "550 No such domain at this location (relay-probe@example.net)",
    /* older ones */ "550 not local host example.net, not a gateway", "550 that is no relay!", "571 no relaying!",
    /* ours */ "550 5.7.1 relaying denied; if you have an account here, log in first, on port 587",
    "530 5.7.0 log in first", "550 5.7.1 relaying denied: your account may not send beyond this server",
    "550 5.7.1 relaying denied: your sender address is none of this server's domains",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    enum probe_judgement want = *texts[i] == '4' ? PROBE_UNCLEAR : PROBE_REFUSED;
    CHECK(judged(texts[i], 0, ours) == want, "%s", texts[i]);
    CHECK(judged(texts[i], 1, ours) == want, "known: %s", texts[i]);
  }
}

/* Refusals of something else, or of who knows what: another stranger may be told otherwise. */
static void could_be_open(void **state)
{
  static char const *const texts[] = {
    /* us */
    "554 5.7.1 Service unavailable; Client host blocked", "554 5.7.1 Service unavailable; Client host [192.0.2.9] "
      "blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.9",
    "554 5.7.1 Client host [192.0.2.9] refused: see our relay policy",
    "550 5.7.606 Access denied, banned sending IP [192.0.2.9]. To request removal from this list please visit "
      "https://sender.office.com/ and follow the directions.",
    "550 5.7.1 Client does not have permissions to submit", "550 5.7.60 SMTP; Client does not have permissions to send",
    "554 5.7.1 Your IP is not allowed, see http://x.example/login",
    "554 Your IP is not allowed, please login to unlist",
    "554 5.7.1 no, see http://host/relay", "550 rate limit exceeded", "550 5.7.1 Rate limit: no more relaying for you",
    "550 Your address is listed by a list of open relays", "550 5.7.1 you are an open relay",
    "550 Mail from 192.0.2.9 refused by blackhole site relays.example", "550 5.7.1 Fix reverse DNS for 192.0.2.9",
    "554 5.7.1 You are not allowed to connect", "550 5.7.1 Too many connections from your relay",
    "554 5.7.1 <probe.example>: Helo command rejected: no relay", "550 Permission denied",
    /* TLS */
    "530 5.7.0 Must issue a STARTTLS command first", "550 5.7.1 relaying denied without TLS",
    "550 5.7.11 no", "554 5.7.1 Encryption required for relaying",
    /* the sender */
    "550 5.7.1 <relay-probe@example.org>: Sender address rejected: Access denied",
    "550 5.7.1 message failed authentication checks", "550 5.7.23 SPF validation failed",
    "550-Verification failed for <relay-probe@example.org> 550-no MX 550 Sender verify failed",
    /* nobody knows what */
    "550 Administrative prohibition", "550 5.7.1 no", "550 no", "554 5.7.0 no", "554 5.7.1 Transaction failed",
    "550 5.7.1 <relay-probe@example.net>: Recipient address rejected: Access denied", "571 no", "553 no",
    "501 5.1.3 no",
    "550 #5.1.0 Address rejected.", "550 5.7.1 no mail goes to this address from here",
    "550 5.7.1 refused by the rules of this server", "550 gateway says no", "550 the relayer-in-chief says no",
    "550 smtp-relay-7 says no", "550 relay-access says no",
    /* the target's domain */
    "550 5.1.2 <relay-probe@example.net>: Domain not found", "556 5.1.10 does not accept mail (nullMX)",
    "550 Unrouteable address",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    CHECK(judged(texts[i], 0, ours) == PROBE_UNCLEAR, "%s", texts[i]);
    CHECK(judged(texts[i], 1, ours) == PROBE_UNCLEAR, "known: %s", texts[i]);
  }
}

/* Who doesn't know an address that exists leads nothing on. One that doesn't exist the next server may have refused. */
static void nobody(void **state)
{
  static char const *const texts[] = {
    "550 5.1.1 User relay-probe unknown", "550 No such user 'relay-probe'", "550 5.1.1 no such recipient here",
    "550 5.1.1 <relay-probe@example.net>: Recipient address rejected: User unknown in relay recipient table",
    /* OpenSMTPD says so of recipients outside and of mailboxes that aren't there */
    "550 Invalid recipient", "550 Invalid recipient: <relay-probe@example.net>",
    /* Haraka */ "550 I cannot deliver mail for <relay-probe@example.net>",
    "550-5.1.1 The email account that you tried to reach does not exist.",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    CHECK(judged(texts[i], 0, ours) == PROBE_UNCLEAR, "%s", texts[i]);
    CHECK(judged(texts[i], 1, ours) == PROBE_REFUSED, "known: %s", texts[i]);
  }
}

/* Our own words in an answer are echoes, however they stand there. */
static void echoes(void **state)
{
  static char const *const mine[] = { "nobody-here", "relay", "login.example", "\"open relay\"@spf.example", 0 };
  static char const *const sender[] = { "login@outside.example", 0 };
  static struct { char const *text; char const *const *said; int want; } const cases[] = {
    { "550 User relay-probe: no", ours, PROBE_UNCLEAR }, { "550 Verification failed for relay-probe: no MX", ours,
      PROBE_UNCLEAR },
    { "550 (relay-probe) no", ours, PROBE_UNCLEAR }, { "550 Relay-Probe-K3K3 no", ours, PROBE_UNCLEAR },
    { "550 relay-probe, no", 0, PROBE_UNCLEAR }, { "550 relay: no", mine, PROBE_UNCLEAR },
    { "550 'relay' no", mine, PROBE_UNCLEAR }, { "550 \"open relay\": relaying denied", mine, PROBE_REFUSED },
    { "550 login: no", sender, PROBE_UNCLEAR }, { "550 login: no", ours, PROBE_REFUSED },
    { "550 Relay denied: relay", ours, PROBE_REFUSED }, { "550 relaying denied for relay-probe", ours, PROBE_REFUSED },
    { "550 relay: relaying denied", mine, PROBE_REFUSED }, { "550 RELAYING", ours, PROBE_REFUSED },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK((int)judged(cases[i].text, 0, cases[i].said) == cases[i].want, "%s", cases[i].text);
  }
}

/* A reply that was cut may end within an echo: its last word is none. */
static void cut(void **state)
{
  char text[CLIENT_REPLY_TEXT];
  memset(text, 'x', sizeof text);
  memcpy(text, "550 ", 4);
  memcpy(text + sizeof text - 7, " relay", 7);
  assert_int_equal(judged(text, 0, ours), PROBE_UNCLEAR);
  memcpy(text + sizeof text - 9, " relay x", 9);
  assert_int_equal(judged(text, 0, ours), PROBE_REFUSED);
  memset(text + 4, 'x', sizeof text - 5);
  assert_int_equal(judged(text, 0, ours), PROBE_UNCLEAR);
}

static void says(void **state)
{
  assert_true(probe_says("501 Too  many, errors", 0, " too many "));
  assert_false(probe_says("501 <too many@a.example>", ours, " too many "));
  assert_false(probe_says("", ours, " too"));
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(closed), cmocka_unit_test(could_be_open), cmocka_unit_test(nobody), cmocka_unit_test(echoes),
    cmocka_unit_test(cut), cmocka_unit_test(says),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
