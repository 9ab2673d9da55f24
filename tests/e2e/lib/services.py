"""A folder with everything that relay-conf makes, and what runs from it."""
import glob
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import tempfile

from .procs import BIN, Proc, for_everybody, free_port, listening, program, wait_for

SANITIZED = b"__asan_init" in open(program("relay-gate"), "rb").read()


def mkcdb(control):
    r = subprocess.run([program("relay-mkcdb"), control], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return r.returncode, r.stdout.decode()


def me():
    return pwd.getpwuid(os.geteuid()).pw_name


class House:
    """A folder with everything that relay-conf makes, and what runs from it."""

    def __init__(self, sink):
        self.dir = tempfile.mkdtemp(prefix="posthouse conf'")
        os.chmod(self.dir, 0o755)
        self.procs = []
        self.control, self.queue, self.services = (self.path(n) for n in ("control dir", "spool/queue", "service"))
        self.port = free_port()
        self.chain = ["--control", self.control, "--queue", self.queue, "--bin", for_everybody(BIN)]
        self.conf("control", self.control, "relay.example")
        self.conf("queue", self.queue)
        with open(os.path.join(self.control, "routes"), "a") as f:
            f.write(":%s\n" % sink.route)
        with open(os.path.join(self.control, "domains"), "a") as f:
            f.write("hosted.example\n")
        assert mkcdb(self.control) == (0, "")

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def conf(self, *words, code=0):
        r = subprocess.run([program("relay-conf"), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=30)
        said = r.stdout.decode()
        assert r.returncode == code, (words, r.returncode, said)
        return said

    def listener(self):
        # address space is no measure for a program under AddressSanitizer
        return ["--port", str(self.port), "--clients", "20"] + (["--memory", "0"] if SANITIZED else [])

    def env(self):
        """As little as a supervisor has: what a service needs must stand in its own files."""
        return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}

    def start(self, argv, log, **more):
        p = Proc(argv, self.path(log), env=self.env(), **more)
        self.procs.append(p)
        return p

    def wait_listening(self, host="127.0.0.1"):
        wait_for(lambda: listening(host, self.port), 20, "somebody listening on %s port %d" % (host, self.port))

    def sender(self):
        argv = [os.path.join(BIN, "relay-send"), "-q", self.queue, "-r", os.path.join(self.control, "rules.cdb"),
                "-R", os.path.join(BIN, "relay-remote")]
        p = Proc(argv, self.path("send.log"), env={"PATH": BIN + ":/usr/bin:/bin", "RELAYQUEUE": self.queue,
                                                   "QMAILQUEUE": os.path.join(BIN, "relay-queue"),
                                                   "RELAYBOUNCE": os.path.join(BIN, "relay-bounce"), **self.env()})
        self.procs.append(p)

    def close(self):
        if os.path.isdir(self.services):
            dirs = glob.glob(glob.escape(self.services) + "/*") + glob.glob(glob.escape(self.services) + "/*/log")
            for p in self.procs[:1]:
                p.popen.send_signal(signal.SIGTERM)
            subprocess.run([program("svc"), "-dx", *dirs], timeout=30, stderr=subprocess.DEVNULL)
            running = [d for d in dirs if subprocess.run([program("svok"), d]).returncode == 0]
            wait_for(lambda: all(subprocess.run([program("svok"), d]).returncode for d in running), 20, "services down")
        for p in reversed(self.procs):
            p.stop()
        shutil.rmtree(self.dir)


class Unit:
    """A unit file of systemd's, as far as a program can be started by it."""

    def __init__(self, path):
        with open(path) as f:
            self.text = f.read()

    def get(self, name):
        """The values of all lines NAME=."""
        return [v.replace("%%", "%") for v in re.findall("^%s=(.*)$" % name, self.text, re.M)]

    @property
    def command(self):
        command, = self.get("ExecStart")
        return shlex.split(command.lstrip("-"))

    @property
    def environment(self):
        return [shlex.split(v)[0] for v in self.get("Environment")]


def verify_units(folder):
    """systemd's own check."""
    if shutil.which("systemd-analyze"):
        r = subprocess.run(["systemd-analyze", "verify", *glob.glob(glob.escape(folder) + "/*")],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        assert r.returncode == 0 and r.stdout == b"", r.stdout


def socket_activate(house, socket, service, log):
    """systemd in small: the units of a listener at work. systemd-analyze names what it would not understand."""
    socket, service = Unit(socket), Unit(service)
    assert socket.get("Accept") == ["yes"]
    setenv = [w for v in service.environment for w in ("-E", v)]
    listen, = socket.get("ListenStream")
    return house.start([program("systemd-socket-activate"), "--accept", "--inetd", "-l", listen, *setenv, "--",
                        *service.command], log)
