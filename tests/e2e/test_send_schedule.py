"""relay-send, over doubles of relay-remote: destinations among each other, new rules, late messages."""
import collections
import os
import signal
import time

import pytest

from lib.procs import wait_for


def copies(spool, ident, count, when=None):
    """The same message under other names, as if it had come `count` times more."""
    with open(spool.path(ident), "rb") as f:
        data = f.read()
    names = ["%014x%06x%02x" % ((1 << 50) + i, 1, i % 64) for i in range(count)]
    for name in names:
        with open(spool.path(name), "wb") as f:
            f.write(data)
        if when:
            os.utime(spool.path(name), (when, when))
    return names


def routes(spool):
    return collections.Counter(d["route"] for d in spool.deliveries())


def test_thousands_for_one_delay_no_other(spool):
    """A next hop that works, slowly, with thousands waiting: another's first is delivered as if there were none, which
    would all have gone before if it had waited for them."""
    ident = spool.inject(["slow@busy.example"])
    copies(spool, ident, 5000)
    spool.start(DOUBLE_SLOW="0.2", DOUBLE_IDLE="30")
    wait_for(lambda: routes(spool)["mx:busy.example"] >= 50, why="the busy one works")
    for n in range(3):
        before = routes(spool)["mx:busy.example"]
        other = spool.inject(["x@other%d.example" % n])
        wait_for(lambda: spool.deliveries(id=other), 20, "the other's first", 0.02)
        # at most 20 at once, each 0.2 s; the double is a Python that must start, on a machine that may be busy
        assert routes(spool)["mx:busy.example"] - before < 500


def first_of(spool, other, start):
    """Seconds until the message is delivered."""
    wait_for(lambda: spool.deliveries(id=other), 120, "the other's first", 0.02)
    return time.monotonic() - start


@pytest.mark.slow
def test_a_hundred_thousand_for_one_delay_no_other(spool):
    """The same with a hundred thousand: another's first when it arrives, and when it waits with them at a
    restart, where each must be looked at once."""
    ident = spool.inject(["slow@busy.example"])
    copies(spool, ident, 100000)
    spool.start(DOUBLE_SLOW="0.5", DOUBLE_IDLE="30")
    wait_for(lambda: routes(spool)["mx:busy.example"] >= 20, 120, "the busy one works")
    arrivals = []
    for n in range(5):
        start = time.monotonic()
        arrivals.append(first_of(spool, spool.inject(["x@other%d.example" % n]), start))
    assert spool.stop() == 0
    other = spool.inject(["x@late.example"])   # nobody hears of it: it is found among the rest
    start = time.monotonic()
    spool.start(DOUBLE_SLOW="0.5", DOUBLE_IDLE="30")
    restart = first_of(spool, other, start)
    left = len(spool.queued())
    print("arrivals: %s s; at a restart: %.2f s; %d wait" % (" ".join("%.2f" % a for a in arrivals), restart, left))
    assert left > 95000 and max(arrivals) < 30 and restart < 40


def test_many_due_together_for_a_dead_one(spool):
    """SIGALRM makes thousands due that wait for a next hop that hangs; a deferred one of another is reached at once."""
    ident = spool.inject(["x@stuck.example"])
    spool.start()
    spool.wait_event("start", id=ident)
    late = spool.inject(["temp@other.example"])
    spool.wait_event("defer", id=late)
    copies(spool, ident, 3000)
    spool.stop(signal.SIGKILL)
    spool.start()
    wait_for(lambda: len(spool.events("start")) >= 3000, why="all have been looked at")
    before = len(spool.events("start"))
    os.kill(spool.proc.pid, signal.SIGALRM)
    spool.wait_event("defer", id=late, count=2)
    assert len(spool.events("start")) - before < 100  # and of the others hardly a file was opened again


def test_places_are_shared(spools):
    """All places are one destination's, whose jobs take a second; another's first waits for one of them, not all."""
    s = spools(limits="concurrency 3\ndestination 3\n")
    ident = s.inject(["slow@busy.example"])
    copies(s, ident, 100)
    s.start(DOUBLE_SLOW="1", DOUBLE_IDLE="30")
    wait_for(lambda: routes(s)["mx:busy.example"] >= 3, why="all places are taken")
    other = s.inject(["x@other.example"])
    wait_for(lambda: s.deliveries(id=other), 20, "the other's first", 0.02)
    assert routes(s)["mx:busy.example"] <= 12


def test_new_rules_for_what_is_queued(spool):
    """Five hang, others are queued or wait for room: these go by the new route, the five stay where they are."""
    ids = [spool.inject(["x%d@stuck.example" % i]) for i in range(70)]
    spool.start()
    wait_for(lambda: len(spool.events("start")) >= 70, why="all have been looked at")
    assert not spool.deliveries()
    time.sleep(0.3)
    spool.compile(routes="stuck.example:192.0.2.7:2600\n")
    os.kill(spool.proc.pid, signal.SIGHUP)
    wait_for(lambda: len(spool.deliveries()) == 65, why="all but the five")
    assert routes(spool) == {"192.0.2.7:2600": 65} and set(spool.queued()) < set(ids)
    assert int(spool.wait_event("rules")[0]["rerouted"]) >= 35


def test_new_rules_without_a_signal(spool):
    """rules.cdb is replaced while nothing happens: the next delivery goes by the new ones."""
    spool.start()
    spool.inject(["x@one.example"])
    spool.wait_deliveries(1)
    spool.compile(routes="one.example:192.0.2.7:2600\n")
    time.sleep(1.1)  # it looks once in a second at most
    spool.inject(["x@one.example"])
    assert [d["route"] for d in spool.wait_deliveries(2)] == ["mx:one.example", "192.0.2.7:2600"]


@pytest.mark.parametrize("how", ["signal", "file"])
def test_kept_connections_end_with_their_rules(spool, how):
    """The next hop stays the same, but other rules may be meant for how it is spoken to."""
    spool.start(DOUBLE_IDLE="30")
    for _ in range(2):
        spool.inject(["x@one.example"])
        spool.wait_empty()
    if how == "signal":
        os.kill(spool.proc.pid, signal.SIGHUP)
    else:
        spool.compile(me="other.example\n")
        time.sleep(1.1)
    for _ in range(2):
        spool.inject(["x@one.example"])
        spool.wait_empty()
    a, b, c, d = [d["pid"] for d in spool.deliveries()]
    assert a == b != c == d


def test_stop_while_messages_wait_everywhere(spool):
    """SIGTERM with messages queued, parked, deferred and just arrived: exit 0 soon, and all are still there."""
    ids = [spool.inject(["x%d@dead.example" % i]) for i in range(5)] + [spool.inject(["temp@one.example"])]
    spool.flag("hang")
    spool.start(DOUBLE_SLOW="0.5")
    ids += [spool.inject(["slow@two.example"]) for i in range(100)]
    wait_for(lambda: len(spool.events("start")) >= 106, why="all have been looked at")
    spool.flag("hang", False)
    assert spool.stop() == 0
    done = {d["id"] for d in spool.deliveries()}
    assert {d["id"] for d in spool.deliveries() if d["to"]} | set(spool.queued()) == set(ids) and len(done) < 30
    spool.flag("alive")
    spool.start()
    os.kill(spool.proc.pid, signal.SIGALRM)
    wait_for(lambda: spool.queued() == [ids[5]], why="all but the one that is deferred")
    assert max(collections.Counter((d["id"], r) for d in spool.deliveries() for r in d["to"]).values()) == 1


def alarm(spool, ident):
    """Everything is tried now, and that is over."""
    count = len(spool.events("defer", id=ident))
    os.kill(spool.proc.pid, signal.SIGALRM)
    spool.wait_event("defer", id=ident, count=count + 1)


def test_the_sender_hears_once_that_a_message_is_late(spools):
    """warn-time: one report for all that is late of a message, also over a restart; none before its time."""
    s = spools(limits="warn-time 2\n").start()
    ident = s.inject(["temp@one.example", "temp@two.example", "ok@one.example"])
    bounce = s.inject(["temp@one.example"], sender="")
    for i in (ident, bounce):
        s.wait_event("defer", id=i)
    assert not [d for d in s.deliveries() if d["from"] == "" and d["to"]]
    time.sleep(2.1)
    alarm(s, ident)
    report = wait_for(lambda: [d["body"] for d in s.deliveries(**{"from": ""}) if d["to"] == ["a@b.example"]],
                      why="the report")[0]
    assert "delayed" in report and "temp@one.example" in report and "temp@two.example" in report and "ok@" not in report
    alarm(s, ident)
    s.stop()
    with open(s.path(ident), "rb") as f:
        data = f.read()
    # without parameters a file is one of format 1; the warning is noted all the same
    assert b"posthouse-message-1 " in data and data.count(b"\0Wtemp@") == 2
    s.start()
    alarm(s, ident)
    time.sleep(0.5)
    assert sum(d["to"] == ["a@b.example"] for d in s.deliveries()) == 1 and set(s.queued()) == {ident, bounce}


def test_late_messages_are_not_told_of_by_default(spool):
    ident = spool.inject(["temp@one.example"])
    spool.start()
    spool.wait_event("defer", id=ident)
    time.sleep(1.1)
    alarm(spool, ident)
    time.sleep(0.3)
    assert spool.queued() == [ident] and not spool.deliveries(**{"from": ""})
