"""A whole posthouse in a scratch folder: control directory, queue, receiving chain under tcpserver, relay-send.

    with Instance(routes=":%s\\n" % sink.route) as i:
        i.start()
        with i.dialogue() as d: ...

`clients` trusts 127.0.0.1 alone, so that 127.0.0.2 and the like are strangers.
"""
import os
import shutil
import stat
import subprocess
import tempfile
import time

from .procs import BIN, Proc, free_port, listening, program, wait_for
from .smtp import Dialogue

CONTROL = {
    "me": "relay.example\n",
    "clients": '127.0.0.1:allow,RELAYCLIENT=""\n',
    "domains": "hosted.example\n.hosted.example\n",
    "relay": "grant login\ngrant clients\n",
    "routes": "",
}


class Instance:
    def __init__(self, base=None, queue=None, env=None, bin=None, **control):
        """Keywords are control files (`routes=":127.0.0.1:2525\\n"`, `limits=...`); None leaves the file out."""
        self.dir = tempfile.mkdtemp(prefix="posthouse-", dir=base)
        os.chmod(self.dir, 0o755)
        self.bin = bin or BIN
        self.control = os.path.join(self.dir, "control")
        self.rules = os.path.join(self.control, "rules.cdb")
        self.queue = queue or os.path.join(self.dir, "queue")
        self.host = "127.0.0.1"
        self.port = None
        self.procs = []
        self.receiver = None
        self.sender = None
        self.texts = dict(CONTROL)
        self.extra = dict(env or {})
        os.mkdir(self.control)
        self.write(**control)
        self.make_queue()

    # Files

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, **control):
        self.texts.update(control)
        for name, text in self.texts.items():
            path = os.path.join(self.control, name)
            if text is None:
                if os.path.exists(path):
                    os.unlink(path)
                continue
            with open(path, "wb") as f:
                f.write(text.encode("utf-8") if isinstance(text, str) else text)

    def compile(self, check=True, **control):
        """Writes the files given, runs relay-mkcdb. Returns (exit code, what it said)."""
        self.write(**control)
        r = subprocess.run([program("relay-mkcdb"), self.control], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=180)
        said = r.stdout.decode("utf-8", "replace")
        assert not check or r.returncode == 0, "relay-mkcdb: exit %d: %s" % (r.returncode, said)
        return r.returncode, said

    def make_queue(self):
        """As `relay-conf queue` makes it (lib/queue/store.h)."""
        for i in range(64):
            os.makedirs(os.path.join(self.queue, "mess", "%02x" % i), mode=0o700)
        trigger = os.path.join(self.queue, "trigger")
        os.mkfifo(trigger)
        os.chmod(trigger, 0o600)

    def queued(self):
        """The files below mess/, sorted."""
        return sorted(os.path.join(d, f) for d, _, files in os.walk(os.path.join(self.queue, "mess")) for f in files)

    def log(self, name="smtpd"):
        """What the receiving chain (smtpd) or the sending side (send) has logged so far."""
        try:
            with open(self.path(name + ".log"), "rb") as f:
                return f.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def events(self, name="smtpd", event=None):
        """The log's lines as dictionaries."""
        out = []
        for line in self.log(name).splitlines():
            words = dict(w.split("=", 1) for w in line.split(" ") if "=" in w)
            if "event" in words and event in (None, words["event"]):
                out.append(words)
        return out

    # Processes

    @property
    def env(self):
        e = {k: v for k, v in os.environ.items()
             if not k.startswith(("TCP", "RELAY", "SSL", "REMOTE_")) and k not in ("PROTO", "DATABYTES", "DNSCACHEIP")}
        e["PATH"] = self.bin + ":" + e.get("PATH", "/usr/bin:/bin")
        e["RELAYQUEUE"] = self.queue
        e["QMAILQUEUE"] = os.path.join(self.bin, "relay-queue")
        e["RELAYBOUNCE"] = os.path.join(self.bin, "relay-bounce")
        e["RELAYASK"] = os.path.join(self.bin, "relay-ask")
        e["RELAYASKED"] = self.path("asked")
        e.update(self.extra)
        return e

    def chain(self, *gate, smtpd=()):
        """The receiving chain's words: relay-gate [options] RULES relay-smtpd [options]."""
        return [os.path.join(self.bin, "relay-gate"), *gate, self.rules, os.path.join(self.bin, "relay-smtpd"), *smtpd]

    def run(self, argv, log, **more):
        more.setdefault("env", self.env)
        p = Proc(argv, self.path(log + ".log"), cwd=self.dir, **more)
        self.procs.append(p)
        return p

    def receive(self, chain=None, concurrency=200, host="127.0.0.1", port=None, log="smtpd", options=(), **more):
        """Starts tcpserver (or leaves an address that another super-server serves: see test_chain)."""
        self.host, self.port = host, port or free_port(host)
        argv = [program("tcpserver"), "-vHRl0", "-b", "200", "-c", str(concurrency), *options, host, str(self.port)]
        self.receiver = self.run(argv + (chain or self.chain()), log, **more)
        wait_for(lambda: not self.receiver.alive() or listening(host, self.port, self.receiver.pid), 10,
                 "tcpserver listening")
        assert self.receiver.alive(), self.log(log)
        return self.receiver

    def send(self, *options, **more):
        """Starts relay-send; returns when it reads the trigger."""
        argv = [os.path.join(self.bin, "relay-send"), "-q", self.queue, "-r", self.rules,
                "-R", os.path.join(self.bin, "relay-remote"), *options]
        self.sender = self.run(argv, "send", **more)
        wait_for(lambda: not self.sender.alive() or self.trigger_read(), 20, "relay-send reading its trigger")
        assert self.sender.alive(), self.log("send")
        return self.sender

    def trigger_read(self):
        try:
            os.close(os.open(os.path.join(self.queue, "trigger"), os.O_WRONLY | os.O_NONBLOCK))
            return True
        except OSError:
            return False

    def start(self, **receive):
        self.compile()
        self.send()
        self.receive(**receive)
        return self

    def wait_empty(self, seconds=30.0):
        """Until the queue holds nothing."""
        wait_for(lambda: not self.queued(), seconds, lambda: "queue empty (%d left)" % len(self.queued()))

    # Clients

    def dialogue(self, source=None, seconds=30.0):
        return Dialogue((self.host, self.port), source, seconds)

    def inject(self, sender, recipients, data, check=True, env=None):
        """Through relay-queue, LF lines. Returns its exit code."""
        e = self.env
        e.update(env or {})
        envelope = b"F" + sender.encode() + b"\0" + b"".join(b"T" + r.encode() + b"\0" for r in recipients) + b"\0"
        code = qmail_queue([os.path.join(self.bin, "relay-queue")], data, envelope, e)
        assert not check or code == 0, "relay-queue: exit %d" % code
        return code

    def close(self, keep=False):
        for p in reversed(self.procs):
            p.stop()
        self.procs = []
        if not keep and not os.environ.get("POSTHOUSE_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


def qmail_queue(argv, data, envelope, env, seconds=30):
    """Speaks the qmail-queue protocol: message on descriptor 0, envelope on 1. Returns the exit code."""
    r, w = os.pipe()
    er, ew = os.pipe()
    child = subprocess.Popen(argv, stdin=r, stdout=er, env=env)
    os.close(r)
    os.close(er)
    for fd, what in ((w, data), (ew, envelope)):
        try:
            with os.fdopen(fd, "wb") as f:
                f.write(what)
        except BrokenPipeError:
            pass
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        raise


def due_now(instance):
    """A message's time of the next try is its file's modification time: all are due."""
    for path in instance.queued():
        try:
            os.utime(path, (time.time() - 1, time.time() - 1))
        except FileNotFoundError:
            pass


def is_queue(path):
    """Does `path` look like a queue: 64 subdirectories and a FIFO?"""
    return (all(os.path.isdir(os.path.join(path, "mess", "%02x" % i)) for i in range(64))
            and stat.S_ISFIFO(os.stat(os.path.join(path, "trigger")).st_mode))
