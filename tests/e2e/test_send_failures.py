"""relay-send without descriptors, on a full disk, and when what it notes in the queue fails."""
import os
import resource
import shutil
import signal
import subprocess
import time

import pytest

from doubles.spool import can_inject, delivered, envelope, inject
from lib.procs import stat_of, status_of, wait_for


def test_few_descriptors(spool):
    """With hardly any descriptors it is slow, but nothing is lost and nobody waits for long."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    for i in range(100):
        spool.inject(["x@d%d.example" % (i % 30)])
    spool.start(preexec=limit)
    spool.wait_empty(60)
    assert len(spool.deliveries()) == 100


def test_no_descriptors_at_all(spool):
    """So few that files can't be opened: temporary, nothing lost."""
    ids = [spool.inject(["x%d@one.example" % i]) for i in range(3)]
    for n in range(6, 16):
        spool.start(wait=False, ASAN_OPTIONS="detect_leaks=0",
                    preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)))
        time.sleep(0.3)
        code = spool.stop()
        assert code in (0, 111, 127, -15), (n, code, spool.text())
    spool.flag("alive")
    spool.start()
    os.kill(spool.proc.pid, signal.SIGALRM)
    spool.wait_empty()
    assert {d["id"] for d in spool.deliveries()} == set(ids)


def mounted(spools, tmp_path, options):
    path = str(tmp_path / "small")
    os.mkdir(path)
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path],
                                     stderr=subprocess.DEVNULL).returncode:
        pytest.skip("can't mount a tmpfs")
    return path


def test_disk_full(spools, tmp_path):
    """A full disk: deliveries go on, marks need no room; bounces wait."""
    path = mounted(spools, tmp_path, "size=1m")
    s = spools(path)
    try:
        ids = [s.inject(["ok@one.example", "temp@one.example"]) for i in range(5)]
        bounced = s.inject(["perm@one.example"])
        while inject(s.queue, b"x" * 10000, envelope("", ["f@filler.example"])) == 0:
            pass
        with open(s.dir + "/filler", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        s.log = str(tmp_path / "send.log")
        s.double = str(tmp_path / "double")
        os.mkdir(s.double)
        os.mkdir(s.double + "/x")
        s.flag("hang")
        s.start()
        time.sleep(0.5)
        s.flag("hang", False)
        for ident in ids:
            s.wait_event("defer", id=ident)
            assert s.marks(ident) == {"ok@one.example": True, "temp@one.example": False}
        s.wait_event("done", count=5)
        os.unlink(s.dir + "/filler")
        os.kill(s.proc.pid, signal.SIGALRM)
        wait_for(lambda: bounced not in s.queued(), why="bounced")
        s.stop()
    finally:
        for p in s.procs:
            p.stop(signal.SIGKILL)
        shutil.rmtree(s.dir, ignore_errors=True)
        subprocess.run(["umount", path], check=True)


@pytest.mark.skipif(not can_inject(), reason="strace can't inject errors here")
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "unlink", "utimensat"])
def test_notes_that_fail(spool, call):
    """Marks, syncs, removal that fail: delivered once, not again and again by the same process."""
    spool.start(wrap=["strace", "-qq", "-o", os.devnull, "-e", "trace=" + call, "-e", "inject=%s:error=EIO" % call])
    ident = spool.inject(["ok@one.example", "temp@one.example"])
    other = spool.inject(["ok@one.example"])
    wait_for(lambda: len(spool.deliveries()) >= 2, why="deliveries")
    pid = [p for p in spool.proc.members() if stat_of(p)[3] == "relay-send"][0]
    time.sleep(0.3)
    for i in range(3):
        os.kill(pid, signal.SIGALRM)
        time.sleep(0.3)
    assert sum("ok@one.example" in d["to"] for d in spool.deliveries()) == 2
    assert ident in spool.queued() and (other in spool.queued()) == (call == "unlink")
    assert spool.events("trouble", id=other if call == "unlink" else ident)
    os.kill(pid, signal.SIGTERM)
    assert spool.proc.popen.wait(10) == 0
    if call in ("unlink", "utimensat"):  # the marks stand all the same, so that nothing is delivered again
        spool.start()
        os.kill(spool.proc.pid, signal.SIGALRM)
        wait_for(lambda: spool.queued() == [ident], why="the finished one is removed")
        assert sum("ok@one.example" in d["to"] for d in spool.deliveries()) == 2


@pytest.mark.skipif(not can_inject(), reason="strace can't inject errors here")
@pytest.mark.parametrize("call, error", [("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("fdatasync", "EIO"),
                                         ("openat", "EMFILE")])
def test_marks_are_tried_again(spool, call, error):
    """A mark that fails for a while stands in the file soon after; the message is not tried meanwhile."""
    spool.flag("hang")
    spool.start()
    pid = spool.proc.pid
    ident = spool.inject(["ok@one.example", "temp@one.example", "too@one.example"])
    spool.wait_event("start", id=ident)
    wait_for(spool.started, why="the delivery has begun")
    tracer = subprocess.Popen(["strace", "-qq", "-o", os.devnull, "-e", "trace=" + call, "-e",
                               "inject=%s:error=%s:when=1..4" % (call, error), "-p", str(pid)])
    try:
        wait_for(lambda: status_of(pid, "TracerPid") == tracer.pid, why="traced")
        spool.flag("hang", False)
        spool.wait_event("trouble", id=ident)
        spool.wait_event("settled", id=ident, seconds=60)   # tried again later each time
    finally:
        tracer.terminate()
        tracer.wait()
    assert spool.marks(ident) == {"ok@one.example": True, "temp@one.example": False, "too@one.example": True}
    spool.wait_event("defer", id=ident)
    spool.stop(signal.SIGKILL)
    spool.start()
    os.kill(spool.proc.pid, signal.SIGALRM)
    spool.wait_event("defer", id=ident, count=2)
    assert set(delivered(spool).values()) == {1}


@pytest.mark.skipif(not can_inject(), reason="strace can't inject errors here")
def test_without_marks_little_is_started(spool):
    """When no mark can be written, most messages stay untried:
    what is delivered now is delivered again by the next one."""
    for i in range(200):
        spool.inject(["ok@one.example", "temp@one.example"])
    spool.start(wrap=["strace", "-qq", "-o", os.devnull, "-e", "trace=pwrite64", "-e", "inject=pwrite64:error=EROFS"])
    spool.wait_event("trouble", count=20)
    time.sleep(1)
    assert 20 <= sum(delivered(spool).values()) < 100
    pid = [p for p in spool.proc.members() if stat_of(p)[3] == "relay-send"][0]
    os.kill(pid, signal.SIGTERM)
    assert spool.proc.popen.wait(10) == 0
