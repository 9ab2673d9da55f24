"""relay-through: no queue; the client hears the next hop's verdict in its own dialogue, and nothing is stored."""
import hashlib
import os
import random
import signal
import subprocess

import pytest

from lib.instance import Instance
from lib.messages import without_trace
from lib.procs import BIN, free_port, program, wait_for
from lib.sink import CLOSE, HANG, Sink

THROUGH, REMOTE = program("relay-through"), os.path.join(BIN, "relay-remote")
DATA = b"Subject: through\n\nhello\n.dot\n"


def chain(sink, options="", **control):
    """The receiving chain with relay-through behind it, in a folder whose queue must stay empty."""
    routes = ":%s\n" % (sink if isinstance(sink, str) else sink.route)
    i = Instance(**{"routes": routes, "domains": "hosted.example\nother.example\n", **control})
    script = i.path("through")
    with open(script, "w") as f:
        f.write("#!/bin/sh\nexec '%s' -r '%s' -R '%s' %s\n" % (THROUGH, i.rules, REMOTE, options))
    os.chmod(script, 0o755)
    i.extra["QMAILQUEUE"] = script
    i.compile()
    i.receive()
    return i


def say(d, recipients, data=DATA, sender="s@sender.example", params=""):
    """A transaction up to the answer to the message."""
    d.ok("MAIL FROM:<%s>%s" % (sender, params))
    for r in recipients:
        d.ok("RCPT TO:<%s>" % r)
    assert d.cmd("DATA") == 354
    d.send(b"".join((b"." if l[:1] == b"." else b"") + l + b"\r\n" for l in data.split(b"\n")[:-1]) + b".\r\n")
    return d.reply()


def files(i):
    """All files below the folder but logs and what the test made, with their sizes."""
    out = {os.path.join(d, f) for d, _, names in os.walk(i.dir) for f in names}
    return {f for f in out if not f.endswith(".log") and "/control/" not in f and os.path.basename(f) != "through"}


def ask(i, recipients, data=DATA):
    with i.dialogue() as d:
        d.hello()
        return say(d, recipients, data)


def test_arrives(sink):
    """Two messages of a session; the trace and the sender are as with a queue, and no file is there but the trigger."""
    with chain(sink) as i:
        before = files(i)
        with i.dialogue() as d:
            d.hello()
            assert say(d, ["a@hosted.example", "b@hosted.example"]) == 250
            assert say(d, ["c@else.example"], b"Subject: 2\n\n\n", sender="") == 250
            d.quit()
        one, two = sink.messages
        assert (one.sender, one.recipients) == ("s@sender.example", ["a@hosted.example", "b@hosted.example"])
        assert (two.sender, two.recipients) == ("", ["c@else.example"])
        assert without_trace(one.lf) == DATA and not sink.bad
        assert files(i) == before and not i.queued()
        assert len(i.events(event="message")) == 2


def test_large_and_utf8(sink):
    rng = random.Random(1)
    big = b"Subject: big\n\n" + b"".join(b"%x\n" % rng.getrandbits(280) for _ in range(60000))
    with chain(sink) as i:
        assert ask(i, ["a@hosted.example"], big) == 250
        got = without_trace(sink.messages[0].lf)
        assert hashlib.sha256(got).digest() == hashlib.sha256(big).digest()
        with i.dialogue() as d:
            d.hello()
            text = "Subject: grün\n\nx\n".encode()
            assert say(d, ["a@hosted.example"], text, params=" SMTPUTF8 BODY=8BITMIME") == 250
        assert b"SMTPUTF8" in sink.messages[1].mail


# what the next hop says where; what the client hears: code, enhanced code, a word
VERDICTS = [
    ("RCPT", b"550 5.1.1 no such user\r\n", 554, "5.1.1", "no such user"),
    ("RCPT", b"450 4.2.1 try later\r\n", 451, "4.2.1", "try later"),
    ("MAIL", b"553 5.1.8 bad sender\r\n", 554, "5.1.8", "bad sender"),
    ("DATA", b"451 4.3.0 not now\r\n", 451, "4.3.0", "not now"),
    (".", b"554 5.7.1 looks like spam\r\n", 554, "5.7.1", "looks like spam"),
    (".", b"452 4.3.1 disk full\r\n", 451, "4.3.1", "disk full"),
    (".", b"550 no code\r\n", 554, "5.3.0", "no code"),
    (".", (CLOSE,), 451, "4.4.2", "closed the connection"),
    ("CONNECT", b"554 5.7.0 go away\r\n", 451, "4.3.0", "go away"),
    ("CONNECT", b"421 4.3.2 busy\r\n", 451, "4.3.2", "busy"),
    ("CONNECT", (CLOSE,), 451, "4.4.2", "connection"),
    (".", (HANG,), 451, "4.4.2", "may arrive twice"),
]


@pytest.mark.parametrize("extensions", [(), ("PIPELINING", "CHUNKING", "SIZE 1000000")])
def test_verdicts(extensions):
    with Sink(extensions=extensions) as sink, chain(sink, "-t 1") as i:
        for verb, answer, code, enhanced, word in VERDICTS:
            if verb == "DATA" and "CHUNKING" in extensions:
                continue
            sink.on = {verb: lambda session, line, answer=answer: answer}
            r = ask(i, ["a@hosted.example"])
            assert (r.code, r.enhanced) == (code, enhanced) and word in r.text, (verb, answer, r)
            assert not sink.messages
        sink.on = {}
        assert ask(i, ["a@hosted.example"]) == 250 and len(sink.messages) == 1 and not i.queued()


def test_next_hop_dead(sink):
    with chain("127.0.0.1:%d" % free_port()) as i:
        r = ask(i, ["a@hosted.example"])
        assert (r.code, r.enhanced) == (451, "4.4.1") and not i.queued()


@pytest.mark.parametrize("extensions", [(), ("PIPELINING", "CHUNKING")])
def test_all_or_none(extensions):
    """One recipient refused: nobody gets the message, and the answer says whom the next hop did not want."""
    def refuse(code):
        return lambda session, line: code if b"bad@" in line else None
    with Sink(extensions=extensions) as sink, chain(sink) as i:
        sink.on = {"RCPT": refuse(b"550 5.1.1 unknown\r\n")}
        r = ask(i, ["a@hosted.example", "bad@hosted.example", "c@hosted.example"])
        assert (r.code, r.enhanced) == (554, "5.1.1") and "bad@hosted.example" in r.text and "none" in r.text
        sink.on = {"RCPT": refuse(b"450 4.2.2 full\r\n")}
        r = ask(i, ["a@hosted.example", "bad@hosted.example"])
        assert (r.code, r.enhanced) == (451, "4.2.2") and not sink.messages
        assert ask(i, ["a@hosted.example", "c@hosted.example"]) == 250


def test_one_next_hop(sink, sinks):
    other = sinks()
    with chain(sink, routes=":%s\nother.example:%s\n" % (sink.route, other.route)) as i:
        r = ask(i, ["a@hosted.example", "b@other.example"])
        assert (r.code, r.enhanced) == (451, "4.5.3") and not sink.messages and not other.messages
        assert ask(i, ["a@hosted.example", "b@else.example"]) == 250 and ask(i, ["b@other.example"]) == 250
        assert len(sink.messages) == 1 and len(other.messages) == 1


def children(pid):
    r = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], stdout=subprocess.PIPE)
    return {comm: int(p) for p, comm in (l.split() for l in r.stdout.decode().splitlines())}


def down(pid, *names):
    """The process reached by names from child to child."""
    for name in names:
        pid = wait_for(lambda: next((p for c, p in children(pid).items() if c == name[:15]), 0), 10, name)
    return pid


def test_crash(sink):
    """Killed while the next hop has yet to answer: 451, and its relay-remote goes, too."""
    sink.on = {".": lambda session, line: (HANG,)}
    with chain(sink) as i, i.dialogue() as d:
        d.hello()
        d.ok("MAIL FROM:<s@sender.example>")
        d.ok("RCPT TO:<a@hosted.example>")
        assert d.cmd("DATA") == 354
        d.send(b"x\r\n.\r\n")
        through = down(i.receiver.pid, "relay-smtpd", "relay-through")
        remote = down(through, "relay-remote")
        wait_for(lambda: any(getattr(s, "hung", 0) for s in sink.sessions), 10, "the message at the next hop")
        os.kill(through, signal.SIGKILL)
        r = d.reply()
        assert r.code == 451 and not sink.messages
        wait_for(lambda: not os.path.exists("/proc/%d" % remote), 10, "relay-remote gone")


def run(i, envelope, data=b"x\n", fd6=True, options=(), before=()):
    """relay-through by hand: (exit code, what it says on descriptor 6)."""
    mr, mw = os.pipe()
    er, ew = os.pipe()
    cr, cw = os.pipe()
    os.write(mw, data)
    os.close(mw)
    argv = [*before, THROUGH, "-r", i.rules, "-R", REMOTE, *options]
    p = subprocess.Popen(argv, stdin=mr, stdout=er, close_fds=False,
                         preexec_fn=lambda: os.dup2(cw, 6) if fd6 else None)
    for fd in (mr, er, cw):
        os.close(fd)
    with os.fdopen(cr, "rb") as f:
        try:
            with os.fdopen(ew, "wb") as e:
                e.write(envelope)
        except BrokenPipeError:
            pass
        said = f.read()
    return p.wait(30), said.decode()


def test_as_qmail_queue(sink):
    """Exit codes of qmail-queue(8), with and without somebody who listens on descriptor 6."""
    good = b"Fs@x.example\0Ta@hosted.example\0\0"
    with chain(sink) as i:
        assert run(i, good) == (0, "") and run(i, good, fd6=False)[0] == 0 and len(sink.messages) == 2
        assert run(i, good[:-1])[0] == 54 and run(i, b"")[0] == 54 and run(i, b"Fs@x.example\0\0")[0] == 91
        assert run(i, b"X")[0] == 91 and run(i, b"F" + b"a" * 1004 + b"\0Ta@hosted.example\0\0")[0] == 11
        assert run(i, b"Fs@x.example\0Tnobody\0\0") == (82, "D5.1.3 a recipient is no address")
        assert run(i, b"Fs@x.example\0Tnobody\0\0", fd6=False)[0] == 31
        assert run(i, good, b"a\0b\n")[0] == 82 and run(i, good, b"a\rb\n", fd6=False)[0] == 31
        many = b"".join(b"T%d@hosted.example\0" % n for n in range(2000))
        assert run(i, b"Fs@x.example\0" + many + b"\0")[0] == 0 and len(sink.messages[2].recipients) == 2000
        too_many = b"".join(b"T" + b"x" * 200 + b"%d@hosted.example\0" % n for n in range(20000))
        assert run(i, b"Fs@x.example\0" + too_many + b"\0") == (82, "Z4.5.3 too many recipients")
        r = subprocess.run([THROUGH, "-x"], stderr=subprocess.PIPE)
        assert r.returncode == 100 and b"usage: relay-through" in r.stderr
        os.unlink(i.rules)
        assert run(i, good) == (82, "Z4.3.5 the rules can't be read") and run(i, good, fd6=False)[0] == 71
        assert run(i, good, options=("-R", "/nonexistent"))[0] == 82 and len(sink.messages) == 3


def test_writes_no_file(sink):
    """Neither relay-through nor relay-remote opens a file for writing, or makes one."""
    with chain(sink) as i:
        trace = i.path("strace.log")
        before = [program("strace"), "-f", "-o", trace, "-e", "trace=%file"]
        assert run(i, b"Fs@x.example\0Ta@hosted.example\0\0", before=before) == (0, "")
        calls = [l for l in open(trace).read().splitlines() if " = -1 E" not in l]
        assert len(sink.messages) == 1 and any(i.rules in l for l in calls) and any("relay-remote" in l for l in calls)
        writes = ("O_CREAT", "O_WRONLY", "O_RDWR", "rename", " link", "symlink", "mkdir", "mknod")
        assert not [l for l in calls if any(w in l for w in writes)]
