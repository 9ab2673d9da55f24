"""relay-tlsd and many connections, slow ones, its limits, its own end, its accounts."""
import os
import pwd
import re
import resource
import signal
import subprocess
import time

import pytest

from lib.houses import hasty as house, houses  # noqa: F401  (fixtures)
from lib.procs import cpu_of, fds_of, for_everybody, program, pss_of, sanitized, stat_of, wait_for
from lib.tls import make_certificate, openssl

ROOT = os.geteuid() == 0


def test_a_hundred_at_once(house):
    """A hundred under TLS, each gets its own bytes; a hundred more wait and decline. Nothing is left afterwards."""
    with house.client() as c:
        c.starttls().ask("QUIT")
    house.fine()
    wait_for(lambda: not house.children(), 5, "quiet")
    before = fds_of(house.tlsd_proc.pid)
    waiting = [house.client() for _ in range(50)]
    clients = [house.client() for _ in range(100)]
    for c in clients:
        c.starttls()
    assert len(house.children()) == 100
    for i, c in enumerate(clients):
        c.send("ECHO 100000")
        c.send(bytes([i]) * 100000)
    for i, c in enumerate(clients):
        assert c.read(100000) == bytes([i]) * 100000
    # those that wait have no descriptor in any of these processes: when they end, that is the end
    for c in waiting:
        assert c.ask("QUIT") == "221 bye"
        assert c.sock.recv(1) == b""
    for c in clients:
        c.close()
    wait_for(lambda: not house.children(), 10, "all gone")
    wait_for(lambda: fds_of(house.tlsd_proc.pid) == before, 5, "descriptors as before")


def test_limit(houses):
    """Two at once, waiting ones included: the third is not offered TLS; its mail goes on."""
    h = houses()
    h.tlsd("-c", "2")
    h.serve()
    with h.client() as a, h.client() as b:
        a.starttls()
        with h.client() as c:
            # what relay-tls has handed over is hung up on: it sees that itself, or a receiver that looks
            if c.greeting == "220 hello":
                assert c.ask("QUIT") == "221 bye"
            else:
                c.send("STARTTLS Y")
                assert c.line() == "220 go"
                assert c.line() is None
        b.starttls()
        assert (a.ask("QUIT"), b.ask("QUIT")) == ("221 bye", "221 bye")
    assert h.log("tlsd.log").count("event=refused why=too\\x20many\\x20connections") == 1
    h.fine()


def test_few_descriptors(houses):
    """As many connections as the descriptors allow, and no failure for want of one."""
    h = houses()
    h.tlsd(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    h.serve()
    clients = [h.client() for _ in range(16)]
    # the last few have been handed over, and hung up on
    assert fds_of(h.tlsd_proc.pid) <= 64 and "why=too\\x20many" in h.log("tlsd.log")
    for c in clients[:12]:
        c.starttls()
    for c in clients:
        c.close()
    assert "event=failed" not in h.log("tlsd.log")
    h.fine()


@pytest.mark.skipif(not ROOT, reason="accounts need root")
def test_no_process(houses):
    """When there can be no further process the connection ends, and relay-tlsd lives on."""
    h = houses()
    who = pwd.getpwnam("nobody")
    for name in ("cert.pem", "key.pem"):
        os.chown(h.path("certs", "default", name), who.pw_uid, who.pw_gid)
    h.tlsd("-u", "%d:%d" % (who.pw_uid, who.pw_gid), preexec=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (1, 1)))
    h.serve()
    before = fds_of(h.tlsd_proc.pid)
    for _ in range(2):
        with h.client() as c:
            assert c.greeting == "220 hello STARTTLS"
            c.send("STARTTLS Y")
            assert c.line() == "220 go" and c.line() is None
    assert h.log("tlsd.log").count("event=failed why=Resource") == 2
    wait_for(lambda: fds_of(h.tlsd_proc.pid) == before, 5, "descriptors as before")
    with h.client() as c:
        assert c.ask("DECLINE") == "declined"


def test_slow_reader(house):
    """A client that doesn't read: the receiver is held up, nothing piles up, and all arrives."""
    n = 20000000
    with house.client() as c:
        c.starttls()
        (child,) = house.children()
        c.send("GIVE %d" % n)
        time.sleep(0.5)
        used = cpu_of(child), cpu_of(house.tlsd_proc.pid)
        time.sleep(0.5)
        assert cpu_of(child) - used[0] < 0.1 and cpu_of(house.tlsd_proc.pid) - used[1] < 0.1   # waits, doesn't spin
        if not sanitized():
            assert pss_of(child) < 4000
        data = c.read(n)
        assert len(data) == n and data[:251 * 50] == bytes(range(251)) * 50
        assert c.ask("QUIT") == "221 bye"


def test_slow_receiver(house):
    n = 20000000
    with house.client() as c:
        c.starttls()
        c.send("SLEEP 1")
        c.send("TAKE %d" % n)
        c.sock.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):
            while True:
                sent += c.sock.send(bytes(16384))
        assert sent < n / 2      # it was held up
        c.sock.settimeout(20)
        while sent < n:
            sent += c.sock.send(bytes(min(16384, n - sent)))
        assert c.line() == openssl("dgst", "-sha256", "-r", input=bytes(n)).split()[0].decode()


def test_idle(houses):
    h = houses()
    h.tlsd("-t", "1")
    h.serve()
    with h.client() as c:
        c.starttls()
        start = time.monotonic()
        for _ in range(3):
            time.sleep(0.5)
            assert c.ask("SLEEP 0\nPID").isdigit()      # not idle
        assert c.sock.recv(10) == b""
        assert 1.5 < time.monotonic() - start < 6
    h.fine()


def test_killed_and_restarted(house):
    """Who is under TLS stays so; who waited can't start any more; the next finds the new one."""
    with house.client() as running, house.client() as waiting:
        running.starttls()
        (child,) = house.children()
        house.tlsd_proc.popen.kill()
        house.tlsd_proc.popen.wait()
        assert running.ask("PID").isdigit()
        with house.client() as c:
            assert c.greeting == "220 hello"
        waiting.send("STARTTLS Y")
        assert waiting.line() == "220 go" and waiting.line() is None
        house.tlsd()
        with house.client() as c:
            assert c.starttls().ask("QUIT") == "221 bye"
        assert running.ask("QUIT") == "221 bye"
        wait_for(lambda: stat_of(child)[2] in "XZ", 5, "the process of the old one gone")
    # one at a time
    second = house.run([program("relay-tlsd"), house.socket, house.certs], "second.log")
    assert second.popen.wait(10) == 111 and "in use" in house.log("second.log")


def test_ends_when_told(house):
    with house.client() as c:
        c.starttls()
        house.tlsd_proc.popen.send_signal(signal.SIGTERM)
        assert house.tlsd_proc.popen.wait(5) == 0
        assert c.ask("QUIT") == "221 bye"


@pytest.mark.skipif(not ROOT, reason="accounts need root")
def test_accounts(houses):
    """The keys belong to relay-tlsd's user alone, its socket to that user and the chain's group; and a new key is
    read as that user, too."""
    h = houses()
    keys, chain, other = (pwd.getpwnam(n) for n in ("nobody", "daemon", "bin"))
    folder = h.path("certs", "default")

    def give():
        for name in ("", "cert.pem", "key.pem"):
            os.chown(os.path.join(folder, name), keys.pw_uid, keys.pw_gid)
        os.chmod(os.path.join(folder, "key.pem"), 0o400)
    give()
    pid = h.tlsd("-u", "%d:%d" % (keys.pw_uid, keys.pw_gid), "-g", str(chain.pw_gid)).pid
    st = os.stat(h.socket)
    assert (st.st_uid, st.st_gid, st.st_mode & 0o777) == (keys.pw_uid, chain.pw_gid, 0o660)
    with open("/proc/%d/status" % pid) as f:
        status = f.read()
    for what, number in (("Uid", keys.pw_uid), ("Gid", keys.pw_gid)):
        assert re.search(r"^%s:(\t%d){4}$" % (what, number), status, re.M)
    assert re.search(r"^Groups:\s*$", status, re.M)
    tls = for_everybody(program("relay-tls"))

    def offered(who):
        r = subprocess.run([tls, h.socket, "env"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10,
                           stdin=subprocess.DEVNULL, user=who.pw_uid, group=who.pw_gid, extra_groups=[])
        assert r.returncode == 0
        return b"SSLCTLFD=" in r.stdout
    assert offered(chain) and not offered(other)
    h.serve()
    make_certificate(folder, "new.example")
    give()
    os.kill(pid, signal.SIGHUP)
    wait_for(lambda: "host=new.example" in h.log("tlsd.log"), 5, "the new one read")
    with h.client() as c:
        assert c.starttls().ask("QUIT") == "221 bye"
