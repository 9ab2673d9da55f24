"""relay-tlsd against bad clients, strangers at its socket, many connections, its own end, and what it keeps in memory."""
import array
import os
import pwd
import re
import select
import signal
import socket
import ssl
import subprocess
import time

import pytest

from lib.procs import all_pids, for_everybody, program, pss_of, sanitized, stat_of, wait_for
from lib.tls import House, make_certificate, openssl

ROOT = os.geteuid() == 0


@pytest.fixture
def houses():
    made = []

    def make(*a, **k):
        made.append(House(*a, **k))
        return made[-1]
    yield make
    for h in made:
        h.close()


@pytest.fixture
def house(houses):
    h = houses()
    h.tlsd("-h", "1")
    h.serve()
    return h


def fds(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def cpu(pid):
    with open("/proc/%d/stat" % pid) as f:
        word = f.read().rsplit(")", 1)[1].split()
    return (int(word[11]) + int(word[12])) / os.sysconf("SC_CLK_TCK")


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


def test_a_hundred_at_once(house):
    """A hundred under TLS, each gets its own bytes; a hundred more wait and decline. Nothing is left afterwards."""
    with house.client() as c:
        c.starttls().ask("QUIT")
    fine(house)
    wait_for(lambda: not house.children(), 5, "quiet")
    before = fds(house.tlsd_proc.pid)
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
    wait_for(lambda: fds(house.tlsd_proc.pid) == before, 5, "descriptors as before")


def test_limit(houses):
    """Two at once, waiting ones included: the third is not offered TLS; its mail goes on."""
    h = houses()
    h.tlsd("-c", "2")
    h.serve()
    with h.client() as a, h.client() as b:
        a.starttls()
        with h.client() as c:
            # what relay-tls has handed over is hung up on: a receiver that looks sees that
            assert c.greeting.startswith("220 hello")
            c.send("STARTTLS Y")
            assert c.line() == "220 go"
            assert c.line() is None
        b.starttls()
        assert (a.ask("QUIT"), b.ask("QUIT")) == ("221 bye", "221 bye")
    assert h.log("tlsd.log").count("event=refused why=too\\x20many\\x20connections") == 1
    fine(h)


def test_slow_reader(house):
    """A client that doesn't read: the receiver is held up, nothing piles up, and all arrives."""
    n = 20000000
    with house.client() as c:
        c.starttls()
        (child,) = house.children()
        c.send("GIVE %d" % n)
        time.sleep(0.5)
        used = cpu(child), cpu(house.tlsd_proc.pid)
        time.sleep(0.5)
        assert cpu(child) - used[0] < 0.1 and cpu(house.tlsd_proc.pid) - used[1] < 0.1   # waits, doesn't spin
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
    fine(h)


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


@pytest.mark.skipif(not ROOT, reason="accounts need root")
def test_accounts(houses):
    """The keys belong to relay-tlsd's user alone, its socket to that user and the chain's group; and a new key is read as
    that user, too."""
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
    assert re.search(r"^Uid:(\t%d){4}$" % keys.pw_uid, status, re.M) and re.search(r"^Gid:(\t%d){4}$" % keys.pw_gid, status, re.M)
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


def memory(pid):
    """All that a process can write to."""
    out = []
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            span, perms = line.split()[:2]
            if perms[:2] != "rw" or "[v" in line:
                continue
            start, end = (int(x, 16) for x in span.split("-"))
            mem.seek(start)
            try:
                out.append(mem.read(end - start))
            except OSError:
                pass
    return b"".join(out)


@pytest.mark.skipif(not ROOT, reason="reads another process' memory")
@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("way", ["tlsd", "-k"])
def test_keys_are_forgotten(houses, kind, way):
    """relay-tlsd has the key; a process under TLS has none of it left, nor has the receiver ever had it."""
    h = houses(certificates=False)
    make_certificate(h.path("certs", "default"), "relay.example", key=kind)
    key = os.path.join(h.certs, "default", "key.pem")
    text = openssl("pkey", "-in", key, "-text", "-noout").decode()
    secrets = []
    for name in ("priv:", "privateExponent:", "prime1:", "prime2:"):
        found = re.search(name + r"\s*((?:[0-9a-f]{2}[:\s]*)+)", text)
        if found:
            value = bytes.fromhex(re.sub(r"[^0-9a-f]", "", found.group(1))).lstrip(b"\0")
            secrets += [value[-24:], value[::-1][:24]]
    assert len(secrets) == (2 if kind == "ec" else 6)
    with open(key) as f:
        secrets.append(f.read().split("\n")[2].encode())
    if way == "tlsd":
        h.tlsd()
        h.serve()
        assert any(s in memory(h.tlsd_proc.pid) for s in secrets)      # the test would find them
    else:
        h.serve("-k", h.certs)
    with h.client() as c:
        pid = int(c.ask("PID"))
        c.starttls().list("VARS")
        (child,) = [p for p in all_pids() if stat_of(p)[3] == "relay-tlsd" and p != (h.tlsd_proc and h.tlsd_proc.pid)
                    and (stat_of(p)[1] == (h.tlsd_proc or h.procs[-1]).pid)]
        for p in (child, pid):
            data = memory(p)
            assert len(data) > 100000
            assert [i for i, s in enumerate(secrets) if s in data] == []
        with open("/proc/%d/maps" % pid) as f:
            assert "/default/" not in f.read()
        assert c.ask("QUIT") == "221 bye"


@pytest.mark.skipif(sanitized(), reason="a sanitizer's memory is no measure")
def test_idle_memory(house):
    """What an idle connection under TLS costs."""
    clients = [house.client().starttls() for _ in range(20)]
    for c in clients:
        assert c.ask("PID").isdigit()
    each = [pss_of(p) for p in house.children()]
    print("PSS of an idle TLS connection: %d KiB" % (sum(each) / len(each)))
    assert len(each) == 20 and sum(each) / len(each) < 700
    before = cpu(house.tlsd_proc.pid)
    time.sleep(0.3)
    assert cpu(house.tlsd_proc.pid) - before < 0.1
    for c in clients:
        c.close()
