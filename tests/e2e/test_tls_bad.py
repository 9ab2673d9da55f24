"""relay-tlsd against clients that speak no TLS, or stop in the middle, and against strangers at its socket."""
import array
import os
import signal
import socket
import ssl
import subprocess
import time

import pytest

from lib.procs import program, stat_of, wait_for
from lib.tls import houses  # noqa: F401


@pytest.fixture
def house(houses):
    h = houses()
    h.tlsd("-h", "1")
    h.serve()
    return h


def fds(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def fine(h):
    """Still at work, with nothing left over."""
    wait_for(lambda: not h.children(), 10, "relay-tlsd's processes gone")
    with h.client() as c:
        assert c.starttls().ask("QUIT") == "221 bye"


def hello():
    """A ClientHello."""
    i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
    s = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(i, o, server_hostname="relay.example")
    with pytest.raises(ssl.SSLWantReadError):
        s.do_handshake()
    return o.read()


BAD = {
    "garbage": bytes(range(256)) * 20,
    "smtp": b"EHLO client.example\r\nMAIL FROM:<a@b>\r\n",
    "zeros": bytes(70000),
    "record too long": b"\x16\x03\x01\xff\xff" + b"x" * 70000,
    "sslv2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\x01\x00\x80" * 7 + b"x" * 16,
    "sslv3": b"\x16\x03\x00\x00\x2d\x01\x00\x00\x29\x03\x00" + b"x" * 32 + b"\0\0\x02\0\x0a\x01\0",
    "alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "hello cut, wrong": hello()[:50] + b"\xff" * 500,
}


@pytest.mark.parametrize("what", sorted(BAD))
def test_bad_bytes(house, what):
    with house.client() as c:
        c.send("STARTTLS Y")
        c.line()
        try:
            c.sock.sendall(BAD[what])
            while c.sock.recv(4096):
                pass
        except ConnectionResetError:
            pass
    wait_for(lambda: "event=handshake-failed" in house.log("tlsd.log"), 5, "the failure in the log")
    assert "client=127.0.0.1" in house.log("tlsd.log")
    fine(house)


@pytest.mark.parametrize("sent", [0, 1, 5, 60, "all"])
def test_silence_within_the_handshake(house, sent):
    """Closed after the handshake's time, and the receiver sees the end."""
    with house.client() as c:
        pid = int(c.ask("PID"))
        c.send("STARTTLS Y")
        c.line()
        data = hello()
        c.sock.sendall(data if sent == "all" else data[:sent])
        start = time.monotonic()
        c.sock.settimeout(10)
        while c.sock.recv(4096):
            pass
        assert 0.5 < time.monotonic() - start < 5
        wait_for(lambda: stat_of(pid)[2] in "XZ", 5, "the receiver gone")
    assert "why=timeout" in house.log("tlsd.log")
    fine(house)


def test_gone_within_the_handshake(houses):
    h = houses()
    h.tlsd()
    h.serve()
    for sent in (0, 10, "all"):
        with h.client() as c:
            c.send("STARTTLS Y")
            c.line()
            c.sock.sendall(hello() if sent == "all" else hello()[:sent])
            if sent == 10:
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")   # a reset
    fine(h)
    # and the receiver killed: its client is let go before the minute is over
    with h.client() as c:
        pid = int(c.ask("PID"))
        c.send("STARTTLS Y")
        c.line()
        wait_for(h.children, 5, "a process for it")
        os.kill(pid, signal.SIGKILL)
        assert c.sock.recv(100) == b""
    fine(h)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_broken_records(house, version):
    """Plain bytes where TLS should be end the connection, and the receiver gets none of them."""
    with house.client(version=version) as c:
        pid = int(c.ask("PID"))
        c.starttls()
        socket.socket.sendall(c.sock, b"\x17\x03\x03\x00\x20" + b"PID\nQUIT\n" * 4)
        socket.socket.settimeout(c.sock, 5)
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            while c.sock.recv(100):
                pass
            raise ConnectionResetError
        wait_for(lambda: stat_of(pid)[2] in "XZ", 5, "the receiver gone")
    fine(house)


def test_renegotiation_is_refused(houses):
    h = houses()
    h.tlsd()
    h.serve("-i")
    p = subprocess.Popen([program("openssl"), "s_client", "-connect", "127.0.0.1:%d" % h.port, "-tls1_2"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = b""
    while b"220 hello" not in said:
        said += p.stdout.read1()
    p.stdin.write(b"R\n")
    p.stdin.flush()
    said += p.communicate(timeout=20)[0]
    assert b"RENEGOTIATING" in said and b"no renegotiation" in said
    fine_now(h)


def fine_now(h):
    wait_for(lambda: not h.children(), 10, "relay-tlsd's processes gone")
    with h.client(now=True) as c:
        assert c.ask("QUIT") == "221 bye"


def test_strangers_at_the_socket(house):
    """Whoever may connect can't do more than be dropped."""
    before = fds(house.tlsd_proc.pid)

    def meet(data, handed=0):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(house.socket)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * handed))] if handed else []
            if data:
                s.sendmsg([data], rights)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(5)
            try:
                return s.recv(100)
            except ConnectionResetError:
                return b""
    for data in (b"", b"T", b"TY", b"x", b"Y" * 1000, bytes(5000)):
        for handed in (0, 1, 2, 4, 100):
            assert meet(data, handed) == b""
    assert meet(b"TX", 3) == b"" and meet(b"T", 3) == b"" and meet(b"xY", 3) == b""
    assert meet(b"TY", 3) == b""      # three descriptors that are no network: the handshake fails
    fine(house)
    wait_for(lambda: fds(house.tlsd_proc.pid) == before, 5, "descriptors as before")
