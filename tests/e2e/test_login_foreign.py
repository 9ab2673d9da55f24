"""Somebody else's parts: cvm-checkpassword asks for relay-smtpd, s6-ucspitlsd speaks TLS for it; and relay-smtpd with
the words for its checker in a wrong order, under TLS, with the real relay-auth. (relay-auth behind a POP3 server:
test_users_dovecot.py; relay-tls before mailfront's SMTP server: test_tls_foreign.py.)"""
import os
import pwd
import shutil

import pytest

from lib.auth import MECHANISMS
from lib.login import ALICE, PASSWORD, RECIPIENT, LoginChain
from lib.procs import program
from lib.smtp import Dialogue
from lib.tls import context, make_certificate


def under_tls(host, port):
    d = Dialogue((host, port))
    assert "AUTH" not in d.hello()
    d.ok("STARTTLS", 220)
    d.sock = context().wrap_socket(d.sock)
    lines = d.ok("EHLO client.example").lines[1:]
    d.extensions = {w[0]: w[1:] for w in (line[4:].split(" ") for line in lines)}
    return d


def may_relay(d):
    r = d.cmd("MAIL FROM:<%s>" % ALICE)
    return r.code == 250 and d.cmd("RCPT TO:<%s>" % RECIPIENT).code == 250


@pytest.mark.skipif(not shutil.which("cvm-checkpassword"), reason="no cvm: sh package/deps install test")
def test_cvm_checkpassword(tmp_path):
    """It says 100 for a wrong password where checkpassword's interface has 1."""
    os.chmod(tmp_path, 0o755)
    who = pwd.getpwnam("nobody") if not os.geteuid() else pwd.getpwuid(os.geteuid())
    passwords = tmp_path / "passwords"
    passwords.write_text("alice:%s:%d:%d:A:/:/bin/sh\n" % (PASSWORD.replace(":", ""), who.pw_uid, who.pw_gid))
    checker = ["cvm-checkpassword", "cvm-pwfile", "true"]
    with LoginChain(checker=["env", "CVM_PWFILE_PATH=%s" % passwords, *checker], smtpd=()) as c:
        for mechanism in ("PLAIN", "LOGIN"):
            with under_tls("127.0.0.1", c.ports["starttls"]) as d:
                assert d.extensions["AUTH"] == ["PLAIN", "LOGIN", "CRAM-MD5"]
                r = MECHANISMS[mechanism](d, "alice", "wrong")
                assert (r.code, r.enhanced) == (535, "5.7.8"), r
                assert not may_relay(d)
                d.ok("RSET")
                assert MECHANISMS[mechanism](d, "nobody-here", PASSWORD).code == 535
                assert MECHANISMS[mechanism](d, "alice", PASSWORD).code == 235
                assert d.mail(ALICE, RECIPIENT).code == 250
                d.quit()
        assert len(c.events("login", verdict="refused")) == 4 and not c.instance.events(event="checker")
        m = c.sink.wait(2)[0]
        assert " with ESMTPSA id " in m.header("Received")[0]


@pytest.mark.skipif(not shutil.which("s6-ucspitlsd"), reason="no s6-ucspitlsd: Debian has no s6-networking")
@pytest.mark.parametrize("key", ["ec", "rsa"])
def test_s6_ucspitlsd(tmp_path, key):
    cert = make_certificate(str(tmp_path / "cert"), "relay.example", key=key)
    with LoginChain() as c:
        i = c.instance
        i.extra.update(CERTFILE=os.path.join(cert, "cert.pem"), KEYFILE=os.path.join(cert, "key.pem"))
        checker = [program("relay-auth"), os.path.join(i.control, "users.cdb"), "true"]
        i.receive([*i.chain()[:2], "s6-ucspitlsd", program("relay-smtpd"), *checker])
        for mechanism in sorted(MECHANISMS):
            with under_tls(i.host, i.port) as d:
                assert MECHANISMS[mechanism](d, "alice", "wrong").code == 535
                assert MECHANISMS[mechanism](d, "alice", PASSWORD).code == 235
                assert d.mail(ALICE, RECIPIENT, b"Subject: x\n\n" + b"y" * 70000 + b"\n").code == 250
                d.quit()
        with Dialogue((i.host, i.port)) as d:
            d.hello()
            d.send(b"STARTTLS\r\nEHLO early.example\r\n")
            assert d.reply().code == 220
            d.sock = context().wrap_socket(d.sock)
            assert d.cmd("MAIL FROM:<a@b.example>").code == 503, "the early EHLO was thrown away"
        assert " with ESMTPSA id " in c.sink.wait(4)[0].header("Received")[0]


def orders():
    auth, users = program("relay-auth"), "USERS"
    return [[], ["true"], [auth], [users], [auth, users], [auth, "true"], [users, auth], ["true", auth],
            ["true", users], [auth, "true", users], [users, auth, "true"], ["true", auth, users],
            [auth, "/nonexistent/users.cdb", "true"],
            ["/nonexistent/relay-auth", users, "true"]]


@pytest.fixture(scope="module")
def told():
    with LoginChain(smtpd=(), checker=[]) as c:
        yield c


@pytest.mark.parametrize("words", orders(), ids=lambda w: "-".join(os.path.basename(x) for x in w) or "none")
def test_wrong_order(told, words):
    """No AUTH is offered or taken, nobody relays, mail for us comes in."""
    i = told.instance
    users = os.path.join(i.control, "users.cdb")
    i.receive([*i.chain()[:2], program("relay-tls"), told.house.socket, program("relay-smtpd"),
               *[users if w == "USERS" else w for w in words]])
    try:
        with under_tls(i.host, i.port) as d:
            assert "AUTH" not in d.extensions
            for mechanism in sorted(MECHANISMS):
                r = d.cmd("AUTH " + mechanism)
                assert r.code == (454 if words else 502), r
            assert MECHANISMS["PLAIN"](d, "alice", PASSWORD).code in (454, 502)
            assert not may_relay(d)
            d.ok("RSET")
            assert d.mail(ALICE, "x@hosted.example").code == 250
            d.quit()
    finally:
        i.receiver.stop()


def test_right_order(told):
    i = told.instance
    i.receive([*i.chain()[:2], program("relay-tls"), told.house.socket, program("relay-smtpd"), program("relay-auth"),
               os.path.join(i.control, "users.cdb"), "true"])
    with under_tls(i.host, i.port) as d:
        assert MECHANISMS["PLAIN"](d, "alice", PASSWORD).code == 235 and may_relay(d)
