"""relay-send's bounces, over doubles of relay-remote: for whom, when, and what comes of those that can't be sent."""
import os
import re
import signal
import subprocess
import tempfile
import time

import pytest

from doubles.spool import BIN, BODY, new_id
from lib.procs import wait_for


def test_partial_results_are_marked_and_bounced(spool):
    spool.start()
    ident = spool.inject(["ok@one.example", "perm@one.example", "temp@one.example", "ok@dead.example",
                          "ok2@two.example"])
    spool.wait_event("defer", id=ident)
    assert spool.marks(ident) == {"ok@one.example": True, "perm@one.example": True, "temp@one.example": False,
                                  "ok@dead.example": False, "ok2@two.example": True}
    spool.wait_deliveries(3)
    bounce, = spool.deliveries(**{"from": ""})
    assert bounce["to"] == ["a@b.example"]
    head, text = bounce["body"].split("\n\n", 1)
    assert "To: <a@b.example>" in head and "<MAILER-DAEMON@relay.example>\n" in head
    assert "Auto-Submitted: auto-replied" in head
    assert re.search(r"^Date: \w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d \+0000$", head, re.M)
    assert "This is the mail relay at relay.example, about" in text and ident in text
    assert "\n<perm@one.example>:\n  He said: 550 no such? ?[31muser\n" in text
    assert "temp@" not in text and "\x1b" not in text
    assert "Content-Type: text/rfc822-headers\n\nSubject: test\nFrom: a@b.example\n\n--=_" in text
    mtime = os.stat(spool.path(ident)).st_mtime  # is the next try
    assert 150 < mtime - time.time() < 400


def test_double_bounce_is_logged_and_dropped(spool):
    spool.start()
    ident = spool.inject(["perm@one.example", "ok@one.example"], sender="")
    spool.wait_empty()
    assert spool.events("double-bounce", id=ident, to="perm@one.example") and not spool.events("bounce")
    assert [d["to"] for d in spool.deliveries()] == [["ok@one.example"]]


def test_a_bounce_to_nowhere_ends(spool):
    spool.start()
    spool.inject(["perm@one.example"], sender="perm@two.example")
    spool.wait_empty()
    assert len(spool.events("bounce")) == 1 and len(spool.events("double-bounce")) == 1


def test_too_old_bounces_with_the_last_reason(spools):
    s = spools(limits="queue-time 60\n")
    s.flag("temp")
    ident = s.inject(["x@one.example", "y@dead.example"])
    # As if it had come two minutes ago: the same file with an older arrival.
    import hashlib
    with open(s.path(ident), "rb") as f:
        data = f.read()
    head = data[:-65]
    word = head.split(b" ")
    word[-4 + 1] = b"%020d" % (int(word[-3]) - 120)
    head = b" ".join(word)
    with open(s.path(ident), "wb") as f:
        f.write(head + hashlib.blake2s(head).hexdigest().encode() + b"\n")
    s.start()
    wait_for(lambda: s.deliveries(**{"from": ""}) or s.events("bounce", id=ident), why="the bounce")
    wait_for(lambda: s.queued() and ident not in s.queued(), why="only the bounce stays")  # the double defers that, too
    bounce = s.queued()[0]
    with open(s.path(bounce)) as f:
        text = f.read()
    assert "delivered to the addresses below for too long a time" in text and text.count("\nStatus: 4.4.7\n") == 2
    assert "<x@one.example>:\n  He said: 450 later\n" in text
    assert "<y@dead.example>:\n  Nobody answers at the other end. (#4.4.1)\n" in text


def test_bad_addresses_bounce(spool):
    spool.start()
    ident = spool.inject(["x@", "x@-bad-.example", "x@[300.1.1.1]", "x@[192.0.2.1", "x@a..b", "nobody"])
    spool.wait_empty()
    assert len(spool.events("delivery", id=ident, status="failed")) == 5
    assert [d["route"] for d in spool.deliveries(id=ident)] == ["mx:relay.example"]  # no domain: ours


def test_a_bounce_that_cannot_be_queued_is_tried_later(spool):
    wrapper = os.path.join(spool.dir, "injector")
    with open(wrapper, "w") as f:
        f.write("#!/bin/sh\n[ -e %s/refuse ] && { printf 'ZNo room, \\033[1m' >&6; exit 82; }\nexec %s/relay-queue\n" %
                (spool.double, BIN))
    os.chmod(wrapper, 0o755)
    spool.flag("refuse")
    spool.start(QMAILQUEUE=wrapper)
    ident = spool.inject(["perm@one.example", "ok@one.example"])
    spool.wait_event("bounce-trouble", id=ident, code=82)
    line, = [x for x in spool.text().split("\n") if x.startswith("relay-bounce: ")]
    report, = spool.events("bounce", id=ident)
    assert line == ("relay-bounce: event=refused id=%s bounce=%s code=82 text=No\\x20room,\\x20\\x20[1m" %
                    (ident, report["bounce"]))
    spool.wait_event("defer", id=ident)
    assert spool.marks(ident) == {"perm@one.example": False, "ok@one.example": True}
    spool.flag("refuse", False)
    os.kill(spool.proc.pid, signal.SIGALRM)
    spool.wait_empty()
    assert [d["to"] for d in spool.deliveries(**{"from": ""})] == [["a@b.example"]]
    assert sum(d["to"] == ["ok@one.example"] for d in spool.deliveries()) == 1


def injector(spool, name, text):
    path = os.path.join(spool.dir, name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


@pytest.mark.parametrize("words", ["exit 31", "printf 'Dno, never' >&6; exit 82"])
def test_a_report_refused_for_good(spool, words):
    """Nobody can be told: that is logged, and the recipient is not asked again and again."""
    spool.start(QMAILQUEUE=injector(spool, "no", "cat > /dev/null; %s\n" % words))
    ident = spool.inject(["perm@one.example", "ok@one.example"])
    spool.wait_empty()
    assert [e["to"] for e in spool.events("double-bounce", id=ident)] == ["perm@one.example"]
    assert spool.events("bounce-trouble", id=ident, code=31) and len(spool.deliveries(id=ident)) == 1


def test_a_whole_message_that_the_injector_does_not_take(spool):
    """RET=FULL: when the report is refused for good with the message in it, it goes with the header alone."""
    program = injector(spool, "picky", "cat > %s/report; ! grep -q hello %s/report || exit 31; exec %s/relay-queue < %s"
                       % (spool.dir, spool.dir, BIN, os.path.join(spool.dir, "report")))
    records = b"Mrelay.example\0I%s\0A1\0B%d\0L0\0U2\0Fa@b.example\0PRET=FULL\0Tc@d.example\0W3\0Kf550 no\0" % (
        new_id().encode(), len(BODY))
    with tempfile.TemporaryFile() as message, tempfile.TemporaryFile() as what:
        message.write(BODY)
        what.write(records)
        message.seek(0)
        what.seek(0)
        done = subprocess.run([os.path.join(BIN, "relay-bounce")], stdin=message, stdout=what, stderr=subprocess.PIPE,
                              env=dict(os.environ, RELAYQUEUE=spool.queue, QMAILQUEUE=program), timeout=30)
    assert done.returncode == 0 and b"code=31" in done.stderr
    ident, = spool.queued()
    with open(spool.path(ident), "rb") as f:
        text = f.read()
    assert b"text/rfc822-headers\n\nSubject: test\n" in text and b"hello" not in text


def test_no_injector(spool):
    spool.start(QMAILQUEUE="/nonexistent")
    ident = spool.inject(["perm@one.example"])
    spool.wait_event("bounce-trouble", id=ident)
    spool.wait_event("defer", id=ident)
    assert spool.queued() == [ident]


def test_many_bounces_at_once(spool):
    spool.start()
    ids = [spool.inject(["perm@one.example"], sender="s%d@b.example" % i) for i in range(60)]
    spool.wait_empty()
    bounced = sorted(r for d in spool.deliveries(**{"from": ""}) for r in d["to"])
    assert bounced == sorted("s%d@b.example" % i for i in range(60))
    assert len(ids) == 60
