"""The options about where mail goes: rows 1 to 3, 15, 16 and 24 to 28 of the table of options, from the rules' text to
what the next hop gets."""
import os
import smtplib

import pytest

from lib.dns import Dns
from lib.procs import BIN, free_port, wait_for
from lib.rows import ANN, CLIENT, EVE, JOE, STRANGER, ask, listening, rejected, send
from lib.sink import Sink

LOCAL = "bob@hosted.example"
VIRUS = b"Subject: invoice\n\nX-TEST-VIRUS\n"


def test_row_01_only_mail_for_hosted_domains(instances, sink):
    i = instances(relay="", clients="", domains="hosted.example\n.wide.example\n", routes=":%s\n" % sink.route).start()
    for hosted in (JOE, "X@HOSTED.Example.", "y@a.b.wide.example"):
        assert ask(i, EVE, hosted).reason == "hosted", hosted
    for other in (ANN, "x@sub.hosted.example", "y@wide.example", "x@hosted.example.org", "x@[127.0.0.1]"):
        a = ask(i, EVE, other)
        assert (a.code, a.enhanced) == (550, "5.7.1"), other
    for onward in ("a%b@hosted.example", "b!a@y.a.wide.example", '"a@b"@hosted.example',
                   "ann%elsewhere.example@third.example"):
        a = ask(i, EVE, onward)
        assert (a.code, a.enhanced, a.reason) == (553, "5.1.3", "onward-routing"), onward
    assert send(i, EVE, JOE, STRANGER) == 250 and sink.wait(1)[0].recipients == [JOE]
    assert send(i, EVE, ANN, STRANGER) == 550
    i.compile(domains="other.example\n")
    assert ask(i, EVE, JOE).refused and ask(i, EVE, "x@other.example").granted


def test_row_01_a_recipient_that_cannot_be_asked_for_now(instances, sink):
    """A hosted domain whose next hop knows the mailboxes: nothing is taken that was not confirmed."""
    i = listening(instances, relay="", clients="", domains="hosted.example asked\n", routes=":%s\n" % sink.route)
    sink.on["RCPT"] = lambda session, line: b"450 4.2.0 later\r\n" if b"<busy@" in line else (
        b"550 5.1.1 nobody\r\n" if b"<gone@" in line else None)
    assert ask(i, EVE, JOE).reason == "confirmed" and ask(i, EVE, "gone@hosted.example").code == 550
    a = ask(i, EVE, "busy@hosted.example")
    assert (a.code, a.enhanced) == (451, "4.4.1")
    i.compile(routes=":127.0.0.1:%d\n" % free_port())
    assert ask(i, EVE, "new@hosted.example").code == 451, "nobody listens there"


def test_row_02_mail_out_to_any_domain_for_those_who_may(instances, sink):
    i = instances(routes=":%s\n" % sink.route).start()
    out = [ANN, "x@third.example", "y@deep.below.example.net", "z@[192.0.2.1]"]
    for to in out:
        assert send(i, LOCAL, to) == 250, to
        assert ask(i, LOCAL, to, STRANGER).refused, to
    assert sorted(m.recipients[0] for m in sink.wait(len(out))) == sorted(out)


def test_row_03_domains_that_nobody_may_send_to(instances):
    i = listening(instances, domains="hosted.example\n", relay="grant clients\ndeny to competitor.example\n"
                  "deny to .rivals.example\ndeny to boss@partner.example\ndeny to old@hosted.example\n")
    for line, to in ((2, "x@competitor.example"), (2, "X@Competitor.EXAMPLE."), (3, "x@a.rivals.example"),
                     (4, "Boss@partner.example"), (5, "old@hosted.example")):
        for source in (CLIENT, STRANGER):
            a = ask(i, LOCAL, to, source)
            assert (a.code, a.enhanced, a.reason, a.rule) == (550, "5.7.1", "denied", "relay:%d" % line), to
    for to in ("x@sub.competitor.example", "x@rivals.example", "ann@partner.example", JOE):
        assert ask(i, LOCAL, to, CLIENT).granted, to
    i.compile(relay="grant clients\n")
    assert ask(i, LOCAL, "x@competitor.example", CLIENT).granted


def test_row_15_always_to_these_recipients(instances):
    i = listening(instances, clients="", relay="grant to partner.example\ngrant to .partner.example\n"
                                               "grant to ann@elsewhere.example\n")
    for line, to in ((1, "x@partner.example"), (2, "x@sub.partner.example"), (3, ANN), (3, "Ann@Elsewhere.example")):
        assert ask(i, EVE, to).by == "to relay:%d" % line, to
    for to in ("other@elsewhere.example", "x@third.example", "x@partner.example.org",
               "ann%elsewhere.example@partner.example"):
        assert ask(i, EVE, to).refused, to
    i.compile(relay="grant clients\n")
    assert ask(i, EVE, "x@partner.example").refused


def test_row_16_relay_to_the_listed_addresses(instances):
    """A backup: whose mail exchangers are all in the prefix."""
    names = {"in.example": {"MX": [(10, "mx.in.example")]}, "mx.in.example": {"A": ["192.0.2.7"]},
             "out.example": {"MX": [(10, "mx.out.example")]}, "mx.out.example": {"A": ["198.51.100.7"]},
             "both.example": {"MX": [(10, "mx.in.example"), (20, "mx.out.example")]}, "down.example": "servfail",
             "six.example": {"MX": [(5, "mx.six.example")]}, "mx.six.example": {"AAAA": ["2001:db8::7"]}}
    with Dns(names) as dns:
        i = listening(instances, env={"DNSCACHEIP": dns.where}, clients="",
                      relay="grant to-host 192.0.2.0/24\ngrant to-host 2001:db8::/64\n")
        assert ask(i, EVE, "x@in.example").by == "to-host relay:1"
        assert ask(i, EVE, "x@six.example").by == "to-host relay:2"
        for to, code in (("out", 550), ("both", 550), ("gone", 550), ("down", 451)):
            assert ask(i, EVE, "x@%s.example" % to).code == code, to
        for literal in ("x@[192.0.2.7]", "x@[IPv6:2001:db8::7]"):
            assert ask(i, EVE, literal).code == 550, "%s is no domain whose exchangers are there" % literal
        i.compile(routes="in.example:192.0.2.9\n")
        assert ask(i, EVE, "x@in.example").refused and ask(i, EVE, "x@six.example").granted, "a route leads elsewhere"
        i.compile(routes="")
        assert ask(i, EVE, "x@in.example").granted
        # what a route sends elsewhere is not looked at: its exchangers don't get the mail
        i.compile(routes="in.example:198.51.100.7\n")
        assert ask(i, EVE, "x@in.example").code == 550 and ask(i, EVE, "x@down.example").code == 451
        assert ask(i, EVE, "x@six.example").by == "to-host relay:2"
        i.compile(routes=":198.51.100.7\nsix.example:\n")
        assert ask(i, EVE, "x@in.example").code == 550 and ask(i, EVE, "x@down.example").code == 550
        assert ask(i, EVE, "x@six.example").by == "to-host relay:2"
        i.compile(relay="grant clients\n", routes="")
        assert ask(i, EVE, "x@in.example").refused
    rejected(instances, relay="grant to-host mx.in.example\n")


def test_row_24_next_hop_per_domain(instances, sinks):
    inner, scanner, rest = sinks(), sinks(), sinks()
    routes = ("hosted.example", inner), (".scanned.example", scanner), ("scanned.example", scanner), ("", rest)
    i = instances(domains="hosted.example\nscanned.example\n.scanned.example\n",
                  routes="".join("%s:%s\n" % (domain, s.route) for domain, s in routes)).start()
    wanted = {JOE: inner, "x@scanned.example": scanner, "y@a.scanned.example": scanner, ANN: rest}
    for to in wanted:
        assert send(i, LOCAL, to) == 250
    i.wait_empty()
    assert {to: s for s in (inner, scanner, rest) for m in s.messages for to in m.recipients} == wanted
    i.compile(routes=":%s\n" % rest.route)

    def to_rest():
        assert send(i, LOCAL, JOE) == 250
        i.wait_empty()
        return JOE in [m.recipients[0] for m in rest.messages]
    wait_for(to_rest, 5, "the new route")   # relay-send looks after the rules once a second
    inner_had, rest_had = len(inner.messages), len(rest.messages)
    assert to_rest() and (len(inner.messages), len(rest.messages)) == (inner_had, rest_had + 1)


OURS = """#!/bin/sh
exec %(bin)s/relay-through -r %(rules)s -R %(bin)s/relay-remote
"""

# Where there is no relay-through the injector is somebody else's
THROUGH = """#!/bin/sh
umask 077
cat >%(dir)s/mess.$$
cat <&1 >%(dir)s/envelope.$$
set -- $(tr '\\0' '\\n' <%(dir)s/envelope.$$ | sed 's/^.//')
sender=$1; shift
answer=$(relay-remote -r %(rules)s "${1##*@}" "$sender" "$@" <%(dir)s/mess.$$ | tr '\\0' '\\n' | tail -n 1)
rm %(dir)s/mess.$$ %(dir)s/envelope.$$
case $answer in K*) exit 0 ;; D*) exit 31 ;; *) exit 71 ;; esac
"""


def script(instance, name, text):
    path = instance.path(name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def test_row_25_no_messages_stored_on_the_relay(instances, sink):
    """Each message goes to the next hop while the client waits, and the next hop's verdict is the answer. Who may relay
    is decided before: what is refused never gets there."""
    i = instances(routes=":%s\n" % sink.route)
    text = OURS if os.path.exists(os.path.join(BIN, "relay-through")) else THROUGH
    i.extra["QMAILQUEUE"] = script(i, "through", text % {"dir": i.dir, "rules": i.rules, "bin": BIN})
    i.compile()
    i.receive()
    for verdict, code in ((None, 250), (b"554 5.6.0 not that\r\n", 554), (b"451 4.3.0 later\r\n", 451)):
        sink.on["."] = lambda session, line: verdict
        r = send(i, LOCAL, ANN)
        assert r == code, "the next hop's verdict is ours: %r" % r
        assert not i.queued()
    assert len(sink.messages) == 1
    assert send(i, LOCAL, ANN, STRANGER) == 550 and len(sink.sessions) == 3, "the next hop does not hear of it"


SCREEN = """#!/bin/sh
umask 077
cat >%(dir)s/mess.$$
if grep -qi '^content-disposition: attachment' %(dir)s/mess.$$; then rm %(dir)s/mess.$$; exit 31; fi
relay-queue <%(dir)s/mess.$$
code=$?
rm %(dir)s/mess.$$
exit $code
"""


def test_row_26_message_blocked_for_its_attachment(instances, sink):
    """A filter of somebody's, in and out; and only where the rules say so."""
    i = instances(routes=":%s\n" % sink.route)
    screen = script(i, "screen", SCREEN % {"dir": i.dir})
    i.write(clients='127.0.0.1:allow,RELAYCLIENT="",QMAILQUEUE="%s"\n:allow,QMAILQUEUE="%s"\n'
                    '127.0.0.5:allow,RELAYCLIENT=""\n' % (screen, screen))
    i.start()
    bad = b"Subject: x\nContent-Disposition: attachment; filename=x.exe\n\nMZ\n"
    for sender, to, source in ((LOCAL, ANN, CLIENT), (EVE, JOE, STRANGER)):
        r = send(i, sender, to, source, bad)
        assert r.code == 554, r
        assert send(i, sender, to, source) == 250
    assert send(i, LOCAL, ANN, "127.0.0.5", bad) == 250, "who has no filter"
    assert sorted(b"MZ" in m.data for m in sink.wait(3)) == [False, False, True]
    assert send(i, EVE, ANN, STRANGER, bad) == 550, "who may not relay is refused before any filter"


def test_row_27_virus_scanner_behind_the_relay(instances, sinks):
    """By a route: the scanner takes what is clean on to the mailboxes, and refuses the rest: the sender hears of it."""
    inner, scanner, rest = sinks(), sinks(), sinks()

    def scan(session, line):
        if b"X-TEST-VIRUS" in session.pending:
            return b"554 5.7.0 infected\r\n"
        with smtplib.SMTP(inner.host, inner.port, timeout=10) as s:
            s.sendmail(session.sender, session.recipients, session.pending)
        return None
    scanner.on["."] = scan
    i = instances(routes="hosted.example:%s\n:%s\n" % (scanner.route, rest.route)).start()
    assert send(i, EVE, JOE, STRANGER) == 250 and send(i, EVE, JOE, STRANGER, VIRUS) == 250
    inner.wait(1)
    i.wait_empty()
    assert [m.recipients for m in inner.messages] == [[JOE]] and b"VIRUS" not in inner.messages[0].data
    bounce = rest.wait(1)[0]
    assert bounce.sender == "" and bounce.recipients == [EVE] and b"infected" in bounce.data
    i.compile(routes=":%s\n" % inner.route)
    assert len(scanner.sessions) >= 1 and ask(i, EVE, ANN).refused


@pytest.mark.parametrize("how", ["udp", "tcp"])
def test_row_28_mail_exchangers_over_udp_and_tcp(instances, net, how):
    """relay-send and relay-remote find the mail exchanger; over TCP when the answer does not fit into a packet."""
    many = [(20, "a-rather-long-name-of-a-spare-mail-exchanger-%02d.elsewhere.example" % n) for n in range(20)]
    names = {"elsewhere.example": {"MX": [(10, "mx.elsewhere.example")] + (many if how == "tcp" else [])},
             "mx.elsewhere.example": {"A": ["10.99.0.2"]}}
    with net.there():
        sink = Sink("10.99.0.2", 25)
    with net.here():
        dns = Dns(names, host="10.99.0.1")
    with sink, dns:
        i = instances(env={"DNSCACHEIP": dns.where})
        i.compile()
        i.receive()
        i.send(preexec=net.enter_here)
        assert send(i, LOCAL, ANN) == 250 and sink.wait(1)[0].recipients == [ANN]
        i.wait_empty()
    asked = {h for n, kind, h in dns.asked if (n, kind) == ("elsewhere.example", "MX")}
    assert asked == ({"udp"} if how == "udp" else {"udp", "tcp"})
