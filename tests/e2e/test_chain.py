"""The same chain under tcpserver, xinetd, systemd-socket-activate and on a plain socketpair or socket: the same
dialogue, and each time the true address of the client in log and trace."""
import os
import re
import socket
import subprocess

import pytest

from lib.messages import without_trace
from lib.procs import free_port, has_ipv6, listening, program, wait_for
from lib.smtp import Dialogue

V6 = '::1/128:allow,RELAYCLIENT=""\n'
DATA = b"Subject: chain\n\nhello\n"


class UnderTcpserver:
    def __init__(self, instance, host):
        instance.receive(host=host)
        self.port = instance.port


def script(instance):
    """Descriptor 2 is the client's connection under xinetd: a script gives the log its file."""
    path = instance.path("run")
    with open(path, "w") as f:
        f.write("#!/bin/sh\nexec 2>>'%s'\nexec %s\n" % (instance.path("smtpd.log"), " ".join(instance.chain())))
    os.chmod(path, 0o755)
    return path


class UnderXinetd:
    def __init__(self, instance, host):
        self.port = free_port(host)
        conf = instance.path("xinetd.conf")
        env = " ".join("%s=%s" % (k, instance.env[k]) for k in ("PATH", "RELAYQUEUE", "QMAILQUEUE"))
        with open(conf, "w") as f:
            f.write("service posthouse\n{\n type = UNLISTED\n socket_type = stream\n protocol = tcp\n wait = no\n"
                    " user = %s\n bind = %s\n port = %d\n flags = %s\n env = %s\n server = %s\n log_type = FILE %s\n"
                    " disable = no\n cps = 1000 1\n}\n"
                    % (user(), host, self.port, "IPv6" if ":" in host else "IPv4", env, script(instance),
                       instance.path("xinetd.service.log")))
        argv = [program("xinetd"), "-dontfork", "-f", conf, "-pidfile", instance.path("xinetd.pid")]
        p = instance.run(argv, "xinetd")
        wait_for(lambda: listening(host, self.port) or not p.alive(), 10, "xinetd listening")
        assert p.alive(), instance.log("xinetd")


class UnderSystemd:
    def __init__(self, instance, host):
        self.port = free_port(host)
        where = "[%s]:%d" % (host, self.port) if ":" in host else "%s:%d" % (host, self.port)
        keep = [w for k in ("PATH", "RELAYQUEUE", "QMAILQUEUE") for w in ("-E", "%s=%s" % (k, instance.env[k]))]
        argv = [program("systemd-socket-activate"), "--accept", "--inetd", "-l", where, *keep, script(instance)]
        p = instance.run(argv, "systemd")
        wait_for(lambda: listening(host, self.port) or not p.alive(), 10, "systemd-socket-activate listening")
        assert p.alive(), instance.log("systemd")


def user():
    import pwd
    return pwd.getpwuid(os.geteuid()).pw_name


def mask(reply):
    """What differs from connection to connection: the message's ID."""
    return re.sub(r"\b[0-9a-f]{22}\b", "ID", reply.raw.decode())


def dialogue(d):
    """All that a client can notice, in order."""
    seen = [mask(d.reply())]
    for line in ("EHLO client.example", "NOOP", "VRFY someone", "WHAT", "RCPT TO:<a@b.example>",
                 "MAIL FROM:<a@outside.example>", "MAIL FROM:<again@outside.example>", "RCPT TO:<b@hosted.example>",
                 "RCPT TO:<b%c@hosted.example>", "RCPT TO:<c@elsewhere.example>", "RSET",
                 "MAIL FROM:<a@outside.example>", "RCPT TO:<b@hosted.example>", "DATA"):
        seen.append(mask(d.cmd(line)))
    d.send(DATA.replace(b"\n", b"\r\n") + b".\r\nQUIT\r\n")
    seen += [mask(d.reply()), mask(d.reply())]
    assert d.rest() == b""
    return seen


@pytest.fixture
def quiet(instances, sink):
    """Sends, but nobody receives yet."""
    i = instances(routes=":%s\n" % sink.route)
    i.compile(clients=i.texts["clients"] + V6)
    i.send()
    return i


def check_address(instance, sink, ip, n=1):
    """The log and the trace say where the client was."""
    m = sink.wait(n)[n - 1]
    instance.wait_empty()
    assert without_trace(m.lf) == DATA
    trace = m.header("Received")[0]
    literal = "[IPv6:%s]" % ip if ":" in ip else "[%s]" % ip
    assert literal in trace, trace
    assert {e["client"] for e in instance.events("smtpd") if "client" in e} == {ip}, instance.log("smtpd")


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2"])
@pytest.mark.parametrize("server", [UnderTcpserver, UnderXinetd, UnderSystemd])
def test_ipv4(quiet, sink, server, source):
    s = server(quiet, "127.0.0.1")
    with Dialogue(("127.0.0.1", s.port), source) as d:
        seen = dialogue(d)
    check_address(quiet, sink, source)
    assert seen[10].startswith("250" if source == "127.0.0.1" else "550"), seen[10]
    assert seen == expected(quiet, source)


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on loopback")


@needs_ipv6
@pytest.mark.parametrize("server", [UnderXinetd, UnderSystemd])
def test_ipv6(quiet, sink, server):
    """Debian's tcpserver knows no IPv6."""
    s = server(quiet, "::1")
    with Dialogue(("::1", s.port)) as d:
        seen = dialogue(d)
    check_address(quiet, sink, "::1")
    assert seen == expected(quiet, "::1")


def expected(instance, ip):
    """The same dialogue on a socketpair, with the address as a super-server hands it over."""
    env = instance.env
    env.update(PROTO="TCP", TCPREMOTEIP=ip, TCPREMOTEPORT="4711", TCPLOCALIP="127.0.0.1", TCPLOCALPORT="25")
    with Dialogue.over(instance.chain(), env, stderr=subprocess.DEVNULL) as d:
        return dialogue(d)


@needs_ipv6
def test_mapped_ipv6_is_ipv4(quiet, sink):
    """A client that a dual-stack listener sees as ::ffff:127.0.0.1 is 127.0.0.1."""
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", 0))
        listener.listen()
        d = Dialogue(("127.0.0.1", listener.getsockname()[1]))
        theirs, peer = listener.accept()
    assert peer[0] == "::ffff:127.0.0.1"
    with theirs, open(quiet.path("smtpd.log"), "ab") as log:
        d.proc = subprocess.Popen(quiet.chain(), stdin=theirs, stdout=theirs, stderr=log, env=quiet.env)
    with d:
        seen = dialogue(d)
    assert seen[10].startswith("250")
    check_address(quiet, sink, "127.0.0.1")


@pytest.mark.parametrize("stale", [{"TCPREMOTEIP": "127.0.0.1", "PROTO": "TCP"}, {"TCPREMOTEIP": "127.0.0.1"},
                                   {"RELAYCLIENT": ""}, {"REMOTE_HOST": "127.0.0.1"}, {"REMOTE_ADDR": "127.0.0.1"},
                                   {"TCP6REMOTEIP": "::1", "PROTO": "TCP6"}], ids=lambda e: "+".join(e))
def test_stale_environment_does_not_win(quiet, sink, stale):
    """A stranger's connection started from a shell that still has somebody else's variables."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        d = Dialogue(listener.getsockname(), "127.0.0.2")
        theirs, _ = listener.accept()
    env = quiet.env
    env.update(stale)
    with theirs, open(quiet.path("smtpd.log"), "ab") as log:
        d.proc = subprocess.Popen(quiet.chain(), stdin=theirs, stdout=theirs, stderr=log, env=env)
    with d:
        seen = dialogue(d)
    assert seen[10].startswith("550 5.7.1"), seen[10]
    check_address(quiet, sink, "127.0.0.2")


def test_no_address_is_a_stranger(quiet):
    """On a socketpair with nothing in the environment nobody knows who it is: incoming mail at most."""
    with Dialogue.over(quiet.chain(), quiet.env, stderr=subprocess.DEVNULL) as d:
        d.hello()
        d.ok("MAIL FROM:<a@outside.example>")
        r = d.cmd("RCPT TO:<c@elsewhere.example>")
        assert r == 550 and r.enhanced == "5.7.1"
        d.quit()


def test_denied_address(quiet):
    quiet.compile(clients="127.0.0.2:deny\n" + quiet.texts["clients"])
    s = UnderTcpserver(quiet, "127.0.0.1")
    with Dialogue(("127.0.0.1", s.port), "127.0.0.2") as d:
        assert d.reply() == 554
        d.closed()
    with Dialogue(("127.0.0.1", s.port)) as d:
        d.hello()
        d.quit()


def test_outsider_leaves_nothing(quiet, sink):
    """The issue of every relay: refused with 550 5.7.1, and nothing of it on disk."""
    quiet.receive()
    before = sorted(os.path.join(d, f) for d, _, fs in os.walk(quiet.queue) for f in fs)
    with quiet.dialogue("127.0.0.2") as d:
        d.hello()
        d.ok("MAIL FROM:<spam@outside.example>")
        r = d.cmd("RCPT TO:<victim@elsewhere.example>")
        assert r == 550 and r.enhanced == "5.7.1"
        assert d.cmd("DATA").code in (503, 554)
        d.quit()
    assert sorted(os.path.join(d, f) for d, _, fs in os.walk(quiet.queue) for f in fs) == before
    assert not sink.messages


def test_new_rules_without_a_restart(quiet):
    """relay-mkcdb's rename is all: the next connection sees the new rules, a running one the old."""
    quiet.receive()
    with quiet.dialogue("127.0.0.2") as old:
        old.hello()
        quiet.compile(domains="hosted.example\nnew.example\n")
        with quiet.dialogue("127.0.0.2") as new:
            new.hello()
            new.ok("MAIL FROM:<a@outside.example>")
            new.ok("RCPT TO:<b@new.example>")
        old.ok("MAIL FROM:<a@outside.example>")
        assert old.cmd("RCPT TO:<b@new.example>") == 550
