"""Recipients of hosted domains, from the rules' text to what the next hop gets: listed, asked from the next hop, and
aliases; and hosts to which anybody may send. The network is really asked, through relay-ask."""
import os
import subprocess

import pytest

from lib.dns import Dns
from lib.explain import explain

STRANGER = "127.0.0.2"


def opened(instance, sender="a@b.example", source=STRANGER):
    d = instance.dialogue(source)
    assert d.reply() == 220 and d.cmd("EHLO c.example") == 250 and d.cmd("MAIL FROM:<%s>" % sender) == 250
    return d


def rcpt(d, address):
    return d.cmd("RCPT TO:<%s>" % address)


@pytest.fixture
def running(instances, sink):
    """A running instance with rules of its own; its mail goes to `sink`."""
    def make(env=None, **control):
        control.setdefault("routes", ":%s\n" % sink.route)
        return instances(env=env, **control).start()
    return make


def only_joe(session, line):
    return None if b"<joe@" in line else b"550 5.1.1 nobody of that name\r\n"


def test_asked(running, sink):
    sink.on["RCPT"] = only_joe
    i = running(domains="hosted.example asked\n")
    with opened(i) as d:
        assert rcpt(d, "joe@hosted.example") == 250
        r = rcpt(d, "jim@hosted.example")
        assert r == 550 and r.enhanced == "5.1.1"
        assert d.cmd("DATA") == 354 and d.cmd("a: b\r\n\r\nc\r\n.") == 250
    sink.wait(1)
    assert sink.messages[0].recipients == ["joe@hosted.example"]
    lines = {e["recipient"]: e for e in i.events(event="recipient")}
    assert lines["joe@hosted.example"]["reason"] == "confirmed" and lines["joe@hosted.example"]["mailbox"] == "yes"
    assert lines["jim@hosted.example"]["rule"] == "domains:1" and "nobody" in lines["jim@hosted.example"]["answer"]


def test_asked_once_for_a_while(running, sink):
    """A second connection gets the kept answer: the next hop hears nothing of it."""
    sink.on["RCPT"] = only_joe
    i = running(domains="hosted.example asked\n")
    for _ in range(3):
        with opened(i) as d:
            assert rcpt(d, "joe@hosted.example") == 250 and rcpt(d, "jim@hosted.example") == 550
    events = i.events(event="asked")
    assert len(events) == 6 and sum("cached" not in e or e["cached"] in ("no", "0") for e in events) == 2, events


def test_cannot_be_asked(running, sink):
    i = running(domains="hosted.example asked\nother.example\n")
    sink.close()
    with opened(i) as d:
        r = rcpt(d, "joe@hosted.example")
        assert r == 451 and r.enhanced == "4.4.1"
        assert rcpt(d, "joe@other.example") == 250, "only the asked domain waits for its next hop"
    assert i.events(event="recipient")[0]["reason"] == "recipient-unconfirmed"


def test_no_program_to_ask_with(running):
    i = running(env={"RELAYASK": "/nonexistent/relay-ask"}, domains="hosted.example asked\nother.example\n")
    with opened(i) as d:
        assert [rcpt(d, "joe@hosted.example") for _ in range(5)] == [451] * 5
        assert rcpt(d, "joe@other.example") == 250


def test_listed(running, sink):
    i = running(domains="hosted.example listed\n", recipients="Joe@hosted.example\njim+*@hosted.example\n")
    with opened(i) as d:
        for good in ("joe@hosted.example", "JOE@Hosted.Example.", "jim+x@hosted.example", "postmaster@hosted.example"):
            assert rcpt(d, good) == 250, good
        for bad in ("jim@hosted.example", "joe+x@hosted.example", "joe@sub.hosted.example"):
            r = rcpt(d, bad)
            assert r == 550 and r.enhanced == ("5.7.1" if "sub" in bad else "5.1.1"), bad


def test_aliases(running, sink):
    """One to many, one of them elsewhere: no relaying, as the operator wrote it. Aliases of aliases are replaced."""
    i = running(domains="hosted.example listed\n", recipients="joe@hosted.example\n", relay="grant clients\n",
                aliases="sales@hosted.example joe@hosted.example ann@elsewhere.example\n"
                        "all@hosted.example sales@hosted.example joe@hosted.example all@hosted.example\n"
                        "@hosted.example joe@hosted.example\n")
    with opened(i) as d:
        assert rcpt(d, "All@hosted.example") == 250 and rcpt(d, "whoever@hosted.example") == 250
        assert rcpt(d, "ann@elsewhere.example") == 550, "the target is still no recipient for strangers"
        assert d.cmd("DATA") == 354 and d.cmd("a: b\r\n\r\nc\r\n.") == 250
    i.wait_empty()
    assert sorted({r for m in sink.messages for r in m.recipients}) == [
        "all@hosted.example", "ann@elsewhere.example", "joe@hosted.example"]
    assert {e["reason"] for e in i.events(event="recipient") if e["verdict"] == "accepted"} == {"alias"}


def test_to_host(running):
    """The backup of 192.0.2.0/24: whose mail goes there, and nowhere else (as a route may lead), is for anybody."""
    names = {"inside.example": {"MX": [(10, "mx.inside.example")]}, "mx.inside.example": {"A": ["192.0.2.7"]},
             "half.example": {"MX": [(10, "mx.inside.example"), (20, "mx.outside.example")]},
             "mx.outside.example": {"A": ["198.51.100.7"]}, "outside.example": {"MX": [(10, "mx.outside.example")]},
             "backup.example": {"MX": [(10, "mx.inside.example"), (20, "relay.example"), (30, "mx.outside.example")]},
             "routed.example": {"MX": [(10, "mx.inside.example")]}, "broken.example": "servfail",
             "bare.example": {"A": ["192.0.2.8"]}}
    with Dns(names) as dns:
        i = running(env={"DNSCACHEIP": dns.where}, relay="grant clients\ngrant to-host 192.0.2.0/24\n",
                    routes="routed.example:127.0.0.1:1\n")
        with opened(i) as d:
            for domain, code in (("inside", 250), ("half", 550), ("outside", 550), ("backup", 250), ("bare", 250),
                                 ("nowhere", 550), ("broken", 451), ("routed", 550)):
                assert rcpt(d, "x@%s.example" % domain) == code, domain
        e = {e["recipient"]: e for e in i.events(event="recipient")}
        assert e["x@inside.example"]["reason"] == "to-host" and e["x@inside.example"]["rule"] == "relay:2"
        assert e["x@half.example"]["mx"] == "192.0.2.7,198.51.100.7"
        asked = len(dns.asked)
        with opened(i, source="127.0.0.1") as d:
            assert rcpt(d, "x@outside.example") == 250
        assert len(dns.asked) == asked, "whom another grant lets through needs no DNS"


def test_a_changed_recipient_s_line_of_the_log(running, sink):
    """Both recipients are asked about, as given and with RELAYCLIENT's value behind; the line has both answers, so that
    relay-explain says the same of it."""
    sink.on["RCPT"] = lambda s, line: b"550 5.1.1 nobody\r\n" if b".inner>" in line and b"<joe@" not in line else None
    i = running(domains="hosted.example asked\nhosted.example.inner asked\n",
                clients='127.0.0.1:allow,RELAYCLIENT=".inner"\n')
    with opened(i, source="127.0.0.1") as d:
        assert rcpt(d, "joe@hosted.example") == 250 and rcpt(d, "jim@hosted.example") == 550
    lines = [l for l in i.log().splitlines() if " event=recipient " in l]
    assert " mailbox=yes becomes-mailbox=yes" in lines[0] and " mailbox=yes becomes-mailbox=no answer=" in lines[1]
    for line, verdict, reason in zip(lines, ("accepted", "refused"), ("confirmed", "no-such-recipient")):
        found = explain(i.rules, "--log", line)
        assert found["logged"]["same"] and (found["verdict"], found["reason"]) == (verdict, reason), line


def test_unconfirmed_recipients_are_not_the_client_s_errors(running, sink):
    """However many the message has: the session goes on, and others are taken."""
    sink.on["RCPT"] = lambda s, line: b"450 4.2.0 later\r\n"
    i = running(domains="hosted.example asked\nlisted.example\n")
    with opened(i) as d:
        assert [rcpt(d, "%d@hosted.example" % n).code for n in range(30)] == 30 * [451]
        assert rcpt(d, "x@listed.example") == 250 and d.cmd("QUIT") == 221
    assert sum(c.startswith(b"RCPT") for s in sink.sessions for c in s.commands) == 10


def test_relay_smtpd_links_no_resolver(instances):
    i = instances()
    names = subprocess.run(["nm", "-a", os.path.join(i.bin, "relay-smtpd")], stdout=subprocess.PIPE, check=True).stdout
    assert b" session_rcpt" in names and b"ask_question" in names
    assert not [n for n in names.split() if n.startswith((b"res_n", b"__res_n", b"resolver_", b"ns_init", b"mx_find"))]
