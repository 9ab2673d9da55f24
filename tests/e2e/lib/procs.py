"""Processes that end with the test: each in a session of its own, its output in a file, ended by its id."""
import atexit
import ctypes
import errno
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BIN = os.path.abspath(os.environ.get("POSTHOUSE_BIN") or os.path.join(ROOT, "build", "bin"))
PR_SET_PDEATHSIG = 1   # a test run that is killed takes along what it started
_prctl = getattr(ctypes.CDLL(None), "prctl", None)
_running = set()
_marks = []
_copies = {}


def wait_for(what, seconds=20.0, why="condition", pause=0.01):
    """Calls what() until it returns something true, and returns that. AssertionError after the deadline."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("%s: not within %g seconds" % (why() if callable(why) else why, seconds))
        time.sleep(pause)


def free_port(host="127.0.0.1"):
    """A port on which nobody listens, below those that the kernel gives to clients. It stays ours among all test runs
    of this machine until this process ends: an abstract socket stands for it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(1000):
        port = random.randrange(10000, 32000)
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            mark.bind("\0posthouse-test-port-%d" % port)
            with socket.socket(family, socket.SOCK_STREAM) as s:
                s.bind((host, port))
        except OSError as e:
            mark.close()
            if e.errno != errno.EADDRINUSE:
                raise
            continue
        _marks.append(mark)
        return port
    raise OSError("no free port")


def listening(host, port, pid="self"):
    """Is somebody listening there, in the network of this process? Looked up in /proc, so that the server sees no
    extra connection."""
    names = ["/proc/%s/net/%s" % (pid, n) for n in (["tcp6"] if ":" in host else ["tcp", "tcp6"])]
    for name in names:
        try:
            with open(name) as f:
                lines = f.readlines()[1:]
        except OSError:    # it has gone, or there is no IPv6
            continue
        for word in (line.split() for line in lines):
            if word[3] == "0A" and int(word[1].rsplit(":", 1)[1], 16) == port:
                return True
    return False


def for_everybody(path):
    """The same file or folder where every account can reach it: itself, or a copy when a folder above it is private."""
    if path not in _copies:
        above, open_to_all = os.path.dirname(path), True
        while above != "/" and open_to_all:
            open_to_all = bool(os.stat(above).st_mode & 0o001)
            above = os.path.dirname(above)
        _copies[path] = path if open_to_all else _copy(path)
    return _copies[path]


def _copy(path):
    folder = tempfile.mkdtemp(prefix="posthouse-open-")
    atexit.register(shutil.rmtree, folder, True)
    os.chmod(folder, 0o755)
    to = os.path.join(folder, os.path.basename(path))
    return shutil.copytree(path, to) if os.path.isdir(path) else shutil.copy(path, to)


def program(name):
    """One of ours, or of the system's (some live in sbin directories that PATH lacks)."""
    ours = os.path.join(BIN, name)
    if os.path.exists(ours):
        return ours
    for d in os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/sbin", "/usr/local/sbin"]:
        if os.access(os.path.join(d, name), os.X_OK):
            return os.path.join(d, name)
    raise FileNotFoundError(name)


def has_ipv6():
    """Is there an ::1 to listen on?"""
    try:
        free_port("::1")
        return True
    except OSError:
        return False


def sanitized():
    """Is this a build with AddressSanitizer? Its memory is no measure then."""
    with open(program("relay-smtpd"), "rb") as f:
        return b"__asan_init" in f.read()


class Proc:
    """A process in the background. `log` gets its descriptors 1 and 2 (with `out`, 1 goes there)."""

    def __init__(self, argv, log, env=None, cwd=None, stdin=subprocess.DEVNULL, preexec=None, out=None, pass_fds=()):
        self.log = log
        self.argv = argv
        follow = threading.current_thread() is threading.main_thread()   # the signal comes when its thread ends

        def before():
            if follow and _prctl:
                _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if preexec:
                preexec()
        with open(log, "ab") as f:
            self.popen = subprocess.Popen(argv, stdin=stdin, stdout=out if out is not None else f, stderr=f, env=env,
                                          cwd=cwd, start_new_session=True, preexec_fn=before, pass_fds=pass_fds)
        self.pid = self.popen.pid
        _running.add(self)

    def alive(self):
        return self.popen.poll() is None

    def text(self):
        with open(self.log, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def members(self):
        """The process and all that it started, as long as they stayed in its session."""
        return [p for p in all_pids() if stat_of(p)[1] == self.pid]

    def stop(self, sig=signal.SIGTERM, seconds=10):
        """Ends the process, then whatever of its session is left. Returns its exit code (negative: signal)."""
        if self.popen.poll() is None:
            self.popen.send_signal(sig)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        for pid in self.members():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        _running.discard(self)
        return self.popen.returncode


def all_pids():
    return [int(n) for n in os.listdir("/proc") if n.isdigit()]


def stat_of(pid):
    """(parent, session, state, name), or zeros when it has gone."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            s = f.read()
    except OSError:
        return (0, 0, "X", "")
    name = s[s.index("(") + 1:s.rindex(")")]
    word = s[s.rindex(")") + 2:].split()
    return (int(word[1]), int(word[3]), word[0], name)


def status_of(pid, field):
    """A number of /proc/PID/status, such as VmHWM in KiB; 0 when it has gone."""
    try:
        with open("/proc/%d/status" % pid) as f:
            for line in f:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def pss_of(pid):
    """Proportional set size, KiB."""
    try:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def cpu_of(pid):
    """Seconds of processor time, its own and the kernel's for it."""
    with open("/proc/%d/stat" % pid) as f:
        word = f.read().rsplit(")", 1)[1].split()
    return (int(word[11]) + int(word[12])) / os.sysconf("SC_CLK_TCK")


def fds_of(pid):
    """How many descriptors it has open."""
    return len(os.listdir("/proc/%d/fd" % pid))


@atexit.register
def _end_all():
    for p in list(_running):
        p.stop(seconds=2)
