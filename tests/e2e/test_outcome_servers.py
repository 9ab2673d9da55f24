"""What becomes of mail for servers that are dead, cut it off or stall, and for Exim, through relay-queue, relay-send
and relay-remote. (Servers that fail once at each stage: test_misbehaving. What relay-remote says: test_remote.)"""
import os
import socket
import threading
import time

import pytest

from lib import exim
from lib.exim import Exim
from lib.loginsink import LoginSink
from lib.messages import big
from lib.procs import free_port, wait_for
from lib.sink import CLOSE, HANG, RESET, Message, Sink
from lib.tls import make_certificate
from lib.tlssink import TlsSink

CUT = 16 << 20   # bytes of text: more than fit between two programs


@pytest.fixture(scope="module")
def cert(tmp_path_factory):
    return make_certificate(str(tmp_path_factory.mktemp("cert") / "c"), "mx.example")


def to(sink):
    return ":%s\n" % sink.route


# Cut off

@pytest.mark.parametrize("how", [CLOSE, RESET])
@pytest.mark.parametrize("offer", ["CHUNKING", "SIZE"])
def test_dropped_within_the_text(outgoing, sinks, offer, how):
    """The server can't have it, so nothing is said of twice."""
    s = sinks(extensions=["8BITMIME", offer])

    def connect(session, line):
        def cut():
            if len(session.buf) > 1 << 16:
                session.run([how])
            return False
        session.text = session.chunk = cut
    s.on["CONNECT"] = connect
    o = outgoing(to(s))
    text = big(CUT)
    o.give(text=text)
    o.waits("(#4.4.2)")
    s.on.clear()
    o.arrives(s, text)
    assert s.messages[0].chunked == (offer == "CHUNKING")


def test_dropped_after_the_dot(outgoing, sink):
    """It may have been kept: the log says so. It has not been here."""
    sink.on["."] = lambda session, line: (CLOSE,)
    o = outgoing(to(sink))
    o.give()
    o.waits("(#4.4.2)", twice=True)
    sink.on.clear()
    o.arrives(sink)


def test_dropped_after_it_was_kept(outgoing, sink):
    """The one way by which mail arrives twice."""
    def dot(session, line):
        session.sink.keep(Message(session, session.pending))
        return (CLOSE,)
    sink.on["."] = dot
    o = outgoing(to(sink))
    o.give()
    o.waits(twice=True)
    sink.on.clear()
    o.again()
    assert len(sink.messages) == 2 and not o.back.messages


def test_relay_greets_with_a_refusal(outgoing, sink):
    """The operator has named it, and can mend that: not the sender's fault."""
    sink.on["CONNECT"] = lambda session, line: b"554 5.3.2 no service here\r\n"
    o = outgoing(to(sink))
    o.give()
    o.waits("554 5.3.2 no service here", rest=True)
    sink.on.clear()
    o.arrives(sink)


# 421 where test_misbehaving doesn't say it

DOWN = (b"421 4.3.2 going down\r\n", CLOSE)


def test_421_at_data(outgoing, sinks):
    s = sinks(extensions=["PIPELINING", "8BITMIME"])
    s.on["DATA"] = lambda session, line: DOWN
    o = outgoing(to(s))
    o.give()
    o.waits("421 4.3.2 going down")
    s.on.clear()
    o.arrives(s)


@pytest.mark.parametrize("tls", ["", " tls=required"])
def test_421_at_starttls(outgoing, cert, tls):
    """By default the mail goes in the clear at once, over another connection; when the route demands TLS it waits."""
    with TlsSink(cert) as s:
        s.on["STARTTLS"] = lambda session, line: DOWN
        o = outgoing(":%s%s\n" % (s.route, tls))
        o.give()
        if tls:
            o.waits("refused STARTTLS: 421 4.3.2 going down", rest=True)
            s.on.clear()
        event = o.arrives(s, again=bool(tls))
        assert event["tls"] == ("TLSv1.3" if tls else "none") and len(s.sessions) == 2
        assert tls or "421" in event["tls-error"]


@pytest.mark.parametrize("verb", ["AUTH", "VERDICT"])
def test_421_at_auth(outgoing, cert, verb):
    """At once, or as the verdict on the login."""
    with LoginSink({"joe": "secret"}, ["CRAM-MD5", "PLAIN"], folder=cert) as s:
        s.on[verb] = lambda session, line: DOWN
        o = outgoing(to(s), logins="%s joe secret\n" % s.route)
        o.give()
        assert "secret" not in o.waits("421 4.3.2 going down", rest=True)
        s.on.clear()
        o.arrives(s)
        assert s.logins[-1] == ("CRAM-MD5", "joe")


# Servers that stall, or never end

def drip(c):
    for b in b"220-" + b"x" * 300:
        c.send(bytes([b]))
        time.sleep(0.1)


def endless(what):
    def serve(c):
        while True:
            c.send(what * 100)
    return serve


STALLS = {   # what comes of a connection, and what the log says of it
    "drip": (drip, "in time (#4.4.2)"), "endless-line": (endless(b"220 x"), "(#4.5.0)"),
    "endless-lines": (endless(b"220-x\r\n"), "(#4.5.0)"), "garbage": (endless(b"\0\xff\r\n"), "(#4.5.0)"),
}


@pytest.mark.parametrize("case", sorted(STALLS))
def test_stalls(outgoing, case):
    """At the greeting. On the same port there is a good server later."""
    serve, words = STALLS[case]
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        def run():
            with listener.accept()[0] as c:
                c.settimeout(20)
                try:
                    serve(c)
                except OSError:
                    pass
        t = threading.Thread(target=run, daemon=True)
        t.start()
        o = outgoing(":127.0.0.1:%d\n" % port)
        o.give()
        o.waits(words, rest=True)
        t.join(20)
    with Sink(port=port) as s:
        o.arrives(s)


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "RCPT", "."])
def test_silent(outgoing, sink, verb):
    """The destination rests when nothing was said before the mail, else the message alone waits."""
    sink.on[verb] = lambda session, line: HANG
    sink.extensions.remove("CHUNKING")
    o = outgoing(to(sink))
    o.give()
    o.waits("in time (#4.4.2)", rest=verb in ("CONNECT", "EHLO"), twice=verb == ".")
    sink.on.clear()
    o.arrives(sink)


# Nobody there

def test_refused_port(outgoing, net):
    """All mail for it waits, also what comes later, and the server has peace, till the rest is over or SIGALRM."""
    o = outgoing(":10.99.0.8:2525\n", net=net)
    o.give()
    o.waits("refused", "(#4.4.1)", rest=True)
    with net.there():
        s = Sink("10.99.0.8", 2525)
    with s:
        o.give("b@z.example")
        wait_for(lambda: len(o.events("send", "defer")) >= 2, 10, "the second is deferred, too")
        assert not s.sessions and len(o.queued()) == 2 and len(o.events("send", "rest")) == 1
        o.again()
        assert sorted(m.recipients for m in s.messages) == [["a@y.example"], ["b@z.example"]]
        assert not o.back.messages


def test_dead_host(outgoing, net):
    """No answer to the connection; then the route leads elsewhere."""
    o = outgoing(":10.99.0.77:2525\n", net=net)
    o.give()
    o.waits("10.99.0.77", "(#4.4.1)", rest=True)
    with net.there():
        s = Sink("10.99.0.8", 2525)
    with s:
        o.compile(routes="sender.example:%s\n:%s\n" % (o.back.route, s.route))
        o.arrives(s)


# Exim

@pytest.fixture
def server(cert):
    why = exim.missing()
    if why:
        pytest.skip(why)
    with Exim(cert) as s:
        yield s


BOB, NOBODY, LATER = "bob@box.example", "nobody@box.example", "later@box.example"


def test_exim(outgoing, server):
    """One each: accepted, refused, and refused for now."""
    o = outgoing("box.example:127.0.0.1:%d\n" % server.port)
    o.give(BOB)
    assert o.arrives(server, again=False)["tls"] == "TLSv1.3"
    o.give(NOBODY)
    o.bounces("5.0.0", "550 no such mailbox")


def test_exim_later(outgoing, server):
    o = outgoing("box.example:127.0.0.1:%d\n" % server.port)
    open(server.path("busy"), "w").close()
    o.give(LATER)
    o.waits("451 busy, come again", rest=False)
    os.unlink(server.path("busy"))
    o.arrives(server)
