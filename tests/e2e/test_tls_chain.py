"""The receiving chain whole: relay-gate, relay-tls with relay-tlsd, relay-smtpd; STARTTLS and TLS at once."""
import os
import signal
import smtplib
import socket
import ssl
import subprocess

import pytest

from lib.procs import program, wait_for
from lib.houses import houses  # noqa: F401  (a fixture)

MESSAGE = b"Subject: tls\r\n\r\nhello\r\n"


@pytest.fixture
def chain(houses, instances):
    """chain(*options): starts relay-tlsd and an instance behind relay-tls with these options."""
    def make(*options, tlsd=()):
        h = houses()
        h.tlsd(*tlsd)
        i = instances()
        i.compile()
        gate = [program("relay-gate"), i.rules]
        i.receive(chain=[*gate, program("relay-tls"), *options, h.socket, program("relay-smtpd")])
        return h, i
    return make


def trust(h):
    c = ssl.create_default_context(cafile=h.path("certs", "default", "cert.pem"))
    c.check_hostname = False
    return c


def received(i):
    (path,) = i.queued()
    with open(path, "rb") as f:
        return f.read().decode("utf-8", "replace")


def test_starttls(chain):
    h, i = chain()
    with smtplib.SMTP(i.host, i.port, timeout=20) as s:
        s.ehlo()
        assert s.has_extn("starttls")
        s.starttls(context=trust(h))
        s.ehlo()
        assert not s.has_extn("starttls")
        s.sendmail("a@b.example", ["c@hosted.example"], MESSAGE)
    assert " with ESMTPS" in received(i) and "127.0.0.1" in received(i)


def test_at_once(chain):
    h, i = chain("-i")
    with smtplib.SMTP_SSL(i.host, i.port, timeout=20, context=trust(h)) as s:
        s.ehlo()
        assert not s.has_extn("starttls")
        s.sendmail("a@b.example", ["c@hosted.example"], MESSAGE)
    assert " with ESMTPS" in received(i) and "127.0.0.1" in received(i)


def test_what_came_before_is_thrown_away(chain):
    """Commands behind STARTTLS in the clear are not obeyed under TLS, nor does the session go on as if they were."""
    h, i = chain()
    with i.dialogue() as d:
        def answer(command, end):
            d.sock.sendall(command)
            got = b""
            while not (got.endswith(b"\r\n") and end in got):
                got += d.sock.recv(4096)
            return got
        answer(b"EHLO x\r\n", b"250 SIZE")
        assert answer(b"STARTTLS\r\nNOOP\r\n", b"").startswith(b"220")
        tls = trust(h).wrap_socket(d.sock)
        tls.sendall(b"MAIL FROM:<a@b.example>\r\n")
        assert tls.recv(4096).startswith(b"503")     # no answer to NOOP, and no memory of EHLO


@pytest.mark.parametrize("why", ["ended", "full"])
def test_not_offered(chain, why):
    h, i = chain(tlsd=["-c", "1"])
    with smtplib.SMTP(i.host, i.port, timeout=20) as first:
        first.ehlo()
        assert first.has_extn("starttls")
        if why == "ended":
            os.kill(h.tlsd_proc.pid, 9)
            h.tlsd_proc.popen.wait()
        with smtplib.SMTP(i.host, i.port, timeout=20) as s:
            # relay-tls waits for no answer, so relay-tlsd may need a moment to say that it is full
            wait_for(lambda: b"STARTTLS" not in s.docmd("EHLO x")[1], 10, "no offer")
            s.sendmail("a@b.example", ["c@hosted.example"], MESSAGE)
        if why == "full":
            first.starttls(context=trust(h))
        else:   # offered when it was there, and gone now
            assert b"STARTTLS" not in first.docmd("EHLO x")[1]
            assert first.docmd("STARTTLS")[0] in (454, 502, 503)
        assert first.noop()[0] == 250 if why == "ended" else first.ehlo()[0] == 250


def inetd(h, i, *tls):
    """The connection is descriptor 0, 1 and 2, as inetd has it."""
    ours, theirs = socket.socketpair()
    with theirs:
        p = subprocess.Popen([program("relay-tls"), *tls, program("relay-smtpd"), "-r", i.rules], env=h.env(),
                             stdin=theirs, stdout=theirs, stderr=theirs)
    ours.settimeout(20)
    return p, ours


def test_no_log_for_the_client(chain):
    """Under inetd: neither what relay-tls has to say, nor relay-smtpd's lines between the records of TLS."""
    h, i = chain()
    for tls in (["none"], ["-k", h.path("none")], [h.socket]):
        p, sock = inetd(h, i, *tls)
        with sock:
            sock.sendall(b"EHLO x\r\nRCPT TO:<a@b.example>\r\nQUIT\r\n")
            said = sock.makefile("rb").read().decode().splitlines()
        assert p.wait(20) == 0
        assert said[0].startswith("220 ") and said[-1].startswith("221 ")
        assert {line[:3] for line in said} == {"220", "250", "503", "221"}
    p, sock = inetd(h, i, "-i", h.path("none"))
    with sock:
        assert sock.recv(100) == b""
    assert p.wait(20) == 111
    p, sock = inetd(h, i, "-i", h.socket)
    with trust(h).wrap_socket(sock, suppress_ragged_eofs=False) as s:
        s.sendall(b"EHLO x\r\nRCPT TO:<a@b.example>\r\nQUIT\r\n")
        said = s.makefile("rb").read()
    assert b"event=" not in said and said.endswith(b"\r\n") and said.count(b"221 ") == 1
    assert p.wait(20) == 0


ENDS = {"quit": (b"QUIT\r\n", b"221"), "closed": (b"", b"250"), "errors": (4 * b"X\r\n", b"421"),
        "tls-failed": (b"STARTTLS\r\n", b"220"), "no-program": (b"", b"")}


@pytest.mark.parametrize("end", ENDS)
def test_a_relay_tlsd_that_is_stuck_keeps_no_connection_open(chain, end):
    """It has a copy of each connection that could ask for TLS. All replies come, and then the end."""
    h, i = chain()
    i.write(limits="errors 3\ncommand-time 2\n")
    i.compile()
    listener = socket.create_server(("127.0.0.1", 0))
    sock = socket.create_connection(listener.getsockname(), 20)
    theirs, _ = listener.accept()
    listener.close()
    smtpd = ["/nonexistent"] if end == "no-program" else [program("relay-smtpd"), "-r", i.rules]
    says, last = ENDS[end]
    os.kill(h.tlsd_proc.pid, signal.SIGSTOP)
    try:
        with theirs:
            p = subprocess.Popen([program("relay-tls"), h.socket, *smtpd], env=h.env(), stdin=theirs, stdout=theirs,
                                 stderr=subprocess.DEVNULL)
        with sock:
            if smtpd[1:]:
                sock.sendall(b"EHLO x\r\n" + 2000 * b"NOOP\r\n" + says)
            if end == "closed":
                sock.shutdown(socket.SHUT_WR)
            said = sock.makefile("rb").read()
        assert p.wait(20) == (0 if smtpd[1:] else 111)
        assert said.count(b"250 2.0.0") == (2000 if smtpd[1:] else 0)
        assert (said.splitlines() or [b""])[-1].startswith(last)
    finally:
        os.kill(h.tlsd_proc.pid, signal.SIGKILL)
