"""Whatever lies in the directory of stamps, and whatever has become of it, the login goes on, and only a stamp opens
anything. The logins are mailfront's."""
import grp
import os
import shutil
import socket
import stat

import pytest

from lib import pop
from lib.pop import Mailfront, open_folder
from lib.popchain import fields, put, relay, server  # noqa: F401  (fixtures)
from lib.procs import for_everybody, program

pytestmark = pop.needs_mailfront
BODY = b"USER=joe\0DOMAIN=hosted.example\0"


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
                        (lambda: os.chmod(relay.stamps, 0o2777), lambda: os.chmod(relay.stamps, 0o2771))):
        assert relay.opened("127.0.5.131")
        spoil()
        answer = relay.ask("127.0.5.131")
        assert (answer.code, answer.enhanced, answer.reason) == (451, "4.3.0", "stamp-unknown")
        assert relay.ask("127.0.5.131", recipient="x@hosted.example").code == 250
        assert server.login(source="127.0.5.131")
        mend()
    assert relay.opened("127.0.5.131")
