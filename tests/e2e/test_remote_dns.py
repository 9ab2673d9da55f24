"""relay-remote finds the next hop: a DNS server that says what the test wants, a real unbound, and in network
namespaces servers on port 25 that are really others."""
import time

import pytest

from lib.dns import Dns, record
from lib.procs import Proc, free_port, program, wait_for
from lib.remote import deliver, environment
from lib.sink import CLOSE, Sink

S, TEXT = "s@sender.example", b"Subject: x\n\nhello\n"


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


# Others on port 25

class World:
    """Sinks on port 25 of addresses there, a DNS here."""

    def __init__(self, net, rules):
        self.net, self.rules, self.sinks, self.dns = net, rules, {}, None

    def sink(self, host, port=25):
        with self.net.there():
            s = Sink(host, port)
        self.sinks[host] = s
        return s

    def mail(self, names, host="y.example", **more):
        with self.net.here():
            d = Dns(names)
        with d:
            self.dns = d
            env = environment(DNSCACHEIP=d.where)
            return deliver(self.rules, host, S, ["a@" + host], TEXT, env=env, preexec=self.net.enter_here, **more)[0]

    def close(self):
        for s in self.sinks.values():
            s.close()

    def hits(self):
        return {h: len(s.messages) for h, s in self.sinks.items() if s.messages}


@pytest.fixture
def world(net, rules):
    w = World(net, rules)
    yield w
    w.close()


def mx(*pairs):
    return {"y.example": {"MX": [(p, "m%d.example" % i) for p, i in pairs]},
            **{"m%d.example" % i: {"A": ["10.99.0.%d" % i]} for _, i in pairs}}


def test_mx(world):
    world.sink("10.99.0.2")
    outcome = world.mail(mx((10, 2)))
    assert outcome.verdict == "K" and outcome.text.startswith("m2.example [10.99.0.2] said: 250")
    assert world.hits() == {"10.99.0.2": 1}


def test_mx_preference(world):
    for i in (2, 3, 4):
        world.sink("10.99.0.%d" % i)
    for _ in range(3):
        assert world.mail(mx((30, 2), (10, 3), (20, 4))).verdict == "K"
    assert world.hits() == {"10.99.0.3": 3}
    assert not any(n in ("m2.example", "m4.example") for n, _, _ in world.dns.asked), "looked up what was not needed"


def test_mx_equals_are_shuffled(world):
    for i in (2, 3):
        world.sink("10.99.0.%d" % i)
    for _ in range(24):
        assert world.mail(mx((10, 2), (10, 3), (20, 4))).verdict == "K"
    hits = world.hits()
    assert set(hits) == {"10.99.0.2", "10.99.0.3"} and sum(hits.values()) == 24, hits # else: a chance of 1 in 8 million


def test_mx_next_when_down(world):
    """Nobody listens on the best."""
    world.sink("10.99.0.3")
    assert world.mail(mx((10, 2), (20, 3))).verdict == "K"


@pytest.mark.parametrize("greeting", [(b"421 busy\r\n", CLOSE), b"450 later\r\n", b"554 no\r\n", (CLOSE,),
    b"garbage\r\n"])
def test_mx_next_when_greeted_badly(world, greeting):
    world.sink("10.99.0.2").on["CONNECT"] = lambda s, line: greeting
    world.sink("10.99.0.3")
    assert world.mail(mx((10, 2), (20, 3))).verdict == "K"
    assert world.hits() == {"10.99.0.3": 1}


def test_mx_all_refuse(world):
    """All 5xx: permanent, and the next try would hear the same. One 4xx among them, or one that's down: temporary."""
    for i in (2, 3):
        world.sink("10.99.0.%d" % i).on["CONNECT"] = lambda s, line: b"554 5.3.2 no mail here\r\n"
    outcome = world.mail(mx((10, 2), (20, 3)))
    assert (outcome.each, outcome.verdict) == ("", "D") and "554 5.3.2 no mail here" in outcome.text
    outcome = world.mail(mx((10, 2), (20, 3), (30, 4)))
    assert (outcome.each, outcome.verdict) == ("", "Z") and "refused (#4.4.1)" in outcome.text
    world.sinks["10.99.0.2"].on["CONNECT"] = lambda s, line: b"450 4.3.2 later\r\n"
    outcome = world.mail(mx((10, 2), (20, 3)))
    assert outcome.verdict == "Z" and "450 4.3.2 later" in outcome.text


def test_no_mx_but_address(world):
    world.sink("10.99.0.2")
    world.sink("fd99::2")
    assert world.mail({"y.example": {"A": ["10.99.0.2"]}}).verdict == "K"
    assert world.mail({"y.example": {"AAAA": ["fd99::2"]}}).verdict == "K"
    assert world.mail({"y.example": {"CNAME": "z.example"}, "z.example": {"AAAA": ["fd99::2"]}}).verdict == "K"
    assert world.hits() == {"10.99.0.2": 1, "fd99::2": 2}


def test_cname_domain_and_mx(world):
    world.sink("10.99.0.2")
    names = {"y.example": {"CNAME": "z.example"}, "z.example": {"MX": [(5, "m.example")]},
        "m.example": {"CNAME": "n.example"},
             "n.example": {"A": ["10.99.0.2"]}}
    assert world.mail(names).verdict == "K"


def test_ipv6_first_then_ipv4(world):
    world.sink("10.99.0.2")
    names = {"y.example": {"MX": [(10, "m.example")]}, "m.example": {"A": ["10.99.0.2"], "AAAA": ["fd99::2",
        "fd99::3"]}}
    outcome = world.mail(names)
    assert outcome.verdict == "K" and "[10.99.0.2]" in outcome.text
    world.sink("fd99::2")
    outcome = world.mail(names)
    assert outcome.verdict == "K" and "[fd99::2]" in outcome.text


def test_silent_host_then_next(world):
    """No answer to the connection: the next address after -t seconds."""
    world.sink("10.99.0.3")
    names = mx((10, 77), (20, 3))
    start = time.monotonic()
    assert world.mail(names, options=["-t", "2"]).verdict == "K"
    assert time.monotonic() - start < 15


def test_literals(world):
    world.sink("10.99.0.2")
    world.sink("fd99::2")
    assert world.mail({}, host="[10.99.0.2]").verdict == "K"
    assert world.mail({}, host="[IPv6:fd99::2]").verdict == "K"
    assert world.dns.asked == []


def test_we_are_second(world):
    """We are the backup: only better ones are tried, never ourselves or worse ones (RFC 5321 5.1)."""
    world.sink("10.99.0.2")
    world.sink("10.99.0.4")
    names = mx((10, 2), (20, 1), (30, 4))
    assert world.mail(names).verdict == "K" and world.hits() == {"10.99.0.2": 1}
    world.sinks.pop("10.99.0.2").close()
    outcome = world.mail(names)
    assert outcome.verdict == "Z" and "10.99.0.2" in outcome.text
    assert world.hits() == {}
    names["m1.example"] = {"AAAA": ["fd99::1"]}
    assert world.mail(names).verdict == "Z" and world.hits() == {}


def test_we_are_best(world):
    world.sink("10.99.0.4")
    outcome = world.mail(mx((10, 1), (30, 4)))
    assert (outcome.each, outcome.verdict) == ("", "D") and "#5.4.6" in outcome.text and world.hits() == {}
    outcome = world.mail({}, host="[10.99.0.1]")
    assert outcome.verdict == "D" and "#5.4.6" in outcome.text


@pytest.mark.parametrize("verb,reply", [("CONNECT", b"220 relay.example ESMTP\r\n"), ("CONNECT",
    b"220-RELAY.EXAMPLE hi\r\n220 x\r\n"),
                                        ("EHLO", b"250-relay.example\r\n250 SIZE\r\n")])
def test_server_of_our_name(world, verb, reply):
    """Behind address translation we don't know our own address, but we know our name."""
    world.sink("10.99.0.2").on[verb] = lambda s, line: reply
    world.sink("10.99.0.3")
    outcome = world.mail(mx((10, 2), (20, 3)))
    assert (outcome.each, outcome.verdict) == ("", "D") and "#5.4.6" in outcome.text and world.hits() == {}


@pytest.mark.parametrize("reply", [b"220 relay.example.net ESMTP\r\n", b"220 my-relay.example\r\n",
    b"220 ESMTP relay.example\r\n"])
def test_server_of_another_name(world, reply):
    world.sink("10.99.0.2").on["CONNECT"] = lambda s, line: reply
    assert world.mail(mx((10, 2))).verdict == "K"


def test_address_that_no_interface_has(world, net):
    """The kernel may take whole networks for its own; who connects there reaches himself."""
    net._ip("-n", net.names[0], "route", "add", "local", "10.98.0.0/24", "dev", "lo")
    with net.here():
        s = Sink("0.0.0.0", 25)
    world.sinks["0.0.0.0"] = s
    outcome = world.mail({"y.example": {"MX": [(10, "m.example")]}, "m.example": {"A": ["10.98.0.7"]}})
    assert (outcome.each, outcome.verdict) == ("", "D") and "#5.4.6" in outcome.text and world.hits() == {}


def test_many_mx(world):
    """40 exchangers that are down: a bounded number of tries, and of questions."""
    names = {"y.example": {"MX": [(i, "m%d.example" % i) for i in range(40)]},
             **{"m%d.example" % i: {"A": ["10.99.0.%d" % (3 + i % 7)]} for i in range(40)}}
    outcome = world.mail(names)
    assert outcome.verdict == "Z" and "#4.4.1" in outcome.text
    assert len({n for n, _, _ in world.dns.asked}) <= 17
    # the best sixteen are kept, twelve tried
    world.sink("10.99.0.2")
    names["m11.example"] = {"A": ["10.99.0.2"]}
    assert world.mail(names).verdict == "K"
    names["m11.example"] = {"A": ["10.99.0.3"]}
    names["m12.example"] = {"A": ["10.99.0.2"]}
    assert world.mail(names).verdict == "Z"
