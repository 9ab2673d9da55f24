/* The control directory's templates: every file explains itself. Values: me; and each limit's default stands in the text. */
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
    "#   192.0.2.9   one address           192.0.2.      all that begin so      192.0.2.0/24, 2001:db8::/32   a network\n"
    "# allow,RELAYCLIENT=\"\" trusts the client: with `grant clients` in the file relay it may send mail anywhere.\n"
    "# allow,DATABYTES=\"N\"  lets it send messages of N bytes at most.\n"
    "# Never trust an address through which strangers come: a NAT gateway, a container's bridge, a proxy.\n"
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
    "# Say in the file routes which server has their mailboxes.\n"
    COMPILE
    "#example.com\n"
    "#.example.com\n" },
  { "relay", 0644, quote_text,
    "# Who may relay: send mail through us to domains that we don't host. One grant a line; the first that holds\n"
    "# gives the reason that the log and the trace header show. Nobody else relays: 550 5.7.1.\n"
    COMPILE
    "# Whoever has logged in, and whose login has the privilege:\n"
    "grant login\n"
    "# The clients for whom the file clients sets RELAYCLIENT:\n"
    "grant clients\n" },
  { "routes", 0644, quote_text,
    "# The next hop of a domain, DOMAIN:HOST:PORT; without a line mail goes where DNS says (MX). The exact domain is\n"
    "# looked for first, then .suffix, from the longest, then the line with no domain.\n"
    "#   example.com:192.0.2.25:25     to this server          example.com:[2001:db8::25]:2525   IPv6 in brackets\n"
    "#   example.net:                  by MX after all          :relay.example:587                all the rest\n"
    COMPILE
    "#example.com:mailboxes.example.com\n" },
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
