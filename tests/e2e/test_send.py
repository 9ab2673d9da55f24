"""relay-send, over doubles of relay-remote: delivery, retries, bounces, damage, deaths, limits."""
import collections
import json
import os
import re
import resource
import shutil
import signal

import struct
import subprocess
import time

import pytest

from doubles.spool import BIN, BODY, can_inject, envelope, inject
from lib.procs import all_pids, stat_of, status_of, wait_for

SEND = os.path.join(BIN, "relay-send")


def children(proc, name):
    return [p for p in proc.members() if stat_of(p)[3].startswith(name)]


def spawner_of(spool):
    """The other process of relay-send's own, the syncer, gives itself a name when it begins."""
    wait_for(lambda: children(spool.proc, "relay-send-sync"), why="the syncer")
    pid, = [p for p in children(spool.proc, "relay-send") if p != spool.proc.pid and stat_of(p)[3] == "relay-send"]
    return pid


def delivered(spool):
    """How often each recipient of each message was delivered."""
    return collections.Counter((d["id"], r) for d in spool.deliveries() for r in d["to"])


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
        ("127.0.0.1:2525", ["x@a.example", "y@b.example"]), ("192.0.2.1:25", ["w@[192.0.2.1]"]),
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
    assert started["argv"][1:] == ["-r", spool.rules, "-s", "mx:one.example"] and started["cwd"] == "/"
    assert started["fds"] == ["0", "1", "2", "3"]  # 3 is the listing's own


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


@pytest.mark.parametrize("how", ["flip", "truncate", "address", "trailer"])
def test_damaged_is_put_aside(spool, how):
    good = spool.inject(["x@one.example"])
    bad = spool.inject(["y@one.example"], body=b"Subject: damaged\n\n" + b"line\n" * 3000)
    with open(spool.path(bad), "rb") as f:
        data = bytearray(f.read())
    if how == "flip":
        data[1000] ^= 1
    elif how == "address":
        data[data.rindex(b"y@one")] ^= 1
    elif how == "trailer":
        data[-100] ^= 1
    else:
        del data[1000:2000]
    with open(spool.path(bad), "wb") as f:
        f.write(data)
    spool.start("-t", "1")
    wait_for(lambda: not spool.queued(), why="both gone")
    assert spool.events("damaged", id=bad) and [d["id"] for d in spool.deliveries()] == [good]
    with open(os.path.join(spool.queue, "damaged", bad), "rb") as f:
        assert f.read() == data
    time.sleep(1.5)
    assert len(spool.events("damaged")) == 1


def test_damaged_that_cannot_be_put_aside_is_left_alone(spool):
    with open(os.path.join(spool.queue, "damaged"), "w"):
        pass
    bad = spool.inject(["y@one.example"])
    with open(spool.path(bad), "r+b") as f:
        f.write(b"X")
    spool.start("-t", "1")
    spool.wait_event("damaged", id=bad)
    time.sleep(2.5)
    assert len(spool.events("damaged")) == 1 and spool.queued() == [bad] and not spool.deliveries()


def test_unfinished_is_ignored(spool):
    bad = spool.inject(["y@one.example"])
    os.truncate(spool.path(bad), os.stat(spool.path(bad)).st_size - 1)
    spool.start("-t", "1")
    spool.inject(["x@one.example"])
    spool.wait_deliveries(1)
    time.sleep(1.5)
    assert spool.queued() == [bad] and len(spool.deliveries()) == 1 and not spool.events("damaged")
    # Old, it may be a message that has lost its end: kept.
    os.utime(spool.path(bad), (1, 1))
    wait_for(lambda: spool.events("damaged", id=bad), why="put aside")
    assert os.listdir(os.path.join(spool.queue, "damaged")) == [bad]


def test_rubbish_in_the_trigger(spool):
    spool.start()
    with open(os.path.join(spool.queue, "trigger"), "wb", buffering=0) as f:
        f.write(b"\n\n\0\xff" * 50 + b"x" * 3000 + b"\n" + b"0" * 22 + b"\n" + b"f" * 20 + b"40\n"
                + b"../" * 7 + b"x\n")
        f.write(b"y" * 100)  # no line end
    spool.inject(["w@one.example"])
    time.sleep(0.2)
    spool.inject(["x@one.example"])
    wait_for(lambda: ["x@one.example"] in [d["to"] for d in spool.deliveries()], why="delivered")
    assert spool.proc.alive()


def test_names_of_waiting_messages_change_nothing(spool):
    spool.flag("temp")
    spool.start()
    ident = spool.inject(["x@one.example"])
    spool.wait_event("defer", id=ident)
    with open(os.path.join(spool.queue, "trigger"), "wb", buffering=0) as f:
        f.write(ident.encode() + b"\n")
    time.sleep(0.3)
    assert len(spool.events("start", id=ident)) == 1


def test_lost_names_are_found_by_the_scan(spool):
    spool.start("-t", "1")
    trigger = os.path.join(spool.queue, "trigger")
    os.rename(trigger, trigger + ".away")
    ident = spool.inject(["x@one.example"])
    os.rename(trigger + ".away", trigger)
    spool.wait_empty()
    assert spool.deliveries(id=ident)


def test_full_trigger(spool):
    """relay-send stopped, the FIFO full: the injector gives up waiting, and the message is found soon all the same."""
    spool.start()
    os.kill(spool.proc.pid, signal.SIGSTOP)
    fd = os.open(os.path.join(spool.queue, "trigger"), os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(fd, b"0" * 22 + b"\n")
    except BlockingIOError:
        pass
    os.close(fd)
    ident = spool.inject(["x@one.example"])
    os.kill(spool.proc.pid, signal.SIGCONT)
    spool.wait_empty()
    assert spool.deliveries(id=ident)


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


def test_limits_of_processes(spools):
    s = spools(limits="destination 3\nconcurrency 5\n")
    s.flag("hang")
    s.start()
    for i in range(30):
        s.inject(["x%d@one.example" % i, "y%d@two.example" % i, "z%d@three.example" % i])
    time.sleep(1.5)
    running = [p["route"] for p in s.started()]
    assert len(running) <= 5 and max(running.count(r) for r in running) <= 3
    s.flag("hang", False)
    s.wait_empty()
    assert len(s.deliveries()) == 90


def test_more_destinations_than_processes(spools):
    s = spools(limits="concurrency 3\n").start()
    for i in range(40):
        s.inject(["x@d%d.example" % (i % 20)])
    s.wait_empty()
    assert len(s.deliveries()) == 40


def test_a_dead_destination_holds_nobody_up(spool):
    """Hundreds of messages for a destination that hangs, then one for a live one."""
    spool.start()
    for i in range(300):
        spool.inject(["x%d@stuck.example" % i])
    for i in range(300):
        spool.inject(["x%d@dead.example" % i])
    start = time.monotonic()
    ident = spool.inject(["x@live.example", "y@stuck.example"])
    wait_for(lambda: ["x@live.example"] in [d["to"] for d in spool.deliveries(id=ident)], 5,
             "delivered to the live one")
    assert time.monotonic() - start < 3
    # The dead destination was not tried three hundred times: it rests.
    wait_for(lambda: len(spool.events("defer")) >= 300, why="all of the dead one's are deferred")
    assert len([p for p in spool.started() if p["route"] == "mx:dead.example"]) <= 10


def test_rest_becomes_longer_and_ends(spool):
    spool.start()
    ident = spool.inject(["x@dead.example"])
    spool.wait_event("rest", failures=1)
    os.kill(spool.proc.pid, signal.SIGALRM)
    spool.wait_event("rest", failures=2)
    os.kill(spool.proc.pid, signal.SIGALRM)
    spool.wait_event("rest", failures=3)
    seconds = [int(e["seconds"]) for e in spool.events("rest")]
    assert seconds == sorted(seconds) and seconds[2] > 2 * seconds[0]
    spool.inject(["y@dead.example"])  # deferred at once, unasked
    spool.wait_event("delivery", to="y@dead.example", status="deferred")
    assert len(spool.events("rest")) == 3
    spool.flag("alive")
    os.kill(spool.proc.pid, signal.SIGALRM)
    spool.wait_empty()
    assert len(spool.deliveries()) == 2 and ident


def test_many_recipients(spool):
    spool.start()
    to = ["x%d@one.example" % i for i in range(2500)] + ["y@d%d.example" % i for i in range(60)]
    ident = spool.inject(to)
    spool.wait_empty(40)
    got = [r for d in spool.deliveries(id=ident) for r in d["to"]]
    assert sorted(got) == sorted(to) and max(d["all"] for d in spool.deliveries()) == 100


def test_long_addresses_fit_a_job(spool):
    spool.start()
    to = ["%s%d@one.example" % ("x" * 900, i) for i in range(300)]
    spool.inject(to)
    spool.wait_empty()
    assert sorted(r for d in spool.deliveries() for r in d["to"]) == sorted(to)


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
    spool.start(DOUBLE_SLOW="1.5")
    pid = spool.proc.pid
    ident = spool.inject(["ok@one.example", "temp@one.example", "slow@one.example"])
    spool.wait_event("start", id=ident)
    tracer = subprocess.Popen(["strace", "-qq", "-o", os.devnull, "-e", "trace=" + call, "-e",
                               "inject=%s:error=%s:when=1..4" % (call, error), "-p", str(pid)])
    try:
        wait_for(lambda: status_of(pid, "TracerPid") == tracer.pid, why="traced")
        spool.wait_event("trouble", id=ident)
        spool.wait_event("settled", id=ident)
    finally:
        tracer.terminate()
        tracer.wait()
    assert spool.marks(ident) == {"ok@one.example": True, "temp@one.example": False, "slow@one.example": True}
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


def test_marks_need_no_descriptors_of_their_own(spool):
    """Many messages that have delivered to one next hop and wait for others, and few descriptors: all marks stand."""
    spool.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)))
    spool.inject(["x@fast.example"])  # it works
    spool.wait_empty()
    ids = [spool.inject(["x@fast.example", "y@stuck%d.example" % (i % 8)]) for i in range(170)]
    wait_for(lambda: len(spool.deliveries()) == 171, 30, lambda: "all to the fast one\n" + spool.text()[-2000:])
    time.sleep(0.3)
    assert all(spool.marks(i) == {"x@fast.example": True, "y@stuck%d.example" % (n % 8): False}
               for n, i in enumerate(ids))
    assert not spool.events("trouble") and max(delivered(spool).values()) == 1


def test_a_full_queue_holds_up_no_other_recipients(spool):
    """A burst fills the queue of a next hop that works; those without room, held active by one that hangs,
    get theirs as soon as there is room."""
    ids = [spool.inject(["x@fast.example", "y@stuck%d.example" % (i % 4)]) for i in range(200)]
    spool.start()
    wait_for(lambda: len(spool.deliveries()) == 200, 20, lambda: "all to the fast one\n" + spool.text()[-2000:])
    assert delivered(spool) == {(i, "x@fast.example"): 1 for i in ids}


def test_spawner_killed(spool):
    """Without its spawner it can't go on: it ends, to be started again."""
    spool.start()
    os.kill(spawner_of(spool), signal.SIGKILL)
    assert spool.proc.popen.wait(10) == 111


def test_memory_per_waiting_message(spool):
    """20,000 messages that wait: relay-send stays small."""
    ident = spool.inject(["x@dead.example"])
    with open(spool.path(ident), "rb") as f:
        data = f.read()
    later = time.time() + 5000
    for i in range(20000):
        name = "%014x%06x%02x" % (1 << 50 | i, 1, i % 64)
        with open(spool.path(name), "wb") as f:
            f.write(data)
        os.utime(spool.path(name), (later, later))
    spool.start()
    spool.wait_event("defer", id=ident)
    wait_for(lambda: status_of(spool.proc.pid, "VmRSS") > 0, why="runs")
    time.sleep(1)
    assert status_of(spool.proc.pid, "VmRSS") < 6000 and len(spool.events("start")) == 1


def test_log_lines_hold_no_raw_bytes(spool):
    spool.start()
    spool.inject(["perm@one.example", "we ird\n\x1b\xff@one.example"], sender="a b\n\x01@c.example")
    spool.wait_empty()
    with open(spool.log, "rb") as f:
        for line in f.read().split(b"\n"):
            assert all(32 <= c < 127 for c in line), line
            assert not line or line.startswith(b"relay-send: ")
