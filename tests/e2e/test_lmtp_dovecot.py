"""Dovecot's LMTP as the next hop: TCP and Unix socket, recipients with verdicts of their own, callouts."""
import os

import pytest

from lib.ask import Ask
from lib.dovecotlmtp import DovecotLmtp
from lib.procs import program, wait_for
from lib.remote import Jobs

S = "s@sender.example"
JOE, ANN, FULL, NOBODY = ("%s@hosted.example" % n for n in ("joe", "ann", "full", "nobody"))
TEXT = b"From: s@sender.example\nSubject: %s\n\n.dot\n..\nend\n" + b"x" * 70 + b"\n"
LARGE = TEXT + b"0123456789abcdef\n" * 20000


def there():
    try:
        return bool(program("dovecot")) and os.path.exists("/usr/lib/dovecot/lmtp")
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not there(), reason="no dovecot-lmtpd")


@pytest.fixture(scope="module")
def dovecot():
    with DovecotLmtp(joe="", ann="", full="storage=10K") as d:
        yield d


@pytest.fixture(params=["tcp", "socket"])
def route(dovecot, request):
    return "127.0.0.1:%d lmtp" % dovecot.port if request.param == "tcp" else dovecot.socket


def got(dovecot, user, subject):
    return [m for m in dovecot.mails(user) if b"Subject: " + subject + b"\n" in m.replace(b"\r\n", b"\n")]


def test_verdicts(instances, dovecot, route, request):
    """One connection, two messages: who exists gets each once, as it was sent; a full mailbox refuses the text."""
    i = instances(routes="")
    i.compile()
    subjects = [("%s-%d" % (request.node.name, n)).encode() for n in range(2)]
    with Jobs(i.rules, route.replace(" ", ";") if " " in route else route + ";lmtp", options=("-t", "20")) as j:
        o = j.job(LARGE.replace(b"%s", subjects[0]), S, [JOE, NOBODY, FULL, ANN])
        assert (o.each, o.verdict) == ("rhhr", "K"), (o, dovecot.log())
        assert "550 5.1.1" in o.lines[1][1] and "552 5.2.2" in o.lines[2][1] and "Saved" in o.lines[0][1], o
        o = j.job(TEXT.replace(b"%s", subjects[1]), S, [ANN])
        assert (o.each, o.verdict) == ("r", "K") and "Saved" in o.text, o
        o = j.job(TEXT, S, [NOBODY, NOBODY])
        assert (o.each, o.verdict) == ("hh", "D"), o
    for user, subject, text in (("joe", subjects[0], LARGE), ("ann", subjects[0], LARGE), ("ann", subjects[1], TEXT)):
        mail, = got(dovecot, user, subject)
        assert mail.replace(b"\r\n", b"\n").endswith(text.replace(b"%s", subject)), (user, subject)
    assert not dovecot.mails("full")


def test_queue(instances, dovecot, route, request):
    """Through relay-send: delivered, and one report on the two that were refused."""
    subject = request.node.name.encode()
    i = instances(routes="hosted.example:%s\nsender.example:%s\n" % (route, route))
    i.compile()
    i.send()
    i.inject(JOE, [ANN, NOBODY, FULL], LARGE.replace(b"%s", subject))
    i.wait_empty()
    status = {e["to"]: e["status"] for e in i.events("send", "delivery")}
    assert (status[ANN], status[NOBODY], status[FULL], status[JOE]) == ("delivered", "failed", "failed", "delivered")
    assert len(got(dovecot, "ann", subject)) == 1
    report, = wait_for(lambda: [m for m in dovecot.mails("joe") if b"multipart/report" in m and subject in m], 10)
    assert NOBODY.encode() in report and FULL.encode() in report and b"552 5.2.2" in report


def test_callout(instances, route, tmp_path):
    i = instances(routes="hosted.example:%s\n" % route)
    i.compile()
    with Ask(i.rules, str(tmp_path)) as a:
        assert a.recipient(JOE) == "yes"
        assert a.recipient(NOBODY).startswith("no 550 5.1.1")
