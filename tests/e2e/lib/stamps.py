"""A directory of stamps, relay-pop-stamp and relay-pop-sweep on it. popchain has the chain that heeds stamps."""
import os
import shutil
import subprocess
import tempfile
import time

import pytest

from .procs import program

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
