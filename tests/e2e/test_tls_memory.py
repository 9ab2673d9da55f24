"""What the processes of relay-tlsd have in memory: no key once a handshake is done, and little."""
import os
import time

import pytest

from lib.houses import hasty as house, houses  # noqa: F401  (fixtures)
from lib.memory import found, key_needles
from lib.procs import all_pids, cpu_of, pss_of, sanitized, stat_of
from lib.tls import make_certificate

ROOT = os.geteuid() == 0


@pytest.mark.skipif(not ROOT or sanitized(), reason="reads another process' memory, and not a sanitizer's")
@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("way", ["tlsd", "-k"])
def test_keys_are_forgotten(houses, kind, way):
    """relay-tlsd has the key; a process under TLS has none of it left, nor has the receiver ever had it."""
    h = houses(certificates=False)
    make_certificate(h.path("certs", "default"), "relay.example", key=kind)
    secrets = key_needles(h.path("certs", "default"))
    if way == "tlsd":
        h.tlsd()
        h.serve()
        assert found(h.tlsd_proc.pid, secrets)      # the test would find them
    else:
        h.serve("-k", h.certs)
    with h.client() as c:
        pid = int(c.ask("PID"))
        c.starttls().list("VARS")
        (child,) = [p for p in all_pids() if stat_of(p)[3] == "relay-tlsd" and p != (h.tlsd_proc and h.tlsd_proc.pid)
                    and (stat_of(p)[1] == (h.tlsd_proc or h.procs[-1]).pid)]
        assert found(child, secrets) == found(pid, secrets) == set()
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
    before = cpu_of(house.tlsd_proc.pid)
    time.sleep(0.3)
    assert cpu_of(house.tlsd_proc.pid) - before < 0.1
    for c in clients:
        c.close()
