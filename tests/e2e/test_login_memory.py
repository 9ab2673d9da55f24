"""Who knows what: while a TLS session with a login is open, the private key is in the memory of relay-tlsd alone, and
neither hashes nor passwords are in that of whoever speaks SMTP."""
import base64
import os

import pytest

from lib.auth import MECHANISMS
from lib.login import ALICE, PASSWORD, RECIPIENT, LoginChain, hashed
from lib.memory import OPENSSL, found, key_needles
from lib.procs import all_pids, program, sanitized, stat_of, wait_for
from lib.smtp import Dialogue
from lib.tls import context, make_certificate

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="looking into processes that don't dump needs root")
NAMES = ("tcpserver", "relay-gate", "relay-tls", "relay-tlsd", "relay-smtpd", "relay-send", "relay-remote")
SECRET = "Zq7vUnmistakable.and+long"


def named(chain, name):
    """The chain's processes of this name; relay-tlsd's own are not in the chain's session."""
    sessions = {p.pid for p in chain.instance.procs + chain.house.procs}
    all = [(p, stat_of(p)) for p in all_pids()]
    return [p for p, s in all if s[1] in sessions and s[3] == name and s[2] not in "ZX"]


def session(chain):
    d = Dialogue((chain.instance.host, chain.ports["starttls"]))
    d.hello()
    d.ok("STARTTLS", 220)
    d.sock = context().wrap_socket(d.sock)
    d.ok("EHLO client.example")
    return d


@pytest.fixture(scope="module", params=["relay-tlsd", "-k"])
def chain(request):
    if sanitized():
        pytest.skip("AddressSanitizer's own memory is too large to look into, and keeps what was freed")
    with LoginChain(keys=request.param == "-k") as c:
        c.keys = request.param == "-k"
        yield c


def look(chain, needles):
    """The names of those that have any of the key. Nothing of OpenSSL is in those who speak with clients, though
    they be linked statically; all that is looked for is in relay-tlsd."""
    knowing = {stat_of(p)[3] for name in NAMES for p in named(chain, name) if found(p, needles)}
    for name in ("relay-smtpd", "relay-tls", "relay-gate"):
        for pid in named(chain, name):
            assert found(pid, OPENSSL) == set()
    for pid in named(chain, "relay-tlsd"):
        assert found(pid, OPENSSL) == set(OPENSSL)
    return knowing


@pytest.mark.parametrize("key", ["ec", "rsa"])
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_private_key(chain, key, mode):
    make_certificate(chain.cert, "relay.example", key=key)
    if not chain.keys:
        chain.house.tlsd_proc.stop()
        chain.house.tlsd()
    needles = key_needles(chain.cert)
    with Dialogue((chain.instance.host, chain.ports[mode])) as d:
        if mode == "starttls":
            d.hello()
            d.ok("STARTTLS", 220)
        # while the handshake is due the key is where it is needed: that it is found there shows that this test can fail
        wait_for(lambda: look(chain, needles) == {"relay-tlsd"}, 5, lambda: str(look(chain, needles)), pause=0.1)
        d.sock = context().wrap_socket(d.sock)
        if mode == "implicit":
            d.reply()
        d.ok("EHLO client.example")
        assert named(chain, "relay-smtpd")
        assert MECHANISMS["PLAIN"](d, "alice", PASSWORD).code == 235
        assert look(chain, needles) <= {"relay-tlsd"}
        assert d.mail(ALICE, RECIPIENT).code == 250
        assert look(chain, needles) <= {"relay-tlsd"}
        # and who speaks TLS for one connection has forgotten it by then
        owner = set() if chain.keys else {chain.house.tlsd_proc.pid}
        assert {p for p in named(chain, "relay-tlsd") if found(p, needles)} == owner


def test_those_who_wait(chain):
    """Before TLS is asked for: relay-tls' waiting process has not read the key, and relay-smtpd neither."""
    make_certificate(chain.cert, "relay.example")
    needles = key_needles(chain.cert)
    with Dialogue((chain.instance.host, chain.ports["starttls"])) as d:
        assert "STARTTLS" in d.hello()
        waiting = named(chain, "relay-tls")
        assert len(waiting) == (1 if chain.keys else 0)
        for pid in waiting + named(chain, "relay-smtpd"):
            assert found(pid, needles) == set()


def test_gate_has_no_key(chain, instances):
    """relay-gate becomes relay-smtpd in a moment, but for one that waits for a PROXY header."""
    make_certificate(chain.cert, "relay.example")
    i = instances(clients='127.0.0.1:allow,RELAYPROXY=""\n')
    i.compile()
    i.receive([program("relay-gate"), "-p", i.rules, program("relay-tls"), "-k", chain.house.certs, "true"])
    with Dialogue((i.host, i.port)):
        (pid,) = wait_for(lambda: [p for p in i.receiver.members() if stat_of(p)[3] == "relay-gate"], 5, "relay-gate")
        assert found(pid, key_needles(chain.cert)) == set()


@pytest.mark.parametrize("mechanism", sorted(MECHANISMS))
def test_passwords_and_hashes(chain, mechanism):
    """After a wrong password and a right one neither is in relay-smtpd, nor is any hash of users.cdb."""
    line = hashed("zed", SECRET, "-c")
    users = chain.instance.texts["users"].split("zed ")[0]
    chain.instance.compile(users=users + line + "\n")
    needles = {"hash %d" % i: h[8:].encode() for i, h in enumerate(line.split(" ", 1)[1].split(","))}
    for word in (SECRET, SECRET[:-1] + "!"):
        needles["password " + word] = word.encode()
        needles["password's middle"] = word[3:15].encode()
        for at in range(3):
            needles["base64 %d" % at] = base64.b64encode(b"x" * at + SECRET.encode())[4:20]
    assert len(needles) > 7
    with open(os.path.join(chain.instance.control, "users.cdb"), "rb") as f:
        users_cdb = f.read()
    assert [n for n in needles if n.startswith("hash") and needles[n] in users_cdb], "the hashes look so"
    with session(chain) as d:
        assert MECHANISMS[mechanism](d, "zed", SECRET[:-1] + "!").code == 535
        (smtpd,) = named(chain, "relay-smtpd")
        assert found(smtpd, needles) == set()
        assert MECHANISMS[mechanism](d, "zed", SECRET).code == 235
        assert found(smtpd, needles) == set()
        with open("/proc/%d/maps" % smtpd) as f:
            assert "users.cdb" not in f.read()
        fds = [os.readlink("/proc/%d/fd/%s" % (smtpd, n)) for n in os.listdir("/proc/%d/fd" % smtpd)]
        assert not [f for f in fds if "users" in f or "key" in f or "certs" in f], fds
        assert d.mail(ALICE, RECIPIENT).code == 250
        assert found(smtpd, {"greeting": b"client.example"}), "what it does know is found"
