"""Whatever lies in the directory of stamps, and whatever has become of it, the login goes on, and only a stamp opens
anything. The logins are mailfront's."""
import grp
import os
import shutil
import socket
import stat
import threading
import time

import pytest

from lib import pop
from lib.pop import JOE, Mailfront, open_folder
from lib.procs import ROOT, for_everybody, has_ipv6, program, wait_for
from lib.smtp import Dialogue
from lib.popchain import Relay, fields, put
from lib.users import line

pytestmark = pytest.mark.skipif(not pop.program_or_none("pop3front-auth"),
                                reason="no mailfront: sh package/deps install test")
POPUP = os.path.join(ROOT, "tests", "e2e", "doubles", "popup.py")
BODY = b"USER=joe\0DOMAIN=hosted.example\0"


@pytest.fixture(scope="module")
def relay():
    with Relay() as r:
        yield r


@pytest.fixture(scope="module")
def server(relay):
    with Mailfront(relay.stamper()) as s:
        yield s


# What lies there

def link(relay, path):
    os.symlink(put(relay.instance.dir, "elsewhere"), path)


def link_to_another(relay, path):
    os.symlink(os.path.basename(put(relay.stamps, "127.0.5.200")), path)


def another_name(relay, path):
    os.link(put(relay.instance.dir, "another"), path)


def device(relay, path):
    if os.geteuid():
        pytest.skip("only root can make devices")
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))    # zero: its end never comes


def unix(relay, path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)


def content(body):
    def make(relay, path):
        with open(path, "wb") as f:
            f.write(body)
    return make


STRANGE = {
    "fifo": lambda relay, path: os.mkfifo(path), "link": link, "link-to-another": link_to_another,
    "dangling": lambda relay, path: os.symlink("nowhere", path), "another-name": another_name, "device": device,
    "socket": unix, "empty": content(b""), "huge": content(BODY + b"X=" + b"y" * (4 << 20) + b"\0"),
    "no-end": content(BODY[:-1]), "no-variable": content(b"USER\0"), "zeros": content(b"\0\0"),
    "user-with-newline": content(b"USER=joe\n\0"), "net-of-ipv4": content(BODY + b"NET=64\0"),
}


@pytest.mark.parametrize("n, name", list(enumerate(sorted(STRANGE))))
def test_instead_of_a_stamp(relay, server, n, name):
    """It opens nothing. The login goes on, and puts a stamp in its place."""
    who = "127.0.5.%d" % (n + 1)
    path = os.path.join(relay.stamps, who)
    STRANGE[name](relay, path)
    before = {n: os.lstat(relay.instance.path(n)) for n in ("elsewhere", "another") if os.path.exists(
        relay.instance.path(n))}
    log = len(relay.instance.log())
    assert not relay.opened(who)
    said, = [w for w in relay.instance.log()[log:].splitlines() if w.startswith("relay-pop-check: ")]
    assert "client=%s why=no-stamp" % who in said
    assert server.login(source=who)
    assert relay.opened(who) and stat.S_ISREG(os.lstat(path).st_mode) and os.lstat(path).st_nlink == 1
    for n, was in before.items():
        now = os.lstat(relay.instance.path(n))
        assert (now.st_ino, now.st_size, now.st_mtime_ns) == (was.st_ino, was.st_size, was.st_mtime_ns)


def test_a_directory_instead_of_a_stamp(relay, server):
    """It stays, and the login goes on."""
    os.mkdir(os.path.join(relay.stamps, "127.0.5.101"))
    assert server.login(source="127.0.5.101") and not relay.opened("127.0.5.101")
    assert os.listdir(os.path.join(relay.stamps, "127.0.5.101")) == []
    assert not [n for n in relay.names() if n.startswith(".")], "nothing is left aside"


@pytest.mark.parametrize("name", ["127.0.5.111.", "127.0.5.0111", "127.000.005.111", "::ffff:127.0.5.111", "2130707823",
                                  "0x7f.0.5.111", "[127.0.5.111]", "127.0.5.111 ", ".127.0.5.111", "127.0.5.111/x"])
def test_only_one_name(relay, name):
    if "/" in name:
        os.mkdir(os.path.join(relay.stamps, "127.0.5.111"))
    put(relay.stamps, name)
    assert not relay.opened("127.0.5.111")
    if "/" in name:
        shutil.rmtree(os.path.join(relay.stamps, "127.0.5.111"))
    else:
        os.unlink(os.path.join(relay.stamps, name))


# The directory

# mounts a file system of that sort over $1 with an old stamp and a filler, then runs the rest of its words
FULL = """stamps=$1; shift
mount -t tmpfs -o mode=2770,gid=%d,%s none $stamps && cd $stamps || exit 1
printf 'USER=old\\0' >127.0.5.121
head -c 8192 /dev/zero >filler 2>/dev/null
%s
cd / && exec "$@"
"""


@pytest.mark.parametrize("options, then", [("nr_inodes=3", ""), ("size=8k", ""), ("size=64k", "mount -o remount,ro .")],
                         ids=["inodes", "blocks", "read-only"])
def test_full(options, then):
    """An old stamp stays as it is, nothing is left aside; and when there is room again it is used."""
    if os.geteuid():
        pytest.skip("only root can mount")
    with open_folder() as folder:
        stamps, script = os.path.join(folder, "stamps"), os.path.join(folder, "full")
        os.mkdir(stamps)
        with open(script, "w") as f:
            f.write(FULL % (grp.getgrnam(pop.STAMPERS).gr_gid, options, then))
        stamper = [for_everybody(program("relay-pop-stamp")), stamps]
        with Mailfront(stamper, before=["unshare", "-m", "sh", script, stamps]) as server:
            inside = "/proc/%d/root%s" % (server.procs[0].pid, stamps)
            assert sorted(os.listdir(inside)) == ["127.0.5.121", "filler"]
            for who in ("127.0.5.121", "127.0.5.122"):
                assert server.login(source=who), server.log()
                said, = [w for w in server.log().splitlines() if "client=" + who in w]
                assert "event=no-stamp" in said and "why=not-written" in said
            assert sorted(os.listdir(inside)) == ["127.0.5.121", "filler"]
            assert fields(inside + "/127.0.5.121") == {"USER": "old"}
            if not then:
                os.unlink(inside + "/filler")
                assert server.login(source="127.0.5.122")
                assert fields(inside + "/127.0.5.122")["USER"] == "joe"


def test_directory_goes_and_comes(server, relay):
    """Without it a stranger is told to come again later, and whoever needs no stamp notices nothing."""
    put(relay.stamps, "127.0.5.131")
    away = relay.stamps + ".away"
    for spoil, mend in ((lambda: os.rename(relay.stamps, away), lambda: os.rename(away, relay.stamps)),
                        (lambda: os.chmod(relay.stamps, 0o2777), lambda: os.chmod(relay.stamps, 0o2775))):
        assert relay.opened("127.0.5.131")
        spoil()
        answer = relay.ask("127.0.5.131")
        assert (answer.code, answer.enhanced, answer.reason) == (451, "4.3.0", "stamp-unknown")
        assert relay.ask("127.0.5.131", recipient="x@hosted.example").code == 250
        assert server.login(source="127.0.5.131")
        mend()
    assert relay.opened("127.0.5.131")


# What the rules say

def test_on_listeners(server, relay):
    assert server.login(source="127.0.5.141")
    plain, inside = (), ("-l", "inside")
    for words, listens in (("grant pop on inside", (False, True)), ("grant pop on -", (True, False)),
                           ("grant pop 300 on -,INSIDE", (True, True)), ("grant pop on other", (False, False))):
        for options, opened in zip((plain, inside), listens):
            with Relay(words, smtpd=options, stamps=relay.stamps) as r:
                assert r.opened("127.0.5.141") == opened, (words, options)


def test_bound():
    """A neighbour behind the same NAT has the same address, and can't send as anyone."""
    users = "\n".join([line("joe@hosted.example", pop.PASSWORD) + " from joe@hosted.example @joes.example",
                       line("ann@hosted.example", pop.PASSWORD), line("carol", pop.PASSWORD) + " norelay",
                       line("dave", pop.PASSWORD) + " off"]) + "\n"
    with Relay("grant pop bound", users=users) as r:
        judge = [POPUP, program("relay-auth"), os.path.join(r.instance.control, "users.cdb")]
        with Mailfront(r.stamper(), popup=judge) as server:
            assert server.login(source="127.0.5.151")
            for sender, opened in ((JOE, True), ("x@joes.example", True), ("boss@hosted.example", False),
                                   ("ann@hosted.example", False), ("joe@other.example", False), ("", False)):
                assert r.opened("127.0.5.151", sender=sender) == opened, sender
            assert server.login("ann@hosted.example", source="127.0.5.151"), "now it is hers"
            for sender in (JOE, "boss@hosted.example", "x@other.example", ""):
                assert r.opened("127.0.5.151", sender=sender), "no binding in users"
            assert not server.login("dave", source="127.0.5.151") and r.ask("127.0.5.151").user == "ann@hosted.example"
            assert server.login("carol", source="127.0.5.151")
            assert not r.opened("127.0.5.151", sender="carol@hosted.example"), "no relay privilege"
            put(r.stamps, "127.0.5.152", body=b"USER=nobody\0")
            put(r.stamps, "127.0.5.153", body=b"X=y\0")
            put(r.stamps, "127.0.5.154", body=b"USER=dave\0")
            for who in ("127.0.5.152", "127.0.5.153", "127.0.5.154"):
                assert not r.opened(who), "whose stamp it is must be in users"


@pytest.mark.skipif(not has_ipv6() or not pop.program_or_none("systemd-socket-activate"), reason="no ::1, or no systemd")
def test_both_families(server, relay):
    """A login by IPv4 counts for who comes as ::ffff:a.b.c.d, and for no IPv6 address."""
    assert server.login(source="127.0.5.161")
    with Relay(stamps=relay.stamps, dual=True) as r:
        assert not r.opened("::1")
        put(r.stamps, "::1")
        assert r.opened("::1")
        r.back(301, "::1")
        assert not r.opened("::1")
        r.instance.host = "::ffff:127.0.0.1"
        assert r.opened("::ffff:127.0.5.161") and not r.opened("::ffff:127.0.5.162")
        os.unlink(os.path.join(r.stamps, "::1"))


# Speed, and several at once

def spawn(stamper, who, user="joe@hosted.example", prog="/bin/true"):
    env = {"TCPREMOTEIP": who, "USER": user, "PROTO": "TCP", "PATH": "/usr/bin:/bin"}
    return os.posix_spawn(stamper[0], [*stamper, prog], env)


def test_a_thousand(relay, record_property):
    """Each leaves a whole stamp. How long it takes is noted, and not judged."""
    before = set(relay.names())
    start = time.monotonic()
    for n in range(1000):
        pid = spawn(relay.stamper(), "198.18.%d.%d" % (n // 250, n % 250))
        assert os.waitpid(pid, 0)[1] == 0
    record_property("seconds", time.monotonic() - start)
    made = set(relay.names()) - before
    assert len(made) == 1000 and all(relay.fields(n)["USER"] == JOE for n in made)


def test_one_address_many_at_once(relay, tmp_path):
    """Who reads meanwhile sees a whole stamp of one of them, and sweeping takes none away."""
    who, going, wrong = "198.18.9.9", True, []
    os.waitpid(spawn(relay.stamper(), who, "first"), 0)

    def read():
        while going:
            try:
                if relay.fields(who)["USER"] not in ("first", JOE):
                    wrong.append(relay.fields(who))
            except (AssertionError, OSError) as e:
                wrong.append(e)
            time.sleep(0.0005)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        for n in range(60):
            pids = [spawn(relay.stamper(), who) for _ in range(4)]
            if n % 10 == 0:
                pids.append(os.posix_spawn(program("relay-pop-sweep"), ["sweep", "-s", "1", relay.stamps], {}))
            for pid in pids:
                assert os.waitpid(pid, 0)[1] == 0
    finally:
        going = False
        reader.join()
    assert not wrong, wrong[:3]
    assert not [n for n in relay.names() if n.startswith(".")]


def test_what_comes_early_is_the_programs(relay):
    """The commands behind the password, in one packet with it, are there for the POP3 server."""
    judge = [POPUP, program("cvm-checkpassword"), program("cvm-pwfile")]
    with Mailfront(relay.stamper(), popup=judge) as s:
        with Dialogue((s.host, s.ports["pop3"]), "127.0.5.171") as d:
            d.send(b"USER joe\r\nPASS %s\r\nSTAT\r\nQUIT\r\n" % pop.PASSWORD.encode())
            said = d.rest().split(b"\r\n")
        assert [w[:3] for w in said] == [b"+OK"] * 5 + [b""] and said[3] == b"+OK 0 0"
    assert relay.opened("127.0.5.171")


def test_a_log_that_nobody_reads(relay, tmp_path):
    """It is full, and there is something to say: the program runs all the same."""
    r, w = os.pipe()
    os.set_blocking(w, False)
    try:
        while True:
            os.write(w, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(w, True)
    done = tmp_path / "done"
    env = {"TCPREMOTEIP": "127.0.5.181", "PATH": "/usr/bin:/bin"}
    pid = os.posix_spawn(program("relay-pop-stamp"), ["relay-pop-stamp", str(tmp_path / "none"), "touch", str(done)], env,
                         file_actions=[(os.POSIX_SPAWN_DUP2, w, 2)])
    wait_for(done.exists, 10, "the program that stands behind")
    assert os.waitpid(pid, 0)[1] == 0
    os.close(r)
    os.close(w)
