/* relay-remote: delivers mail to one next hop over SMTP, as qmail-remote(8) or for relay-send. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include "base/io.h"
#include "parse/number.h"
#include "policy/route.h"
#include "queue/sheet.h"
#include "remote/jobs.h"
#include "remote/remote.h"
#include "slots/slots.h"
#include "table/damage.h"
#include "table/table.h"

#define USAGE "relay-remote [-a] [-r RULES] [-l LOGINS] [-m DIR] [-t SECONDS] HOST SENDER RECIP... | " \
  "relay-remote [-e] [-r RULES] [-l LOGINS] [-m DIR] [-t SECONDS] [-i SECONDS] -s ROUTE"
#define ARGUMENTS 3 /* at least: host, sender, recipient */
#define IDLE 10 /* seconds without a job until the connection is given up */

struct options {
  char const *rules;   /* path of rules.cdb */
  char const *logins;  /* -l: path of logins.cdb; null: beside rules.cdb */
  char const *policies; /* -m: MTA-STS's cache; null: the usual one */
  char const *route;   /* -s */
  unsigned idle;       /* -i */
  unsigned patience;   /* -t; 0: not given */
  unsigned all : 1;    /* -a */
  unsigned more : 1;   /* -e */
};

/* A number of seconds. Returns 1, or 0. */
static int seconds(unsigned *to, char const *s)
{
  uint64_t n;
  if (number_scan(s, strlen(s), 86400, &n) != NUMBER_OK || !n) return 0;
  *to = (unsigned)n;
  return 1;
}

/* One option at argv[1]: a word of its own, and perhaps the one behind it. Returns how many words it has; 0: there are
 * no more; -1: it is wrong. */
static int take_option(int argc, char const *const *argv, struct options *o)
{
  subgetopt l = SUBGETOPT_ZERO;
  if (*argv[1] != '-' || !argv[1][1] || !strcmp(argv[1], "--")) return 0;
  if (argv[1][2]) return -1;
  switch (subgetopt_r(argc, argv, "aer:l:m:s:i:t:", &l)) {
    case 'a': o->all = 1; break;
    case 'e': o->more = 1; break;
    case 'r': o->rules = l.arg; break;
    case 'l': o->logins = l.arg; break;
    case 'm': o->policies = l.arg; break;
    case 's': o->route = l.arg; break;
    case 'i': if (seconds(&o->idle, l.arg)) break; return -1;
    case 't': if (seconds(&o->patience, l.arg)) break; return -1;
    default: return -1;
  }
  return l.arg ? 2 : 1;
}

/* qmail-rspawn takes us for qmail-remote, and gives a host, a sender and a recipient, any of which may begin with a
 * hyphen: three words behind which they would not be left are no options. Returns the index of the first argument, or 0
 * when options are wrong. */
static int scan_options(int argc, char const *const *argv, struct options *o)
{
  char const *rules = getenv("RELAYRULES"), *policies = getenv("RELAYMTASTS");
  struct options const none = {
    .rules = rules && *rules ? rules : CONTROL_DIR "/rules.cdb", .idle = IDLE,
    .policies = policies && *policies ? policies : 0,
  };
  int first = 1, n = 0;
  *o = none;
  while (first < argc && (n = take_option(argc - first + 1, argv + first - 1, o)) > 0) first += n;
  int wrong = first < argc && n < 0;
  if (o->route && first == argc) return first;
  if (first < argc && !strcmp(argv[first], "--")) first++;
  if (!wrong && !o->route && !o->more && argc - first >= ARGUMENTS) return first;
  if (argc - 1 != ARGUMENTS && (wrong || o->route || o->more)) return 0;
  *o = none;
  return 1;
}

/* The next hop of a host as qmail-remote's callers give it: a domain or an address literal. Returns what is wrong,
 * or null. */
static char const *find_route(struct table_set const *rules, char const *host, struct route *r, char *kind)
{
  char domain[DOMAIN_TEXT];
  size_t n = strlen(host);
  if (*host == '[' && n < sizeof domain) memcpy(domain, host, n + 1);
  else if (!domain_canon(domain, host, n)) return *kind = 'D', "that is no host name (#5.1.2)";
  if (route_find(rules, domain, r) == 0) return 0;
  return *kind = 'Z', "the rules can't be read (#4.3.5)";
}

/* Parameters about notifications, from who runs us in relay-smtpd's place (relay-through). Returns 1, or 0 without
 * memory. */
static int put_wishes(struct client_message *m, struct sheet *t, stralloc *each)
{
  char const *s = m->recipients;
  if (sheet_read(t, sheet_descriptor()) < 0) return 0;
  m->dsn = sheet_mail(t, m->sender);
  for (unsigned i = 0; i < m->n; i++, s += strlen(s) + 1) {
    char const *parameters = sheet_rcpt(t, s);
    if (!stralloc_catb(each, parameters, strlen(parameters) + 1)) return 0;
  }
  m->dsn_each = each->s;
  return 1;
}

static void deliver(struct remote *rm, struct options const *o, char const *const *argv, unsigned n,
  struct client_report *report)
{
  static struct client_body body;
  static struct sheet sheet;
  stralloc recipients = STRALLOC_ZERO, each = STRALLOC_ZERO;
  char const *utf8 = getenv("RELAYUTF8");
  for (unsigned i = 0; i < n; i++) {
    if (stralloc_catb(&recipients, argv[i + 1], strlen(argv[i + 1]) + 1)) continue;
    report->failed = 1;
    return;
  }
  struct client_message m = { .sender = argv[0], .recipients = recipients.s, .n = n, .body = &body, .all = o->all };
  m.utf8 = utf8 && !strcmp(utf8, "1");
  if (!put_wishes(&m, &sheet, &each)) report->failed = 1;
  else if (client_body_open(&body, 0, -1) < 0)
    client_report_add(report, 'Z', "the message can't be read (#4.3.0)", 0, 0);
  else if (body.measure.bad) client_refuse(report, n, 'D', CLIENT_BAD_TEXT, 0);
  else remote_deliver(rm, &m, report);
  stralloc_free(&recipients);
  stralloc_free(&each);
  sheet_free(&sheet);
}

/* qmail-remote(8): whatever happens goes into the report on descriptor 1; nothing is said on descriptor 2. */
static void once(struct remote *rm, struct options const *o, struct table_set const *rules, char const *broken,
  char const *const *argv, unsigned n)
{
  struct client_report report = CLIENT_REPORT_ZERO;
  char kind = 'Z';
  if (!broken) broken = find_route(rules, argv[0], &rm->route, &kind);
  if (broken) client_report_add(&report, kind, broken, 0, 0);
  else deliver(rm, o, argv + 1, n, &report);
  if (report.failed) io_write_file(1, "Zout of memory (#4.3.0)", sizeof "Zout of memory (#4.3.0)");
  else io_write_file(1, report.sa.s, report.sa.len);
  close(1); /* who reads the report needs not wait for our farewell */
  client_report_free(&report);
  remote_hang_up(rm);
}

/* As qmail-remote has it. */
static int improper(void)
{
  static char const report[] = "Drelay-remote was invoked improperly (#5.3.5)";
  io_write_file(1, report, sizeof report);
  return 0;
}

int main(int argc, char const *const *argv)
{
  static struct remote rm;
  struct options o;
  PROG = "relay-remote";
  int first = scan_options(argc, argv, &o);
  if (!first || (o.route && (o.all || !route_scan(&rm.route, o.route)))) strerr_dieusage(100, USAGE);
  if (!o.route && argc - first < ARGUMENTS) return improper();
  sig_ignore(SIGPIPE);
  if (table_on_damage(0) < 0) strerr_diefusys(111, "catch signals");

  struct table_set *rules = table_open(o.rules);
  char const *trust = getenv("RELAYTRUSTAD");
  char const *broken = remote_open(&rm, rules, getenv("DNSCACHEIP"), trust && !strcmp(trust, "1"), o.patience);
  if (!rules) broken = "the rules can't be read (#4.3.5)";
  int memory = slots_inherited(getenv("RELAYREFUSEDFD"));
  if (memory < 0 && o.route) memory = slots_memory();
  remote_logins(&rm, o.logins, o.rules, memory);
  rm.sts.quiet = !o.route; /* the first form says nothing on descriptor 2 */
  remote_sts_open(&rm.sts, o.policies ? o.policies : SPOOL_DIR "/mta-sts", o.policies != 0);
  if (!o.route) once(&rm, &o, rules, broken, argv + first, (unsigned)(argc - first - 2));
  else if (jobs_serve(&rm, 0, o.idle, o.more, broken) < 0) strerr_diefu1sys(111, "talk to relay-send");
  remote_close(&rm);
  table_close(rules);
  return 0;
}
