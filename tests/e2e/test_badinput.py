"""What bad input gets: a 5xx with an enhanced code, bounded memory, bounded time, and the slot back."""
import os
import re
import socket
import time

import pytest

from lib.procs import sanitized, status_of, wait_for
from lib.smtp import Closed

MIB = 1 << 20
#: KiB that one of our programs may take, whatever the client sends
MEMORY = 8 * 1024 if not sanitized() else 256 * 1024


def ours(instance):
    """The chain's programs that run now: (pid, name)."""
    out = []
    for pid in instance.receiver.members():
        try:
            name = os.path.basename(os.readlink("/proc/%d/exe" % pid))
        except OSError:
            continue
        if name.startswith("relay-"):
            out.append((pid, name))
    return out


def peak(instance):
    return max([status_of(pid, "VmHWM") for pid, _ in ours(instance)] or [0])


def gone(instance):
    """The slot is free again."""
    wait_for(lambda: not ours(instance), 10, lambda: "the session's programs gone: %s" % ours(instance))


def pour(instance, d, piece, total):
    """Sends until `total` bytes or the server has had enough. Returns (bytes sent, largest memory seen)."""
    sent = high = 0
    try:
        while sent < total:
            d.send(piece)
            sent += len(piece)
            high = max(high, peak(instance))
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent, high


@pytest.fixture
def strict(instances, sink):
    """Short limits, so that what takes hours takes seconds."""
    return instances(routes=":%s\n" % sink.route,
                     limits="command-time 2\nsession-time 6\nerrors 5\nsize 1000000\n").start()


LONG_LOCAL = b"MAIL FROM:<" + b"a" * 65 + b"@b.example>"
MALFORMED = [
    b"WHAT", b"", b" ", b"\t", b"EHLO", b"HELO", b"EHLO a b", b"EHLO \xff", b"MAIL", b"MAIL FROM", b"MAIL FROM:",
    b"MAIL FROM:a@b.example", b"MAIL FROM:<a@b.example", b"MAIL FROM:a@b.example>", b"MAIL FROM:<a@b.example> SIZE",
    b"MAIL FROM:<a@b.example> SIZE=x", b"MAIL FROM:<a@b.example> SIZE=99999999999999999999999999",
    b"MAIL FROM:<a@b.example> BODY=9BIT", b"MAIL FROM:<a@b.example> BODY=BINARYMIME",
    b"MAIL FROM:<a@b.example> FOO=BAR", b"MAIL FROM:<a@b.example> SMTPUTF8=1", b"MAIL FROM:<@@b.example>",
    b"MAIL FROM:<a@b..example>", b"MAIL FROM:<a@-b.example>", b"MAIL FROM:<\"a@b.example>",
    b"MAIL FROM:<a\x00@b.example>", b"MAIL FROM:<a\x01@b.example>", b"MAIL FROM:<a@[300.1.1.1]>",
    b"MAIL FROM:<a@[IPv6:::::]>", b"MAIL FROM:<\xc3\xbc@b.example>", LONG_LOCAL,
    b"MAIL FROM:<a@" + b"b." * 130 + b"example>", b"MAIL FROM:<a@b.example>x", b"MAIL FROM: <a@b.example> x=",
    b"MAIL TO:<a@b.example>", b"RCPT FROM:<a@b.example>", b"RCPT TO:<a@hosted.example>", b"DATA now", b"DATA",
    b"BDAT", b"BDAT x", b"BDAT 99999999999999999999999", b"BDAT -1", b"RSET x", b"QUIT now", b"NOOP\x00", b"STARTTLS",
    b"AUTH", b"AUTH PLAIN =", b"HELP", b"EXPN x", b"ETRN x", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1",
    b"NOOP \rMAIL FROM:<a@b.example>",
]
#: may be answered 2xx: no error by RFC 5321
MILD = {b"HELP", LONG_LOCAL}


@pytest.mark.parametrize("line", MALFORMED, ids=lambda l: re.sub(r"\W+", "_", repr(l[:30])))
def test_malformed_command(instance, line):
    """Each a 5xx with an enhanced code (its class the code's); the session goes on."""
    with instance.dialogue() as d:
        d.hello()
        r = d.cmd(line)
        if line.startswith(b"BDAT") and r.code == 503:
            pass
        elif line in MILD and 200 <= r.code < 300:
            pass
        else:
            assert 500 <= r.code < 600, r
            assert r.enhanced.startswith("5."), r
        if not line.startswith(b"BDAT 9"):   # nobody knows where such a chunk ends: the session is over
            d.ok("NOOP")
            d.quit()
    gone(instance)
    assert not instance.queued()


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\rNOOP\r\n", b"NOOP\n\r\n", b"EHLO a\nEHLO b\r\n"], ids=repr)
def test_bare_line_ends_in_commands(instance, line):
    """A bare CR or LF is refused; what stands behind it is never a command of its own."""
    with instance.dialogue("127.0.0.2") as d:
        d.hello()
        d.send(line + (b"" if line.endswith(b"\r\n") else b"\r\n") + b"QUIT\r\n")
        rest = d.rest().split(b"\r\n")
        assert rest[0][:1] == b"5", rest
        assert not any(l.startswith(b"250") for l in rest), rest
    gone(instance)


BODIES = {
    "nul": b"Subject: x\r\n\r\na\0b\r\n.\r\n",
    "bare-lf": b"Subject: x\r\n\r\na\nb\r\n.\r\n",
    "bare-cr": b"Subject: x\r\n\r\na\rb\r\n.\r\n",
    "cr-at-line-end": b"Subject: x\r\n\r\na\r\r\n.\r\n",
    "lf-dot-lf": b"Subject: x\r\n\r\na\n.\nMAIL FROM:<smuggled@b.example>\r\n.\r\n",
    "lf-dot-crlf": b"Subject: x\r\n\r\na\n.\r\nMAIL FROM:<smuggled@b.example>\r\n.\r\n",
    "crlf-dot-lf": b"Subject: x\r\n\r\na\r\n.\nMAIL FROM:<smuggled@b.example>\r\n.\r\n",
    "crlf-dot-cr": b"Subject: x\r\n\r\na\r\n.\rMAIL FROM:<smuggled@b.example>\r\n.\r\n",
    "cr-dot-cr": b"Subject: x\r\n\r\na\r.\rMAIL FROM:<smuggled@b.example>\r\n.\r\n",
    "too-big": b"Subject: x\r\n\r\n" + (b"x" * 998 + b"\r\n") * 60000 + b".\r\n",
    "hops": b"Received: by a.example; x\r\n" * 101 + b"\r\nx\r\n.\r\n",
    "long-line": b"Subject: x\r\n\r\n" + b"x" * (1 << 20) + b"\r\n.\r\n",
}


@pytest.mark.parametrize("name", sorted(BODIES))
def test_refused_body(instance, sink, name):
    """Refused with 5xx behind the one true end; nothing queued; the session goes on with the next message."""
    with instance.dialogue("127.0.0.2", seconds=60) as d:
        d.hello()
        for line, code in (("MAIL FROM:<a@b.example>", 250), ("RCPT TO:<c@hosted.example>", 250), ("DATA", 354)):
            d.ok(line, code)
        d.send(BODIES[name])
        r = d.reply()
        assert 500 <= r.code < 600 and r.enhanced.startswith("5."), r
        assert d.mail("next@b.example", "c@hosted.example") == 250
        d.quit()
    assert [m.sender for m in sink.wait(1)] == ["next@b.example"]
    instance.wait_empty()
    assert len(sink.messages) == 1 and "smuggled" not in str(sink.messages[0].sender)


def test_endless_command_line(instance):
    with instance.dialogue(seconds=60) as d:
        d.hello()
        sent, high = pour(instance, d, b"x" * 65536, 64 * MIB)
        try:
            r = d.reply() if sent < 64 * MIB else d.cmd("")
            assert r.code == 500 and r.enhanced.startswith("5."), r
        except (Closed, ConnectionError):
            pass
    assert 0 < high < MEMORY, high
    gone(instance)


def test_endless_line_in_data(instance):
    with instance.dialogue(seconds=60) as d:
        d.hello()
        for line, code in (("MAIL FROM:<a@b.example>", 250), ("RCPT TO:<c@d.example>", 250), ("DATA", 354)):
            d.ok(line, code)
        sent, high = pour(instance, d, b"x" * 65536, 80 * MIB)
        if sent >= 80 * MIB:
            r = d.cmd("\r\n.")
            assert 500 <= r.code < 600, r
    assert 0 < high < MEMORY, high
    gone(instance)
    assert not instance.queued()


def recipients(first, last):
    return b"".join(b"RCPT TO:<" + b"x" * 60 + b"%d@" % n + b"y" * 60 + b".example>\r\n" for n in range(first, last))


def test_too_many_recipients(instance, sink):
    """The thousand that the limit allows, 452 for each more (RFC 5321 4.5.3.1.10); the message goes to the thousand."""
    with instance.dialogue(seconds=60) as d:
        d.hello()
        d.ok("MAIL FROM:<a@b.example>")
        codes = []
        for start in range(0, 1100, 100):
            d.send(recipients(start, start + 100))
            codes += [d.reply().code for _ in range(100)]
        assert codes == [250] * 1000 + [452] * 100
        d.ok("DATA", 354)
        d.send(b"Subject: x\r\n\r\n.\r\n")
        assert d.reply() == 250
        d.quit()
    instance.wait_empty()
    assert len({r for m in sink.messages for r in m.recipients}) == 1000


def test_endless_recipients(instance):
    """A hundred thousand: memory stays bounded, whether the session goes on or not."""
    high = 0
    with instance.dialogue(seconds=60) as d:
        d.hello()
        d.ok("MAIL FROM:<a@b.example>")
        try:
            for start in range(0, 100000, 100):
                d.send(recipients(start, start + 100))
                high = max(high, peak(instance))
                assert {d.reply().code for _ in range(100)} <= {250, 452, 421}
        except (Closed, ConnectionError):
            pass
    assert 0 < high < MEMORY, high
    gone(instance)


def test_pipelined_garbage(instance):
    """Binary rubbish, 16 MiB of it, with the client not reading: the session ends by its error limit."""
    rnd = bytes((i * 2654435761 >> 13) & 255 for i in range(65536))
    with instance.dialogue(seconds=60) as d:
        sent, high = pour(instance, d, rnd, 16 * MIB)
        assert sent < 16 * MIB
    assert high < MEMORY, high
    gone(instance)
    log = open(instance.path("smtpd.log"), "rb").read()
    assert not re.search(rb"[^\n\x20-\x7e]", log), "raw client bytes in the log"


def test_error_limit(strict):
    with strict.dialogue() as d:
        d.hello()
        codes = []
        try:
            for _ in range(50):
                codes.append(d.cmd("WHAT").code)
        except (Closed, ConnectionError):
            pass
    assert codes[:4] == [500] * 4 or codes[:4] == [502] * 4, codes
    assert codes[-1] == 421 and len(codes) <= 7, codes
    gone(strict)


TO_RCPT = b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@hosted.example>\r\n"
TO_TEXT = TO_RCPT + b"DATA\r\nSubject: x\r\n\r\nx\r\n"
STAGES = [b"", b"EHL", b"EHLO a\r\n", b"EHLO a\r\nMAIL FR", b"EHLO a\r\nMAIL FROM:<a@b.example>\r\n", TO_RCPT,
          TO_RCPT + b"DATA\r\n", TO_TEXT, TO_TEXT + b".", TO_TEXT + b".\r",
          TO_RCPT + b"BDAT 100\r\nSubject: x\r\n\r\nx\r\n", TO_RCPT + b"BDAT 15\r\nSubject: x\r\n\r\n1"]


@pytest.mark.parametrize("how", ["close", "shut", "reset"])
@pytest.mark.parametrize("stage", range(len(STAGES)))
def test_early_close(instance, sink, stage, how):
    """The client goes away at any point: the programs go too, and nothing is queued or delivered."""
    d = instance.dialogue()
    d.reply()
    d.send(STAGES[stage])
    if how == "shut":
        d.shut()
        d.rest()
    elif how == "reset":
        d.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    d.close()
    gone(instance)
    assert not instance.queued() and not sink.messages


@pytest.mark.parametrize("stage", range(len(STAGES)))
def test_silent_client(strict, sink, stage):
    """command-time 2: a client that says nothing more is gone soon, with 421 where it can read."""
    start = time.monotonic()
    with strict.dialogue() as d:
        d.reply()
        d.send(STAGES[stage])
        rest = d.rest()
    assert rest.split(b"\r\n")[-2].startswith(b"421 4."), rest
    assert time.monotonic() - start < 20
    gone(strict)
    assert not strict.queued() and not sink.messages


@pytest.mark.parametrize("where", ["command", "data"])
def test_slow_client(strict, where):
    """session-time 6: one byte a second keeps no slot, although each comes within command-time."""
    start = time.monotonic()
    with strict.dialogue() as d:
        d.hello()
        if where == "data":
            for line, code in (("MAIL FROM:<a@b.example>", 250), ("RCPT TO:<c@hosted.example>", 250), ("DATA", 354)):
                d.ok(line, code)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(40):
                d.send(b"x")
                time.sleep(0.5)
    assert time.monotonic() - start < 20
    gone(strict)


def test_client_that_never_reads(strict):
    """Replies pile up until nothing can be written: the deadline holds there too."""
    with strict.dialogue() as d:
        d.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        d.hello()
        d.sock.settimeout(0.5)
        try:
            for _ in range(2000):
                d.send(b"NOOP\r\n" * 1000)
        except (TimeoutError, socket.timeout, ConnectionError):
            pass
        assert peak(strict) < MEMORY
        wait_for(lambda: not ours(strict), 20, "the session's programs gone")


def test_slots_come_back(instances, sink):
    """Ten slots, ten silent clients: the eleventh gets in when their time is over."""
    i = instances(routes=":%s\n" % sink.route, limits="command-time 2\n").start(concurrency=10)
    silent = [i.dialogue() for _ in range(10)]
    for d in silent:
        d.reply()
    with i.dialogue(seconds=30) as d:
        d.hello()
        assert d.mail("a@b.example", "c@hosted.example") == 250
        d.quit()
    sink.wait(1)
    for d in silent:
        d.close()
    gone(i)


def test_smuggling_by_bdat(instance, sink):
    """Chunks are counted, never searched: what looks like commands within is text."""
    inside = b"Subject: x\r\n\r\n\r\n.\r\nQUIT\r\nMAIL FROM:<smuggled@b.example>\r\n"
    with instance.dialogue("127.0.0.2") as d:
        d.hello()
        d.send(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@hosted.example>\r\n")
        d.send(b"BDAT %d\r\n%sBDAT 0 LAST\r\nQUIT\r\n" % (len(inside), inside))
        assert [d.reply().code for _ in range(5)] == [250, 250, 250, 250, 221]
    m = sink.wait(1)[0]
    assert m.sender == "a@b.example" and m.data.endswith(inside)
    instance.wait_empty()
    assert len(sink.messages) == 1


@pytest.mark.parametrize("body", [b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n", b"a\r"], ids=repr)
def test_refused_chunk(instance, sink, body):
    """Bad bytes in a chunk: 5xx at the end, and the chunks that follow are taken for chunks."""
    with instance.dialogue("127.0.0.2") as d:
        d.hello()
        d.send(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@hosted.example>\r\n")
        d.send(b"BDAT %d\r\n%sBDAT 6 LAST\r\nNOOP\r\n" % (len(body), body))
        codes = [d.reply().code for _ in range(4)]
        assert codes[:2] == [250, 250] and 500 <= codes[3] < 600, codes
        r = d.cmd("NOOP")
        assert r.code in (250, 503), r
    assert not instance.queued() and not sink.messages


# The rules

@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "half", "zeros", "text", "directory"])
def test_rules_damaged(instance, sink, damage):
    """No or damaged rules: 451, never open, never a crash."""
    path = instance.rules
    good = open(path, "rb").read()
    os.unlink(path)
    if damage == "directory":
        os.mkdir(path)
    elif damage != "missing":
        with open(path, "wb") as f:
            f.write({"empty": b"", "truncated": good[:-1], "half": good[:len(good) // 2], "zeros": b"\0" * len(good),
                     "text": b"hello\n" * 1000}[damage])
    with instance.dialogue() as d:
        r = d.reply()
        while r.code == 220 or r.code == 250:
            r = d.cmd({220: "EHLO a"}.get(r.code, "MAIL FROM:<a@b.example>"))
            if r.code == 250 and not r.text.startswith("relay"):
                r = d.cmd("RCPT TO:<c@hosted.example>")
                break
        assert r.code in (421, 451), r
    gone(instance)
    assert not instance.queued()
    assert "SIG" not in instance.log("smtpd")
