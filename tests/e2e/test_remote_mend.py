"""What the operator's own relay holds against us is his to mend: the mail waits. What a stranger's server says for good
is final."""
import pytest

from lib.loginsink import LoginSink
from lib.remote import Jobs, deliver
from lib.sink import Sink

pytestmark = pytest.mark.once

S, A, B = "s@sender.example", "a@y.example", "b@y.example"
TEXT = b"Subject: x\n\nhello\n"


def job(rules, word, recipients=(A, B)):
    with Jobs(rules, word, options=("-t", "3")) as j:
        return j.job(TEXT, S, recipients)


@pytest.mark.parametrize("logins", [None, "from:@other.example joe x\n"], ids=["no-file", "no-line"])
def test_a_login_is_wanted(instances, logins):
    with LoginSink({"joe": "x"}) as s:
        i = instances(routes=":%s\n" % s.route, logins=logins)
        i.compile()
        o, _ = deliver(i.rules, "y.example", S, [A], TEXT)
        assert (o.each, o.verdict) == ("s", "Z") and "530 5.7.0 log in first" in o.text, o


@pytest.mark.parametrize("code", [530, 534, 538])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
def test_wherever_it_is_said(rules, verb, code):
    with Sink(extensions=()) as s:
        s.on[verb] = lambda session, line: b"%d 5.7.0 not so\r\n" % code
        o = job(rules, s.route)
        assert o.verdict == "Z" and "h" not in o.each and "%d 5.7.0 not so" % code in repr(o), o


def test_others_are_final(rules):
    with Sink(extensions=()) as s:
        for verb in ("MAIL", "RCPT", "DATA", "."):
            s.on = {verb: lambda session, line: b"535 5.7.1 no\r\n"}
            assert job(rules, s.route).verdict == "D"


def test_lmtp_to_an_smtp_server(rules):
    with Sink() as s:
        s.on["LHLO"] = lambda session, line: b"500 5.5.2 unknown command\r\n"
        o = job(rules, s.route + ";lmtp")
        assert (o.each, o.verdict) == ("", "Z") and "500 5.5.2 unknown command" in o.text, o
