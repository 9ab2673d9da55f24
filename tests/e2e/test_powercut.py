"""Promises 1 to 5 of the queue (INTERNALS) under every power cut that POSIX allows: lib/powercut.py has the model,
lib/promises.py the check. The programs' system calls are recorded once; then every prefix, and for each every order and
part of what was not yet synced, is judged by lib/queue, and a selection is given to a real relay-send."""
import collections
import os
import random
import signal
import subprocess
import tempfile
import time

import pytest

from doubles.spool import BIN, Spool, can_inject, envelope, new_id
from lib import powercut, promises
from lib.procs import sanitized, wait_for

WINDOW = 10      # seconds after a delivery until no power cut brings it back: the machine may be busy
SHOWN = 250      # contents that relay-send is shown
QUEUE = os.path.join(BIN, "relay-queue")
SHEET = b"Fs@sender.example\0RET=HDRS\0Ttold@one.example\0NOTIFY=SUCCESS,FAILURE\0"
BIG = b"Subject: big\n\n" + b"0123456789abcde\n" * 9000

pytestmark = [pytest.mark.skipif(not can_inject(), reason="strace can't trace here"),
              pytest.mark.skipif(sanitized(), reason="a sanitizer makes system calls of its own")]


def inject(s, trace, recipients, body=b"Subject: x\n\nhello\n", check=True, wrap=(), meanwhile=None, sheet=b""):
    """As Spool.inject, traced. `sheet`: what lib/queue/sheet.h has. Returns (ID, exit code)."""
    ident = new_id()
    with tempfile.TemporaryFile() as b, tempfile.TemporaryFile() as e, tempfile.TemporaryFile() as parameters:
        parameters.write(sheet)
        parameters.flush()
        b.write(body)
        e.write(envelope("s@sender.example", recipients))
        b.seek(0)
        e.seek(0)
        name = "%s.%s" % (trace, ident)
        child = subprocess.Popen([*powercut.STRACE, *wrap, "-o", name, QUEUE], stdin=b, stdout=e,
                                 pass_fds=[parameters.fileno()],
                                 env=dict(os.environ, RELAYQUEUE=s.queue, RELAYID=ident,
                                          RELAYDSNFD=str(parameters.fileno())))
        if meanwhile:
            meanwhile(name)
        code = child.wait(60)
    assert not check or code == 0
    return ident, code


def terminate(trace, nth):
    """SIGTERM for relay-queue at its nth fsync: the file is whole, but not yet accepted."""
    def syncs():
        if os.path.exists(trace):
            with open(trace) as f:
                return f.read()
    wait_for(lambda: (syncs() or "").count("fsync(") >= nth, 10, "fsync %d" % nth)
    os.kill(int(syncs().split()[0]), signal.SIGTERM)


def record(s):
    """A day of relay-queue and relay-send: deliveries, marks, a deferral and its later delivery, bounces, reports of
    success, of an alias, of delay, a large message, syncs that fail, refused ones, injectors ended in mid sync, a clean
    stop. Returns (calls, {ID: recipients})."""
    trace, sent = os.path.join(s.dir, "trace"), {}

    def put(*to, **more):
        sent[inject(s, trace, to, **more)[0]] = to
    s.start(wrap=[*powercut.STRACE, "-e", "inject=fdatasync:error=EIO:when=2", "-o", trace + ".send"])
    s.flag("temp")
    put("later@one.example")
    s.wait_event("defer")
    s.flag("temp", False)
    put("x@one.example")
    put("x@one.example", "y@two.example")
    put("x@one.example", "temp@two.example")
    put("perm@one.example")
    put("x@one.example", "perm@two.example", "temp@three.example")
    put("x@one.example", body=BIG)
    put("told@one.example", sheet=SHEET)
    put("told@one.example", "x@two.example", "perm@three.example", sheet=SHEET)
    put("target@one.example", sheet=SHEET + b"Ealias@relay.example\0NOTIFY=SUCCESS\0")
    put("temp@four.example", "told@one.example", sheet=SHEET)
    for when in "1", "2", "2..3":
        fails = ["-e", "inject=fsync:error=EIO:when=" + when]
        assert inject(s, trace, ["x@refused.example"], check=False, wrap=fails)[1] == 53
    for nth in 1, 2:
        slow = ["-e", "inject=fsync:delay_enter=500000:when=%d" % nth]
        _, code = inject(s, trace, ["x@late.example"], check=False, wrap=slow, meanwhile=lambda t: terminate(t, nth))
        assert code == 81
    pid = int(open(trace + ".send").read(20).split()[0])
    late = ["temp@two.example", "temp@three.example", "temp@four.example"]
    s.wait_event("settled")

    def over():
        os.kill(pid, signal.SIGALRM)
        told = "".join(d["body"] for d in s.deliveries(**{"from": ""}) if "Delay" in d["body"])
        return len(s.queued()) == len(late) and all(r in told for r in late)
    wait_for(over, 40, lambda: s.text()[-3000:], 0.5)
    os.kill(pid, signal.SIGTERM)
    assert s.proc.popen.wait(20) == 0
    text = ""
    for name in sorted(os.listdir(s.dir)):
        if name.startswith("trace."):
            with open(os.path.join(s.dir, name)) as f:
                text += f.read()
    return powercut.parse(text), sent


@pytest.fixture(scope="module")
def recorded():
    s = Spool(limits="warn-time 3\n")
    try:
        calls, sent = record(s)
        yield s.queue, calls, sent
    finally:
        s.close()


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    assert os.path.exists(promises.DRIVER), "%s is not there: `make drivers` makes it" % promises.DRIVER
    queue = str(tmp_path_factory.mktemp("judge"))
    for i in range(64):
        os.makedirs("%s/mess/%02x" % (queue, i))
    with subprocess.Popen([promises.DRIVER], cwd=queue, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        yield promises.Judge(p, queue)
        p.stdin.close()


def test_no_power_cut_breaks_a_promise(recorded, judge):
    queue, calls, sent = recorded
    began = time.monotonic()
    wrong, revivable, seen = promises.check(calls, queue, judge)
    facts = promises.facts_of(calls)
    done = {**facts.delivered, **facts.settled}
    assert not wrong, wrong[:10]
    print("%d calls, %d messages, %d contents, %.1f s" % (len(calls), len(seen), sum(map(len, seen.values())),
                                                         time.monotonic() - began))
    assert {(i, r) for i, to in sent.items() for r in to if not r.startswith("temp")} <= set(done)
    assert len(facts.settled) == 3 and {r for _, r in facts.reported} == {"told@one.example", "alias@relay.example"}
    assert len(facts.reported) == 4 and {r for _, r in facts.warned} >= {"temp@two.example", "temp@four.example"}
    assert set("TDSW") == {x for name, all_of in seen.items() for c in all_of for x in letters_of(judge, name, c)}
    late = {k: v for k, v in revivable.items() if v is None or v > WINDOW}
    assert not late, "may come twice long after it was noted: %s" % late
    print("until a delivery is noted for good: %s" % sorted("%.3f" % v for v in revivable.values()))
    assert sum(map(len, seen.values())) > 3000


def letters_of(judge, name, content):
    said = judge(name, content)
    return said.values() if isinstance(said, dict) else ()


def is_sync_of(what):
    """fsync of a file, of a directory by relay-queue, of marks, of a directory by relay-send."""
    def test(c, queuers):
        of_file = bool(powercut.MESSAGE.search(c.path))
        return {"file": c.name == "fsync" and of_file,
                "directory": c.name == "fsync" and not of_file and c.pid in queuers,
                "marks": c.name == "fdatasync",
                "removal": c.name == "fsync" and not of_file and c.pid not in queuers}[what]
    return test


@pytest.mark.parametrize("without, complaint", [
    ("file", "may be unfinished"), ("directory", "may be gone"), ("marks", None), ("removal", None)])
def test_each_sync_is_needed(recorded, judge, without, complaint):
    """The same record without one kind of sync breaks a promise: the check can fail."""
    queue, calls, _ = recorded
    queuers = {c.pid for c in calls if c.name.startswith("open") and "O_CREAT" in c.text and "mess/" in str(c.strings)}
    gone = is_sync_of(without)
    fewer = [c for c in calls if not gone(c, queuers)]
    assert len(fewer) < len(calls)
    wrong, revivable, _ = promises.check(fewer, queue, judge)
    if complaint:
        assert any(complaint in w for _, w in wrong), wrong
    else:
        assert not wrong and None in revivable.values()


def test_a_removal_before_the_bounce_is_queued_is_found(recorded, judge):
    queue, calls, _ = recorded
    facts = promises.facts_of(calls)
    ident = next(i for i, _ in facts.settled)
    start = next(c.begin for c in calls if c.name == "write" and c.path.endswith("send.log") and
                 b"event=bounce id=" + ident.encode() in c.strings[0])
    early = [c._replace(begin=start, end=start) if c.name.startswith(("unlink", "pwrite64")) and ident in
             str(c.strings) + c.path else c for c in calls]
    wrong = promises.check(sorted(early, key=lambda c: (c.end, c.begin)), queue, judge)[0]
    assert any(name == ident and "may be" in w for name, w in wrong), wrong


@pytest.mark.parametrize("letter, instead", [("S", "D"), ("S", "W"), ("T", "W"), ("T", "S")])
def test_a_letter_that_says_too_much_is_found(recorded, judge, letter, instead):
    """A D or a W where success is still to be told, a W where nobody was warned, an S where nothing was delivered."""
    queue, calls, _ = recorded
    if letter == "S":
        other = [c._replace(strings=[instead.encode()]) if c.name == "pwrite64" and c.strings == [b"S"] else c
                 for c in calls]
    else:
        facts = promises.facts_of(calls)
        mark = next(c for c in calls if c.name == "pwrite64" and c.strings == [b"W"])
        ident = powercut.MESSAGE.search(mark.path)[2]
        at = facts.accepted[ident] + 0.001
        other = sorted([*calls, mark._replace(begin=at, end=at, strings=[instead.encode()])],
                       key=lambda c: (c.end, c.begin))
    assert other != calls
    wrong = promises.check(other, queue, judge)[0]
    assert any("may be marked " + instead in w for _, w in wrong), wrong


def test_relay_send_makes_of_it_what_the_check_says(recorded, judge):
    """Files as power cuts leave them, each under a new name (names are nothing but names), in one queue: whole ones are
    delivered to who was not marked, each once; of all others nothing is."""
    queue, calls, _ = recorded
    seen = promises.check(calls, queue, judge)[2]
    contents = sorted({(name, x) for name, all_of in seen.items() for x in all_of})
    whole = [x for x in contents if isinstance(judge(*x), dict)]
    others = random.Random(5).sample([x for x in contents if x not in set(whole)], SHOWN)
    s = Spool()
    try:
        want, ids = collections.Counter(), set()
        for name, x in whole + others:
            ident = new_id()
            ids.add(ident)
            with open(s.path(ident), "wb") as f:
                f.write(x)
            said = judge(name, x)
            for r, letter in said.items() if isinstance(said, dict) else ():
                if letter in "TW" and not r.startswith(("temp", "perm", "alias")):
                    want[ident, r] += 1
        assert len(want) > 10
        s.start()
        wait_for(lambda: sum(len(d["to"]) for d in s.deliveries() if d["id"] in ids) >= len(want), 30, "delivered")
        s.stop()
        got = collections.Counter((d["id"], r) for d in s.deliveries() for r in d["to"] if d["id"] in ids)
        assert got == want
        damaged = os.path.join(s.queue, "damaged")
        left = set(s.queued()) | set(os.listdir(damaged) if os.path.isdir(damaged) else ())
        assert left >= ids - {i for i, _ in want} - {e["id"] for e in s.events("done")}
    finally:
        s.close()
