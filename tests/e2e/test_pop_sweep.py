"""relay-pop-sweep: what goes and what stays, what it says, whence the seconds, beside logins, with thousands."""
import os
import re
import resource
import shutil
import subprocess
import time

import pytest

from doubles.spool import can_inject
from lib.procs import program, sanitized
from lib.stamps import PATH, SWEEP, Stamps, stamps  # noqa: F401  (a fixture)

GRACE = 60


def numbers(log):
    """The last line's."""
    line = [l for l in log.splitlines() if " event=swept " in l]
    assert len(line) == 1, log
    return {k: int(v) for k, v in re.findall(r" (removed|kept|ignored|failed)=(\d+)", line[0])}


def rules(path, relay):
    os.makedirs(path)
    for name, text in (("me", "relay.example\n"), ("relay", relay), ("clients", ""), ("domains", "hosted.example\n")):
        with open(os.path.join(path, name), "w") as f:
            f.write(text)
    subprocess.run([program("relay-mkcdb"), path], check=True, stderr=subprocess.DEVNULL)
    return os.path.join(path, "rules.cdb")


def test_what_goes(stamps):  # noqa: F811
    stamps.put("192.0.2.1", 300 + GRACE + 3)
    stamps.put("192.0.2.2", 300 + GRACE - 3)
    stamps.put("192.0.2.3")
    stamps.put("2001:db8::1", 10 ** 6, b"USER=joe\0BOOTTIME=1\0NET=64\0XYZ=\0")
    stamps.put("192.0.2.4", -10 ** 6)                      # of a clock that was wrong
    stamps.put("192.0.2.5", 10 ** 6, b"")                  # damaged, or relay-ctrl's without a user
    stamps.put("192.0.2.6", 10 ** 6, b"no body at all")
    stamps.logged("192.0.2.7")
    log = stamps.sweep("-s", "300")
    assert stamps.names() == ["192.0.2.2", "192.0.2.3", "192.0.2.7"]
    assert numbers(log) == {"removed": 5, "kept": 3, "ignored": 0} and log.count("\n") == 1
    assert numbers(stamps.sweep("-s", "1")) == {"removed": 1, "kept": 2, "ignored": 0}


def test_the_clock_was_set_back(stamps):  # noqa: F811
    """A stamp from the future goes when the second clock says so, or when it is too far away."""
    boot = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    if boot < 500:
        pytest.skip("the machine has just started")
    stamps.put("192.0.2.1", -5000, b"USER=joe\0BOOTTIME=%d\0" % (boot - 100))
    stamps.put("192.0.2.2", -5000, b"USER=joe\0BOOTTIME=%d\0" % (boot - 400))
    stamps.put("192.0.2.3", -200, b"USER=joe\0")
    stamps.put("192.0.2.4", -5000, b"USER=joe\0BOOTTIME=%d\0" % (boot + 10 ** 6))
    stamps.sweep("-s", "300")
    assert stamps.names() == ["192.0.2.1", "192.0.2.3"]


def test_what_is_ignored(stamps, tmp_path):  # noqa: F811
    """Whatever is no stamp stays, and is said: once each, and not without end."""
    (tmp_path / "victim").write_bytes(b"USER=joe\0")
    os.utime(tmp_path / "victim", (1, 1))
    os.symlink(tmp_path / "victim", stamps.path("192.0.2.1"))
    os.link(tmp_path / "victim", stamps.path("192.0.2.2"))
    os.mkfifo(stamps.path("192.0.2.3"))
    os.mkdir(stamps.path("192.0.2.4"))
    stamps.put("192.0.2.5", 10 ** 6, b"USER=" + b"x" * 1020)
    for name in ("readme", "192.0.2.06", "::ffff:192.0.2.6", "2001:DB8::1", ".hidden", ".posthouse.1", "a b\n\x1b[2J"):
        stamps.put(name, 10 ** 6)
    names = stamps.names()
    log = stamps.sweep("-s", "1")
    assert stamps.names() == names and numbers(log) == {"removed": 0, "kept": 0, "ignored": 12}
    said = dict(re.findall(r" event=ignored name=(\S+) error=(\S+)", log))
    assert len(said) == 12 and said["192.0.2.1"] == "a\\x20link" and said["192.0.2.2"].startswith("a\\x20file\\x20of")
    assert said["192.0.2.3"].startswith("a\\x20device") and said["192.0.2.4"] == "a\\x20directory"
    assert said["192.0.2.5"] == "too\\x20large" and said["readme"] == "no\\x20address" and "\x1b" not in log
    for i in range(500):
        stamps.put("x%d" % i)
    log = stamps.sweep("-s", "1")
    assert log.count("\n") == 21 and numbers(log)["ignored"] == 512


def test_files_on_their_way(stamps):  # noqa: F811
    """Those of a program that died, ours and relay-ctrl's, after an hour; their own times don't count."""
    for name in (".posthouse.123.1700000000000000000.0", ".1700000000.123456:77"):
        stamps.put(name, 10 ** 6)
    assert numbers(stamps.sweep("-s", "1")) == {"removed": 0, "kept": 2, "ignored": 0}
    if not shutil.which("faketime"):
        return   # test_stamp_races lets the hour pass
    stamps.sweep("-s", "1", wrap=["faketime", "-f", "+2h"])
    assert stamps.names() == []


# Whence the seconds

def test_seconds(stamps, tmp_path):  # noqa: F811
    def left(*options, env=None, ages=(250, 350, 550, 1150)):
        for a in ages:
            stamps.put("192.0.2.%d" % (a % 251), a)
        stamps.sweep(*options, env=env)
        found = [a for a in ages if "192.0.2.%d" % (a % 251) in stamps.names()]
        for name in stamps.names():
            os.unlink(stamps.path(name))
        return found
    five = rules(str(tmp_path / "five"), "grant login\ngrant pop\n")
    ten = rules(str(tmp_path / "ten"), "grant pop 500 /64\n")
    none = rules(str(tmp_path / "none"), "grant login\n")
    assert left("-r", five) == [250, 350] and left("-r", ten) == [250, 350, 550]
    assert left("-r", os.path.dirname(ten)) == [250, 350, 550] and left(env={"RELAYRULES": ten}) == [250, 350, 550]
    assert left("-r", ten, "-s", "1000") == [250, 350, 550]
    assert left("-r", none) == [250, 350]
    assert left("-r", none, env={"RELAY_CTRL_EXPIRY": "1100"}) == [250, 350, 550, 1150]
    assert left("-r", ten, env={"RELAY_CTRL_EXPIRY": "1100"}) == [250, 350, 550]
    for wrong in ("", "0", "-5", "x", "9" * 40):
        assert left("-r", none, env={"RELAY_CTRL_EXPIRY": wrong}) == [250, 350]


def test_refusals(stamps, tmp_path):  # noqa: F811
    stamps.put("192.0.2.1", 10 ** 6)
    assert "why=no-rules" in stamps.sweep("-r", str(tmp_path / "gone"), check=111)
    (tmp_path / "bad").write_bytes(b"x" * 5000)
    assert "why=no-rules" in stamps.sweep("-r", str(tmp_path / "bad"), check=111)
    assert "why=no-rules" in stamps.sweep(env={"RELAYRULES": str(tmp_path / "gone")}, check=111)
    for args in (("-s", "0"), ("-s", "x"), ("-s", "31536001"), ("-x",), ("a", "b"), ("-s", "")):
        r = subprocess.run([SWEEP, *args], env={"PATH": PATH}, stderr=subprocess.PIPE)
        assert r.returncode == 100 and b"usage: relay-pop-sweep" in r.stderr
    for where in (str(tmp_path / "gone"), str(tmp_path / "bad")):
        r = subprocess.run([SWEEP, "-s", "5", where], env={"PATH": PATH}, stderr=subprocess.PIPE)
        assert r.returncode == 111 and b"why=no-directory" in r.stderr
    os.chmod(stamps.dir, 0o777)
    assert "everybody" in stamps.sweep("-s", "5", check=111)
    os.chmod(stamps.dir, 0o755)
    assert stamps.names() == ["192.0.2.1"]
    stamps.sweep("-s", "5", dir=False, env={"RELAY_CTRL_DIR": stamps.dir})
    assert stamps.names() == []


# Beside logins

@pytest.mark.skipif(not can_inject(), reason="strace can't delay system calls here")
@pytest.mark.parametrize("late", [False, True])
def test_a_login_comes_between(stamps, late):  # noqa: F811
    """Between the look and the removal the user logs in again; and once more before that stamp can be put back."""
    if sanitized():
        pytest.skip("does not run under strace: built with sanitizers")
    stamps.put("192.0.2.1", 10 ** 6, b"USER=old\0")
    trace = ["strace", "-qq", "-o", os.devnull, "-e", "trace=rename,renameat", "-e",
             "inject=rename,renameat:delay_enter=300000" + (":delay_exit=300000" if late else "")]
    p = subprocess.Popen([*trace, SWEEP, "-s", "300", stamps.dir], stderr=subprocess.PIPE)
    try:
        time.sleep(.15)
        stamps.logged(user="between")
        if late:
            end = time.monotonic() + 5
            while "192.0.2.1" in stamps.names() and time.monotonic() < end:
                time.sleep(.005)
            assert stamps.names() != ["192.0.2.1"]
            stamps.logged(user="late")
        log = p.communicate(timeout=20)[1].decode()
    finally:
        p.kill()
        p.wait()
    assert p.returncode == 0 and numbers(log) == {"removed": 0, "kept": 1, "ignored": 0}
    assert stamps.names() == ["192.0.2.1"] and stamps.user("192.0.2.1") == (b"late" if late else b"between")


@pytest.mark.skipif(not can_inject(), reason="strace can't inject errors here")
@pytest.mark.parametrize("call, error", [("rename,renameat", "EROFS"), ("unlinkat", "EIO"), ("getdents64", "EIO"),
                                         ("rename,renameat", "ENOENT")])
def test_failures(stamps, call, error):  # noqa: F811
    if sanitized():
        pytest.skip("does not run under strace: built with sanitizers")
    stamps.put("192.0.2.1", 10 ** 6)
    trace = ["strace", "-qq", "-o", os.devnull, "-e", "trace=" + call, "-e", "inject=%s:error=%s" % (call, error)]
    log = stamps.sweep("-s", "300", wrap=trace, check=0 if error == "ENOENT" else 111)
    assert len(stamps.names()) == 1 and (error == "ENOENT" or " error=" in log)


def test_thousands(stamps):  # noqa: F811
    """With many the memory is that of few: 60 bytes for each would be too much."""
    def run(limit):
        def before():
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        r = subprocess.run([SWEEP, "-s", "300", stamps.dir], env={"PATH": PATH}, stderr=subprocess.PIPE,
                           preexec_fn=before)
        return r.returncode, r.stderr.decode()
    if sanitized():
        pytest.skip("takes as much memory as it likes: built with sanitizers")
    few = next(k for k in range(64, 8192, 64) if run(k << 10)[0] == 0)   # KiB
    count, old = 8000, 2000
    for i in range(count):
        stamps.put("10.0.%d.%d" % (i >> 8, i & 255), 10 if i % 4 else 1000)
    code, log = run(few + 448 << 10)
    assert code == 0 and numbers(log) == {"removed": old, "kept": count - old, "ignored": 0}
    assert len(stamps.names()) == count - old
