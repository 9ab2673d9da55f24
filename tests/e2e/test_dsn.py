"""Delivery status notifications: what a client asks for (RFC 3461) is passed on to who offers DSN, and for others
reported by us (RFC 3464); read by Python's parser of MIME, and by Postfix."""
import email
import email.policy
import os
import signal
import time

import pytest

from lib.instance import due_now
from lib.postfix import Postfix, missing
from lib.procs import wait_for
from lib.sink import EXTENSIONS, Sink

SENDER = "alice@outside.example"
DATA = b"Subject: wanted\nX-Eight: \xc3\xbc\n\nThe text.\n"
MAIL = " RET=HDRS ENVID=Q+20Q1"


class Report:
    def __init__(self, message):
        assert message.sender == "" and message.recipients == [SENDER]
        m = email.message_from_bytes(message.lf, policy=email.policy.default)
        assert m.get_content_type() == "multipart/report" and m.get_param("report-type") == "delivery-status"
        assert not m.defects and m["Auto-Submitted"] == "auto-replied" and m["To"] == SENDER
        words, status, third = m.iter_parts()
        self.subject, self.words, self.third = m["Subject"], words.get_content(), third
        assert status.get_content_type() == "message/delivery-status"
        self.whole, *self.each = [{k: str(v) for k, v in part.items()} for part in status.get_payload()]
        assert self.whole["Reporting-MTA"] == "dns; relay.example" and "Arrival-Date" in self.whole

    def of(self, address):
        found, = [e for e in self.each if e["Final-Recipient"] == "rfc822;" + address]
        return found


def reports(sink, n=1):
    wait_for(lambda: sum(not m.sender for m in sink.messages) >= n, 20, "%d reports" % n)
    return [Report(m) for m in sink.messages if not m.sender]


def give(instance, rcpts, mail=MAIL, data=DATA):
    with instance.dialogue() as d:
        assert "DSN" in d.hello()
        d.ok("MAIL FROM:<%s> BODY=8BITMIME%s" % (SENDER, mail))
        for address, parameters in rcpts:
            d.ok("RCPT TO:<%s>%s" % (address, parameters))
        d.ok("DATA", 354)
        d.send(data.replace(b"\n", b"\r\n") + b".\r\n")
        assert d.reply().code == 250
        d.quit()


@pytest.fixture
def sink():
    with Sink() as s:
        yield s


@pytest.fixture
def relay(instances, sink):
    return instances(routes=":%s\n" % sink.route).start()


def test_success_to_a_server_without_dsn(relay, sink):
    give(relay, [("one@far.example", " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;First+2BOne@far.example"),
                 ("two@far.example", ""), ("three@far.example", " NOTIFY=NEVER")])
    r, = reports(sink)
    relay.wait_empty()
    assert r.subject == "Delivery Status Notification (Success)" and r.whole["Original-Envelope-Id"] == "Q Q1"
    only, = r.each
    assert only["Final-Recipient"] == "rfc822;one@far.example" and only["Action"] == "relayed"
    assert only["Original-Recipient"] == "rfc822;First+One@far.example" and only["Status"].startswith("2.")
    assert only["Diagnostic-Code"].startswith("smtp; 250") and "two@" not in r.words
    assert r.third.get_content_type() == "text/rfc822-headers" and "The text." not in r.third.as_string()
    first = [m for m in sink.messages if m.sender][0]
    assert b"ENVID" not in first.mail and not any(b"NOTIFY" in l or b"ORCPT" in l for l in first.rcpt_lines)
    assert len(sink.messages) == 2


def test_passed_on_to_a_server_with_dsn(relay, sink):
    sink.extensions = EXTENSIONS + ("DSN",)
    give(relay, [("one@far.example", " NOTIFY=delay,success ORCPT=rfc822;o@x.example"), ("two@far.example", "")])
    relay.wait_empty()
    m, = sink.messages
    assert m.mail.endswith(b" RET=HDRS ENVID=Q+20Q1")
    assert sorted(m.rcpt_lines) == [b"RCPT TO:<one@far.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o@x.example",
                                    b"RCPT TO:<two@far.example>"]
    assert not relay.events("send", "bounce")


def test_strangers_get_no_report_of_success(instances, sink):
    """Their senders may be forged."""
    i = instances(routes=":%s\n" % sink.route, domains="far.example any\n",
                  aliases="all@far.example one@far.example two@far.example\n").start()
    with i.dialogue(source="127.0.0.2") as d:
        d.hello()
        for address, parameters in (("x@far.example", "SUCCESS,FAILURE"), ("all@far.example", "SUCCESS")):
            d.ok("MAIL FROM:<%s>" % SENDER)
            d.ok("RCPT TO:<%s> NOTIFY=%s" % (address, parameters))
            d.ok("DATA", 354)
            d.send(b"a: b\r\n\r\nc\r\n.\r\n")
            assert d.reply().code == 250
    sink.wait(2)
    i.wait_empty()
    assert all(m.sender for m in sink.messages) and not i.events("send", "bounce")


def refuse(session, line):
    return b"550 5.1.1 no such user\r\n" if b"bad" in line else None


@pytest.mark.parametrize("extensions", [EXTENSIONS, EXTENSIONS + ("DSN",)], ids=["without", "with"])
def test_failure_is_ours_in_either_case(relay, sink, extensions):
    sink.extensions = extensions
    sink.on["RCPT"] = refuse
    give(relay, [("bad1@far.example", " NOTIFY=NEVER"), ("bad2@far.example", " NOTIFY=SUCCESS"),
                 ("bad3@far.example", ""), ("bad4@far.example", " NOTIFY=FAILURE")])
    r, = reports(sink)
    relay.wait_empty()
    assert sorted(e["Final-Recipient"] for e in r.each) == ["rfc822;bad3@far.example", "rfc822;bad4@far.example"]
    e = r.of("bad3@far.example")
    assert (e["Action"], e["Status"], e["Diagnostic-Code"]) == ("failed", "5.1.1", "smtp; 550 5.1.1 no such user")
    assert e["Remote-MTA"] and len(sink.messages) == 1


def test_nobody_wants_to_hear(relay, sink):
    sink.on["RCPT"] = refuse
    give(relay, [("bad@far.example", " NOTIFY=NEVER")])
    relay.wait_empty()
    assert not sink.messages and relay.events("send", "unreported") and not relay.events("send", "bounce")


@pytest.mark.parametrize("ret, kind", [(" RET=FULL", "message/rfc822"), ("", "text/rfc822-headers"),
                                       (" RET=HDRS", "text/rfc822-headers")])
def test_ret(relay, sink, ret, kind):
    sink.on["RCPT"] = refuse
    give(relay, [("bad@far.example", "")], mail=ret)
    r, = reports(sink)
    assert r.third.get_content_type() == kind and r.third["Content-Transfer-Encoding"] == "8bit"
    whole = [m for m in sink.messages if not m.sender][0].lf
    assert whole.partition(b"\n\n")[0].count(b"\nContent-Transfer-Encoding: 8bit") == 1  # RFC 2045 6.4
    assert (b"\nX-Eight: \xc3\xbc\n\nThe text.\n" in whole) == (ret == " RET=FULL")
    assert b"\nX-Eight: \xc3\xbc\n" in whole


def test_internationalised(relay, sink):
    """The report to an ASCII address is ASCII: it goes through servers without SMTPUTF8. And that was the reason."""
    sink.extensions = tuple(e for e in EXTENSIONS if e != "SMTPUTF8")
    address = "ren\u00e9@far.example"
    with relay.dialogue() as d:
        d.hello()
        d.ok("MAIL FROM:<%s> SMTPUTF8 RET=FULL" % SENDER)
        d.ok(("RCPT TO:<%s> ORCPT=utf-8;%s" % (address, address)).encode())
        d.ok("DATA", 354)
        d.send("Subject: \u00fc\r\n\r\ntext\r\n.\r\n".encode())
        assert d.reply().code == 250
    r, = reports(sink)
    message, = sink.messages
    assert all(c < 128 for c in message.data) and b"SMTPUTF8" not in message.mail
    only, = r.each
    assert only["Final-Recipient"] == only["Original-Recipient"] == "utf-8;ren\\x{E9}@far.example"
    assert only["Action"] == "failed" and only["Status"] == "5.6.7" and "internationalised" in r.words
    assert r.third.get_content_type() == "message/global" and "Content-Transfer-Encoding: base64" in message.lf.decode()


@pytest.mark.parametrize("line", [
    "MAIL FROM:<%s> RET=NONE", "MAIL FROM:<%s> RET", "MAIL FROM:<%s> RET=FULL RET=HDRS", "MAIL FROM:<%s> ENVID=a+",
    "MAIL FROM:<%s> ENVID=a+0Ab", "MAIL FROM:<%s> ENVID=" + 101 * "x", "MAIL FROM:<%s> ENVID=a ENVID=b"])
def test_wrong_parameters_of_mail(relay, line):
    with relay.dialogue() as d:
        d.hello()
        r = d.cmd(line % SENDER)
        assert (r.code, r.enhanced) == (501, "5.5.4")
        d.ok("MAIL FROM:<%s>" % SENDER)


def test_wrong_parameters_of_rcpt(relay):
    with relay.dialogue() as d:
        d.hello()
        d.ok("MAIL FROM:<%s>" % SENDER)
        for bad in ("NOTIFY", "NOTIFY=", "NOTIFY=NEVER,SUCCESS", "NOTIFY=SOMETIMES", "NOTIFY=DELAY,DELAY", "ORCPT=a@b",
                    "ORCPT=rfc822;a+b", "NOTIFY=NEVER NOTIFY=NEVER", "ORCPT=rfc822;" + 494 * "x"):
            r = d.cmd("RCPT TO:<x@far.example> " + bad)
            assert (r.code, r.enhanced) == (501, "5.5.4"), bad
        for foreign in ("RET=FULL", "ENVID=x", "EXPANDED"):
            r = d.cmd("RCPT TO:<x@far.example> " + foreign)
            assert (r.code, r.enhanced) == (555, "5.5.4"), foreign
        d.ok("RCPT TO:<x@far.example> NOTIFY=NEVER")


def test_not_offered(instances, sink):
    i = instances(routes=":%s\n" % sink.route)
    i.compile()
    i.receive(i.chain(smtpd=("-D",)))
    with i.dialogue() as d:
        assert "DSN" not in d.hello()
        assert d.cmd("MAIL FROM:<%s> RET=FULL" % SENDER).code == 555


def test_delay_is_told_once(instances, sink):
    sink.on["RCPT"] = lambda session, line: b"451 4.7.1 later\r\n" if b"far" in line else None
    i = instances(routes=":%s\n" % sink.route, limits="warn-time 1\n").start()
    give(i, [("one@far.example", ""), ("two@far.example", " NOTIFY=FAILURE"), ("three@far.example", " NOTIFY=DELAY")])
    wait_for(lambda: i.events("send", "defer"), 20, "the first try")
    time.sleep(1.1)
    for n in range(2, 5):
        if n == 4:  # the file knows it
            i.sender.stop()
            due_now(i)
            i.send()
        else:
            os.kill(i.sender.pid, signal.SIGALRM)
        wait_for(lambda: sum(e["to"] == "one@far.example" for e in i.events("send", "delivery")) >= n, 20, "try %d" % n)
        reports(sink)
    time.sleep(0.5)
    r, = reports(sink)
    assert r.subject == "Delivery Status Notification (Delay)"
    assert sorted(e["Final-Recipient"] for e in r.each) == ["rfc822;one@far.example", "rfc822;three@far.example"]
    assert all(e["Action"] == "delayed" and e["Status"] == "4.7.1" and e["Will-Retry-Until"] for e in r.each)


def test_alias(instances, sink):
    i = instances(routes=":%s\n" % sink.route, aliases="all@hosted.example one@far.example two@far.example\n").start()
    give(i, [("all@hosted.example", " NOTIFY=SUCCESS,FAILURE")])
    r, = reports(sink)
    i.wait_empty()
    only, = r.each
    assert only["Final-Recipient"] == "rfc822;all@hosted.example" and only["Action"] == "expanded"
    first, = [m for m in sink.messages if m.sender]
    assert sorted(first.recipients) == ["one@far.example", "two@far.example"] and len(sink.messages) == 2


def test_a_report_that_was_lost_is_made_up_for(instances, sink):
    """relay-send is killed between the delivery and its report: the file knows that one is owed."""
    hook = b"#!/bin/sh\nexec sleep 60\n"
    i = instances(routes=":%s\n" % sink.route)
    slow = i.path("slow")
    with open(slow, "wb") as f:
        f.write(hook)
    os.chmod(slow, 0o755)
    i.extra["RELAYBOUNCE"] = slow
    i.start()
    give(i, [("one@far.example", " NOTIFY=SUCCESS")])
    wait_for(lambda: i.events("send", "bounce"), 20, "the report begun")
    os.kill(i.sender.pid, signal.SIGKILL)
    i.sender.stop()
    del i.extra["RELAYBOUNCE"]
    i.send()
    r, = reports(sink)
    i.wait_empty()
    assert r.of("one@far.example")["Action"] == "relayed" and sum(bool(m.sender) for m in sink.messages) == 1


def test_through(instances, sink):
    """Without a queue: passed on."""
    sink.extensions = EXTENSIONS + ("DSN",)
    i = instances(routes=":%s\n" % sink.route)
    i.compile()
    through = i.path("through")
    with open(through, "w") as f:
        f.write("#!/bin/sh\nexec relay-through -r %s -R %s/relay-remote\n" % (i.rules, i.bin))
    os.chmod(through, 0o755)
    i.extra["QMAILQUEUE"] = through
    i.receive()
    give(i, [("one@far.example", " NOTIFY=NEVER"), ("two@far.example", "")])
    m, = sink.messages
    assert m.mail.endswith(b" RET=HDRS ENVID=Q+20Q1")
    assert m.rcpt_lines == [b"RCPT TO:<one@far.example> NOTIFY=NEVER", b"RCPT TO:<two@far.example>"]


@pytest.mark.skipif(bool(missing()), reason=missing())
@pytest.mark.parametrize("dsn", [True, False], ids=["with", "without"])
def test_postfix(instances, sink, dsn):
    with Postfix(mailbox_domain="box.example", relayhost="[127.0.0.1]:%d" % sink.port,
                 smtpd_discard_ehlo_keywords="" if dsn else "dsn") as p:
        i = instances(routes="box.example:127.0.0.1:%d\n:%s\n" % (p.port, sink.route)).start()
        give(i, [("bob@box.example", " NOTIFY=SUCCESS ORCPT=rfc822;Bobby@old.example")])
        wait_for(lambda: sink.messages, 30, "a report")
        p.wait(1)
        i.wait_empty()
        text = sink.messages[0].lf.decode()
        assert "Original-Envelope-Id: Q Q1" in text.replace("+20", " ")
        assert "rfc822;Bobby@old.example" in text.replace("; ", ";")
        assert ("Action: delivered" in text) == dsn and ("Action: relayed" in text) != dsn
        assert ("dns; postfix.example" in text.split("Reporting-MTA: ")[1][:40]) == dsn and len(sink.messages) == 1
