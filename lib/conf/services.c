/* The services' templates. Values: conf/values.c. */
#include "conf/templates.h"

#define HEAD "#!/bin/sh\n"
#define MADE "Made by relay-conf(8), once: edit it as you like.\n"

/* Written for one user without privileges, it must not be started as another, least of all as root. */
#define ONE_USER \
  "@+only if [ \"$(id -u)\" != @only@ ]; then\n" \
  "@+only   echo \"made for user number @only@ alone (relay-conf --one-user)\"; sleep 10; exit 100\n" \
  "@+only fi\n"

#define LOG_RUN \
  HEAD \
  "# The log: files of 1 MB below main, the newest 20 of them. " MADE \
  "@+log-user exec setuidgid @log-user@ multilog t s1000000 n20 ./main\n" \
  "@-log-user exec multilog t s1000000 n20 ./main\n"

/* How a service's run file begins, and what is beside it. */
#define RUN(what) HEAD "# " what " " MADE "exec 2>&1\n" ONE_USER "export PATH=@bin@:\"$PATH\"\n"
#define SERVICE_LOG \
  { "log", 0755, 0, 0 }, { "log/run", 0755, quote_sh, LOG_RUN }, { "log/main", 0755, 0, 0 }, { 0, 0, 0, 0 }

#define DNS_ENVIRONMENT \
  "@+resolver # The DNS server.\n" \
  "@+resolver export DNSCACHEIP=@resolver@\n" \
  "@+trust-ad # Its word on validation (DNSSEC) counts, though it is on another machine.\n" \
  "@+trust-ad export RELAYTRUSTAD=@trust-ad@\n"

#define CHAIN_ENVIRONMENT \
  "# The queue, for relay-queue (which, where it is set-uid, knows its own and takes no other).\n" \
  "export RELAYQUEUE=@queue@\n" \
  "# The injector: gets each message in the qmail-queue protocol.\n" \
  "export QMAILQUEUE=@injector@\n" \
  "# What asks next hops and the DNS where the rules say so, and its cache (relay-conf cache makes it).\n" \
  "export RELAYASK=@asker@\n" \
  "export RELAYASKED=@cache@\n" \
  "@+failures # Who failed to log in lately, by address.\n" \
  "@+failures export RELAYFAILURES=@failures@\n" \
  DNS_ENVIRONMENT

struct conf_file const conf_receive[] = {
  { "run", 0755, quote_sh,
    RUN("Mail comes in: SMTP at address @address@ (0: all), port @port@.")
    CHAIN_ENVIRONMENT
    "# At most @clients@ clients at once. The rules decide who is let in (clients) and what is relayed (relay).\n"
    "exec @server@ \\\n"
    "  relay-gate @rules@ \\\n"
    "  @smtpd@\n" },
  SERVICE_LOG
};

struct conf_file const conf_send[] = {
  { "run", 0755, quote_sh,
    RUN("Mail goes out: the scheduler and its relay-remote processes.")
    "# The queue, and what writes and injects reports.\n"
    "export RELAYQUEUE=@queue@\n"
    "export QMAILQUEUE=@injector@\n"
    "export RELAYBOUNCE=@reporter@\n"
    "@+policies # Where MTA-STS's policies are kept (relay-conf policies makes it).\n"
    "@+policies export RELAYMTASTS=@policies@\n"
    DNS_ENVIRONMENT
    "@+queue-user # -u: @queue-user@, who owns the queue; -U: @remote-user@, for relay-remote.\n"
    "exec @send@\n" },
  SERVICE_LOG
};

struct conf_file const conf_tls[] = {
  { "run", 0755, quote_sh,
    RUN("The one process that has the TLS keys: certificates in @=certificates@.")
    "# The socket's directory may be gone after a boot.\n"
    "[ -d @socket-dir@ ] || mkdir -m 0755 @socket-dir@ || exit 111\n"
    "@+tls-user # -u: @tls-user@, who may read the keys; -g: the group of @user@, which may connect.\n"
    "exec @tlsd@\n" },
  SERVICE_LOG
};

struct conf_file const conf_sync[] = {
  { "run", 0755, quote_sh,
    RUN("Who has logged in by POP or IMAP: shared with other machines through the server @=server@.")
    "@+sync-user # @sync-user@, whose group may write to @stamps@.\n"
    "exec @sync@\n" },
  SERVICE_LOG
};

/* posthouse.socket and posthouse@.service; of a listener with a name posthouse-NAME.socket and posthouse-NAME@.service;
 * with TLS from the start posthouse-NAMEs.socket and posthouse-NAMEs@.service. */
struct conf_file const conf_systemd[] = {
  { "posthouse@=unit@.socket", 0644, quote_systemd,
    "# Where mail comes in. " MADE
    "[Unit]\n"
    "Description=posthouse: SMTP, port @port@\n"
    "\n"
    "[Socket]\n"
    "ListenStream=@=listen@\n"
    "Accept=yes\n"
    "MaxConnections=@clients@\n"
    "NoDelay=true\n"
    "\n"
    "[Install]\n"
    "WantedBy=sockets.target\n" },
  { "posthouse@=unit@@@.service", 0644, quote_systemd,
    "# The receiving chain, started for each connection. " MADE
    "[Unit]\n"
    "Description=posthouse: an SMTP connection, port @port@\n"
    "CollectMode=inactive-or-failed\n"
    "\n"
    "[Service]\n"
    "User=@user@\n"
    "# The queue, for relay-queue (which, where it is set-uid, knows its own and takes no other).\n"
    "Environment=@env-queue@\n"
    "# The injector: gets each message in the qmail-queue protocol.\n"
    "Environment=@env-injector@\n"
    "# What asks next hops and the DNS where the rules say so, and its cache (relay-conf cache makes it).\n"
    "Environment=@env-asker@\n"
    "Environment=@env-cache@\n"
    "@+failures # Who failed to log in lately, by address.\n"
    "@+failures Environment=@env-failures@\n"
    "@+resolver Environment=@env-resolver@\n"
    "@+trust-ad Environment=RELAYTRUSTAD=@trust-ad@\n"
    "ExecStart=-@gate@ @rules@ @smtpd@\n"
    "StandardInput=socket\n"
    "StandardOutput=socket\n"
    "StandardError=journal\n"
    "@+memory LimitAS=@memory@\n" },
  { 0, 0, 0, 0 },
};

struct conf_file const conf_systemd_send[] = {
  { "posthouse-send.service", 0644, quote_systemd,
    "# The scheduler, which sends what is in the queue. " MADE
    "[Unit]\n"
    "Description=posthouse: the queue\n"
    "After=network.target\n"
    "\n"
    "[Service]\n"
    "@-queue-user User=@user@\n"
    "@+queue-user # -u: @queue-user@, who owns the queue; -U: @remote-user@, for relay-remote.\n"
    "Environment=@env-path@\n"
    "Environment=@env-queue@\n"
    "Environment=@env-injector@\n"
    "Environment=@env-reporter@\n"
    "@+policies # Where MTA-STS's policies are kept (relay-conf policies makes it).\n"
    "@+policies Environment=@env-policies@\n"
    "@+resolver Environment=@env-resolver@\n"
    "@+trust-ad Environment=RELAYTRUSTAD=@trust-ad@\n"
    "ExecStart=@send@\n"
    "# It stops when what is under way has ended: a delivery that is cut off may come twice. The relay-remotes\n"
    "# that wait end on their own behind it: they say QUIT, and log what they counted.\n"
    "KillMode=process\n"
    "TimeoutStopSec=30min\n"
    "Restart=always\n"
    "RestartSec=1\n"
    "\n"
    "[Install]\n"
    "WantedBy=multi-user.target\n" },
  { 0, 0, 0, 0 },
};

struct conf_file const conf_systemd_tls[] = {
  { "posthouse-tlsd.service", 0644, quote_systemd,
    "# The one process that has the TLS keys: certificates in @=certificates@. " MADE
    "[Unit]\n"
    "Description=posthouse: TLS\n"
    "\n"
    "[Service]\n"
    "@-tls-user User=@user@\n"
    "@+tls-user # -u: @tls-user@, who may read the keys; -g: the group of @user@, which may connect.\n"
    "@+runtime RuntimeDirectory=@runtime@\n"
    "@-runtime # The directory of its socket, @=socket-dir@, must be there.\n"
    "ExecStart=@tlsd@\n"
    "# When it is stopped, connections under TLS live on.\n"
    "KillMode=process\n"
    "Restart=always\n"
    "RestartSec=1\n"
    "\n"
    "[Install]\n"
    "WantedBy=multi-user.target\n" },
  { 0, 0, 0, 0 },
};

struct conf_file const conf_systemd_sync[] = {
  { "posthouse-sync.service", 0644, quote_systemd,
    "# Who has logged in by POP or IMAP: shared with other machines through the server @=server@. " MADE
    "[Unit]\n"
    "Description=posthouse: stamps of several machines\n"
    "After=network.target\n"
    "\n"
    "[Service]\n"
    "@+sync-user # Its group may write to @=stamps@.\n"
    "@+sync-user User=@sync-user@\n"
    "@-sync-user User=@user@\n"
    "ExecStart=@sync@\n"
    "Restart=always\n"
    "RestartSec=1\n"
    "\n"
    "[Install]\n"
    "WantedBy=multi-user.target\n" },
  { 0, 0, 0, 0 },
};

struct conf_file const conf_systemd_sweep[] = {
  { "posthouse-sweep.service", 0644, quote_systemd,
    "# Removes what has expired of who has logged in by POP or IMAP: @=stamps@. " MADE
    "[Unit]\n"
    "Description=posthouse: expired stamps\n"
    "\n"
    "[Service]\n"
    "Type=oneshot\n"
    "User=@user@\n"
    "@+stamp-group # Who may write there.\n"
    "@+stamp-group Group=@stamp-group@\n"
    "ExecStart=@sweep@\n" },
  { "posthouse-sweep.timer", 0644, quote_systemd,
    "# When posthouse-sweep.service runs. " MADE
    "[Unit]\n"
    "Description=posthouse: expired stamps, every five minutes\n"
    "\n"
    "[Timer]\n"
    "OnCalendar=*:0/5\n"
    "\n"
    "[Install]\n"
    "WantedBy=timers.target\n" },
  { 0, 0, 0, 0 },
};

struct conf_file const conf_xinetd[] = {
  { "", 0644, quote_plain,
    "# SMTP under xinetd. The receiving chain itself stands in @run@, since xinetd would give it the\n"
    "# connection as descriptor 2, where its log goes. " MADE
    "service posthouse-@port@\n"
    "{\n"
    "  type = UNLISTED\n"
    "  socket_type = stream\n"
    "  protocol = tcp\n"
    "  wait = no\n"
    "  flags = @family@ NODELAY\n"
    "@+bind   id = posthouse-@port@-@bind@\n"
    "@+bind   bind = @bind@\n"
    "  port = @port@\n"
    "  user = @user@\n"
    "  instances = @clients@\n"
    "  per_source = UNLIMITED\n"
    "  cps = 1000 1\n"
    "  server = @run@\n"
    "  log_on_failure =\n"
    "  disable = no\n"
    "}\n" },
  { ".run", 0755, quote_sh,
    HEAD
    "# The receiving chain, as xinetd starts it for each connection. " MADE
    "exec 2> /dev/null\n"
    "exec 2>> @log@\n"
    "export PATH=@bin@:\"$PATH\"\n"
    CHAIN_ENVIRONMENT
    "@+memory ulimit -v @kilobytes@\n"
    "exec relay-gate @rules@ @smtpd@\n" },
  { 0, 0, 0, 0 },
};
