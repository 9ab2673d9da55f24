"""relay-ask as relay-smtpd's child: one for a session, with nothing of the session in its hands, and gone with it."""
import os
import signal
import time

import pytest

from lib.procs import all_pids, program, stat_of, wait_for
from lib.sink import HANG

A = "a@hosted.example"


@pytest.fixture
def instance(instances, sink):
    i = instances(routes=":%s\n" % sink.route, domains="hosted.example asked\n")
    i.compile()
    return i


def opened(i):
    d = i.dialogue("127.0.0.2")
    assert d.reply() == 220 and d.cmd("EHLO c.example") == 250 and d.cmd("MAIL FROM:<x@y.example>") == 250
    return d


def rcpt(d, address=A):
    return d.cmd("RCPT TO:<%s>" % address).code


def running(i, name):
    """The receiver's processes of that name, zombies as well."""
    return [p for p in all_pids() if stat_of(p)[3] == name and stat_of(p)[1] == i.receiver.pid]


def links(pid):
    out = {}
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            out[int(fd)] = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            pass
    return out


def impatient(i, seconds):
    """A relay-ask with less time for a question."""
    path = i.path("ask")
    with open(path, "w") as f:
        f.write('#!/bin/sh\nexec %s -t %d "$@"\n' % (program("relay-ask"), seconds))
    os.chmod(path, 0o755)
    i.extra["RELAYASK"] = path


def test_one_for_a_session(instance, sink):
    """Started at the first question, not before; kept; gone with the session. No process of it stays."""
    instance.receive()
    with opened(instance) as d:
        assert running(instance, "relay-ask") == []
        assert rcpt(d) == 250
        first = running(instance, "relay-ask")
        assert len(first) == 1 and rcpt(d, "b@hosted.example") == 250 and running(instance, "relay-ask") == first
        assert d.cmd("RSET") == 250 and d.cmd("MAIL FROM:<>") == 250 and rcpt(d, "c@hosted.example") == 250
        assert running(instance, "relay-ask") == first
        assert d.cmd("QUIT") == 221
    wait_for(lambda: not running(instance, "relay-ask"), 5)
    assert len(sink.sessions) == 1 and sink.messages == []


def test_holds_nothing_of_the_session(instance):
    """Neither the client's connection nor a pipe of the injector, which runs by the second question."""
    instance.receive()
    with opened(instance) as d:
        assert rcpt(d) == 250 and rcpt(d, "b@hosted.example") == 250
        smtpd, = running(instance, "relay-smtpd")
        ask, = running(instance, "relay-ask")
        theirs, its = links(smtpd), links(ask)
        injector, = running(instance, "relay-queue")
        assert its[0] == its[1] and its[2] == theirs[2]
        assert set(its.values()) & set(theirs.values()) <= {its[2], instance.rules}
        pipes = {l for l in list(theirs.values()) + list(links(injector).values()) if l.startswith("pipe:")} - {its[2]}
        assert pipes and not pipes & set(its.values())
        assert its[0] not in links(injector).values()


def test_killed_between_questions(instance):
    instance.receive()
    with opened(instance) as d:
        for n in range(2):
            assert rcpt(d, "%d@hosted.example" % n) == 250
            ask, = running(instance, "relay-ask")
            os.kill(ask, signal.SIGKILL)
            wait_for(lambda: stat_of(ask)[2] in "ZX", 5)
        assert rcpt(d, "last@hosted.example") == 250
        assert len(running(instance, "relay-ask")) == 1, "the dead ones were reaped"


def test_killed_while_it_asks(instance, sink):
    """451, and the next question gets a new one."""
    sink.on["RCPT"] = lambda s, line: (HANG,) if b"<slow@" in line else None
    instance.receive()
    with opened(instance) as d:
        d.send(b"RCPT TO:<slow@hosted.example>\r\n")
        wait_for(lambda: any(s.hung for s in sink.sessions), 10)
        ask, = running(instance, "relay-ask")
        os.kill(ask, signal.SIGKILL)
        assert d.reply() == 451
        assert rcpt(d) == 250


def test_relay_smtpd_is_killed(instance, sink):
    """The client notices at once, though relay-ask is waiting for a server; that ends with its question."""
    sink.on["RCPT"] = lambda s, line: (HANG,)
    impatient(instance, 4)
    instance.receive()
    with opened(instance) as d:
        d.send(b"RCPT TO:<%s>\r\n" % A.encode())
        wait_for(lambda: any(s.hung for s in sink.sessions), 10)
        smtpd, = running(instance, "relay-smtpd")
        ask, = running(instance, "relay-ask")
        os.kill(smtpd, signal.SIGKILL)
        began = time.monotonic()
        assert d.closed()
        assert time.monotonic() - began < 1
    wait_for(lambda: stat_of(ask)[2] in "ZX", 8)


def test_slow_server(instance, sink):
    """relay-ask's own time ends before relay-smtpd's patience: the log has the reason, the client 451."""
    sink.on["RCPT"] = lambda s, line: (HANG,)
    impatient(instance, 2)
    instance.receive()
    with opened(instance) as d:
        assert rcpt(d) == 451 and d.cmd("NOOP") == 250
    line, = instance.events(event="asked")
    assert line["answer"] == "unknown" and "in\\x20time" in line["text"]
