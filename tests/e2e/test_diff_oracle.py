"""relay-diff --json over random rules, read by the words of relay-diff(8) alone: whenever an oracle that knows nothing
of the programs decides differently by the old and the new rules, the facts are in an entry of that kind, and whenever
it does not, in none. ORACLE_SEED=N repeats a run."""
import ipaddress
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter

import pytest

from lib.procs import ROOT, program

sys.path.insert(0, os.path.join(ROOT, "tests"))

from oracle import names  # noqa: E402
from oracle.generate import Generator  # noqa: E402
from oracle.oracle import ACCEPT, Oracle  # noqa: E402

pytestmark = pytest.mark.once

PAIRS, QUESTIONS = 80, 80
SEED = os.environ.get("ORACLE_SEED") or str(random.randrange(1 << 32))
OURS = ("hosted", "listed", "alias", "confirmed")


def compiled(texts, folder):
    """The texts as relay-mkcdb takes them, without the lines that it complains about; None when it never does."""
    os.makedirs(folder, exist_ok=True)
    for _ in range(8):
        for name, text in texts.items():
            with open(os.path.join(folder, name), "w", newline="") as f:
                f.write(text)
        r = subprocess.run([program("relay-mkcdb"), folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if r.returncode == 0:
            return texts
        wrong = set(re.findall(r"^(\w+):(\d+): (?!warning)", r.stderr.decode(), re.M))
        texts = {name: "\n".join("" if (name, str(i)) in wrong else line for i, line in enumerate(text.split("\n"), 1))
                 for name, text in texts.items()}
    return None


# What the entries say

def unescaped(text):
    return text.encode().decode("unicode_escape").encode("latin-1").decode()


def fitness(name, address):
    """How special a form is for an address; 0: it does not fit."""
    local, at, where = name.rpartition("@")
    literal = address.domain.startswith("[")
    if name in ("<>", "postmaster"):
        return 9 * (address.key == ("" if name == "<>" else name))
    if not address.domain:
        return 0
    if name.startswith("any other "):
        return int(literal == name.endswith("literal"))
    if at and local == "postmaster" and names.domain_fits(where, address.domain):
        fits = names.small(address.local) == "postmaster"
        return fits and (20001 if where == address.domain else 10 * len(where) + 3)
    if at and local[-2:] in ("+*", "-*"):
        fits = where == address.domain and names.small(address.local).startswith(local[:-1])
        return fits and 100000 + len(local)
    if at:
        return 1000000 * (name == address.key)
    if not names.domain_fits(name, address.domain):
        return 0
    return 10 * len(name) + 2 if name.startswith(".") else 20000


def recipient_words(oracle, a):
    """The group of a recipient, and whether relaying can come up for it."""
    if any(s.verb == "deny to" and names.to_fits(s.args[0], a) for s in oracle.relay) and a.domain:
        return "recipients of `deny to`", False
    domain = oracle.hosting(a.domain)
    if domain or not a.domain:
        known = not a.domain or any(f(t, a) for f in (oracle.own, oracle.catch_all)
                                    for t in (oracle.aliases, oracle.recipients))
        if known or domain.check == "any" or (domain.check == "listed" and a.local.lower() == "postmaster"):
            return "recipients of ours", False
        return ("recipients of ours that the next hop is asked about" if domain.check == "asked" else
                "unknown recipients in our domains"), False
    granted = any(s.verb == "grant to" and names.to_fits(s.args[0], a) for s in oracle.relay)
    if not granted and any(s.verb == "grant to-host" for s in oracle.relay) and not a.domain.startswith("[") and \
            oracle.relay_of(a.domain):
        return "other domains whose mail a route sends to a relay", True
    # literals are a group of their own as soon as `grant to-host` tells them apart
    return ("%s of `grant to`" if granted else "other %s", True)


def sender_words(oracle, a):
    if a is names.NULL:
        return "the null sender"
    granted = any(s.verb == "grant sender" and oracle.sender_fits(s.args[0], a) for s in oracle.relay)
    return {(False, False): "other senders", (True, False): "senders in our domains",
            (False, True): "senders of `grant sender`", (True, True): "senders in our domains and of `grant sender`"}[
                bool(oracle.hosting(a.domain)), granted]


def among(said, address, words):
    """Is the address in a set of senders or recipients? words: its group in both rules, "" if they differ."""
    if words and words in said["but"]:
        return False
    if words and words in said["and"]:
        return True
    fits = [(fitness(unescaped(c["name"]), address), c["in"]) for c in said["classes"]]
    return max([f for f in fits if f[0]] + [(0, said["all"])])[1]


class Pair:
    def __init__(self, old, new):
        self.both = old, new
        self.literals = any(s.verb == "grant to-host" for o in self.both for s in o.relay)

    def recipient_words(self, oracle, a):
        words = recipient_words(oracle, a)[0]
        routed = words == "other %s" and not a.domain.startswith("[") and oracle.relay_of(a.domain) and \
            any(s.verb == "grant to-host" for s in oracle.relay)
        return "other domains whose mail a route sends to a relay" if routed else words

    def recipient(self, a):
        old, new = (self.recipient_words(o, a) for o in self.both)
        literal = self.literals and a.domain.startswith("[")
        which = {"other %s": "other address literals" if literal else "other domains",
                 "%s of `grant to`": ("address literals" if literal else "recipients") + " of `grant to`"}.get(old, old)
        return which if old == new else ""

    def sender(self, a):
        old, new = (sender_words(o, a) for o in self.both)
        return old if old == new else ""

    def rules(self, kinds):
        return {r.what for o in self.both for r in o.clients if r.kind in kinds}

    def user_rules(self, facts):
        """The rules that fit the client's user, at its address and at its name, in either table; None: none does."""
        client, host = names.ip(facts.client), names.domain(facts.host) if facts.host else None
        out = [None, None]
        for user, kind, what in self.rules(("user",)):
            if facts.info == user and kind == "address" and what == client:
                out[0] = user + "@" + names.literal_of(what)[1:-1].removeprefix("IPv6:")
            elif facts.info == user and kind == "name" and what == host:
                out[1] = user + "@=" + what
        return out

    def name_rule(self, facts):
        host = names.domain(facts.host) if facts.host else None
        if host is None:
            return None
        if (host,) in self.rules(("name",)):
            return "=" + host
        fit = [what[0] for what in self.rules(("ending",)) if host.endswith(what[0])]
        return "=" + max(fit, key=len) if fit else "=" if self.rules(("named",)) else None

    def client(self, said, facts, gates):
        if said["all"]:
            return True
        trusted = [g.relayclient is not None for g in gates]
        if (said["trusted"] and all(trusted)) or (said["strangers"] and not any(trusted)):
            return True
        return any(self.part(p, facts) for p in said["parts"])

    def part(self, p, facts):
        if [u and u["rule"] for u in (p["user"], p["user-host"])] != self.user_rules(facts):
            return False
        if p["names"] is not None and self.name_rule(facts) not in [n and n["rule"] for n in p["names"]]:
            return False
        client = names.ip(facts.client)
        if client is None:
            return p["unknown"]
        fit = [(n.prefixlen, x["in"]) for x in p["prefixes"] for n in [ipaddress.ip_network(x["prefix"])]
               if names.within(client, (names.Ip(n.max_prefixlen, int(n.network_address)), n.prefixlen))]
        return max(fit, default=(0, False))[1]

    def when(self, terms, facts):
        granted = [self.exchangers(o, facts) for o in self.both]
        stamps = [self.stamp(o, facts) for o in self.both]
        tables = {(0, 0): "neither", (1, 0): "old", (0, 1): "new", (1, 1): "both"}
        value = {"login": "relay" if facts.login and facts.privilege else "norelay" if facts.login else "none",
                 "pop": tables[tuple(stamps)].replace("neither", "none"), "tls": "yes" if facts.tls else "no",
                 "listener": "submission" if facts.listener.lower() == "submission" else "other",
                 "mailbox": "yes" if facts.mailbox == "yes" else "no",
                 "exchangers": tables[tuple(granted)]}
        return any(all(value[k] in t[k] for k in value) for t in terms)

    def stamp(self, oracle, facts):
        sender = names.path(facts.sender, sender=True)
        return int(any(oracle.stamped(s, facts, sender) for s in oracle.relay))

    def exchangers(self, oracle, facts):
        grants = [s.args[0] for s in oracle.relay if s.verb == "grant to-host"]
        return int(facts.mx == "yes" and bool(facts.hosts) and
                   all(any(names.within(names.ip(h), g) for g in grants) for h in facts.hosts))

    def means(self, line, facts, gates):
        kind, to = line["kind"], names.path(facts.recipient)
        if kind in ("lasts", "spreads"):
            return True
        if kind != "redirects" and not self.client(line["clients"], facts, gates):
            return False
        if "recipients" not in line:
            return True
        if to.onward or (kind != "redirects" and any(g.deny for g in gates)):
            return False
        if kind in ("gains", "loses") and not recipient_words(self.both[kind == "gains"], to)[1]:
            return False
        if not among(line["recipients"], to, self.recipient(to)):
            return False
        if kind == "redirects":
            return True
        if facts.listener.lower() == "submission" and not facts.login:
            return False
        sender = names.path(facts.sender, sender=True)
        return among(line["senders"], sender, self.sender(sender)) and self.when(line["when"], facts)

    def expected(self, facts, gates):
        """The kinds of entries that must mean these facts."""
        old, new = gates
        to, kinds = names.path(facts.recipient), []
        pops = [[s.args[0] for s in o.relay if s.verb == "grant pop"] for o in self.both]
        if all(pops):
            kinds += ["lasts"] * (pops[0][0].seconds != pops[1][0].seconds)
            kinds += ["spreads"] * (pops[0][0].network != pops[1][0].network)
        trusted = [g.relayclient is not None for g in gates]
        if old.deny and not new.deny:
            kinds.append("trusts" if trusted[1] else "lets-in")
        if new.deny and not old.deny:
            kinds.append("shuts-out")
        if all(trusted) and old.relayclient != new.relayclient:
            kinds.append("appends")
        plain = type(facts)(recipient=facts.recipient)
        a, b = (o.ours(plain, to) for o in self.both)
        if a and b and (a.verdict, b.verdict) == (ACCEPT, ACCEPT) and "alias" in (a.reason, b.reason):
            a, b = ((d.reason == "alias", {names.mailbox(t).key for t in d.targets}) for d in (a, b))
            kinds += ["redirects"] * (a != b)
        if old.deny or new.deny:
            return kinds
        a, b = (o.decide(facts, t) for o, t in zip(self.both, trusted))
        a, b = ((d.verdict == ACCEPT) + (d.verdict == ACCEPT and d.reason in OURS) for d in (a, b))
        if a != b:
            relayed = [recipient_words(o, to)[1] for o in self.both]
            kinds.append(("hosts" if relayed[0] else "takes") if b == 2 else
                         ("unhosts" if relayed[1] else "refuses") if a == 2 else "gains" if b else "loses")
        return kinds


def some_facts(generator):
    """Facts that can be decided."""
    while True:
        f = generator.facts()
        f.wrong_sender = False    # a login's senders are no part of the rules
        f.kept, f.mailbox, f.mx = False, f.mailbox or "unknown", f.mx or "no"
        if names.path(f.sender, sender=True) is not None and names.path(f.recipient) is not None:
            return f


def other(generator, texts):
    """The texts with lines of some files gone, and new ones there."""
    fresh = generator.texts()
    out = dict(texts)
    for name in generator.random.sample(sorted(set(texts) - {"me"}), generator.random.randrange(1, 4)):
        kept = [line for line in texts[name].split("\n") if generator.chance(0.7)]
        out[name] = "\n".join(kept + [line for line in fresh[name].split("\n") if generator.chance(0.3)])
    return out


@pytest.mark.slow
def test_entries_are_what_has_changed_and_nothing_else(tmp_path):
    seen = Counter()
    print("ORACLE_SEED=%s" % SEED)
    for i in range(PAIRS):
        generator = Generator(random.Random("diff/%s/%d" % (SEED, i)))
        old = compiled(generator.texts(), str(tmp_path / "old"))
        new = old and compiled(other(generator, old), str(tmp_path / "new"))
        if not new:
            seen["skipped"] += 1
            continue
        r = subprocess.run([program("relay-diff"), "--json", str(tmp_path / "old"), str(tmp_path / "new")],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert r.returncode in (0, 1), r.stderr
        lines, pair = json.loads(r.stdout)["lines"], Pair(Oracle(old), Oracle(new))
        for _ in range(QUESTIONS):
            facts = some_facts(generator)
            gates = [o.gate(facts) for o in pair.both]
            said = sorted(x["kind"] for x in lines if pair.means(x, facts, gates))
            want = sorted(pair.expected(facts, gates))
            assert [s for s in said if s not in ("believes", "doubts")] == want, \
                "ORACLE_SEED=%s, pair %d: %r\nold: %r\nnew: %r\n%s" % (SEED, i, facts, old, new, r.stdout.decode())
            seen.update(want or ["nothing"])
    print(seen)
    kinds = ("gains", "loses", "takes", "refuses", "hosts", "unhosts", "lets-in", "shuts-out")
    assert seen["skipped"] < PAIRS // 4 and sum(seen[k] > 0 for k in kinds) > 5, seen
