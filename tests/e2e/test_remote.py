"""relay-remote with qmail-remote(8)'s interface: what is delivered, byte for byte, how much is said at once; its
rules and arguments."""
import os
import subprocess
import time

import pytest

from lib.messages import CASES, big
from lib.onehop import A, B, OFFERS, S, TEXT, at_port, least, send, to, wire
from lib.procs import Proc, free_port, listening, program, wait_for
from lib.remote import deliver, environment
from lib.sink import HANG, Session

pytestmark = pytest.mark.once


@pytest.fixture
def rules(instances, sink):
    return to(instances, sink)


# What arrives

@pytest.mark.parametrize("offer", sorted(OFFERS))
@pytest.mark.parametrize("name", sorted(CASES))
def test_bytes(rules, sink, name, offer):
    sink.extensions = list(OFFERS[offer])
    message = CASES[name][0]
    assert send(rules, message).verdict == "K"
    assert sink.messages[0].data == wire(message)
    assert sink.bad == []
    assert sink.messages[0].chunked == ("CHUNKING" in OFFERS[offer])


ODD = {
    "empty": b"", "one-lf": b"\n", "no-end": b"Subject: x\n\nlast", "dot-no-end": b".", "dot-dot": b"a\n..",
        "crlf": b"a\r\nb\r\n.\r\n",
    "mixed": b"a\r\nb\nc\r\n", "only-dots": b".\n" * 1000, "only-lf": b"\n" * 70000, "long-line": b"x" * 2000000,
    "dots-at-blocks": b"\n".join(b"." * n for n in (65535, 65536, 65534, 1, 2)), "64k": b"y" * 65535 + b"\n",
        "64k+1": b"y" * 65536 + b"\n",
    "lf-at-block": b"z" * 65535 + b"\n.\n" + b"z" * 65533 + b"\r\n.",
}


@pytest.mark.parametrize("pipe", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize("offer", ["all", "no-chunking", "no-pipelining", "nothing"])
@pytest.mark.parametrize("name", sorted(ODD))
def test_odd_bytes(rules, sink, name, offer, pipe):
    sink.extensions = list(OFFERS[offer])
    assert send(rules, ODD[name], pipe=pipe).verdict == "K"
    assert sink.messages[0].data == wire(ODD[name])
    assert sink.bad == []


@pytest.mark.parametrize("pipe", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize("offer", ["all", "no-chunking", "no-pipelining", "nothing"])
def test_25_mib(instances, rules, sink, offer, pipe):
    sink.extensions = list(OFFERS[offer])
    message = big(25 << 20)
    outcome, memory = deliver(rules, "y.example", S, [A], message, pipe=pipe)
    assert outcome.verdict == "K"
    assert sink.messages[0].data == wire(message)
    assert sink.bad == []
    assert 0 < memory < least(instances)


BARE = {"cr": b"a\rb\n", "cr-end": b"a\n\r", "cr-cr": b"a\r\r\n", "nul": b"a\0b\n", "cr-dot": b"a\r.\r",
    "nul-end": b"a\n\0"}


@pytest.mark.parametrize("pipe", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize("offer", ["all", "no-chunking"])
@pytest.mark.parametrize("far", [0, 300000])
@pytest.mark.parametrize("name", sorted(BARE))
def test_bare(rules, sink, name, far, offer, pipe):
    """Bare CR, or NUL: nothing is delivered, whether found beforehand or half-way through a pipe."""
    sink.extensions = list(OFFERS[offer])
    outcome = send(rules, b"0123456789abcde\n" * (far // 16) + BARE[name], pipe=pipe)
    assert outcome.verdict == "D" and "#5.6.0" in outcome.text
    time.sleep(0.05)
    assert sink.messages == []


# How much is said at once

def writes_of(rules, sink, message, recipients=(A,)):
    """The pieces in which the server read the dialogue."""
    pieces = []
    old = Session.data_received
    Session.data_received = lambda self, data: (pieces.append(bytes(data)), old(self, data))[1]
    try:
        assert send(rules, message, recipients).verdict == "K"
    finally:
        Session.data_received = old
    return pieces


def test_round_trips(rules, sink):
    many = ["r%d@y.example" % i for i in range(20)]
    assert len(writes_of(rules, sink, TEXT, many)) <= 3        # EHLO; MAIL ... BDAT LAST text; QUIT
    sink.extensions = list(OFFERS["no-chunking"])
    pieces = writes_of(rules, sink, TEXT, many)
    assert len(pieces) <= 4                                     # EHLO; MAIL ... DATA; text and dot; QUIT
    assert pieces[2] == wire(TEXT) + b".\r\n"
    sink.extensions = []
    assert len(writes_of(rules, sink, TEXT, many)) in (25, 24)  # EHLO, MAIL, 20 RCPT, DATA, text, QUIT


def test_many_recipients(rules, sink):
    many = ["r%d@y.example" % i for i in range(3000)]
    outcome = send(rules, TEXT, many)
    assert outcome.each == "r" * 3000 and outcome.verdict == "K"
    assert sink.messages[0].recipients == many


def test_parameters(rules, sink):
    send(rules, b"x\n")
    assert sink.messages[0].mail == b"MAIL FROM:<s@sender.example> SIZE=3"
    send(rules, b"\xe4\n")
    assert sink.messages[1].mail == b"MAIL FROM:<s@sender.example> SIZE=3 BODY=8BITMIME"
    send(rules, TEXT, sender="")
    assert sink.messages[2].mail.startswith(b"MAIL FROM:<> SIZE=")
    send(rules, b"x\n", ["\u00e4@y.example"])
    assert sink.messages[3].mail == b"MAIL FROM:<s@sender.example> SIZE=3 SMTPUTF8"
    assert sink.messages[3].helo == "relay.example"


def test_size_limit(rules, sink):
    sink.extensions = ["SIZE 1000"]
    exact = b"x" * 998 + b"\n"
    assert send(rules, exact).verdict == "K"
    outcome = send(rules, b"x" + exact, [A, B])
    assert (outcome.each, outcome.verdict) == ("hh", "D") and "#5.3.4" in outcome.text
    assert len(sink.messages) == 1
    sink.extensions = ["SIZE 0"]
    assert send(rules, b"x" + exact).verdict == "K"
    sink.extensions = ["SIZE"]
    assert send(rules, b"x" + exact).verdict == "K"


def test_utf8_not_offered(rules, sink):
    sink.extensions = ["8BITMIME"]
    outcome = send(rules, TEXT, [A, "\u00e4@y.example"])
    assert (outcome.each, outcome.verdict) == ("rh", "K") and "#5.6.7" in outcome.lines[1][1]
    outcome = send(rules, TEXT, [A], sender="\u00e4@x.example")
    assert (outcome.each, outcome.verdict) == ("h", "D") and "#5.6.7" in outcome.text


@pytest.mark.parametrize("bad", ["a b@y.example", "a@y.example\n", "a\r\nDATA\r\n@y.example",
    "a@y.example> NOTIFY=NEVER", "\x7f@y.example", ""])
def test_addresses_that_are_none(rules, sink, bad):
    outcome = send(rules, TEXT, [A, bad])
    assert (outcome.each, outcome.verdict) == ("rh", "K") and "#5.1.3" in outcome.lines[1][1]
    assert sink.messages[0].recipients == [A]
    if bad:
        outcome = send(rules, TEXT, [A], sender=bad)
        assert (outcome.each, outcome.verdict) == ("h", "D") and "#5.1.7" in outcome.text
    assert sink.bad == [] and len(sink.messages) == 1


# Rules and arguments

def test_no_rules(tmp_path):
    outcome = send(str(tmp_path / "missing.cdb"))
    assert (outcome.each, outcome.verdict) == ("", "Z") and "#4.3.5" in outcome.text
    (tmp_path / "broken.cdb").write_bytes(b"not a cdb" * 1000)
    outcome = send(str(tmp_path / "broken.cdb"))
    assert (outcome.each, outcome.verdict) == ("", "Z") and "#4.3.5" in outcome.text


def test_dnscacheip_is_none(rules, sink):
    outcome = send(rules, env=environment(DNSCACHEIP="resolver.example"))
    assert (outcome.each, outcome.verdict) == ("", "Z") and "#4.3.5" in outcome.text


def test_host_that_is_none(rules):
    for host in ("", "a b", "a..b", "-", "x" * 300, "a\nb"):
        outcome = deliver(rules, host, S, [A], TEXT)[0]
        assert outcome.verdict in "DK", (host, outcome)
        if host != "-":
            assert outcome.verdict == "D" and "#5.1.2" in outcome.text


def test_report_before_quit(rules, sink):
    """Who waits for the report needs not wait for the farewell."""
    sink.on["QUIT"] = lambda s, line: HANG
    r, w = os.pipe()
    with open(os.devnull, "rb") as null:
        p = subprocess.Popen([program("relay-remote"), "-r", rules, "y.example", S, A], stdin=null, stdout=w,
            env=environment())
    os.close(w)
    start = time.monotonic()
    data = b""
    while True:
        piece = os.read(r, 4096)
        if not piece:
            break
        data += piece
    assert data.endswith(b"\0") and time.monotonic() - start < 3
    os.close(r)
    assert p.wait(20) == 0


def test_smtp_sink(instances, tmp_path):
    """Postfix's sink takes and counts."""
    port = free_port()
    where = "127.0.0.1:%d" % port
    argv = [program("smtp-sink"), "-u", "nobody", where, "100"] if os.getuid() == 0 else [program("smtp-sink"), where,
        "100"]
    p = Proc(argv, str(tmp_path / "log"))
    try:
        wait_for(lambda: listening("127.0.0.1", port), 10)
        rules = at_port(instances, port)
        for message in (TEXT, CASES["dots"][0], ODD["no-end"], big(1 << 20)):
            outcome = send(rules, message, [A, B])
            assert (outcome.each, outcome.verdict) == ("rr", "K"), outcome
    finally:
        p.stop()
