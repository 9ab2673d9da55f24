"""relay-mkcdb on a large site, and in a network whose gateway or bridge the rules trust."""
import os
import random
import resource
import subprocess

import pytest

from lib.procs import sanitized
from test_mkcdb import MKCDB, at, bits, control, get, mkcdb  # noqa: F401

pytestmark = pytest.mark.once


def test_large(control):
    """100,000 domains and 100,000 client prefixes compile, and what is asked for is there."""
    rng = random.Random(5)
    prefixes = set()
    while len(prefixes) < 100000:
        if rng.random() < .5:
            prefixes.add("%d.%d.%d.0/24" % (rng.randrange(1, 224), rng.randrange(256), rng.randrange(256)))
        else:
            prefixes.add("2001:%x:%x::/48" % (rng.randrange(1, 65536), rng.randrange(1, 65536)))
    prefixes = sorted(prefixes)
    (control / "clients").write_text("".join('%s:allow,RELAYCLIENT=""\n' % p for p in prefixes) + ":allow\n")
    (control / "domains").write_text("asked.example\nhosted.example\n" +
                                     "".join("d%d.hosted.example listed\n" % i for i in range(100000)))
    (control / "recipients").write_text("".join("r@d%d.hosted.example\n" % i for i in range(100000)))
    (control / "aliases").write_text("".join("a%d@asked.example a%d@asked.example\n" % (i, i + 1)
                                             for i in range(100000)))
    (control / "relay").write_text("grant clients\n" + "".join("grant to p%d.example\n" % i for i in range(100000)))
    r = mkcdb(control)
    assert r.returncode == 0, r.stderr
    rules = control / "rules.cdb"
    assert get(rules, b"dd99999.hosted.example") == at(100002, b"listed")
    assert get(rules, b"rgrant to p99999.example") == at(100001)
    assert get(rules, b"aa0@asked.example") == at(1, b"a100000@asked.example\0")
    assert prefixes[0].endswith("/24")
    key = b"c_" + bits(prefixes[0][:prefixes[0].rindex(".")])
    assert get(rules, key) == at(1, b"+RELAYCLIENT=\0")
    old = rules.read_bytes()
    for megabytes in () if sanitized() else (20, 60, 100):  # no memory: the old rules stay
        r = mkcdb(control, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20,) * 2))
        assert r.returncode == 111 and r.stderr.endswith(b": Cannot allocate memory\n"), r.stderr
        assert rules.read_bytes() == old and not (control / "rules.cdb.tmp").exists()


def beside_neighbours(control, clients):
    """Runs in a network of its own, with a default gateway 10.8.0.1 and a bridge 10.9.0.1."""
    (control / "clients").write_text(clients)
    script = """mount -t sysfs none /sys && ip link add br9 type bridge && ip addr add 10.9.0.1/24 dev br9 &&
        ip link add d0 type veth peer name d1 && ip addr add 10.8.0.2/24 dev d0 && ip link set d0 up &&
        ip route add default via 10.8.0.1 || exit 77
        exec "$0" "$1" """
    r = subprocess.run(["unshare", "-nm", "sh", "-c", script, MKCDB, str(control)], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=60)
    if r.returncode in (1, 77):
        pytest.skip("no network namespaces here: %s" % r.stderr.decode())
    return r


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_trusted_gateway(control):
    """A trusted default gateway or bridge is warned of, but not refused; a line may say that it is meant."""
    r = beside_neighbours(control, '127.0.0.1:allow,RELAYCLIENT=""\n10.8.0.0/16:allow,RELAYCLIENT=""\n'
                          '10.9.0.1:allow,RELAYCLIENT=""\n10.8.7.0/24:allow\n:allow\n')
    lines = r.stderr.decode().splitlines()
    assert r.returncode == 0 and (control / "rules.cdb").exists()
    assert len(lines) == 2
    assert lines[0].startswith("clients:2: warning: trusts 10.8.0.1, the default gateway: ")
    assert lines[1].startswith("clients:3: warning: trusts 10.9.0.1, this host on the bridge `br9`: ")
    r = beside_neighbours(control, '10.8.0.0/16:allow,RELAYCLIENT="" # ok: gateway; it forwards nothing\n'
                          '10.9.0.1:allow,RELAYCLIENT="" # ok: gateway\n:allow\n')
    assert (r.returncode, r.stderr) == (0, b"")
