"""What the processes of relay-tlsd have in memory: no key once a handshake is done, and little."""
import os
import re
import time

import pytest

from lib.procs import all_pids, pss_of, sanitized, stat_of
from lib.tls import houses, make_certificate, openssl  # noqa: F401

ROOT = os.geteuid() == 0


@pytest.fixture
def house(houses):
    h = houses()
    h.tlsd("-h", "1")
    h.serve()
    return h


def cpu(pid):
    with open("/proc/%d/stat" % pid) as f:
        word = f.read().rsplit(")", 1)[1].split()
    return (int(word[11]) + int(word[12])) / os.sysconf("SC_CLK_TCK")


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


@pytest.mark.skipif(not ROOT or sanitized(), reason="reads another process' memory, and not a sanitizer's")
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
