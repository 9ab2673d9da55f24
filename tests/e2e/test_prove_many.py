"""How many addresses are too many: tables of what must be refused, by relay-mkcdb and in tables made by hand, and of
what must not. The tables say it in prefixes, as people write them."""
import random

import pytest

from lib.prove import House, add_client, add_relay
from test_prove_open import RC, base, expect, lines, pieces, refused, shuffled

RP = b"+RELAYPROXY=\0"


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


# So many addresses that strangers are among them, however they are written. `:` and `=` are keys of their own.
MANY = [
    [""], ["0.0.0.0/0"], ["::/0"], ["0-255."], ["0-127."], ["128-255."], ["0.0.0.0/1"], ["128.0.0.0/1"], ["2000::/3"],
    ["2000::/4"], ["3000::/4"], ["::/1"], ["::/2"], ["::ffff:0:0/96"], ["::ffff:128.0.0.0/97"], ["::/1", "8000::/1"],
    ["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/2", "128.0.0.0/2"], ["64-127.", "128-191."], ["0-100.", "101-200."],
    ["0-63.", "64.0.0.0/2"], ["0.0-255.", "1-127."], pieces(2, 3), pieces(3, 4, 2), pieces(4, 9, 3), pieces(5, 16),
    pieces(6, 40, 20), pieces(8, 128, 5), pieces(8, 200, 50), pieces(9, 256), pieces(1, 1, 1, v6=True),
    pieces(2, 2, 1, v6=True), pieces(3, 5, 2, v6=True), pieces(5, 17, 7, v6=True), pieces(7, 64, 64, v6=True),
    ["0-126."] + ["127.%d-%d." % (i, i + 15) for i in range(0, 256, 16)], ["%d." % i for i in range(60, 190)],
    ["64.0.0.0/4"], ["%d." % i for i in range(40, 54)], ["11.", "12-16.", "17.0.0.0/8", "32.0.0.0/5"],
    ["0-31."], ["64.0.0.0/5", "72.0.0.0/6", "76.0.0.0/7"], ["2600::/13"], ["2800::/14", "2a04::/14"], ["2600::/12"],
    ["64:ff9b::/96"], ["2002::/16"], ["2001::/32"], ["2001:0:102:304::/64"], ["64:ff9b::4000:0/100"],
    ["2002:4000::/20"], ["64:ff9b::4000:0/101", "72.0.0.0/6", "2002:4c00::/23"], ["2001:0:5:6:7:8:4000:0/100"],
]
# Just not: too few, others among them denied or not trusted, or no public ones.
FEW = [
    (["%d." % i for i in range(40, 53)], []), (["64.0.0.0/4"], ["64.0.0.0/6:deny"]), (["64-77."], ["70.0-63.:allow"]),
    (["64.0.0.0/5", "72.0.0.0/6", "76.0.0.0/7"], ["64.64.0.0/10:deny"]), (["2600::/13"], ["2600:5::/64:deny"]),
    (["10.0.0.0/8", "127.", "0.", "100.64.0.0/10", "172.16-31.", "192.168.", "224.0.0.0/3", "fc00::/7",
      "fe80::/10"], []),
    (["8.0.0.0/7", "10.0.0.0/7", "12.0.0.0/6", "16.0.0.0/7", "18.", "19.", "20.", "21."], []),
    (["2800::/14", "2a04::/15"], []), (["64:ff9b::4000:0/104", "2002:4100::/24", "66."], []),
    (["64:ff9b::4000:0/101", "64.0.0.0/5", "2002:4000::/21"], []), # the same ones thrice
    (["2001:0:102:304::1", "2001:0:5:6:7:8:4000:0/104"], []), (["0.0.0.0/1", "128.0.0.0/1"], [
        "0.0.0.0/2:allow", "64.0.0.0/2:deny", "128.0.0.0/2:deny", "192.0.0.0/4:allow", "208.0.0.0/5:deny", "216.:allow",
        "217-223.:allow"]),
]


@pytest.mark.parametrize("n", range(len(MANY)))
def test_clients(house, n):
    """RELAYCLIENT for too large a part of the internet."""
    r = random.Random("clients %d" % n)
    lead = "127.0.0.1:allow,RELAYCLIENT=\"\"\n# more\n"
    spelled = shuffled(r, MANY[n])
    places = ["clients:%d" % (3 + i) for i in range(len(spelled))]
    text = lead + "".join('%s:allow,RELAYCLIENT=""\n' % a for a in spelled)
    text += "" if "" in spelled else r.choice([":allow\n", ":deny\n"])
    texts = base(house, r, clients=text)
    refused(house, texts, places)
    texts["clients"] = lead
    assert house.compile(texts)[0] == 0
    records = house.records()
    for i, a in enumerate(spelled):
        add_client(records, 3 + i, a, RC)
    if r.random() < .5 and "" not in spelled:
        add_client(records, 500, "", b"D\0")
    house.make(records)
    expect(house, "clients", places)


@pytest.mark.parametrize("n", range(len(MANY)))
def test_proxies(house, n):
    """The same with RELAYPROXY: the dialogue begins with a PROXY line for a client that is trusted."""
    r = random.Random("proxies %d" % n)
    lead = r.choice(['8.8.8.8', '192.0.2.0/24', '2001:db8::7']) + ':allow,RELAYCLIENT=""\n'
    device = r.random() < .3
    spelled = shuffled(r, MANY[n])
    # what the trusted ones take away must not make it less
    more = ["0.0.0.0/0"] if not any(":" in a for a in spelled) and spelled != [""] else []
    more += ["2000::/3"] if any(":" in a for a in spelled) else []
    spelled += [a for a in more if a not in spelled]
    places = ["clients:%d" % (3 + i) for i in range(len(spelled))]
    lead = "# none\n" if device else lead
    text = lead + "\n" + "".join('%s:allow,RELAYPROXY=""\n' % a for a in spelled)
    texts = base(house, r, clients=text, relay="grant device 9.9.9.9 from any to any\n" if device else "")
    refused(house, texts, places)
    texts["clients"] = lead
    assert house.compile(texts)[0] == 0
    records = house.records()
    for i, a in enumerate(spelled):
        add_client(records, 3 + i, a, RP)
    house.make(records)
    expect(house, "proxies", places)
    assert any(s.startswith("C: PROXY TCP") for w in house.prove()[1] for s in w.said)


@pytest.mark.parametrize("n", range(len(FEW)))
def test_few(house, n):
    """No alarm."""
    r = random.Random("almost %d" % n)
    for variable in ("RELAYCLIENT", "RELAYPROXY"):
        spelled, others = FEW[n]
        text = "".join('%s:allow,%s=""\n' % (a, variable) for a in spelled) + "".join(o + "\n" for o in others)
        if variable == "RELAYPROXY":
            text += 'fd00::7:allow,RELAYCLIENT=""\n'
        code, said = house.compile(base(house, r, clients=text + ":deny\n"))
        assert code == 0 and "open relay" not in said, said
        assert house.prove()[0] == 0


@pytest.mark.parametrize("n", range(4))
def test_together(house, n):
    """Clients, devices and proxies: each kind alone is few. The largest part is blamed, whichever it is."""
    r = random.Random("together %d" % n)
    parts = shuffled(r, ["64.0.0.0/5", "72.0.0.0/6", "76.0.0.0/7"])
    device = "grant device %s from any to any\n" % parts[2]
    text = '%s:allow,RELAYCLIENT=""\n%s:allow,RELAYPROXY=""\n:allow\n' % (parts[0], parts[1])
    texts = base(house, r, clients=text)
    at = lines(texts["relay"]) + 1
    kind, place = [("clients", "clients:1"), ("proxies", "clients:2"), ("devices", "relay:%d" % at)][
        parts.index("64.0.0.0/5")]
    refused(house, dict(texts, relay=texts["relay"] + device), [place])
    assert house.compile(texts)[0] == 0 and house.prove()[0] == 0
    records = house.records()
    add_relay(records, at, device)
    house.make(records)
    expect(house, kind, [place])
