"""relay-smtpd and its injector: what each end of a qmail-queue program is answered, and relay-queue itself."""
import os
import signal
import time

import pytest

from lib.procs import BIN, wait_for
from lib.smtp import wire
from lib.smtpd import STRANGER, Smtpd, without_trace

MAIL = "MAIL FROM:<a@b.example>"
RCPT = "RCPT TO:<x@hosted.example>"


@pytest.fixture
def smtpd():
    with Smtpd(limits="command-time 2\n") as s:
        yield s


def answer(smtpd, script, text=b"Subject: x\n\ntext\n", bdat=False):
    """The reply to a message, and whether the session goes on."""
    smtpd.script("#!/bin/sh\n" + script + "\n")
    with smtpd.start() as d:
        d.hello()
        d.ok(MAIL)
        d.ok(RCPT)
        if bdat:
            d.send(b"BDAT %d LAST\r\n" % len(text) + text)
        else:
            d.ok("DATA", 354)
            d.send(wire(text))
        r = d.reply()
        d.ok("NOOP")
        d.ok(MAIL)
        d.quit()
    smtpd.ended(d, "quit")
    return r


READ = "cat >/dev/null; cat <&1 >/dev/null; "
CODES = {0: (250, "2.6.0"), 11: (553, "5.1.0"), 31: (554, "5.3.0"), 32: (554, "5.3.0"), 40: (554, "5.3.0"),
         41: (451, "4.3.0"), 51: (451, "4.3.0"),
         52: (451, "4.4.5"), 53: (451, "4.3.1"), 54: (451, "4.3.0"), 56: (451, "4.4.1"), 61: (451, "4.3.0"),
         66: (451, "4.3.0"), 71: (451, "4.4.1"),
         74: (451, "4.4.1"), 81: (451, "4.3.0"), 82: (451, "4.3.0"), 91: (451, "4.3.0"), 100: (451, "4.3.0"),
         111: (451, "4.3.0")}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("bdat", [False, True])
def test_codes(smtpd, code, bdat):
    r = answer(smtpd, READ + "exit %d" % code, b"Subject: x\r\n\r\n" if bdat else b"Subject: x\n\n", bdat)
    assert (r.code, r.enhanced) == CODES[code]
    line, = smtpd.events("message")
    assert line["verdict"] == ("accepted" if code == 0 else "refused" if 11 <= code <= 40 else "deferred")


@pytest.mark.parametrize("says,reply", [
    ("Dno spam here", b"554 5.3.0 no spam here\r\n"), ("D5.7.1 no", b"554 5.7.1 no\r\n"),
    ("Z4.7.1 later", b"451 4.7.1 later\r\n"),
    ("Dbad\\r\\n250 2.0.0 injected", b"554 5.3.0 bad  250 2.0.0 injected\r\n"),
    ("Z\\303\\274", b"451 4.3.0 \\xc3\\xbc\r\n"),
])
def test_own_words(smtpd, says, reply):
    assert answer(smtpd, READ + "printf '%s' >&6; exit 82" % says).raw == reply


def test_long_words(smtpd):
    r = answer(smtpd, READ + "printf D >&6; head -c 100000 /dev/zero | tr '\\0' x >&6; exit 82")
    assert r == 554 and len(r.raw) <= 512 and r.raw.endswith(b"xxx\r\n")


@pytest.mark.parametrize("script,big", [
    ("kill -9 $$", 0), ("kill -9 $$", 1 << 20), (READ + "kill -9 $$", 0), ("exit 0", 1 << 20),
    ("cat >/dev/null; kill -SEGV $$", 1 << 20),
])
def test_crashes(smtpd, script, big):
    r = answer(smtpd, script, b"Subject: x\n\n" + big // 64 * (63 * b"x" + b"\n"))
    assert (r.code, r.enhanced) == (451, "4.3.0")


def test_early_refusal(smtpd):
    """It looked at the beginning and has seen enough."""
    r = answer(smtpd, "head -c 100 >/dev/null; exit 31", b"Subject: x\n\n" + 20000 * (63 * b"x" + b"\n"))
    assert (r.code, r.enhanced) == (554, "5.3.0")


def test_killed_from_outside(smtpd):
    smtpd.script("#!/bin/sh\necho $$ >>$KEEP/pids\nexec sleep 60\n")
    with smtpd.start() as d:
        d.hello()
        d.ok(MAIL)
        d.ok(RCPT)
        pid, = wait_for(smtpd.injectors_running, 10, "injector")
        d.ok("DATA", 354)
        d.send(b"Subject: x\r\n")
        os.kill(pid, signal.SIGKILL)
        d.send(b"\r\n.\r\n")
        assert d.reply() == 451
        d.quit()
    smtpd.ended(d, "quit")


@pytest.mark.parametrize("script", ["exec sleep 60", "exec sleep 60 <&- >&- 6>&-", READ + "exec sleep 60"])
def test_hangs(smtpd, script):
    """Its deadline is a command's; then it is killed."""
    before = time.monotonic()
    r = answer(smtpd, "echo $$ >>$KEEP/pids; " + script)
    assert (r.code, r.enhanced) == (451, "4.4.5")
    assert 1.5 < time.monotonic() - before < 8


def test_late_success(smtpd):
    """It had queued the message when its time was over: to say anything but 250 would bring it twice."""
    r = answer(smtpd, "trap 'exit 0' TERM; echo $$ >>$KEEP/pids; " + READ + "while :; do sleep 0.1; done")
    assert r == 250


def test_pipeline_is_gone(smtpd):
    """A filter that is a pipeline: what was answered 451 is not queued by what is left of it."""
    r = answer(smtpd, "echo $$ >>$KEEP/pids; exec 3<&1\n(cat; sleep 4) | "
               "(cat >$KEEP/late.body; cat <&3 >$KEEP/late.envelope; echo $? >$KEEP/committed)\n:")
    assert (r.code, r.enhanced) == (451, "4.4.5")
    time.sleep(4)
    assert not os.path.exists(os.path.join(smtpd.keep, "committed"))


def test_hangs_within_the_message(smtpd):
    before = time.monotonic()
    r = answer(smtpd, "exec sleep 60", b"Subject: x\n\n" + 20000 * (63 * b"x" + b"\n"))
    assert r == 451
    assert time.monotonic() - before < 10


@pytest.mark.parametrize("queue", ["/nonexistent/injector", "/", "/etc/passwd"])
def test_cannot_start(smtpd, queue):
    with smtpd.start(QMAILQUEUE=queue) as d:
        d.hello()
        d.ok(MAIL)
        assert d.ok(RCPT, 451).enhanced == "4.3.0"
        d.ok("DATA", 503)
        d.quit()
    line, = smtpd.events("recipient")
    assert line["verdict"] == "unqueued" and line["error"]


def test_no_descriptors(smtpd):
    """Not one left for its pipes: 451, and the session goes on."""
    import socket
    import subprocess
    ours, theirs = socket.socketpair()
    with theirs:
        # the rules take 3 for a moment and keep 10
        few = "exec 4<&0 5<&0 6<&0 7<&0 8<&0 9<&0; ulimit -n 11; exec \"$@\""
        proc = subprocess.Popen(["sh", "-c", few, "sh"] + smtpd.argv(), stdin=theirs, stdout=theirs,
                                stderr=subprocess.DEVNULL, env=smtpd.env())
    from lib.smtp import Dialogue
    with Dialogue(ours, proc=proc) as d:
        d.hello()
        d.ok(MAIL)
        assert d.ok(RCPT, 451).enhanced == "4.3.0"
        d.ok("NOOP")
        d.quit()


def test_started_for_the_first_accepted_recipient(smtpd):
    smtpd.script("#!/bin/sh\necho $$ >>$KEEP/pids\nenv >$KEEP/env\nls /proc/$$/fd >$KEEP/fds\n" + READ + "\n")
    with smtpd.start() as d:
        d.hello()
        d.ok(MAIL + " SMTPUTF8")
        d.ok("RCPT TO:<x@else.example>", 550)
        assert not os.path.exists(os.path.join(smtpd.keep, "pids"))
        d.ok(RCPT)
        wait_for(smtpd.injectors_running, 10, "injector")
        d.ok("RSET")
        assert not smtpd.injectors_running()
        d.quit()
    with open(os.path.join(smtpd.keep, "env")) as f:
        env = dict(l.rstrip("\n").split("=", 1) for l in f if "=" in l)
    assert env["RELAYUTF8"] == "1" and len(env["RELAYID"]) == 22 and env["TCPREMOTEIP"] == STRANGER
    with open(os.path.join(smtpd.keep, "fds")) as f:
        # 7: RELAYDSNFD; from 10 on they are the shell's own
        assert not set(map(int, f.read().split())) & {3, 4, 5, 8, 9}


# relay-queue itself

@pytest.fixture
def queue(smtpd):
    path = os.path.join(smtpd.dir, "queue")
    for i in range(64):
        os.makedirs(os.path.join(path, "mess", "%02x" % i), mode=0o700)
    os.mkfifo(os.path.join(path, "trigger"))
    return path


def files(path):
    return [os.path.join(d, f) for d, _, names in os.walk(os.path.join(path, "mess")) for f in names]


def test_relay_queue(smtpd, queue):
    with smtpd.start(QMAILQUEUE=os.path.join(BIN, "relay-queue"), RELAYQUEUE=queue) as d:
        d.hello()
        r = d.mail("a@b.example", ["x@hosted.example", "y@hosted.example"], b"Subject: x\n\n.text\n")
        assert r == 250, r
        d.ok(MAIL)
        d.ok(RCPT)
        d.ok("RSET")
        d.quit()
    path, = files(queue)
    assert os.path.basename(path) in r.text  # one ID for reply, file and log
    with open(path, "rb") as f:
        raw = f.read()
    body, _, rest = raw.partition(b"Fa@b.example\0")
    assert without_trace(body) == b"Subject: x\n\n.text\n"
    assert rest.startswith(b"Tx@hosted.example\0Ty@hosted.example\0")


def test_outsider_leaves_nothing(smtpd, queue):
    """No file, not even for a moment: nothing was ever started."""
    stamps = {d: os.stat(d).st_mtime_ns for d, _, _ in os.walk(queue)}
    with smtpd.start(QMAILQUEUE=os.path.join(BIN, "relay-queue"), RELAYQUEUE=queue) as d:
        d.hello()
        r = d.mail("me@hosted.example", "x@else.example")
        assert (r.code, r.enhanced) == (550, "5.7.1")
        d.ok("DATA", 503)
        d.quit()
    assert not files(queue)
    assert stamps == {d: os.stat(d).st_mtime_ns for d, _, _ in os.walk(queue)}
    line, = smtpd.events("recipient")
    assert (line["verdict"], line["reason"], line["origin"]) == ("refused", "relaying-denied", "claimed")


@pytest.mark.parametrize("raw", [b"Subject: x\r\n\r\nbare\nlf\r\n.\r\n", b"Subject: x\r\n\r\nNUL\0\r\n.\r\n",
                         b"Subject: x\r\n\r\nhalf", b""])
def test_refused_leaves_nothing(smtpd, queue, raw):
    with smtpd.start(QMAILQUEUE=os.path.join(BIN, "relay-queue"), RELAYQUEUE=queue) as d:
        d.hello()
        d.ok(MAIL)
        d.ok(RCPT)
        d.ok("DATA", 354)
        d.send(raw)
        if raw.endswith(b"\r\n.\r\n"):
            assert d.reply() == 550
        else:
            d.shut()
        d.shut()
        d.rest()
        assert d.proc.wait(20) == 0
    assert not files(queue)


def test_no_queue(smtpd):
    with smtpd.start(QMAILQUEUE=os.path.join(BIN, "relay-queue"), RELAYQUEUE="/nonexistent") as d:
        d.hello()
        assert d.mail("a@b.example", "x@hosted.example").code == 451
        d.quit()
