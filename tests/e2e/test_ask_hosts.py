"""relay-ask by itself: where a domain's mail exchangers are. All of their addresses, or none."""
import subprocess
import time

import pytest

from lib.ask import Ask
from lib.dns import Dns, record
from lib.procs import free_port, program

pytestmark = pytest.mark.once

D = "y.example"


def mx(*hosts, domain=D, **names):
    """A domain with exchangers of preferences 10, 20, ...; names with `_` for dots and their addresses."""
    out = {domain: {"MX": [(10 * n, h) for n, h in enumerate(hosts, 1)]}}
    for name, addresses in names.items():
        out[name + ".example"] = addresses if isinstance(addresses, str) else {
            "A": [a for a in addresses if ":" not in a], "AAAA": [a for a in addresses if ":" in a]}
    return out


MANY = {"y.example": {"MX": [(10, "h%d.example" % i) for i in range(9)]},
        **{"h%d.example" % i: {"A": ["198.51.100.%d" % (8 * i + j) for j in range(8)]} for i in range(9)}}
FITS = {**MANY, "y.example": {"MX": [(10, "h%d.example" % i) for i in range(8)]}}

SAYS = {
    "one": (mx("m.example", m=["198.51.100.1"]), "yes", ["198.51.100.1"]),
    "both-families": (mx("m.example", m=["198.51.100.1", "198.51.100.2", "2001:db8::1"]), "yes",
                      ["198.51.100.1", "198.51.100.2", "2001:db8::1"]),
    "ipv6-alone": (mx("m.example", m=["2001:db8::1"]), "yes", ["2001:db8::1"]),
    "all-preferences": (mx("m.example", "n.example", m=["198.51.100.1"], n=["198.51.100.2"]), "yes",
                        ["198.51.100.1", "198.51.100.2"]),
    "each-once": (mx("m.example", "n.example", m=["198.51.100.1"], n=["198.51.100.1", "198.51.100.2"]), "yes",
                  ["198.51.100.1", "198.51.100.2"]),
    "no-mx": ({D: {"A": ["198.51.100.7"], "AAAA": ["2001:db8::7"]}}, "yes", ["198.51.100.7", "2001:db8::7"]),
    "alias": ({D: {"CNAME": "real.example"}, **mx("m.example", domain="real.example", m=["198.51.100.1"])}, "yes",
              ["198.51.100.1"]),
    "mapped": (mx("m.example", m=["::ffff:198.51.100.5"]), "yes", ["198.51.100.5"]),
    "unreachable-left-out": (mx("m.example", m=["0.0.0.0", "224.0.0.1", "::", "198.51.100.1"]), "yes",
                             ["198.51.100.1"]),
    "one-missing": (mx("gone.example", "m.example", m=["198.51.100.1"]), "yes", ["198.51.100.1"]),
    "worse-than-we": (mx("m.example", "n.example", "o.example", m=["198.51.100.1"], n=["127.0.0.1"],
                         o=["198.51.100.3"]), "yes", ["198.51.100.1"]),
    "our-equal": ({D: {"MX": [(10, "m.example"), (20, "n.example"), (20, "o.example")]},
                   **{n + ".example": {"A": [a]} for n, a in
                      (("m", "198.51.100.1"), ("n", "198.51.100.2"), ("o", "127.0.0.1"))}}, "yes", ["198.51.100.1"]),
    "we-by-name": (mx("m.example", "RELAY.example", "o.example", m=["198.51.100.1"], o=["198.51.100.3"]), "yes",
                   ["198.51.100.1"]),
    "we-by-one-of-many": (mx("m.example", m=["198.51.100.1", "198.51.100.2", "127.0.0.1"]), "no", "#5.4.6"),
    "we-are-best": (mx("m.example", "n.example", m=["127.0.0.1"], n=["198.51.100.9"]), "no", "#5.4.6"),
    "we-by-ipv6": (mx("m.example", "n.example", m=["::1"], n=["198.51.100.9"]), "no", "#5.4.6"),
    "we-mapped": (mx("m.example", m=["::ffff:127.0.0.1"]), "no", "#5.4.6"),
    "no-mx-and-we": ({D: {"A": ["127.0.0.1"]}}, "no", "#5.4.6"),
    "null-mx": ({D: {"MX": [(0, "")], "A": ["198.51.100.1"]}}, "no", "#5.1.10"),
    "no-domain": ({}, "no", "#5.1.2"),
    "no-address": ({D: {"TXT": ["x"]}}, "no", "#5.4.4"),
    "nothing-left": (mx("m.example", m=["0.0.0.0"]), "no", "#5.4.4"),
    "no-host": (mx("gone.example"), "no", "#5.4.4"),
    "no-host-name": ({D: {"MX": [(10, "bad name")]}}, "no", "#5.4.4"),
    # one look-up that fails is enough
    "mx-servfail": ({D: "servfail"}, "unknown", "#4.4.3"),
    "mx-refused": ({D: "refused"}, "unknown", "#4.4.3"),
    "mx-garbage": ({D: "garbage"}, "unknown", "#4.4.3"),
    "mx-silence": ({D: "drop"}, "unknown", "#4.4.3"),
    "mx-wrong-id": ({D: "wrong-id"}, "unknown", "#4.4.3"),
    "mx-cut-off": ({D: (5, record(D, "MX", (1, "m.example")))}, "unknown", "#4.4.3"),
    "a-servfail": ({D: {"MX": [], "A": "servfail", "AAAA": ["2001:db8::1"]}}, "unknown", "#4.4.3"),
    "aaaa-servfail": ({D: {"MX": [], "AAAA": "servfail", "A": ["198.51.100.1"]}}, "unknown", "#4.4.3"),
    "second-host-servfail": (mx("m.example", "n.example", m=["198.51.100.1"], n="servfail"), "unknown", "#4.4.3"),
    "second-host-silent": (mx("m.example", "n.example", m=["198.51.100.1"], n="drop"), "unknown", "#4.4.3"),
    "circle": ({D: (2, record(D, "CNAME", "z.example") + record("z.example", "CNAME", D))}, "unknown", "#4.4.3"),
    # more than is looked at
    "16-exchangers": ({D: {"MX": [(i, "m.example") for i in range(16)]}, "m.example": {"A": ["198.51.100.1"]}}, "yes",
                      ["198.51.100.1"]),
    "17-exchangers": ({D: {"MX": [(i, "m.example") for i in range(17)]}, "m.example": {"A": ["198.51.100.1"]}},
                      "unknown", "too many"),
    "8-addresses": (mx("m.example", m=["198.51.100.%d" % i for i in range(1, 9)]), "yes",
                    ["198.51.100.%d" % i for i in range(1, 9)]),
    "9-addresses": (mx("m.example", m=["198.51.100.%d" % i for i in range(1, 10)]), "unknown", "too much"),
    "64-addresses": (FITS, "yes", sorted("198.51.100.%d" % i for i in range(64))),
    "65-addresses": ({**MANY, "h8.example": {"A": ["198.51.100.64"]}}, "unknown", "too many"),
}


@pytest.mark.parametrize("case", sorted(SAYS))
def test_hosts(rules, tmp_path, case):
    names, word, rest = SAYS[case]
    with Dns(names) as d, Ask(rules, str(tmp_path), env={"DNSCACHEIP": d.where}) as a:
        got, said = a.hosts(D)
        assert got == word and (said == rest if word == "yes" else rest in said), (got, said)
        line = a.log()[-1]
        assert (line["event"], line["hosts"], line["answer"], line["cached"]) == ("asked", D, word, "0")


def test_our_equals_in_any_order(rules, tmp_path):
    """Equals are shuffled; those that come before us are dropped as well as those behind."""
    names = dict(SAYS["our-equal"][0])
    with Dns(names) as d:
        for _ in range(20):
            with Ask(rules, str(tmp_path), env={"DNSCACHEIP": d.where}) as a:
                assert a.hosts(D) == ("yes", ["198.51.100.1"])


def test_nxdomain_to_aaaa(rules, tmp_path):
    """Servers that say so where only A exists (RFC 4074 4.2): the address is found all the same."""
    class Odd(Dns):
        def answer(self, query, how):
            out = super().answer(query, how)
            return out[:3] + bytes([out[3] | 3]) + out[4:] if self.asked[-1][1] == "AAAA" else out
    with Odd(mx("m.example", m=["198.51.100.1"])) as d, Ask(rules, str(tmp_path), env={"DNSCACHEIP": d.where}) as a:
        assert a.hosts(D) == ("yes", ["198.51.100.1"])


def test_tcp(rules, tmp_path):
    names = mx("m.example", m=["198.51.100.1", "2001:db8::1"])
    with Dns(names, tcp=set(names)) as d, Ask(rules, str(tmp_path), env={"DNSCACHEIP": d.where}) as a:
        assert a.hosts(D) == ("yes", ["198.51.100.1", "2001:db8::1"])
        assert {how for _, _, how in d.asked} == {"udp", "tcp"}


def test_remembered_by_the_session_alone(rules, tmp_path):
    """Many recipients of a domain are one look-up; the DNS has its own caches and lifetimes for the rest."""
    names = mx("m.example", m=["198.51.100.1"])
    with Dns(names) as d:
        with Ask(rules, str(tmp_path), env={"DNSCACHEIP": d.where}) as a:
            assert a.hosts(D) == ("yes", ["198.51.100.1"])
            n = len(d.asked)
            d.names["m.example"] = {"A": ["203.0.113.1"]}
            assert [a.hosts(D) for _ in range(5)] == 5 * [("yes", ["198.51.100.1"])] and len(d.asked) == n
            assert [l["cached"] for l in a.log()] == ["0"] + 5 * ["1"]
            assert a.hosts("gone.example")[0] == a.hosts("gone.example")[0] == "no"
            for i in range(8):   # others push it out
                a.hosts("d%d.example" % i)
            assert a.hosts(D) == ("yes", ["203.0.113.1"])
        with Ask(rules, str(tmp_path), env={"DNSCACHEIP": d.where}) as a:
            assert a.hosts(D) == ("yes", ["203.0.113.1"])


def test_domains_of_a_session(rules, tmp_path):
    """No more than so many, whatever the answers were; those that are known are still answered."""
    with Dns(mx("m.example", m=["198.51.100.1"])) as d, Ask(rules, str(tmp_path), env={"DNSCACHEIP": d.where}) as a:
        assert [a.hosts("d%d.example" % i)[0] for i in range(99)] == 99 * ["no"]
        assert a.hosts(D)[0] == "yes"
        n = len(d.asked)
        assert a.hosts("further.example") == ("unknown", "too many domains for one session (#4.5.3)")
        assert a.hosts(D)[0] == "yes" and len(d.asked) == n


def test_in_time(rules, tmp_path):
    """A server that keeps silent on each of many hosts: no more than the time for a question, though the resolver
    would take 5 seconds and a second try for each name."""
    names = {D: {"MX": [(i, "h%d.example" % i) for i in range(10)]}, **{"h%d.example" % i: "drop" for i in range(10)}}
    env = {"RES_OPTIONS": "timeout:5 attempts:2"}
    with Dns(names) as d, Ask(rules, str(tmp_path), "-t", "2", env={"DNSCACHEIP": d.where, **env}) as a:
        began = time.monotonic()
        assert a.hosts(D)[0] == "unknown"
        assert time.monotonic() - began < 4.5


@pytest.mark.slow
def test_dns_hangs_over_tcp(rules, tmp_path):
    """Where the resolver knows no deadline the process ends; who asks takes that for `unknown`."""
    class Mute(Dns):
        def answer(self, query, how):
            if how == "tcp":
                time.sleep(60)
            return super().answer(query, how)
    with Mute(mx("m.example"), tcp={D}) as d:
        a = Ask(rules, str(tmp_path), "-t", "1", env={"DNSCACHEIP": d.where})
        try:
            a.put("hosts " + D)
            assert a.get(15) is None
            assert a.popen.wait(5) == -14
        finally:
            a.close()


def test_nobody_answers(rules, tmp_path):
    with Ask(rules, str(tmp_path), env={"DNSCACHEIP": "127.0.0.1:%d" % free_port()}) as a:
        assert a.hosts(D)[0] == "unknown"
    with Ask(rules, str(tmp_path), env={"DNSCACHEIP": "nonsense"}) as a:
        assert a.ask("hosts " + D) == "unknown $DNSCACHEIP is no address (#4.3.5)"
    with Ask(rules, str(tmp_path)) as a:
        assert a.ask("hosts [192.0.2.1]").startswith("unknown ") and a.ask("hosts ..").startswith("unknown ")


def test_by_hand(rules):
    """Lines from a pipe, as a person would ask."""
    with Dns(mx("m.example", m=["198.51.100.1"])) as d:
        r = subprocess.run([program("relay-ask"), "-c", "/nonexistent/asked"], input=b"hosts y.example\n",
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10,
                           env={"RELAYRULES": rules, "DNSCACHEIP": d.where})
    assert (r.returncode, r.stdout) == (0, b"yes 198.51.100.1\n")


def test_closed_log(rules, tmp_path):
    """Without a descriptor 2 the log must not go into what is opened next."""
    r = subprocess.run(["sh", "-c", 'echo "recipient x" | "$0" -r "$1" -c "$2" 2>&-', program("relay-ask"), rules,
                        str(tmp_path / "asked")], stdout=subprocess.PIPE, timeout=10)
    assert r.returncode == 0 and r.stdout.startswith(b"unknown ")
    assert set((tmp_path / "asked").read_bytes()) == {0}
