"""relay-send, over doubles of relay-remote, while somebody sets the clock."""
import hashlib
import os
import signal
import subprocess
import time

import pytest

from doubles.spool import REMOTE
from lib.procs import program, sanitized, wait_for

pytestmark = pytest.mark.skipif(sanitized(), reason="a sanitizer's library must come first")

DAY = 86400
SHIM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
time_t time(time_t *t)
{
  struct timespec now;
  long ahead = 0;
  FILE *f = fopen(getenv("CLOCK"), "re");
  if (f && fscanf(f, "%ld", &ahead) != 1) abort();
  if (f) fclose(f);
  clock_gettime(CLOCK_REALTIME, &now);
  if (t) *t = now.tv_sec + ahead;
  return now.tv_sec + ahead;
}
"""


class Clock:
    """The clock of who has `env`: ahead of ours by what `set` was told last. `remote` runs the double without it."""

    def __init__(self, path):
        self.path, self.remote = path, path + ".remote"
        with open(self.remote, "w") as f:
            f.write("#!/bin/sh\nunset LD_PRELOAD\nexec %s \"$@\"\n" % REMOTE)
        os.chmod(self.remote, 0o755)
        subprocess.run([*os.environ.get("CC", "cc").split(), "-shared", "-fPIC", "-x", "c", "-", "-o", path + ".so"],
                       check=True, input=SHIM.encode())
        self.env = dict(LD_PRELOAD=path + ".so", CLOCK=path)
        self.set(0)

    def set(self, ahead):
        with open(self.path + ".new", "w") as f:
            f.write("%d" % ahead)
        os.rename(self.path + ".new", self.path)


@pytest.fixture
def clock(tmp_path):
    return Clock(str(tmp_path / "clock"))


def arrived(spool, ident, when):
    """The message is one that came then."""
    with open(spool.path(ident), "r+b") as f:
        data = f.read()
        line = data[-159:].split(b" ")
        head = data[:-159] + b" ".join([*line[:3], b"%020d" % when, line[4], b""])
        f.seek(0)
        f.write(head + hashlib.blake2s(head).hexdigest().encode() + b"\n")
        assert f.tell() == len(data)


def test_set_back(spools, clock):
    """A month ahead, with a deferred message and a next hop that rests; then set right. Nothing waits for the month,
    and what came in it expires like everything else."""
    s = spools(limits="queue-time 60\n")
    old = s.inject(["temp@one.example"])
    arrived(s, old, time.time() + 30 * DAY)
    s.inject(["x@dead.example"])
    clock.set(30 * DAY)
    s.start("-R", clock.remote, **clock.env)
    s.wait_event("rest")
    s.wait_event("defer", id=old)
    s.flag("alive")
    clock.set(0)
    s.inject(["y@dead.example"])
    s.wait_event("delivery", to="y@dead.example", status="delivered", seconds=10)
    s.wait_event("defer", id=old, count=2)
    assert 0 <= int(s.events("start", id=old)[-1]["age"]) < 60
    clock.set(61)
    os.kill(s.proc.pid, signal.SIGALRM)
    s.wait_event("delivery", id=old, status="failed")
    s.wait_empty()


def test_a_report_in_trouble(spools, clock, tmp_path):
    """It waits for its injector however far the clock jumps: the time of trouble counts, and not the message's age."""
    s = spools(limits="queue-time 600\n")
    ident = s.inject(["perm@one.example"])
    injector = tmp_path / "injector"
    s.start("-R", clock.remote, QMAILQUEUE=str(injector), **clock.env)
    for count, ahead in enumerate((0, 1300, 30 * DAY)):
        clock.set(ahead)
        if ahead:
            os.kill(s.proc.pid, signal.SIGALRM)
        s.wait_event("bounce-trouble", count=count + 1, id=ident)
        s.wait_event("defer", count=count + 1, id=ident)
    injector.symlink_to(program("relay-queue"))
    os.kill(s.proc.pid, signal.SIGALRM)
    s.wait_empty()
    assert not s.events("double-bounce") and [d["to"] for d in s.deliveries(**{"from": ""})] == [["a@b.example"]]


def test_set_forward(spool, clock):
    """Seven hours: a delivery under way is not cut off as one that takes too long, and so not made twice."""
    spool.start("-R", clock.remote, DOUBLE_SLOW="3", **clock.env)
    ident = spool.inject(["slow@one.example"])
    wait_for(spool.started, why="the delivery has begun")
    clock.set(7 * 3600)
    spool.inject(["x@two.example"])
    spool.wait_event("delivery", to="x@two.example")
    os.kill(spool.proc.pid, signal.SIGALRM)
    spool.wait_empty()
    assert [e["status"] for e in spool.events("delivery", id=ident)] == ["delivered"]
    assert len(spool.deliveries(id=ident)) == 1
