"""Two whole machines, each in a network of its own: Dovecot, the receiving chain, relay-pop-sync; the Redis is at the
first. Who logs in at one may relay through both."""
import grp
import os
import signal
import subprocess
import time

import pytest

from lib import pop
from lib.dovecot import Dovecot
from lib.nodes import PREFIX, Node, entry
from lib.pop import ANN, JOE, open_folder
from lib.popchain import Relay, put
from lib.procs import Proc, free_port, listening, program, wait_for

NEEDED = ("dovecot", "redis-server", "systemd-socket-activate")
pytestmark = pytest.mark.skipif(not all(pop.program_or_none(n) for n in NEEDED),
                                reason="one is missing of %s: sh package/deps install test" % ", ".join(NEEDED))
PASSWORD = "redis password"


class Redis:
    def __init__(self, folder, net):
        self.at, self.port, self.net, self.folder = "10.99.0.1", free_port(), net, folder
        self.start()

    def start(self):
        argv = [program("redis-server"), "--bind", self.at, "--port", str(self.port), "--requirepass", PASSWORD,
                "--save", "", "--dir", self.folder]
        self.proc = Proc(argv, os.path.join(self.folder, "redis.log"), preexec=self.net.enter_here)
        wait_for(lambda: listening(self.at, self.port, self.proc.pid), 10, "redis-server listening")

    def command(self, *words, value):
        """As somebody who can write to it."""
        argv = [program("redis-cli"), "-h", self.at, "-p", str(self.port), "-x", *words]
        r = subprocess.run(argv, input=value, env=dict(os.environ, REDISCLI_AUTH=PASSWORD), timeout=20, check=True,
                           preexec_fn=self.net.enter_here, stdout=subprocess.PIPE)
        assert not r.stdout.startswith(b"ERR"), r.stdout

    def forge(self, address, value):
        """For those who are there, and for those who come."""
        self.command("PUBLISH", PREFIX + "new", value=value)
        self.command("SET", PREFIX + address, value=value)


class Machine:
    def __init__(self, folder, name, address, net, enter, redis):
        password = os.path.join(folder, name + ".password")
        with open(password, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(PASSWORD + "\n")
        self.net, self.address = net, address
        self.node = Node(folder, name, "%s:%d" % (redis.at, redis.port), "-p", password)
        os.chown(self.node.stamps, 0, grp.getgrnam(pop.STAMPERS).gr_gid)
        os.chmod(self.node.stamps, 0o2771)
        self.enter = enter
        self.synchronize()
        self.relay = Relay("grant pop 300 /64", stamps=self.node.stamps, dual=True, enter=enter)
        self.dovecot = Dovecot(self.relay.stamper(), ["10.99.0." + address, "fd99::" + address], enter)

    def synchronize(self):
        before = len(self.node.events("ready"))
        self.sync = Proc(self.node.argv, os.path.join(self.node.dir, "log"), preexec=self.enter)
        wait_for(lambda: len(self.node.events("ready")) > before, 10, self.node.log)

    def host(self, source):
        return ("10.99.0." if "." in source else "fd99::") + self.address

    def login(self, source, user=JOE, protocol="pop3"):
        with self.net.there():
            return self.dovecot.login(user, source=source, host=self.host(source), protocol=protocol)

    def opened(self, source):
        self.relay.instance.host = self.host(source)
        with self.net.there():
            return self.relay.opened(source)

    def close(self):
        self.dovecot.close()
        self.relay.close()
        self.sync.stop()


@pytest.fixture(scope="module")
def house(net):
    with open_folder() as folder:
        made = [Redis(folder, net)]
        try:
            made.append(Machine(folder, "one", "1", net, net.enter_here, made[0]))
            made.append(Machine(folder, "two", "2", net, net.enter_there, made[0]))
            yield made
        finally:
            for m in made[:0:-1]:
                m.close()
            made[0].proc.stop()


def within_a_second(machine, source):
    start = time.monotonic()
    wait_for(lambda: machine.opened(source), 1, lambda: "%s: %s" % (source, machine.node.log()))
    return time.monotonic() - start


@pytest.mark.parametrize("protocol", ["pop3", "imap"])
def test_login_at_one_send_through_the_other(house, protocol):
    _, one, two = house
    who, later, other = "10.99.0.3", "10.99.0.4", "10.99.0.9"
    if protocol == "imap":
        who, later = "fd99::3", "fd99::4"
    assert not one.opened(who) and not two.opened(who)
    assert one.login(who, protocol=protocol)
    assert one.opened(who)
    within_a_second(two, who)
    fields = two.relay.fields(who)
    assert (fields["USER"], fields["NODE"]) == (JOE, "one") and "NODE" not in one.relay.fields(who)
    seconds = [int(os.stat(os.path.join(m.node.stamps, who)).st_mtime) for m in (one, two)]
    assert 0 <= seconds[0] - seconds[1] <= 1, "as old there as here"
    two.relay.back(301, who)
    if protocol == "pop3":
        assert not two.opened(who) and one.opened(who)
        assert not two.opened(later) and not two.opened(other)
        assert two.login(later, ANN)
        within_a_second(one, later)
        assert one.relay.fields(later)["USER"] == ANN
    else:
        assert two.opened(who) and two.opened(later), "the network's is shared, too"


def test_who_can_write_to_redis_opens_nothing(house):
    redis, one, two = house
    for key in (b"another key, which is long enough as well", b"x" * 32):
        redis.forge("10.99.0.5", entry("10.99.0.5", node="other", key=key))
    redis.forge("10.99.0.5", b"USER=joe\0")
    good = entry("10.99.0.7", JOE, "other")
    redis.forge("10.99.0.5", good.replace(b"10.99.0.7", b"10.99.0.5"))
    redis.forge("10.99.0.6", entry("10.99.0.6", JOE, "other", when=time.time() - 301))
    redis.command("SET", PREFIX + "10.99.0.5", value=good)
    for again in range(2):
        redis.forge("10.99.0.7", good)
        for m in (one, two):
            within_a_second(m, "10.99.0.7")
            assert not m.opened("10.99.0.5") and not m.opened("10.99.0.6")
            os.unlink(os.path.join(m.node.stamps, "10.99.0.7"))
            if not again:
                m.sync.stop()
                m.synchronize()
                within_a_second(m, "10.99.0.7")
                assert not m.opened("10.99.0.5") and not m.opened("10.99.0.6"), "nor who comes later"


def test_redis_killed_and_back(house):
    """Logins go on, each machine with its own stamps, and says so once; then they have each other's again."""
    redis, one, two = house
    redis.proc.stop(signal.SIGKILL)
    for m, who in ((one, "10.99.0.8"), (two, "10.99.0.9")):
        assert m.login(who, JOE) and m.opened(who)
    assert not one.opened("10.99.0.9") and not two.opened("10.99.0.8")
    redis.start()
    wait_for(lambda: two.opened("10.99.0.8") and one.opened("10.99.0.9"), 20, lambda: one.node.log() + two.node.log())
    for m in (one, two):
        assert len(m.node.events("server-lost")) == 1 == len(m.node.events("server-back")), m.node.log()
        assert m.sync.alive()


def test_neighbours_stamp_is_not_ours_to_publish(house):
    """A stamp that came from the other machine does not come back as new."""
    _, one, two = house
    assert one.login("10.99.0.3")
    within_a_second(two, "10.99.0.3")
    put(two.node.stamps, "10.99.0.6", 10, b"USER=joe\0NODE=one\0")
    time.sleep(0.3)
    assert not one.opened("10.99.0.6")
    assert "NODE" not in one.relay.fields("10.99.0.3")


def test_the_cable_is_pulled(house):
    """No connection waits for the network, and what happened meanwhile is known afterwards. (The last test here: the
    addresses of IPv6 go with the cable.)"""
    redis, one, two = house
    link = ["ip", "-n", redis.net.names[0], "link", "set", "cable"]
    assert two.login("10.99.0.4", JOE)
    within_a_second(one, "10.99.0.4")
    one.relay.back(5, "10.99.0.4")    # times are whole seconds, and of two logins in one the first counts
    subprocess.run([*link, "down"], check=True)
    try:
        assert two.login("10.99.0.4", ANN) and two.login("10.99.0.5") and two.opened("10.99.0.5")
        time.sleep(0.3)
        assert one.relay.fields("10.99.0.4")["USER"] == JOE and "10.99.0.5" not in one.relay.names()
    finally:
        subprocess.run([*link, "up"], check=True)
    wait_for(lambda: "10.99.0.5" in one.relay.names(), 60, two.node.log)
    assert one.opened("10.99.0.5") and one.relay.fields("10.99.0.4")["USER"] == ANN
