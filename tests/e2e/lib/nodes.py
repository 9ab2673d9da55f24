"""A real redis-server, and machines that share their stamps through it with relay-pop-sync."""
import hashlib
import hmac
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from .procs import Proc, free_port, program, wait_for

PREFIX = "posthouse:stamp:"
KEY = b"the key of all the nodes, of 32 bytes and more"
LIFE = 300


def entry(address="192.0.2.1", user="joe", node="other", when=None, key=KEY, prefix=PREFIX):
    """An entry as relay-pop-sync(8) describes it, made from that alone."""
    when = time.time() if when is None else when
    return sign(("posthouse-stamp-1\n%s\n%d\n%s\n%s\n%s\n" % (prefix, when, node, address, user)).encode(), key)


def sign(text, key=KEY):
    return text + hmac.new(key, text, hashlib.sha256).hexdigest().encode()


class Refused(Exception):
    pass


class Redis:
    """The server, on a Unix socket, or with `port` on loopback. Its folder is short: a socket's path must be."""

    def __init__(self, *options, port=False):
        self.dir = tempfile.mkdtemp(prefix="posthouse-redis-")
        os.chmod(self.dir, 0o755)
        self.path = os.path.join(self.dir, "s")
        self.port = free_port() if port else 0
        self.options = options
        self.proc = None
        self.start()

    @property
    def at(self):
        return "127.0.0.1:%d" % self.port if self.port else self.path

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        argv = [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.path,
                "--unixsocketperm", "777", "--save", "", "--dir", self.dir, *self.options]
        self.proc = Proc(argv, os.path.join(self.dir, "log"))
        wait_for(self.listens, 20, self.proc.text)
        return self

    def listens(self):
        """Without asking it for anything: it may want a password."""
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(self.path)
            return True
        except OSError:
            return False

    def stop(self, sig=signal.SIGKILL):
        self.proc.stop(sig)

    def close(self):
        self.stop()
        shutil.rmtree(self.dir)

    def __call__(self, *words, login=()):
        """One command (after AUTH with `login`), and its reply."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.path)
            with s.makefile("rwb") as f:
                if login:
                    self.ask(f, "AUTH", *login)
                return self.ask(f, *words)

    def ask(self, f, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        f.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        f.flush()
        return self.reply(f)

    def reply(self, f):
        kind, line = f.read(1), f.readline()[:-2]
        if kind == b"-":
            raise Refused(line.decode())
        if kind == b"$":
            return None if line == b"-1" else f.read(int(line) + 2)[:-2]
        if kind == b"*":
            return [self.reply(f) for _ in range(int(line))]
        return int(line) if kind == b":" else line

    def calls(self, command):
        """How often clients have asked for that."""
        for line in self("INFO", "commandstats").decode().splitlines():
            if line.startswith("cmdstat_%s:" % command):
                return int(line.split("calls=")[1].split(",")[0])
        return 0


class Node:
    """A machine: its directory of stamps, and its relay-pop-sync."""

    def __init__(self, path, name, at, *options, key=KEY, life=LIFE):
        self.dir, self.name, self.at, self.life = os.path.join(path, name), name, at, life
        self.stamps, self.key = os.path.join(self.dir, "stamps"), os.path.join(self.dir, "key")
        self.options, self.proc = options, None
        os.makedirs(self.stamps)
        os.chmod(self.stamps, 0o755)
        with open(self.key, "wb", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(key + b"\n")

    @property
    def argv(self):
        return [program("relay-pop-sync"), "-n", self.name, "-k", self.key, "-s", str(self.life), *self.options,
                self.stamps, self.at]

    def start(self, ready=True):
        before = len(self.events("ready"))
        self.proc = Proc(self.argv, os.path.join(self.dir, "log"))
        if ready:
            wait_for(lambda: len(self.events("ready")) > before, 10, self.log)
        return self

    def stop(self, sig=signal.SIGTERM):
        return self.proc.stop(sig)

    def log(self):
        try:
            with open(os.path.join(self.dir, "log")) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def events(self, event=None):
        lines = [dict(w.split("=", 1) for w in line.split(" ")[1:] if "=" in w) for line in self.log().splitlines()]
        return [l for l in lines if "event" in l and event in (None, l["event"])]

    def dropped(self, why):
        return sum(int(l.get(why, 0)) for l in self.events("entries-dropped"))

    def log_in(self, address, user="joe"):
        """Somebody logs in by POP3 on this machine, by the real relay-pop-stamp."""
        env = {"PATH": os.environ["PATH"], "PROTO": "TCP", "TCPREMOTEIP": address, "USER": user}
        subprocess.run([program("relay-pop-stamp"), self.stamps, "true"], env=env, check=True, timeout=10,
                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def put(self, name, seconds=0, **variables):
        """A stamp of such an age, in one piece; without variables joe's."""
        aside = os.path.join(self.stamps, ".aside")
        with open(aside, "w") as f:
            f.write("".join("%s=%s\0" % v for v in {"USER": "joe", **variables}.items()))
        at = time.time() - seconds
        os.utime(aside, (at, at))
        os.rename(aside, os.path.join(self.stamps, name))

    def names(self):
        return sorted(n for n in os.listdir(self.stamps) if not n.startswith("."))

    def body(self, name):
        """Variables of a stamp, and its time; {} when there is none."""
        try:
            with open(os.path.join(self.stamps, name), "rb") as f:
                values = [v.split("=", 1) for v in f.read().decode().split("\0")[:-1]]
                return dict(values, TIME=int(os.fstat(f.fileno()).st_mtime))
        except FileNotFoundError:
            return {}

    def opens(self, address):
        """Whom relay-pop-check takes the client for: a user's name, or None."""
        env = {"PATH": os.environ["PATH"], "PROTO": "TCP", "TCPREMOTEIP": address, "RELAY_CTRL_EXPIRY": str(self.life)}
        r = subprocess.run([program("relay-pop-check"), self.stamps, "env", "-0"], env=env, check=True, timeout=10,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return dict(v.split("=", 1) for v in r.stdout.decode().split("\0")[:-1]).get("RELAYSTAMP")
