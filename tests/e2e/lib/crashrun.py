"""Many messages through a next hop that fails a third of the time, while relay-send is killed again and again.

    python3 tests/e2e/lib/crashrun.py [MESSAGES]        # `make crash-run`; prints the counts, exit 1 if a promise broke

Counted are what was accepted, what arrived, how often, and what relay-send had logged when it was killed. A message may
arrive twice where a kill fell between the next hop's 250 and relay-send's note of it, and nowhere else."""
import collections
import os
import random
import re
import signal
import sys
import threading
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.instance import Instance  # noqa: E402
from lib.procs import wait_for  # noqa: E402
from lib.sink import CLOSE, Sink  # noqa: E402

CLIENTS = 8
PER_SESSION = 100
DESTINATION = 20     # the limit `destination`: deliveries at once
ORPHANS = 20         # seconds that the deliveries of a killed relay-send may go on
BEFORE = 0.5         # seconds that a delivery in hand may take after its relay-send was killed
AFTER = 1.0          # and that relay-send may take to note one that has arrived
SHIFT = 1.25         # arrivals moved by so much are not explained any more, or the check would see nothing
ENOUGH = 5           # doubles to tell that by
SLOW = 0.1           # of the good answers come late, though the message is kept: time for a kill in between
DELIVERED = re.compile(rb" event=delivery .* to=r([0-9]+)@.* status=delivered ")
REFUSALS = (("MAIL", b"450 4.7.1 later\r\n"), ("RCPT", b"451 4.7.1 greylisted\r\n"), (".", b"452 4.3.1 full\r\n"),
            (".", b"421 4.3.2 going down\r\n"), (".", (CLOSE,)), ("RCPT", (CLOSE,)))


class NextHop:
    """A third of all tries fail: refused for now at MAIL, RCPT or the end of the data, or cut off before the answer."""

    def __init__(self, sink, seed):
        self.rnd = random.Random(seed)
        self.said = collections.Counter()
        self.tries = 0
        for verb in ("MAIL", "RCPT", "."):
            sink.on[verb] = lambda session, line, verb=verb: self.answer(session, verb)

    def answer(self, session, verb):
        if verb == "MAIL":
            self.tries += 1
            session.fate = self.rnd.choice(REFUSALS) if self.rnd.random() < 1 / 3 else None
        if not session.fate and verb == "." and self.rnd.random() < SLOW:
            return (0.05, b"250 2.0.0 kept\r\n")
        if not session.fate or session.fate[0] != verb:
            return None
        what = session.fate[1]
        self.said["%s at %s" % (what[:3].decode() if isinstance(what, bytes) else "cut off", verb)] += 1
        return (what, CLOSE) if what[:3] == b"421" else what


def unexplained(doubled, kills, logged, shift=0.0):
    """doubled: message -> times of its arrivals, in order; kills: (time, bytes of the log then); logged: message ->
    where in the log it is said to be delivered. Returns (message, time, time) of arrivals that came again although no
    kill explains that, and those of which the log had been written before the kill: there may be one for each kill,
    which came between the log's line and the note."""
    wrong, late = [], []
    for n, seen in doubled.items():
        for a, b in zip(seen, seen[1:]):
            near = [(t, at) for t, at in kills if a + shift - BEFORE <= t <= min(b, a + shift + AFTER)]
            if not near:
                wrong.append((n, a, b))
            elif not any(all(line >= at for line in logged.get(n, ())) for _, at in near):
                late.append((n, a, b))
    return wrong, late


class Run:
    """So many messages, and on a machine that is done with them early as many more as come until relay-send was killed
    `least` times. pause: least and most seconds between two kills."""

    def __init__(self, messages, pause, seed, least=0):
        self.messages, self.pause, self.seed, self.least = messages, pause, seed, least
        self.kills, self.past, self.accepted = [], [], set()
        self.given, self.lock = 0, threading.Lock()
        self.broken = []

    def more(self):
        """The numbers of the next session's messages, none when that was all."""
        with self.lock:
            n = min(PER_SESSION, self.messages - self.given)
            if not n and len(self.kills) < self.least:
                n = PER_SESSION
            self.messages = max(self.messages, self.given + n)
            self.given += n
            return range(self.given - n, self.given)

    def client(self):
        for mine in iter(self.more, range(0)):
            with self.instance.dialogue(seconds=120) as d:
                d.hello()
                for n in mine:
                    r = d.mail("m%d@outside.example" % n, "r%d@box.example" % n, b"Subject: %d\n\nx\n" % n)
                    if r == 250:
                        self.accepted.add(n)
                    else:
                        self.broken.append("message %d was answered %r" % (n, r))
                d.quit()

    def kill(self):
        """As a crash and then supervise: its relay-remotes are left to themselves, as orphans."""
        old = self.instance.sender
        os.kill(old.pid, signal.SIGKILL)
        when = time.monotonic()
        old.popen.wait()
        self.kills.append((when, os.path.getsize(self.instance.path("send.log"))))
        self.instance.procs.remove(old)
        self.past.append(old)
        self.instance.send()

    def alarm(self):
        os.kill(self.instance.sender.pid, signal.SIGALRM)

    def go(self, seconds):
        rnd = random.Random(self.seed)
        with Sink(keep_data=False) as self.sink, Instance(routes=":%s\n" % self.sink.route) as self.instance:
            self.hop = NextHop(self.sink, self.seed)
            self.instance.start()
            began = time.monotonic()
            clients = [threading.Thread(target=self.client, daemon=True) for _ in range(CLIENTS)]
            for t in clients:
                t.start()
            next_kill = began + rnd.uniform(*self.pause)
            while any(t.is_alive() for t in clients) or self.instance.queued():
                time.sleep(min(1, self.pause[0] / 3))
                if time.monotonic() > next_kill:
                    self.kill()
                    next_kill = time.monotonic() + rnd.uniform(*self.pause)
                self.alarm()
                assert time.monotonic() < began + seconds, "%d left" % len(self.instance.queued())
            try:
                wait_for(lambda: not [p for o in self.past for p in o.members()], ORPHANS, "orphans have ended", 0.1)
            finally:
                for o in self.past:
                    o.stop(signal.SIGKILL)
            self.seconds = time.monotonic() - began
            self.count()
        return self

    def count(self):
        times = collections.defaultdict(list)
        for m in self.sink.messages:
            times[int(m.sender[1:].split("@")[0])].append(m.when)
        logged = self.logged()
        self.lost = self.accepted - set(times)
        self.doubled = {n: sorted(t) for n, t in times.items() if len(t) > 1}
        self.extra = sum(len(t) - 1 for t in self.doubled.values())
        wrong, late = unexplained(self.doubled, self.kills, logged)
        self.shifted = len(unexplained(self.doubled, self.kills, logged, SHIFT)[0])
        self.late = len(late)
        if self.accepted - set(logged):
            self.broken.append("never logged: %s" % sorted(self.accepted - set(logged))[:20])
        if self.extra >= ENOUGH and self.shifted < self.extra / 2:
            self.broken.append("around a kill is what any arrival is: %d" % self.shifted)
        self.broken += ["message %d came at %.3f and %.3f, and nothing was killed" % w for w in wrong]
        if self.late > len(self.kills):
            self.broken.append("came again although logged as delivered before the kill: %s" % late[:20])
        if self.lost:
            self.broken.append("lost: %s" % sorted(self.lost)[:20])
        if self.extra > DESTINATION * len(self.kills):
            self.broken.append("%d doubled by %d kills" % (self.extra, len(self.kills)))
        if set(times) - self.accepted:
            self.broken.append("never accepted: %s" % sorted(set(times) - self.accepted)[:20])
        if self.instance.queued() or self.sink.bad:
            self.broken.append("something is left in the queue, or bad bytes were sent")

    def logged(self):
        """Message -> where the log's lines stand that say it was delivered."""
        out, at = collections.defaultdict(list), 0
        with open(self.instance.path("send.log"), "rb") as f:
            for line in f:
                m = DELIVERED.search(line)
                if m:
                    out[int(m.group(1))].append(at)
                at += len(line)
        return out

    def __str__(self):
        why = ", ".join("%s %d" % (k, n) for k, n in sorted(self.hop.said.items()))
        rows = [("messages accepted", len(self.accepted)), ("arrived", len(self.accepted) - len(self.lost)),
                ("lost", len(self.lost)),
                ("arrived twice", "%d (%d deliveries more), each around a kill" % (len(self.doubled), self.extra)),
                ("  logged before it", self.late),
                ("  around none", "%d, if all had arrived %.2f s later" % (self.shifted, SHIFT)),
                ("relay-send killed", "%d times" % len(self.kills)), ("tries", self.hop.tries),
                ("failed", "%d: %s" % (sum(self.hop.said.values()), why)),
                ("seconds", "%.0f (seed %d)" % (self.seconds, self.seed))]
        return "\n".join(["%-21s %s" % row for row in rows] + ["BROKEN: " + b for b in self.broken])


def main():
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    seed = int(os.environ.get("POSTHOUSE_SEED") or random.randrange(1 << 30))
    run = Run(messages, (2, 5), seed).go(max(600, messages // 20))
    print(run)
    return 1 if run.broken else 0


if __name__ == "__main__":
    sys.exit(main())
