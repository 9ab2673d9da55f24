"""Next hops that misbehave, and what becomes of the mail in the end: relay-smtpd, relay-queue, relay-send and
relay-remote together. (test_remote_breaks has what relay-remote alone reports.)"""
import os
import re
import signal

import pytest

from lib.messages import without_trace
from lib.procs import wait_for
from lib.sink import CLOSE, RESET, Message

TEXT = b"Subject: x\n\nhello\n"
A, B, C = "a@box.example", "b@box.example", "c@box.example"


def mail(instance, sender, to):
    with instance.dialogue() as d:
        d.hello()
        assert d.mail(sender, to, TEXT) == 250
        d.quit()


def wait_log(instance, event, count=1, **fields):
    def look():
        found = [e for e in instance.events("send", event) if all(e.get(k) == v for k, v in fields.items())]
        return len(found) >= count and found
    return wait_for(look, 20, lambda: "%s %r\n%s" % (event, fields, instance.log("send")[-3000:]))


def again(instance):
    os.kill(instance.sender.pid, signal.SIGALRM)


def got(sink):
    return sorted((m.sender, r) for m in sink.messages for r in m.recipients)


HOW = {"421": (b"421 4.3.2 going down\r\n", CLOSE), "close": (CLOSE,), "reset": (RESET,),
       "slow": (1.2, b"450 4.2.0 x\r\n"), "garbage": (b"\0\xff garbage\r\n", CLOSE), "no-code": (b"ok\r\n", CLOSE),
       "endless": (b"450-x\r\n" * 40000, CLOSE)}


@pytest.mark.parametrize("how", sorted(HOW))
@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "."])
def test_fails_once_then_works(instance, sink, verb, how):
    """At each stage: nothing is bounced, nothing is lost, and it comes once, with the next try."""
    failed = []

    def hook(session, line):
        if not failed:
            failed.append(verb)
            return HOW[how]
        return None
    sink.on[verb] = hook
    mail(instance, "s@outside.example", [A, B])
    wait_for(lambda: failed, 20, "it fails")
    wait_for(lambda: not instance.queued() or again(instance), 20, lambda: instance.log("send")[-3000:], 0.2)
    assert got(sink) == [("s@outside.example", A), ("s@outside.example", B)]
    assert without_trace(sink.messages[0].lf) == TEXT and not instance.events("send", "bounce")


def test_greylisting(instance, sink):
    """Each pair is refused at first: all come with the second try, once, and those that are known at once."""
    known = set()

    def rcpt(session, line):
        pair = session.sender, line
        if pair in known or b"known" in line:
            return None
        known.add(pair)
        return b"451 4.7.1 greylisted, come again\r\n"
    sink.on["RCPT"] = rcpt
    mail(instance, "s@outside.example", [A, "known@box.example", B])
    mail(instance, "t@outside.example", [A])
    wait_log(instance, "defer", 2)
    assert got(sink) == [("s@outside.example", "known@box.example")]
    again(instance)
    instance.wait_empty()
    assert got(sink) == [("s@outside.example", A), ("s@outside.example", B), ("s@outside.example", "known@box.example"),
                         ("t@outside.example", A)]
    assert not instance.events("send", "rest"), "a recipient refused for now is no dead next hop"


def test_mixed_verdicts(instance, sink):
    """One is delivered, one bounced with the server's words, one tried again alone."""
    says = {A: None, B: b"550 5.1.1 nobody of that name\r\n", C: b"452 4.2.2 mailbox full\r\n"}
    sink.on["RCPT"] = lambda s, line: says.get(re.search(rb"<(.*)>", line).group(1).decode())
    mail(instance, "s@outside.example", [A, B, C])
    wait_log(instance, "defer", left="1")
    bounce, = [m for m in sink.wait(2) if not m.sender]
    assert bounce.recipients == ["s@outside.example"] and b"550 5.1.1 nobody of that name" in bounce.lf
    assert B.encode() in bounce.lf and C.encode() not in bounce.lf
    says[C] = None
    again(instance)
    instance.wait_empty()
    assert got(sink) == [("", "s@outside.example"), ("s@outside.example", A), ("s@outside.example", C)]


@pytest.mark.parametrize("verb, reply", [
    ("MAIL", b"550 5.7.1 not from you\r\n"), (".", b"554 5.6.0 no such content\r\n")])
def test_refused_for_good(instance, sink, verb, reply):
    """A bounce with the server's words, and no second try."""
    def hook(session, line):
        bounce = b"<>" in line if verb == "MAIL" else not session.sender
        return None if bounce else reply
    sink.on[verb] = hook
    mail(instance, "s@outside.example", [A, B])
    instance.wait_empty()
    assert got(sink) == [("", "s@outside.example")] and not instance.events("send", "defer")
    assert all(words in sink.messages[0].lf for words in (reply.strip(), A.encode(), B.encode()))


def test_drop_after_the_dot(instance, sink):
    """Kept, and gone before the answer: nobody can know, so it comes again, and the log says so."""
    lost = []

    def dot(session, line):
        if lost:
            return None
        lost.append(1)
        session.sink.keep(Message(session, session.pending))
        return (CLOSE,)
    sink.on["."] = dot
    mail(instance, "s@outside.example", [A])
    assert "twice" in wait_log(instance, "delivery", status="deferred")[0]["text"]
    again(instance)
    instance.wait_empty()
    assert got(sink) == [("s@outside.example", A)] * 2


def test_421_between_two_messages(instance, sink):
    """The kept connection ends with 421 when the second message comes: it goes over a new one, without a wait."""
    mail(instance, "s@outside.example", [A])
    sink.wait(1)
    first = sink.sessions[0].number
    sink.on["MAIL"] = lambda s, line: (b"421 4.4.2 too long\r\n", CLOSE) if s.number == first else None
    mail(instance, "t@outside.example", [A])
    instance.wait_empty()
    assert got(sink) == [("s@outside.example", A), ("t@outside.example", A)]
    assert not instance.events("send", "defer")
