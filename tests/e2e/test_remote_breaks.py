"""relay-remote and connections that break, servers that fall silent, talk without end, or answer in mid message."""
import socket
import threading
import time

import pytest

from lib.messages import big
from lib.onehop import A, B, OFFERS, S, TEXT, at_port, least, send, to
from lib.remote import deliver
from lib.sink import CLOSE, HANG, RESET, Message, Session

pytestmark = pytest.mark.once


@pytest.fixture
def rules(instances, sink):
    return to(instances, sink)


BREAKS = {"close": (CLOSE,), "reset": (RESET,), "421": (b"421 4.3.2 going down\r\n", CLOSE),
    "garbage": (b"* OK IMAP4\r\n",),
          "http": (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", CLOSE), "nul": (b"\0\0\0\r\n",)}


@pytest.mark.parametrize("how", sorted(BREAKS))
@pytest.mark.parametrize("offer", ["all", "no-chunking", "nothing"])
@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_breaks(rules, sink, verb, offer, how):
    """At each stage: the connection closed, reset, 421, nonsense. Always temporary, never a hang, and each recipient's
    line once some were decided."""
    sink.extensions = list(OFFERS[offer])
    sink.on[verb] = lambda s, line: BREAKS[how]
    outcome = send(rules, TEXT, [A, B])
    if verb == "DATA" and offer == "all":
        assert outcome.verdict == "K"
        return
    assert outcome.verdict == "Z", outcome
    if verb in ("CONNECT", "EHLO"):
        assert outcome.each == ""
    if verb in ("DATA", "."):
        assert outcome.each == "rr"
    if verb == "RCPT" and how != "reset":
        assert outcome.each == "ss"
    sent_all = verb == "." or (offer == "all" and verb in ("MAIL", "RCPT"))
    assert ("twice" in outcome.text) == (sent_all and how != "421")
    assert sink.messages == []


def test_lost_after_the_dot(rules, sink):
    """The server took the message and died: we can't know, so it is temporary and the report says what may happen."""
    def end(s, line):
        s.sink.keep(Message(s, s.pending))
        return (CLOSE,)
    sink.on["."] = end
    outcome = send(rules, TEXT)
    assert (outcome.each, outcome.verdict) == ("r", "Z") and "may arrive twice" in outcome.text
    assert len(sink.messages) == 1


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "."])
def test_silence(rules, sink, verb):
    sink.on[verb] = lambda s, line: HANG
    start = time.monotonic()
    outcome = send(rules, TEXT, [A, B], options=["-t", "1"])
    assert outcome.verdict == "Z" and "in time (#4.4.2)" in outcome.text
    assert time.monotonic() - start < 25


def raw_server(serve):
    """A server of a function; returns (port, thread)."""
    l = socket.create_server(("127.0.0.1", 0))
    l.settimeout(30)

    def run():
        try:
            c, _ = l.accept()
            c.settimeout(30)
            with c:
                serve(c)
        except OSError:
            pass
        finally:
            l.close()
    t = threading.Thread(target=run, daemon=True)
    t.start()
    return l.getsockname()[1], t


@pytest.mark.parametrize("what", [b"2", b"220-x\r\n", b"220 " + b"x" * 100, b"220 \xff\0"], ids=["digits", "lines",
    "line", "binary"])
def test_endless(instances, what):
    """A reply without end is given up after a bounded number of bytes."""
    sent = []

    def serve(c):
        while True:
            sent.append(c.send(what * 50))
    port, t = raw_server(serve)
    outcome, memory = deliver(at_port(instances, port), "y.example", S, [A], TEXT)
    assert (outcome.each, outcome.verdict) == ("", "Z") and "#4.5.0" in outcome.text
    assert memory < least(instances)
    t.join(10)
    assert not t.is_alive()


def test_drip(instances):
    """A byte now and then is no progress: the time is for the whole reply."""
    def serve(c):
        for b in b"220-" + b"x" * 100:
            c.send(bytes([b]))
            time.sleep(0.3)
    port, t = raw_server(serve)
    start = time.monotonic()
    outcome = deliver(at_port(instances, port), "y.example", S, [A], TEXT, options=["-t", "2"])[0]
    assert outcome.verdict == "Z" and "in time" in outcome.text
    assert time.monotonic() - start < 25


def test_stops_reading(instances):
    """A server that takes no more of the text."""
    def serve(c):
        c.send(b"220 x\r\n")
        c.recv(1000)
        c.send(b"250 x\r\n")
        for reply in (b"250 m\r\n", b"250 r\r\n", b"354 d\r\n"):
            c.recv(1000)
            c.send(reply)
        time.sleep(6)
    port, t = raw_server(serve)
    outcome = deliver(at_port(instances, port), "y.example", S, [A], big(25 << 20), options=["-t", "2"])[0]
    assert (outcome.each, outcome.verdict) == ("r", "Z") and "in time" in outcome.text and "twice" not in outcome.text


@pytest.mark.parametrize("reply,verdict", [(b"552 5.3.4 too big\r\n", "D"), (b"452 4.3.1 full\r\n", "Z")])
def test_refused_half_way(instances, reply, verdict):
    """The server answers in the middle of the text and hangs up: what it said counts."""
    def serve(c):
        c.send(b"220 x\r\n")
        c.recv(1000)
        c.send(b"250 x\r\n")
        for r in (b"250 m\r\n", b"250 r\r\n", b"354 d\r\n"):
            c.recv(1000)
            c.send(r)
        got = 0
        while got < 1 << 20:
            got += len(c.recv(65536))
        c.send(reply)
        c.shutdown(socket.SHUT_WR)
        while c.recv(65536):   # what is unread when it closes would make a reset of it, which the reply may not survive
            pass
    port, t = raw_server(serve)
    outcome = deliver(at_port(instances, port), "y.example", S, [A], big(25 << 20), options=["-t", "10"])[0]
    assert (outcome.each, outcome.verdict) == ("r", verdict), outcome
    assert reply[4:9].decode() in outcome.text


def test_chunk_refused(rules, sink):
    """The first of many chunks is refused: the rest is not sent, the connection is still good."""
    old = Session.chunk

    def chunk(self):
        self.recipients, keep = [], self.recipients
        done = old(self)
        if not done:
            self.recipients = keep
        return done
    Session.chunk = chunk
    try:
        outcome = send(rules, big(25 << 20))
    finally:
        Session.chunk = old
    assert (outcome.each, outcome.verdict) == ("r", "D")
    chunks = [c for c in sink.sessions[0].commands if c.startswith(b"BDAT")]
    assert 1 <= len(chunks) < 10 and not any(c.endswith(b"LAST") for c in chunks)
    assert sink.sessions[0].commands[-1] == b"QUIT"
