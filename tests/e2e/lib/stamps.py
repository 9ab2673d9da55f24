"""A directory of stamps, relay-pop-stamp and relay-pop-sweep on it (Stamps); and the receiving chain that heeds stamps:
tcpserver, relay-gate, relay-pop-check, relay-smtpd (Relay). There nobody's address is trusted, so that what is granted
is granted by a stamp."""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time

import pytest

from .instance import Instance
from .pop import JOE, stamps_folder
from .procs import for_everybody, program
from .rows import ANN as ELSEWHERE, ask

STAMP, SWEEP = program("relay-pop-stamp"), program("relay-pop-sweep")
PATH = os.environ.get("PATH", "/usr/bin:/bin")
WHO = {"TCPREMOTEIP": "192.0.2.1", "USER": "joe"}


class Stamps:
    def __init__(self, path):
        self.dir = str(path)
        os.mkdir(self.dir, 0o750)

    def path(self, name):
        return os.path.join(self.dir, name)

    def names(self):
        return sorted(os.listdir(self.dir))

    def body(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def user(self, name):
        """The user of a stamp of ours."""
        return dict(v.split(b"=", 1) for v in self.body(name).split(b"\0")[:-1])[b"USER"]

    def put(self, name, age=0, body=b"USER=joe\0"):
        with open(self.path(name), "wb") as f:
            f.write(body)
        os.utime(self.path(name), (time.time() - age,) * 2)

    def login(self, *prog, dir=True, stdin=subprocess.DEVNULL, wrap=(), env=None, program=STAMP, **more):
        """relay-pop-stamp [DIR] PROG with nothing in the environment but PATH and env (bytes or text). PROG: says
        `in`. Returns what subprocess.run does, with the descriptors 1 and 2."""
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        argv = [*wrap, program, *([self.dir] if dir else []), *(prog or ("echo", "in"))]
        return subprocess.run(argv, env={"PATH": PATH, **(env or {})}, stdin=stdin, timeout=30, **more)

    def logged(self, ip="192.0.2.1", user="joe", **more):
        """A login that must go on without a word."""
        r = self.login(env={"TCPREMOTEIP": ip, "USER": user}, **more)
        assert (r.returncode, r.stdout, r.stderr) == (0, b"in\n", b""), r

    def sweep(self, *options, env=None, wrap=(), check=0, dir=True, **more):
        """relay-pop-sweep. Returns its log."""
        r = subprocess.run([*wrap, SWEEP, *options, *([self.dir] if dir else [])], env={"PATH": PATH, **(env or {})},
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, **more)
        assert r.returncode == check and r.stdout == b"", r
        return r.stderr.decode()


class Relay:
    """`pop`: the line of the file relay. `check`, `smtpd`: options. The directory of stamps may lie elsewhere."""

    def __init__(self, pop="grant pop", check=(), smtpd=(), stamps=None, receive=True, **control):
        self.instance = Instance(**{"relay": pop + "\n", "clients": ":allow\n", **control})
        self.stamps = stamps or stamps_folder(self.instance.path("stamps"))
        self.check, self.smtpd = list(check), list(smtpd)
        self.instance.compile()
        if receive:
            self.instance.receive(self.chain())

    def chain(self):
        gate = self.instance.chain()[:2]
        return [*gate, program("relay-pop-check"), *self.check, self.stamps, program("relay-smtpd"), *self.smtpd]

    def stamper(self, *options):
        """relay-pop-stamp's words, where every account can run it."""
        return [for_everybody(program("relay-pop-stamp")), *options, self.stamps]

    def ask(self, source, sender=JOE, recipient=ELSEWHERE):
        """What somebody at this address is told; .user: whose stamp the log names."""
        before = len(self.instance.events(event="recipient"))
        answer = ask(self.instance, sender, recipient, source)
        events = self.instance.events(event="recipient")[before:]
        answer.user = events[-1].get("pop") if events else None
        return answer

    def opened(self, source, **more):
        """May it relay, by a stamp? An answer that is neither yes for that reason nor no is none."""
        answer = self.ask(source, **more)
        assert (answer.code, answer.reason) in ((250, "pop"), (550, "relaying-denied")), answer
        return answer.granted

    def back(self, seconds, name):
        """The stamp gets older."""
        path = os.path.join(self.stamps, name)
        at = os.stat(path).st_mtime - seconds
        os.utime(path, (at, at))

    def names(self):
        return sorted(os.listdir(self.stamps))

    def fields(self, name):
        return fields(os.path.join(self.stamps, name))

    def close(self):
        self.instance.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


def fields(path):
    """The variables of a stamp; it must be whole."""
    with open(path, "rb") as f:
        body = f.read()
    assert re.fullmatch(rb"([A-Z]+=[^\0]*\0)+", body), body
    return dict(v.split("=", 1) for v in body.decode().split("\0")[:-1])


def put(folder, name, seconds=0, body=b"USER=joe\0DOMAIN=hosted.example\0"):
    """A stamp as relay-ctrl leaves it, `seconds` old."""
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(body)
    at = time.time() - seconds
    os.utime(path, (at, at))
    return path


@contextlib.contextmanager
def mode(path, bits):
    old = os.stat(path).st_mode & 0o7777
    os.chmod(path, bits)
    try:
        yield
    finally:
        os.chmod(path, old)


@pytest.fixture
def stamps(tmp_path):
    return Stamps(tmp_path / "stamps")


@pytest.fixture
def public():
    """A directory to which other users find the way."""
    up = tempfile.mkdtemp(prefix="posthouse-")
    os.chmod(up, 0o755)
    yield Stamps(os.path.join(up, "stamps"))
    shutil.rmtree(up)
