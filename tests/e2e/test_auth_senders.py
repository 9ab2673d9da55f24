"""A login that is bound to senders: MAIL on every listener, the field From on that for submission."""
import json
import subprocess

import pytest

from lib.auth import AuthSmtpd, auth_plain, auth_scram
from lib.explain import run
from lib.procs import program

USERS = ("bob s3cret_pass from=bob@hosted.example from=@mine.example from=@.below.example from=nonsense\n"
         "free s3cret_pass\nnone s3cret_pass from=nonsense\n")
OUT = "ann@elsewhere.example"


@pytest.fixture(scope="module")
def shared():
    with AuthSmtpd(USERS, limits="errors 1000\n") as s:
        yield s


SENDERS = [
    ("bob@hosted.example", True), ("BoB@HOSTED.example", True), ("bob@hosted.example.", True),
    ("anyone@mine.example", True), ("x@a.below.example", True), ("x@a.b.below.example", True),
    ("x@below.example", False), ("x@sub.mine.example", False), ("alice@hosted.example", False),
    ("bob+x@hosted.example", False), ("bob@hosted.example.evil.example", False), ("x@notmine.example", False),
    ("nonsense@hosted.example", False), ("eve@elsewhere.example", False),
]


@pytest.mark.parametrize("listener", ["", "submission", "SUBMISSION"])
def test_mail_from(shared, listener):
    with shared.session("-l", listener) as d:
        assert auth_plain(d).code == 235
        for sender, mine in SENDERS:
            r = d.cmd("MAIL FROM:<%s>" % sender)
            assert (r.code, r.enhanced) == ((250, "2.1.0") if mine else (553, "5.7.1")), (sender, r)
            if mine:
                assert d.cmd("RCPT TO:<%s>" % OUT).code == 250
                d.ok("EHLO c.example")
            else:
                assert d.cmd("RCPT TO:<x@hosted.example>").code == 503, "whatever recipient"
        assert d.cmd("MAIL FROM:<>").code == (250 if listener else 553)
    refused = [e for e in shared.events("refused") if e["code"] == "553"]
    assert {e["sender"] for e in refused} >= {s for s, mine in SENDERS if not mine}
    assert all((e["login"], e["reason"]) == ("bob", "sender-not-yours") for e in refused)
    explained(shared, listener)


def explained(smtpd, listener):
    """relay-explain takes the log's lines as they are; relay-diff, which is about recipients, passes them over."""
    lines = [l for l in smtpd.log().splitlines() if "reason=sender-not-yours" in l]
    status, out, err = run(smtpd.rules, "--json", "--log", stdin="\n".join(lines).encode())
    found = [json.loads(l) for l in out.splitlines()]
    assert status == 1 and not err and len(found) == len(lines) >= 7
    for line, f in zip(lines, found):
        assert (f["verdict"], f["reason"], f["rule"]) == ("refused", "sender-not-yours", None) and f["logged"]["same"]
        assert f["reply"].startswith("553 5.7.1 ") and " code=553 " in line
        facts = f["facts"]
        assert facts["wrong_sender"] and facts["login"] == "bob" and facts["recipient"] is None
        assert (facts["listener"] or "") == listener and "sender=" + facts["sender"] in line.split(" ")
    status, out, err = run(smtpd.rules, "--log", lines[0])
    assert status == 1 and "bound to other senders" in out and "no address" not in out
    r = subprocess.run([program("relay-diff"), "--log", "-", smtpd.rules], input="\n".join(lines).encode(),
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert r.returncode == 0 and not r.stderr, r


@pytest.mark.parametrize("user, code", [("free", 250), ("none", 553)])
def test_not_bound_and_bound_to_nothing(shared, user, code):
    with shared.session() as d:
        assert auth_scram(d, user).code == 235
        assert d.cmd("MAIL FROM:<eve@elsewhere.example>").code == code


MINE = b"bob@hosted.example"
FROM = [
    (b"From: " + MINE, True), (b"from:" + MINE, True), (b"From : <" + MINE + b">", True),
    (b"From: Bob <" + MINE + b">", True), (b"From: \"Eve <eve@evil.example>\" <" + MINE + b">", True),
    (b"From: Bob\n <" + MINE + b">", True), (b"From: (eve@evil.example) " + MINE + b" (really)", True),
    (b"From: Me: " + MINE + b", x@mine.example;", True), (b"From: =?utf-8?q?B=C3=B6b?= <" + MINE + b">", True),
    ("From: Böb <".encode() + MINE + b">", True), (b"To: a@b\nFrom: x@mine.example,\n\t" + MINE, True),
    (b"X: y\nFROM: BOB@hosted.EXAMPLE", True), (b"From: alice@hosted.example", False),
    (b"From: Bob <alice@hosted.example>", False), (b"From: eve@evil.example", False),
    (b"From: " + MINE + b", eve@evil.example", False), (b"From: eve@evil.example, " + MINE, False),
    (b"From: G: eve@evil.example, " + MINE + b";", False), (b"From: G:;", False), (b"From:", False),
    (b"Subject: none", False), (b"From: eve@evil.example <" + MINE + b">", False),
    (b"From: " + MINE + b" <eve@evil.example>", False), (b"From: " + MINE + b"\nFrom: " + MINE, False),
    (b"From: " + MINE + b"\nfrom : eve@evil.example", False), (b"From: \"Bob <" + MINE + b">", False),
    (b"From: <" + MINE, False), (b"From: bob @hosted.example", False), (b"From: <@evil.example:" + MINE + b">", False),
    (b"From: bob", False), (b"From: " + MINE + b" eve@evil.example", False), (b"From: " + MINE + b"(", False),
    (b"From: " + MINE + b";", False), (b"From: <>", False), (b"From: \xff " + MINE, False),
    (b"no field\nFrom: " + MINE, False), (b"From: " + MINE + b"\nno field\nFrom: eve@evil.example", False),
    (b" From: " + MINE, False), (b"From: " + 5000 * b"x" + b" <" + MINE + b">", False),
]


@pytest.mark.parametrize("way, listener", [("DATA", "submission"), ("BDAT", "submission"), ("DATA", "Submission")])
def test_header_from(shared, way, listener):
    """On the listener for submission; the message is read to its end, and the session goes on."""
    with shared.session("-l", listener) as d:
        assert auth_plain(d).code == 235
        took = 0
        for header, mine in FROM:
            text = (header + b"\n\ntext\n.\n").replace(b"\n", b"\r\n")
            d.ok("MAIL FROM:<bob@hosted.example>")
            d.ok("RCPT TO:<%s>" % OUT)
            if way == "DATA":
                assert d.cmd("DATA").code == 354
                d.send(text.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            else:
                step = 7 if len(text) < 200 else 1000
                for i in range(0, len(text), step):
                    d.send(b"BDAT %d\r\n" % len(text[i:i + step]) + text[i:i + step])
                    assert d.reply().code == 250
                d.send(b"BDAT 0 LAST\r\n")
            r = d.reply()
            assert (r.code, r.enhanced) == ((250, "2.6.0") if mine else (550, "5.7.1")), (header, r)
            took += mine
            if not mine:
                assert "From" in r.text and shared.events("message")[-1]["fault"] == "from"
    assert took == sum(1 for _, mine in FROM if mine)


def test_header_from_elsewhere(shared):
    """Neither another listener nor a login that is not bound is asked."""
    for listener, user in (("", "bob"), ("submission", "free")):
        with shared.session("-l", listener) as d:
            assert auth_plain(d, user).code == 235
            assert d.mail("bob@hosted.example", OUT, b"From: eve@evil.example\n\nx\n").code == 250
