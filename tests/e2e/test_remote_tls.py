"""relay-remote under TLS: what a route demands, certificates good and bad, servers whose TLS fails in every way."""
import os
import time

import pytest

from lib.remote import Jobs, environment
from lib.sink import CLOSE, HANG, RESET
from lib.tlssink import TlsSink, make_all

pytestmark = pytest.mark.once

S, A, B = "s@sender.example", "a@y.example", "b@y.example"
TEXT = b"Subject: x\n\nhello\n"
HOST = "mx.example"


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return make_all(str(tmp_path_factory.mktemp("certs")), HOST)


@pytest.fixture
def server(certs):
    with TlsSink(certs["good"]) as s:
        yield s


def word(sink, *words):
    return ";".join([sink.route, *words])


def ca(certs, name="ca"):
    return "ca=" + os.path.join(certs[name], "cert.pem")


def job(rules, route, message=TEXT, recipients=(A,), options=("-t", "5"), **more):
    with Jobs(rules, route, options=options, **more) as j:
        outcome = j.job(message, S, list(recipients))
        assert j.said() == ""
        return outcome


def verbs(session):
    return [c.split(b" ")[0].decode() for c in session.commands]


# What a route says

def test_by_default(rules, server):
    o = job(rules, word(server), recipients=[A, B])
    assert (o.each, o.verdict) == ("rr", "K"), o
    assert o.tls.count(" ") == 2, o.tls
    version, cipher, verified = o.tls.split(" ")
    assert (version, verified) == ("TLSv1.3", "none") and cipher.startswith("TLS_")
    s, = server.sessions
    assert s.version == "TLSv1.3" and verbs(s)[:4] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]
    assert server.messages[0].data == TEXT.replace(b"\n", b"\r\n") and server.bad == []


def test_old_suite(rules, certs):
    with TlsSink(certs["good"], version="TLSv1_2") as s:
        assert job(rules, word(s)).tls.startswith("TLSv1.2 ECDHE-")


def test_never(rules, server):
    o = job(rules, word(server, "tls=none"))
    assert (o.verdict, o.tls) == ("K", "none") and "STARTTLS" not in verbs(server.sessions[0])


def test_not_offered(rules, sink):
    o = job(rules, word(sink))
    assert (o.verdict, o.tls) == ("K", "none"), o
    for how in "tls=required", "tls=verify":
        o = job(rules, word(sink, how))
        assert o.verdict == "Z" and o.each == "" and o.tls is None and o.text.endswith(
            "offers no TLS, which the route demands (#4.7.4)"), o
    assert len(sink.messages) == 1


VERIFY = {   # the certificate, the words behind tls=verify (CA: ca=), what comes of it
    "good": ("good", "CA", "name=mx.example", "ca"),
    "wildcard-not": ("good", "CA", "name=a.mx.example", "ostname mismatch"),
    "address": ("address", "CA", "", "ca"),
    "address-not": ("good", "CA", "", "IP address mismatch"),
    "wrong": ("wrong", "CA", "name=mx.example", "ostname mismatch"),
    "expired": ("expired", "CA", "name=mx.example", "certificate has expired"),
    "self": ("self", "CA", "name=mx.example", "self-signed certificate"),
    "self-known": ("self", "self", "name=mx.example", "ca"),
    "not-in-system": ("good", None, "name=mx.example", "unable to get local issuer"),
}


@pytest.mark.parametrize("now", [False, True])
@pytest.mark.parametrize("case", sorted(VERIFY))
def test_verify(rules, certs, case, now):
    cert, authority, name, want = VERIFY[case]
    words = ["tls=now,verify" if now else "tls=verify", name]
    words.append(ca(certs, authority.lower()) if authority else "")
    with TlsSink(certs[cert], now=now) as s:
        o = job(rules, word(s, *[w for w in words if w]))
        if want == "ca":
            assert o.verdict == "K" and o.tls.endswith(" ca") and s.sessions[0].version, o
            assert s.sessions[0].name == (name[5:] or None)
            return
        assert o.verdict == "Z" and o.each == "" and want in o.text and o.text.endswith("(#4.7.5)"), o
        assert not s.messages and all("MAIL" not in verbs(x) for x in s.sessions)
        # whoever doesn't ask for it doesn't mind
        o = job(rules, word(s, "tls=now" if now else "tls=required"))
        assert o.verdict == "K" and o.tls.endswith(" none"), o


def test_system_authorities(rules, certs, server):
    env = environment(SSL_CERT_FILE=os.path.join(certs["ca"], "cert.pem"))
    assert job(rules, word(server, "tls=verify", "name=mx.example"), env=env).tls.endswith(" ca")


def test_no_such_authorities(rules, server):
    o = job(rules, word(server, "tls=verify", "name=mx.example", "ca=/nonexistent/ca.pem"))
    assert o.verdict == "Z" and "/nonexistent/ca.pem: No such file" in o.text and o.text.endswith("(#4.3.5)"), o


def test_now_on_a_plain_server(rules, sink):
    o = job(rules, word(sink, "tls=now"))
    assert o.verdict == "Z" and "TLS handshake failed: " in o.text and not sink.messages, o


# Servers whose TLS fails

def breaks(*steps):
    def hook(session, line):
        session.upgrade = False
        return steps
    return {"STARTTLS": hook}


def first_under_tls(*steps):
    return {"EHLO": lambda session, line: steps if session.version else None}


BROKEN = {   # hooks, version, what the report says when TLS is required
    "garbage": (breaks(b"220 go\r\n", 0.1, b"no TLS at all\r\n" * 10), None, "wrong version number"),
    "closes": (breaks(b"220 go\r\n", 0.1, CLOSE), None, "hung up"),
    "resets": (breaks(b"220 go\r\n", 0.1, RESET), None, "TLS handshake failed: "),
    "hangs": (breaks(b"220 go\r\n", HANG), None, "no answer in time"),
    "old": ({}, "TLSv1", "TLS handshake failed: "),
    "454": (breaks(b"454 4.7.0 not now\r\n"), None, "refused STARTTLS: 454 4.7.0 not now"),
    "421": (breaks(b"421 4.7.0 too busy\r\n", CLOSE), None, "refused STARTTLS: 421 4.7.0 too busy"),
    "501": (breaks(b"501 5.5.4 what\r\n"), None, "refused STARTTLS: 501 5.5.4 what"),
    "gone": (breaks(CLOSE), None, "closed the connection"),
    "nonsense": (breaks(b"nonsense\r\n"), None, "sent something that is no reply"),
    "closes-later": (first_under_tls(CLOSE), None, "under TLS, closed the connection"),
    "hangs-later": (first_under_tls(HANG), None, "under TLS, did not answer in time"),
}


@pytest.mark.parametrize("case", sorted(BROKEN))
def test_broken(rules, certs, case):
    hooks, version, want = BROKEN[case]
    with TlsSink(certs["good"], version=version) as s:
        s.on.update(hooks)
        o = job(rules, word(s, "tls=required"), options=("-t", "1"))
        assert o.verdict == "Z" and o.each == "" and want in o.text and not s.messages, o
        before = len(s.sessions)
        with Jobs(rules, word(s), options=("-t", "1")) as j:
            o = j.job(TEXT, S, [A])
            assert o.verdict == "K" and o.tls.startswith("none ") and want in o.tls, (o, o.tls)
            used = len(s.sessions) - before
            assert used == (1 if case in ("454", "501") else 2)
            s.sessions[-1].transport.get_extra_info("socket").shutdown(2)
            time.sleep(0.1)
            o = j.job(TEXT, S, [A])   # a new connection: no second try at TLS so soon
            assert o.verdict == "K" and o.tls.startswith("none "), (o, o.tls)
        assert len(s.sessions) == before + used + 1
        assert len(s.messages) == 2 and (s.bad == [] or case == "garbage")


INJECTED = {
    "behind": (b"220 go\r\n250 evil\r\n",),
    "half": (b"220 go\r\n2",),
    "many": (b"220 go\r\n" + b"250 2.0.0 evil\r\n" * 200,),
}


@pytest.mark.parametrize("how", ["", "tls=required"])
@pytest.mark.parametrize("case", sorted(INJECTED))
def test_injected(rules, server, case, how):
    server.on.update(breaks(*INJECTED[case]))
    o = job(rules, word(server, how) if how else word(server))
    assert o.verdict == "Z" and "somebody in between" in o.text and o.text.endswith("(#4.7.5)"), o
    assert not server.messages and len(server.sessions) == 1
    assert verbs(server.sessions[0]) == ["EHLO", "STARTTLS"], "not one word more in the clear"


def test_injected_before(rules, server):
    """An answer too many behind EHLO's: it would be taken for the one to STARTTLS."""
    server.on["EHLO"] = lambda s, line: b"250-sink.example\r\n250 STARTTLS\r\n220 go\r\n"
    o = job(rules, word(server))
    assert o.verdict == "Z" and "somebody in between" in o.text and verbs(server.sessions[0]) == ["EHLO"], o


def test_injected_late(rules, server):
    """What comes in the clear a little later breaks the handshake, and never counts as an answer."""
    server.on.update(breaks(b"220 go\r\n", 0.2, b"250 evil\r\n"))
    o = job(rules, word(server, "tls=required"))
    assert o.verdict == "Z" and "TLS handshake failed" in o.text and not server.messages, o


def test_offers_in_the_clear_are_forgotten(rules, server):
    def ehlo(session, line):
        if session.version:
            return b"250-sink.example\r\n250 8BITMIME\r\n"
        return b"250-sink.example\r\n250-STARTTLS\r\n250-CHUNKING\r\n250-PIPELINING\r\n250 SIZE 5\r\n"
    server.on["EHLO"] = ehlo
    assert job(rules, word(server)).verdict == "K"
    assert not server.messages[0].chunked
