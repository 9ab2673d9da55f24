"""A login that a relay refused for good is not tried again with each message, or its user would be locked out."""
import pytest

from lib.ask import Ask
from lib.dns import Dns
from lib.loginsink import LoginSink
from lib.procs import wait_for
from lib.remote import Jobs, deliver, environment

S, A = "s@sender.example", "a@y.example"
TEXT = b"Subject: x\n\nhello\n"
BAD = "from:@sender.example joe bad at=%s\n"


@pytest.fixture
def sink():
    with LoginSink({"joe": "secret", "own": "right"}, ["CRAM-MD5"]) as s:
        yield s


def deferred(i):
    return [e for e in i.events("send", "delivery") if e["status"] == "deferred"]


def test_many_messages(instances, sink):
    """One try for all of a domain's senders, whichever relay-remote it is; others' mail goes on. A new file of logins
    is tried at once, and so is the old one on SIGALRM."""
    own = "%s own right\n" % sink.route
    i = instances(routes=":%s\n" % sink.route, logins=BAD % sink.route + own)
    i.compile()
    i.send()
    sink.on["VERDICT"] = lambda session, line: (0.2, b"535 5.7.8 no\r\n") if not session.logins[-1][1] else None
    for n in range(30):
        i.inject("u%d@sender.example" % n, [A], TEXT)
    i.inject("other@x.example", [A], TEXT)
    wait_for(lambda: len(deferred(i)) == 30 and sink.messages, 20, lambda: i.log("send"))
    assert sink.logins.count(("CRAM-MD5", None)) == 1, sink.logins
    assert [m.sender for m in sink.messages] == ["other@x.example"]
    waiting = [e["text"] for e in deferred(i) if r"not\x20tried\x20again" in e["text"]]
    assert len(waiting) == 29
    assert all("joe" in l and "logins:1" in l and "4.7.8" in l for l in waiting), waiting
    i.sender.popen.send_signal(14)
    wait_for(lambda: len(deferred(i)) == 60, 20, lambda: i.log("send"))
    assert sink.logins.count(("CRAM-MD5", None)) == 2
    i.compile(logins=(BAD % sink.route).replace("bad", "secret") + own)
    i.sender.popen.send_signal(14)
    i.wait_empty()
    assert len(sink.wait(31)) == 31 and sink.logins.count(("CRAM-MD5", None)) == 2


def test_one_relay_remote(rules, instances, sink):
    i = instances(routes=":%s\n" % sink.route, logins="%s joe bad\nfrom:own@x.example own right\n" % sink.route)
    i.compile()
    with Jobs(i.rules, sink.route, options=("-t", "5")) as j:
        o = j.job(TEXT, S, [A])
        assert (o.each, o.verdict) == ("", "Z") and "535 5.7.8 wrong" in o.text, o
        for _ in range(3):
            o = j.job(TEXT, S, [A])
            assert (o.each, o.verdict) == ("", "Z") and "joe (logins:1) a while ago; it is not tried again" in o.text, o
        assert j.job(TEXT, "own@x.example", [A]).verdict == "K"
    assert len(sink.sessions) == 2
    o, _ = deliver(i.rules, "y.example", S, [A], TEXT)   # the first form knows nothing of what was before
    assert "535 5.7.8 wrong" in o.text, o


@pytest.mark.parametrize("code,sessions", [(535, 1), (454, 2)])
def test_other_addresses(instances, code, sessions):
    """The relay's next address is asked for a login only when the first one said that it can't tell now."""
    with LoginSink({"joe": "secret"}, ["CRAM-MD5"], host="0.0.0.0") as s:
        route = "two.example:%d" % s.port
        i = instances(routes=":%s\n" % route, logins="two.example joe bad\n")
        i.compile()
        s.on["VERDICT"] = lambda session, line: b"%d 4.7.0 no\r\n" % code
        with Dns({"two.example": {"A": ["127.0.0.1", "127.0.0.2"]}}) as d:
            with Jobs(i.rules, route, options=("-t", "5"), env=environment(DNSCACHEIP=d.where)) as j:
                o = j.job(TEXT, S, [A])
        assert o.verdict == "Z" and "%d 4.7.0 no" % code in o.text, o
        assert len(s.sessions) == len(s.logins) == sessions


def test_only_for_good(instances, sink):
    """Not yet is no refusal."""
    i = instances(routes=":%s\n" % sink.route, logins="%s joe secret\n" % sink.route)
    i.compile()
    sink.on["VERDICT"] = lambda session, line: b"454 4.7.0 later\r\n"
    with Jobs(i.rules, sink.route, options=("-t", "5")) as j:
        for _ in range(2):
            assert "454 4.7.0 later" in j.job(TEXT, S, [A]).text
        sink.on.clear()
        assert j.job(TEXT, S, [A]).verdict == "K"


def test_callouts(instances, sink, tmp_path):
    """All sessions' relay-asks know it by their cache."""
    i = instances(routes=":%s\n" % sink.route, logins="%s joe bad\n" % sink.route)
    i.compile()
    for n in range(3):
        with Ask(i.rules, str(tmp_path)) as a:
            answer = a.recipient("a%d@y.example" % n)
            assert answer.startswith("unknown") and "refused our login as joe (logins:1)" in answer, answer
    assert len(sink.logins) == 1


def test_two_at_once(instances, sink):
    """Who comes while a login is tried waits for what comes of it."""
    i = instances(routes=":%s\n" % sink.route, logins="%s joe bad\n" % sink.route)
    i.compile()
    i.send()
    sink.on["VERDICT"] = lambda session, line: (1, b"535 5.7.8 no\r\n")
    for n in range(5):
        i.inject(S, [A], TEXT)
    wait_for(lambda: len(deferred(i)) == 5, 20, lambda: i.log("send"))
    assert len(sink.logins) == 1


def test_without_a_connection(instances, sink):
    """A sender's login that is known as refused: the report says that the relay was not asked, whatever was before."""
    i = instances(routes=":%s\n" % sink.route, logins=BAD % sink.route)
    i.compile()
    with Jobs(i.rules, sink.route, options=("-t", "5")) as j:
        for tls in ("none", ""):
            o = j.job(TEXT, S, [A])
            assert (o.each, o.verdict, o.tls) == ("s", "Z", tls), o
        assert j.job(TEXT, "other@x.example", [A]).tls == "none"
        o = j.job(TEXT, S, [A])
        assert (o.each, o.verdict, o.tls) == ("s", "Z", ""), o
        assert j.job(b"a\0b\n", "other@x.example", [A]).tls == ""
    assert len(sink.sessions) == 2
