"""relay-remote among mail exchangers: in network namespaces servers on port 25 that are really others."""
import time

import pytest

from lib.dns import Dns
from lib.onehop import S, TEXT
from lib.remote import deliver, environment
from lib.sink import CLOSE, Sink

pytestmark = pytest.mark.once


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
