"""What was answered with 250 arrives: whatever is killed, full or missing in between.

The seed of the random kills is printed; POSTHOUSE_SEED repeats it, POSTHOUSE_CRASH_SECONDS makes the loop longer."""
import collections
import os
import random
import re
import signal
import threading
import time

import pytest

from lib.instance import due_now
from lib.messages import big, without_trace
from lib.procs import BIN, all_pids, stat_of, wait_for
from lib.smtp import Closed, Dialogue, wire

SECONDS = float(os.environ.get("POSTHOUSE_CRASH_SECONDS", "30"))
DESTINATION = 20    # the limit `destination`
ORPHANS = 20        # seconds that the deliveries of a killed relay-send may go on
SIZES = (100, 100, 3000, 200000)
OURS = ("relay-gate", "relay-smtpd", "relay-queue", "relay-send", "relay-remote")


class Client(threading.Thread):
    """Sends messages with names of their own, a few on each connection; remembers what it was told of each."""

    def __init__(self, instance, number, stop, seed):
        super().__init__(daemon=True)
        self.instance, self.number, self.stop = instance, number, stop
        self.accepted, self.refused, self.unknown = {}, {}, set()
        self.rnd = random.Random("%d %d" % (seed, number))
        self.wrong = None

    def run(self):
        n = 0
        while not self.stop.is_set():
            name = None
            try:
                with Dialogue((self.instance.host, self.instance.port), seconds=20) as d:
                    d.hello()
                    for _ in range(self.rnd.randrange(1, 4)):
                        n += 1
                        name = "m%d-%d" % (self.number, n)
                        self.one(d, name)
                        name = None
                    d.quit()
            except (Closed, OSError, AssertionError) as e:
                if name:
                    self.unknown.add(name)
                if isinstance(e, AssertionError):
                    self.wrong = e
                time.sleep(0.01)

    def one(self, d, name):
        # no verdict may come before the end of the data, so all goes out at once
        rcpts = ["%s-%d@box.example" % (name, i) for i in range(self.rnd.choice((1, 1, 1, 3)))]
        body = big(self.rnd.choice(SIZES), n_of(name))
        d.send(b"MAIL FROM:<%s@outside.example>\r\n" % name.encode()
               + b"".join(b"RCPT TO:<%s>\r\n" % r.encode() for r in rcpts) + b"DATA\r\n")
        codes = [d.reply().code for _ in range(len(rcpts) + 2)]
        if codes[-1] != 354:
            self.refused[name] = codes[-1]
            return
        d.send(wire(body))
        r = d.reply()
        if r.code == 250:
            self.accepted[name] = (rcpts, time.monotonic())
        else:
            self.refused[name] = r.code
            assert 400 <= r.code < 500, "a crash is temporary, but was answered %r" % r


def n_of(name):
    return int(name[1:].replace("-", "1"))


class Killer:
    """kill -9 for one of our programs after another, whichever runs; starts relay-send anew as supervise would."""

    def __init__(self, instance, seed):
        self.i = instance
        self.rnd = random.Random(seed)
        self.kills = []          # (when, name)
        self.past = []           # relay-sends that were killed

    def running(self):
        """Our programs that run, orphans included: name -> pids."""
        out = collections.defaultdict(list)
        sessions = {p.pid for p in self.i.procs} | {p.pid for p in self.past}
        for pid in all_pids():
            if stat_of(pid)[1] in sessions:
                try:
                    exe = os.readlink("/proc/%d/exe" % pid)
                except OSError:
                    continue
                if os.path.dirname(exe) == BIN and os.path.basename(exe) in OURS:
                    out[os.path.basename(exe)].append(pid)
        return out

    def kill(self):
        running = self.running()
        if not running:
            return
        name = self.rnd.choice(sorted(running))
        pid = self.rnd.choice(running[name])
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills.append((time.monotonic(), name))

    def supervise(self):
        """Its spawner and relay-remotes, when they outlive it, are left to themselves: so does supervise."""
        if not self.i.sender.alive():
            self.past.append(self.i.sender)
            self.i.procs.remove(self.i.sender)
            self.i.send()

    def orphans(self):
        return [pid for p in self.past for pid in p.members()]

    def counts(self):
        return collections.Counter(n for _, n in self.kills)


def restart(instance):
    for p in list(instance.procs):
        p.stop(signal.SIGKILL)
        instance.procs.remove(p)
    due_now(instance)
    instance.send()
    instance.receive()


def unfinished(instance):
    """Files that no trailer ends: what a killed injector leaves. They are never delivered and age away."""
    out = []
    for path in instance.queued():
        try:
            with open(path, "rb") as f:
                f.seek(max(0, os.path.getsize(path) - 200))
                if b"posthouse-message" not in f.read():
                    out.append(path)
        except FileNotFoundError:
            pass
    return out


@pytest.mark.slow
def test_kill_9_at_random(instance, sink):
    seed = int(os.environ.get("POSTHOUSE_SEED") or random.randrange(1 << 30))
    print("seed %d" % seed)
    sink.on["."] = lambda s, line, r=random.Random(seed): (r.choice((0, 0, 0.02)), b"250 2.0.0 kept\r\n")
    stop = threading.Event()
    clients = [Client(instance, n, stop, seed) for n in range(6)]
    killer = Killer(instance, seed)
    for c in clients:
        c.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(killer.rnd.uniform(0.005, 0.12))
        killer.kill()
        killer.supervise()
    stop.set()
    for c in clients:
        c.join(60)
        assert not c.is_alive() and c.wrong is None, c.wrong
    try:
        wait_for(lambda: not killer.orphans(), ORPHANS, "what a killed relay-send left behind has ended")
    finally:
        for p in killer.past:
            p.stop()
    killer.kills.append((time.monotonic(), "relay-send"))
    restart(instance)
    accepted = {k: v for c in clients for k, v in c.accepted.items()}
    refused = {k: v for c in clients for k, v in c.refused.items()}
    unknown = set().union(*(c.unknown for c in clients))
    print("accepted %d, refused %d, cut off %d, kills %s"
          % (len(accepted), len(refused), len(unknown), dict(killer.counts())))
    wait_for(lambda: len(instance.queued()) == len(unfinished(instance)), 90,
             lambda: "only unfinished files are left: %s" % instance.queued()[:5], 0.3)
    lost = {r for rcpts, _ in accepted.values() for r in rcpts} - {r for m in sink.messages for r in m.recipients}
    assert not lost, "lost %d: %s" % (len(lost), sorted(lost)[:10])
    assert not sink.bad
    check_bodies(sink)
    check_duplicates(sink, killer, accepted, refused, unknown)
    assert set(killer.counts()) >= {"relay-smtpd", "relay-send", "relay-remote"}, "the loop killed too little"
    assert len(accepted) > 100, "the load was no load"


def check_bodies(sink):
    """Whole messages alone: nothing cut, nothing mixed."""
    for m in sink.messages:
        name = m.sender.split("@")[0]
        body = without_trace(m.lf)
        whole = any(body == big(size, n_of(name)) for size in SIZES if size <= len(body))
        assert whole, "%s is not what was sent" % name
        assert all(r.startswith(name + "-") for r in m.recipients)


def check_duplicates(sink, killer, accepted, refused, unknown):
    """Twice only where something that held the message died between the next hop's 250 and our note of it."""
    times = collections.defaultdict(list)
    for m in sink.messages:
        for r in m.recipients:
            times[r].append((m.when, re.search(r" id ([0-9a-f]+)", m.header("Received")[0]).group(1)))
    doubled = {r: t for r, t in times.items() if len(t) > 1}
    fatal = [t for t, name in killer.kills if name in ("relay-send", "relay-remote")]
    for r, seen in doubled.items():
        assert len({i for _, i in seen}) == 1, "%s: queued more than once: %s" % (r, seen)
        for (a, _), (b, _) in zip(seen, seen[1:]):
            assert any(a - ORPHANS <= t <= b for t in fatal), "%s came twice (%.3f, %.3f), nothing killed" % (r, a, b)
    # a relay-send takes at most all deliveries under way with it, a relay-remote one
    again = {(i, b) for seen in doubled.values() for b, i in seen[1:]}
    count = killer.counts()
    print("recipients %d, doubled %d, deliveries doubled %d" % (len(times), len(doubled), len(again)))
    assert len(again) <= DESTINATION * count["relay-send"] + count["relay-remote"]
    # 4xx after the data and delivered all the same: an injector that died between its commit and its exit
    ghosts = {r.rsplit("-", 1)[0] for r in times} & set(refused)
    assert len(ghosts) <= killer.counts()["relay-queue"], "told 4xx, but delivered: %s" % sorted(ghosts)[:10]
    strangers = {r.rsplit("-", 1)[0] for r in times} - set(accepted) - set(refused) - unknown
    assert not strangers, sorted(strangers)[:10]


# One program at a time, at a known moment

def open_data(d, body=b"Subject: x\r\n\r\n"):
    d.hello()
    for line, code in (("MAIL FROM:<a@outside.example>", 250), ("RCPT TO:<b@box.example>", 250), ("DATA", 354)):
        d.ok(line, code)
    d.send(body)


def child(instance, name):
    """The pid of the one process `name` of the receiving chain."""
    def look():
        for pid in instance.receiver.members():
            try:
                if os.path.basename(os.readlink("/proc/%d/exe" % pid)) == name:
                    return pid
            except OSError:
                pass
    return wait_for(look, 10, "%s running" % name)


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM, signal.SIGXCPU], ids=lambda s: s.name)
def test_killed_injector(instance, sink, sig):
    """451, nothing delivered; the same session takes the next message."""
    with instance.dialogue() as d:
        open_data(d)
        pid = child(instance, "relay-queue")
        os.kill(pid, sig)
        wait_for(lambda: stat_of(pid)[2] in "ZX", 10, "relay-queue dead")
        d.send(b"more\r\n.\r\n")
        r = d.reply()
        assert 451 <= r.code <= 452 and r.enhanced.startswith("4."), r
        assert d.mail("next@outside.example", "b@box.example") == 250
        d.quit()
    assert [m.sender for m in sink.wait(1)] == ["next@outside.example"]
    wait_for(lambda: len(instance.queued()) == len(unfinished(instance)), 20, "only an unfinished file")
    assert len(sink.messages) == 1


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM], ids=lambda s: s.name)
def test_killed_smtpd(instance, sink, sig):
    """The injector sees no envelope: nothing is queued."""
    with instance.dialogue() as d:
        open_data(d)
        os.kill(child(instance, "relay-smtpd"), sig)
        d.rest()
    wait_for(lambda: not instance.queued(), 10, "the injector has cleaned up")
    assert not sink.messages


def test_killed_smtpd_before_the_last_dot_is_read(instance, sink):
    """Stopped, then given the end of the data, then killed: no 250, so nothing."""
    with instance.dialogue() as d:
        open_data(d)
        pid = child(instance, "relay-smtpd")
        os.kill(pid, signal.SIGSTOP)
        d.send(b"body\r\n.\r\n")
        os.kill(pid, signal.SIGKILL)
        assert d.rest() == b""
    wait_for(lambda: not instance.queued(), 10, "the injector has cleaned up")
    assert not sink.messages


def test_killed_relay_send_takes_up_again(instance, sink):
    """Killed while the next hop hangs at the end of data: after the restart it is delivered."""
    hang = {"on": True}
    sink.on["."] = lambda s, line: "hang" if hang["on"] else None
    with instance.dialogue() as d:
        d.hello()
        assert d.mail("a@outside.example", "b@box.example") == 250
        d.quit()
    wait_for(lambda: any(s.hung for s in sink.sessions), 20, "the delivery hangs")
    hang["on"] = False
    instance.sender.stop(signal.SIGKILL)
    instance.procs.remove(instance.sender)
    due_now(instance)
    instance.send()
    assert len(sink.wait(1)) == 1
    instance.wait_empty()


def test_killed_relay_remote_is_started_again(instance, sink):
    """The message stays, and a later try delivers it."""
    with instance.dialogue() as d:
        sink.on["."] = lambda s, line: "hang"
        d.hello()
        assert d.mail("a@outside.example", "b@box.example") == 250
        wait_for(lambda: any(s.hung for s in sink.sessions), 20, "the delivery hangs")
        sink.on.clear()
        for pid in instance.sender.members():
            if os.path.basename(os.readlink("/proc/%d/exe" % pid)) == "relay-remote":
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
        assert len(instance.queued()) == 1
        instance.sender.stop()
        instance.procs.remove(instance.sender)
        due_now(instance)
        instance.send()
        assert len(sink.wait(1)) == 1
        instance.wait_empty()


def test_stopped_by_term_loses_nothing(instance, sink):
    """SIGTERM for relay-send under load, several times."""
    stop = threading.Event()
    clients = [Client(instance, n, stop, 7) for n in range(4)]
    for c in clients:
        c.start()
    for _ in range(5):
        time.sleep(0.5)
        instance.sender.stop()
        instance.procs.remove(instance.sender)
        instance.send()
    stop.set()
    for c in clients:
        c.join(60)
    due_now(instance)
    instance.sender.stop()
    instance.procs.remove(instance.sender)
    instance.send()
    instance.wait_empty(60)
    accepted = {r for c in clients for rcpts, _ in c.accepted.values() for r in rcpts}
    times = collections.Counter(r for m in sink.messages for r in m.recipients)
    assert accepted and set(times) == accepted
    assert max(times.values()) == 1, "an orderly stop doubles nothing: %s" % [r for r in times if times[r] > 1][:5]
    assert not any(c.refused or c.unknown for c in clients)
