/* relay-probe: from outside, does a mail server relay for strangers? */
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <skalibs/random.h>
#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>
#include "base/io.h"
#include "parse/address.h"
#include "probe/report.h"
#include "probe/run.h"

#define USAGE "relay-probe [-j | --json] [-t TARGET | -d TARGET] [-f SENDER] [-n NAME] [-s NAME ...] [-w SECONDS] " \
  "[-p SECONDS] HOST[:PORT]"
#define TARGET "relay-probe@example.net" /* reserved (RFC 2606 3): nobody's mail */
#define SENDER "relay-probe@example.org"
#define WAIT 60

static struct probe probe;
static stralloc out = STRALLOC_ZERO;
static int as_json;

static _Noreturn void usage(void)
{
  strerr_dieusage(100, USAGE);
}

static _Noreturn void die_memory(void)
{
  strerr_diefu1sys(111, "get memory");
}

static unsigned seconds(char const *s)
{
  unsigned n;
  if (!uint0_scan(s, &n) || n > 3600) strerr_dief(100, "not a number of seconds up to 3600: ", s);
  return n;
}

static void address(char const *s, struct address *a)
{
  if (address_mailbox(a, s, strlen(s), 0) == ADDRESS_OK && a->domain[0]) return;
  strerr_dief(100, "not an address with a domain: ", s);
}

static void set_target(char const *s)
{
  struct address a;
  address(s, &a);
  memcpy(probe.plan.user, a.text, a.local_len);
  probe.plan.user[a.local_len] = 0;
  strcpy(probe.plan.domain, a.domain);
}

static void set_sender(char const *s)
{
  struct address a;
  address(s, &a);
  strcpy(probe.plan.sender, a.text);
}

static void set_name(char const *s)
{
  unsigned n = probe.plan.names.n;
  struct ip ip;
  size_t len = strlen(s);
  if (ip_scan(&ip, s, len)) probe_literal_add(&probe.plan.names, &ip);
  else probe_name_add(&probe.plan.names, s, len, 0);
  if (probe.plan.names.n == n) strerr_dief(100, "not a domain or an address, or twice, or one too many: ", s);
  probe.own_names = 1;
}

/* The name that we greet by: this machine's if it is one that means something to others. */
static void own_name(char const *s)
{
  char host[DOMAIN_TEXT];
  if (s && !domain_canon(probe.me, s, strlen(s))) strerr_dief(100, "not a domain: ", s);
  if (s || gethostname(host, sizeof host) < 0) return;
  host[sizeof host - 1] = 0;
  if (!domain_canon(probe.me, host, strlen(host)) || !strchr(probe.me, '.')) probe.me[0] = 0;
}

/* Returns the one argument. */
static char const *scan_options(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  char const *target = TARGET, *sender = SENDER, *me = 0;
  probe.patience = WAIT;
  for (;;) {
    int opt = subgetopt_r(argc, argv, "jd:f:n:p:s:t:w:", &l);
    if (opt == -1) break;
    switch (opt) {
      case 'j': as_json = 1; break;
      case 'd': probe.deliver = probe.known_target = 1; target = l.arg; break;
      case 't': probe.known_target = 1; target = l.arg; break;
      case 'f': sender = l.arg; break;
      case 'n': me = l.arg; break;
      case 's': set_name(l.arg); break;
      case 'p': probe.pace = seconds(l.arg); break;
      case 'w': probe.patience = seconds(l.arg); break;
      default: usage();
    }
  }
  if (argc - l.ind != 1) usage();
  if (!probe.patience) strerr_dief(100, "-w 0 would wait for nothing");
  set_target(target);
  set_sender(sender);
  own_name(me);
  return argv[l.ind];
}

/* Takes --json, the long name of -j, out of argv. Returns what is left of argc. */
static int long_options(int argc, char const *const *argv, char const **left)
{
  int n = 0;
  for (int i = 0; i < argc; i++) {
    if (i && !strcmp(argv[i], "--json")) as_json = 1;
    else left[n++] = argv[i];
  }
  left[n] = 0;
  return n;
}

/* HOST, HOST:PORT, an IPv6 address with or without brackets. */
static void find_server(char const *s)
{
  char host[DOMAIN_TEXT];
  struct ip ip;
  char const *colon = strrchr(s, ':'), *end = s + strlen(s);
  int literal = *s == '[' && strchr(s, ']');
  probe.port = 25;
  if (colon && !ip_scan(&ip, s, (size_t)(end - s)) && (!literal || colon == strchr(s, ']') + 1)) {
    if (!uint160_scan(colon + 1, &probe.port) || !probe.port) strerr_dief(100, "not a port: ", colon + 1);
    end = colon;
  }
  if (literal && end > s + 1 && end[-1] == ']') s++, end--;
  if (end == s || (size_t)(end - s) >= sizeof host) usage();
  memcpy(host, s, (size_t)(end - s));
  host[end - s] = 0;

  struct addrinfo *list, want = { .ai_socktype = SOCK_STREAM };
  int e = getaddrinfo(host, 0, &want, &list);
  if (e) strerr_dief(111, "can't find ", host, ": ", gai_strerror(e));
  for (struct addrinfo *a = list; a && probe.ips < PROBE_ADDRESSES; a = a->ai_next) {
    uint16_t port;
    if (ip_from_sockaddr(&probe.ip[probe.ips], &port, a->ai_addr)) probe.ips++;
  }
  freeaddrinfo(list);
  if (!ip_scan(&ip, host, strlen(host)) && !domain_canon(probe.host, host, strlen(host))) probe.host[0] = 0;
}

static void flush(int ok)
{
  if (!ok) die_memory();
  if (io_write_file(1, out.s, out.len) < 0) strerr_diefu1sys(111, "write to standard output");
  out.len = 0;
}

static void show(struct probe const *p, unsigned i)
{
  flush(probe_report_row(&out, p, i));
}

static void silent(struct probe const *p, unsigned i)
{
  (void)p, (void)i;
}

int main(int argc, char const *const *argv)
{
  static int const codes[] = { [PROBE_ACCEPTED] = 1, [PROBE_REFUSED] = 0, [PROBE_UNCLEAR] = 111 };
  char const *left[argc + 1];
  char token[17];
  PROG = "relay-probe";
  argc = long_options(argc, argv, left);
  char const *host = scan_options(argc, left);
  sig_ignore(SIGPIPE);
  find_server(host);
  random_name(token, sizeof token - 1);
  token[sizeof token - 1] = 0;
  snprintf(probe.plan.unlikely, sizeof probe.plan.unlikely, "relay-probe-%s", token);

  enum probe_judgement whole = PROBE_UNCLEAR;
  int connected = probe_open(&probe) == 0;
  if (connected && !as_json) flush(probe_report_head(&out, &probe));
  if (connected) whole = probe_run(&probe, as_json ? silent : show);
  if (as_json) flush(probe_report_json(&out, &probe, whole));
  else if (connected) flush(probe_report_sum(&out, &probe, whole));
  if (!connected) strerr_dief(111, "could not tell: ", probe.trouble);
  return codes[whole];
}
