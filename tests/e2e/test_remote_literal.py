"""Mail to an address literal goes to a server that whoever wrote the address chose: it has none of the rights that a
relay of `routes` has."""
import os

import pytest

from lib.loginsink import LoginSink
from lib.procs import wait_for
from lib.remote import Jobs, deliver, environment
from lib.sink import Sink
from lib.tls import make_certificate

S = "me@sender.example"
TEXT = b"Subject: x\n\nhello\n"
THERE = "10.99.0.2"


@pytest.fixture(scope="module")
def cert(tmp_path_factory):
    return make_certificate(str(tmp_path_factory.mktemp("cert") / "c"), "x.example")


@pytest.fixture(scope="module")
def stranger(net, cert):
    """Offers logins to whoever comes, under TLS."""
    with net.there():
        s = LoginSink({"joe": "secret"}, ["PLAIN"], folder=cert, host=THERE, port=25, wanted=False)
    with s:
        yield s


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("logins,routes", [
    ("from:@sender.example joe secret\n", "a.example:smart.example:587 tls=verify\n"),
    (THERE + " joe secret\n", "a.example:%s:587 tls=verify\n" % THERE),
    (THERE + " joe secret\n", "[%s]::25\n" % THERE),
], ids=["sender", "address", "port"])
def test_no_password(instances, net, stranger, logins, routes):
    """The password is for the relays of `routes`, not for the address that a recipient has in brackets."""
    i = instances(routes=routes, logins=logins)
    os.chmod(os.path.join(i.control, "logins"), 0o600)
    i.compile()
    to, env = "v@[%s]" % THERE, environment(DNSCACHEIP="10.99.0.9")
    o, _ = deliver(i.rules, "[%s]" % THERE, S, [to], TEXT, options=("-t", "3"), env=env, preexec=net.enter_here)
    assert (o.each, o.verdict) == ("r", "K"), o
    with Jobs(i.rules, "mx:[%s]" % THERE, options=("-t", "3"), env=env, preexec=net.enter_here) as j:
        o = j.job(TEXT, S, [to])
    assert (o.each, o.verdict) == ("r", "K"), o
    assert len(stranger.wait(2)) == 2 and not stranger.logins
    assert not [c for s in stranger.sessions for c in s.commands if c.startswith(b"AUTH")]
    stranger.messages.clear()


def test_not_to_this_host(instances):
    """A relay of `routes` may be a filter on this host, on a port of its own; a literal leads to none."""
    with Sink() as s:
        i = instances(routes="::%d\na.example:%s\n" % (s.port, s.route))
        i.compile()
        for literal in ("[127.0.0.1]", "[127.9.9.9]", "[IPv6:::1]", "[IPv6:::ffff:127.0.0.1]"):
            o, _ = deliver(i.rules, literal, S, ["v@" + literal], TEXT)
            assert o.verdict == "D" and "is this machine itself (#5.4.6)" in o.text, (literal, o)
        assert not s.sessions
        o, _ = deliver(i.rules, "a.example", S, ["v@a.example"], TEXT)
        assert o.verdict == "K", o


def test_relay_send_tells_them_apart(instances):
    """A literal and a relay of the same address are two destinations."""
    with Sink() as s:
        i = instances(routes="a.example:%s\n::%d\n" % (s.route, s.port))
        i.compile()
        i.send()
        i.inject("", ["v@a.example", "v@[127.0.0.1]"], TEXT)   # no report is sent to anybody's real server
        assert [m.recipients for m in s.wait(1)] == [["v@a.example"]]
        wait_for(lambda: len([e for e in i.events("send", "delivery") if e["to"].startswith("v@")]) == 2, 30)
    routes = {e["to"]: e["route"] for e in i.events("send", "delivery") if e["to"].startswith("v@")}
    assert routes == {"v@a.example": s.route, "v@[127.0.0.1]": "mx:[127.0.0.1]:%d" % s.port}
