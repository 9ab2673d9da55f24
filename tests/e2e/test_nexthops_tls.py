"""Real servers as next hops under TLS: Postfix and Exim, each with a good certificate, one signed by itself, one of
another name and an expired one; what arrives is compared byte for byte."""
import re

import pytest

from lib import exim, postfix
from lib.exim import Exim
from lib.messages import CASES, big, without_trace
from lib.postfix import Postfix
from lib.remote import Jobs
from lib.tlssink import make_all

S, R = "s@sender.example", "bob@box.example"
TEXT = b"Subject: x\n\nhello\n.\nend\n"
MIB = 1 << 20
WANT = {"good": None, "self": "self-signed certificate", "wrong": "ostname mismatch",
        "expired": "certificate has expired"}


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return make_all(str(tmp_path_factory.mktemp("certs")), "mx.example")


class PostfixTls(Postfix):
    def __init__(self, certificate, now=False, **settings):
        if now:
            settings["smtpd_tls_wrappermode"] = "yes"
        super().__init__(mailbox_domain="box.example", message_size_limit="0", line_length_limit="2048",
                         smtpd_recipient_restrictions="check_recipient_access inline:{nobody@box.example=REJECT}",
                         **postfix.tls(certificate), **settings)


SERVERS = {"postfix": (PostfixTls, postfix.missing), "exim": (Exim, exim.missing)}


def made(which, *a, **k):
    kind, missing = SERVERS[which]
    why = missing()
    if why:
        pytest.skip(why)
    return kind(*a, **k)


def route(server, certs, *words):
    return ";".join(["127.0.0.1:%d" % server.port, *words,
                     *(["name=mx.example", "ca=%s/cert.pem" % certs["ca"]] if "verify" in "".join(words) else [])])


@pytest.mark.parametrize("which", sorted(SERVERS))
@pytest.mark.parametrize("cert", sorted(WANT))
def test_certificates(rules, certs, which, cert):
    with made(which, certs[cert]) as server:
        with Jobs(rules, route(server, certs, "tls=verify")) as j:
            o = j.job(TEXT, S, [R])
        if WANT[cert]:
            assert o.verdict == "Z" and o.each == "" and WANT[cert] in o.text, o
        else:
            assert (o.each, o.verdict) == ("r", "K") and o.tls.endswith(" ca"), o
        with Jobs(rules, route(server, certs)) as j:
            o = j.job(TEXT, S, [R])
        assert o.verdict == "K" and re.match(r"TLSv1\.3 TLS_\w+ none$", o.tls), o
        got = server.wait(1 if WANT[cert] else 2)
        assert {without_trace(m) for m in got} == {TEXT}, server.said()
        assert all(b"TLS" in m.split(b"Subject")[0] for m in got), "their trace speaks of TLS"


@pytest.mark.parametrize("which", sorted(SERVERS))
def test_now(rules, certs, which):
    with made(which, certs["good"], now=True) as server:
        with Jobs(rules, route(server, certs, "tls=now,verify")) as j:
            o = j.job(TEXT, S, [R])
        assert o.verdict == "K" and o.tls.endswith(" ca"), (o, server.said())
        assert [without_trace(m) for m in server.wait(1)] == [TEXT]


@pytest.mark.parametrize("which", sorted(SERVERS))
def test_messages(rules, certs, which):
    """Many messages, and a large one, over one connection; a recipient that is refused."""
    with made(which, certs["good"]) as server:
        texts = [CASES[n][0] for n in ("plain", "dots", "blank-lines", "from-line", "line-998")] + [big(25 * MIB)]
        with Jobs(rules, route(server, certs, "tls=verify")) as j:
            for text in texts:
                o = j.job(text, S, [R])
                assert o.verdict == "K" and o.tls.endswith(" ca"), o
            o = j.job(TEXT, S, ["nobody@box.example", R])
            assert o.each == "hr" and o.verdict == "K", o
        got = [without_trace(m) for m in server.wait(len(texts) + 1, 60)]
        for text in texts:
            assert text in got, (len(text), [len(m) for m in got])
