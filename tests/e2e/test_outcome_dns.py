"""What becomes of mail by what the DNS says, through relay-queue, relay-send and relay-remote: a signed zone on a real
name server, a resolver that validates before it, and servers on port 25 of another namespace. (What relay-remote alone
says: test_remote_dns, test_remote_dane.)"""
import pytest

from lib.dns import Dns, record
from lib.procs import program
from lib.signed import Signed, tlsa, truncated
from lib.sink import Sink
from lib.tls import make_certificate
from lib.tlssink import TlsSink

OWN, PLAIN, LATE, NOBODY = ("10.99.0.%d" % i for i in (2, 3, 4, 77))
WRONG = "3 1 1 " + "00" * 32


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    base = tmp_path_factory.mktemp("certs")
    return {n: make_certificate(str(base / n), n + ".example") for n in ("own", "other")}


def zones(own):
    return {"example": "", "signed.example": """
null MX 0 .
tonull CNAME null
away CNAME null.plain.example.
loop MX 10 mx.loop\nmx.loop A 10.99.0.1
round MX 10 mx.round\nmx.round A 127.0.0.1
named MX 10 relay.example.
worse MX 10 mx.loop\nworse MX 20 mx.plain
greets MX 10 mx.greets\nmx.greets A {late}
bare TXT x
bald MX 10 mx.bald\nmx.bald TXT x
nowhere CNAME gone
circle CNAME elcric\nelcric CNAME circle
plain MX 10 mx.plain\nmx.plain A {plain}
alias CNAME plain
dead MX 10 mx.dead\nmx.dead A {nobody}
closed MX 10 mx.closed\nmx.closed A {late}
right MX 10 mx.right\nmx.right A {host}\n_25._tcp.mx.right TLSA {own}
spoilt MX 10 mx.spoilt\nmx.spoilt A {host}\n_25._tcp.mx.spoilt TLSA {own}
""".format(late=LATE, plain=PLAIN, nobody=NOBODY, host=OWN, own=own) +
            "".join("many MX 10 mx%02d.many\nmx%02d.many A %s\n" % (i, i, PLAIN) for i in range(60)),
            "plain.example": "null MX 0 .\n@ MX 10 mx\nmx A %s\n_25._tcp.mx TLSA %s\n" % (OWN, WRONG),
            "expired.example": "@ MX 10 mx\nmx A %s\n" % PLAIN}


class World:
    def __init__(self, net, dns, own, plain, spoilt):
        self.net, self.dns, self.own, self.plain, self.spoilt = net, dns, own, plain, spoilt


@pytest.fixture(scope="module")
def real(net, certs, tmp_path_factory):
    for name in "knotd", "keymgr", "kzonesign", "unbound":
        try:
            program(name)
        except FileNotFoundError:
            pytest.skip("%s is not installed" % name)
    own = tlsa(certs["own"], 3)
    last = own[-16:].upper()
    spoilt = ("signed.example", "_25._tcp.mx.spoilt.", last, "%016X" % (int(last, 16) ^ 1))
    with net.there():
        servers = TlsSink(certs["own"], host=OWN, port=25), Sink(PLAIN, 25)
    try:
        with Signed(tmp_path_factory.mktemp("signed"), zones(own), unsigned=["plain.example"], preexec=net.enter_here,
                    expired=["expired.example"], spoilt=[spoilt]) as dns:
            yield World(net, dns, *servers, spoilt)
    finally:
        for s in servers:
            s.close()


@pytest.fixture
def world(real):
    for s in real.own, real.plain:
        s.clear()
        s.sessions.clear()
        s.on.clear()
    return real


def send(outgoing, world, domain):
    o = outgoing(net=world.net, env={"DNSCACHEIP": world.dns.where})
    o.give("a@" + domain)
    return o


BOUNCES = {   # domain below signed.example: the code
    "null": "5.1.10", "tonull": "5.1.10", "away": "5.1.10", "loop": "5.4.6", "round": "5.4.6", "named": "5.4.6",
    "worse": "5.4.6", "bare": "5.4.4", "bald": "5.4.4", "gone": "5.1.2", "nowhere": "5.1.2",
}


@pytest.mark.parametrize("domain", sorted(BOUNCES))
def test_bounces(outgoing, world, domain):
    o = send(outgoing, world, domain + ".signed.example")
    o.bounces(BOUNCES[domain])
    assert not world.own.sessions and not world.plain.sessions and not o.events("send", "rest")


def late(world):
    with world.net.there():
        return Sink(LATE, 25)


def test_greets_by_our_name(outgoing, world):
    with late(world) as s:
        s.on["CONNECT"] = lambda session, line: b"220 relay.example ESMTP\r\n"
        send(outgoing, world, "greets.signed.example").bounces("5.4.6")
        assert not s.messages


def test_greets_with_a_refusal(outgoing, world):
    """The domain's only server wants no mail at all."""
    world.plain.on["CONNECT"] = lambda session, line: b"554 5.3.2 no service here\r\n"
    send(outgoing, world, "plain.signed.example").bounces("5.3.2", "554 5.3.2 no service here")


def test_over_tcp_alone(outgoing, world):
    """The resolver's answer does not fit into a packet."""
    with world.net.here():
        assert truncated("many.signed.example", 15) and not truncated("plain.signed.example", 15)
    send(outgoing, world, "many.signed.example").arrives(world.plain, again=False)


ARRIVE = {   # domain: the server, TLS and by what the certificate was verified
    "plain.signed.example": ("plain", "none", None), "alias.signed.example": ("plain", "none", None),
    "right.signed.example": ("own", "TLSv1.3", "dane"), "plain.example": ("own", "TLSv1.3", "none"),
}


@pytest.mark.parametrize("domain", sorted(ARRIVE))
def test_arrives(outgoing, world, domain):
    """Also where the records for DANE are wrong, when nobody has signed them."""
    server, tls, verified = ARRIVE[domain]
    event = send(outgoing, world, domain).arrives(getattr(world, server), again=False)
    assert (event["tls"], event.get("verified")) == (tls, verified)


WAIT = {"circle.signed.example": "(#4.4.3)", "expired.example": "(#4.4.3)", "dead.signed.example": "(#4.4.1)"}


@pytest.mark.parametrize("domain", sorted(WAIT))
def test_waits(outgoing, world, domain):
    """The destination rests as a whole."""
    send(outgoing, world, domain).waits(WAIT[domain], rest=True)
    assert not world.own.sessions and not world.plain.sessions


def test_nobody_listens(outgoing, world):
    o = send(outgoing, world, "closed.signed.example")
    o.waits("mx.closed.signed.example", "refused (#4.4.1)", rest=True)
    with late(world) as s:
        o.arrives(s)


def test_dane_wrong(outgoing, world, certs):
    """Another certificate than the records': it waits until the server has the right one."""
    world.own.inner = world.own.server_context(certs["other"], None)
    try:
        o = send(outgoing, world, "right.signed.example")
        o.waits("DANE", "(#4.7.5)", rest=True)
        assert all(c[:4] != b"MAIL" for s in world.own.sessions for c in s.commands)
    finally:
        world.own.inner = world.own.server_context(certs["own"], None)
    assert o.arrives(world.own)["verified"] == "dane"


def test_dane_without_tls(outgoing, world):
    world.own.extensions.remove("STARTTLS")
    try:
        o = send(outgoing, world, "right.signed.example")
        o.waits("no TLS, which DANE demands (#4.7.4)", rest=True)
    finally:
        world.own.extensions.append("STARTTLS")
    assert o.arrives(world.own)["verified"] == "dane"


def test_spoilt(outgoing, world):
    """Somebody has changed the TLSA record; nobody is talked to until its signature is right again."""
    o = send(outgoing, world, "spoilt.signed.example")
    o.waits("_25._tcp.mx.spoilt.signed.example (#4.4.3)", rest=True)
    assert not world.own.sessions
    zone, start, old, new = world.spoilt
    world.dns.spoil(zone, start, new, old)
    world.dns.restart()
    assert o.arrives(world.own)["verified"] == "dane"


# A resolver that is mended

GOOD = {"y.example": {"MX": [(10, "m.example")]}, "m.example": {"A": [PLAIN]}}
FAILS = {   # what it says at first
    "servfail": {"y.example": "servfail"}, "refused": {"y.example": "refused"}, "silence": {"y.example": "drop"},
    "garbage": {"y.example": "garbage"}, "wrong-id": {"y.example": "wrong-id"},
    "address": {"y.example": GOOD["y.example"], "m.example": "servfail"},
    "circle": {"y.example": (2, record("y.example", "CNAME", "z.example") + record("z.example", "CNAME", "y.example"))},
}
UNANSWERED = ("silence", "garbage", "wrong-id")
SOON = {"RES_OPTIONS": "timeout:1 attempts:1"}


@pytest.mark.parametrize("case", sorted(FAILS))
def test_fails_then_works(outgoing, world, case):
    """No failure of the DNS is a bounce."""
    with world.net.here():
        dns = Dns(FAILS[case])
    with dns:
        o = outgoing(net=world.net, env={"DNSCACHEIP": dns.where, **(SOON if case in UNANSWERED else {})})
        o.give()
        o.waits("(#4.4.3)", rest=True)
        dns.names = GOOD
        o.arrives(world.plain)


def test_answers_cut_off(outgoing, world):
    """Over UDP all answers are cut off."""
    with world.net.here():
        dns = Dns(GOOD, tcp=GOOD)
    with dns:
        o = outgoing(net=world.net, env={"DNSCACHEIP": dns.where})
        o.give()
        o.arrives(world.plain, again=False)
        assert {("y.example", "MX", "tcp"), ("m.example", "A", "tcp")} <= set(dns.asked)
