"""relay-pop-stamp: whatever goes wrong, the login goes on."""
import os
import resource
import socket
import subprocess
import time

import pytest

from doubles.spool import can_inject
from lib.procs import for_everybody, sanitized
from lib.stamps import PATH, STAMP, WHO, public, stamps  # noqa: F401  (fixtures)

from test_scarce import small  # noqa: F401  (a fixture)


def goes_on(r, *words):
    assert (r.returncode, r.stdout) == (0, b"in\n"), r
    for w in words:
        assert w in r.stderr, r.stderr


def test_directories_that_are_none(stamps, tmp_path):  # noqa: F811
    plain, fifo, open_to_all = (str(tmp_path / n) for n in ("plain", "fifo", "open"))
    open(plain, "w").close()
    os.mkfifo(fifo)
    os.mkdir(open_to_all)
    os.chmod(open_to_all, 0o1777)
    for path, why in ((plain, b"Not\\x20a"), (fifo, b"Not\\x20a"), (open_to_all, b"everybody"), ("", b"No\\x20such"),
                      (str(tmp_path / "gone"), b"No\\x20such"), ("/" + "d" * 5000, b"too\\x20long")):
        goes_on(stamps.login(path, "echo", "in", dir=False, env=WHO), b"why=no-directory", why)
    assert os.listdir(open_to_all) == []


@pytest.mark.root
@pytest.mark.parametrize("options", ["size=4k,nr_inodes=1", "size=4k,nr_inodes=2", "ro"])
def test_no_room(small, options):  # noqa: F811
    where = small(options + ",mode=0755")
    try:
        with open(os.path.join(where, "192.0.2.77"), "wb") as f:   # takes the inode, or the room
            f.write(b"USER=" + b"x" * 4000)
    except OSError:
        pass
    for _ in range(3):
        r = subprocess.run([STAMP, where, "echo", "in"], env={"PATH": PATH, **WHO}, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        goes_on(r, b"why=not-written")
    assert [n for n in os.listdir(where) if n != "192.0.2.77"] == []


def test_not_allowed(public):  # noqa: F811
    if os.geteuid():
        os.chmod(public.dir, 0o500)
        goes_on(public.login(env=WHO), b"why=not-written")
        return
    nobody = {"user": 65534, "group": 65534, "env": WHO, "program": for_everybody(STAMP)}
    os.chmod(public.dir, 0o755)
    goes_on(public.login(extra_groups=[], **nobody), b"why=not-written", b"Permission")
    os.chmod(public.dir, 0o700)
    goes_on(public.login(extra_groups=[], **nobody), b"why=not-written", b"Permission")
    assert public.names() == []
    os.chown(public.dir, 0, 65533)
    os.chmod(public.dir, 0o2730)   # who may write need not list; the stamps have the directory's group
    for user in (65534, 65532):    # and one writer replaces the other's
        r = public.login(extra_groups=[65533], **{**nobody, "user": user})
        goes_on(r)
        s = os.stat(public.path("192.0.2.1"))
        assert r.stderr == b"" and public.names() == ["192.0.2.1"] and (s.st_uid, s.st_gid) == (user, 65533)


def test_what_stands_there(stamps, tmp_path):  # noqa: F811
    """Nothing at the name holds us; only a directory stays."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    name = stamps.path("192.0.2.1")
    for make in (lambda: os.symlink(victim, name), lambda: os.link(victim, name), lambda: os.mkfifo(name)):
        make()
        goes_on(stamps.login(env=WHO))
        assert stamps.user("192.0.2.1") == b"joe" and victim.read_bytes() == b"precious"
        os.unlink(name)
    os.mkdir(name)
    goes_on(stamps.login(env=WHO), b"why=not-written", b"directory")
    assert stamps.names() == ["192.0.2.1"]


def limit(which, value):
    return lambda: resource.setrlimit(which, (value, value))


def test_limits(stamps):  # noqa: F811
    goes_on(stamps.login(env=WHO, preexec_fn=limit(resource.RLIMIT_FSIZE, 5)), b"why=not-written", b"too\\x20large")
    assert stamps.names() == []
    goes_on(stamps.login(env=WHO, preexec_fn=limit(resource.RLIMIT_NOFILE, 4)), b"why=not-written", b" error=")
    assert stamps.names() == []
    if not sanitized():
        goes_on(stamps.login(env=WHO, preexec_fn=limit(resource.RLIMIT_AS, 20 << 20)))
        goes_on(stamps.login(env=WHO, preexec_fn=limit(resource.RLIMIT_DATA, 1 << 20)))
        assert stamps.names() == ["192.0.2.1"]


def test_nobody_reads_the_log(stamps):  # noqa: F811
    r, w = os.pipe()
    os.close(r)
    out = stamps.login(env={}, stderr=w)   # no address: it has something to say
    assert (out.returncode, out.stdout) == (0, b"in\n")
    os.close(w)
    r, w = os.pipe()
    os.set_blocking(w, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(w, b"x" * 65536)
    os.set_blocking(w, True)
    start = time.monotonic()
    out = stamps.login(env={}, stderr=w)   # it doesn't even wait as long as others do
    assert (out.returncode, out.stdout) == (0, b"in\n") and time.monotonic() - start < 2
    os.close(r)
    os.close(w)


CALLS = ["openat,open", "fstat,newfstatat,stat,statx", "fchmod", "write", "utimensat", "close",
         "rename,renameat,renameat2", "fcntl", "getsockname", "rt_sigaction", "clock_gettime", "poll,ppoll", "getpid",
         "unlinkat"]


@pytest.fixture(scope="module")
def before_main(tmp_path_factory):
    """Counts the calls of the names given until the program's own begin: the loader's must not fail."""
    log = str(tmp_path_factory.mktemp("trace") / "log")
    subprocess.run(["strace", "-qq", "-o", log, STAMP, "/nonexistent", "true"], env={"PATH": PATH},
                   stderr=subprocess.DEVNULL)
    with open(log) as f:
        names = [line.split("(", 1)[0] if "SIGPIPE, {" not in line else "main" for line in f]
    return lambda calls: sum(n in calls.split(",") for n in names[:names.index("main")])


@pytest.mark.skipif(not can_inject(), reason="strace can't inject errors here")
@pytest.mark.parametrize("calls", CALLS)
def test_every_system_call_fails(stamps, before_main, calls):  # noqa: F811
    """Each of the first calls, then all: PROG is run, and there is a whole stamp or none."""
    if sanitized():
        pytest.skip("a sanitizer's own calls would fail")
    skip, lost = before_main(calls), 0
    for error in ("EIO", "ENOSPC", "EINTR"):
        for when in ("1", "2", "3", "4", "5", "6") + (() if error == "EINTR" else ("1+", "3+")):
            which = "%d%s" % (skip + int(when[0]), when[1:])
            trace = ["strace", "-b", "execve", "-qq", "-o", os.devnull, "-e", "trace=" + calls, "-e",
                     "inject=%s:error=%s:when=%s" % (calls, error, which)]
            r = stamps.login(wrap=trace, env=WHO)
            assert (r.returncode, r.stdout) == (0, b"in\n"), (error, when, r)
            lost += stamps.names() != ["192.0.2.1"]
            for name in stamps.names():   # a call that closes or removes may leave a file aside
                assert name == "192.0.2.1" or calls in ("close", "unlinkat"), (error, when, name)
                assert stamps.body(name).startswith(b"USER=joe\0BOOTTIME="), (error, when)
                os.unlink(stamps.path(name))
    assert lost if calls in ("write", "fchmod", "utimensat", "openat,open", "rename,renameat,renameat2") else True


def test_the_log_is_not_the_client(stamps):  # noqa: F811
    """inetd has the connection on descriptor 2, too."""
    a, b = socket.socketpair()
    with a, b:
        r = stamps.login("true", env={}, stdin=b, stdout=b, stderr=b)
        b.close()
        assert r.returncode == 0 and a.recv(100) == b""


def test_no_program(stamps):  # noqa: F811
    r = stamps.login("/nonexistent/program", env=WHO)
    assert r.returncode == 111 and b"why=no-program" in r.stderr and stamps.names() == ["192.0.2.1"]
