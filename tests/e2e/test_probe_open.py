"""relay-probe against servers that are open for one form, one sender or one greeting and closed for all else."""
import re

import pytest

from lib.probe import NO, OK, TARGET, double, forms, probe, run  # noqa: F401
from lib.sink import CLOSE

pytestmark = pytest.mark.once


@pytest.mark.parametrize("form,accepts", [
    ("plain", lambda local, domain: domain == "example.net"),
    ("percent", lambda local, domain: domain == "sink.example" and local == "relay-probe%example.net"),
    ("bang", lambda local, domain: domain == "sink.example" and local == "example.net!relay-probe"),
    ("at-at", lambda local, domain: domain == "sink.example" and local == TARGET),
    ("at, quoted", lambda local, domain: domain == "sink.example" and local == '"%s"' % TARGET),
    ("at, quoted, bare", lambda local, domain: (local, domain) == ('"relay-probe', 'example.net"')),
    ("source route", lambda local, domain: local == "@sink.example:relay-probe" and domain == "example.net"),
    ("percent, bare", lambda local, domain: (local, domain) == ("relay-probe%example.net", "")),
    ("literal outside", lambda local, domain: domain == "[192.0.2.1]"),
    ("IPv6 literal outside", lambda local, domain: domain == "[IPv6:2001:db8::1]"),
    ("UTF-8, wide at", lambda local, domain: domain == "sink.example" and local == "relay-probe\uff20example.net"),
], ids=lambda v: re.sub(r"\W+", "_", v) if isinstance(v, str) else "")
def test_open_for_one_form(double, form, accepts):
    code, report = probe(double(accepts))
    assert code == 1 and form in forms(report, "accepted"), forms(report, "accepted")
    same = {"UTF-8, wide at": {"UTF-8 without SMTPUTF8"}, "percent, bare": {"percent, at without domain"}}
    if form != "plain":
        assert forms(report, "accepted") <= {form} | same.get(form, set())
    assert "sink.example" in report["names"]


@pytest.mark.parametrize("form,verb", [("null sender", b"MAIL FROM:<>"), ("sender here", b"@sink.example>"),
                                       ("sender without domain", b"MAIL FROM:<relay-probe>"),
                                       ("sender vouched by AUTH=", b"AUTH=postmaster@sink.example")])
def test_open_for_one_sender(sinks, form, verb):
    s = sinks()
    s.on["RCPT"] = lambda session, line: OK if verb in session.mail_line and b"example.net>" in line else NO
    code, report = probe(s)
    assert code == 1 and form in forms(report, "accepted")
    assert forms(report, "accepted") <= {form, "sender postmaster here"}


@pytest.mark.parametrize("form,trusts", [
    ("EHLO with its name", "EHLO sink.example"), ("HELO with its name", "HELO sink.example"),
    ("EHLO with its name", "EHLO [127.0.0.1]"), ("HELO localhost", "HELO localhost"),
    ("EHLO localhost", "EHLO localhost")])
def test_open_for_who_says_to_be_it(sinks, form, trusts):
    """It is said on a connection of its own, so that nothing else is taken for it, or refused for it."""
    s = sinks()
    s.on["RCPT"] = lambda session, line: OK if trusts.encode() in session.commands and b"@example.net>" in line else NO
    code, report = probe(s)
    assert code == 1 and forms(report, "accepted") == {form}
    accepted, = [t for t in report["tests"] if t["judgement"] == "accepted"]
    assert accepted["hello"] == trusts
    greetings = [[c for c in n.commands if c.startswith((b"HELO", b"EHLO"))] for n in s.sessions]
    assert all(len(g) == 1 for g in greetings)
    strange = [n for n, g in zip(s.sessions, greetings) if g != [b"EHLO probe.example"]]
    assert len(strange) == 2 * len(report["names"]) + 2
    assert all(sum(c.startswith(b"RCPT") for c in n.commands) == 1 for n in strange)
    row, = [l for l in run(s).stdout.decode().splitlines() if " ACCEPTED " in l]
    assert "after " + trusts in row


@pytest.mark.parametrize("answer,want", [
    (b"550 you are not me\r\n", 0), (b"550 5.7.1 Your IP is banned\r\n", 111), (b"451 later\r\n", 111),
    ((CLOSE,), 111)])
def test_hello_refused(sinks, answer, want):
    s = sinks()
    s.on["RCPT"] = lambda session, line: NO
    for verb in ("HELO", "EHLO"):
        s.on[verb] = lambda session, line: answer if b"sink.example" in line else None
    code, report = probe(s)
    assert code == want and forms(report, "unclear") <= {"EHLO with its name", "HELO with its name"}
    said = [t for t in report["tests"] if t["hello"] and "sink.example" in t["hello"]]
    assert said and all(t["command"] == "HELO" for t in said)


def test_accepts_everything(sinks):
    code, report = probe(sinks(check=False))
    assert code == 1 and "plain" in forms(report, "accepted")
    assert forms(report, "unclear") and not forms(report, "refused")
