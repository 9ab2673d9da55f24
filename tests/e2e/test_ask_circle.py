"""An `asked` domain whose next hop leads back here: each question would bring a session that asks the same. One circle,
and it is over; and relay-ask never outlives the session that the super-server counts."""
import time

import pytest

from lib.procs import all_pids, free_port, stat_of, wait_for
from lib.sink import HANG

TO = "joe@hosted.example"


def opened(i, client="127.0.0.2"):
    d = i.dialogue(client)
    assert d.reply() == 220 and d.cmd("EHLO c.example") == 250 and d.cmd("MAIL FROM:<x@y.example>") == 250
    return d


def asked(i):
    """Seconds that a recipient takes, who can't be confirmed."""
    began = time.monotonic()
    with opened(i) as d:
        assert d.cmd("RCPT TO:<%s>" % TO) == 451
        took = time.monotonic() - began
        assert d.cmd("QUIT") == 221
    return took


def connections(*instances):
    return sum(len(i.events(event="connect")) for i in instances)


def idle(i):
    """None of the receiver's processes but itself, nor a zombie that init has yet to see."""
    group = [p for p in all_pids() if stat_of(p)[1] == i.receiver.pid and p != i.receiver.pid]
    return not [p for p in group if stat_of(p)[2] not in "ZX"]


@pytest.mark.parametrize("cache", ["asked", "missing/asked"])
def test_a_route_to_ourselves(instances, cache):
    """Sessions: the client's, ours with ourselves. With 40 slots all would be taken, and each would wait a minute."""
    port = free_port("127.0.0.1")
    i = instances(domains="hosted.example asked\n", routes="hosted.example:127.0.0.1:%d\n" % port)
    i.compile()
    i.extra["RELAYASKED"] = i.path(cache)
    i.receive(concurrency=40, port=port)
    assert asked(i) < 6 and connections(i) == 2
    assert {e["answer"] for e in i.events(event="asked")} == {"unknown"}
    # others get in meanwhile
    with opened(i) as first:
        first.send(b"RCPT TO:<%s>\r\n" % TO.encode())
        opened(i, "127.0.0.3").close()
        assert first.reply() == 451
    wait_for(lambda: idle(i), 5)
    assert connections(i) == 5


@pytest.mark.parametrize("cache", ["asked", "missing/asked"])
def test_two_servers_that_ask_each_other(instances, cache):
    ports = free_port("127.0.0.1"), free_port("127.0.0.1")
    both = []
    for n in (0, 1):
        i = instances(me="relay%d.example\n" % n, domains="hosted.example asked\n",
                      routes="hosted.example:127.0.0.1:%d\n" % ports[1 - n])
        i.compile()
        i.extra["RELAYASKED"] = i.path(cache)
        i.receive(concurrency=40, port=ports[n])
        both.append(i)
    assert asked(both[0]) < 6
    assert connections(*both) <= 3
    for i in both:
        wait_for(lambda: idle(i), 5)


def test_the_second_asker_gets_the_first_one_s_answer(instances, sinks):
    """Two clients at once, and the next hop takes its time: it is asked once."""
    hop = sinks()
    hop.on["RCPT"] = lambda session, line: (0.6, b"250 ok\r\n")
    i = instances(domains="hosted.example asked\n", routes=":%s\n" % hop.route)
    i.compile()
    i.receive()
    with opened(i) as a, opened(i, "127.0.0.3") as b:
        for d in (a, b):
            d.send(b"RCPT TO:<%s>\r\n" % TO.encode())
        assert a.reply() == 250 and b.reply() == 250
    assert sum(c.startswith(b"RCPT") for s in hop.sessions for c in s.commands) == 1
    assert sorted(e["cached"] for e in i.events(event="asked")) == ["0", "1"]


def test_relay_ask_does_not_wait_for_a_farewell(instances, sinks):
    """A next hop that is silent at QUIT: the process is gone with the session all the same."""
    hop = sinks()
    hop.on["QUIT"] = lambda session, line: (HANG,)
    i = instances(domains="hosted.example asked\n", routes=":%s\n" % hop.route)
    i.compile()
    i.receive()
    with opened(i) as d:
        assert d.cmd("RCPT TO:<%s>" % TO) == 250
        assert d.cmd("QUIT") == 221
    wait_for(lambda: idle(i), 1)
    wait_for(lambda: b"QUIT" in hop.sessions[0].commands, 5)
