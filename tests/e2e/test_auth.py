"""AUTH (RFC 4954) over a socket pair: each mechanism, right and wrong, and everything that is said at the wrong
time or in the wrong way. The checker is a double that knows relay-smtpd; a foreign checkpassword:
test_auth_checker."""
import os
import re

import pytest

from lib.auth import (AuthSmtpd, CHECKER, MECHANISMS, PASSWORD, USER, auth_cram, auth_login, auth_plain, auth_scram,
                      b64, challenge, plain)
from lib.smtp import Closed

OUT = "ann@elsewhere.example"
USERS = "bob s3cret_pass\nnorelay s3cret_pass relay=0\nodd s3cret_pass user=Bob\n"
# spelled so that no digit or letter of base64 could stand for them by chance
ODD = "../etc/%s%n/x"


@pytest.fixture(scope="module")
def shared():
    with AuthSmtpd(USERS + ODD + " s3cret_pass\n") as s:
        yield s


@pytest.fixture
def smtpd():
    with AuthSmtpd(USERS) as s:
        yield s


def mail(d, to=OUT, sender="bob@hosted.example"):
    return d.mail(sender, to)


@pytest.mark.parametrize("name", sorted(MECHANISMS))
def test_right_password(shared, name):
    with shared.session() as d:
        assert d.extensions["AUTH"] == ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"]
        assert mail(d).code == 550
        d.ok("RSET")
        r = MECHANISMS[name](d)
        assert (r.code, r.enhanced) == (235, "2.7.0"), r
        assert mail(d).code == 250
        r = d.cmd("AUTH PLAIN " + plain())
        assert (r.code, r.enhanced) == (503, "5.5.1")
        d.quit()
    asked = shared.asked()
    assert [m for m, _ in asked] == [name] * len(asked) and asked
    e = shared.events("recipient")[-1]
    assert (e["verdict"], e["login"], e["mechanism"], e["reason"]) == ("accepted", USER, name, "login")
    login, = shared.events("login")
    assert (login["verdict"], login["user"], login["mechanism"]) == ("accepted", USER, name)
    assert PASSWORD not in shared.log() and b64(PASSWORD) not in shared.log() and plain() not in shared.log()
    body = shared.messages()[-1][2]
    assert b" with ESMTPA id " in body and USER.encode() + b" " not in body.split(b"\nSubject")[0]
    assert PASSWORD.encode() not in body


@pytest.mark.parametrize("name", sorted(MECHANISMS))
@pytest.mark.parametrize("user, password", [(USER, "wrong"), ("nobody", PASSWORD), (USER, PASSWORD + " ")])
def test_wrong_password(shared, name, user, password):
    with shared.session(RELAYFAILURES="/dev/null/none") as d:
        r = MECHANISMS[name](d, user, password)
        assert (r.code, r.enhanced) == (535, "5.7.8"), r
        assert mail(d).code == 550
        assert mail(d, "x@hosted.example").code == 503, "the transaction goes on"
    failed, = shared.events("login")
    assert (failed["verdict"], failed["user"], failed["mechanism"]) == ("refused", user, name)
    assert password.replace(" ", "\\x20") not in shared.log()


def test_checkpassword_gets_what_the_interface_says(shared):
    with shared.session() as d:
        assert auth_plain(d).code == 235
    assert shared.asked() == [("PLAIN", b"bob\0s3cret pass\0\0")]
    with shared.session() as d:
        assert auth_login(d).code == 235
    assert shared.asked() == [("LOGIN", b"bob\0s3cret pass\0\0")]
    seen = set()
    for _ in range(2):
        with shared.session() as d:
            assert auth_cram(d).code == 235
        user, response, text = shared.asked()[0][1].split(b"\0")[:3]
        assert user == b"bob" and re.fullmatch(b"[0-9a-f]{32}", response) and text.startswith(b"<")
        seen.add(text)
    assert len(seen) == 2, "a challenge comes but once"


def test_canonical_name_and_privilege(shared):
    with shared.session() as d:
        assert auth_plain(d, "norelay").code == 235
        r = mail(d)
        assert (r.code, r.enhanced) == (550, "5.7.1") and "account" in r.text
        assert d.cmd("RCPT TO:<x@hosted.example>").code == 250
    assert shared.events("recipient")[0]["reason"] == "no-privilege"
    assert shared.events("recipient")[0]["norelay"] == "1"


def test_a_response_of_its_own_line(shared):
    for name, first in (("PLAIN", plain()), ("plain", plain())):
        with shared.session() as d:
            assert challenge(d.cmd("AUTH " + name)) == b""
            assert d.cmd(first).code == 235
    with shared.session() as d:
        assert challenge(d.cmd("AUTH LOGIN " + b64(USER))) == b"Password:"
        assert d.cmd(b64(PASSWORD)).code == 235
    with shared.session() as d:
        assert auth_scram(d, initial=False).code == 235
    with shared.session() as d: # all at once: who doesn't wait is heard all the same
        d.send(("AUTH LOGIN\r\n%s\r\n%s\r\nNOOP\r\n" % (b64(USER), b64(PASSWORD))).encode())
        assert [d.reply().code for _ in range(4)] == [334, 334, 235, 250]


SYNTAX = [
    (["AUTH"], 501, "5.5.4"), (["AUTH FOO"], 504, "5.5.4"), (["AUTH EXTERNAL ="], 504, "5.5.4"),
    (["AUTH PLAIN a b"], 501, "5.5.4"), (["AUTH PLAIN !"], 501, "5.5.2"), (["AUTH PLAIN YWJ"], 501, "5.5.2"),
    (["AUTH PLAIN YWJjZB=="], 501, "5.5.2"), (["AUTH PLAIN ="], 501, "5.5.2"), (["AUTH PLAIN YW=="], 501, "5.5.2"),
    (["AUTH PLAIN YQ==YQ=="], 501, "5.5.2"), (["AUTH CRAM-MD5 ="], 501, "5.5.2"),
    (["AUTH CRAM-MD5 YQ=="], 501, "5.5.2"), (["AUTH PLAIN", "*"], 501, "5.7.0"), (["AUTH LOGIN", "*"], 501, "5.7.0"),
    (["AUTH LOGIN", "Ym9i", "*"], 501, "5.7.0"), (["AUTH CRAM-MD5", "*"], 501, "5.7.0"),
    (["AUTH SCRAM-SHA-256", "*"], 501, "5.7.0"), (["AUTH PLAIN", "="], 501, "5.5.2"),
    (["AUTH PLAIN", "**"], 501, "5.5.2"), (["AUTH PLAIN", ""], 501, "5.5.2"), (["AUTH LOGIN", "Ym9i!"], 501, "5.5.2"),
    (["AUTH PLAIN", " Ym9i"], 501, "5.5.2"), (["AUTH PLAIN", "x\0"], 500, "5.5.2"),
    (["AUTH PLAIN", "a\rb"], 500, "5.5.2"), (["AUTH PLAIN", b"\xff\xfe"], 501, "5.5.2"),
    (["AUTH PLAIN " + b64("a\0b")], 501, "5.5.2"), (["AUTH PLAIN " + b64("\0bob\0a\0b")], 501, "5.5.2"),
    (["AUTH PLAIN " + b64("\0bob\0")], 501, "5.5.2"), (["AUTH PLAIN " + b64("\0\0x")], 501, "5.5.2"),
    (["AUTH LOGIN", b64("bob\0"), b64(PASSWORD)], 501, "5.5.2"),
    (["AUTH LOGIN", b64("bob"), b64("a\0")], 501, "5.5.2"), (["AUTH CRAM-MD5", b64("bob " + 32 * "G")], 501, "5.5.2"),
    (["AUTH CRAM-MD5", b64("bob")], 501, "5.5.2"), (["AUTH CRAM-MD5", b64("b\0b " + 32 * "a")], 501, "5.5.2"),
    (["AUTH PLAIN " + 12288 * "A"], 500, "5.5.6"), (["AUTH PLAIN", 12288 * "A"], 500, "5.5.6"),
    (["AUTH LOGIN", 12287 * "A"], 500, "5.5.6"), (["AUTH LOGIN", b64("bob"), 100000 * "A"], 500, "5.5.6"),
    (["AUTH SCRAM-SHA-256", 12284 * "A"], 501, "5.5.2"),
]


@pytest.mark.parametrize("lines, code, enhanced", SYNTAX)
def test_syntax(shared, lines, code, enhanced):
    """Each is refused as it should be, and what counted before counts after it."""
    with shared.session() as d:
        for line in lines[:-1]:
            assert d.cmd(line).code == 334
        r = d.cmd(lines[-1])
        assert (r.code, r.enhanced) == (code, enhanced), r
        assert d.cmd("MAIL FROM:<a@b.example>").code == 250, "the state is kept"
        d.ok("RSET")
        assert auth_plain(d).code == 235
        d.quit()
    assert [e["verdict"] for e in shared.events("login")] == ["accepted"], "a wrong word is no wrong password"


NOBODY = [
    ("PLAIN", lambda d: d.cmd("AUTH PLAIN " + plain(authzid="root"))),
    ("PLAIN", lambda d: d.cmd("AUTH PLAIN " + plain("b\r\nb"))),
    ("PLAIN", lambda d: d.cmd("AUTH PLAIN " + plain("b\x7fb"))),
    ("PLAIN", lambda d: d.cmd("AUTH PLAIN " + plain(256 * "b"))),
    ("PLAIN", lambda d: d.cmd("AUTH PLAIN " + plain("bob", 512 * "p"))),
    ("LOGIN", lambda d: auth_login(d, 300 * "b")), ("LOGIN", lambda d: auth_login(d, "", "x")),
    ("LOGIN", lambda d: auth_login(d, USER, "")), ("LOGIN", lambda d: auth_login(d, USER, 6000 * "p")),
    ("CRAM-MD5", lambda d: auth_cram(d, "b\nb")),
]


@pytest.mark.parametrize("name, login", NOBODY)
def test_nobody(shared, name, login):
    """Who can't be anybody is told what every wrong password is told, and no program is asked."""
    with shared.session(RELAYFAILURES="/dev/null/none") as d:
        r = login(d)
        assert (r.code, r.enhanced) == (535, "5.7.8"), r
    assert shared.asked() == [] and shared.events("login")[0]["mechanism"] == name


def test_authorization_identity(shared):
    with shared.session() as d:
        assert d.cmd("AUTH PLAIN " + plain(authzid=USER)).code == 235
    with shared.session(RELAYFAILURES="/dev/null/none") as d:
        assert auth_scram(d, authzid="root").code == 535


@pytest.mark.parametrize("user", [ODD])
def test_odd_names(shared, user):
    """Neither log nor environment ever hold them raw."""
    shared.script('#!/bin/sh\necho "$SMTPAUTHUSER $AUTHUSER $TCPREMOTEINFO $AUTHPROTOCOL" >$KEEP/env\n'
                  'cat >/dev/null\n', "envinjector")
    with shared.session(QMAILQUEUE=os.path.join(shared.dir, "envinjector"), TCPREMOTEINFO="ident") as d:
        assert auth_plain(d, user).code == 235
        assert mail(d).code == 250
    with open(os.path.join(shared.keep, "env")) as f:
        words = f.read().split()
    os.unlink(os.path.join(shared.keep, "env"))
    safe = user.replace("/", "\\x2f").replace("%", "\\x25")
    assert words == [safe, safe, safe, "PLAIN"]
    assert shared.events("recipient")[0]["info"] == "ident"


def test_when_it_may_come(shared):
    with shared.start("-a", *shared.checker(CHECKER, "true")) as d:
        d.reply()
        r = d.cmd("AUTH PLAIN " + plain())
        assert (r.code, r.enhanced) == (503, "5.5.1"), "before EHLO"
        d.ok("EHLO c.example")
        d.ok("MAIL FROM:<a@b.example>")
        for _ in range(2):
            r = d.cmd("AUTH PLAIN " + plain())
            assert (r.code, r.enhanced) == (503, "5.5.1"), "within a transaction"
            d.ok("RCPT TO:<x@hosted.example>")
        d.send(b"BDAT 1\r\nx")
        assert d.reply().code == 250
        assert d.cmd("AUTH PLAIN " + plain()).code == 503
        d.ok("RSET")
        assert auth_plain(d).code == 235
        d.ok("EHLO c.example")
        assert d.cmd("AUTH LOGIN").code == 503, "EHLO is no logout"
        assert mail(d).code == 250
        d.quit()
    assert b"secret" not in shared.messages()[-1][2]


def test_only_under_tls(shared):
    with shared.session(clear=False) as d:
        assert "AUTH" not in d.extensions
        r = d.cmd("AUTH PLAIN " + plain())
        assert (r.code, r.enhanced) == (538, "5.7.11")
        assert mail(d).code == 550
    assert shared.asked() == []
    with shared.session(clear=False, SSL_PROTOCOL="TLSv1.3", SSL_CIPHER="TLS_AES_256_GCM_SHA384") as d:
        assert "AUTH" in d.extensions and auth_plain(d).code == 235 and mail(d).code == 250


def test_not_announced(shared):
    with shared.session("-A") as d:
        assert "AUTH" not in d.extensions
        assert mail(d).code == 550
        d.ok("RSET")
        assert auth_plain(d).code == 235 and mail(d).code == 250


def test_fewer_mechanisms(shared):
    with shared.session("-m", "login,SCRAM-SHA-256") as d:
        assert d.extensions["AUTH"] == ["LOGIN", "SCRAM-SHA-256"]
        assert d.cmd("AUTH PLAIN " + plain()).code == 504 and auth_login(d).code == 235


def test_submission(shared):
    with shared.session("-l", "submission") as d:
        r = d.cmd("MAIL FROM:<bob@hosted.example>")
        assert (r.code, r.enhanced) == (530, "5.7.0")
        assert auth_plain(d).code == 235 and mail(d).code == 250


PARAMETERS = [("<>", 250), ("a@b.example", 250), ("e+3Dmc2@example.com", 250), ("a+2", 501), ("a+2b", 501), ("a+zz",
    501),
              ("", 501), ("a=b", 501)]


@pytest.mark.parametrize("value, code", PARAMETERS)
def test_auth_parameter_of_mail(shared, value, code):
    with shared.session() as d:
        assert d.cmd("MAIL FROM:<a@b.example> AUTH=" + value).code == code
        if code == 250:
            assert d.cmd("RCPT TO:<%s>" % OUT).code == 550, "it makes nobody trusted"
            d.ok("RSET")
            assert d.cmd("MAIL FROM:<a@b.example> AUTH=<> AUTH=<>").code == 501


def test_client_goes_away(smtpd):
    """In the midst of a dialogue: the checker does not stay."""
    for lines in (["AUTH PLAIN"], ["AUTH LOGIN", b64(USER)], ["AUTH SCRAM-SHA-256 " + b64("n,,n=bob,r=abc")]):
        d = smtpd.session()
        for line in lines:
            assert d.cmd(line).code == 334
        d.close()
        smtpd.ended(d, "closed")
        with pytest.raises(ProcessLookupError):
            os.kill(d.proc.pid, 0)


def test_timeout_within(smtpd):
    with AuthSmtpd(limits="command-time 1\n") as s, s.session() as d:
        assert d.cmd("AUTH LOGIN").code == 334
        assert d.reply().code == 421
        with pytest.raises(Closed):
            d.reply()
