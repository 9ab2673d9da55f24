"""relay-remote with qmail-remote(8)'s interface, against servers that behave and servers that don't: what is
delivered is compared byte for byte, what is reported letter by letter."""
import os
import re
import socket
import subprocess
import threading
import time

import pytest

from lib.messages import CASES, big
from lib.procs import Proc, free_port, listening, program, wait_for
from lib.remote import deliver, environment
from lib.sink import CLOSE, EXTENSIONS, HANG, RESET, Message, Session, Sink

S, A, B, C = "s@sender.example", "a@y.example", "b@y.example", "c@y.example"
TEXT = b"Subject: x\n\nhello\n"
OFFERS = {
    "all": EXTENSIONS,
    "no-chunking": ("PIPELINING", "8BITMIME", "SIZE 104857600"),
    "no-pipelining": ("CHUNKING", "8BITMIME", "SIZE 104857600"),
    "neither": ("8BITMIME",),
    "nothing": (),
}


def to(instances, sink, **control):
    """Rules by which all mail goes to the sink."""
    i = instances(routes=":%s\n" % sink.route, **control)
    i.compile()
    return i.rules


@pytest.fixture
def rules(instances, sink):
    return to(instances, sink)


def send(rules, message=TEXT, recipients=(A,), sender=S, **more):
    return deliver(rules, "y.example", sender, list(recipients), message, **more)[0]


def wire(message):
    """What must arrive: CRLF lines, the last one ended."""
    lines = message.replace(b"\r\n", b"\n")
    if lines and not lines.endswith(b"\n"):
        lines += b"\n"
    return lines.replace(b"\n", b"\r\n")


def least(instances):
    """The memory that a small message takes, KiB, and what all others may take: 1 MiB more."""
    with Sink() as sink:
        sink.on["."] = lambda s, line: (0.2, b"250 2.0.0 ok\r\n")
        memory = deliver(to(instances, sink), "y.example", S, [A], TEXT)[1]
    assert memory
    return memory + 1024


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


# Verdicts

def test_mixed_verdicts(rules, sink):
    sink.on["RCPT"] = lambda s, line: {A: None, B: b"550 5.1.1 none\r\n", C: b"450-4.2.0 not\r\n450 4.2.0 now\r\n"}[
        re.search(rb"<(.*)>", line).group(1).decode()]
    for offer in OFFERS.values():
        sink.extensions = list(offer)
        outcome = send(rules, TEXT, [A, B, C])
        assert (outcome.each, outcome.verdict) == ("rhs", "K")
        assert outcome.lines[1][1] == "[127.0.0.1] said: 550 5.1.1 none"
        assert outcome.lines[2][1] == "[127.0.0.1] said: 450 4.2.0 not now"
        assert outcome.text == "[127.0.0.1] said: 250 2.0.0 kept"
    assert [m.recipients for m in sink.messages] == [[A]] * len(OFFERS)


REFUSALS = [
    # verb, reply, (each, verdict) for two recipients
    ("MAIL", b"550 5.7.1 no\r\n", ("hh", "D")), ("MAIL", b"450 4.7.1 later\r\n", ("ss", "Z")),
    ("RCPT", b"550 5.1.1 no\r\n", ("hh", "D")), ("RCPT", b"450 4.2.1 later\r\n", ("ss", "Z")),
    (".", b"554 5.6.0 no\r\n", ("rr", "D")), (".", b"451 4.3.0 later\r\n", ("rr", "Z")),
]


@pytest.mark.parametrize("offer", sorted(OFFERS))
@pytest.mark.parametrize("verb,reply,expected", REFUSALS)
def test_refusals(rules, sink, verb, reply, expected, offer):
    sink.extensions = list(OFFERS[offer])
    sink.on[verb] = lambda s, line: reply
    outcome = send(rules, TEXT, [A, B])
    assert (outcome.each, outcome.verdict) == expected, outcome
    assert sink.messages == []
    assert sink.sessions[0].commands[-1] == b"QUIT"


@pytest.mark.parametrize("offer", ["no-chunking", "nothing"])
@pytest.mark.parametrize("reply,verdict", [(b"451 4.3.0 later\r\n", "Z"), (b"554 5.5.0 no\r\n", "D"), (b"250 what?\r\n",
    "Z")])
def test_data_refused(rules, sink, reply, verdict, offer):
    sink.extensions = list(OFFERS[offer])
    sink.on["DATA"] = lambda s, line: reply
    outcome = send(rules, TEXT, [A, B])
    assert (outcome.each, outcome.verdict) == ("rr", verdict)
    assert sink.messages == []


def test_all_refused_after_354(rules, sink):
    """PIPELINING: the server says 354 although nobody was accepted. An empty text follows, to nobody."""
    sink.extensions = list(OFFERS["no-chunking"])
    sink.on["RCPT"] = lambda s, line: b"550 5.1.1 no\r\n"

    def data(s, line):
        s.recipients = ["nobody"]
        s.mode, s.seen = "data", 0
        return b"354 go on\r\n"
    sink.on["DATA"] = data
    outcome = send(rules, TEXT, [A, B])
    assert (outcome.each, outcome.verdict) == ("hh", "D")
    assert [m.data for m in sink.messages] == [b""]
    assert sink.sessions[0].commands[-1] == b"QUIT"


def test_too_many_recipients(rules, sink):
    sink.on["RCPT"] = lambda s, line: b"552 too many\r\n" if len(s.recipients) >= 2 else None
    outcome = send(rules, TEXT, [A, B, C])
    assert (outcome.each, outcome.verdict) == ("rrs", "K")


# Connections that break

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
    assert time.monotonic() - start < 8


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


def at_port(instances, port):
    i = instances(routes=":127.0.0.1:%d\n" % port)
    i.compile()
    return i.rules


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
    assert time.monotonic() - start < 6


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
        time.sleep(0.2)
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


def test_helo_only(rules, sink):
    sink.on["EHLO"] = lambda s, line: b"502 5.5.1 what?\r\n"
    assert send(rules, b"\xe4\n").verdict == "K"
    assert sink.sessions[0].commands[:2] == [b"EHLO relay.example", b"HELO relay.example"]
    assert sink.messages[0].mail == b"MAIL FROM:<s@sender.example>"


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO"])
@pytest.mark.parametrize("reply,verdict", [(b"554 5.3.2 no\r\n", "Z"), (b"450 4.3.2 later\r\n", "Z"),
    (b"421 4.3.2 later\r\n", "Z")])
def test_greetings(rules, sink, verb, reply, verdict):
    sink.on[verb] = lambda s, line: reply
    sink.on["HELO"] = lambda s, line: reply
    outcome = send(rules)
    assert (outcome.each, outcome.verdict) == ("", verdict)
    assert outcome.text == "[127.0.0.1] said: " + reply.decode().strip()


def test_server_text_is_shown_safely(rules, sink):
    sink.on["."] = lambda s, line: b"550-5.7.1 \x1b[31mred\x07\r\n550 5.7.1 \xe4\0" + b"long" * 200 + b"\r\n"
    outcome = send(rules)
    assert outcome.verdict == "D" and outcome.text.startswith("[127.0.0.1] said: 550 5.7.1 ?[31mred? ??long")
    assert len(outcome.text) < 600


def test_filter_of_our_name(rules, sink):
    """A filter on this machine that passes on the name of what stands behind it, ourselves, is no loop: the operator's
    route says so."""
    sink.on["CONNECT"] = lambda s, line: b"220 relay.example ESMTP\r\n"
    assert send(rules).verdict == "K"


def test_never_any_address(instances):
    port = free_port()
    for where in ("0.0.0.0:%d" % port, "[::]:%d" % port, "[::ffff:0.0.0.0]:%d" % port):
        i = instances(routes=":%s\n" % where)
        if i.compile(check=False)[0]:
            continue # the compiler would not have it
        outcome = send(i.rules)
        assert outcome.verdict in "DZ" and outcome.each == "", outcome


def test_port_25_here_is_ourselves(instances):
    for where in ("127.0.0.1", "127.3.2.1:25", "[::1]", "[::ffff:127.0.0.1]:25"):
        i = instances(routes=":%s\n" % where)
        if i.compile(check=False)[0]:
            continue
        outcome = send(i.rules)
        assert (outcome.each, outcome.verdict) == ("", "D") and "#5.4.6" in outcome.text, outcome


def test_connection_refused(instances):
    outcome = send(at_port(instances, free_port()))
    assert (outcome.each, outcome.verdict) == ("", "Z") and "Connection refused (#4.4.1)" in outcome.text


def test_ipv6(instances, sinks):
    sink = sinks(host="::1")
    assert send(to(instances, sink)).verdict == "K"
    assert sink.messages[0].data == wire(TEXT)


def test_literal_to_a_route(instances, sink):
    i = instances(routes="[192.0.2.7]:%s\n" % sink.route)
    if i.compile(check=False)[0]:
        pytest.skip("the rules don't take routes for literals")
    assert deliver(i.rules, "[192.0.2.7]", S, ["a@[192.0.2.7]"], TEXT)[0].verdict == "K"


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


def test_usage():
    for argv in ([], ["host"], ["host", "s"], ["-s"], ["-s", "nonsense route"], ["-s", "192.0.2.1:25", "more"], ["-x"],
        ["-i", "x", "-s", "a:25"],
                 ["-t", "0", "a", "b", "c"]):
        r = subprocess.run([program("relay-remote"), *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=10)
        assert r.returncode == 100 and r.stdout == b"" and r.stderr, argv


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
