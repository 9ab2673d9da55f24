"""Logins and mail from other hosts: networks of IPv6, in network namespaces that the test makes. here: the servers,
10.99.0.1 and fd99::1 and fd98::1. there: the clients."""
import subprocess

import pytest

from lib.dovecot import Dovecot
from lib.pop import JOE, open_folder, program_or_none, stamps_folder
from lib.popchain import Relay, put
from lib.procs import free_port
from lib.smtp import Dialogue

pytestmark = pytest.mark.skipif(not program_or_none("dovecot") or not program_or_none("systemd-socket-activate"),
                                reason="no Dovecot or no systemd: sh package/deps install test")


@pytest.fixture(scope="module")
def net(net):
    """With more addresses."""
    for name, hosts in zip(net.names, (["fd98::1/64"], ["fd98::2/64", "fd99::aaaa:1:2:3/64"])):
        for host in hosts:
            subprocess.run(["ip", "-n", name, "address", "add", host, "dev", "cable", "nodad"], check=True)
    return net


@pytest.fixture(scope="module")
def stamps():
    with open_folder() as folder:
        yield stamps_folder(folder + "/stamps")


@pytest.fixture(scope="module")
def relays(net, stamps):
    """Two relays with the same stamps: for addresses alone, and for networks."""
    with Relay(stamps=stamps, dual=True, enter=net.enter_here) as a:
        with Relay("grant pop 300 /64", stamps=stamps, dual=True, enter=net.enter_here) as n:
            yield a, n


@pytest.fixture(scope="module")
def dovecot(net, relays):
    hosts = ["10.99.0.1", "fd99::1", "fd98::1"]
    with Dovecot(relays[0].stamper(), hosts, net.enter_here) as d:
        yield d


def opened(net, relay, source):
    """Among namespaces, from a host there."""
    relay.instance.host = "10.99.0.1" if "." in source else source[:4] + "::1"
    with net.there():
        return relay.opened(source)


def login(net, dovecot, source, protocol="pop3"):
    host = "10.99.0.1" if "." in source else source[:4] + "::1"
    with net.there():
        return dovecot.login(source=source, host=host, protocol=protocol)


def test_two_hosts_of_one_network(net, relays, dovecot):
    alone, network = relays
    first, second, third, outside = "fd99::2", "fd99::3", "fd99::aaaa:1:2:3", "fd98::2"
    assert not any(opened(net, r, who) for r in relays for who in (first, second, third, outside, "10.99.0.2"))
    assert login(net, dovecot, first)
    assert opened(net, alone, first) and opened(net, network, first)
    for neighbour in (second, third):
        assert not opened(net, alone, neighbour) and opened(net, network, neighbour)
    for other in (outside, "10.99.0.2"):
        assert not any(opened(net, r, other) for r in relays)
    assert sorted(alone.names()) == ["fd99::", "fd99::2"]
    alone.back(301, "fd99::")
    assert opened(net, network, first) and not opened(net, network, second), "its own is younger"
    alone.back(301, "fd99::2")
    assert not opened(net, network, first)
    assert login(net, dovecot, second, "imap"), "the network's is young again, the first address' own is not"
    assert opened(net, network, first) and not opened(net, alone, first) and opened(net, alone, second)
    with net.there():
        assert network.ask(first).user == JOE


def test_ipv4_has_no_networks(net, relays, dovecot):
    alone, network = relays
    assert login(net, dovecot, "10.99.0.3")
    for r in relays:
        assert opened(net, r, "10.99.0.3") and not opened(net, r, "10.99.0.4")
    assert "10.99.0.3" in alone.names() and "10.99.0.0" not in alone.names()


def test_the_first_address_is_a_host_too(net, relays, stamps):
    """fd98:: is the name of fd98::/64 and an address; the one does not stand for the other."""
    alone, network = relays
    put(stamps, "fd98::", body=b"USER=joe\0")
    assert not any(opened(net, r, "fd98::2") for r in relays), "the stamp of an address, not of a network"
    put(stamps, "fd98::", body=b"USER=joe\0NET=64\0")
    assert opened(net, network, "fd98::2") and not opened(net, alone, "fd98::2")
    put(stamps, "fd98::2", body=b"USER=joe\0NET=64\0")
    assert not opened(net, alone, "fd98::2"), "no network has this name"


def test_behind_a_proxy(net, relays, dovecot):
    """A stamp is the client's: whoever sends through a believed proxy has the address that the header says."""
    assert login(net, dovecot, "10.99.0.5")
    with Relay(stamps=relays[0].stamps, clients='10.99.0.9:allow,RELAYPROXY=""\n:allow\n', receive=False) as r:
        gate = r.chain()
        gate.insert(1, "-p")
        i = r.instance
        i.receive(gate, host="10.99.0.1", port=free_port(), preexec=net.enter_here)
        for said, source, code in (("10.99.0.5", "10.99.0.9", 250), ("10.99.0.6", "10.99.0.9", 550)):
            with net.there(), Dialogue(("10.99.0.1", i.port), source) as d:
                d.send(b"PROXY TCP4 %s 10.99.0.1 4711 25\r\n" % said.encode())
                d.hello()
                d.ok("MAIL FROM:<%s>" % JOE)
                assert d.cmd("RCPT TO:<ann@elsewhere.example>") == code
