"""relay-remote under TLS: one connection for many messages, sessions resumed, memory, the next server, the log; and
what else stands on it: relay-through and relay-ask."""
import hashlib
import os
import re
import time

import pytest

from lib.ask import Ask
from lib.dns import Dns
from lib.messages import big
from lib.procs import status_of, wait_for
from lib.remote import Jobs, deliver, environment
from lib.sink import CLOSE, HANG, RESET, Sink
from lib.tlssink import TlsSink, make_all

S, A = "s@sender.example", "a@y.example"
TEXT = b"Subject: x\n\nhello\n"
MIB = 1 << 20


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return make_all(str(tmp_path_factory.mktemp("certs")), "mx.example")


@pytest.fixture
def instance(instances):
    i = instances(routes="")
    i.compile()
    return i


@pytest.fixture
def rules(instance):
    return instance.rules


@pytest.fixture
def server(certs):
    with TlsSink(certs["good"]) as s:
        yield s


def verifying(sink, certs, name="name=mx.example"):
    return ";".join([sink.route, "tls=verify", name, "ca=" + os.path.join(certs["ca"], "cert.pem")])


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_one_connection(rules, certs, version):
    """The tickets that TLS 1.3 brings along are no reason to give a connection up, nor is a pause."""
    with TlsSink(certs["good"], version=version) as s, Jobs(rules, s.route) as j:
        for n in range(4):
            o = j.job(TEXT + b"%d\n" % n, S, [A])
            assert o.verdict == "K" and o.tls.startswith(version.replace("_", ".") + " "), o
            time.sleep(0.15)
        assert len(s.sessions) == 1 and [m.lf for m in s.messages] == [TEXT + b"%d\n" % n for n in range(4)]
        j.sock.close()
        assert j.ended() == 0
        wait_for(lambda: s.sessions[0].commands[-1] == b"QUIT", 5, "QUIT")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_resumed(rules, certs, version):
    with TlsSink(certs["good"], version=version) as s, Jobs(rules, verifying(s, certs)) as j:
        for n in range(4):
            o = j.job(TEXT, S, [A])
            assert o.verdict == "K" and o.tls.endswith(" ca"), o
            s.loop.call_soon_threadsafe(s.sessions[-1].transport.close)
            wait_for(lambda: s.open == 0, 5, "closed")
        assert [x.resumed for x in s.sessions] == [False, True, True, True]


def test_idle_closed_by_server(rules, server):
    """A kept connection whose end comes while relay-remote waits for a job is given up at once."""
    with Jobs(rules, server.route) as j:
        assert j.job(TEXT, S, [A]).verdict == "K"
        server.loop.call_soon_threadsafe(server.sessions[0].transport.close)
        wait_for(lambda: server.open == 0, 5, "closed")
        assert j.job(TEXT, S, [A]).verdict == "K" and len(server.sessions) == 2


@pytest.mark.parametrize("steps", [(CLOSE,), (RESET,), (b"421 4.3.2 going down\r\n", CLOSE), (HANG,)])
@pytest.mark.parametrize("verb", ["MAIL", "."])
def test_lost_midway(rules, certs, verb, steps):
    with TlsSink(certs["good"], extensions=("PIPELINING",)) as s:
        s.on[verb] = lambda session, line: steps
        with Jobs(rules, s.route, options=("-t", "1")) as j:
            o = j.job(TEXT, S, [A])
            assert o.verdict == "Z" and not s.messages, o
            assert ("may arrive twice" in o.text) == (verb == "." and len(steps) == 1), o
            s.on.clear()
            assert j.job(TEXT, S, [A]).verdict == "K"


@pytest.mark.parametrize("extensions", [("PIPELINING", "CHUNKING"), ("PIPELINING",)])
def test_25_mib(rules, certs, extensions):
    with TlsSink(certs["good"], extensions=extensions, keep_data=False, check=False) as s, \
            Jobs(rules, s.route) as j:
        assert j.job(TEXT, S, [A]).tls.startswith("TLSv1.3 ")
        before = status_of(j.popen.pid, "VmHWM")
        message = big(25 * MIB)
        assert j.job(message, S, [A]).verdict == "K"
        assert status_of(j.popen.pid, "VmHWM") - before < 1024
        wanted = message.replace(b"\n", b"\r\n")
        assert s.messages[1].digest == hashlib.sha256(wanted).hexdigest()


def test_stalling_reader(rules, certs):
    """A server that stops reading in the middle of a large message."""
    with TlsSink(certs["good"], extensions=("PIPELINING",), keep_data=False) as s:
        s.on["DATA"] = lambda session, line: (b"354 go on\r\n", stop(session))
        started = time.monotonic()
        with Jobs(rules, s.route, options=("-t", "1")) as j:
            o = j.job(big(25 * MIB), S, [A])
        assert o.verdict == "Z" and "did not answer in time" in o.text and time.monotonic() - started < 10, o


def stop(session):
    session.transport.pause_reading()
    return HANG


# The next server

def test_next_server(rules, certs):
    """Two addresses: what the route demands can be had at the second alone. Both that refuse: the reason is told."""
    with Sink("127.0.0.2") as plain, TlsSink(certs["good"], host="127.0.0.3", port=plain.port) as good, \
            Dns({"mx.example": {"A": ["127.0.0.2", "127.0.0.3"]}}) as d:
        env = environment(DNSCACHEIP=d.where)
        route = "mx.example:%d;tls=verify;ca=%s" % (plain.port, os.path.join(certs["ca"], "cert.pem"))
        with Jobs(rules, route, env=env) as j:
            o = j.job(TEXT, S, [A])
        assert o.verdict == "K" and o.tls.endswith(" ca") and good.sessions[0].name == "mx.example", o
        assert not plain.messages
        with Jobs(rules, route.replace("verify", "verify;name=other.example"), env=env) as j:
            o = j.job(TEXT, S, [A])
        assert o.verdict == "Z" and o.each == "" and not plain.messages and len(good.messages) == 1, o


# By the file `routes`, and the log

def test_routes_and_log(instances, certs, server):
    with Sink() as clear, TlsSink(certs["expired"]) as bad:
        bad.on["STARTTLS"] = lambda s, line: b"454 4.7.0 not now\r\n"
        i = instances(routes="v.example:127.0.0.1:%d tls=verify name=mx.example ca=%s/cert.pem\n"
                      "c.example:%s\nb.example:%s\n" % (server.port, certs["ca"], clear.route, bad.route)).start()
        for domain in "v", "c", "b":
            with i.dialogue() as d:
                d.hello()
                assert d.mail(S, ["a@%s.example" % domain], TEXT) == 250
                d.quit()
        i.wait_empty()
        lines = {m[1]: m[0] for m in re.findall(r"(.*event=delivery.* to=a@(\w)\.example .*)", i.log("send"))}
        assert re.search(r" status=delivered tls=TLSv1\.3 cipher=TLS_\w+ verified=ca text=", lines["v"]), lines
        assert " status=delivered tls=none text=" in lines["c"], lines
        assert re.search(r" status=delivered tls=none tls-error=refused\S+454\S+ text=", lines["b"]), lines


def test_callouts(instances, certs, server, tmp_path):
    """relay-ask asks as relay-remote delivers."""
    i = instances(routes="y.example:%s tls=verify name=mx.example ca=%s/cert.pem\n"
                  "z.example:%s tls=verify name=other.example ca=%s/cert.pem\n"
                  % (server.route, certs["ca"], server.route, certs["ca"]),
                  domains="y.example asked\nz.example asked\n")
    i.compile()
    server.on["RCPT"] = lambda s, line: b"550 5.1.1 no\r\n" if b"nobody" in line else None
    with Ask(i.rules, str(tmp_path)) as ask:
        assert ask.recipient("a@y.example").startswith("yes")
        assert ask.recipient("nobody@y.example").startswith("no ")
        answer = ask.recipient("a@z.example")
        assert answer.startswith("unknown") and "ostname mismatch" in answer
    assert [s.version for s in server.sessions][:1] == ["TLSv1.3"] and not server.messages


def test_one_shot(instances, certs, server):
    i = instances(routes=":%s tls=verify name=mx.example ca=%s/cert.pem\n" % (server.route, certs["ca"]))
    i.compile()
    assert deliver(i.rules, "y.example", S, [A], TEXT)[0].verdict == "K"
    assert server.sessions[0].version and server.sessions[0].commands[-1] == b"QUIT"
