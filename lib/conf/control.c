/* The control directory's templates: every file explains itself.
 * Values: me; each limit's default stands in the text. */
#include "base/limits.h"
#include "conf/templates.h"

#define STRING(x) #x

#define COMPILE "# After a change: relay-mkcdb and this directory. What runs takes the new rules at once.\n"

struct conf_file const conf_control[] = {
  { "me", 0644, quote_text,
    "# The name of this mail server: with it we greet, it stands in trace headers, and mail is never sent to it.\n"
    "# One line, the full name as DNS has it.\n"
    COMPILE
    "@me@\n" },
  { "clients", 0644, quote_text,
    "# Which clients may connect, and which of them we trust. tcprules' lines, ADDRESS:allow or ADDRESS:deny:\n"
    "#   192.0.2.9   one address        192.0.2.   all that begin so        192.0.2.0/24, 2001:db8::/32   networks\n"
    "# allow,RELAYCLIENT=\"\" trusts the client: with `grant clients` in the file relay it may send mail anywhere.\n"
    "# allow,DATABYTES=\"N\"  lets it send messages of N bytes at most.\n"
    "# Never trust an address through which strangers come: a NAT gateway, a container's bridge, a proxy.\n"
    "# What relay-mkcdb warns of, here and in the other files, may be meant: then `# ok: WORD` ends the line.\n"
    COMPILE
    "#192.0.2.0/24:allow,RELAYCLIENT=\"\"\n"
    "#203.0.113.66:deny\n"
    "127.0.0.1:allow,RELAYCLIENT=\"\"\n"
    "::1:allow,RELAYCLIENT=\"\"\n"
    "# Everybody else may connect, as a stranger: he may send to our own domains alone. `:deny` keeps him out.\n"
    ":allow\n" },
  { "domains", 0644, quote_text,
    "# The domains that we host, one a line: mail to them is accepted from everybody. Mail to any other domain is\n"
    "# relaying, and needs a grant (file relay).\n"
    "#   example.com    this domain       .example.com    all below it, not itself\n"
    "# A second word says which recipients there are:\n"
    "#   any       all, as without the word      listed    those in the files recipients and aliases\n"
    "#   asked     those that its next hop takes: it is asked while the client waits\n"
    "# Say in the file routes which server has their mailboxes.\n"
    COMPILE
    "#example.com listed\n"
    "#.example.com asked\n"
    "#example.org\n" },
  { "recipients", 0644, quote_text,
    "# The recipients of domains that list them, one a line; others are refused while the client waits.\n"
    "#   joe@@example.com       this mailbox           joe+*@@example.com   and joe-*@@example.com: its extensions\n"
    "#   @@example.com          all of this domain     @@.example.com       all of those below it\n"
    COMPILE
    "#joe@@example.com\n"
    "#joe+*@@example.com\n" },
  { "aliases", 0644, quote_text,
    "# Addresses of ours that stand for others, here or elsewhere: the alias, then one address or more. They need not\n"
    "# stand in the file recipients, and mail that they lead elsewhere is not relayed by the client.\n"
    "# A target written like the alias itself is the mailbox of that name. Aliases of aliases are followed.\n"
    "# @@example.com before a target is all of the domain that no other line is about.\n"
    COMPILE
    "#info@@example.com joe@@example.com ann@@example.net\n"
    "#webmaster@@example.com info@@example.com\n" },
  { "relay", 0644, quote_text,
    "# Who may relay: send mail through us to domains that we don't host. Nobody else relays: 550 5.7.1.\n"
    "# `deny` comes before all; then each `require` must hold; then one `grant`. Of several that hold the first gives\n"
    "# the reason that the log and the trace header show.\n"
    COMPILE
    "# Whoever has logged in, and whose login has the privilege:\n"
    "grant login\n"
    "# The clients for whom the file clients sets RELAYCLIENT:\n"
    "grant clients\n"
    "# Whose address had a POP or IMAP login so many seconds ago or less; this needs relay-pop-stamp "
    "and relay-pop-check:\n"
    "#grant pop 300\n"
    "# Behind the seconds, in this order, may stand:\n"
    "#   /64                 of an IPv6 address its whole network counts, neighbours and all\n"
    "#   on LISTENER,...     on these listeners alone (relay-smtpd -l); - is the one without a name\n"
    "#   bound               only as senders that the user may use by his line in the file users\n"
    "# Everybody, but only to these domains or addresses (.example.net: all below it):\n"
    "#grant to partner.example\n"
    "# Everybody, to domains whose mail exchangers all have addresses there (we are their backup or their gateway):\n"
    "#grant to-host 192.0.2.0/24\n"
    "# A printer, a scanner: this address with this sender (@@example.com, hosted, any) to this recipient (any):\n"
    "#grant device 192.0.2.9 from printer@@example.com to any\n"
    "# To these nobody may send, whoever he is:\n"
    "#deny to competitor.example\n"
    "# Without each of these nobody relays, whatever is granted:\n"
    "#require login\n"
    "#require tls\n"
    "#require sender hosted\n"
    "# A sender is what the client says, so everybody can relay who guesses one. Who still wants it writes\n"
    "#   grant sender ADDRESS forgeable      or @@DOMAIN, @@.SUFFIX, hosted (domains and local), user (recipients)\n"
    "#   local DOMAIN                        counts as hosted there; local ADDRESS as a user as well\n"
    "# An open relay, which is listed as one within the hour, says\n"
    "#   grant anyone open-relay\n" },
  { "routes", 0644, quote_text,
    "# The next hop of a domain, DOMAIN:HOST:PORT; without a line mail goes where DNS says (MX). The exact domain is\n"
    "# looked for first, then .suffix, from the longest, then the line with no domain.\n"
    "#   example.com:192.0.2.25:25     to this server          example.com:[2001:db8::25]:2525   IPv6 in brackets\n"
    "#   example.net:                  by MX after all          :relay.example:587                all the rest\n"
    "#   example.com:/run/lmtp         LMTP on a socket        example.com:192.0.2.25:24 lmtp           LMTP\n"
    "# Behind it: tls=none, may, required, verify, now (from the first byte), now,verify; name=HOST, whom the\n"
    "# certificate must name; ca=FILE, who must have signed it. Logins at relays stand in the file logins.\n"
    COMPILE
    "#example.com:mailboxes.example.com\n" },
  { "users", 0640, quote_text,
    "# Who may log in, one a line. `relay-passwd NAME` asks for a password and makes such a line; no password stands\n"
    "# here.\n"
    "# What may follow:\n"
    "#   off          no login for now\n"
    "#   norelay      a login, but mail to our own domains alone\n"
    "#   from joe@@example.com @@example.net      the senders that the user may use; it comes last\n"
    COMPILE
    "#joe $y$j9T$... from joe@@example.com\n" },
  { "logins", 0640, quote_text,
    "# How we log in at relays, RELAY USER PASSWORD; give this file the group of relay-remote's user (chgrp).\n"
    "# RELAY as in the file routes: HOST:PORT, HOST, .SUFFIX, an address; or from:ADDRESS, from:@@DOMAIN: mail of\n"
    "# that sender, whichever relay. A word with blanks stands in \"double quotes\". What may follow:\n"
    "#   plain, login, cram-md5, scram-sha-256      by this alone; else by the strongest that is offered\n"
    "#   clear        the password may travel without TLS       at=RELAY   behind a sender: only there\n"
    COMPILE
    "#relay.example:587 joe secret\n" },
  { "limits", 0644, quote_text,
    "# Limits, NAME VALUE a line. Each is shown with its default; remove its # to set it.\n"
    COMPILE
#define X(c, name, value, least, most, unit) \
    "# " unit "\n" \
    "#" name " " STRING(value) "\n"
    LIMITS(X)
#undef X
  },
  { 0, 0, 0, 0 },
};
