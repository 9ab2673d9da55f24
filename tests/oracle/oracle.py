"""What the relay must do with a client and a recipient, by the words of posthouse-control(5) and policy/decide.h, said
once more and without a look at the program: every line of the texts is held against the facts, one after the other.
Slow and plain on purpose."""
from dataclasses import dataclass
from typing import NamedTuple

from . import names, texts

KINDS = ("user", "address", "name", "dots", "cidr", "ending", "named", "everybody")
ACCEPT, REFUSE, TEMPFAIL, ASK_MAILBOX, ASK_MX = "accept", "refuse", "tempfail", "ask-mailbox", "ask-mx"


@dataclass
class Facts:
    """As text, the way they come in; "" for what is not known or not there."""
    client: str = ""
    host: str = ""
    info: str = ""
    kept: bool = False        # the listener set RELAYCLIENT and the gate keeps it
    listener: str = ""
    login: str = ""
    privilege: bool = False
    wrong_sender: bool = False  # the login is bound to other senders
    stamp: str = ""
    stamp_unknown: bool = False
    tls: bool = False
    sender: str = "<>"        # paths, in angle brackets
    recipient: str = "<postmaster>"
    mailbox: str = ""         # yes, no, unknown; "": not asked
    mx: str = ""
    hosts: tuple = ()


class Gate(NamedTuple):
    deny: bool
    line: int                 # of clients; 0: no line
    relayclient: object       # RELAYCLIENT's value, or None
    kind: str = ""


class Decision(NamedTuple):
    verdict: str
    reason: str
    origin: str
    where: str                # file:line, or "" when no line decided
    targets: tuple = ()       # of an alias: their keys
    verb: str = ""            # the statement of `relay` that decided, for who counts them


class Oracle:
    def __init__(self, control):
        """control: the text of each file by its name; what is missing is empty."""
        text = {f: control.get(f, "") for f in texts.FILES}
        self.me, name = next(texts.lines(text["me"]))
        self.name = names.domain(name)
        self.clients = texts.rules_of(text["clients"])
        self.domains = texts.domains_of(text["domains"])
        self.recipients = texts.mailboxes_of(text["recipients"])
        self.aliases = texts.mailboxes_of(text["aliases"])
        self.relay = texts.relay_of(text["relay"])
        self.routes = texts.routes_of(text["routes"])
        self.users = texts.users_of(text["users"])
        self.routed = 0           # how often a relay made `grant to-host` void, for who counts

    # The gate

    def gate(self, facts):
        client = names.ip(facts.client)
        host = names.domain(facts.host) if facts.host else None
        found = []
        for rule in self.clients:
            strength = self.client_fits(rule, client, host, facts.info)
            if strength is not None:
                found.append((KINDS.index(rule.kind), -strength, rule))
        if not found:
            return Gate(False, 0, None)
        rule = min(found, key=lambda f: f[:2])[2]
        return Gate(rule.deny, rule.line, None if rule.deny else rule.variables.get("RELAYCLIENT"), rule.kind)

    def client_fits(self, rule, client, host, info):
        """None, or how narrowly it fits among those of its kind."""
        def is_client(kind, what):
            return client == what if kind == "address" else host is not None and host == what
        if rule.kind == "user":    # at the address, then at the name
            user, kind, what = rule.what
            fits, strength = info and info == user and is_client(kind, what), int(kind == "address")
        elif rule.kind in ("address", "name"):
            fits, strength = is_client(rule.kind, rule.what[0]), 0
        elif rule.kind == "dots":
            text = names.literal_of(client)[1:-1] if client and client.bits == 32 else ""
            fits, strength = text.startswith(rule.what[0]), len(rule.what[0])
        elif rule.kind == "cidr":
            fits, strength = client and names.within(client, rule.what), rule.what[1]
        elif rule.kind == "ending":
            fits, strength = host and host.endswith(rule.what[0]), len(rule.what[0])
        else:
            fits, strength = host is not None or rule.kind == "everybody", 0
        return strength if fits else None

    # What the files say about addresses

    def hosting(self, name):
        """The line of `domains` for a domain: itself, or else the longest ending."""
        fit = [d for d in self.domains if name and names.domain_fits(d.key, name)]
        return max(fit, key=lambda d: (not d.key.startswith("."), len(d.key)), default=None)

    def own(self, table, address):
        """The line for this very mailbox, or else for the longest part of it that has an extension."""
        fit = []
        for m in table:
            local, _, where = m.key.rpartition("@")
            if m.key == address.key:
                fit.append((2, 0, m))
            elif local[-2:] in ("+*", "-*") and local[:-2] and where == address.domain and \
                    names.small(address.local).startswith(local[:-1]):
                fit.append((1, len(local), m))
        return max(fit, key=lambda f: f[:2])[2] if fit else None

    def catch_all(self, table, address):
        """The line for the address's whole domain, or else for the longest ending of it."""
        fit = [m for m in table if m.key.startswith("@") and names.domain_fits(m.key[1:], address.domain)]
        return max(fit, key=lambda m: (not m.key.startswith("@."), len(m.key)), default=None)

    def targets(self, alias):
        """Keys. Aliases among the targets stand for their own; one that is written like the alias is the mailbox."""
        out = []
        for target in alias.targets:
            other = next((a for a in self.aliases if a.key == target), None)
            for t in (target,) if other in (None, alias) else self.targets(other):
                if t not in out:
                    out.append(t)
        return tuple(out)

    # The order

    def decide(self, facts, trusted):
        """The decision about facts.recipient for a client that is trusted or not; None when an address is none."""
        sender, recipient = names.path(facts.sender, sender=True), names.path(facts.recipient)
        return None if sender is None or recipient is None else self.decided(facts, trusted, sender, recipient)

    def decided(self, facts, trusted, sender, recipient):
        verdict = self.ours(facts, recipient) or self.relaying(facts, trusted, sender, recipient)
        known = trusted or facts.login or any(self.stamped(s, facts, sender) for s in self.relay)
        return verdict._replace(
            origin="external" if not self.hosting(sender.domain) else "local" if known else "claimed")

    def way(self, facts, value, becomes):
        """The whole way of a recipient: (stage, verdict, reason, where, what it becomes). value: RELAYCLIENT in the
        listener's environment, or None; becomes: the facts with the network's answers about what it becomes."""
        gate = self.gate(facts)
        if gate.deny:
            return "gate", REFUSE, "", "clients:%d" % gate.line, ""
        sender, recipient = names.path(facts.sender, sender=True), names.path(facts.recipient)
        if sender is None or recipient is None:
            return "sender" if sender is None else "recipient", REFUSE, "", "", ""
        value = value if gate.relayclient is None else gate.relayclient
        d = self.decided(facts, value is not None, sender, recipient)
        if d.verdict != ACCEPT or not value:
            return "given", d.verdict, d.reason, d.where, ""
        text = names.appended(names.bare(facts.recipient) + ("" if recipient.domain else "@" + self.name), value)
        changed = names.mailbox(text)
        if not changed:
            return "nowhere", TEMPFAIL, "", "", ""
        d = self.decided(becomes, True, sender, changed._replace(onward=False)) # it is the operator's wish
        return "changed", d.verdict, d.reason, d.where, text

    def ours(self, facts, recipient):
        """Steps 1 to 4: what does not depend on who may relay. None: this is relaying."""
        if facts.listener.lower() == "submission" and not facts.login:
            return say(REFUSE, "login-first")
        if facts.login and facts.wrong_sender:
            return say(REFUSE, "sender-not-yours")
        if recipient.onward:
            return say(REFUSE, "onward-routing")
        if not recipient.domain:
            return say(ACCEPT, "hosted", "me", self.me)
        for s in self.relay:
            if s.verb == "deny to" and names.to_fits(s.args[0], recipient):
                return say(REFUSE, "denied", "relay", s.line, verb=s.verb)
        domain = self.hosting(recipient.domain)
        return self.hosted(facts, domain, recipient) if domain else None

    def hosted(self, facts, domain, recipient):
        for find in (self.own, self.catch_all):
            alias, listed = find(self.aliases, recipient), find(self.recipients, recipient)
            if alias:
                return say(ACCEPT, "alias", "aliases", alias.line)._replace(targets=self.targets(alias))
            if listed:
                return say(ACCEPT, "listed", "recipients", listed.line)
        at = "domains", domain.line
        if domain.check == "any":
            return say(ACCEPT, "hosted", *at)
        if domain.check == "listed":
            if recipient.local.lower() == "postmaster":
                return say(ACCEPT, "hosted", *at)
            return say(REFUSE, "no-such-recipient", *at)
        return {"": say(ASK_MAILBOX, "ask", *at), "yes": say(ACCEPT, "confirmed", *at),
                "no": say(REFUSE, "no-such-recipient", *at),
                "unknown": say(TEMPFAIL, "recipient-unconfirmed", *at)}[facts.mailbox]

    def relaying(self, facts, trusted, sender, recipient):
        for s in self.relay:
            missing = {"require sender": not self.hosting(sender.domain) and "sender-not-hosted",
                       "require login": not facts.login and "no-login",
                       "require tls": not facts.tls and "no-tls"}.get(s.verb)
            if missing:
                return say(REFUSE, missing, "relay", s.line, verb=s.verb)
        for s in self.relay:
            reason = self.granted(s, facts, trusted, sender, recipient)
            if reason:
                return say(ACCEPT, reason, "relay", s.line, verb=s.verb)
        return self.to_host(facts, recipient) or self.no_stamp(facts) or self.refused(facts, recipient)

    def no_stamp(self, facts):
        """A stamp that could not be looked for, and that might count here."""
        might = any(s.verb == "grant pop" and s.args[0].on(facts.listener) for s in self.relay)
        return say(TEMPFAIL, "stamp-unknown") if might and facts.stamp_unknown and not facts.stamp else None

    def granted(self, s, facts, trusted, sender, recipient):
        """The reason if this line is a grant that holds and needs no question to the network."""
        if s.verb == "grant clients":
            return trusted and "client"
        if s.verb == "grant login":
            return facts.login and facts.privilege and "login"
        if s.verb == "grant pop":
            return self.stamped(s, facts, sender) and "pop"
        if s.verb == "grant to":
            return names.to_fits(s.args[0], recipient) and "to"
        if s.verb == "grant sender":
            return self.sender_fits(s.args[0], sender) and "sender"
        if s.verb == "grant device":
            net, from_, to = s.args
            client = names.ip(facts.client)
            from_ok = from_ == "any" or \
                (self.hosting(sender.domain) is not None if from_ == "hosted" else names.from_fits(from_, sender))
            to_ok = to == "any" or (to != "hosted" and names.to_fits(to, recipient))
            return client and names.within(client, net) and from_ok and to_ok and "device"
        return s.verb == "grant anyone" and "anyone"

    def stamped(self, s, facts, sender):
        """Does the stamp count by this line: its listener, and the senders of the stamp's user, where it binds him?"""
        if s.verb != "grant pop" or not facts.stamp or not s.args[0].on(facts.listener):
            return False
        user = next((u for u in self.users if u.name == names.small(facts.stamp) and u.may), None)
        if not s.args[0].bound or (user and not user.senders):
            return True
        return bool(user) and any(names.from_fits(key, sender) for key in user.senders)

    def sender_fits(self, what, sender):
        """hosted: `local` lines count too. user: a mailbox of ours and no alias, or an address of a `local` line."""
        if what not in ("hosted", "user"):
            return names.from_fits(what, sender)
        if sender is names.NULL:
            return False
        remote = [s.args[0] for s in self.relay if s.verb == "local" and names.to_fits(s.args[0], sender)]
        if what == "hosted":
            return bool(remote or self.hosting(sender.domain))
        return sender.key in remote or bool(self.own(self.recipients, sender) and not self.own(self.aliases, sender))

    def to_host(self, facts, recipient):
        """`grant to-host` comes last, since the DNS must be asked, and wants every address to which the MX records
        lead. A literal has no MX records, and those of a domain with a relay in `routes` don't count. None: there is no
        such grant, or it does not hold."""
        grants = [s for s in self.relay if s.verb == "grant to-host"]
        if not grants or facts.mx == "no" or recipient.domain.startswith("["):
            return None
        if self.relay_of(recipient.domain):
            self.routed += 1
            return None
        if not facts.mx:
            return say(ASK_MX, "ask")
        if facts.mx == "unknown":
            return say(TEMPFAIL, "mx-unknown")
        fit = [[s for s in grants if names.within(names.ip(host), s.args[0])] for host in facts.hosts]
        if not fit or not all(fit):
            return None
        first = min((s for one in fit for s in one), key=lambda s: s.line)
        return say(ACCEPT, "to-host", "relay", first.line, verb=first.verb)

    def relay_of(self, name):
        """The relay of the most specific route; "" where the MX records say it."""
        fit = [r for r in self.routes if not r.key or names.domain_fits(r.key, name)]
        best = max(fit, key=lambda r: (bool(r.key), not r.key.startswith("."), len(r.key)), default=None)
        return best.relay if best else ""

    def refused(self, facts, recipient):
        if facts.login and not facts.privilege and any(s.verb == "grant login" for s in self.relay):
            return say(REFUSE, "no-privilege")
        return say(REFUSE, "address-literal" if recipient.domain.startswith("[") else "relaying-denied")


def say(verdict, reason, file="", line=0, verb=""):
    return Decision(verdict, reason, "", "%s:%d" % (file, line) if file else "", verb=verb)
