"""A queue in a scratch folder, relay-queue into it, and relay-send over doubles of relay-remote (remote.py)."""
import collections
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from lib.procs import BIN as BUILT
from lib.procs import Proc, for_everybody, wait_for

REMOTE = for_everybody(os.path.join(os.path.dirname(os.path.abspath(__file__)), "remote.py"))
BIN = for_everybody(BUILT)   # tests run them as other users, too
BODY = b"Subject: test\nFrom: a@b.example\n\nhello\n"
_last = [0]


def new_id():
    """A valid ID, as relay-smtpd would give with RELAYID."""
    us = max(_last[0] + 1, int(time.time() * 1e6))
    _last[0] = us
    return "%014x%06x%02x" % (us, os.getpid() & 0xffffff, us % 64)


def can_inject():
    """Can strace make a system call fail here?"""
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-qq", "-o", os.devnull, "-e", "trace=write",
                           "-e", "inject=write:error=EIO:when=1", "echo"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 1


def make_queue(path):
    for i in range(64):
        os.makedirs(os.path.join(path, "mess", "%02x" % i))
    os.mkfifo(os.path.join(path, "trigger"))
    os.chmod(os.path.join(path, "trigger"), 0o600)


def envelope(sender, recipients, final=b"\0"):
    return b"F" + sender.encode() + b"\0" + b"".join(b"T" + r.encode() + b"\0" for r in recipients) + final


def inject(queue, body=BODY, env=b"\0", ident=None, preexec=None, wrap=(), timeout=30, **variables):
    """relay-queue with `body` and the envelope `env` on files. Returns its exit code."""
    variables["RELAYQUEUE"] = queue
    if ident:
        variables["RELAYID"] = ident
    with tempfile.TemporaryFile() as b, tempfile.TemporaryFile() as e:
        b.write(body)
        e.write(env)
        b.seek(0)
        e.seek(0)
        child = subprocess.Popen([*wrap, os.path.join(BIN, "relay-queue")], stdin=b, stdout=e, preexec_fn=preexec,
                                 env=dict(os.environ, **variables))
        try:
            return child.wait(timeout)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


class Spool:
    def __init__(self, base=None, limits="", routes=""):
        self.dir = tempfile.mkdtemp(prefix="posthouse-send-", dir=base)
        os.chmod(self.dir, 0o755)
        self.queue = os.path.join(self.dir, "queue")
        self.double = os.path.join(self.dir, "double")
        self.control = os.path.join(self.dir, "control")
        self.rules = os.path.join(self.control, "rules.cdb")
        self.log = os.path.join(self.dir, "send.log")
        self.proc = None
        self.procs = []
        os.mkdir(self.double)
        os.chmod(self.double, 0o777)
        os.mkdir(self.control)
        make_queue(self.queue)
        self.compile(limits=limits, routes=routes)

    def compile(self, **files):
        texts = {"me": "relay.example\n", "domains": "hosted.example\n", "relay": "grant login\ngrant clients\n",
                 "clients": ""}
        texts.update(files)
        for name, text in texts.items():
            with open(os.path.join(self.control, name), "w") as f:
                f.write(text)
        subprocess.run([os.path.join(BIN, "relay-mkcdb"), self.control], check=True)

    def start(self, *options, wait=True, wrap=(), preexec=None, **variables):
        env = dict(os.environ, DOUBLE=self.double, QMAILQUEUE=os.path.join(BIN, "relay-queue"),
                   RELAYBOUNCE=os.path.join(BIN, "relay-bounce"))
        env.pop("RELAYQUEUE", None)
        env.update(variables)
        before = self.text().count("event=running")
        self.proc = Proc([*wrap, os.path.join(BIN, "relay-send"), "-q", self.queue, "-r", self.rules, "-R", REMOTE,
                          *options], self.log, env=env, preexec=preexec)
        self.procs.append(self.proc)
        if wait:
            wait_for(lambda: self.text().count("event=running") > before or not self.proc.alive(),
                     why="relay-send runs")
            assert self.proc.alive(), self.text()
        return self

    def stop(self, sig=signal.SIGTERM, seconds=15):
        return self.proc.stop(sig, seconds)

    def close(self):
        for p in self.procs:
            p.stop(signal.SIGKILL)
        shutil.rmtree(self.dir, ignore_errors=True)

    def flag(self, name, on=True):
        path = os.path.join(self.double, name)
        if on:
            open(path, "w").close()
        elif os.path.exists(path):
            os.unlink(path)

    def inject(self, recipients, sender="a@b.example", body=BODY, ident=None, check=True, **variables):
        """Returns the ID."""
        ident = ident or new_id()
        code = inject(self.queue, body, envelope(sender, recipients), ident, **variables)
        assert not check or code == 0, code
        return ident

    def path(self, ident):
        return os.path.join(self.queue, "mess", ident[-2:], ident)

    def queued(self):
        return sorted(n for i in range(64) for n in os.listdir(os.path.join(self.queue, "mess", "%02x" % i)))

    def text(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, errors="replace") as f:
            return f.read()

    def events(self, event, **fields):
        """The log's lines of one kind, as dictionaries."""
        out = []
        for line in self.text().split("\n"):
            if "event=%s " % event not in line + " ":
                continue
            d = dict(w.split("=", 1) for w in line.split(" ") if "=" in w)
            if all(d.get(k) == str(v) for k, v in fields.items()):
                out.append(d)
        return out

    def wait_event(self, event, count=1, seconds=20, **fields):
        return wait_for(lambda: len(self.events(event, **fields)) >= count and self.events(event, **fields), seconds,
                        lambda: "%s %r\n%s" % (event, fields, self.text()[-4000:]))

    def _json(self, name):
        path = os.path.join(self.double, name)
        if not os.path.exists(path):
            return []
        with open(path) as f:
            lines = f.read().split("\n")
        return [json.loads(line) for line in lines if line.endswith("}")]    # not what was cut by a kill

    def deliveries(self, **fields):
        return [d for d in self._json("log") if all(d[k] == v for k, v in fields.items())]

    def started(self):
        return self._json("started")

    def wait_empty(self, seconds=20):
        wait_for(lambda: not self.queued(), seconds,
                 lambda: "queue empty: %r\n%s" % (self.queued()[:5], self.text()[-4000:]))

    def wait_deliveries(self, n, seconds=20):
        wait_for(lambda: len(self.deliveries()) >= n, seconds,
                 lambda: "%d of %d deliveries\n%s" % (len(self.deliveries()), n, self.text()[-4000:]))
        return self.deliveries()

    def marks(self, ident):
        """The recipients in the file: {address: done}; none when it has just gone."""
        try:
            with open(self.path(ident), "rb") as f:
                data = f.read()
        except FileNotFoundError:
            return {}
        line = data[-159:].split()
        size, length = int(line[1]), int(line[2])
        entries = data[size:size + length].split(b"\0")[1:-1]
        return {e[1:].decode(): e[:1] == b"D" for e in entries if e[:1] != b"P"}


def delivered(spool):
    """How often each recipient of each message was delivered."""
    return collections.Counter((d["id"], r) for d in spool.deliveries() for r in d["to"])
