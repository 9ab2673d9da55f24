"""What becomes of mail where TLS is demanded, by a route or by the domain's MTA-STS policy, and where somebody puts
words into it: through relay-queue, relay-send and relay-remote. (What relay-remote alone says: test_remote_tls,
test_remote_mtasts; DANE: test_outcome_dns.)"""
import pytest

from lib.dns import Dns
from lib.mtasts import DOMAIN, MX, certs, world  # noqa: F401
from lib.sink import CLOSE
from lib.tlssink import TlsSink


@pytest.fixture
def server(certs):
    with TlsSink(certs["good"]) as s:
        yield s


def route(server, certs, tls):
    return ":%s tls=%s%s\n" % (server.route, tls, " name=%s ca=%s/cert.pem" % (MX, certs["ca"]) * (tls == "verify"))


def use(server, certs, name):
    server.inner = server.server_context(certs[name], None)


def verbs(sink):
    return [c.split(b" ")[0] for s in sink.sessions for c in s.commands]


BAD = {"expired": "certificate has expired", "wrong": "ostname mismatch", "self": "self-signed certificate"}


@pytest.mark.parametrize("cert", sorted(BAD))
def test_certificate(outgoing, server, certs, cert):
    use(server, certs, cert)
    o = outgoing(route(server, certs, "verify"))
    o.give()
    o.waits(BAD[cert], "(#4.7.5)", rest=True)
    assert b"MAIL" not in verbs(server)
    use(server, certs, "good")
    assert o.arrives(server)["verified"] == "ca"


@pytest.mark.parametrize("tls", ["required", "verify"])
def test_none_offered(outgoing, server, certs, tls):
    server.extensions.remove("STARTTLS")
    o = outgoing(route(server, certs, tls))
    o.give()
    o.waits("offers no TLS, which the route demands (#4.7.4)", rest=True)
    assert b"MAIL" not in verbs(server)
    server.extensions.append("STARTTLS")
    assert o.arrives(server)["tls"] == "TLSv1.3"


@pytest.mark.parametrize("words", [b"220 go\r\n250 2.0.0 evil\r\n", b"220 go\r\n2"], ids=["reply", "half"])
@pytest.mark.parametrize("demanded", [False, True])
def test_injected(outgoing, server, certs, demanded, words):
    """Nothing of it is believed, and nothing goes in the clear either, though the route would allow it."""
    def inject(session, line):
        session.upgrade = False
        return (words,)
    server.on["STARTTLS"] = inject
    o = outgoing(route(server, certs, "required") if demanded else ":%s\n" % server.route)
    o.give()
    o.waits("somebody in between", "(#4.7.5)", rest=True)
    assert verbs(server) == [b"EHLO", b"STARTTLS"], "one connection, and not one word more"
    server.on.clear()
    assert o.arrives(server)["tls"] == "TLSv1.3"


@pytest.mark.parametrize("demanded", [False, True])
def test_broken(outgoing, server, certs, demanded):
    """TLS that was offered comes to nothing: in the clear where the route leaves it open, and the log says why."""
    def broken(session, line):
        session.upgrade = False
        return (b"220 go\r\n", 0.1, b"no TLS at all\r\n" * 10, CLOSE)
    server.on["STARTTLS"] = broken
    o = outgoing(route(server, certs, "required") if demanded else ":%s\n" % server.route)
    o.give()
    if demanded:
        o.waits("TLS handshake failed", "(#4.7.5)", rest=True)
        server.on.clear()
        assert o.arrives(server)["tls"] == "TLSv1.3"
    else:
        event = o.arrives(server, again=False)
        assert event["tls"] == "none" and "handshake" in event["tls-error"]


# MTA-STS

@pytest.fixture
def send(outgoing, world):
    """Gives one message to a domain of that world. The instance has its `dns`."""
    made = []

    def start():
        with world.net.here():
            made.append(Dns(world.names))
        o = outgoing(net=world.net, env={"DNSCACHEIP": made[-1].where, "SSL_CERT_FILE": world.ca,
                                         "RELAYMTASTS": world.cache})
        o.dns = made[-1]
        o.give()
        return o
    yield start
    for d in made:
        d.close()


def test_policy_is_met(send, world):
    s = world.mail_server()
    world.policy("enforce", MX)
    assert send().arrives(s, again=False)["verified"] == "sts"


@pytest.mark.parametrize("cert", sorted(BAD))
def test_policy_and_certificate(send, world, cert):
    s = world.mail_server(cert)
    world.policy("enforce", MX)
    o = send()
    o.waits(BAD[cert], "(#4.7.5)", rest=True)
    assert b"MAIL" not in verbs(s)
    use(s, world.certs, "good")
    assert o.arrives(s)["verified"] == "sts"


def test_policy_and_no_tls(send, world):
    s = world.mail_server()
    s.extensions.remove("STARTTLS")
    world.policy("enforce", MX)
    o = send()
    o.waits("offers no TLS, which MTA-STS demands (#4.7.4)", rest=True)
    s.extensions.append("STARTTLS")
    assert o.arrives(s)["verified"] == "sts"


def test_policy_without_the_server(send, world):
    """The domain mends its policy: it has another id then."""
    s = world.mail_server()
    world.policy("enforce", "other.example")
    o = send()
    o.waits(MX + " is no mail server by the domain's MTA-STS policy (#4.7.5)", rest=True)
    assert not s.sessions
    world.policy("enforce", MX)
    world.id("id2")
    o.dns.names = world.names
    assert o.arrives(s)["verified"] == "sts"


def test_policy_is_tested(send, world):
    """Mode testing: delivered at once, and the report counts what would have been."""
    s = world.mail_server("expired")
    world.policy("testing", MX)
    o = send()
    assert o.arrives(s, again=False)["verified"] == "none"
    assert o.report(DOMAIN, "sts") == {"success": "0", "failure": "1", "certificate-expired": "1"}
