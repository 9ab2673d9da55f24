"""relay-pop-sync with a real redis-server: machines that share stamps, and a server that comes and goes."""
import grp
import os
import pwd
import signal
import subprocess
import time

import pytest

from lib.made import made_by
from lib.nodes import PREFIX, Node, Redis, entry
from lib.procs import BIN, Proc, for_everybody, program, wait_for
from lib.services import Unit, verify_units


@pytest.fixture
def servers():
    yield from made_by(Redis)


@pytest.fixture
def redis(servers):
    return servers()


@pytest.fixture
def nodes(tmp_path):
    made = []

    def make(name, at, *options, path=str(tmp_path), **more):
        made.append(Node(path, name, at, *options, **more))
        return made[-1]
    yield make
    for n in made:
        if n.proc:
            n.stop()
        assert "Sanitizer" not in n.log(), n.log()


def shared(node, address, user="joe", seconds=1.0):
    """It is there within that time."""
    wait_for(lambda: node.body(address), seconds, lambda: "%s on %s: %s" % (address, node.name, node.log()), 0.005)
    assert node.opens(address) == user


def test_within_a_second(redis, nodes):
    """A login on one machine opens the others, for that address alone, with the time of the login."""
    a, b, c = (nodes(n, redis.at).start() for n in "abc")
    a.log_in("192.0.2.1", "joe@hosted.example")
    shared(b, "192.0.2.1", "joe@hosted.example")
    shared(c, "192.0.2.1", "joe@hosted.example")
    assert b.names() == c.names() == ["192.0.2.1"] and b.opens("192.0.2.2") is None
    ours, theirs = a.body("192.0.2.1"), b.body("192.0.2.1")
    assert ours["TIME"] - 1 <= theirs["TIME"] <= ours["TIME"]
    assert (theirs["NODE"], theirs["USER"]) == ("a", "joe@hosted.example") and "NODE" not in ours
    assert 298 <= redis("TTL", "posthouse:stamp:192.0.2.1") <= 300
    b.log_in("192.0.2.9", "ann")
    shared(a, "192.0.2.9", "ann")
    assert not any(n.events()[1:] for n in (a, b, c)), (a.log(), b.log(), c.log())


def test_ipv6(redis, nodes):
    """The address and its network, as two entries."""
    a, b = (nodes(n, redis.at).start() for n in "ab")
    a.log_in("2001:db8:1:2::3")
    shared(b, "2001:db8:1:2::3")
    wait_for(lambda: b.body("2001:db8:1:2::").get("NET") == "64", 1, b.log)
    assert sorted(redis("KEYS", "*")) == [b"posthouse:stamp:2001:db8:1:2::/64", b"posthouse:stamp:2001:db8:1:2::3"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tcp_with_password(servers, nodes, tmp_path, host):
    """By address and by name; a password alone."""
    r = servers("--requirepass", "s e%cret", port=True)
    word = tmp_path / "word"
    word.write_text("s e%cret\n")
    word.chmod(0o600)
    at = "%s:%d" % (host, r.port)
    a, b = (nodes(n, at, "-p", str(word)).start() for n in "ab")
    a.log_in("192.0.2.1")
    shared(b, "192.0.2.1")


def test_account_of_its_own(servers, nodes, tmp_path):
    """The rights that relay-pop-sync(8) names are enough, and no others are had."""
    acl = tmp_path / "acl"
    acl.write_text("user default off\nuser posthouse on >secret resetchannels ~posthouse:stamp:* &posthouse:stamp:new"
                   " -@all +ping +scan +getrange +set +publish +subscribe\n")
    acl.chmod(0o644)
    r = servers("--aclfile", str(acl))
    word = tmp_path / "word"
    word.write_text("posthouse\nsecret\n")
    word.chmod(0o600)
    a, b = (nodes(n, r.at, "-p", str(word)).start() for n in "ab")
    a.log_in("192.0.2.1")
    shared(b, "192.0.2.1")
    nodes("c", r.at, "-p", str(word)).start()


def test_killed_and_back(redis, nodes):
    """Each machine goes on with its own stamps, and says once that the server went, once that it is back; then each has
    what the other got meanwhile, though the server has forgotten all."""
    a, b = (nodes(n, redis.at).start() for n in "ab")
    redis.stop(signal.SIGKILL)
    wait_for(lambda: a.events("server-lost") and b.events("server-lost"), 2, a.log)
    a.log_in("192.0.2.1")
    b.log_in("192.0.2.2", "ann")
    assert (a.opens("192.0.2.1"), a.opens("192.0.2.2")) == ("joe", None)
    time.sleep(1.5)   # one attempt at least fails
    redis.start()
    shared(b, "192.0.2.1", seconds=8)
    shared(a, "192.0.2.2", "ann", seconds=8)
    for n in (a, b):
        assert [e["event"] for e in n.events()] == ["ready", "server-lost", "server-back"]


def test_catches_up(redis, nodes):
    """Machines that were away get what they missed, also from one that is gone by then; thousands at once."""
    a = nodes("a", redis.at).start()
    for i in range(3000):
        a.put("10.0.%d.%d" % (i // 250, i % 250 + 1))
    wait_for(lambda: redis("DBSIZE") == 3000, 10, a.log)
    a.stop()
    b = nodes("b", redis.at).start()
    wait_for(lambda: len(b.names()) == 3000, 10, b.log)
    b.put("192.0.2.1")
    c = nodes("c", redis.at).start()
    wait_for(lambda: len(c.names()) == 3001, 10, c.log)
    assert redis.calls("publish") == 3001   # nobody has published what others did
    assert not any(n.events()[1:] for n in (a, b, c))


def test_more_events_than_wait(redis, nodes):
    """While it stands still more comes than the kernel keeps: it looks through the directory."""
    a, b = (nodes(n, redis.at).start() for n in "ab")
    with open("/proc/sys/fs/inotify/max_queued_events") as f:
        most = int(f.read())
    if most > 20000:
        pytest.skip("the kernel keeps %d events" % most)
    os.kill(a.proc.pid, signal.SIGSTOP)
    for i in range(most // 2 + 100):   # each is an end of writing and a renaming
        a.put("198.51.100.%d" % (i % 200 + 1))
    a.put("192.0.2.1")
    os.kill(a.proc.pid, signal.SIGCONT)
    shared(b, "192.0.2.1", seconds=5)


def test_no_circle(redis, nodes):
    """What came from others goes to nobody; nor does what is old, or none."""
    a, b = (nodes(n, redis.at).start() for n in "ab")
    a.log_in("192.0.2.1")
    shared(b, "192.0.2.1")
    b.put("192.0.2.3", NODE="c")
    b.put("192.0.2.4", seconds=301)
    b.put("192.0.2.5", seconds=-100)
    for name in ("192.0.2.6", "192.0.2.007", "x"):
        with open(os.path.join(b.stamps, name), "w") as f:
            f.write("USER=joe")   # no NUL at the end
    os.symlink("192.0.2.1", os.path.join(b.stamps, "192.0.2.8"))
    b.log_in("192.0.2.2")
    shared(a, "192.0.2.2")
    b.stop()
    b.start()
    b.log_in("192.0.2.9")
    shared(a, "192.0.2.9")
    assert a.names() == ["192.0.2.1", "192.0.2.2", "192.0.2.9"]
    assert redis.calls("publish") == 4   # two, then b's own at its start, and the last
    assert redis("DBSIZE") == 3


def test_the_younger_stays(redis, nodes):
    """On each machine, in whichever order they come."""
    a, b = (nodes(n, redis.at).start() for n in "ab")
    now = int(time.time())
    b.put("192.0.2.1", 5, USER="ann")
    shared(a, "192.0.2.1", "ann")
    a.put("192.0.2.1", 20, USER="joe")   # older, but here: it is published
    a.log_in("192.0.2.2")
    shared(b, "192.0.2.2")
    assert b.body("192.0.2.1")["USER"] == "ann" and b.body("192.0.2.1")["TIME"] <= now - 5
    a.put("192.0.2.1", 1, USER="eve")
    wait_for(lambda: b.body("192.0.2.1")["USER"] == "eve", 1, b.log)
    redis("PUBLISH", "posthouse:stamp:new", entry("192.0.2.1", "old", when=now - 100))
    a.log_in("192.0.2.3")
    shared(b, "192.0.2.3")
    assert b.body("192.0.2.1")["USER"] == "eve"


def test_wrong_password(servers, nodes, tmp_path):
    """One clear line; it tries again, and reads the file again. No password where one is needed: likewise."""
    r = servers("--requirepass", "right", port=True)
    word = tmp_path / "word"
    word.write_text("wrong\n")
    word.chmod(0o600)
    a = nodes("a", r.at, "-p", str(word)).start(ready=False)
    b = nodes("b", r.at).start(ready=False)
    time.sleep(1.5)   # and again after one second
    assert [(e["event"], e["why"].split("\\")[0]) for e in a.events()] == [("server-refused", "WRONGPASS")], a.log()
    assert [(e["event"], e["why"].split("\\")[0]) for e in b.events()] == [("server-refused", "NOAUTH")], b.log()
    word.write_text("right\n")
    wait_for(lambda: a.events("ready"), 10, a.log)


@pytest.mark.slow
def test_server_that_refuses_to_write(redis, nodes):
    """Said once; what is published is heard all the same, and what it lacks it gets when it writes again."""
    a, b = (nodes(n, redis.at).start() for n in "ab")
    redis("CONFIG", "SET", "maxmemory", "1")
    for i in range(5):
        a.log_in("192.0.2.%d" % (i + 1))
    shared(b, "192.0.2.5")
    assert [e["event"] for e in a.events()] == ["ready", "server-refused"]
    assert a.events("server-refused")[0]["why"].startswith("OOM") and redis("DBSIZE") == 0
    redis("CONFIG", "SET", "maxmemory", "0")
    wait_for(lambda: redis("DBSIZE") == 5, 15, a.log)
    assert [e["event"] for e in a.events()] == ["ready", "server-refused", "server-back"]


@pytest.mark.parametrize("away", [False, True])
def test_ends(redis, nodes, away):
    """On SIGTERM: at once, with 0, whether the server is there or not."""
    a = nodes("a", redis.at).start()
    if away:
        redis.stop()
        wait_for(lambda: a.events("server-lost"), 2, a.log)
    before = time.monotonic()
    assert a.stop() == 0 and time.monotonic() - before < 1


@pytest.mark.slow
def test_silent_server(servers, nodes, tmp_path):
    """One that takes connections and says nothing, from the beginning or from some time on."""
    r = servers(port=True)
    a, b = nodes("a", r.at).start(), nodes("b", r.at)
    os.kill(r.proc.pid, signal.SIGSTOP)
    b.start(ready=False)
    wait_for(lambda: b.events("server-lost") and a.events("server-lost"), 25, a.log, pause=0.2)
    assert a.events("server-lost")[0]["why"] == b.events("server-lost")[0]["why"] == "no\\x20answer"
    os.kill(r.proc.pid, signal.SIGCONT)
    a.log_in("192.0.2.1")
    shared(b, "192.0.2.1", seconds=40)


def test_directory_goes(redis, nodes):
    a = nodes("a", redis.at).start()
    os.rename(a.stamps, a.stamps + ".old")
    a.proc.popen.wait(5)
    assert a.proc.popen.returncode == 111 and a.events("no-directory")[0]["why"] == "it\\x20has\\x20gone"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for accounts")
@pytest.mark.parametrize("kind", [("daemontools", "--log-user", "daemon"), ("systemd", "--systemd")],
                         ids=lambda k: k[0])
def test_as_its_account(redis, nodes, kind):
    """As relay-conf makes the service: its account, whose group has the directory, and who may read the key."""
    a, b = nodes("a", redis.at, path=redis.dir), nodes("b", redis.at).start()
    mail = grp.getgrnam("mail").gr_gid
    os.chmod(a.dir, 0o755)
    for path, mode in ((a.stamps, 0o2775), (a.key, 0o640)):
        os.chown(path, 0, mail)
        os.chmod(path, mode)
    service = os.path.join(redis.dir, "service")
    words = ["--sync-user", "mail", "--server", redis.at, "--stamps", a.stamps, "--key", a.key, "--node", "a",
             "--prefix", PREFIX, "--bin", for_everybody(BIN), *kind[1:]]
    subprocess.run([program("relay-conf"), "sync", service, *words], check=True, timeout=10)
    if kind[0] == "systemd":
        verify_units(service)
        unit = Unit(os.path.join(service, "posthouse-sync.service"))
        assert unit.get("User") == ["mail"]
        argv = [program("setuidgid"), "mail", *unit.command]
    else:
        argv = [os.path.join(service, "run")]
    a.proc = Proc(argv, os.path.join(a.dir, "log"))
    wait_for(lambda: a.events("ready"), 5, a.log)
    b.log_in("192.0.2.1")
    shared(a, "192.0.2.1")
    made = os.stat(os.path.join(a.stamps, "192.0.2.1"))
    assert (made.st_uid, made.st_gid) == (pwd.getpwnam("mail").pw_uid, mail) and made.st_mode & 0o777 == 0o644
    a.log_in("192.0.2.2")   # root's; only the file's place counts
    shared(b, "192.0.2.2")
    wait_for(lambda: time.time() >= made.st_mtime + 1, 3)   # of two in one second the first stays
    a.log_in("192.0.2.1", "ann")
    wait_for(lambda: b.body("192.0.2.1").get("USER") == "ann", 1, b.log)
