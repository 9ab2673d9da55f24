"""relay-diff on a site with 100,000 prefixes and 100,000 domains: every change is said, within seconds."""
import json
import subprocess
import time

import pytest

from lib.procs import program

pytestmark = pytest.mark.once

N = 100000
TRUST = ',RELAYCLIENT=""'


def site(folder, clients=(), domains=()):
    """clients: numbers of prefixes whose trust is the other way round; domains: of domains by another name."""
    folder.mkdir()
    changed = set(clients)
    values = [TRUST if (i % 2) ^ (i in changed) else "" for i in range(N)]
    (folder / "me").write_text("relay.example\n")
    (folder / "clients").write_text("".join(
        "%d.%d.%d.8/29:allow%s\n" % (20 + (i >> 16), i >> 8 & 255, i & 255, value)
        for i, value in enumerate(values)) + ":allow\n")
    renamed = set(domains)
    (folder / "domains").write_text("".join("%s%d.example\n" % ("n" if i in renamed else "d", i) for i in range(N)))
    (folder / "relay").write_text("grant login\ngrant clients\n")
    subprocess.run([program("relay-mkcdb"), str(folder)], check=True, stderr=subprocess.PIPE, timeout=60)
    return str(folder)


@pytest.mark.slow
def test_large_sites(tmp_path):
    old = site(tmp_path / "old")
    new = site(tmp_path / "new", clients=range(0, N, 3), domains=range(0, N, 2))
    before = time.monotonic()
    r = subprocess.run([program("relay-diff"), "--json", old, new], stdout=subprocess.PIPE, timeout=60)
    assert r.returncode == 1 and time.monotonic() - before < 30
    lines = {line["kind"]: line for line in json.loads(r.stdout)["lines"]}
    prefixes = {kind: {p["prefix"]: p["old"] for p in lines[kind]["clients"]["parts"][0]["prefixes"] if p["in"]}
                for kind in ("gains", "loses")}
    for i in range(0, N, 3):
        kind = "loses" if i % 2 else "gains"
        assert prefixes[kind]["%d.%d.%d.8/29" % (20 + (i >> 16), i >> 8 & 255, i & 255)] == i + 1
    assert sum(map(len, prefixes.values())) == len(range(0, N, 3))
    for kind, letter in (("hosts", "n"), ("unhosts", "d")):
        names = {c["name"] for c in lines[kind]["recipients"]["classes"]}
        assert names == {"%s%d.example" % (letter, i) for i in range(0, N, 2)}
    assert set(lines) == {"gains", "loses", "hosts", "unhosts"}
    assert subprocess.run([program("relay-diff"), old, old], stdout=subprocess.PIPE, timeout=60).returncode == 0
