"""Each system call of relay-send fails now and then, each of relay-bounce once; which calls those are says a trace."""
import collections
import os
import re
import signal
import subprocess
import tempfile
import time

import pytest

from doubles.spool import BIN, can_inject, delivered, make_queue, new_id
from lib import promises
from lib.procs import sanitized, stat_of, status_of, wait_for

pytestmark = [pytest.mark.skipif(not can_inject(), reason="strace can't inject errors here"),
              pytest.mark.skipif(sanitized(), reason="a sanitizer makes system calls of its own")]

# What relay-send calls once it runs, and how that may fail. Names for one and the same stand together.
FAULTS = [
    ("openat", "EMFILE"), ("openat", "EIO"), ("sendmsg", "EAGAIN"), ("sendmsg", "EPIPE"), ("sendmsg", "ENOBUFS"),
    ("pwrite64", "EIO"), ("fdatasync", "EIO"), ("recvmsg", "ECONNRESET"), ("socketpair", "EMFILE"),
    ("epoll_ctl", "ENOSPC"), ("epoll_wait,epoll_pwait", "EINTR"), ("flock", "ENOLCK"), ("pread64", "EIO"),
    ("fstat,newfstatat,stat", "ENOMEM"), ("clone,clone3,vfork,fork", "EAGAIN"), ("memfd_create", "EMFILE"),
    ("getdents64", "EIO"), ("brk,mmap,mremap", "ENOMEM"), ("utimensat", "EROFS"), ("unlink", "EBUSY"),
    ("write", "ENOSPC"), ("poll,ppoll", "EINTR"), ("read", "EIO"), ("fcntl", "EINVAL"), ("prlimit64", "EPERM"),
    ("getrandom", "EINTR"), ("sendto", "ENOBUFS"), ("recvfrom", "ECONNRESET"), ("lseek", "EIO"), ("wait4", "EINTR"),
]
# What can't fail so, or does not matter: a descriptor is closed all the same, memory is given back or not, refused
# logins are forgotten now or when their time is over.
HARMLESS = {"close", "exit_group", "getpid", "munmap", "madvise", "futex", "rt_sigprocmask", "rt_sigreturn",
            "fallocate", "clock_gettime", "time"}   # the last two where the kernel has no vDSO
ELSEWHERE = {"mkdir", "rename", "fsync"}   # a damaged file that can't be put aside: test_send_damage


def names(text):
    return collections.Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", text, re.M))


def test_none_is_left_out(spools):
    """A trace of all that relay-send does: deliveries, deferrals, a rest, reports, scans, new rules, signals, damage.
    Each call that it makes then is among FAULTS."""
    s = spools(limits="warn-time 1\n")
    trace = os.path.join(s.dir, "trace")
    s.start("-t", "1", wrap=["strace", "-qq", "-o", trace])
    broken = s.inject(["x@one.example"], ident="%014x%06x%02x" % (1 << 50, 1, 1))
    s.wait_empty()
    for to in ["x@one.example", "temp@two.example"], ["perm@one.example"], ["z@dead.example"]:
        s.inject(to)
    s.wait_event("defer", count=2)
    s.wait_event("rest")
    with open(s.path(broken), "wb") as f:
        f.write(b"x\nFa@b\0Tc@d\0" + b"posthouse-message-1 " + b" ".join([b"0" * 20] * 3) + b" " + b"0" * 10 + b" " +
                b"0" * 64 + b"\n")
    s.wait_event("damaged")
    s.compile(routes="x.example:far.example\n")
    pid, = [p for p in s.proc.members() if stat_of(p)[3] == "relay-send"
            and stat_of(stat_of(p)[0])[3] != "relay-send"]
    for sig in signal.SIGHUP, signal.SIGALRM:
        time.sleep(1)
        os.kill(pid, sig)
    s.wait_event("bounce", count=3)     # a failure, and two that are late
    os.kill(pid, signal.SIGTERM)
    assert s.proc.popen.wait(20) == 0
    with open(trace) as f:
        text = f.read()
    seen = names(text[text.index("event=running"):])
    print(dict(seen))
    assert len(seen) > 25 and {"pwrite64", "unlink", "memfd_create", "getdents64", "rename"} <= set(seen)
    assert set(seen) <= {n for call, _ in FAULTS for n in call.split(",")} | HARMLESS | ELSEWHERE


@pytest.mark.parametrize("call, error", FAULTS)
def test_calls_that_fail_now_and_then(spool, call, error):
    """Every fourth such call fails, after the start: what is to be delivered is, and nothing is lost."""
    spool.start("-t", "1")
    spool.inject(["x@one.example"])
    spool.wait_empty()
    pid = spool.proc.pid
    tracer = subprocess.Popen(["strace", "-qq", "-o", os.devnull, "-e", "trace=" + call, "-e",
                               "inject=%s:error=%s:when=2+4" % (call, error), "-p", str(pid)])
    try:
        wait_for(lambda: status_of(pid, "TracerPid") == tracer.pid, why="traced")
        ids = [spool.inject(["x@one.example", "temp@two.example" if i % 4 == 1 else "y@two.example", "z@dead.example"])
               for i in range(20)]
        ids += [spool.inject(["perm@one.example"], sender="s%d@b.example" % i) for i in range(5)]
        for _ in range(10):
            time.sleep(0.15)
            if spool.proc.alive():
                os.kill(pid, signal.SIGALRM)
    finally:
        tracer.terminate()
        tracer.wait()
    assert spool.stop() in (0, 111), spool.text()[-2000:]
    have = {d["id"] for d in spool.deliveries()}
    assert all(i in have or i in spool.queued() or spool.events("bounce", id=i) for i in ids)
    spool.flag("alive")
    spool.start()  # and afterwards all is in order

    def settled():
        os.kill(spool.proc.pid, signal.SIGALRM)
        time.sleep(0.2)
        left = {"x@one.example": True, "temp@two.example": False, "z@dead.example": True}
        return all(spool.marks(i) == left for i in spool.queued())
    wait_for(settled, 30, lambda: "only what is deferred is left\n" + spool.text()[-3000:])
    got = delivered(spool)
    assert {(i, r) for i in ids[:20] for r in ("x@one.example", "z@dead.example")} <= set(got)
    # Reports that were lost on the way, and no other trouble, make a delivery uncertain.
    once = max(got[i, r] for i, r in got if r != "s@b.example") == 1
    assert once or call in ("recvmsg", "sendmsg", "brk,mmap,mremap"), got.most_common(5)
    assert {"s%d@b.example" % i for i in range(5)} <= {r for d in spool.deliveries(**{"from": ""}) for r in d["to"]}
    assert not os.path.exists(os.path.join(spool.queue, "damaged"))


RECORDS = (b"Mrelay.example\0I%s\0A1795363517\0B%d\0L1\0U1795795517\0Fme@example.com\0PRET=FULL\0"
           b"Tyou@example.org\0W1795363520\0Kfmx.example.org said: 550 5.1.1 no such user\0")
MESSAGE = b"Subject: test\n\n" + b"gr\xc3\xbcn 89abcdef\n" * 9000    # more than a pipe holds


def bounce(queue, *wrap):
    """relay-bounce. Returns (its exit code, the queue's IDs) when its injector, which has descriptor 2 too, has
    ended."""
    with tempfile.TemporaryFile() as message, tempfile.TemporaryFile() as records:
        message.write(MESSAGE)
        records.write(RECORDS % (new_id().encode(), len(MESSAGE)))
        message.seek(0)
        records.seek(0)
        done = subprocess.run([*wrap, os.path.join(BIN, "relay-bounce")], stdin=message, stdout=records, timeout=60,
                              stderr=subprocess.PIPE, env=dict(os.environ, RELAYQUEUE=queue, RELAYID=new_id(),
                                                                  QMAILQUEUE=os.path.join(BIN, "relay-queue")))
    return done.returncode, [f for d in os.listdir(queue + "/mess") for f in os.listdir("%s/mess/%s" % (queue, d))]


@pytest.mark.parametrize("error", ["EIO", "EINTR", "EAGAIN", "ENOMEM"])
def test_each_call_of_relay_bounce_fails(tmp_path, error):
    """Exit 0 and the whole report is queued; or a temporary code, and no reader takes what is left for a message."""
    queue, log = str(tmp_path / "queue"), str(tmp_path / "strace")
    make_queue(queue)
    reader = os.open(queue + "/trigger", os.O_RDONLY | os.O_NONBLOCK)
    code, (ident,) = bounce(queue, "strace", "-qq", "-o", log)
    path = "%s/mess/%s/%s" % (queue, ident[-2:], ident)
    with open(log) as f, open(path, "rb") as report:
        calls, want = names(f.read()), len(report.read())
    assert code == 0 and want > len(MESSAGE)
    os.unlink(path)
    results, twice = collections.Counter(), []
    with subprocess.Popen([promises.DRIVER], cwd=queue, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        for name in sorted(set(calls) - {"execve", "exit_group"}):
            for nth in sorted({1, 2, 3, 4, calls[name] // 2, calls[name]} & set(range(1, calls[name] + 1))):
                fault = "inject=%s:error=%s:when=%d" % (name, error, nth)
                code, left = bounce(queue, "strace", "-qq", "-o", log, "-e", fault)
                whole = 0
                for ident in left:
                    p.stdin.write(ident + "\n")
                    p.stdin.flush()
                    path = "%s/mess/%s/%s" % (queue, ident[-2:], ident)
                    if p.stdout.readline().startswith("whole "):
                        whole += os.path.getsize(path) == want
                        assert os.path.getsize(path) == want, (name, nth)
                    os.unlink(path)
                assert code not in range(11, 41), (name, nth, code)
                assert whole == 1 if code == 0 else whole <= 1, (name, nth, code, left)
                results[code] += 1
                twice += [(name, nth)] if code and whole else []
        p.stdin.close()
    os.close(reader)
    print("%s, queued and not said so: %s" % (dict(results), twice))
    assert sum(results.values()) > 40 and results[0] > 5 and len(results) > 1
    assert {name for name, _ in twice} <= {"wait4", "waitid"}   # only who can't be told may send it again
