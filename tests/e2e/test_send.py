"""relay-send, over doubles of relay-remote: deliveries, what is deferred, its users, rules and end."""
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from doubles.spool import BIN, BODY, can_inject, envelope, inject
from lib.procs import all_pids, stat_of, wait_for

SEND = os.path.join(BIN, "relay-send")


def test_delivers_and_removes(spool):
    spool.start()
    ident = spool.inject(["x@one.example"], sender="s@b.example", body=b"Subject: gr\xc3\xbcn\n\n.\n", RELAYUTF8="1")
    spool.wait_empty()
    d, = spool.deliveries()
    assert d["id"] == ident and d["from"] == "s@b.example" and d["to"] == ["x@one.example"] and d["flags"] == 3
    assert d["mode"] == os.O_RDONLY  # who delivers can't change the message
    assert d["body"].encode("latin-1") == b"Subject: gr\xc3\xbcn\n\n.\n" and d["route"] == "mx:one.example"
    assert [e["event"] for e in spool.events("start", id=ident) + spool.events("delivery", id=ident, status="delivered")
            + spool.events("done", id=ident)] == ["start", "delivery", "done"]


def test_one_job_for_a_route_and_one_process_for_many_messages(spools):
    s = spools(routes="a.example:127.0.0.1:2525\nb.example:127.0.0.1:2525\n").start()
    s.inject(["x@a.example", "y@b.example", "z@c.example", "w@[192.0.2.1]", "u@X.A.EXAMPLE"])
    s.wait_empty()
    assert sorted((d["route"], d["to"]) for d in s.deliveries()) == [
        ("127.0.0.1:2525", ["x@a.example", "y@b.example"]), ("mx:[192.0.2.1]", ["w@[192.0.2.1]"]),
        ("mx:c.example", ["z@c.example"]), ("mx:x.a.example", ["u@X.A.EXAMPLE"])]
    for i in range(20):
        s.inject(["v@a.example"])
        s.wait_deliveries(5 + i)
    assert len({d["pid"] for d in s.deliveries(route="127.0.0.1:2525")}) == 1


def test_the_remote_gets_nothing_it_must_not_have(spool):
    spool.start()
    spool.inject(["x@one.example"])
    spool.wait_deliveries(1)
    started, = spool.started()
    assert started["argv"][1:] == ["-e", "-r", spool.rules, "-s", "mx:one.example"] and started["cwd"] == "/"
    assert started["fds"] == ["0", "1", "2", "3", "4"]  # the memory of refused logins, and the listing's own


def test_users(spool):
    """-u and -U: scheduler and relay-remote run as others, without groups;
    the remote reads the message all the same."""
    if os.getuid():
        pytest.skip("needs root")
    subprocess.run(["chown", "-R", "65533:65533", spool.queue], check=True)
    spool.start("-u", "65533:65533", "-U", "65534:65534", preexec=lambda: os.setgroups([1, 4, 65532]))
    os.chmod(spool.double, 0o777)
    inject(spool.queue, BODY, envelope("a@b.example", ["x@one.example"]),
           preexec=lambda: (os.setgid(65533), os.setuid(65533)))
    spool.wait_empty()
    started, = spool.started()
    assert started["uid"] == 65534 and started["groups"] == [] and spool.deliveries()
    with open("/proc/%d/status" % spool.proc.pid) as f:
        status = f.read()
    assert re.search(r"^Uid:\s+65533\s+65533\s+65533\s+65533$", status, re.M)
    assert re.search(r"^Groups:\s*$", status, re.M)
    r = subprocess.run([SEND, "-u", "1:1"], preexec_fn=lambda: os.setuid(65534), stderr=subprocess.DEVNULL)
    assert r.returncode == 100


@pytest.mark.parametrize("args", [["-x"], ["-u", "1"], ["-u", "a:b"], ["-u", "1:-1"], ["-t", "0"], ["-t", "x"],
                                  ["-q"], ["more"]])
def test_usage(spool, args):
    r = subprocess.run([SEND, *args], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert r.returncode == 100 and b"usage" in r.stderr


@pytest.mark.skipif(not can_inject(), reason="strace can't delay system calls here")
def test_alarm_during_the_first_scan(spool):
    """A message that the scan finds after SIGALRM is due at once, too, though its next try was to be later."""
    ident = spool.inject(["x@one.example"])
    later = time.time() + 3600
    os.utime(spool.path(ident), (later, later))
    spool.start(wrap=["strace", "-qq", "-o", os.devnull, "-e", "trace=getdents64",
                      "-e", "inject=getdents64:delay_enter=20000"])
    pid = [p for p in spool.proc.members() if stat_of(p)[3] == "relay-send"][0]
    os.kill(pid, signal.SIGALRM)
    spool.wait_event("done", id=ident)


def test_deferred_until_alarm(spool):
    spool.flag("temp")
    spool.start()
    ident = spool.inject(["x@one.example", "y@dead.example"])
    spool.wait_event("defer", id=ident)
    time.sleep(0.3)
    assert len(spool.events("delivery", id=ident)) == 2  # and no more for now
    spool.flag("temp", False)
    spool.flag("alive")
    os.kill(spool.proc.pid, signal.SIGALRM)
    spool.wait_empty()
    assert sorted(r for d in spool.deliveries() for r in d["to"]) == ["x@one.example", "y@dead.example"]


def test_restart_keeps_schedule_and_takes_up_waiting_messages(spool):
    spool.flag("temp")
    spool.start()
    ident = spool.inject(["x@one.example"])
    spool.wait_event("defer", id=ident)
    assert spool.stop() == 0
    spool.flag("temp", False)
    new = [spool.inject(["y%d@one.example" % i]) for i in range(50)]  # nobody listens
    spool.start()
    wait_for(lambda: spool.queued() == [ident], why="all but the deferred one")
    assert sorted(d["id"] for d in spool.deliveries() if d["to"]) == sorted(new)
    time.sleep(0.3)
    assert len(spool.events("start", id=ident)) == 1
    os.kill(spool.proc.pid, signal.SIGALRM)
    spool.wait_empty()


def test_copied_queue_just_works(spool):
    ids = [spool.inject(["x%d@one.example" % i]) for i in range(5)]
    copy = spool.queue + ".copy"
    subprocess.run(["cp", "-r", spool.queue, copy], check=True)
    shutil.rmtree(spool.queue)
    os.rename(copy, spool.queue)
    spool.start()
    spool.wait_empty()
    assert sorted(d["id"] for d in spool.deliveries()) == ids


def test_term_lets_running_deliveries_end(spool):
    spool.start(DOUBLE_SLOW="1.5")
    ident = spool.inject(["slow@one.example"])
    wait_for(lambda: spool.started(), why="started")
    time.sleep(0.3)
    start = time.monotonic()
    assert spool.stop() == 0
    assert time.monotonic() - start < 5
    assert spool.queued() == [] and spool.deliveries(id=ident) and "event=stopped" in spool.text()
    wait_for(lambda: not [p for p in all_pids() if stat_of(p)[1] == spool.proc.pid and stat_of(p)[2] != "Z"],
             why="all have gone")


def test_one_relay_send_only(spool):
    spool.start()
    r = subprocess.run([SEND, "-q", spool.queue, "-r", spool.rules], stderr=subprocess.PIPE)
    assert r.returncode == 111 and b"another" in r.stderr
    spool.stop(signal.SIGKILL)
    spool.start()


def test_queue_missing(spool, tmp_path):
    r = subprocess.run([SEND, "-q", str(tmp_path / "no"), "-r", spool.rules], stderr=subprocess.PIPE)
    assert r.returncode == 111 and b"no" in r.stderr
    r = subprocess.run([SEND, "-q", str(tmp_path), "-r", spool.rules], stderr=subprocess.PIPE)
    assert r.returncode == 111
    os.unlink(os.path.join(spool.queue, "trigger"))  # is made again
    spool.start()
    assert os.stat(os.path.join(spool.queue, "trigger")).st_mode & 0o777 == 0o600
    spool.inject(["x@one.example"])
    spool.wait_empty()


def test_rules(spool):
    """Without rules nothing goes out, as it might go wrong; new rules hold at once; bad ones leave the old."""
    os.rename(spool.rules, spool.rules + ".away")
    spool.start()
    ident = spool.inject(["x@one.example"])
    spool.wait_event("no-rules")
    time.sleep(1.2)
    assert not spool.deliveries() and len(spool.events("no-rules")) == 1
    os.rename(spool.rules + ".away", spool.rules)
    spool.wait_empty()
    spool.compile(routes=":192.0.2.7:2600\n")
    time.sleep(1.1)
    spool.inject(["x@one.example"])
    spool.wait_empty()
    with open(spool.rules + ".bad", "wb") as f:
        f.write(b"rubbish" * 1000)
    os.rename(spool.rules + ".bad", spool.rules)
    os.kill(spool.proc.pid, signal.SIGHUP)
    spool.inject(["x@one.example"])
    spool.wait_empty()
    assert [d["route"] for d in spool.deliveries()] == ["mx:one.example", "192.0.2.7:2600", "192.0.2.7:2600"] and ident
    assert spool.events("no-rules", kept="old")


@pytest.mark.slow
def test_term_waits_for_long_deliveries(spool):
    """A server may take minutes for its answer to the final dot; who leaves before it lets the message arrive twice."""
    spool.start(DOUBLE_SLOW="33")
    ident = spool.inject(["slow@one.example", "temp@one.example"])
    wait_for(lambda: spool.started(), why="started")
    time.sleep(0.5)
    assert spool.stop(seconds=45) == 0
    assert spool.marks(ident) == {"slow@one.example": True, "temp@one.example": False}
    assert [e["running"] for e in spool.events("stopping")] == ["1"]


def test_log_lines_hold_no_raw_bytes(spool):
    spool.start()
    spool.inject(["perm@one.example", "we ird\n\x1b\xff@one.example"], sender="a b\n\x01@c.example")
    spool.wait_empty()
    with open(spool.log, "rb") as f:
        for line in f.read().split(b"\n"):
            assert all(32 <= c < 127 for c in line), line
            assert not line or line.startswith(b"relay-send: ")
