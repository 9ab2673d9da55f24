"""STARTTLS (RFC 3207) by a provider of UCSPI-TLS: a double on Python's ssl. What was said in the clear is
forgotten; what goes wrong ends the session and nothing else."""
import os
import shutil
import socket
import ssl
import time

import pytest

from lib.auth import CHECKER, AuthSmtpd, auth_login, auth_plain, auth_scram, b64, challenge, plain
from lib.procs import status_of, wait_for
from lib.smtp import Closed
from lib.tls import make_certificate

OUT = "ann@elsewhere.example"
CIPHERS = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256")


@pytest.fixture(scope="module")
def shared():
    with AuthSmtpd("bob s3cret_pass\ncarol unused\n") as s:
        yield s


def test_login_under_tls(shared):
    env = os.path.join(shared.dir, "env")
    shared.script("#!/bin/sh\nenv >%s; cat >%s.body; cat <&1 >/dev/null\n" % (env, env), "envinjector")
    with shared.tls_session(QMAILQUEUE=os.path.join(shared.dir, "envinjector"), SSL_CIPHER="stale",
        TCPREMOTEINFO="") as d:
        assert "STARTTLS" in d.extensions and "AUTH" not in d.extensions
        assert d.cmd("AUTH PLAIN " + plain()).code == 538
        d.starttls()
        r = d.cmd("MAIL FROM:<bob@hosted.example>")
        assert (r.code, r.enhanced) == (503, "5.5.1"), "EHLO must come anew"
        said = {l.split(" ")[0] for l in d.ok("EHLO c.example").text.split("\n")}
        assert "AUTH" in said and "STARTTLS" not in said
        for verb in ("STARTTLS", "STARTTLS x"):
            r = d.cmd(verb)
            assert (r.code, r.enhanced) == (503, "5.5.1")
        assert auth_scram(d).code == 235
        assert d.mail("bob@hosted.example", OUT, b"Subject: x\n\n" + 200000 * b"text\n").code == 250
        d.ok("QUIT", 221)
        assert d.rest() == b"", "an end with close_notify"
    e = shared.events("recipient")[0]
    assert (e["tls"], e["protocol"], e["login"]) == ("1", "TLSv1.3", "bob") and e["cipher"] in CIPHERS
    assert shared.events("tls")[0]["protocol"] == "TLSv1.3"
    with open(env) as f:
        said = f.read().splitlines()
    assert "SSL_PROTOCOL=TLSv1.3" in said and "SSL_CIPHER=" + e["cipher"] in said
    assert "SSL_TLS_SNI=relay.example" in said
    assert "SMTPAUTHUSER=bob" in said and "PATH=/evil" not in said
    assert not [l for l in said if l.startswith(("SSLCTLFD", "SSLREADFD", "SSLWRITEFD"))]
    with open(env + ".body", "rb") as f:
        trace = f.read().split(b"\nSubject")[0].decode()
    assert " with ESMTPSA id " in trace and "(TLSv1.3 %s)" % e["cipher"] in trace and "tls " + e["cipher"] in trace


def test_without_a_login(shared):
    with shared.tls_session(checker=False) as d:
        d.starttls()
        assert "AUTH" not in d.ok("EHLO c.example").text
        assert d.cmd("AUTH PLAIN").code == 502
        assert d.mail("eve@elsewhere.example", "x@hosted.example").code == 250
    assert b" with ESMTPS id " in shared.messages()[-1][2]


def test_require_tls():
    with AuthSmtpd(relay="grant clients\nrequire tls\n") as s, s.tls_session(checker=False, RELAYCLIENT="") as d:
        r = d.mail("a@hosted.example", OUT)
        assert r.code == 550 and "TLS" in r.text
        d.ok("RSET")
        d.starttls()
        d.ok("EHLO c.example")
        assert d.mail("a@hosted.example", OUT).code == 250


def test_all_is_forgotten(shared):
    with shared.tls_session("-a") as d:
        assert auth_plain(d).code == 235
        d.ok("MAIL FROM:<bob@hosted.example>")
        r = d.cmd("STARTTLS")
        assert (r.code, r.enhanced) == (503, "5.5.1"), "within a transaction"
        d.ok("RSET")
        d.starttls()
        for line in ("MAIL FROM:<bob@hosted.example>", "RCPT TO:<%s>" % OUT, "DATA", "BDAT 0 LAST"):
            assert d.cmd(line).code == 503
        d.ok("EHLO other.example")
        assert d.mail("bob@hosted.example", OUT).code == 550, "the login is forgotten"
        d.ok("RSET")
        assert auth_login(d).code == 235 and d.mail("bob@hosted.example", OUT).code == 250
    body = shared.messages()[-1][2]
    assert b"from other.example " in body and b"c.example" not in body.split(b"\n\n")[0]
    assert [e["verdict"] for e in shared.events("login")] == ["accepted", "accepted"]


EARLY = [b"", b"MAIL FROM:<eve@elsewhere.example>\r\n", b"EHLO evil.example\r\nMAIL FROM:<e@v.example>\r\n",
    b"QUIT\r\n", b"half",
         b"\n", b"x\n", 60000 * b"x"]


@pytest.mark.parametrize("early", EARLY)
def test_pipelined_plaintext(shared, early):
    """What came in the clear behind STARTTLS is never taken as said under TLS (CVE-2011-0411)."""
    with shared.tls_session() as d:
        d.send(b"STARTTLS\r\n" + early)
        assert d.reply().code == 220
        d.secure()
        assert d.cmd("MAIL FROM:<a@b.example>").code == 503, "nobody said EHLO"
        d.ok("NOOP")
        d.ok("EHLO c.example")
        d.ok("MAIL FROM:<a@b.example>")
        d.ok("QUIT", 221)


def test_late_plaintext_breaks_the_handshake(shared):
    d = shared.tls_session()
    d.ok("STARTTLS", 220)
    d.send(b"MAIL FROM:<eve@elsewhere.example>\r\n")
    assert not [c for c in d.rest().split(b"\r\n") if c[:1] in b"12345" and c[:3].isdigit()], "nothing in the clear"
    shared.ended(d, "tls-failed")


def test_syntax_and_time(shared):
    with shared.tls_session(greeted=False) as d:
        d.reply()
        assert d.cmd("STARTTLS").code == 503, "before EHLO"
        d.ok("EHLO c.example")
        assert d.cmd("STARTTLS now").code == 501
        d.ok("MAIL FROM:<a@b.example>")
        d.ok("RCPT TO:<x@hosted.example>")
        d.send(b"BDAT 1\r\nx")
        assert d.reply().code == 250 and d.cmd("STARTTLS").code == 503
        d.ok("RSET")
        d.starttls()
        d.ok("HELO c.example")
    with shared.start() as d:
        assert "STARTTLS" not in d.hello() and d.cmd("STARTTLS").code == 502


FDS = [{"SSLCTLFD": "9"}, {"SSLCTLFD": "99", "SSLREADFD": "98", "SSLWRITEFD": "97"}, {"SSLREADFD": "0"},
       {"SSLCTLFD": "0", "SSLREADFD": "0", "SSLWRITEFD": "1"}, {"SSLCTLFD": "", "SSLREADFD": "", "SSLWRITEFD": ""},
       {"SSLCTLFD": "x", "SSLREADFD": "-1", "SSLWRITEFD": "4294967299"}]


@pytest.mark.parametrize("env", FDS)
def test_not_offered_without_descriptors(shared, env):
    with shared.start(SSL_PROTOCOL="TLSv1.3", **env) as d:
        assert "STARTTLS" not in d.hello()
        assert d.cmd("STARTTLS").code in (502, 503)
        assert d.mail("a@b.example", "x@hosted.example").code == 250
    under_tls = "SSLCTLFD" not in env # variables of TLS mean it only where nobody is there to start it
    assert (b" with ESMTPS id " in shared.messages()[-1][2]) == under_tls


@pytest.mark.parametrize("mode", ["gone", "babble"])
def test_provider_fails(shared, mode):
    d = shared.tls_session(provider=(mode,), seconds=10)
    d.ok("STARTTLS", 220)
    if mode == "gone":
        assert d.rest() == b"", "not a word in the clear"
    else:
        with pytest.raises((ssl.SSLError, OSError, Closed)):
            d.secure()
            d.cmd("NOOP")
    shared.ended(d, "tls-failed")
    assert shared.events("no-tls")


@pytest.mark.parametrize("client", ["silent", "mute"])
def test_handshake_takes_too_long(client):
    """A client that stops in the midst of it, and a provider that says nothing: command-time."""
    with AuthSmtpd(limits="command-time 1\n") as s:
        d = s.tls_session(provider=("mute" if client == "mute" else "-",))
        d.ok("STARTTLS", 220)
        begin = time.monotonic()
        if client == "mute":
            d.secure()
        else:
            d.send(b"\x16\x03\x01")
        wait_for(lambda: s.events("end"), 10, "the session's end")
        assert time.monotonic() - begin < 4 and s.events("end")[0]["why"] == "tls-failed"
        d.close()


def test_client_ends_without_a_word(shared):
    d = shared.tls_session()
    d.starttls()
    d.ok("EHLO c.example")
    d.sock.shutdown(socket.SHUT_RDWR)
    shared.ended(d, "closed")


def test_implicit_tls(shared):
    with shared.session(clear=False, SSL_PROTOCOL="TLSv1.2", SSL_CIPHER="ECDHE-RSA-AES256-GCM-SHA384") as d:
        assert "AUTH" in d.extensions and "STARTTLS" not in d.extensions
        assert d.cmd("STARTTLS").code == 503 and auth_plain(d).code == 235
        assert d.mail("bob@hosted.example", OUT).code == 250
    trace = shared.messages()[-1][2].split(b"\n\n")[0]
    assert b" with ESMTPSA id " in trace and b"(TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384)" in trace
    assert b"\n  tls " not in trace, "the clause has names of IANA alone"
    e = shared.events("connect")[0]
    assert (e["protocol"], e["cipher"]) == ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")


def test_odd_words_of_tls(shared):
    with shared.session(clear=False, SSL_PROTOCOL="a)\r\nX: y(", SSL_CIPHER=300 * "c") as d:
        assert d.mail("a@b.example", "x@hosted.example").code == 250
    trace = shared.messages()[-1][2].split(b"\nSubject")[0]
    assert b"(a???X??y? c" in trace and b"\nX: y" not in trace


WITH = [("EHLO", False, "", "ESMTP"), ("HELO", False, "", "SMTP"), ("EHLO", True, "", "ESMTPA"),
        ("EHLO", True, " SMTPUTF8", "UTF8SMTPA"), ("EHLO", False, " SMTPUTF8", "UTF8SMTP"), ("HELO", True, "", "SMTP")]


@pytest.mark.parametrize("hello, login, params, word", WITH)
@pytest.mark.parametrize("tls", [False, True])
def test_protocol_of_the_trace(shared, hello, login, params, word, tls):
    """RFC 3848, RFC 6531 4.3."""
    with shared.start("-a", *shared.checker(CHECKER, "true"), **({"SSL_PROTOCOL": "TLSv1.3"} if tls else {})) as d:
        d.hello(verb=hello)
        if login:
            assert auth_plain(d).code == 235
        assert d.mail("a@b.example", "x@hosted.example", params=params).code == 250
    if tls and hello == "EHLO":
        word = word[:-1] + "SA" if login else word + "S"
    assert b" with %s id " % word.encode() in shared.messages()[-1][2]


@pytest.fixture(scope="module")
def certified():
    """A provider that wants certificates, one for carol and one for nobody that we know."""
    with AuthSmtpd("bob s3cret_pass\ncarol unused\n") as s:
        make_certificate(s.certificate(), "relay.example")
        ca = make_certificate(os.path.join(s.dir, "ca"), "ca.example")
        shutil.copy(os.path.join(ca, "cert.pem"), os.path.join(s.certificate(), "ca.pem"))
        for name in ("carol", "mallory"):
            make_certificate(os.path.join(s.dir, name), subject="/CN=" + name, ca=ca)
        yield s


@pytest.mark.parametrize("name, code", [("carol", 235), ("mallory", 535)])
def test_external(certified, name, code):
    """AUTH EXTERNAL: the certificate says who it is, and the checker whether that is one of us."""
    with certified.tls_session(provider=("verify",), RELAYFAILURES="/dev/null/none") as d:
        d.starttls(client=os.path.join(certified.dir, name))
        assert "EXTERNAL" in d.ok("EHLO c.example").text
        assert d.cmd("AUTH EXTERNAL " + b64("bob")).code == 535, "nobody else"
        assert challenge(d.cmd("AUTH EXTERNAL")) == b""
        assert d.cmd("").code == code
        assert d.mail("a@b.example", OUT).code == (250 if code == 235 else 550)
    assert certified.events("tls")[0]["certificate"] == name
    assert certified.asked()[0] == ("EXTERNAL", name.encode() + b"\0\0\0")


def test_no_external_without_a_certificate(shared):
    with shared.tls_session() as d:
        d.starttls()
        assert "EXTERNAL" not in d.ok("EHLO c.example").text and d.cmd("AUTH EXTERNAL =").code == 504


def test_nothing_stays(shared):
    """Provider and session end together, and no process of theirs is left."""
    d = shared.tls_session()
    d.starttls()
    pid = d.proc.pid
    d.close()
    wait_for(lambda: not status_of(pid, "VmSize"), 5, "the provider gone")
    assert shared.events("end")[0]["why"] == "closed"
