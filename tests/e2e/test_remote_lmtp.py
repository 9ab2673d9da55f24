"""relay-remote speaks LMTP (RFC 2033), over TCP and Unix sockets: each recipient has an answer of its own."""
import os
import tempfile

import pytest

from lib.ask import Ask
from lib.instance import due_now
from lib.loginsink import LmtpSink
from lib.procs import wait_for
from lib.remote import Jobs, deliver
from lib.sink import CLOSE, HANG

S = "s@sender.example"
A, B, C = "a@y.example", "b@y.example", "c@y.example"
TEXT = b"Subject: x\n\nhello\n.dot\n"


@pytest.fixture(params=["tcp", "socket"])
def lmtp(request):
    with tempfile.TemporaryDirectory(prefix="posthouse-") as d:
        os.chmod(d, 0o755)
        with LmtpSink(os.path.join(d, "l m;tp%") if request.param == "socket" else None) as s:
            yield s


def word(sink):
    return sink.word.replace("%", "%25").replace(" ", "%20").replace("l%20m;", "l%20m%3B") if sink.path else sink.word


def relay(sink, folder):
    """As it stands in `routes`, where no path has blanks."""
    if not sink.path:
        return sink.route + " lmtp"
    os.symlink(sink.path, str(folder / "s"))
    return str(folder / "s")


def jobs(rules, sink, **more):
    return Jobs(rules, word(sink), options=("-t", "3"), **more)


def verbs(session):
    return [c.split(b" ")[0].decode() for c in session.commands]


def test_plain(rules, lmtp):
    """LHLO, one write of the envelope, DATA even where CHUNKING is offered; two messages over one connection."""
    with jobs(rules, lmtp) as j:
        for _ in range(2):
            o = j.job(TEXT, S, [A, B])
            assert (o.each, o.verdict, o.text) == ("rr", "K", ""), o
            assert [t for _, t in o.lines] == ["%s said: 250 2.0.0 <%s> kept" % (lmtp.path or "[127.0.0.1]", r)
                                               for r in (A, B)]
    assert [m.lf for m in lmtp.messages] == [TEXT] * 2 and len(lmtp.sessions) == 1 and lmtp.bad == []
    wait_for(lambda: "QUIT" in verbs(lmtp.sessions[0]), 5)
    assert verbs(lmtp.sessions[0]) == ["LHLO"] + ["MAIL", "RCPT", "RCPT", "DATA"] * 2 + ["QUIT"]


def test_each_for_itself(rules, lmtp):
    lmtp.verdicts = {B: b"552 5.2.2 full\r\n", C: b"451-4.3.0 not\r\n451 4.3.0 now\r\n"}
    with jobs(rules, lmtp) as j:
        o = j.job(TEXT, S, [A, B, C, A])
        assert (o.each, o.verdict) == ("rhsr", "K"), o
        assert o.lines[1][1].endswith("said: 552 5.2.2 full") and o.lines[2][1].endswith("451 4.3.0 not now")
        o = j.job(TEXT, S, [C, A])
        assert (o.each, o.verdict) == ("sr", "K") and A in o.text, o
        o = j.job(TEXT, S, [B])
        assert (o.each, o.verdict) == ("h", "D"), o
        assert j.job(TEXT, S, [B, C]).verdict == "Z"
    assert [m.recipients for m in lmtp.messages] == [[A, A], [A]]


def test_refused_before(rules, lmtp):
    """Answers come for those alone who were accepted."""
    lmtp.on["RCPT"] = lambda s, line: b"550 5.1.1 no\r\n" if b"<a@" in line else None
    lmtp.verdicts = {C: b"554 5.6.0 no\r\n"}
    with jobs(rules, lmtp) as j:
        o = j.job(TEXT, S, [A, B, C])
        assert (o.each, o.verdict) == ("hrh", "K"), o
        o = j.job(TEXT, S, [A, A])
        assert (o.each, o.verdict) == ("hh", "D"), o
        assert j.job(TEXT, S, [B]).verdict == "K"
    assert len(lmtp.sessions) == 1


def test_broken_answers(rules, lmtp):
    """What was answered holds; the others may get it twice."""
    for end, why in ((CLOSE, "closed the connection"), (HANG, "did not answer in time"), (b"what?\r\n", "no reply")):
        lmtp.verdicts = {B: (b"250 2.0.0 kept\r\n", end)}
        with jobs(rules, lmtp) as j:
            o = j.job(TEXT, S, [A, B, C])
            assert (o.each, o.verdict) == ("rrs", "K"), o
            assert why in o.lines[2][1] and "may arrive twice" in o.lines[2][1], o
    lmtp.verdicts = {A: b"421 4.3.2 bye\r\n"}
    with jobs(rules, lmtp) as j:
        o = j.job(TEXT, S, [A, B])
        assert (o.each, o.verdict) == ("ss", "Z") and "421 4.3.2 bye" in o.text, o


def test_an_answer_too_few(rules, lmtp):
    """The last recipient waits, and nothing that comes later is taken for his answer."""
    lmtp.verdicts = {B: b""}
    with jobs(rules, lmtp) as j:
        o = j.job(TEXT, S, [A, B])
        assert (o.each, o.verdict) == ("rs", "K") and "may arrive twice" in o.lines[1][1], o
        lmtp.verdicts = {A: b"550 5.2.1 no\r\n"}
        o = j.job(TEXT, S, [A, B])
        assert (o.each, o.verdict) == ("hr", "K"), o
    assert len(lmtp.sessions) == 2


def test_surplus_answers(rules, lmtp):
    """They belong to no message: the next one is refused or taken by answers of its own."""
    lmtp.verdicts = {B: b"250 2.0.0 kept\r\n250 2.0.0 surplus\r\n"}
    with jobs(rules, lmtp) as j:
        o = j.job(TEXT, S, [A, B])
        assert (o.each, o.verdict) == ("rr", "K") and "surplus" not in repr(o), o
        lmtp.verdicts = {A: b"550 5.2.1 no\r\n", B: b"551 5.2.2 no\r\n"}
        for _ in range(2):
            o = j.job(TEXT, S, [A, B])
            assert (o.each, o.verdict) == ("hh", "D") or (o.verdict == "Z" and "reply to nothing" in o.text), o
        assert (o.each, o.verdict) == ("hh", "D"), o
    assert len(lmtp.messages) == 1


def test_large(rules, lmtp):
    text = b"Subject: x\n\n" + b"0123456789abcdef" * 8 * 20000 + b"\n"
    with jobs(rules, lmtp) as j:
        assert j.job(text, S, [A]).verdict == "K"
    assert lmtp.messages[0].lf == text


def test_nobody_there(rules):
    with tempfile.TemporaryDirectory(prefix="posthouse-") as d, Jobs(rules, d + "/s;lmtp", options=("-t", "3")) as j:
        o = j.job(TEXT, S, [A])
        assert (o.each, o.verdict) == ("", "Z") and "cannot connect to %s/s: No such file" % d in o.text, o


def test_smtp_on_a_socket(rules):
    """A socket may also speak SMTP, if the route says so."""
    with tempfile.TemporaryDirectory(prefix="posthouse-") as d, LmtpSink(os.path.join(d, "s")) as s:
        with Jobs(rules, s.path, options=("-t", "3")) as j:
            assert j.job(TEXT, S, [A]).verdict == "K"
        assert verbs(s.sessions[0])[0] == "EHLO"


def test_login(instances):
    """LMTP's servers may want a login as others do."""
    with LmtpSink(users={"joe": "secret"}) as s:
        i = instances(routes=":%s lmtp\n" % s.route, logins="%s joe secret\n" % s.route)
        i.compile()
        o, _ = deliver(i.rules, "y.example", S, [A, B], TEXT)
        assert (o.each, o.verdict) == ("rr", "K") and s.logins == [("SCRAM-SHA-256", "joe")], o


def test_callout(instances, lmtp, tmp_path):
    """relay-ask asks by LMTP."""
    lmtp.on["RCPT"] = lambda s, line: b"550 5.1.1 no such user\r\n" if b"no@" in line else None
    i = instances(routes=":%s\n" % relay(lmtp, tmp_path))
    i.compile()
    with Ask(i.rules, str(tmp_path)) as a:
        assert a.recipient("a@hosted.example") == "yes"
        assert a.recipient("no@hosted.example") == "no 550 5.1.1 no such user"
    assert verbs(lmtp.sessions[0])[0] == "LHLO" and not lmtp.messages


def test_through_the_queue(instances, lmtp, tmp_path):
    """relay-send acts on each recipient's answer: delivered once, bounced, tried again."""
    lmtp.verdicts = {B: b"552 5.2.2 full\r\n", C: b"451 4.3.0 not now\r\n"}
    i = instances(routes=":%s\n" % relay(lmtp, tmp_path))
    i.compile()
    i.send()
    i.inject(S, [A, B, C], TEXT)
    lmtp.wait(2)   # the message, and the report on b
    assert sorted(m.sender for m in lmtp.messages) == ["", S]
    wait_for(lambda: len(i.events("send", "delivery")) >= 4, 10)
    status = {e["to"]: e["status"] for e in i.events("send", "delivery")}
    assert (status[A], status[B], status[C]) == ("delivered", "failed", "deferred")
    text = next(l for l in i.log("send").splitlines() if "to=" + A in l)
    assert "kept" in text and A in text.split("text=")[1], text
    wait_for(lambda: i.events("send", "defer"), 10, "deferred, when the report is queued")
    lmtp.verdicts.clear()
    due_now(i)
    i.sender.popen.send_signal(14)
    i.wait_empty()
    assert [m.recipients for m in lmtp.messages if m.sender] == [[A], [C]]
