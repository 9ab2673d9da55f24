"""relay-queue: the qmail-queue protocol, and what happens when something fails. Descriptors, disk, system calls."""
import glob
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import time

import pytest

from doubles.spool import BODY, Spool, can_inject, envelope, inject, make_queue, new_id
from lib.procs import BIN, status_of, wait_for

QUEUE = os.path.join(BIN, "relay-queue")
GOOD = envelope("a@b.example", ["c@d.example"])


@pytest.fixture
def queue(tmp_path):
    path = str(tmp_path / "queue")
    make_queue(path)
    return path


def files(queue):
    return glob.glob(queue + "/mess/*/*")


def test_a_message_is_one_file(queue):
    before = int(time.time())
    assert inject(queue, BODY, GOOD, "0660d9bc60154600471c0f") == 0
    assert files(queue) == [queue + "/mess/0f/0660d9bc60154600471c0f"]
    path = files(queue)[0]
    assert os.stat(path).st_mode & 0o7777 == 0o600
    with open(path, "rb") as f:
        data = f.read()
    kept = GOOD[:-1]
    assert data.startswith(BODY + kept)
    trailer = data[len(BODY) + len(kept):]
    word = trailer.decode().split(" ")
    assert len(trailer) == 159 and word[0] == "posthouse-message-1"
    assert [int(w) for w in word[1:3]] == [len(BODY), len(kept)]
    assert before <= int(word[3]) <= time.time() and int(word[4]) == 0
    assert word[5] == hashlib.blake2s(data[:-65]).hexdigest() + "\n"


@pytest.mark.parametrize("body, utf8, flags", [(b"plain\n", None, 0), (b"gr\xc3\xbcn\n", None, 1),
                                               (b"x" * 70001 + b"\x80\n", None, 1), (b"x\n", "1", 2),
                                               (b"\xff\n", "1", 3), (b"x\n", "0", 0), (b"", None, 0)],
                         ids=range(7))
def test_flags(queue, body, utf8, flags):
    assert inject(queue, body, GOOD, **({"RELAYUTF8": utf8} if utf8 else {})) == 0
    with open(files(queue)[0], "rb") as f:
        assert int(f.read()[-159:].split(b" ")[4]) == flags


def test_id_taken_or_wrong(queue):
    ident = new_id()
    assert inject(queue, BODY, GOOD, ident) == 0
    assert inject(queue, b"other\n", GOOD, ident) == 0
    assert inject(queue, BODY, GOOD, "../../../../tmp/escape") == 0
    assert inject(queue, BODY, GOOD, ident.upper()[:20] + "7f") == 0
    assert len(files(queue)) == 4 and all(len(os.path.basename(f)) == 22 for f in files(queue))
    with open("%s/mess/%s/%s" % (queue, ident[-2:], ident), "rb") as f:
        assert f.read().startswith(BODY)


@pytest.mark.parametrize("env, code", [
    (b"", 54), (b"F", 54), (b"Fa@b", 54), (b"Fa@b\0", 54), (b"Fa@b\0Tc@d", 54), (b"Fa@b\0Tc@d\0", 54),
    (b"Tc@d\0\0", 91), (b"\0", 91), (b"Fa@b\0Xc@d\0\0", 91), (b"Fa@b\0Dc@d\0\0", 91), (b"fa@b\0\0", 91),
    (b"F" + b"x" * 1004 + b"\0Tc@d\0\0", 11), (b"Fa@b\0T" + b"x" * 1004 + b"\0\0", 11),
    (b"Fa@b\0Tc@d\0T" + b"x" * 200000, 11),
    (b"F" + b"x" * 1003 + b"\0T" + b"y" * 1003 + b"\0\0", 0), (b"Fa@b\0\0", 0), (b"F\0Tc@d\0\0rubbish", 0),
], ids=range(17))
def test_envelopes(queue, env, code):
    assert inject(queue, BODY, env) == code
    assert len(files(queue)) == (code == 0)


def test_nul_in_the_body_is_refused(queue):
    assert inject(queue, b"a\0b\n", GOOD) == 31
    assert inject(queue, b"x" * 200000 + b"\0", GOOD) == 31
    assert files(queue) == []


def test_closed_descriptors(queue):
    for fd in (0, 1):
        assert inject(queue, BODY, GOOD, preexec=lambda: os.close(fd)) == 54
    assert files(queue) == []
    assert inject(queue, BODY, GOOD, preexec=lambda: os.close(2)) == 0
    assert len(files(queue)) == 1


def test_usage(queue):
    r = subprocess.run([QUEUE, "x"], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env={"RELAYQUEUE": queue})
    assert r.returncode == 100 and b"usage" in r.stderr


def test_body_in_small_pieces_at_constant_memory(queue):
    """40 MiB through a pipe: the file is right, and the process small."""
    r, w = os.pipe()
    er, ew = os.pipe()
    child = subprocess.Popen([QUEUE], stdin=r, stdout=er, env={"RELAYQUEUE": queue})
    os.close(r)
    os.close(er)
    digest, piece = hashlib.sha256(), bytes(range(1, 251)) * 400
    for i in range(420):
        os.write(w, piece)
        digest.update(piece)
        if i == 10:
            early = status_of(child.pid, "VmHWM")
    assert status_of(child.pid, "VmHWM") < early + 256
    os.close(w)
    os.write(ew, b"Fa@b\0")
    for i in range(2000):
        os.write(ew, b"Tuser%d@example.com\0" % i)
    os.write(ew, b"\0")
    os.close(ew)
    assert child.wait(30) == 0
    with open(files(queue)[0], "rb") as f:
        data = f.read()
    assert hashlib.sha256(data[:420 * len(piece)]).digest() == digest.digest()
    assert data[-159:].endswith((hashlib.blake2s(data[:-65]).hexdigest() + "\n").encode())


@pytest.mark.parametrize("sig, code", [(signal.SIGTERM, 81), (signal.SIGINT, 81), (signal.SIGHUP, 81),
                                       (signal.SIGUSR1, 81), (signal.SIGXCPU, 81), (signal.SIGALRM, 52)])
@pytest.mark.parametrize("part", ["nothing", "body", "envelope"])
def test_signals_leave_nothing(queue, sig, code, part):
    r, w = os.pipe()
    er, ew = os.pipe()
    child = subprocess.Popen([QUEUE], stdin=r, stdout=er, env={"RELAYQUEUE": queue})
    os.close(r)
    os.close(er)
    wait_for(lambda: files(queue), why="the file")
    if part != "nothing":
        os.write(w, b"x" * 65536)
        os.write(w, b"y" * 65536)
    if part == "envelope":
        os.close(w)
        os.write(ew, b"Fa@b\0Tc@d\0")
    time.sleep(0.05)
    child.send_signal(sig)
    assert child.wait(10) == code
    assert files(queue) == []
    os.close(ew)
    if part != "envelope":
        os.close(w)


@pytest.mark.skipif(not can_inject(), reason="strace can't delay system calls here")
@pytest.mark.parametrize("nth", [1, 2])
def test_terminated_while_it_syncs(queue, tmp_path, nth):
    """SIGTERM before the message is safe, at the file's or at the directory's fsync: the caller is told so,
    and nothing is left."""
    log = str(tmp_path / "strace")
    trace = ["strace", "-f", "-qq", "-o", log, "-e", "trace=fsync",
             "-e", "inject=fsync:delay_enter=1000000:when=%d" % nth]
    with open(str(tmp_path / "body"), "w+b") as b, open(str(tmp_path / "env"), "w+b") as e:
        b.write(BODY)
        e.write(GOOD)
        b.seek(0)
        e.seek(0)
        child = subprocess.Popen(trace + [QUEUE], stdin=b, stdout=e, env={"RELAYQUEUE": queue})
        wait_for(lambda: os.path.exists(log) and open(log).read().count("fsync(") >= nth, why="the fsync")
        pid = int(open(log).read().split()[0])
        os.kill(pid, signal.SIGTERM)
        assert child.wait(20) == 81
    assert files(queue) == []


def test_killed_leaves_no_whole_file(tmp_path):
    """kill -9 in the middle: relay-send neither delivers nor removes what is left, until it is stale."""
    s = Spool(str(tmp_path))
    try:
        r, w = os.pipe()
        er, ew = os.pipe()
        child = subprocess.Popen([QUEUE], stdin=r, stdout=er, env={"RELAYQUEUE": s.queue})
        os.write(w, b"x" * 200000)
        wait_for(lambda: files(s.queue) and os.stat(files(s.queue)[0]).st_size >= 65536, why="some of the file")
        s.start("-t", "1")
        time.sleep(1.5)
        assert len(s.queued()) == 1  # in work
        child.kill()
        child.wait()
        time.sleep(1.5)
        left = s.queued()
        assert len(left) == 1 and not s.deliveries()
        old = time.time() - 130000
        os.utime(s.path(left[0]), (old, old))
        s.wait_empty()
        assert s.events("unfinished", id=left[0], error="removed") and not s.deliveries()
    finally:
        s.close()


def test_queue_missing(tmp_path):
    assert inject(str(tmp_path / "no"), BODY, GOOD) == 62
    os.mkdir(tmp_path / "empty")
    assert inject(str(tmp_path / "empty"), BODY, GOOD) == 64


def test_environment_is_not_trusted_when_raised(queue, tmp_path):
    """Set-uid, RELAYQUEUE is ignored."""
    if os.getuid():
        pytest.skip("needs root")
    program = str(tmp_path / "relay-queue")
    shutil.copy(QUEUE, program)
    os.chmod(str(tmp_path), 0o755)
    for d in tmp_path.parents:
        if os.stat(d).st_uid == os.getuid() and str(d) not in ("/", "/tmp"):
            os.chmod(d, os.stat(d).st_mode | 0o055)
    os.chmod(program, 0o4755)
    subprocess.run(["chmod", "-R", "a+rwX", queue], check=True)
    with open("/proc/self/mounts") as f:
        options = {line.split()[1]: line.split()[3] for line in f}
    if any("nosuid" in o for m, o in options.items() if str(tmp_path).startswith(m) and m != "/"):
        pytest.skip("mounted nosuid")
    with open(os.devnull) as null, open(str(tmp_path / "env"), "w+b") as e:
        e.write(GOOD)
        e.seek(0)
        code = subprocess.run([program], stdin=null, stdout=e, env={"RELAYQUEUE": queue},
                              user=65534, group=65534, extra_groups=[]).returncode
    assert files(queue) == [] and code in (0, 62)


def test_file_size_limit(queue):
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
    assert inject(queue, b"x" * 99000, GOOD, preexec=limit) == 0
    assert inject(queue, b"x" * 100000, GOOD, preexec=limit) == 53
    assert inject(queue, b"x" * 1000000, GOOD, preexec=limit) == 53
    assert inject(queue, b"x" * (100000 - len(GOOD)), GOOD, preexec=limit) == 53  # no room for the trailer
    assert len(files(queue)) == 1


def test_no_descriptors(queue):
    for n in range(3, 5):
        code = inject(queue, BODY, GOOD, preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)))
        # 127: not even its libraries could be opened
        assert (51 <= code <= 81 or code == 127) and files(queue) == [], n


@pytest.fixture
def small(tmp_path):
    """Mounts a small tmpfs with a queue: small(options)."""
    mounted = []

    def mount(options):
        path = str(tmp_path / "small")
        os.mkdir(path)
        if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path],
                                         stderr=subprocess.DEVNULL).returncode:
            pytest.skip("can't mount a tmpfs")
        mounted.append(path)
        make_queue(path + "/queue")
        return path + "/queue"
    yield mount
    for path in mounted:
        subprocess.run(["umount", path], check=True)


def test_disk_full(small):
    queue = small("size=512k")
    assert inject(queue, BODY, GOOD) == 0
    assert inject(queue, b"x" * 1000000, GOOD) == 53
    assert len(files(queue)) == 1
    n = 0
    while inject(queue, b"x" * 10000, GOOD) == 0:
        n += 1
    assert n > 5 and len(files(queue)) == n + 1
    for f in files(queue):
        with open(f, "rb") as g:
            data = g.read()
        assert data[-159:].endswith((hashlib.blake2s(data[:-65]).hexdigest() + "\n").encode())
    os.unlink(files(queue)[0])
    os.unlink(files(queue)[0])
    assert inject(queue, BODY, GOOD) == 0


def test_no_inodes(small):
    queue = small("size=8m,nr_inodes=75")
    codes = [inject(queue, BODY, GOOD) for _ in range(20)]
    assert codes[0] == 0 and codes[-1] == 53
    assert len(files(queue)) == codes.count(0)


CALLS = ["write", "fsync", "openat,open", "flock", "chdir", "read", "close", "fcntl", "mmap", "brk"]


@pytest.mark.skipif(not can_inject(), reason="strace can't inject errors here")
@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EMFILE", "ENOMEM", "EINTR"])
def test_every_system_call_fails_once(queue, calls, error):
    """Whichever call fails: exit 0 and the message is there, whole; or a temporary code and nothing is there."""
    if inject(queue, BODY, GOOD, wrap=["strace", "-qq", "-o", os.devnull]):
        pytest.skip("does not run under strace: built with sanitizers")
    os.unlink(files(queue)[0])
    for nth in range(1, 8):
        trace = ("strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=" + calls,
                 "-e", "inject=%s:error=%s:when=%d" % (calls, error, nth))
        code = inject(queue, BODY * 9000, GOOD, wrap=trace)
        left = files(queue)
        if code in (0,):
            assert len(left) == 1
            with open(left[0], "rb") as f:
                data = f.read()
            assert data.startswith(BODY * 9000 + GOOD[:-1])
            assert data.endswith((hashlib.blake2s(data[:-65]).hexdigest() + "\n").encode())
            os.unlink(left[0])
        else:
            # 127 and negative codes: the program could not even start
            assert left == [] and (51 <= code <= 99 or code in (-11, -6, 127, 1)), (nth, code)


def test_waits_for_room_in_the_trigger_but_not_for_long(queue):
    fd = os.open(queue + "/trigger", os.O_RDWR | os.O_NONBLOCK)
    try:
        assert inject(queue, BODY, GOOD, "0660d9bc60154600471c0f") == 0
        assert os.read(fd, 100) == b"0660d9bc60154600471c0f\n"
        try:
            while True:
                os.write(fd, b"x" * 4096)
        except BlockingIOError:
            pass
        start = time.monotonic()
        assert inject(queue, BODY, GOOD) == 0
        assert 0.5 < time.monotonic() - start < 5 and len(files(queue)) == 2
    finally:
        os.close(fd)


def test_no_trigger(queue):
    os.unlink(queue + "/trigger")
    assert inject(queue, BODY, GOOD) == 0
    assert len(files(queue)) == 1


@pytest.mark.skipif(not can_inject(), reason="strace can't trace here")
def test_the_order_that_makes_a_message_last(queue, tmp_path):
    """The file is synced, then its directory, then relay-send is told, then exit 0."""
    if inject(queue, BODY, GOOD, wrap=["strace", "-qq", "-o", os.devnull]):
        pytest.skip("does not run under strace: built with sanitizers")
    reader = os.open(queue + "/trigger", os.O_RDONLY | os.O_NONBLOCK)
    log = str(tmp_path / "strace")
    ident = new_id()
    trace = ["strace", "-f", "-y", "-qq", "-o", log, "-e", "trace=fsync,write,exit_group"]
    assert inject(queue, BODY, GOOD, ident, wrap=trace) == 0
    os.close(reader)
    with open(log) as f:
        calls = [line.split(None, 1)[1] for line in f if "<" in line or "exit_group" in line]

    def at(*words):
        found = [i for i, c in enumerate(calls) if all(w in c for w in words)]
        assert len(found) == 1, (words, calls)
        return found[0]
    path = "%s/mess/%s" % (queue, ident[-2:])
    last = max(i for i, c in enumerate(calls) if c.startswith("write(") and "<%s/%s>" % (path, ident) in c)
    order = [last, at("fsync(", "<%s/%s>" % (path, ident), "= 0"), at("fsync(", "<%s>" % path, "= 0"),
             at("write(", "/trigger>", ident), at("exit_group(0)")]
    assert order == sorted(order), calls
