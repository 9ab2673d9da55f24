"""relay-send and processes that die or talk nonsense: relay-remote, the one that starts it, relay-send itself."""
import os
import signal
import struct
import subprocess
import time

import pytest

from doubles.spool import can_inject, delivered
from lib.procs import sanitized, stat_of, status_of, wait_for


def children(proc, name):
    return [p for p in proc.members() if stat_of(p)[3].startswith(name)]


def syncer_of(spool):
    return wait_for(lambda: children(spool.proc, "relay-send-sync"), why="the syncer")[0]


def spawner_of(spool):
    """The other process of relay-send's own, the syncer, gives itself a name when it begins."""
    syncer_of(spool)
    pid, = [p for p in children(spool.proc, "relay-send") if p != spool.proc.pid and stat_of(p)[3] == "relay-send"]
    return pid


def test_remote_that_dies_in_mid_job(spool):
    spool.start()
    ident = spool.inject(["die@one.example", "x@one.example"])
    spool.wait_event("defer", id=ident)
    lines = spool.events("delivery", id=ident, status="deferred")
    assert len(lines) == 2 and all("may\\x20have\\x20been\\x20delivered" in e["text"] for e in lines)
    spool.inject(["y@one.example"])
    spool.wait_deliveries(1)  # the destination does not rest


@pytest.mark.parametrize("what", ["nonsense", "many"])
def test_malformed_report(spool, what):
    spool.start()
    ident = spool.inject([what + "@one.example", "x@one.example"])
    spool.wait_event("defer", id=ident)
    assert len(spool.events("delivery", id=ident, status="deferred")) == 2
    spool.inject(["y@one.example"])
    wait_for(lambda: ["y@one.example"] in [d["to"] for d in spool.deliveries()], why="delivered")
    assert len({p["pid"] for p in spool.started()}) == 2  # that one was not used again


def says(data):
    """The text of a remote that reads its job and sends these bytes."""
    return ("#!/usr/bin/python3\nimport os, socket, time\ns = socket.socket(fileno=os.dup(0))\n"
            "socket.recv_fds(s, 100000, 4)\ns.sendall(%r)\ntime.sleep(5)\n" % data)


@pytest.mark.parametrize("data", [
    struct.pack(">IH", 0x7fffffff, 0), struct.pack(">IH", 300000, 0), struct.pack(">IH", 0, 0),
    struct.pack(">IH", 10, 3) + b"r\0Kfine.\0\0", struct.pack(">IH", 2, 0) + b"K\0",
    struct.pack(">IH", 4, 0) + b"r\0K\0" + struct.pack(">IH", 4, 0) + b"r\0K\0"], ids=range(6))
def test_hostile_remote(spool, data):
    program = os.path.join(spool.dir, "hostile")
    with open(program, "w") as f:
        f.write(says(data))
    os.chmod(program, 0o755)
    spool.start("-R", program)
    ident = spool.inject(["x@one.example"])
    if data.startswith(struct.pack(">IH", 4, 0)):
        spool.wait_event("done", id=ident)
    else:
        spool.wait_event("defer", id=ident)
        assert spool.queued() == [ident]
    assert spool.proc.alive() and status_of(spool.proc.pid, "VmRSS") < 20000


def test_remote_that_cannot_be_run(spool):
    """A temporary failure, and no busy loop."""
    spool.start("-R", "/nonexistent/relay-remote")
    ids = [spool.inject(["x%d@one.example" % i]) for i in range(5)]
    for ident in ids:
        spool.wait_event("defer", id=ident)
    assert spool.queued() == ids and spool.events("rest", route="mx:one.example")
    assert spool.text().count("nonexistent") <= 6
    before = os.times()
    time.sleep(1)
    with open("/proc/%d/stat" % spool.proc.pid) as f:
        ticks = sum(int(w) for w in f.read().rsplit(")", 1)[1].split()[11:13])
    assert ticks < 30 and before


def test_idle_remote_leaves_and_nothing_is_lost(spool):
    """Messages that arrive just when the idle one leaves go to another, without delay."""
    spool.start(DOUBLE_IDLE="0.05")
    for i in range(40):
        spool.inject(["x%d@one.example" % i])
        time.sleep(0.03 + 0.002 * i)
    spool.wait_empty()
    assert sorted(r for d in spool.deliveries() for r in d["to"]) == sorted("x%d@one.example" % i for i in range(40))
    assert not spool.events("delivery", status="deferred")


def test_killed_at_any_time_loses_nothing(spool):
    """kill -9 of relay-send under load, again and again: each message is delivered, and hardly one twice."""
    spool.flag("hang")
    ids, kills = [], 0
    for round in range(8):
        spool.start()
        ids += [spool.inject(["x@one.example", "y@two.example", "z@three.example"]) for i in range(20)]
        if round == 0:
            spool.flag("hang", False)
        time.sleep(0.02 * round)
        spool.stop(signal.SIGKILL)
        kills += 1
    spool.start()
    spool.wait_empty(40)
    got = {}
    for d in spool.deliveries():
        for r in d["to"]:
            got[d["id"], r] = got.get((d["id"], r), 0) + 1
    want = {(i, r) for i in ids for r in ("x@one.example", "y@two.example", "z@three.example")}
    assert set(got) == want
    assert sum(n - 1 for n in got.values()) <= kills * 60  # what was under way when it was killed


def test_spawner_killed_in_mid_delivery(spool):
    """What is under way ends and is noted; what is not yet started stays."""
    spool.start(DOUBLE_SLOW="2")
    ident = spool.inject(["slow@one.example"])
    wait_for(lambda: spool.started(), why="started")
    time.sleep(0.3)
    os.kill(spawner_of(spool), signal.SIGKILL)
    spool.wait_event("stopping")
    other = spool.inject(["x@two.example"])
    assert spool.proc.popen.wait(10) == 111
    assert spool.queued() == [other] and list(delivered(spool).items()) == [((ident, "slow@one.example"), 1)]


def test_spawner_killed(spool):
    """Without its spawner it can't go on: it ends, to be started again."""
    spool.start()
    os.kill(spawner_of(spool), signal.SIGKILL)
    assert spool.proc.popen.wait(10) == 111


@pytest.mark.skipif(not can_inject() or sanitized(), reason="strace can't inject errors here")
@pytest.mark.parametrize("who, call, error", [
    (syncer_of, "sendto", "ENOBUFS"), (syncer_of, "recvfrom", "ENOMEM"), (spawner_of, "recvmsg", "ENOBUFS")])
def test_one_of_its_own_that_can_not_talk(spool, who, call, error):
    """A word between relay-send and one of its two processes is lost: it ends, to be started again. It does not go on
    as if nothing had happened, with removals that nobody syncs."""
    spool.start()
    pid = who(spool)
    tracer = subprocess.Popen(["strace", "-qq", "-o", os.devnull, "-e", "trace=" + call, "-e",
                               "inject=%s:error=%s:when=1" % (call, error), "-p", str(pid)])
    wait_for(lambda: status_of(pid, "TracerPid") == tracer.pid or tracer.poll() is not None, why="traced")
    spool.inject(["x@one.example"])
    assert spool.proc.popen.wait(10) == 111
    assert tracer.wait(10) in (0, 111)
    spool.start()
    os.kill(spool.proc.pid, signal.SIGALRM)   # what the spawner had lost is deferred
    spool.wait_empty()
    assert max(delivered(spool).values()) == 1
