"""relay-smtpd on a socket pair: commands, what they are answered, what the injector gets. Every malformed command is a
5xx with an enhanced code. Not here: time (test_smtpd_time), injectors that fail (test_smtpd_injector), rules
(test_smtpd_rules)."""
import os
import re
import socket
import subprocess

import pytest

from lib.procs import BIN, status_of, wait_for
from lib.smtp import Closed, wire
from lib.smtpd import Smtpd, without_trace


@pytest.fixture(scope="module")
def shared():
    with Smtpd() as s:
        yield s


@pytest.fixture
def smtpd():
    with Smtpd() as s:
        yield s


MAIL = "MAIL FROM:<a@b.example>"
RCPT = "RCPT TO:<x@hosted.example>"
TEXT = b"Subject: x\n\ntext\n"


def test_extensions(shared):
    with shared.start() as d:
        said = d.hello()
        assert d.banner.raw == b"220 relay.example ESMTP posthouse\r\n"
        assert said == {"PIPELINING": [], "8BITMIME": [], "ENHANCEDSTATUSCODES": [], "CHUNKING": [], "SMTPUTF8": [],
                        "DSN": [], "SIZE": ["52428800"]}
        d.quit()
    shared.ended(d, "quit")


MALFORMED = [
    # before EHLO
    ("", MAIL, 503, "5.5.1"), ("", RCPT, 503, "5.5.1"), ("", "DATA", 503, "5.5.1"), ("", "HELO", 501, "5.5.4"),
    ("", "EHLO", 501, "5.5.4"), ("", "EHLO a b", 501, "5.5.4"), ("", "EHLO " + 300 * "a", 501, "5.5.4"),
    ("", b"EHLO a\xff.example", 501, "5.5.4"), ("", "HELO (x)", 501, "5.5.4"), ("", "", 500, "5.5.2"),
    ("", b"\x80\xff", 500, "5.5.2"), ("", "FOO", 500, "5.5.2"), ("", "EXPN x", 502, "5.5.1"),
    ("", "AUTH PLAIN", 502, "5.5.1"),
    ("", "STARTTLS", 502, "5.5.1"), ("", "QUIT now", 501, "5.5.4"), ("", "RSET x", 501, "5.5.4"),
    ("", "VRFY", 501, "5.5.4"),
    ("", "NO\nOP", 500, "5.5.2"), ("", "NO\rOP", 500, "5.5.2"), ("", "NO\0OP", 500, "5.5.2"),
    ("", 3000 * "x", 500, "5.5.6"),
    # before MAIL
    ("E", RCPT, 503, "5.5.1"), ("E", "MAIL", 501, "5.5.4"), ("E", "MAIL FROM", 501, "5.5.4"),
    ("E", "MAIL FROM:", 501, "5.1.7"),
    ("E", "MAIL FROM:a@b.example", 501, "5.1.7"), ("E", "MAIL FROM:<a b@c.example>", 501, "5.1.7"),
    ("E", "MAIL FROM:<a@b.example", 501, "5.1.7"), ("E", "MAIL FROM:<a@b_.example.>x", 501, None),
    ("E", "MAIL FROM:<%s@b.example>" % (257 * "a"), 553, "5.1.7"), ("E", "MAIL FROM:<a@%s.example>" % (250 * "b"),
    None, None),
    ("E", MAIL + " SIZE=x", 501, "5.5.4"), ("E", MAIL + " SIZE=-1", 501, "5.5.4"),
    ("E", MAIL + " SIZE=52428801", 552, "5.3.4"),
    ("E", MAIL + " BODY=BINARYMIME", 555, "5.5.4"), ("E", MAIL + " RET=SOME", 501, "5.5.4"),
    ("E", MAIL + " AUTH=<>", 555, "5.5.4"),
    ("E", MAIL + " SIZE=1 SIZE=1", 501, "5.5.4"), ("E", "MAIL FROM:<\u00fc@b.example>", 553, "5.6.7"),
    # before RCPT
    ("EM", MAIL, 503, "5.5.1"), ("EM", "DATA", 503, "5.5.1"), ("EM", "RCPT", 501, "5.5.4"),
    ("EM", "RCPT TO:<>", 501, "5.1.3"),
    ("EM", "RCPT TO:<x>", 501, "5.1.3"), ("EM", "RCPT TO:x@hosted.example", 501, "5.1.3"),
    ("EM", RCPT + " NOTIFY=EVER", 501, "5.5.4"), ("EM", "RCPT TO:<\u00fc@hosted.example>", 553, "5.6.7"),
    ("EM", "RCPT TO:<x@else.example>", 550, "5.7.1"), ("EM", "RCPT TO:<x@sub.hosted.example>", 550, "5.7.1"),
    ("EM", "RCPT TO:<x@[127.0.0.1]>", 550, "5.7.1"), ("EM", "RCPT TO:<x%else.example@hosted.example>", 553, "5.1.3"),
    ("EM", "RCPT TO:<\"x@else.example\"@hosted.example>", 553, "5.1.3"),
    ("EM", "RCPT TO:<@hosted.example:x@else.example>", 550, "5.7.1"),
    ("EM", "RCPT TO:<x@hosted.example@else.example>", 501, "5.1.3"),
    ("EM", "RCPT TO:<x@else.example.hosted.example>", 550, "5.7.1"),
    # with a recipient
    ("EMR", "DATA now", 501, "5.5.4"), ("EMR", "BDAT", 501, "5.5.4"), ("EMR", "BDAT x", 501, "5.5.4"),
    ("EMR", MAIL, 503, "5.5.1"),
]


@pytest.mark.parametrize("before,line,code,enhanced", MALFORMED, ids=lambda v: repr(v)[:40])
def test_malformed(shared, before, line, code, enhanced):
    with shared.start() as d:
        assert d.reply() == 220
        for word in before:
            d.ok({"E": "EHLO c.example", "M": MAIL, "R": RCPT}[word])
        r = d.cmd(line)
        assert 500 <= r.code <= 599 and code in (None, r.code), r
        assert r.enhanced.startswith("5.") and enhanced in (None, r.enhanced), r
        d.send(b"VRFY x\r\n")
        while True:  # a bare CR or LF may be answered once more
            r = d.reply()
            if r == 252:
                break
            assert r == 500
        d.quit()
    end = shared.ended(d, "quit")
    assert int(end["errors"]) >= 1
    assert not shared.messages() and not shared.leftovers()


def test_message(smtpd):
    with smtpd.start(TCPREMOTEHOST="client.example") as d:
        d.hello("c.example")
        r = d.mail("a@b.example", ["x@hosted.example"], b"Subject: x\n\n.dots\n..\n\n")
        assert r.code == 250 and r.enhanced == "2.6.0"
        d.quit()
    (sender, recipients, body), = smtpd.messages()
    ident = re.search(r"[0-9a-f]{22}", r.text).group()
    assert (sender, recipients) == ("a@b.example", ["x@hosted.example"])
    assert without_trace(body) == b"Subject: x\n\n.dots\n..\n\n"
    assert re.match(rb"Received: from c.example \(client.example \[192.0.2.7\]\)\n"
                    rb"  by relay.example with ESMTP id " + ident.encode() +
                    rb"\n  \(hosted domains:1\)\n  for <x@hosted.example>; "
                    rb"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
                    rb"\d{4} \d\d:\d\d:\d\d \+0000\n",
                    body), body
    end = smtpd.ended(d, "quit")
    assert (end["messages"], end["errors"]) == ("1", "0")
    assert [e["event"] for e in smtpd.events()] == ["connect", "recipient", "message", "end"]
    assert smtpd.events("message")[0]["id"] == ident


def test_one_write_per_batch(smtpd):
    """The kernel keeps the borders of writes here."""
    with smtpd.start(kind=socket.SOCK_SEQPACKET) as d:
        assert d.sock.recv(65536).startswith(b"220 ")
        says = ("EHLO c.example", MAIL, RCPT, RCPT, "RCPT TO:<x@else.example>", "DATA")
        d.send(b"".join(line.encode() + b"\r\n" for line in says))
        codes = [l[:3] for l in d.sock.recv(65536).split(b"\r\n")[:-1]]
        assert codes == 7 * [b"250"] + [b"250", b"250", b"250", b"250", b"550", b"354"], codes
        d.send(wire(TEXT) + (MAIL + "\r\n" + RCPT + "\r\nDATA\r\n").encode())
        codes = [l[:3] for l in d.sock.recv(65536).split(b"\r\n")[:-1]]
        assert codes == [b"250", b"250", b"250", b"354"]
        d.send(wire(TEXT) + b"QUIT\r\n")
        codes = [l[:3] for l in d.sock.recv(65536).split(b"\r\n")[:-1]]
        assert codes == [b"250", b"221"]
    assert len(smtpd.messages()) == 2


FALSE_ENDS = {
    "LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n", "CR.CR": b"\r.\r", "CR.CRLF": b"\r.\r\n",
    "CRLF.CR": b"\r\n.\r",
    "LF.CR": b"\n.\r", "CR.LF": b"\r.\n", "NUL": b"\r\n\0.\r\n", "NUL behind": b"\r\n.\0\r\n",
    "CRLF.CRCRLF": b"\r\n.\r\r\n",
}


@pytest.mark.parametrize("name", FALSE_ENDS)
@pytest.mark.parametrize("pieces", [0, 1])
def test_smuggling(smtpd, name, pieces):
    """One message in is never two messages out, and none of these is a message."""
    smuggled = (b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<victim@hosted.example>\r\nDATA\r\n"
                b"Subject: smuggled\r\n\r\nsmuggled\r\n.\r\n")
    raw = b"Subject: x\r\n\r\ntext" + FALSE_ENDS[name] + smuggled
    with smtpd.start() as d:
        d.hello()
        for line, code in ((MAIL, 250), (RCPT, 250), ("DATA", 354)):
            d.ok(line, code)
        if pieces:
            d.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            for i in range(0, len(raw)):
                d.send(raw[i:i + 1])
        else:
            d.send(raw)
        r = d.reply()
        assert r.code == 550 and r.enhanced == "5.6.0", r
        d.quit()
    assert not smtpd.messages() and not smtpd.leftovers()
    assert smtpd.events("message")[0]["verdict"] == "refused"


def test_bare_cr_before_the_end(smtpd):
    """CR CRLF . CRLF holds CRLF . CRLF: the end, of a message that is refused."""
    with smtpd.start() as d:
        d.hello()
        assert d.mail("a@b.example", "x@hosted.example", b"Subject: x\n\ntext\r\n") == 250
        for line, code in ((MAIL, 250), (RCPT, 250), ("DATA", 354)):
            d.ok(line, code)
        d.send(b"Subject: x\r\n\r\ntext\r\r\n.\r\n")
        assert d.reply() == 550
        d.quit()
    assert len(smtpd.messages()) == 1


def test_bdat(smtpd):
    with smtpd.start() as d:
        d.hello()
        d.ok(MAIL)
        d.ok(RCPT)
        d.send(b"BDAT 12\r\nSubject: x\r\nBDAT 2\r\n\r\nBDAT 5\r\n.\r\n.\rBDAT 4 LAST\r\n\nx\r\nNOOP\r\n")
        assert [d.reply().code for _ in range(5)] == 5 * [250]
        d.send(b"BDAT 6 LAST\r\nQUIT\r\n")  # no transaction: swallowed
        assert d.reply() == 503
        d.ok(MAIL)
        d.send(b"BDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\n")
        assert d.reply() == 503 and d.reply() == 503
        d.ok(RCPT)
        d.ok("BDAT 0 LAST")
        d.ok(MAIL)
        d.ok(RCPT)
        d.ok("BDAT 0")
        d.ok("DATA", 503)
        d.ok(MAIL, 503)
        d.send(b"BDAT 3 LAST\r\nx\n\n")
        assert d.reply() == 550
        d.ok(MAIL)
        d.ok(RCPT)
        d.ok("BDAT 99999999999999999999999", 552)
        assert d.reply() == 421
        d.closed()
    smtpd.ended(d, "endless-chunk")
    bodies = [without_trace(m[2]) for m in smtpd.messages()]
    assert bodies == [b"Subject: x\n\n.\n.\nx\n", b"\n"]


def test_bdat_split_everywhere(smtpd):
    """A message by two chunks, split at each byte, and those sent byte for byte: always the same."""
    text = b"Subject: x\r\n\r\n.\r\n..\r\nend"
    with smtpd.start() as d:
        d.hello()
        for at in range(len(text) + 1):
            d.send(("%s\r\n%s\r\nBDAT %d\r\n" % (MAIL, RCPT, at)).encode() + text[:at])
            d.send(b"BDAT %d LAST\r\n" % (len(text) - at) + text[at:])
            assert [d.reply().code for _ in range(4)] == 4 * [250]
        d.quit()
    assert {without_trace(m[2]) for m in smtpd.messages()} == {b"Subject: x\n\n.\n..\nend\n"}
    assert len(smtpd.messages()) == len(text) + 1


def test_bare_lf_option(smtpd):
    raw = b"Subject: x\n\n.\n..\ntext\n"
    for options, env, code in (((), {}, 550), (("-b",), {}, 550), ((), {"RELAYCLIENT": ""}, 550), (("-b",),
                               {"RELAYCLIENT": ""}, 250)):
        with smtpd.start(*options, **env) as d:
            d.hello()
            for line, want in ((MAIL, 250), (RCPT, 250), ("DATA", 354)):
                d.ok(line, want)
            d.send(raw + b"\r\n.\r\n")
            assert d.reply().code == code
            d.quit()
    (_, _, body), = smtpd.messages()
    assert without_trace(body) == b"Subject: x\n\n\n.\ntext\n\n"


def lines(d, ending, *says):
    for line, code in says:
        d.send(line.encode() + ending)
        r = d.reply()
        while r == 220:
            r = d.reply()
        assert r == code, (line, r)


@pytest.mark.parametrize("pieces", [0, 1])
def test_printer(smtpd, pieces):
    """Ends all its lines with LF, the message's too: with -b and trusted it gets through, and goes on."""
    with smtpd.start("-b", RELAYCLIENT="") as d:
        lines(d, b"\n", ("HELO printer", 250))
        for _ in range(2):
            lines(d, b"\n", (MAIL, 250), (RCPT, 250), ("DATA", 354))
            raw = b"Subject: x\n\n..\n.dot\ntext\n.\n"
            for i in range(0, len(raw), 1 if pieces else len(raw)):
                d.send(raw[i:i + 1] if pieces else raw)
            assert d.reply() == 250
        lines(d, b"\n", ("QUIT", 221))
        d.closed()
    assert [without_trace(m[2]) for m in smtpd.messages()] == 2 * [b"Subject: x\n\n.\ndot\ntext\n"]
    # never for a stranger: DATA LF is no command
    with smtpd.start("-b") as d:
        d.hello()
        d.ok(MAIL)
        d.ok(RCPT)
        lines(d, b"\n", ("DATA", 500))
        d.send(b"\r\n")
        assert d.reply() == 500
        d.quit()


@pytest.mark.parametrize("name", ["LF.LF", "LF.CRLF", "CRLF.LF"])
def test_bare_lf_smuggles_nothing(smtpd, name):
    """A trusted gateway that passes on what strangers wrote ends its lines with CRLF: nothing else ends a message."""
    smuggled = b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<victim@else.example>\r\nDATA\r\nx: y\r\n"
    with smtpd.start("-b", RELAYCLIENT="") as d:
        d.hello()
        for line, code in ((MAIL, 250), (RCPT, 250), ("DATA", 354)):
            d.ok(line, code)
        d.send(b"Subject: x\r\n\r\ntext" + FALSE_ENDS[name] + smuggled + b".\r\n")
        assert d.reply() == 250
        d.quit()
    (sender, recipients, body), = smtpd.messages()
    assert (sender, recipients) == ("a@b.example", ["x@hosted.example"])
    assert without_trace(body) == b"Subject: x\n\ntext\n\n" + smuggled.replace(b"\r\n", b"\n")


def test_dropped_transactions():
    """Injectors for nothing: the limit `errors` ends it, before they cost anything."""
    with Smtpd(limits="errors 5\n") as s, s.start() as d:
        d.hello()
        d.send(1000 * (MAIL + "\r\n" + RCPT + "\r\nRSET\r\n").encode())
        codes = []
        while 421 not in codes:
            codes.append(d.reply().code)
        assert codes == 18 * [250] + [421]
        assert s.ended(d, "errors")["errors"] == "6"
        with open(os.path.join(s.keep, "pids")) as f:
            assert len(f.readlines()) <= 6
        with s.start() as d:  # a client that quits with a transaction did nothing wrong
            d.hello()
            d.ok(MAIL)
            d.ok(RCPT)
            d.quit()
        assert s.ended(d, "quit")["errors"] == "0"


def test_refused_commands_are_logged(smtpd):
    with smtpd.start() as d:
        d.hello()
        for line, code in ((RCPT, 503), ("AUTH PLAIN c2VjcmV0", 502), ("secret", 500), ("NO\0OP secret", 500),
                           (3000 * "secret", 500)):
            d.ok(line, code)
        d.quit()
    assert [(e["command"], e["code"], e["reason"]) for e in smtpd.events("refused")] == [
        ("RCPT", "503", "mail-first"), ("AUTH", "502", "not-here"), ("unknown", "500", "unknown"),
        ("unknown", "500", "nul"), ("unknown", "500", "long")]
    assert "secret" not in smtpd.log() and "c2VjcmV0" not in smtpd.log()


def test_no_header(smtpd):
    with smtpd.start() as d:
        d.hello()
        for text in (b"no header\n", b"\nbody\n", b"", b"a" * 300 + b": x\n"):
            assert d.mail("", "x@hosted.example", text) == 250
        d.quit()
    assert [without_trace(m[2]) for m in smtpd.messages()] == [b"\nno header\n", b"\nbody\n", b"\n",
        b"\n" + b"a" * 300 + b": x\n"]


def test_limits():
    with Smtpd(limits="size 1000\nrecipients 3\ntext-line 998\nhops 5\nerrors 4\n") as s:
        def fresh(*a, **k):
            d = s.start(*a, **k)
            d.hello()
            return d
        with fresh() as d:
            d.ok(MAIL + " SIZE=1000")
            d.ok("RSET")
            d.ok(MAIL + " SIZE=1001", 552)
            for n, code in ((1000, 250), (1001, 552)):
                assert d.mail("a@b.example", "x@hosted.example", b"a: b\n" + (n - 8) * b"x" + b"\n") == code
            d.ok(MAIL)
            for code in (250, 250, 250, 452):
                d.ok(RCPT, code)
            d.ok("RSET")
            for hops, code in ((5, 250), (6, 554)):
                r = d.mail("a@b.example", "x@hosted.example", hops * b"Received: x\n" + b"\n" + 9 * b"Received: y\n")
                assert r == code, r
        with fresh(DATABYTES="0") as d:
            for n, code in ((998, 250), (999, 500)):
                assert d.mail("a@b.example", "x@hosted.example", b"a: b\n\n" + n * b"x" + b"\n" + 5000 * b"y\n") == code
        with fresh(DATABYTES="10") as d:
            assert d.mail("a@b.example", "x@hosted.example", b"a: b\nc\n"[:5] + b"\nx\n"[:1]) == 250
            assert d.mail("a@b.example", "x@hosted.example", b"a: bbbbbbbb\n") == 552
        with fresh() as d:
            for _ in range(4):
                d.ok("FOO", 500)
            d.ok("NOOP")
            d.ok("FOO", 500)
            assert d.reply() == 421
            d.closed()
        s.ended(d, "errors")


def test_command_line_limit(shared):
    with shared.start() as d:
        d.hello()
        d.ok("NOOP " + (2048 - 7) * "x")
        assert d.cmd("NOOP " + (2048 - 6) * "x").enhanced == "5.5.6"
        d.quit()


def test_endless(smtpd):
    """Lines without an end, NULs, garbage: memory stays where it was, and the session goes on."""
    with smtpd.start() as d:
        d.hello()
        d.ok("NOOP")
        before = status_of(d.proc.pid, "VmHWM")
        for _ in range(400):
            d.send(65536 * b"x")
        assert d.cmd("").enhanced == "5.5.6"
        for _ in range(100):
            d.send(65536 * b"\0")
        assert d.cmd("").code == 500
        for line, code in ((MAIL, 250), (RCPT, 250), ("DATA", 354)):
            d.ok(line, code)
        for _ in range(400):
            d.send(65536 * b"y")
        d.send(b"\r\n.\r\n")
        assert d.reply() == 500
        assert status_of(d.proc.pid, "VmHWM") - before < 1000  # KiB, of 58 MiB
        d.quit()
    assert not smtpd.messages() and not smtpd.leftovers()


def test_memory(smtpd):
    """25 MiB need no more than 1 KiB."""
    peak = {}
    for size in (1 << 10, 25 << 20):
        text = b"Subject: x\n\n" + size // 64 * (63 * b"z" + b"\n")
        with smtpd.start() as d:
            d.hello()
            assert d.mail("a@b.example", "x@hosted.example", text) == 250
            peak[size] = status_of(d.proc.pid, "VmHWM")
            d.quit()
        assert without_trace(smtpd.messages()[-1][2]) == text
    assert peak[25 << 20] - peak[1 << 10] < 600, peak  # KiB: the input buffer's other pages, and the program's own


def test_thousand_recipients(smtpd):
    with smtpd.start() as d:
        d.hello()
        d.ok(MAIL)
        d.send(b"".join(b"RCPT TO:<r%d@hosted.example>\r\n" % i for i in range(1001)))
        codes = [d.reply().code for _ in range(1001)]
        assert codes == 1000 * [250] + [452]
        d.ok("DATA", 354)
        d.send(wire(TEXT))
        assert d.reply() == 250
        d.quit()
    (_, recipients, body), = smtpd.messages()
    assert recipients == ["r%d@hosted.example" % i for i in range(1000)]
    assert b" for <" not in body


STAGES = ["", "EH", "EHLO c\r\n", MAIL, RCPT, "DATA\r\n", "DATA\r\nSubject: x\r\n", "DATA\r\nSubject: x\r\n.",
          "DATA\r\nSubject: x\r\n.\r",
          "BDAT 10\r\n", "BDAT 10\r\nSubj", "BDAT 10\r\nSubject: x", "BDAT 10\r\nSubject: xBDAT 0 LAS"]


@pytest.mark.parametrize("stage", range(len(STAGES)))
@pytest.mark.parametrize("how", ["shut", "close", "quit"])
def test_early_close(smtpd, stage, how):
    last = STAGES[stage]
    with smtpd.start() as d:
        assert d.reply() == 220
        if stage >= 3:
            d.ok("EHLO c.example")
            d.ok(MAIL)
        if stage >= 4:
            d.ok(RCPT)
        if stage not in (3, 4):
            d.send(last.encode())
        if how == "quit" and stage in (0, 2, 3, 4):
            d.send(b"QUIT\r\n")
            d.rest()
            why = {"quit"}
        elif how == "close":
            d.sock.close()
            why = {"closed", "write-error", "read-error"}
        else:
            d.shut()
            d.rest()
            why = {"closed"}
        assert d.proc.wait(20) == 0
        end, = smtpd.events("end")
        assert end["why"] in why and end["messages"] == "0"
        assert ("unfinished" in end) == (stage >= 4)
    wait_for(lambda: not smtpd.injectors_running(), 10, "injector gone")
    assert not smtpd.messages() and not smtpd.leftovers()


def test_pipes(smtpd):
    """Not sockets: the same dialogue."""
    said = b"EHLO c.example\r\n" + MAIL.encode() + b"\r\n" + RCPT.encode() + b"\r\nDATA\r\n" + wire(TEXT) + b"QUIT\r\n"
    r = subprocess.run(smtpd.argv(), input=said, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       env=smtpd.env(TCPREMOTEIP=None), timeout=30)
    replies = [l[:4] for l in r.stdout.split(b"\r\n")[:-1]]
    assert replies == [b"220 "] + 7 * [b"250-"] + [b"250 ", b"250 ", b"250 ", b"354 ", b"250 ", b"221 "]
    assert r.returncode == 0 and b"client=unknown" in r.stderr
    (_, _, body), = smtpd.messages()
    assert body.startswith(b"Received: from c.example (unknown)\n")


def test_non_blocking_input(smtpd):
    """Whoever left the descriptor non-blocking: we wait all the same."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    p = subprocess.Popen(smtpd.argv(), stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=smtpd.env())
    theirs.close()
    with ours:
        ours.settimeout(20)
        assert ours.recv(100).startswith(b"220")
        assert p.poll() is None
        ours.sendall(b"QUIT\r\n")
        assert ours.recv(100).startswith(b"221")
        assert p.wait(20) == 0


def test_log_stays_out_of_the_dialogue(smtpd):
    """inetd makes the connection descriptor 2 as well."""
    ours, theirs = socket.socketpair()
    p = subprocess.Popen(smtpd.argv(), stdin=theirs, stdout=theirs, stderr=theirs, env=smtpd.env())
    theirs.close()
    with ours:
        ours.settimeout(20)
        ours.sendall(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<x@else.example>\r\nQUIT\r\n")
        said = b""
        while True:
            got = ours.recv(65536)
            if not got:
                break
            said += got
    assert p.wait(20) == 0
    assert b"event=" not in said and said.count(b"550 5.7.1") == 1


def test_smtputf8(smtpd):
    with smtpd.start() as d:
        d.hello()
        d.ok("MAIL FROM:<\u00fc@b\u00fccher.example> SMTPUTF8 BODY=8BITMIME")
        d.ok("RCPT TO:<gr\u00fc\u00dfe@hosted.example>")
        d.ok("DATA", 354)
        d.send(wire("Subject: \u00fc\n\n\u00fc\n".encode()))
        assert d.reply() == 250
        d.quit()
    (sender, recipients, body), = smtpd.messages()
    assert (sender, recipients) == ("\u00fc@b\u00fccher.example", ["gr\u00fc\u00dfe@hosted.example"])
    assert b" with UTF8SMTP id " in body and "for <gr\u00fc\u00dfe@hosted.example>".encode() in body
    smtpd.log()


def test_command_line():
    argv = os.path.join(BIN, "relay-smtpd")
    for words, said in ((["-x"], b"usage"), (["-r"], b"usage"), (["-m", "x"], b"mechanism")):
        r = subprocess.run([argv] + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=20)
        assert r.returncode == 100 and said in r.stderr and not r.stdout
