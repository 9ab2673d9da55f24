/* The warnings. Each has a word, with which a line says that it is meant: `# ok: WORD` at its end. */
#ifndef RULES_WARNINGS_H
#define RULES_WARNINGS_H

/* X(name, word, what it is about); posthouse-control(5) has the same table */
#define WARNINGS(X) \
  X(WARN_UNUSED,         "unused",         "the line does nothing, because of another one or for want of one") \
  X(WARN_DEFAULT_ALLOW,  "default-allow",  "clients: no line for everybody else") \
  X(WARN_LARGE_PREFIX,   "large-prefix",   "clients, relay: a large part of the internet is trusted, or sent to") \
  X(WARN_LARGE_SUM,      "large-sum",      "clients, relay: many lines together do that") \
  X(WARN_TRANSLATED,     "translated",     "clients, relay: IPv6 addresses that stand for IPv4 ones") \
  X(WARN_BY_NAME,        "by-name",        "clients: a name is trusted, which its owner chooses") \
  X(WARN_GATEWAY,        "gateway",        "clients, relay: this host's gateway or an address on a bridge is trusted") \
  X(WARN_APPENDED_VALUE, "appended-value", "clients: RELAYCLIENT has a value, which is appended to each recipient") \
  X(WARN_DENY_VARIABLES, "deny-variables", "clients: variables for a client that is sent away") \
  X(WARN_MAPPED,         "mapped",         "clients: an IPv4-mapped IPv6 address, which counts as IPv4") \
  X(WARN_NO_RECIPIENTS,  "no-recipients",  "domains: a listed domain without a recipient") \
  X(WARN_ANY_LISTED,     "any-listed",     "domains: every recipient is taken, although some are listed") \
  X(WARN_DENY_HOSTED,    "deny-hosted",    "relay, domains: a denial takes the mail of a hosted domain away") \
  X(WARN_UNKNOWN_TARGET, "unknown-target", "aliases: a target in a listed domain that is no recipient of it") \
  X(WARN_CATCH_ALL,      "catch-all",      "recipients, aliases: a line for a whole domain undoes its check") \
  X(WARN_NOBODY_RELAYS,  "nobody-relays",  "relay: the sender must be hosted, and no domain is") \
  X(WARN_LONG_POP,       "long-pop",       "relay: a POP login is trusted for more than an hour") \
  X(WARN_UNBOUND,        "unbound",        "relay: a POP login is bound to its senders, and some users have none") \
  X(WARN_ODD_LISTENER,   "odd-listener",   "relay: a POP login counts on a listener where it means nothing") \
  X(WARN_SELF_ROUTE,     "self-route",     "routes: the relay is this host") \
  X(WARN_MX_NAMES,       "mx-names",       "routes: certificates must have the names that the DNS gives") \
  X(WARN_UNVERIFIED,     "unverified",     "logins: a relay that gets a password is not verified") \
  X(WARN_ANY_RELAY,      "any-relay",      "logins: a sender's password goes to more than one relay") \
  X(WARN_FEWER_HASHES,   "fewer-hashes",   \
    "users: one lacks a hash that others have, so that a mechanism fails for it") \
  X(WARN_FOREIGN_SENDER, "foreign-sender", "users: a sender of a domain that is not hosted")

enum warning {
#define X(name, word, about) name,
  WARNINGS(X)
#undef X
  WARNING_COUNT
};

#endif
