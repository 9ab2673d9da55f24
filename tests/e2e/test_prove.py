"""relay-prove on rules that are closed: no false alarm, a certificate, and no stranger relays whatever he tries."""
import hashlib
import json
import os
import random
import resource
import subprocess
import time

import pytest

from lib.closed import STRANGERS, Rules
from lib.procs import program
from lib.prove import House, parse


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def attack(house, rules, client, count):
    """Every reply to RCPT against what the texts say."""
    tries = rules.attacks(count)
    lines = ["HELO a"]
    for sender, recipient, _ in tries:
        lines += ["MAIL FROM:<%s>" % sender, "RCPT TO:<%s>" % recipient, "RSET"]
    replies = house.session(lines + ["QUIT"], client, mx="203.0.113.66")
    if replies[0][0].startswith("554"):
        return 0
    assert len(replies) == 3 * count + 3, replies[-1]
    taken = 0
    for (sender, recipient, may), reply in zip(tries, replies[3::3]):
        assert may or not reply[0].startswith("25"), (client, sender, recipient, reply, rules.texts)
        taken += reply[0].startswith("250")
    return taken


STAMPS = [
    ("grant pop", "its address within 300 seconds"),
    ("grant pop 60 bound", "its address within 60 seconds as a sender of its user"),
    ("grant pop /64 on mx bound",
     "its IPv4 address or IPv6 network of 64 bits within 300 seconds as a sender of its user"),
]


@pytest.mark.parametrize("grant, rests", STAMPS)
def test_stamps_open_nothing(house, grant, rests):
    """No stranger has one, and that they can't be read is no stamp; the proof says on what it rests."""
    control = {"relay": grant + "\n", "domains": "hosted.example\n", "users": "joe - from joe@hosted.example\n"}
    assert house.compile(control)[0] == 0
    code, _, found = house.prove()
    assert (code, found["verdict"]) == (0, "closed")
    assert "who holds a POP stamp is no stranger, nor who comes from " + rests in found["assumptions"]
    assert house.compile({**control, "relay": grant + "\ngrant sender hosted forgeable\n"})[0] == 0
    code, _, found = house.prove()
    assert (code, found["verdict"]) == (1, "declared")


@pytest.mark.parametrize("seed", range(12))
def test_closed(house, seed):
    taken = 0
    for n in range(5):
        r = random.Random("%d %d" % (seed, n))
        rules = Rules(r, plain=n == 0, size=r.choice([0, 0, 0, 30, 300]))
        code, said = house.compile(rules.texts)
        assert code == 0 and "open relay" not in said, (said, rules.texts)
        code, ways, found = house.prove()
        assert (code, ways, found["verdict"]) == (0, [], "closed"), rules.texts
        for client in r.sample(STRANGERS, 2):
            taken += attack(house, rules, client, 150)
    assert taken > 10   # they were not all refused for their syntax


def test_certificate(house):
    texts = {"clients": '10.0.0.0/8:allow,RELAYCLIENT=""\n10.1.:deny\n=h.example:allow,RELAYCLIENT=""\n:allow\n',
             "domains": "hosted.example\n.sub.example\n",
             "relay": "grant login\ngrant clients\ngrant to-host 192.0.2.0/24\n"}
    assert house.compile(texts)[0] == 0
    code, _, found = house.prove()
    with open(house.rules, "rb") as f:
        assert found["sha256"] == hashlib.sha256(f.read()).hexdigest()
    assert code == 0 and found["verdict"] == "closed" and found["openings"] == []
    assert found["trusted"] == {"ipv4": 2 ** 24 - 2 ** 16, "ipv6": "0"}
    # denied, trusted, everybody else; null, two kinds of others, two domains; the same, but postmaster for null
    assert (found["clients"], found["senders"], found["recipients"]) == (3, 5, 5)
    assert found["decisions"] > 0 and any("clients:3 trusts by name" in a for a in found["assumptions"])
    r = subprocess.run([program("relay-prove"), "-q", house.rules], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (r.returncode, r.stdout) == (0, b"")
    r = subprocess.run([program("relay-prove"), house.rules], stdout=subprocess.PIPE, text=True)
    assert r.stdout.startswith("closed: no stranger relays\n") and "sha256: %s\n" % found["sha256"] in r.stdout


def test_declared_is_still_open(house):
    """The words make relay-mkcdb go on, with the dialogue; relay-prove calls it open."""
    code, said = house.compile({"domains": "hosted.example\n", "relay": "grant sender hosted forgeable\n"})
    assert code == 0 and said.startswith("relay:1: warning: an open relay: ")
    warned = parse(said)
    code, ways, found = house.prove()
    assert code == 1 and found["verdict"] == "declared" and len(ways) == len(warned) == 1
    assert warned[0].said == ways[0].said and ways[0].declared
    assert ways[0].said[-4:] == ["C: MAIL FROM:<a@hosted.example>", "S: 250", "C: RCPT TO:<a@example.org>", "S: 250"]
    house.replay(ways[0])
    r = subprocess.run([program("relay-prove"), "-q", house.rules], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (r.returncode, r.stdout) == (1, b"")


@pytest.mark.parametrize("args,code", [
    (["-x"], 100), (["a", "b"], 100), (["--jso"], 100), (["/nonexistent/rules.cdb"], 111), (["/dev/null"], 111),
    (["/"], 111), (["-q", "--json", "/nonexistent"], 111),
])
def test_command_line(args, code):
    r = subprocess.run([program("relay-prove")] + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert r.returncode == code and r.stdout == b"" and r.stderr.startswith(b"relay-prove: ")


def test_damaged_tables(house):
    """A table that is cut or spoiled is never called closed."""
    assert house.compile({"relay": "grant login\n", "domains": "hosted.example\n"})[0] == 0
    with open(house.rules, "rb") as f:
        whole = f.read()
    for broken in (whole[:-8], whole[:100], whole.replace(b"any", b"amy")):
        with open(house.rules, "wb") as f:
            f.write(broken)
        r = subprocess.run([program("relay-prove"), house.rules], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert r.returncode == 111 and r.stdout == b"", (len(broken), r)


def test_dry_run_proves_too(house):
    code, said = house.compile({"clients": "=:allow,RELAYCLIENT=\"\"\n", "relay": "grant clients\n"})
    assert code == 100 and "clients:1: an open relay" in said
    r = subprocess.run([program("relay-mkcdb"), "-n", house.dir], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert r.returncode == 100 and b"clients:1: an open relay" in r.stderr
    assert not os.path.exists(house.rules)


def test_many_openings(house):
    """The lines of all openings are found in one walk through the table."""
    n = 40000
    assert house.compile({"relay": "".join("grant sender @d%d.example forgeable\n" % i for i in range(n))})[0] == 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    r = subprocess.run([program("relay-prove"), "--json", house.rules], stdout=subprocess.PIPE)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 3  # one walk for each took seven
    assert r.returncode == 1
    assert {o["record"]["says"] for o in json.loads(r.stdout)["openings"]} == {
        "grant sender @d%d.example forgeable" % i for i in range(n)}


@pytest.mark.slow
def test_large(house):
    """100,000 prefixes, 100,000 domains, 100,000 granted ones: closed, and then with one line too many."""
    r = random.Random(1)
    nets = {(r.getrandbits(32) >> 32 - b << 32 - b, b) for b in (r.choice([24, 28, 30, 32]) for _ in range(101000))}
    clients = "".join("%d.%d.%d.%d/%d:%s\n" % (a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, b, r.choice(
        ["deny", "allow", 'allow,RELAYCLIENT=""'])) for a, b in sorted(nets)[:100000]) + ":allow\n"
    texts = {"clients": clients, "domains": "".join("d%d.example.net\n" % i for i in range(100000)),
             "relay": "grant clients\n" + "".join("grant to p%d.example.com\n" % i for i in range(100000))}
    start = time.monotonic()
    code, said = house.compile(texts)
    assert (code, said) == (0, "")
    compiled = time.monotonic()
    code, _, found = house.prove()
    print("compiled and proved in %.1f s; proved in %.1f s" % (compiled - start, found["milliseconds"] / 1000))
    assert code == 0 and found["milliseconds"] < 60000 and compiled - start < 60
    assert found["senders"] > 100000 and found["recipients"] > 200000 and found["ranges"] > 100000
    records = house.records()
    records[b"rgrant sender @d77777.example.net"] = (200002).to_bytes(4, "little")
    house.make(records)
    code, ways, found = house.prove()
    assert code == 1 and [w.place for w in ways] == ["relay:200002"]
    house.replay(ways[0])
