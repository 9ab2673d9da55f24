"""relay-ask by itself: what next hops say about recipients."""
import contextlib
import socket
import subprocess
import time

import pytest

from lib.ask import Ask
from lib.dns import Dns
from lib.procs import free_port, program, wait_for
from lib.sink import CLOSE, HANG, RESET

pytestmark = pytest.mark.once

A = "a@hosted.example"


@pytest.fixture
def rules(instances):
    """Makes rules by which all mail goes to a sink; returns their path."""
    def make(sink=None, **control):
        i = instances(routes=":%s\n" % sink.route if sink else "", **control)
        i.compile()
        return i.rules
    return make


def commands(sink, session=0):
    return [c.decode() for c in sink.sessions[session].commands]


def says(reply):
    return lambda session, line: reply


# What the next hop says

def test_yes_no_later(rules, sink, tmp_path):
    """One connection, in order, never DATA."""
    replies = {b"no@": b"550-5.1.1 no such\r\n550 5.1.1 user\r\n", b"later@": b"450 4.2.1 busy\r\n"}
    sink.on["RCPT"] = lambda s, line: next((r for k, r in replies.items() if k in line), None)
    with Ask(rules(sink), str(tmp_path)) as a:
        assert a.recipient(A) == "yes"
        assert a.recipient("no@hosted.example") == "no 550 5.1.1 no such user"
        assert a.recipient("later@hosted.example") == "unknown [127.0.0.1] said: 450 4.2.1 busy"
    wait_for(lambda: b"QUIT" in sink.sessions[0].commands, 5)
    assert len(sink.sessions) == 1 and sink.bad == [] and sink.messages == []
    ask = ["MAIL FROM:<>", "RCPT TO:<%s>"]
    assert commands(sink) == ["EHLO relay.example", ask[0], ask[1] % A, "RSET", ask[0], ask[1] % "no@hosted.example",
                              "RSET", ask[0], ask[1] % "later@hosted.example", "QUIT"]


def test_questions_in_a_row(rules, sink, tmp_path):
    """Many at once are answered in their order; one that is none is no reason to stop."""
    sink.on["RCPT"] = lambda s, line: b"550 no\r\n" if b"<1" in line else None
    with Ask(rules(sink), str(tmp_path)) as a:
        a.put(*["recipient %d@hosted.example" % i for i in range(8, 13)], "recipient", b"\xff\0", "recipient x", "")
        assert [a.get() for _ in range(5)] == ["yes", "yes", "no 550 no", "no 550 no", "no 550 no"]
        assert [a.get().split()[0] for _ in range(4)] == ["unknown"] * 4
        assert a.recipient(A) == "yes"
    assert len(sink.sessions) == 1


MISBEHAVES = {
    "greeting-554": ("CONNECT", b"554 5.7.1 go away\r\n", "said: 554 5.7.1 go away"),
    "greeting-closed": ("CONNECT", (CLOSE,), "closed the connection"),
    "greeting-garbage": ("CONNECT", b"SSH-2.0-x\r\n", "no reply"),
    "greeting-hang": ("CONNECT", (HANG,), "in time"),
    "hello-refused": ("EHLO", b"421 4.3.2 later\r\n", "said: 421"),
    "mail-550": ("MAIL", b"550 5.7.1 no bounces here\r\n", "said: 550 5.7.1 no bounces here"),
    "mail-451": ("MAIL", b"451 4.3.0 later\r\n", "said: 451"),
    "rcpt-421": ("RCPT", (b"421 4.3.2 bye\r\n", CLOSE), "said: 421"),
    "rcpt-closed": ("RCPT", (CLOSE,), "closed the connection"),
    "rcpt-reset": ("RCPT", (RESET,), "closed the connection"),
    "rcpt-garbage": ("RCPT", b"certainly\r\n", "no reply"),
    "rcpt-garbage-5": ("RCPT", b"550-5.1.1 no\r\n250 yes\r\n", "no reply"),
    "rcpt-endless": ("RCPT", b"x" * 3000, "no reply"),
    "rcpt-hang": ("RCPT", (HANG,), "in time"),
    "rcpt-half": ("RCPT", (b"550 5.1.1 n", HANG), "in time"),
}


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("case", sorted(MISBEHAVES))
def test_misbehaves(rules, sink, tmp_path, case, pipelining):
    """Whatever is no answer to RCPT is `unknown`, in time, and not kept."""
    verb, steps, words = MISBEHAVES[case]
    if not pipelining:
        sink.extensions = ["8BITMIME"]
    sink.on[verb] = says(steps)
    path = rules(sink)
    with Ask(path, str(tmp_path), "-t", "2") as a:
        began = time.monotonic()
        answer = a.recipient(A)
        assert answer.startswith("unknown ") and words in answer, answer
        assert time.monotonic() - began < 4
    del sink.on[verb]
    with Ask(path, str(tmp_path), "-t", "2") as a:
        assert a.recipient(A) == "yes"
    assert sink.messages == []


def test_drips(rules, sink, tmp_path):
    """A server that keeps the line alive, byte by byte, gets no more than the time for one question."""
    sink.on["RCPT"] = says(tuple([b"250-a\r\n", 0.3] * 60))
    with Ask(rules(sink), str(tmp_path), "-t", "2") as a:
        began = time.monotonic()
        assert a.recipient(A).startswith("unknown ")
        assert time.monotonic() - began < 4


def test_dead_port(rules, tmp_path):
    dead = type("Dead", (), {"route": "127.0.0.1:%d" % free_port()})
    with Ask(rules(dead), str(tmp_path)) as a:
        answer = a.recipient(A)
        assert answer == "unknown cannot connect to [127.0.0.1]: Connection refused (#4.4.1)"


def test_unreachable_is_left_in_peace(rules, tmp_path):
    """The recipients behind the first don't wait each for himself: the host takes connections and never greets."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(5)
        mute = type("Mute", (), {"route": "127.0.0.1:%d" % s.getsockname()[1]})
        with Ask(rules(mute), str(tmp_path), "-t", "4") as a:
            began = time.monotonic()
            first = a.recipient(A)
            took = time.monotonic() - began
            assert "in time" in first and 1 < took < 5
            for i in range(50):
                assert a.recipient("%d@hosted.example" % i) == first
            assert time.monotonic() - began < took + 1


def test_silent_is_left_in_peace(rules, sink, tmp_path):
    """The same where a connection was made and RCPT gets no answer."""
    sink.on["RCPT"] = says((HANG,))
    with Ask(rules(sink), str(tmp_path), "-t", "2") as a:
        began = time.monotonic()
        first = a.recipient(A)
        took = time.monotonic() - began
        assert "in time" in first and took > 0.5
        assert [a.recipient("%d@hosted.example" % i) for i in range(20)] == 20 * [first]
        assert time.monotonic() - began < took + 0.5 and len(sink.sessions) == 1
        time.sleep(took)
        del sink.on["RCPT"]
        assert a.recipient(A) == "yes"


def test_refusals_that_are_not_about_the_recipient(rules, sink, tmp_path):
    """A server that refuses us says nothing about the mailbox, and that is not kept."""
    for reply in (b"554 5.7.1 relay access denied", b"550 5.7.1 blocked", b"530 5.7.0 log in", b"552 5.2.2 full",
                  b"554 no"):
        sink.on["RCPT"] = says(reply + b"\r\n")
        with Ask(rules(sink), str(tmp_path)) as a:
            assert a.recipient(A) == "unknown [127.0.0.1] said: " + reply.decode()
    del sink.on["RCPT"]
    with Ask(rules(sink), str(tmp_path)) as a:
        assert a.recipient(A) == "yes"


def test_addresses_that_take_no_connection(rules, tmp_path):
    """Each address has its time to connect, all together no more than the question has."""
    with socket.socket() as s, contextlib.ExitStack() as full:
        s.bind(("0.0.0.0", 0))
        s.listen(0)
        port = s.getsockname()[1]
        for _ in range(3):   # nobody takes them from the queue, so that further ones are not even answered
            c = full.enter_context(socket.socket())
            c.setblocking(False)
            c.connect_ex(("127.0.0.1", port))
        hop = type("Hop", (), {"route": "hop.example:%d" % port})
        d = full.enter_context(Dns({"hop.example": {"A": ["127.0.0.%d" % i for i in range(1, 9)]}}))
        with Ask(rules(hop), str(tmp_path), "-t", "3", env={"DNSCACHEIP": d.where}) as a:
            began = time.monotonic()
            assert "Connection timed out" in a.recipient(A)
            assert 2.5 < time.monotonic() - began < 3.7


def test_kept_connection_that_died(rules, sink, tmp_path):
    with Ask(rules(sink), str(tmp_path)) as a:
        assert a.recipient(A) == "yes"
        sink.on["RSET"] = says((CLOSE,))
        sink.on["MAIL"] = lambda s, line: (CLOSE,) if s is sink.sessions[0] else None
        assert a.recipient("b@hosted.example") == "yes"
    assert len(sink.sessions) == 2


@pytest.mark.slow
def test_idle_connection_is_given_up(rules, sink, tmp_path):
    with Ask(rules(sink), str(tmp_path)) as a:
        assert a.recipient(A) == "yes"
        wait_for(lambda: b"QUIT" in sink.sessions[0].commands, 15)
        assert a.recipient("b@hosted.example") == "yes"
    assert len(sink.sessions) == 2


def test_routes(instances, sinks, tmp_path):
    """Each domain's own next hop; the answer of one is not the other's."""
    one, two = sinks(), sinks()
    two.on["RCPT"] = says(b"550 5.1.1 no\r\n")
    i = instances(routes="one.example:%s\ntwo.example:%s\n" % (one.route, two.route))
    i.compile()
    with Ask(i.rules, str(tmp_path)) as a:
        for _ in range(2):
            assert a.recipient("a@one.example") == "yes"
            assert a.recipient("a@two.example").startswith("no 550 5.1.1")
            assert a.recipient("b@one.example") == "yes"
    assert len(one.sessions) <= 2 and len(two.sessions) == 1
    i.compile(routes="two.example:%s\n" % one.route)   # the route changes, and with it the answer
    with Ask(i.rules, str(tmp_path)) as a:
        assert a.recipient("a@two.example") == "yes"


def test_internationalised(rules, sink, tmp_path):
    path = rules(sink)
    with Ask(path, str(tmp_path)) as a:
        assert a.recipient("j\u00f6rg@hosted.example") == "yes"
    assert commands(sink)[1] == "MAIL FROM:<> SMTPUTF8"
    sink.extensions.remove("SMTPUTF8")
    with Ask(path, str(tmp_path)) as a:
        assert a.recipient("anna@hosted.example") == "yes"
        assert a.recipient("b\u00f6rg@hosted.example").startswith("no ")


def test_mx(rules, tmp_path):
    """Without a route the next hop is found by MX, and never is it ourselves."""
    with Dns({"hosted.example": {"MX": [(10, "mx.hosted.example")]}, "mx.hosted.example": {"A": ["127.0.0.1"]}}) as d:
        with Ask(rules(), str(tmp_path), env={"DNSCACHEIP": d.where}) as a:
            assert a.recipient(A) == "unknown the best mail server for hosted.example is this machine itself (#5.4.6)"
            assert a.recipient("a@gone.example") == "unknown there is no domain gone.example (#5.1.2)"


def test_no_rules(tmp_path):
    for text in (None, b"", b"junk" * 1000):
        path = tmp_path / "rules.cdb"
        if text is not None:
            path.write_bytes(text)
        with Ask(str(path), str(tmp_path)) as a:
            assert a.recipient(A) == "unknown the rules can't be read (#4.3.5)"
            assert a.hosts("hosted.example")[0] == "unknown"


def test_end(rules, sink, tmp_path):
    """End-of-file ends it; so does a line without end."""
    path = rules(sink)
    assert Ask(path, str(tmp_path)).close() == 0
    a = Ask(path, str(tmp_path))
    a.sock.sendall(b"recipient " + b"x" * 5000)
    assert a.get() is None and a.close() == 111


@pytest.mark.parametrize("argv", [["-x"], ["word"], ["-t", "0"], ["-t", "x"], ["-t", "86401"], ["-r"], ["-c"], ["-t"]])
def test_wrong_command_line(argv):
    r = subprocess.run([program("relay-ask"), *argv], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=10)
    assert r.returncode == 100 and r.stderr
