"""The receiving chain that heeds stamps: tcpserver, relay-gate, relay-pop-check, relay-smtpd. Nobody's address is
trusted, so that what is granted is granted by a stamp."""
import contextlib
import os
import re
import time

import pytest

from .instance import Instance
from .pop import JOE, Mailfront, stamps_folder
from .procs import for_everybody, free_port, listening, program, wait_for
from .rows import ANN as ELSEWHERE, ask


class Relay:
    """`pop`: the line of the file relay. `check`, `smtpd`: options. The directory of stamps may lie elsewhere. `dual`:
    for IPv6, too; `enter`: run first in its processes (a network namespace)."""

    def __init__(self, pop="grant pop", check=(), smtpd=(), stamps=None, receive=True, dual=False, enter=None,
                 **control):
        self.instance = Instance(**{"relay": pop + "\n", "clients": ":allow\n", **control})
        self.stamps = stamps or stamps_folder(self.instance.path("stamps"))
        self.check, self.smtpd = list(check), list(smtpd)
        self.instance.compile()
        if dual:
            self.receive_dual(enter)
        elif receive:
            self.instance.receive(self.chain())

    def chain(self):
        gate = self.instance.chain()[:2]
        return [*gate, program("relay-pop-check"), *self.check, self.stamps, program("relay-smtpd"), *self.smtpd]

    def receive_dual(self, enter=None):
        """For IPv6 and IPv4: Debian's tcpserver knows no IPv6."""
        i = self.instance
        i.host, i.port = "::", free_port("::")
        script = i.path("run")
        with open(script, "w") as f:
            f.write("#!/bin/sh\nexec 2>>%s\nexec %s\n" % (i.path("smtpd.log"), " ".join(self.chain())))
        os.chmod(script, 0o755)
        keep = [w for k in ("PATH", "RELAYQUEUE", "QMAILQUEUE", "RELAYASK") for w in ("-E", "%s=%s" % (k, i.env[k]))]
        p = i.run([program("systemd-socket-activate"), "--accept", "--inetd", "-l", "[::]:%d" % i.port, *keep, script],
                  "systemd", preexec=enter)
        wait_for(lambda: not p.alive() or listening("::", i.port, p.pid), 10, "listening")
        assert p.alive(), i.log("systemd")
        i.host = "::1"

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


@pytest.fixture(scope="module")
def relay():
    with Relay() as r:
        yield r


@pytest.fixture(scope="module")
def server(relay):
    with Mailfront(relay.stamper()) as s:
        yield s
