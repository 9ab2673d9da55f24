"""Each system call of relay-queue fails once, in several ways; writes that come out short; the process that makes
relay-send's removals last. (test_faults_send has the failing calls of relay-send itself.)"""
import collections
import os
import re
import resource
import signal
import subprocess
import tempfile
import time

import pytest

from doubles.spool import BIN, Spool, can_inject, envelope, inject, make_queue, new_id
from lib import promises
from lib.procs import sanitized, stat_of, status_of, wait_for

GOOD = envelope("a@b.example", ["c@d.example"])
BODY = b"Subject: x\n\n" + b"0123456789abcde\n" * 5000     # more than one write
WHOLE = ["whole", str(len(BODY)), "Tc@d.example"]
ERRORS = ("EIO", "ENOSPC", "EINTR", "ENOMEM", "EAGAIN", "EACCES")
PERMANENT = range(11, 41)                                   # qmail-queue(8): the sender is told that it is hopeless

pytestmark = [pytest.mark.skipif(not can_inject(), reason="strace can't inject errors here"),
              pytest.mark.skipif(sanitized(), reason="a sanitizer makes system calls of its own")]


@pytest.fixture
def queue(tmp_path):
    path = str(tmp_path / "queue")
    make_queue(path)
    return path


@pytest.fixture
def judge(queue):
    with subprocess.Popen([promises.DRIVER], cwd=queue, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        def ask(ident):
            p.stdin.write(ident + "\n")
            p.stdin.flush()
            return p.stdout.readline().split()
        yield ask
        p.stdin.close()


def traced(queue, log, ident, *inject_options):
    return inject(queue, BODY, GOOD, ident, wrap=["strace", "-f", "-qq", "-o", log, *inject_options])


@pytest.mark.parametrize("error", ERRORS)
def test_each_call_of_relay_queue_fails(queue, judge, tmp_path, error):
    """Exit 0 and the message is whole; or a temporary code, and no reader would take what is left for a message."""
    log = str(tmp_path / "strace")
    reader = os.open(queue + "/trigger", os.O_RDONLY | os.O_NONBLOCK)
    first = new_id()
    assert traced(queue, log, first) == 0 and judge(first) == WHOLE
    os.unlink("%s/mess/%s/%s" % (queue, first[-2:], first))
    with open(log) as f:
        calls = collections.Counter(re.match(r"\d+ +(\w+)\(", line)[1] for line in f if re.match(r"\d+ +\w+\(", line))
    tried, refused = 0, 0
    for name, count in calls.items():
        if name in ("execve", "exit_group"):
            continue
        for nth in range(1, min(count, 12) + 1):
            code = traced(queue, log, new_id(), "-e", "inject=%s:error=%s:when=%d" % (name, error, nth))
            left = {f: judge(f) for d in os.listdir(queue + "/mess") for f in os.listdir("%s/mess/%s" % (queue, d))}
            whole = [words for words in left.values() if words[0] == "whole"]
            assert code not in PERMANENT, (name, nth, code)
            assert whole == [WHOLE] * (code == 0), (name, nth, code, left)
            for f in left:
                os.unlink("%s/mess/%s/%s" % (queue, f[-2:], f))
            tried += 1
            refused += code != 0
    os.close(reader)
    print("%d faults, %d refused" % (tried, refused))
    assert tried > 25 and refused > 5


def test_short_writes(queue, judge):
    """A write that takes a part is continued: the file may grow no further, and before the next write it may again."""
    ident, limit = new_id(), 100000
    with tempfile.NamedTemporaryFile() as log, tempfile.TemporaryFile() as b, tempfile.TemporaryFile() as e:
        b.write(BODY * 3)
        e.write(GOOD)
        b.seek(0)
        e.seek(0)
        trace = ["strace", "-f", "-qq", "-o", log.name, "-e", "trace=write", "-e",
                 "inject=write:delay_exit=1000000:when=2"]
        child = subprocess.Popen([*trace, os.path.join(BIN, "relay-queue")], stdin=b, stdout=e,
                                 env=dict(os.environ, RELAYQUEUE=queue, RELAYID=ident), preexec_fn=lambda:
                                 resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)))
        path = "%s/mess/%s/%s" % (queue, ident[-2:], ident)
        wait_for(lambda: os.path.exists(path) and os.stat(path).st_size == limit, 10, "the file is at its limit")
        pid, = [int(p) for p in os.listdir("/proc") if p.isdigit() and stat_of(int(p))[0] == child.pid]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert child.wait(20) == 0
        writes = [int(n) for n in re.findall(rb"= (\d+)", log.read())]
        assert 65536 + writes[1] == limit, "it was short: %s" % writes
    assert judge(ident) == ["whole", str(3 * len(BODY)), "Tc@d.example"]
    with open(path, "rb") as f:
        assert f.read(3 * len(BODY)) == BODY * 3


def syncer(s):
    pid, = [p for p in s.proc.members() if stat_of(p)[3] == "relay-send-sync"]
    return pid


def test_a_removal_that_does_not_last_is_tried_again(spool):
    """The directory's sync fails three times: said once, tried until it works; mail goes on meanwhile."""
    spool.start()
    with tempfile.NamedTemporaryFile() as log:
        tracer = subprocess.Popen(["strace", "-qq", "-y", "-o", log.name, "-e", "trace=fsync", "-e",
                                   "inject=fsync:error=EIO:when=1..3", "-p", str(syncer(spool))])
        try:
            wait_for(lambda: status_of(syncer(spool), "TracerPid") == tracer.pid, why="traced")
            spool.inject(["x@one.example"])
            spool.wait_empty()
            spool.wait_event("trouble", what=r"removals\x20do\x20not\x20last")
            spool.inject(["y@one.example"])
            spool.wait_empty()
            wait_for(lambda: re.search(rb"mess/..>\) = 0", open(log.name, "rb").read()), 20, "synced")
        finally:
            tracer.terminate()
            tracer.wait()
    assert len(spool.events("trouble")) == 1 and len(spool.deliveries()) == 2
    assert spool.stop() == 0


def test_what_could_not_be_handed_over_is_later(spool):
    """The kernel lacks memory for the packet to the syncer, and no other removal follows: it gets it all the same."""
    spool.start()
    with tempfile.NamedTemporaryFile() as said, tempfile.NamedTemporaryFile() as synced:
        tracers = [(pid, subprocess.Popen(["strace", "-qq", "-y", "-o", log.name, *what, "-p", str(pid)]))
                   for pid, log, what in (
                       (spool.proc.pid, said, ["-e", "trace=sendto", "-e", "inject=sendto:error=ENOBUFS:when=1"]),
                       (syncer(spool), synced, ["-e", "trace=fsync"]))]
        try:
            for pid, tracer in tracers:
                wait_for(lambda: status_of(pid, "TracerPid") == tracer.pid, why="traced")
            spool.inject(["x@one.example"])
            spool.wait_empty()
            wait_for(lambda: b"ENOBUFS" in open(said.name, "rb").read(), 10, "it failed")
            os.kill(spool.proc.pid, signal.SIGALRM)
            wait_for(lambda: re.search(rb"mess/..>\) = 0", open(synced.name, "rb").read()), 10, "synced")
        finally:
            for _, tracer in tracers:
                tracer.terminate()
                tracer.wait()
    assert spool.stop() == 0


def test_without_its_syncer_relay_send_starts_anew(spool):
    """What is under way ends and is noted, then it leaves, as without its spawner."""
    spool.start(DOUBLE_SLOW="1")
    spool.inject(["slow@one.example"])
    wait_for(lambda: spool.started(), why="started")
    os.kill(syncer(spool), signal.SIGKILL)
    spool.wait_event("stopping")
    assert spool.proc.popen.wait(15) == 111
    assert not spool.queued() and len(spool.deliveries()) == 1


def test_the_syncer_ends_with_relay_send(spool):
    """Killed or stopped: nobody keeps the queue's file system busy."""
    for sig in (signal.SIGKILL, signal.SIGTERM):
        spool.start()
        spool.inject(["x@one.example"])
        spool.wait_empty()
        pid = syncer(spool)
        os.kill(spool.proc.pid, sig)
        spool.proc.popen.wait(10)
        wait_for(lambda: stat_of(pid)[2] in "ZX", 5, "it has ended")


def test_syncs_are_few_however_many_go(spool):
    """Hundreds of removals in a second cost some rounds over the directories, not a sync each."""
    for n in range(400):
        spool.inject(["x@one.example"], ident="%014x%06x%02x" % (int(time.time() * 1e6) + n, 1, n % 4))
    with tempfile.NamedTemporaryFile() as log:
        spool.start(wrap=["strace", "-f", "-qq", "-y", "-o", log.name, "--seccomp-bpf", "-e", "trace=fsync,unlink"])
        spool.wait_empty(40)
        os.kill(int(open(log.name).read().split()[0]), signal.SIGTERM)
        assert spool.proc.popen.wait(15) == 0
        calls = log.read()
    removed, synced = calls.count(b"unlink("), calls.count(b"fsync(")
    print("%d removals, %d syncs" % (removed, synced))
    assert removed >= 400 and 4 <= synced <= 120
