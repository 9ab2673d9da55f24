"""Closed rules, opened in every way: relay-mkcdb refuses them with file and line unless they declare it; relay-prove
finds the line in tables that were made by hand; and each dialogue that is printed really relays."""
import random
import subprocess

import pytest

from lib.closed import Rules
from lib.procs import program
from lib.prove import House, add_client, add_relay, parse

RC = b"+RELAYCLIENT=\0"


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def pieces(n, how_many, start=0, v6=False):
    """how_many prefixes of n bits of IPv4, or of n + 3 bits of 2000::/3, from the start-th on."""
    if v6:
        return ["%x::/%d" % (0x2000 + (i << 13 - n), n + 3) for i in range(start, start + how_many)]
    return ["%d.%d.0.0/%d" % (i << 16 - n >> 8, (i << 16 - n) & 255, n) for i in range(start, start + how_many)]


def shuffled(r, items):
    items = list(items)
    r.shuffle(items)
    return items


def base(house, r, relay="", clients=None):
    house.closed = Rules(r, plain=True, size=r.choice([0, 0, 0, 40]))
    texts = house.closed.texts
    texts["relay"] += relay
    if clients is not None:
        texts["clients"] = clients
    return texts


def lines(text):
    return text.count("\n")


def expect(house, kind, places, declared=False):
    """relay-prove finds the way in by one of these lines, and its dialogue relays."""
    code, ways, found = house.prove()
    assert code == 1 and found["verdict"] == ("declared" if declared else "open"), found
    hits = [w for w, o in zip(ways, found["openings"]) if o["kind"] == kind and w.place in places]
    assert hits, (kind, places, [(w.place, w.why) for w in ways])
    for w in hits:
        assert w.declared == declared
        local, domain = w.said[-2][len("C: RCPT TO:<"):-1].rsplit("@", 1)
        assert not house.closed.reachable(local, domain)
        house.replay(w)


def refused(house, texts, places):
    code, said = house.compile(texts)
    assert code == 100 and any(l.startswith(tuple(p + ": " for p in places)) for l in said.splitlines()
                               if "warning:" not in l), (said, places)
    for way in parse(said):
        assert way.said == [] or way.said[-1] == "S: 250"


@pytest.mark.parametrize("key", ["=", "=.com", "=.net", "=.xyz", "=.de"])
def test_names(house, key):
    r = random.Random(key)
    text = '127.:allow,RELAYCLIENT=""\n%s:allow,RELAYCLIENT=""\n10.0.0.0/8:deny\n:allow\n' % key
    texts = base(house, r, clients=text)
    refused(house, texts, ["clients:2"])
    texts["clients"] = '127.:allow,RELAYCLIENT=""\n:allow\n'
    assert house.compile(texts)[0] == 0
    records = house.records()
    add_client(records, 2, key, RC)
    house.make(records)
    expect(house, "names", ["clients:2"])


@pytest.mark.parametrize("n", range(8))
def test_anyone(house, n):
    r = random.Random("anyone %d" % n)
    texts = base(house, r, relay=r.choice(["", "require sender hosted\n"]))
    place = "relay:%d" % (lines(texts["relay"]) + 1)
    refused(house, dict(texts, relay=texts["relay"] + "grant anyone\n"), [place])
    code, said = house.compile(dict(texts, relay=texts["relay"] + "grant anyone open-relay\n"))
    assert code == 0 and place + ": warning: an open relay" in said
    expect(house, "anyone", [place], declared=True)
    assert house.compile(texts)[0] == 0
    records = house.records()
    add_relay(records, lines(texts["relay"]) + 1, "grant anyone", r.choice([b"", b"open relay", b"forgeable "]))
    house.make(records)
    expect(house, "anyone", [place])


SENDERS = ["hosted", "user", "@friend.example", "@.friend.example", "boss@friend.example", "@[192.0.2.50]",
           "@xn--grn-ioa.example", "o'x@friend.example", "@com", "@.com", "a+b@friend.example", "abuse@alpha.com"]


@pytest.mark.parametrize("who", SENDERS)
@pytest.mark.parametrize("n", range(3))
def test_sender(house, who, n):
    r = random.Random("sender %s %d" % (who, n))
    widened = {"hosted": "local .com\nlocal x@y.example\n", "user": "local someone@abroad2.example\n"}.get(who, "")
    texts = base(house, r, relay=widened)
    at = lines(texts["relay"]) + 1
    place = "relay:%d" % at
    refused(house, dict(texts, relay=texts["relay"] + "grant sender %s\n" % who), [place])
    code, said = house.compile(dict(texts, relay=texts["relay"] + "grant sender %s forgeable\n" % who))
    assert code == 0 and place + ": warning: an open relay" in said, said
    expect(house, "sender", [place], declared=True)
    assert house.compile(texts)[0] == 0
    records = house.records()
    add_relay(records, at, "grant sender " + who, r.choice([b"", b"", b"forgeabl", b"FORGEABLE"]))
    house.make(records)
    expect(house, "sender", [place])


WIDE = [["64.0.0.0/4"], ["2600::/13"], ["2002::/16"], ["64:ff9b::/96"], ["%d.0.0.0/8" % i for i in range(40, 54)],
        ["0.0.0.0/0"], ["::/0"], ["0.0.0.0/1"], ["128.0.0.0/1"], ["2000::/3"], ["::/1"], ["::ffff:0:0/96"],
        ["0.0.0.0/2", "128.0.0.0/2"], pieces(4, 9, 2), pieces(3, 5, 1, v6=True)]


@pytest.mark.parametrize("n", range(len(WIDE)))
@pytest.mark.parametrize("pair", ["any any", "any victim.example", "@.friend.example any", "hosted .victim.example",
                                  "boss@friend.example joe@victim.example"])
def test_devices(house, n, pair):
    r = random.Random("devices %d %s" % (n, pair))
    who, to = pair.split()
    needs = r.choice(["", "", "require sender hosted\n"]) if who in ("any", "hosted") else ""
    texts = base(house, r, relay=needs, clients=":allow\n")
    at = lines(texts["relay"]) + 1
    spelled = ["grant device %s from %s to %s" % (p, who, to) for p in WIDE[n]]
    places = ["relay:%d" % (at + i) for i in range(len(spelled))]
    refused(house, dict(texts, relay=texts["relay"] + "".join(s + "\n" for s in spelled)), places)
    assert house.compile(texts)[0] == 0
    records = house.records()
    for i, s in enumerate(spelled):
        add_relay(records, at + i, s)
    house.make(records)
    expect(house, "devices", places)


@pytest.mark.parametrize("n", range(len(WIDE)))
def test_to_host(house, n):
    r = random.Random("to-host %d" % n)
    texts = base(house, r)
    at = lines(texts["relay"]) + 1
    spelled = ["grant to-host %s" % p for p in WIDE[n]]
    places = ["relay:%d" % (at + i) for i in range(len(spelled))]
    refused(house, dict(texts, relay=texts["relay"] + "".join(s + "\n" for s in spelled)), places)
    assert house.compile(texts)[0] == 0
    records = house.records()
    for i, s in enumerate(spelled):
        add_relay(records, at + i, s)
    house.make(records)
    expect(house, "to-host", places)


@pytest.mark.parametrize("suffix", [".com", ".net", ".uk", ".museum", ".arpa", ".xn--p1ai"])
@pytest.mark.parametrize("check", ["any", "listed # ok: no-recipients", "asked", "granted"])
def test_suffixes(house, suffix, check):
    r = random.Random(suffix + check)
    granted = check == "granted"
    texts = base(house, r)
    file = "relay" if granted else "domains"
    at = lines(texts[file]) + 1
    line = "grant to %s\n" % suffix if granted else "%s %s\n" % (suffix, check)
    refused(house, dict(texts, **{file: texts[file] + line}), ["%s:%d" % (file, at)])
    assert house.compile(texts)[0] == 0
    records = house.records()
    if granted:
        add_relay(records, at, "grant to " + suffix)
    else:
        records[b"d" + suffix.encode()] = at.to_bytes(4, "little") + check.split()[0].encode()
    house.make(records)
    expect(house, "granted" if granted else "hosted", ["%s:%d" % (file, at)])


@pytest.mark.parametrize("name", ["TCPREMOTEIP", "TCPREMOTEINFO", "PROTO", "RELAYBY", "RELAYRULESFD", "RELAYASK",
                                  "SSLREMOTEIP", "REMOTE_HOST", "DNSCACHEIP"])
def test_facts(house, name):
    """A rule that says who the client is: everybody would be a device. Refused, and never closed nor let in."""
    r = random.Random(name)
    device = "grant device 10.0.0.1 from any to any\n"
    texts = base(house, r, relay=device, clients=':allow,A="b",%s="10.0.0.1"\n' % name)
    refused(house, texts, ["clients:1"])
    refused(house, dict(texts, clients=':deny,%s="10.0.0.1" # ok: deny-variables\n' % name), ["clients:1"])
    texts["clients"] = ":allow\n"
    assert house.compile(texts)[0] == 0 and house.prove()[0] == 0
    records = house.records()
    records[b"c"] = (1).to_bytes(4, "little") + b"+%s=10.0.0.1\0" % name.encode()
    house.make(records)
    r = subprocess.run([program("relay-prove"), house.rules], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert r.returncode == 111 and r.stdout == b""
    assert house.session(["HELO a"], "203.0.113.5")[0][0].startswith("451 ")


def test_bare_tables(house):
    """A requirement taken out of a table opens what it held shut."""
    texts = base(house, random.Random(1), clients=":allow\n")
    texts["relay"] = "require login\ngrant anyone open-relay\ndeny to .com\n"
    assert house.compile(texts)[0] == 0 and house.prove()[0] == 0
    records = house.records()
    del records[b"rrequire login"]
    house.make(records)
    expect(house, "anyone", ["relay:2"], declared=True)
