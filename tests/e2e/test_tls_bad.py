"""relay-tlsd against clients that speak no TLS, or stop in the middle, and against strangers at its socket. The
receiver is a double; with relay-smtpd: test_tls_slots."""
import array
import os
import re
import signal
import socket
import ssl
import time

import pytest

from lib.procs import fds_of, program, stat_of, wait_for
from lib.tls import House, renegotiate


# relay-tls' options; -k is followed by the certificates
WAYS = {"starttls": (), "implicit": ("-i",), "starttls, -k": ("-k",), "implicit, -k": ("-i", "-k")}


@pytest.fixture(scope="module", params=WAYS)
def house(request):
    """STARTTLS and implicit TLS, with relay-tlsd and without; two seconds for a handshake."""
    with House() as h:
        options = [w for o in WAYS[request.param] for w in ([o, h.certs] if o == "-k" else [o])]
        if "-k" in options:
            hasty = h.path("hasty")
            with open(hasty, "w") as f:
                f.write("#!/bin/sh\nexec %s -h 2 \"$@\"\n" % program("relay-tlsd"))
            os.chmod(hasty, 0o755)
            h.serve(*options, env=dict(h.env(), RELAYTLSD=hasty))
        else:
            h.tlsd("-h", "2")
            h.serve(*options)
        yield h
        said = h.log("tlsd.log") + h.log("chain.log")
        assert "Sanitizer" not in said and "runtime error:" not in said, said


@pytest.fixture
def failed(house):
    """The log's words on handshakes that have failed since."""
    def read():
        return re.findall(r"event=handshake-failed pid=\d+ client=(\S+) why=(\S+)",
                          house.log("tlsd.log") + house.log("chain.log"))
    before = len(read())
    return lambda: read()[before:]


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


def end_of(sock):
    """Reads to the end. Returns the seconds that it took."""
    start = time.monotonic()
    sock.settimeout(10)
    try:
        while sock.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - start


@pytest.mark.parametrize("what", sorted(BAD))
def test_bad_bytes(house, failed, what):
    with house.due() as s:
        try:
            s.sendall(BAD[what])
        except (ConnectionResetError, BrokenPipeError):
            pass
        assert end_of(s) < 5
    ((client, why),) = wait_for(failed, 5, "the failure in the log")
    assert client == "127.0.0.1" and why != "timeout"
    house.fine()


CUTS = [0, 1, 5, 60, None]   # bytes of the hello; None: all


def test_silence_within_the_handshake(house, failed):
    """Closed after the handshake's time, whether it has begun or not, and nothing stays."""
    socks = [house.due() for _ in CUTS]
    data = hello()
    start = time.monotonic()
    for s, n in zip(socks, CUTS):
        s.sendall(data[:n])
    wait_for(lambda: len(house.children()) == len(CUTS), 2, "a process for each")
    for s in socks:
        end_of(s)
        assert 1.5 < time.monotonic() - start < 8
        s.close()
    assert wait_for(lambda: len(failed()) == len(CUTS) and failed(), 5, "all in the log") == [
        ("127.0.0.1", "timeout")] * len(CUTS)
    house.fine()


@pytest.mark.parametrize("sent", CUTS)
def test_half_closed_handshake(house, failed, sent):
    """The client's side is shut and it still reads: it is hung up on at once, not when the time is over."""
    with house.due() as s:
        s.sendall(hello()[:sent])
        s.shutdown(socket.SHUT_WR)
        assert end_of(s) < 1.5
    ((_, why),) = wait_for(failed, 5, "the failure in the log")
    assert why != "timeout"
    house.fine()


def test_gone_within_the_handshake(house):
    for sent in (0, 10, None):
        with house.due() as s:
            s.sendall(hello()[:sent])
            if sent == 10:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")   # a reset
    start = time.monotonic()
    house.fine()
    assert time.monotonic() - start < 1.5, "not when the time was over"


def test_receiver_gone_within_the_handshake(house):
    """Whoever waits for the handshake is killed: the client is let go before the time is over."""
    house.rest()   # else it may be another connection's process that is killed
    with house.due() as s:
        wait_for(house.children, 5, "a process for it")
        (pid,) = [p for p in house.busy() if stat_of(p)[0] == house.server.pid]
        os.kill(pid, signal.SIGKILL)
        assert end_of(s) < 1.5
    house.fine()


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_broken_records(house, version):
    """Plain bytes where TLS should be end the connection, and the receiver gets none of them. The same bytes under
    TLS it does obey."""
    command = b"\nMARK\nMARK\nMARK\n"
    for broken in (True, False):
        with house.under_tls(version=version) as c:
            pid = int(c.ask("PID"))
            if broken:
                socket.socket.sendall(c.sock, b"\x17\x03\x03\x00" + bytes([len(command)]) + command)
                socket.socket.settimeout(c.sock, 5)
                with pytest.raises((ssl.SSLError, ConnectionResetError)):
                    while c.sock.recv(100):
                        pass
                    raise ConnectionResetError
            else:
                c.send(command)
                assert [c.line() for _ in range(4)] == ["500 what"] + 3 * ["marked"]
                assert c.ask("QUIT") == "221 bye"
            wait_for(lambda: stat_of(pid)[2] in "XZ", 5, "the receiver gone")
        assert os.path.exists(house.path("half")) != broken
    os.unlink(house.path("half"))
    house.fine()


@pytest.mark.parametrize("house", ["implicit", "implicit, -k"], indirect=True)
def test_renegotiation_is_refused(house):
    """(By STARTTLS: test_login_tls; openssl does not speak with the double.)"""
    assert "no renegotiation" in renegotiate(house.port, after=b"220 hello")
    house.fine()


@pytest.mark.parametrize("house", ["starttls"], indirect=True)
def test_strangers_at_the_socket(house):
    """Whoever may connect can't do more than be dropped."""
    before = fds_of(house.tlsd_proc.pid)

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
    house.fine()
    wait_for(lambda: fds_of(house.tlsd_proc.pid) == before, 5, "descriptors as before")
