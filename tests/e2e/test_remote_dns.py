"""relay-remote finds the next hop by the DNS: a server that says what the test wants, and a real unbound."""
import time

import pytest

from lib.dns import Dns, record
from lib.onehop import S, TEXT
from lib.procs import Proc, free_port, program, wait_for
from lib.remote import deliver, environment

pytestmark = pytest.mark.once


def ask(rules, names, host="y.example", env=None, preexec=None, options=(), **dns):
    """Delivers to `host` with such a DNS. Returns the outcome and the server, closed."""
    with Dns(names, **dns) as d:
        env = environment(DNSCACHEIP=d.where, **(env or {}))
        outcome = deliver(rules, host, S, ["a@" + host], TEXT, env=env, preexec=preexec, options=options)[0]
    return outcome, d


# What the DNS says, without a connection

SAYS = {
    "no-domain": ({}, "D", "#5.1.2"),
    "null-mx": ({"y.example": {"MX": [(0, "")]}}, "D", "#5.1.10"),
    "no-mx-no-address": ({"y.example": {"TXT": ["x"]}}, "D", "#5.4.4"),
    "mx-without-address": ({"y.example": {"MX": [(10, "m.example")]}, "m.example": {"TXT": ["x"]}}, "D", "#5.4.4"),
    "mx-that-is-not": ({"y.example": {"MX": [(10, "m.example")]}}, "D", "#5.4.4"),
    "mx-no-name": ({"y.example": {"MX": [(10, "bad name")]}}, "D", "#5.4.4"),
    "servfail": ({"y.example": "servfail"}, "Z", "#4.4.3"),
    "refused": ({"y.example": "refused"}, "Z", "#4.4.3"),
    "garbage": ({"y.example": "garbage"}, "Z", "#4.4.3"),
    "silence": ({"y.example": "drop"}, "Z", "#4.4.3"),
    "wrong-id": ({"y.example": "wrong-id"}, "Z", "#4.4.3"),
    "address-servfail": ({"y.example": {"MX": [(10, "m.example")]}, "m.example": "servfail"}, "Z", "#4.4.3"),
    "one-servfail": ({"y.example": {"MX": [(10, "m.example"), (20, "n.example")]}, "m.example": "servfail"}, "Z",
        "#4.4.3"),
    "a-servfail": ({"y.example": {"MX": [], "A": "servfail", "AAAA": "servfail"}}, "Z", "#4.4.3"),
    "circle": ({"y.example": (2, record("y.example", "CNAME", "z.example") + record("z.example", "CNAME",
        "y.example"))}, "Z", "#4.4.3"),
    "cut-off": ({"y.example": (5, record("y.example", "MX", (1, "m.example")))}, "Z", "#4.4.3"),
    "name-into-itself": ({"y.example": (1, record("y.example", "MX", (1, b"\xc0\x27")))}, "Z", "#4.4.3"),
    "cname-to-nowhere": ({"y.example": {"CNAME": "gone.example"}}, "D", "#5.1.2"),
    # ourselves
    "mx-loopback": ({"y.example": {"MX": [(10, "m.example")]}, "m.example": {"A": ["127.0.0.1"]}}, "D", "#5.4.6"),
    "mx-loopback6": ({"y.example": {"MX": [(10, "m.example")]}, "m.example": {"AAAA": ["::1"]}}, "D", "#5.4.6"),
    "mx-loopback-net": ({"y.example": {"MX": [(10, "m.example")]}, "m.example": {"A": ["127.9.8.7"]}}, "D", "#5.4.6"),
    "mx-mapped": ({"y.example": {"MX": [(10, "m.example")]}, "m.example": {"AAAA": ["::ffff:127.0.0.1"]}}, "D",
        "#5.4.6"),
    "a-loopback": ({"y.example": {"A": ["127.0.0.1"]}}, "D", "#5.4.6"),
    "mx-our-name": ({"y.example": {"MX": [(10, "RELAY.example")]}, "relay.example": {"A": ["192.0.2.9"]}}, "D",
        "#5.4.6"),
    "we-and-worse": ({"y.example": {"MX": [(10, "m.example"), (20, "n.example")]}, "m.example": {"A": ["127.0.0.1"]},
                      "n.example": {"A": ["192.0.2.9"]}}, "D", "#5.4.6"),
    "we-and-equal": ({"y.example": {"MX": [(10, "m.example"), (10, "n.example")]}, "m.example": {"A": ["127.0.0.1"]},
                      "n.example": {"A": ["192.0.2.9"]}}, "D", "#5.4.6"),
    "any": ({"y.example": {"MX": [(10, "m.example")]}, "m.example": {"A": ["0.0.0.0"]}}, "D", "#5.4.4"),
    "any6": ({"y.example": {"MX": [(10, "m.example")]}, "m.example": {"AAAA": ["::"]}}, "D", "#5.4.4"),
    "any-mapped": ({"y.example": {"MX": [(10, "m.example")]}, "m.example": {"AAAA": ["::ffff:0.0.0.0"]}}, "D",
        "#5.4.4"),
    "multicast": ({"y.example": {"MX": [(10, "m.example")]}, "m.example": {"A": ["224.0.0.1", "255.255.255.255"]}}, "D",
        "#5.4.4"),
}


@pytest.mark.parametrize("case", sorted(SAYS))
def test_says(rules, case):
    names, verdict, code = SAYS[case]
    outcome, _ = ask(rules, names)
    assert (outcome.each, outcome.verdict) == ("", verdict) and code in outcome.text, outcome


def test_no_server_at_all(rules):
    env = environment(DNSCACHEIP="127.0.0.1:%d" % free_port())
    outcome = deliver(rules, "y.example", S, ["a@y.example"], TEXT, env=env)[0]
    assert (outcome.each, outcome.verdict) == ("", "Z") and "#4.4.3" in outcome.text


def test_stranger_cannot_reach_our_ports(instances, sink):
    """mx:DOMAIN:PORT: the operator chose the port, the DNS chose 127.0.0.1. What listens there is not for strangers'
    MX records."""
    i = instances(routes="y.example::%d\n" % sink.port)
    if i.compile(check=False)[0]:
        pytest.skip("the rules don't take a port without a relay")
    outcome, _ = ask(i.rules, {"y.example": {"MX": [(10, "m.example")]}, "m.example": {"A": ["127.0.0.1"]}})
    assert (outcome.verdict, sink.sessions) == ("D", []) and "#5.4.6" in outcome.text


def route_by_name(instances, sink, **more):
    i = instances(routes=":hop.example:%d\n" % sink.port, **more)
    i.compile()
    return i.rules


def test_route_by_name(instances, sink):
    """A route's name is asked in the DNS, and may lead to this machine: the operator said so."""
    rules = route_by_name(instances, sink)
    outcome, d = ask(rules, {"hop.example": {"A": ["127.0.0.1"]}})
    assert outcome.verdict == "K" and outcome.text.startswith("hop.example [127.0.0.1] said: 250 ")
    assert {n for n, _, _ in d.asked} == {"hop.example"}


def test_route_by_alias(instances, sink):
    outcome, _ = ask(route_by_name(instances, sink), {"hop.example": {"CNAME": "real.example"},
        "real.example": {"A": ["127.0.0.1"]}})
    assert outcome.verdict == "K"


def test_no_search_domain_no_hosts_file(instances, sink):
    """Names are asked as they are: localhost too."""
    i = instances(routes=":localhost:%d\n" % sink.port)
    i.compile()
    outcome, d = ask(i.rules, {}, env={"LOCALDOMAIN": "search.example", "HOSTALIASES": "/etc/hosts"})
    assert outcome.verdict == "Z" and "#4.4.4" in outcome.text
    assert {n for n, _, _ in d.asked} == {"localhost"}
    outcome, d = ask(i.rules, {"localhost": {"A": ["127.0.0.1"]}})
    assert outcome.verdict == "K"


def test_route_name_missing(instances, sink):
    """The operator's mistake: the mail waits until it is mended."""
    outcome, _ = ask(route_by_name(instances, sink), {})
    assert (outcome.each, outcome.verdict) == ("", "Z") and "#4.4.4" in outcome.text


def test_route_to_any_address(instances, sink):
    outcome, _ = ask(route_by_name(instances, sink), {"hop.example": {"A": ["0.0.0.0"], "AAAA": ["::",
        "::ffff:0.0.0.0"]}})
    assert outcome.verdict == "D" and "#5.4.4" in outcome.text and sink.sessions == []


def test_next_address(instances, sink):
    """The first address refuses the connection: the next one is tried."""
    names = {"hop.example": {"A": ["127.0.0.9", "127.0.0.8", "127.0.0.1"]}}
    outcome, _ = ask(route_by_name(instances, sink), names)
    assert outcome.verdict == "K"


def test_ipv6_route_by_name(instances, sinks):
    sink = sinks(host="::1")
    outcome, _ = ask(route_by_name(instances, sink), {"hop.example": {"AAAA": ["::1"], "A": ["127.0.0.1"]}})
    assert outcome.verdict == "K" and "hop.example [::1]" in outcome.text


def test_truncated_then_tcp(instances, sink):
    outcome, d = ask(route_by_name(instances, sink), {"hop.example": {"A": ["127.0.0.1"]}}, tcp=["hop.example"])
    assert outcome.verdict == "K"
    assert {("hop.example", "A", "udp"), ("hop.example", "A", "tcp")} <= set(d.asked)


def test_large_answer_over_tcp(instances, sink):
    """More than UDP can carry: 2,000 addresses, of which a few are tried."""
    names = {"hop.example": {"A": ["127.1.%d.%d" % (i // 250, 1 + i % 250) for i in range(2000)]}}
    outcome, d = ask(route_by_name(instances, sink), names)
    assert outcome.verdict == "Z" and "Connection refused" in outcome.text
    assert ("hop.example", "A", "tcp") in d.asked


def test_ipv6_resolver(instances, sink):
    with Dns({"hop.example": {"A": ["127.0.0.1"]}}, host="::1") as d:
        env = environment(DNSCACHEIP=d.where)
        outcome = deliver(route_by_name(instances, sink), "y.example", S, ["a@y.example"], TEXT, env=env)[0]
    assert outcome.verdict == "K" and d.asked


# A real resolver

UNBOUND = """server:
  interface: 127.0.0.1
  port: %(port)d
  directory: "%(dir)s"
  pidfile: "%(dir)s/pid"
  chroot: ""
  username: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"
  local-zone: "example." static
  local-data: "hop.example. A 127.0.0.1"
  local-data: "alias.example. CNAME hop.example."
  local-data: "null.example. MX 0 ."
  local-data: "us.example. MX 10 hop.example."
  local-data: "none.example. TXT x"
%(more)s
"""


@pytest.fixture(scope="module")
def unbound(tmp_path_factory):
    try:
        argv0 = program("unbound")
    except FileNotFoundError:
        pytest.skip("unbound is not installed")
    d = tmp_path_factory.mktemp("unbound")
    port = free_port()
    many = "\n".join('  local-data: "many.example. A 127.77.%d.%d"' % (i // 200, i % 200 + 1) for i in range(600))
    (d / "conf").write_text(UNBOUND % {"port": port, "dir": d, "more": many})
    p = Proc([argv0, "-d", "-c", str(d / "conf")], str(d / "log"))

    def answers():
        with open("/proc/net/udp") as f:
            return any(int(l.split()[1].rsplit(":", 1)[1], 16) == port for l in f.readlines()[1:]) or not p.alive()
    try:
        wait_for(answers, 20, "unbound listening")
        assert p.alive(), p.text()
        time.sleep(0.2)
        yield "127.0.0.1:%d" % port
    finally:
        p.stop()


@pytest.mark.parametrize("host,verdict,code", [
    ("null.example", "D", "#5.1.10"), ("us.example", "D", "#5.4.6"), ("none.example", "D", "#5.4.4"), ("gone.example",
        "D", "#5.1.2")])
def test_unbound_domains(rules, unbound, host, verdict, code):
    outcome = deliver(rules, host, S, ["a@" + host], TEXT, env=environment(DNSCACHEIP=unbound))[0]
    assert (outcome.each, outcome.verdict) == ("", verdict) and code in outcome.text, outcome


def test_unbound_routes(instances, sink, unbound):
    for hop in ("hop.example", "HOP.example.", "alias.example"):
        i = instances(routes=":%s:%d\n" % (hop, sink.port))
        i.compile()
        outcome = deliver(i.rules, "y.example", S, ["a@y.example"], TEXT, env=environment(DNSCACHEIP=unbound))[0]
        if hop == "alias.example" and outcome.verdict == "Z":
            continue # unbound's local-data does not follow its own aliases
        assert outcome.verdict == "K", outcome


def test_unbound_tcp(instances, sink, unbound):
    """600 addresses don't fit into a packet: libresolv comes again over TCP."""
    i = instances(routes=":many.example:%d\n" % sink.port)
    i.compile()
    outcome = deliver(i.rules, "y.example", S, ["a@y.example"], TEXT, env=environment(DNSCACHEIP=unbound))[0]
    assert outcome.verdict == "Z" and "many.example [127.77." in outcome.text and "refused" in outcome.text
