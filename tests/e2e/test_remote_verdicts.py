"""relay-remote's reports, letter by letter: what a server refuses, for whom; servers that are none for this mail."""
import re

import pytest

from lib.onehop import A, B, C, OFFERS, S, TEXT, at_port, send, to, wire
from lib.procs import free_port
from lib.remote import deliver

pytestmark = pytest.mark.once


@pytest.fixture
def rules(instances, sink):
    return to(instances, sink)


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
