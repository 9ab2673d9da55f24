"""relay-remote -s: jobs over a socket, one connection for many messages."""
import array
import os
import socket
import struct
import tempfile
import threading
import time

import pytest

from lib.messages import CASES, big
from lib.procs import free_port, wait_for
from lib.remote import ID, Jobs, environment
from lib.dns import Dns
from lib.sink import CLOSE, HANG, RESET, Message

pytestmark = pytest.mark.once

S, A, B = "s@sender.example", "a@y.example", "b@y.example"
TEXT = b"Subject: x\n\nhello\n"
UTF8 = 2


@pytest.fixture
def jobs(rules, sink):
    with Jobs(rules, sink.route) as j:
        yield j


def wire(message):
    return message.replace(b"\n", b"\r\n")


def test_three_over_one_connection(jobs, sink):
    for n in range(3):
        outcome = jobs.job(TEXT + b"%d\n" % n, S, [A, B], junk=b"Fsecret envelope\0")
        assert (outcome.each, outcome.verdict) == ("rr", "K")
    assert [m.data for m in sink.messages] == [wire(TEXT + b"%d\n" % n) for n in range(3)]
    assert len(sink.sessions) == 1
    assert b"RSET" not in sink.sessions[0].commands and sink.bad == []
    jobs.sock.close()
    assert jobs.ended() == 0
    wait_for(lambda: sink.sessions[0].commands[-1] == b"QUIT", 5, "QUIT")


def test_a_report_as_it_was(rules, sink):
    """A relay-send that was started before an upgrade takes what stands behind the verdict for a malformed report, and
    would deliver again and again: only who asks gets it."""
    sink.extensions.append("DSN")
    with Jobs(rules, sink.route, more=()) as old, Jobs(rules, sink.route) as new:
        was, now = (j.job(TEXT, S, [A, B]) for j in (old, new))
    assert (was.each, was.verdict, was.dsn, was.tls) == ("rr", "K", False, None)
    assert (now.each, now.verdict, now.dsn, now.tls) == ("rr", "K", True, "none")


@pytest.mark.parametrize("name", sorted(CASES))
def test_bytes(jobs, sink, name):
    for _ in range(2):
        assert jobs.job(CASES[name][0], S, [A], junk=b"\0\r junk").verdict == "K"
    assert [m.data for m in sink.messages] == [wire(CASES[name][0])] * 2


@pytest.mark.parametrize("extensions", [("PIPELINING", "CHUNKING", "SIZE"), ("PIPELINING",), ()])
def test_large_and_small(rules, sink, extensions):
    sink.extensions = list(extensions)
    message = big(5 << 20)
    with Jobs(rules, sink.route) as jobs:
        for m in (TEXT, message, TEXT, message):
            assert jobs.job(m, S, [A], junk=b"Fx\0").verdict == "K"
    assert [m.data for m in sink.messages] == [wire(TEXT), wire(message)] * 2
    assert len(sink.sessions) == 1


def test_two_thousand(jobs, sink):
    """No growth, no slip: each report belongs to its job."""
    sink.on["RCPT"] = lambda s, line: b"550 5.1.1 " + line[8:] + b"\r\n" if b"odd" in line else None
    for n in range(2000):
        to = ("odd%d@y.example" if n % 2 else "even%d@y.example") % n
        outcome = jobs.job(b"%d\n" % n, S, [to])
        assert (outcome.each, outcome.verdict) == (("h", "D") if n % 2 else ("r", "K"))
        if n % 2:
            assert to in outcome.lines[0][1]
    assert [m.lf for m in sink.messages] == [b"%d\n" % n for n in range(0, 2000, 2)]
    assert len(sink.sessions) == 1


def test_refused_then_good(jobs, sink):
    """After a refusal the next message starts clean."""
    for verb, reply in (("MAIL", b"550 5.7.1 no\r\n"), ("RCPT", b"450 4.2.0 later\r\n"), (".", b"554 5.6.0 no\r\n")):
        sink.on[verb] = lambda s, line, reply=reply: reply
        assert jobs.job(TEXT, S, [A]).verdict in "DZ"
        del sink.on[verb]
        assert jobs.job(TEXT, S, [A]).verdict == "K"
    assert len(sink.messages) == 3 and len(sink.sessions) == 1
    assert sink.sessions[0].commands.count(b"RSET") == 2


def test_refused_here_keeps_the_connection(jobs, sink):
    assert jobs.job(TEXT, S, [A]).verdict == "K"
    outcome = jobs.job(b"a\rb\n", S, [A, B])
    assert (outcome.each, outcome.verdict) == ("hh", "D") and "#5.6.0" in outcome.text
    assert jobs.job(TEXT, S, [A]).verdict == "K"
    assert len(sink.sessions) == 1


DEAD = {"close": (CLOSE,), "reset": (RESET,), "421": (b"421 4.4.2 idle too long\r\n", CLOSE)}


@pytest.mark.parametrize("how", sorted(DEAD))
def test_kept_connection_is_dead(jobs, sink, how):
    """The server gives the second message's first command a 421, or is gone: once more, on a new connection."""
    assert jobs.job(TEXT, S, [A]).verdict == "K"
    sink.on["MAIL"] = lambda s, line: DEAD[how] if s.number == 1 else None
    outcome = jobs.job(TEXT, S, [A])
    assert (outcome.each, outcome.verdict) == ("r", "K"), outcome
    assert len(sink.sessions) == 2 and len(sink.messages) == 2


def test_dead_twice(jobs, sink):
    """A new connection that dies as well is reported, not tried for ever."""
    assert jobs.job(TEXT, S, [A]).verdict == "K"
    sink.on["MAIL"] = lambda s, line: (CLOSE,)
    outcome = jobs.job(TEXT, S, [A])
    assert (outcome.each, outcome.verdict) == ("", "Z")
    assert len(sink.sessions) == 2


def test_closed_while_idle(jobs, sink):
    """What the server says or does between two messages is noticed at once: nothing is sent into the void."""
    for words in ((b"421 4.4.2 idle\r\n",), ()):
        assert jobs.job(TEXT, S, [A]).verdict == "K"
        s = sink.sessions[-1]
        sink.loop.call_soon_threadsafe(lambda: ([s.transport.write(w) for w in words], s.transport.close()))
        time.sleep(0.2)
        n = len(s.commands)
        assert jobs.job(TEXT, S, [A]).verdict == "K"
        assert len(s.commands) == n


def test_not_twice_when_the_verdict_is_lost(jobs, sink):
    """MAIL was answered, then the connection died after the message: nobody tries again by himself."""
    assert jobs.job(TEXT, S, [A]).verdict == "K"

    def end(s, line):
        s.sink.keep(Message(s, s.pending))
        return (CLOSE,)
    sink.on["."] = end
    sink.extensions = ["PIPELINING"]
    outcome = jobs.job(TEXT, S, [A])
    assert (outcome.each, outcome.verdict) == ("r", "Z") and "twice" in outcome.text
    assert len(sink.messages) == 2 and len(sink.sessions) == 1


def test_idle_end(rules, sink):
    with Jobs(rules, sink.route, options=["-i", "1"]) as jobs:
        assert jobs.job(TEXT, S, [A]).verdict == "K"
        start = time.monotonic()
        assert jobs.ended(5) == 0
        assert 0.5 < time.monotonic() - start < 3
        assert sink.sessions[0].commands[-1] == b"QUIT"
        assert jobs.sock.recv(1) == b"" and jobs.said() == ""


def test_idle_without_any_job(rules):
    with Jobs(rules, "127.0.0.1:1", options=["-i", "1"]) as jobs:
        assert jobs.ended(5) == 0


def test_end_without_any_job(rules):
    with Jobs(rules, "127.0.0.1:1") as jobs:
        jobs.sock.close()
        assert jobs.ended(5) == 0


def test_sender_gone_while_delivering(rules, sink):
    """relay-send dies: the message under way is delivered, and that's the end."""
    sink.on["MAIL"] = lambda s, line: (0.5, b"250 ok\r\n")
    with Jobs(rules, sink.route) as jobs:
        jobs.give(TEXT, S, [A])
        time.sleep(0.1)
        jobs.sock.close()
        jobs.ended(10)
    assert len(sink.messages) == 1


def test_unreachable(rules):
    with Jobs(rules, "127.0.0.1:%d" % free_port()) as jobs:
        for _ in range(2):
            outcome = jobs.job(TEXT, S, [A, B])
            assert (outcome.each, outcome.verdict) == ("", "Z") and "refused" in outcome.text


def test_no_rules(tmp_path):
    """Nobody knows our name: every job is told so, relay-send rests the destination."""
    with Jobs(str(tmp_path / "missing"), "127.0.0.1:25") as jobs:
        for _ in range(2):
            outcome = jobs.job(TEXT, S, [A])
            assert (outcome.each, outcome.verdict) == ("", "Z") and "#4.3.5" in outcome.text


@pytest.mark.parametrize("raw", [b"", b"x", b"5\0000\0" + ID + b"\0s\0", b"-1\0000\0" + ID + b"\0s\0a\0",
    b"5\0000\0" + ID + b"\0s\0a", b"99999999999999999999\0000\0" + ID + b"\0s\0a\0"],
                         ids=["empty", "word", "no-recipients", "negative", "cut", "huge"])
def test_malformed_job(rules, sink, raw):
    with Jobs(rules, sink.route) as jobs:
        jobs.give(TEXT, S, [A], raw=raw)
        assert jobs.take().verdict == "Z"
        assert jobs.job(TEXT, S, [A]).verdict == "K"
    assert len(sink.messages) == 1


def test_job_without_file(jobs, sink):
    data = b"5\0000\0" + ID + b"\0s@x\0a@y\0"
    jobs.sock.sendall(struct.pack(">IH", len(data), 0) + data)
    assert jobs.take().verdict == "Z"
    assert jobs.job(TEXT, S, [A]).verdict == "K"


def test_file_too_short(jobs, sink):
    """A message of which a part is missing is not delivered."""
    jobs.give(TEXT, S, [A], raw=b"%d\0000\0%s\0s@x.example\0a@y.example\0" % (len(TEXT) + 1, ID))
    outcome = jobs.take()
    assert outcome.verdict == "Z" and "#4.3.0" in outcome.text and sink.messages == []


def test_file_shrinks(rules, sink):
    """The file is cut off between looking it through and sending: no end of the message is sent."""
    message = big(3 << 20)
    held = []

    def rcpt(s, line):
        os.ftruncate(held[0], 1 << 20)
        return None
    sink.on["RCPT"] = rcpt
    for extensions in (["PIPELINING", "CHUNKING"], ["PIPELINING"]):
        sink.extensions = extensions
        with Jobs(rules, sink.route) as jobs:
            with tempfile.TemporaryFile() as f:
                f.write(message)
                f.flush()
                held[:] = [f.fileno()]
                data = b"%d\0000\0%s\0s@x.example\0a@y.example\0" % (len(message), ID)
                jobs.sock.sendmsg([struct.pack(">IH", len(data), 1) + data],
                                  [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [f.fileno()]))])
                outcome = jobs.take()
        assert (outcome.each, outcome.verdict) == ("r", "Z") and "#4.3.0" in outcome.text
        assert sink.messages == []


def test_utf8_flag(rules, sink):
    with Jobs(rules, sink.route) as jobs:
        assert jobs.job(TEXT, S, [A], flags=UTF8).verdict == "K"
        assert b" SMTPUTF8" in sink.messages[0].mail
    sink.extensions = ["8BITMIME"]
    with Jobs(rules, sink.route) as jobs:
        outcome = jobs.job(TEXT, S, [A], flags=UTF8)
        assert (outcome.each, outcome.verdict) == ("h", "D") and "#5.6.7" in outcome.text
        assert jobs.job(TEXT, S, [A]).verdict == "K"


def test_ipv6_route(rules, sinks):
    sink = sinks(host="::1")
    with Jobs(rules, sink.route) as jobs:
        assert jobs.job(TEXT, S, [A]).verdict == "K"


def test_mx_route(rules):
    with Dns({"y.example": {"MX": [(10, "m.example")]}, "m.example": {"A": ["127.0.0.1"]}}) as d:
        with Jobs(rules, "mx:y.example", env=environment(DNSCACHEIP=d.where)) as jobs:
            outcome = jobs.job(TEXT, S, [A])
            assert (outcome.each, outcome.verdict) == ("", "D") and "#5.4.6" in outcome.text


def test_memory_and_descriptors_stay(rules, sink):
    """Thousands of jobs, large and small, good and bad: no leak."""
    from lib.procs import status_of
    with Jobs(rules, sink.route) as jobs:
        message = big(300000)

        def round():
            for _ in range(50):
                assert jobs.job(TEXT, S, [A]).verdict == "K"
                assert jobs.job(message, S, [A]).verdict == "K"
                assert jobs.job(b"\r", S, [A]).verdict == "D"
            return status_of(jobs.popen.pid, "VmRSS"), len(os.listdir("/proc/%d/fd" % jobs.popen.pid))
        first = round()
        for _ in range(4):
            last = round()
        assert last[1] == first[1]
        assert last[0] <= first[0] + 128
        sink.clear()


def test_silence_in_idle_quit(rules, sink):
    """A server that doesn't answer QUIT does not hold us."""
    sink.on["QUIT"] = lambda s, line: HANG
    with Jobs(rules, sink.route, options=["-i", "1", "-t", "1"]) as jobs:
        assert jobs.job(TEXT, S, [A]).verdict == "K"
        assert jobs.ended(8) == 0


def test_leaves_its_socket_before_it_says_quit(rules, sink):
    """Nobody is to give a job to one that waits for QUIT's answer; one that came at the last moment shows as unread."""
    sink.on["QUIT"] = lambda s, line: HANG
    with Jobs(rules, sink.route, options=["-i", "1"]) as jobs:
        assert jobs.job(TEXT, S, [A]).verdict == "K"
        start = time.monotonic()
        jobs.sock.settimeout(10)
        assert jobs.sock.recv(1) == b""
        assert time.monotonic() - start < 2.5 and jobs.popen.poll() is None
        wait_for(lambda: sink.sessions[0].commands[-1] == b"QUIT", 5, "QUIT")
        assert jobs.ended(8) == 0


@pytest.mark.parametrize("extensions, verb, reply, message", [
    ((), "DATA", None, TEXT), (("PIPELINING",), "DATA", None, TEXT), (("PIPELINING",), "DATA", None, big(300000)),
    (("CHUNKING",), "RCPT", b"250 ok\r\n", TEXT), (("CHUNKING",), "BDAT", b"250 ok\r\n", big(300000)),
    ((), "MAIL", b"250 ok\r\n", TEXT), (("PIPELINING", "CHUNKING"), "CONNECT", b"220 sink.example\r\n", TEXT),
], ids=range(7))
def test_message_is_not_finished_when_relay_send_has_gone(rules, sink, extensions, verb, reply, message):
    """relay-send ends in mid delivery: the message will be delivered by the next one, so not by us."""
    sink.extensions = list(extensions)
    waiting = threading.Event()

    def slow(session, line):
        waiting.set()
        return 0.5, reply or b"354 go on\r\n"
    sink.on[verb] = slow
    with Jobs(rules, sink.route) as jobs:
        jobs.give(message, S, [A])
        assert waiting.wait(10)
        jobs.sock.close()
        assert jobs.ended(10) in (0, 111)
    wait_for(lambda: sink.open == 0, 5, "connection closed")
    assert sink.messages == []


def test_message_is_finished_while_relay_send_waits(rules, sink):
    """The counterpart: a relay-send that only says no more is still there."""
    sink.on["DATA"] = lambda session, line: (0.5, b"354 go on\r\n")
    sink.extensions = ["PIPELINING"]
    with Jobs(rules, sink.route) as jobs:
        jobs.give(TEXT, S, [A])
        jobs.sock.shutdown(socket.SHUT_WR)
        assert jobs.take().verdict == "K" and len(sink.messages) == 1
