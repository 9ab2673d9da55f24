"""relay-tls and relay-tlsd as a receiver and a client see them: STARTTLS by UCSPI-TLS, implicit TLS, both ends."""
import hashlib
import os
import select
import socket
import ssl
import subprocess

import pytest

from lib.houses import house, houses  # noqa: F401  (fixtures)
from lib.procs import program, stat_of, wait_for


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("byte", ["y", "Y"])
def test_starttls(house, version, byte):
    with house.client(version=version, verify=house.path("certs", "default"), host="relay.example") as c:
        assert c.greeting == "220 hello STARTTLS"
        c.starttls(byte)
        assert c.sock.version() == version.replace("_", ".")
        vars = c.list("VARS")
        if byte == "Y":
            assert vars["SSL_PROTOCOL"] == version.replace("_", ".")
            assert vars["SSL_CIPHER"] == c.sock.cipher()[0]
            assert vars["SSL_CIPHER_USEKEYSIZE"] == str(c.sock.cipher()[2])
            assert vars["SSL_TLS_SNI"] == "relay.example"
            assert vars["SSL_CLIENT_VERIFY"] == "NONE"
            assert vars["SSL_SESSION_RESUMED"] == "Initial"
        else:
            assert vars == {}
        assert c.ask("QUIT") == "221 bye"
        assert c.sock.recv(1) == b""      # close_notify, not just an end: ragged ends raise here


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_implicit(houses, version):
    h = houses()
    h.tlsd()
    h.serve("-i", env=h.env(SSL_PROTOCOL="stale", SSL_CLIENT_VERIFY="SUCCESS", SSL_TLS_SNI="x", SSLCTLFD="9",
                            SSLREADFD="9"))
    with h.client(now=True, version=version) as c:
        assert c.greeting == "220 hello"          # nothing more to start
        env = c.list("ENV")
        assert env["SSL_PROTOCOL"] == version.replace("_", ".")
        assert env["SSL_CLIENT_VERIFY"] == "NONE"
        assert "SSL_TLS_SNI" not in env and "SSLCTLFD" not in env and "SSLREADFD" not in env
        assert c.ask("QUIT") == "221 bye"


def test_declined(house):
    with house.client() as c:
        assert c.ask("DECLINE") == "declined"
        assert c.ask("QUIT") == "221 bye"
        assert c.sock.recv(1) == b""              # nobody holds the connection open
    assert house.children() == []


@pytest.mark.parametrize("now", [False, True])
def test_without_relay_tlsd(houses, now):
    h = houses()
    h.serve("-k", h.certs, *(["-i"] if now else []))
    with h.client(now=now, host="relay.example") as c:
        if not now:
            c.starttls()
        vars = c.list("ENV" if now else "VARS")
        assert vars["SSL_PROTOCOL"] == "TLSv1.3" and vars["SSL_TLS_SNI"] == "relay.example"
        assert c.ask("QUIT") == "221 bye"
        assert c.sock.recv(1) == b""


def test_waiting_is_cheap_and_ends(houses):
    """Under -k the process that waits is no OpenSSL, is not the receiver's child, and ends with the receiver."""
    h = houses()
    h.serve("-k", h.certs)
    waiting = lambda: [p for p in h.procs[-1].members() if stat_of(p)[3] == "relay-tls"]
    with h.client() as c:
        pid = int(c.ask("PID"))
        (waiter,) = wait_for(waiting, 5, "a process that waits")
        with open("/proc/%d/maps" % waiter) as f:
            assert "ssl" not in f.read()
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            assert f.read() == ""
        assert c.ask("QUIT") == "221 bye"
    wait_for(lambda: not waiting(), 5, "the process that waits gone")


@pytest.mark.parametrize("how", ["no socket", "stale socket", "no certificate", "no keys"])
def test_not_offered(houses, how):
    h = houses(certificates=how != "no certificate")
    if how == "no certificate":
        h.tlsd(ready=False)
        wait_for(lambda: "why=no\\x20certificate" in h.log("tlsd.log"), 5, "complaint")
    if how == "stale socket":
        h.tlsd().stop()
    if how == "no keys":
        os.chmod(h.path("certs", "default", "key.pem"), 0)
        os.unlink(h.path("certs", "default", "key.pem"))
        h.serve("-k", h.certs)
    else:
        h.serve(env=h.env(SSLCTLFD="5", SSLREADFD="6", SSLWRITEFD="6"))
    with h.client() as c:
        assert c.greeting == "220 hello"          # stale variables are gone, too
        assert c.list("ENV") == {}
        assert c.ask("QUIT") == "221 bye"
    assert "event=no-tls" in h.log("chain.log")


def test_implicit_needs_relay_tlsd(houses):
    h = houses()
    h.serve("-i")
    with h.connect() as s:
        assert s.recv(1) == b""
    assert "event=no-tls" in h.log("chain.log")


def test_resumption(house):
    for version in ("TLSv1_2", "TLSv1_3"):
        with house.client(version=version) as c:
            c.starttls()
            c.list("VARS")
            session, how = c.sock.session, c.context
        with house.client() as c:
            c.context = how
            c.starttls(session=session)
            assert c.list("VARS")["SSL_SESSION_RESUMED"] == "Resumed"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_much_both_ways(house, version):
    """50 MB out and back at the same time, unchanged."""
    n = 50 * 1000 * 1000
    block = os.urandom(1 << 20)
    with house.client(version=version) as c:
        c.starttls()
        c.send("ECHO %d" % n)
        sent, got, out, back = hashlib.sha256(), hashlib.sha256(), n, n
        c.sock.setblocking(False)
        while back:
            done = False
            try:
                piece = c.sock.recv(65536)
                assert piece
                got.update(piece)
                back -= len(piece)
                done = True
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            if out:
                at = (n - out) % len(block)
                piece = block[at:at + min(out, 16384)]
                try:
                    w = c.sock.send(piece)
                    sent.update(piece[:w])
                    out -= w
                    done = True
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    pass
            if not done:
                assert any(select.select([c.sock], [c.sock] if out else [], [], 20))
        assert sent.digest() == got.digest()
        c.sock.settimeout(20)
        assert c.ask("QUIT") == "221 bye"


def test_half_close(house):
    """The receiver ends its side: the client gets close_notify, and what it still sends arrives."""
    with house.client(version="TLSv1_3") as c:
        c.starttls()
        c.send("HALF")
        assert c.sock.recv(10) == b""
        c.send(b"x" * 100000)
        c.sock.unwrap()
    wait_for(lambda: os.path.exists(house.path("half")), 5, "the receiver at its end")
    with open(house.path("half")) as f:
        assert f.read() == "100000"


def test_the_clients_end_reaches_the_receiver(house):
    """The client only shuts its socket for writing: a reply that is still due comes. Or it is at its end with all."""
    for how in ("close", "shutdown"):
        with house.client(version="TLSv1_2") as c:
            c.starttls()
            c.send("SLEEP 0.1")
            c.send("GIVE 100000")
            if how == "shutdown":
                socket.socket.shutdown(c.sock, socket.SHUT_WR)
            assert house.children()
            assert len(c.read(100000)) == 100000
        wait_for(lambda: not house.children(), 5, "relay-tlsd's process gone")


def test_openssl_client(house):
    """Versions and ciphers as openssl s_client sees them."""
    house.procs[-1].stop()
    house.serve("-i")

    def s_client(*argv, said=b"QUIT\n"):
        r = subprocess.run([program("openssl"), "s_client", "-connect", "127.0.0.1:%d" % house.port, *argv], input=said,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        return r.stdout.decode("utf-8", "replace")
    for version in ("-tls1", "-tls1_1"):
        said = s_client(version, "-cipher", "ALL:@SECLEVEL=0")
        assert "Cipher is (NONE)" in said and "220 hello" not in said
    for cipher in ("AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256", "AECDH-AES128-SHA", "NULL-SHA256",
                   "ECDHE-ECDSA-AES128-SHA"):
        assert "Cipher is (NONE)" in s_client("-tls1_2", "-cipher", cipher + ":@SECLEVEL=0"), cipher
    assert "Secure Renegotiation IS supported" in s_client("-tls1_2")
    for alpn, good in (("http/1.1", False), ("smtp", True)):
        assert ("Cipher is (NONE)" not in s_client("-alpn", alpn)) == good
