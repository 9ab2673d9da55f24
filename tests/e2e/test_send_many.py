"""relay-send with many messages, recipients and next hops: no more processes, descriptors and memory than it should,
and nobody waits for others."""
import os
import resource
import signal
import time

from doubles.spool import delivered
from lib.procs import status_of, wait_for


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
    ident = spool.inject(["x@live.example", "y@stuck.example"])
    wait_for(lambda: ["x@live.example"] in [d["to"] for d in spool.deliveries(id=ident)],
             why="delivered to the live one")
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


def test_marks_need_no_descriptors_of_their_own(spool):
    """Many messages that have delivered to one next hop and wait for others, and few descriptors: all marks stand."""
    spool.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)))
    spool.inject(["x@fast.example"])  # it works
    spool.wait_empty()
    ids = [spool.inject(["x@fast.example", "y@stuck%d.example" % (i % 8)]) for i in range(170)]
    wait_for(lambda: len(spool.deliveries()) == 171, 30, lambda: "all to the fast one\n" + spool.text()[-2000:])
    wait_for(lambda: all(spool.marks(i) == {"x@fast.example": True, "y@stuck%d.example" % (n % 8): False}
                         for n, i in enumerate(ids)), 20, lambda: "all marks\n" + spool.text()[-2000:], 0.1)
    assert not spool.events("trouble") and max(delivered(spool).values()) == 1


def test_a_full_queue_holds_up_no_other_recipients(spool):
    """A burst fills the queue of a next hop that works; those without room, held active by one that hangs,
    get theirs as soon as there is room."""
    ids = [spool.inject(["x@fast.example", "y@stuck%d.example" % (i % 4)]) for i in range(200)]
    spool.start()
    wait_for(lambda: len(spool.deliveries()) == 200, 20, lambda: "all to the fast one\n" + spool.text()[-2000:])
    assert delivered(spool) == {(i, "x@fast.example"): 1 for i in ids}


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
