"""What an operator's mishaps do to running sessions: rules cut in place, a FIFO for rules, a log nobody reads."""
import fcntl
import os
import socket
import subprocess
import threading

import pytest

from doubles.spool import Spool
from lib.procs import program, wait_for
from lib.smtpd import Smtpd

GATE, SMTPD = program("relay-gate"), program("relay-smtpd")
DAMAGED = b"421 4.3.5 the rules are damaged, try again later\r\n"
CLIENTS = '127.0.0.1:allow,RELAYPROXY=""\n192.0.2.7:deny\n:allow\n'
MAIL = "MAIL FROM:<a@b.example>"
HERE = "RCPT TO:<x@hosted.example>"


@pytest.fixture
def smtpd():
    with Smtpd(clients=CLIENTS, domains="hosted.example\n" + "".join("d%d.example\n" % i for i in range(2000))) as s:
        yield s


def cut(path, size=0):
    """As cp and rsync --inplace do it: the file itself, not a new one in its place."""
    inode = os.stat(path).st_ino
    os.truncate(path, size)
    assert os.stat(path).st_ino == inode


@pytest.mark.parametrize("gate", [False, True])
def test_cut_under_a_session(smtpd, gate):
    with smtpd.start() if not gate else behind_gate(smtpd) as d:
        d.hello()
        d.ok(MAIL)
        d.ok(HERE)
        cut(smtpd.rules)
        r = d.cmd(HERE)
        assert (r.code, r.enhanced) == (421, "4.3.5"), r
        assert d.sock.recv(100) == b""
        assert d.proc.wait(10) == 111
    assert "relay-smtpd: event=failed why=damaged-rules\n" in smtpd.log()
    assert not smtpd.messages()


def behind_gate(smtpd):
    """A session through relay-gate and its descriptor."""
    plain = smtpd.argv
    smtpd.argv = lambda *options, **how: [GATE, smtpd.rules, SMTPD, *options]
    try:
        return smtpd.start(TCPREMOTEIP="192.0.2.8")
    finally:
        smtpd.argv = plain


def test_cut_within_a_page(tmp_path):
    """No signal comes then: what is behind the new end reads as nothing, and must not be taken for it."""
    with Smtpd() as s:
        size = os.path.getsize(s.rules)
        assert size < 4096
        with s.start() as d:
            d.hello()
            d.ok(MAIL)
            d.ok(HERE)
            cut(s.rules, 2049)
            assert d.ok(HERE, 451).enhanced == "4.3.5"
            assert d.ok("RCPT TO:<x@else.example>", 451).enhanced == "4.3.5"
            d.quit()


def test_cut_under_the_gate(smtpd):
    """Between the look-ups for a proxy and for whom it names: neither the denied nor anybody else comes in."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        with socket.create_connection(s.getsockname()) as client:
            client.settimeout(20)
            server, _ = s.accept()
            client.sendall(b"PROXY TCP4 ")
            with server, subprocess.Popen([GATE, "-p", smtpd.rules, "echo", "let in"], stdin=server, stdout=server,
                                          stderr=subprocess.PIPE) as p:
                server.close()
                wait_for(lambda: asleep(p.pid), why="relay-gate waits for the header")
                cut(smtpd.rules)
                client.sendall(b"192.0.2.7 192.0.2.9 1 2\r\n")
                assert client.makefile("rb").read() == DAMAGED
                assert p.stderr.read() == b"relay-gate: event=failed why=damaged-rules\n"
            assert p.returncode == 111


def asleep(pid):
    """Has it read what came, and waits for more?"""
    with open("/proc/%d/stat" % pid) as f:
        state = f.read().rsplit(")", 1)[1].split()[0]
    with open("/proc/%d/comm" % pid) as f:
        name = f.read()
    files = [os.path.realpath("/proc/%d/fd/%s" % (pid, n)) for n in os.listdir("/proc/%d/fd" % pid)]
    return state == "S" and name == "relay-gate\n" and any(f.endswith("rules.cdb") for f in files)


def test_cut_and_somebody_else_has_the_connection(smtpd):
    """A provider of TLS that is stuck, for one: the client sees the end all the same."""
    a, b = socket.socketpair()
    with a, b, subprocess.Popen([SMTPD, "-r", smtpd.rules], stdin=b, stdout=b, stderr=subprocess.DEVNULL,
                                env=smtpd.env()) as p:
        a.settimeout(10)
        a.sendall(b"HELO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        with a.makefile("rb") as f:
            for code in (b"220 ", b"250 ", b"250 "):
                assert f.readline().startswith(code)
            cut(smtpd.rules)
            a.sendall(HERE.encode() + b"\r\n")
            assert f.read() == DAMAGED
    assert p.returncode == 111


def test_cut_under_the_gate_not_to_the_client(smtpd):
    """Under inetd descriptor 2 is the connection as well: the client gets the reply alone."""
    a, b = socket.socketpair()
    with a, b, subprocess.Popen([SMTPD, "-r", smtpd.rules], stdin=b, stdout=b, stderr=b, env=smtpd.env()) as p:
        b.close()
        a.settimeout(20)
        assert a.recv(500).startswith(b"220 ")
        a.sendall(b"HELO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        got = b""
        while got.count(b"\r\n") < 2:
            got += a.recv(500)
        cut(smtpd.rules)
        a.sendall(HERE.encode() + b"\r\n")
        assert a.makefile("rb").read() == DAMAGED
    assert p.returncode == 111


def test_cut_under_relay_send():
    """It says so and ends, for its supervisor to start it again; the message stays."""
    s = Spool(routes=":192.0.2.1\n")
    try:
        s.start()
        s.inject(["first@y.example"])
        s.wait_event("done")  # so the rules are open
        with open(s.rules, "rb") as f:
            whole = f.read()
        cut(s.rules)
        ident = s.inject(["x@y.example"])
        wait_for(lambda: not s.proc.alive(), why=lambda: "relay-send ends: " + s.text())
        assert s.proc.stop() == 111
        assert "relay-send: event=failed why=damaged-rules\n" in s.text()
        assert s.queued() == [ident]
        with open(s.rules, "wb") as f:
            f.write(whole)
        s.start()
        s.wait_event("done", id=ident)
    finally:
        s.close()


def test_fifo_for_rules(tmp_path):
    """Its writer never comes: the client gets its answer all the same."""
    os.mkfifo(tmp_path / "rules.cdb")
    r = subprocess.run([GATE, str(tmp_path / "rules.cdb"), "true"], env={"TCPREMOTEIP": "192.0.2.1"},
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
    assert (r.returncode, r.stdout) == (111, b"451 4.3.5 The server is not ready, try again later\r\n")
    assert b"why=no-rules" in r.stderr


def test_log_that_nobody_reads():
    """The pipe to the logger is full: the session goes on, its lines are lost."""
    with Smtpd() as s:
        r, w = os.pipe()
        fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 4096)
        os.write(w, b"x" * 4096)
        a, b = socket.socketpair()
        with a, b, subprocess.Popen(s.argv(), stdin=b, stdout=b, stderr=w, env=s.env()) as p:
            killer = threading.Timer(30, p.kill)
            killer.start()
            b.close()
            a.sendall(b"HELO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@else.example>\r\n"
                      b"RCPT TO:<x@hosted.example>\r\nQUIT\r\n")
            got = a.makefile("rb").read()
            killer.cancel()
        os.close(w)
        os.close(r)
        assert [line[:3] for line in got.splitlines()] == [b"220", b"250", b"250", b"550", b"250", b"221"]
        assert p.returncode == 0
