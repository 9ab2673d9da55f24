"""relay-pop-check: the variables that it sets, and for whom; it never ends a connection, and believes nothing that a
file says but the user's name. What the decision makes of it is in test_rows_pop."""
import contextlib
import os
import shutil
import socket
import subprocess
import time

import pytest

from lib.procs import has_ipv6, program
from lib.popchain import mode, put

CHECK, GATE, MKCDB = program("relay-pop-check"), program("relay-gate"), program("relay-mkcdb")
PATH = os.environ.get("PATH", "/usr/bin:/bin")
A, B, SIX, NET = "192.0.2.7", "192.0.2.8", "2001:db8:1:2:a:b:c:d", "2001:db8:1:2::"
JOE = {"RELAYSTAMP": "joe@hosted.example"}
FULL = {**JOE, "RELAYCLIENT": "", "RELAYBY": "pop:joe@hosted.example"}


class Place:
    """A directory of stamps, and rules."""

    def __init__(self, path):
        self.stamps, self.control = str(path / "stamps"), path / "control"
        os.mkdir(self.stamps, 0o755)
        self.control.mkdir()
        self.rules = str(self.control / "rules.cdb")
        self.said = ""

    def make(self, relay="grant pop 300\n", **files):
        for name, text in {"me": "relay.example\n", "relay": relay, "users": "joe - from joe@hosted.example\n",
                           "clients": ":allow\n", **files}.items():
            (self.control / name).write_text(text)
        (self.control / "users").chmod(0o640)
        r = subprocess.run([MKCDB, str(self.control)], stderr=subprocess.PIPE, timeout=60)
        assert r.returncode == 0, r.stderr
        return self

    def put(self, name=A, seconds=0, **more):
        return put(self.stamps, name, seconds, **more)

    def run(self, *words, ip=A, env=None, dir=None, before=(), prog=("env", "-0"), **more):
        words = [*before, CHECK, *words, *(() if dir == "" else (dir or self.stamps,)), *prog]
        env = {"PATH": PATH, **({"TCPREMOTEIP": ip, "PROTO": "TCP"} if ip else {}), **(env or {})}
        more.setdefault("stdin", subprocess.DEVNULL)
        r = subprocess.run(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, **more)
        assert r.returncode == 0, (r.returncode, r.stderr)
        self.said = r.stderr.decode()
        return r.stdout

    def ask(self, *words, ruled=False, **more):
        """What is set behind it: of our variables those that speak of stamps and trust."""
        options = ("-r", self.rules) if ruled else ()
        e = dict(v.split("=", 1) for v in self.run(*options, *words, **more).decode("latin-1").split("\0")[:-1])
        return {k: v for k, v in e.items() if k in ("RELAYSTAMP", "RELAYSTAMPFAIL", "RELAYCLIENT", "RELAYBY")}

    def gated(self, **more):
        """The same behind relay-gate."""
        return self.ask(before=(GATE, self.rules), **more)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_whose_address_and_how_long(place):
    place.put()
    assert place.ask() == FULL and place.said == ""
    assert place.ask(ip=B) == place.ask(ip=None) == place.ask(ip="0.0.0.0") == {}
    assert place.ask(ip="::ffff:" + A) == FULL
    for seconds, fresh in ((290, True), (298, True), (300, False), (301, False), (100000, False), (-2, False)):
        place.put(seconds=seconds)
        assert place.ask() == (FULL if fresh else {}), seconds
    for words, seconds, fresh in (("60", 58, True), ("60", 60, False), ("3000", 2990, True), ("86400", 86390, True)):
        place.make("grant pop %s # ok: long-pop\n" % words if words == "86400" else "grant pop %s\n" % words)
        place.put(seconds=seconds)
        assert place.ask(ruled=True) == place.gated() == (FULL if fresh else {}), words
    assert place.said == ""


def test_the_clock_was_set_back(place):
    """The time since the machine's start goes on; the greater age counts."""
    boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    for back, fresh in ((1, True), (290, True), (301, False)):
        place.put(body=b"USER=joe@hosted.example\0BOOTTIME=%d\0" % max(boot - back, 0))
        if back < boot:
            assert place.ask() == (FULL if fresh else {}), back
    place.put(body=b"USER=joe@hosted.example\0BOOTTIME=%d\0" % (boot + 5000))
    assert place.ask() == FULL, "before the machine's last start"


def test_networks(place):
    place.put(NET, body=b"USER=joe@hosted.example\0NET=64\0")
    place.make("grant pop\n")
    assert place.ask(ip=SIX, ruled=True) == place.ask(ip=NET, ruled=True) == {}
    place.make("grant pop /64\n")
    assert place.ask(ip=SIX, ruled=True) == place.ask(ip=NET, ruled=True) == place.gated(ip=SIX) == FULL
    assert place.ask(ip="2001:db8:1:3::1", ruled=True) == place.ask(ruled=True) == {}
    place.put(NET, 400, body=b"USER=joe@hosted.example\0NET=64\0")
    assert place.ask(ip=SIX, ruled=True) == {}
    place.put(NET)
    assert place.ask(ip=SIX, ruled=True) == {} and place.ask(ip=NET, ruled=True) == FULL, "an address's own stamp"
    place.put(NET, body=b"USER=other\0NET=64\0")
    place.put(SIX)
    assert place.ask(ip=SIX, ruled=True) == FULL, "its own before the network's"
    place.put(SIX, 500)
    assert place.ask(ip=SIX, ruled=True)["RELAYSTAMP"] == "other"


def test_without_a_grant_nobody_looks(place):
    place.put()
    place.make("grant clients\n")
    assert place.ask(ruled=True) == place.gated() == place.ask(ruled=True, dir="/nowhere") == {} and place.said == ""
    assert place.ask(env={"RELAYRULES": place.rules}) == {}


def test_only_a_plain_grant_tells_other_receivers(place):
    place.put()
    for words in ("bound", "on -", "on inside", "10 on - bound"):
        place.make("grant pop %s\n" % words)
        assert place.ask(ruled=True) == place.gated() == JOE, words
    place.make("grant pop 10\n")
    assert place.ask(ruled=True) == place.ask(env={"RELAYRULES": place.rules}) == FULL
    trusted = place.make(clients=A + ':allow,RELAYCLIENT="x"\n').gated()
    assert trusted == {**JOE, "RELAYCLIENT": "x", "RELAYBY": "clients:1"}
    assert place.ask(env={"RELAYCLIENT": ""}) == {**JOE, "RELAYCLIENT": ""}
    assert place.ask(env={"RELAY_CTRL_RELAYCLIENT": "@x"}) == {**FULL, "RELAYCLIENT": "@x"}
    place.put(body=b"USER=\0")
    assert place.ask() == {"RELAYSTAMP": "", "RELAYCLIENT": "", "RELAYBY": "pop:"}


def test_variables_of_before(place):
    """Stale ones are gone in every case, also when relay-gate keeps what it found."""
    stale = {"RELAYSTAMP": "eve", "RELAYSTAMPUNTIL": "99999999", "RELAYSTAMPFAIL": "no", "RELAYCLIENT": "",
             "RELAYBY": "pop:eve"}
    place.make()
    assert place.ask(env=stale) == place.ask(env=stale, ruled=True) == place.gated(env=stale) == {}
    assert place.ask(env=stale, before=(GATE, "-k", place.rules)) == {}
    r = subprocess.run([GATE, "-k", place.rules, "env"], env={"PATH": PATH, "TCPREMOTEIP": A, "PROTO": "TCP", **stale},
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=30)
    assert b"RELAYCLIENT" in r.stdout and b"RELAYSTAMP" not in r.stdout, "relay-gate removes ours in every case"
    assert place.ask(env={"RELAYCLIENT": "", "RELAYBY": "clients:2"}) == {"RELAYCLIENT": "", "RELAYBY": "clients:2"}
    place.put()
    assert place.ask(env=stale) == FULL
    for name in ("RELAYSTAMP", "RELAYSTAMPUNTIL", "RELAYSTAMPFAIL", "RELAY_CTRL_DIR", "RELAY_CTRL_EXPIRY"):
        (place.control / "clients").write_text(':allow,%s="x"\n' % name)
        r = subprocess.run([MKCDB, "-n", str(place.control)], stderr=subprocess.PIPE, timeout=60)
        assert r.returncode == 100 and b"clients:1: " in r.stderr and name.encode() in r.stderr, r


def test_nothing_of_a_file_but_the_user(place):
    body = b"USER=joe@hosted.example\0PATH=/evil\0LD_PRELOAD=/evil.so\0RELAYCLIENT=@evil\0RELAYSTAMPFAIL=1\0A=b\0"
    before = place.run(prog=("env",), ip=B)
    place.put(body=body)
    assert place.ask() == FULL
    assert b"evil" not in place.run(prog=("env",)) and b"evil" not in before
    for body in (b"USER=a\nRELAYCLIENT=x\0", b"USER=\x1b[31m\0", b"USER=%s\0" % (b"a" * 300), b"USER=a\0USER=b\0", b"",
                 b"USER=joe", b"joe\0", b"USER=joe\0" + b"A=%s\0" % (b"b" * 2000), b"\0", os.urandom(499) + b"x"):
        place.put(body=body)
        assert place.ask() == {}, body
        assert "why=no-stamp what=address" in place.said and "client=" + A in place.said


def test_what_is_no_file_is_no_stamp(place, tmp_path):
    """None of them holds the connection either."""
    other = str(tmp_path / "other")
    put(str(tmp_path), "other")
    for make in (lambda at: os.symlink(other, at), os.mkfifo, os.mkdir, lambda at: os.link(other, at),
                 lambda at: socket.socket(socket.AF_UNIX).bind(at), lambda at: os.symlink("/nowhere", at)):
        at = os.path.join(place.stamps, A)
        make(at)
        began = time.monotonic()
        assert place.ask() == {} and time.monotonic() - began < 5
        assert "why=no-stamp" in place.said, place.said
        shutil.rmtree(at) if os.path.isdir(at) and not os.path.islink(at) else os.unlink(at)


def test_a_store_that_can_t_be_read(place):
    place.put()
    for ruled in (False, True):
        place.make()
        assert place.ask(dir="/nowhere/stamps", ruled=ruled) == {"RELAYSTAMPFAIL": "no-directory"}
        assert "why=no-directory" in place.said and "/nowhere/stamps" in place.said
        with mode(place.stamps, 0o777):
            assert place.ask(ruled=ruled) == {"RELAYSTAMPFAIL": "no-directory"}
        assert place.ask(dir=place.rules, ruled=ruled) == {"RELAYSTAMPFAIL": "no-directory"}
    if os.geteuid():
        with mode(os.path.join(place.stamps, A), 0):
            assert place.ask() == {"RELAYSTAMPFAIL": "not-readable"}
    assert place.ask() == FULL


def test_rules_that_can_t_be_read(place, tmp_path):
    """Who would know what a stamp is worth then? And the chain goes on."""
    place.put()
    place.make()
    whole = open(place.rules, "rb").read()
    broken = tmp_path / "broken.cdb"
    fail = {"RELAYSTAMPFAIL": "no-rules"}
    for data in (b"", whole[:-1], whole.replace(b"posthouse rules", b"posthorse rules")):
        broken.write_bytes(data)
        assert place.ask("-r", str(broken)) == place.ask(env={"RELAYRULES": str(broken)}) == fail
        assert "event=no-rules" in place.said
    for data in (whole.replace(b"300\0", b"30x\0"), whole.replace(b"300\0", b"000\0")):
        assert data != whole
        broken.write_bytes(data)
        assert place.ask("-r", str(broken)) == fail
    for fd in ("77", "x", "0"):
        assert place.ask(env={"RELAYRULESFD": fd, "RELAYRULES": place.rules}) == fail


def test_where_the_directory_is_named(place, tmp_path):
    place.put()
    """Here what becomes of it; test_pop_dir has all cases."""
    there, empty = {"RELAY_CTRL_DIR": place.stamps}, {"RELAY_CTRL_DIR": str(tmp_path)}
    assert place.ask(dir="", env=there) == FULL and place.ask(env=empty) == FULL, "the operand wins"
    assert place.ask(dir="", env=empty) == {} and place.ask(dir="") == {"RELAYSTAMPFAIL": "no-directory"}
    assert place.ask(dir="/nowhere", env=there) == {"RELAYSTAMPFAIL": "no-directory"}
    for words in ((), ("-x",), (place.stamps,), ("-r",)):
        r = subprocess.run([CHECK, *words], stderr=subprocess.PIPE, timeout=30)
        assert r.returncode == 100 and b"usage: relay-pop-check" in r.stderr, words
    for expiry, seconds, fresh in (("60", 58, True), ("60", 61, False), ("900", 800, True), ("x", 290, True),
                                   ("x", 301, False), ("0", 301, False), ("-1", 301, False), ("99999999", 301, False)):
        place.put(seconds=seconds)
        assert place.ask(env={"RELAY_CTRL_EXPIRY": expiry}) == (FULL if fresh else {}), expiry
        assert ("RELAY_CTRL_EXPIRY" in place.said) == (expiry not in ("60", "900"))
    place.make("grant pop 60\n").put(seconds=100)
    assert place.ask(env={"RELAY_CTRL_EXPIRY": "900"}, ruled=True) == {}, "the rules say it where there are rules"


def test_who_the_client_is(place):
    """Without relay-gate the socket tells it, not a variable; behind it the variable does, since a proxy may stand
    between."""
    listener = socket.create_server(("127.0.0.1", 0))
    with contextlib.closing(listener), contextlib.closing(socket.socket()) as client:
        client.bind(("127.0.0.9", 0))
        client.connect(listener.getsockname())
        served = listener.accept()[0]
        place.put("127.0.0.9")
        with contextlib.closing(served):
            assert place.ask(ip=A, stdin=served) == FULL
            place.make(clients="127.0.0.9:deny\n" + A + ":allow\n")
            with open(place.rules, "rb") as rules:
                more = {"env": {"RELAYRULESFD": str(rules.fileno())}, "pass_fds": (rules.fileno(),)}
                assert place.ask(ip=A, stdin=served, **more) == {}
                assert place.ask(ip="127.0.0.9", **more) == FULL


def test_the_program_finds_all_as_it_was(place):
    """Descriptors, among them the rules', signals, arguments."""
    place.make().put()
    out = place.run(before=(GATE, place.rules), prog=("sh", "-c", 'ls -l /proc/$$/fd; grep Sig /proc/self/status; '
                                                      'echo "$RELAYRULESFD" "$@"', "-", "a b", "-r"))
    plain = subprocess.run([GATE, place.rules, "sh", "-c", "ls -l /proc/$$/fd; grep Sig /proc/self/status"],
                           env={"PATH": PATH, "TCPREMOTEIP": A, "PROTO": "TCP"}, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30).stdout
    out = out.decode()
    fd = out.splitlines()[-1].split()[0]
    assert out.endswith(" a b -r\n") and " %s -> %s" % (fd, place.rules) in out
    for words in ("SigIgn", "SigBlk", "SigCgt"):
        assert [x for x in out.splitlines() if words in x] == [x for x in plain.decode().splitlines() if words in x]
    assert out.count(" -> ") == plain.decode().count(" -> ")
    r = subprocess.run([CHECK, place.stamps, "/nowhere/prog"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=30)
    assert (r.returncode, r.stdout) == (111, b"") and b"why=no-program" in r.stderr


def test_a_log_that_nobody_reads(place):
    r, w = os.pipe()
    os.close(r)
    try:
        words = [CHECK, "/nowhere", "printenv", "RELAYSTAMPFAIL"]
        p = subprocess.run(words, env={"PATH": PATH, "TCPREMOTEIP": A}, stderr=w, stdout=subprocess.PIPE, timeout=30,
                           stdin=subprocess.DEVNULL)
        assert (p.returncode, p.stdout) == (0, b"no-directory\n")
    finally:
        os.close(w)


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on loopback")
def test_ipv6_sockets(place):
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    with contextlib.closing(listener), contextlib.closing(socket.create_connection(listener.getsockname()[:2])):
        served = listener.accept()[0]
        with contextlib.closing(served):
            place.put("::1")
            assert place.ask(ip=None, stdin=served) == FULL
            os.unlink(os.path.join(place.stamps, "::1"))
            place.make("grant pop /64\n").put("::", body=b"USER=joe@hosted.example\0NET=64\0")
            assert place.ask(ip=None, stdin=served, ruled=True) == FULL
