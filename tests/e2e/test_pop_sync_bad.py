"""relay-pop-sync and what it must not believe: entries that are forged, altered, old, large; keys and options that are
wrong."""
import os
import shutil
import subprocess
import time

import pytest

from lib.nodes import KEY, PREFIX, Node, Redis, entry, sign
from lib.procs import free_port, program, wait_for
from lib.tls import make_certificate


def has_tls():
    with open(program("relay-pop-sync"), "rb") as f:
        return b"libhiredis_ssl" in f.read()


@pytest.fixture(scope="module")
def redis():
    r = Redis()
    yield r
    r.close()


@pytest.fixture
def node(redis, tmp_path):
    redis("FLUSHALL")
    n = Node(str(tmp_path), "a", redis.at)
    yield n
    if n.proc:
        n.stop()
    assert "Sanitizer" not in n.log(), n.log()


GOOD = entry("192.0.2.1", when=1700000000)
now = time.time
BAD = {   # name: (the entry, why it is dropped)
    "forged": (lambda: entry(key=b"some other key of 32 bytes and more than that"), "unsigned"),
    "short-key": (lambda: entry(key=KEY[:32]), "unsigned"),
    "no-signature": (lambda: entry()[:-64], "unsigned"),
    "empty-signature": (lambda: entry()[:-64] + b"0" * 64, "unsigned"),
    "capitals": (lambda: entry()[:-64] + entry()[-64:].upper(), "unsigned"),
    "cut": (lambda: entry()[:-1], "unsigned"),
    "longer": (lambda: entry() + b"\n", "unsigned"),
    "other-address": (lambda: entry("192.0.2.7").replace(b"192.0.2.7", b"192.0.2.1"), "unsigned"),
    "other-user": (lambda: entry(user="eve").replace(b"eve", b"joe"), "unsigned"),
    "younger": (lambda: entry(when=now() - 999).replace(b"%d" % (now() - 999), b"%d" % now()), "unsigned"),
    "nothing-but-NULs": (lambda: b"\0" * 200, "unsigned"),
    "expired": (lambda: entry(when=now() - 301), "expired"),
    "replayed": (lambda: GOOD, "expired"),
    "future": (lambda: entry(when=now() + 60), "future"),
    "far-future": (lambda: entry(when=2 ** 61), "future"),
    "too-large": (lambda: entry(user="u" * 600), "large"),
    "megabytes": (lambda: b"x" * 900000, "large"),
    "long-user": (lambda: entry(user="u" * 256), "malformed"),
    "no-node": (lambda: entry(node=""), "malformed"),
    "path": (lambda: entry("../../etc/passwd"), "malformed"),
    "range": (lambda: entry("192.0.2.0/24"), "malformed"),
    "all": (lambda: entry("::/0"), "malformed"),
    "mapped": (lambda: entry("::ffff:192.0.2.1"), "malformed"),
    "NUL": (lambda: entry("192.0.2.1\0"), "malformed"),
    "no-prefix": (lambda: sign(b"posthouse-stamp-1\n%d\nx\n192.0.2.1\njoe\n" % now()), "malformed"),
    "prefix-twice": (lambda: entry(prefix=PREFIX + "\n" + PREFIX), "malformed"),
    "other-group": (lambda: entry(prefix="posthouse:other:"), "other-prefix"),
    "longer-prefix": (lambda: entry(prefix=PREFIX + "x"), "other-prefix"),
    "shorter-prefix": (lambda: entry(prefix=PREFIX[:-1]), "other-prefix"),
    "control": (lambda: entry(user="joe\x1b"), "malformed"),
    "version": (lambda: sign(entry()[:-64].replace(b"stamp-1", b"stamp-2", 1)), "malformed"),
}


def has(node, address):
    wait_for(lambda: node.body(address), 5, node.log)
    assert node.opens(address) == "joe"


def test_opens_nothing(redis, node):
    """Each in the server when we come, and each over the channel; good ones before and behind are taken."""
    made = {name: make() for name, (make, _) in BAD.items()}
    for i, bad in enumerate(made.values()):
        redis("SET", PREFIX + "192.0.2.%d" % (100 + i), bad)
    redis("SET", PREFIX + "192.0.2.8", entry("192.0.2.8"))
    node.start()
    has(node, "192.0.2.8")
    for bad in made.values():
        redis("PUBLISH", PREFIX + "new", bad)
    redis("PUBLISH", PREFIX + "new", entry("192.0.2.9"))
    has(node, "192.0.2.9")
    assert node.names() == ["192.0.2.8", "192.0.2.9"] and node.opens("192.0.2.1") is None
    wait_for(lambda: node.events("entries-dropped"), 3, node.log)
    assert [e["event"] for e in node.events()] == ["ready", "entries-dropped"]
    for why in {w for _, w in BAD.values()}:
        count = sum(1 for _, w in BAD.values() if w == why)
        assert count <= node.dropped(why) <= 2 * count, node.log()   # the second time may be after the line


@pytest.mark.parametrize("name", ["forged", "replayed", "other-address", "other-group", "expired", "future",
                                  "too-large"])
def test_alone(redis, node, name):
    """Under the address that it would open."""
    redis("SET", PREFIX + "192.0.2.1", BAD[name][0]())
    redis("SET", PREFIX + "192.0.2.8", entry("192.0.2.8"))
    node.start()
    has(node, "192.0.2.8")
    assert node.names() == ["192.0.2.8"] and node.opens("192.0.2.1") is None


def test_groups_with_one_key(redis, node, tmp_path):
    """What is copied from one group's place to another's opens nothing there; each has its own."""
    others = Node(str(tmp_path), "b", redis.at, "-x", "others:")
    try:
        node.start()
        others.start()
        others.log_in("192.0.2.1")
        node.log_in("192.0.2.2")
        wait_for(lambda: redis("DBSIZE") == 2, 3, node.log)
        stolen = redis("GET", "others:192.0.2.1")
        redis("SET", PREFIX + "192.0.2.1", stolen)
        redis("PUBLISH", PREFIX + "new", stolen)
        redis("PUBLISH", PREFIX + "new", entry("192.0.2.9"))
        has(node, "192.0.2.9")
        node.stop()
        node.start()
        wait_for(lambda: node.dropped("other-prefix"), 3, node.log)
        assert node.names() == ["192.0.2.2", "192.0.2.9"] and others.names() == ["192.0.2.1"]
        redis("PUBLISH", "others:new", entry("192.0.2.9", prefix="others:"))
        has(others, "192.0.2.9")
    finally:
        others.stop()


def test_other_things_there(redis, node):
    """Keys that are none of ours, values of other kinds, names with any bytes."""
    redis("LPUSH", PREFIX + "192.0.2.1", "x")
    redis("HSET", PREFIX + "192.0.2.2", "x", entry())
    redis("SET", PREFIX + "192.0.2.3\0", entry())
    redis("SET", PREFIX.encode() + b"\xff\r\n\0", entry())
    redis("SET", PREFIX + "x" * 100000, entry())
    redis("SET", "elsewhere:192.0.2.4", entry("192.0.2.4"))
    redis("PUBLISH", "elsewhere:new", entry("192.0.2.4"))
    redis("SET", PREFIX + "192.0.2.8", entry("192.0.2.8"))
    node.start()
    has(node, "192.0.2.8")
    assert node.names() == ["192.0.2.8"]
    wait_for(lambda: node.dropped("malformed") == 5, 3, node.log)


def test_flood(redis, node):
    """Ten thousand forged ones and one that is ours: that is found, and the log stays short."""
    junk = entry(key=b"x" * 32)
    with_junk = []
    for i in range(10000):
        with_junk += [PREFIX + "10.1.%d.%d" % (i // 250, i % 250), junk]
    redis("MSET", *with_junk)
    redis("SET", PREFIX + "192.0.2.8", entry("192.0.2.8"))
    node.start()
    has(node, "192.0.2.8")
    for _ in range(100):
        redis("PUBLISH", PREFIX + "new", junk)
    redis("PUBLISH", PREFIX + "new", entry("192.0.2.9"))
    has(node, "192.0.2.9")
    wait_for(lambda: node.dropped("unsigned"), 3, node.log)
    assert node.names() == ["192.0.2.8", "192.0.2.9"] and len(node.events()) == 2


def test_message_that_has_no_end(redis, node):
    """More than memory is to be had for: the connection is given up, and the next one works."""
    node.start()
    redis("PUBLISH", PREFIX + "new", b"x" * 3000000)
    wait_for(lambda: node.events("server-back"), 10, node.log)
    assert node.events("server-lost")[0]["why"] == "a\\x20reply\\x20that\\x20is\\x20too\\x20large"
    redis("PUBLISH", PREFIX + "new", entry("192.0.2.9"))
    has(node, "192.0.2.9")


def test_replayed(redis, tmp_path):
    """A good one that comes again and again makes nothing younger; when it has expired it is dropped."""
    redis("FLUSHALL")
    n = Node(str(tmp_path), "b", redis.at, life=3)
    n.start()
    try:
        good = entry("192.0.2.1")
        redis("PUBLISH", PREFIX + "new", good)
        has(n, "192.0.2.1")
        first = os.stat(os.path.join(n.stamps, "192.0.2.1"))
        while n.opens("192.0.2.1"):
            redis("PUBLISH", PREFIX + "new", good)
            time.sleep(0.2)
        wait_for(lambda: redis("PUBLISH", PREFIX + "new", good) and n.dropped("expired"), 6, n.log, pause=0.2)
        last = os.stat(os.path.join(n.stamps, "192.0.2.1"))
        assert (first.st_ino, first.st_mtime) == (last.st_ino, last.st_mtime) and n.opens("192.0.2.1") is None
    finally:
        n.stop()


def run(*words):
    argv = [program("relay-pop-sync"), *words]
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10)
    return r.returncode, r.stdout.decode()


def test_key(node):
    """Missing, too short, readable for others, no file at all: nothing starts, and why stands there."""
    at = node.argv[-2:]
    os.chmod(node.key, 0o644)
    assert_fails(100, "others may read", "-k", node.key, *at)
    os.chmod(node.key, 0o600)
    with open(node.key, "w") as f:
        f.write("x" * 31 + "\n")
    assert_fails(100, "too short", "-k", node.key, *at)
    with open(node.key, "w") as f:
        f.write("")
    assert_fails(100, "it is empty", "-k", node.key, *at)
    os.unlink(node.key)
    assert_fails(111, "No such file", "-k", node.key, *at)
    assert_fails(100, "not a regular file", "-k", node.stamps, *at)
    os.mkfifo(node.key, 0o600)
    assert_fails(100, "not a regular file", "-k", node.key, *at)


def assert_fails(code, text, *words):
    got, said = run(*words)
    assert got == code and text in said, (got, said)


def test_password_file(node, tmp_path):
    at = ["-k", node.key, *node.argv[-2:]]
    word = tmp_path / "word"
    assert_fails(111, "No such file", "-p", str(word), *at)
    word.write_text("secret\n")
    word.chmod(0o604)
    assert_fails(100, "others may read", "-p", str(word), *at)
    word.chmod(0o600)
    word.write_text("a\nb\nc\n")
    assert_fails(100, "neither one line nor two", "-p", str(word), *at)


def test_directory(node):
    at = ["-k", node.key, node.stamps, node.at]
    os.chmod(node.stamps, 0o777)
    assert_fails(111, "everybody", *at)
    os.rmdir(node.stamps)
    assert_fails(111, "No", *at)


@pytest.mark.parametrize("words", ["", "d", "d h x", "-z d h", "-s 0 d h", "-s x d h", "-n a/b d h", "-x a* d h",
                                   "d h:0", "d [h]", "d a*"])
def test_command_line(node, words):
    assert run("-k", node.key, *words.split())[0] == 100


def test_tls_that_is_not_there(node, tmp_path):
    """Where it was built without, it says so; where with, that there are no authorities."""
    code, said = run("-k", node.key, "-t", str(tmp_path), *node.argv[-2:])
    assert code == 100 and ("hiredis that has no TLS" if not has_tls() else "ca.pem can't be read") in said


@pytest.mark.skipif(not has_tls(), reason="built with a hiredis that has no TLS")
@pytest.mark.parametrize("host, wanted, why", [
    ("localhost", "no", None), ("127.0.0.1", "no", None), ("127.0.0.1", "yes", None),
    ("127.0.0.2", "no", "certificate"), ("127.0.0.1", "other", "certificate")])
def test_tls(tmp_path, host, wanted, why):
    """The server's certificate must be made out to the host, by name or address, and ca.pem's; ours is shown."""
    names = ("localhost", "IP:127.0.0.1")
    folder = make_certificate(str(tmp_path / "server"), *names)
    os.mkdir(tmp_path / "tls")
    shown = make_certificate(str(tmp_path / "other"), *names) if wanted == "other" else folder
    shutil.copy(os.path.join(shown, "cert.pem"), tmp_path / "tls" / "ca.pem")
    if wanted == "yes":
        for name in ("cert.pem", "key.pem"):
            shutil.copy(os.path.join(folder, name), tmp_path / "tls" / name)
    files = {"--tls-%s-file" % n: os.path.join(folder, f) for n, f in
             {"cert": "cert.pem", "key": "key.pem", "ca-cert": "cert.pem"}.items()}
    port = free_port()
    r = Redis("--tls-port", str(port), "--tls-auth-clients", "yes" if wanted == "yes" else "no", "--bind", "127.0.0.1",
              "127.0.0.2", *[w for f in files.items() for w in f])
    n = Node(str(tmp_path), "b", "%s:%d" % (host, port), "-t", str(tmp_path / "tls"))
    try:
        n.start(ready=not why)
        wait_for(lambda: n.events("server-lost" if why else "ready"), 5, n.log)
        if why:
            assert why in n.events("server-lost")[0]["why"]
        else:
            r("PUBLISH", PREFIX + "new", entry("192.0.2.9"))
            has(n, "192.0.2.9")
    finally:
        n.stop()
        r.close()
