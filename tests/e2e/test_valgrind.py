"""The programs that meet strangers, and those that know secrets, under valgrind, children included: sessions under TLS,
garbage, right and wrong logins leave nothing that was lost and touch nothing that isn't theirs. Into programs that are
linked statically valgrind can't look: in the build with musl those run as they are, and relay-auth and relay-tlsd are
watched; in the build with the system's C library relay-smtpd and relay-tls are, too."""
import glob
import os
import shutil
import signal
import subprocess

import pytest

from lib.auth import MECHANISMS
from lib.instance import Instance
from lib.procs import program, sanitized, stat_of, wait_for
from lib.smtp import Dialogue
from lib.tls import House, context
from lib.users import line

PASSWORD = "secret word"
WRONG = 99
VALGRIND = ["valgrind", "--leak-check=full", "--errors-for-leak-kinds=definite", "--error-exitcode=%d" % WRONG,
            "--show-leak-kinds=definite", "--child-silent-after-fork=no", "--trace-children=no"]
pytestmark = [pytest.mark.skipif(not shutil.which("valgrind"), reason="no valgrind: sh package/deps install test"),
              pytest.mark.skipif(sanitized(), reason="a sanitizer and valgrind don't go together")]


def dynamic(name):
    with open(program(name), "rb") as f:
        return b"/ld-linux" in f.read(4096)


class Watched:
    """The whole chain; relay-tls, relay-smtpd, relay-auth and relay-tlsd under valgrind, if that can be."""

    def __init__(self):
        self.house = House()
        self.instance = Instance(relay="grant login\n", env={"RELAYFAILURES": "/dev/null/none"},
                                 users=line("alice", PASSWORD, "-c") + "\n",
                                 limits="command-time 60\nauth-time 60\n")
        self.instance.compile()
        self.names = [n for n in ("relay-smtpd", "relay-tls", "relay-auth", "relay-tlsd") if dynamic(n)]
        self.instance.extra["RELAYTLSD"] = self.program("relay-tlsd")
        h = self.house
        h.tlsd_proc = h.run([self.program("relay-tlsd"), h.socket, h.certs], "tlsd.log")
        wait_for(lambda: "event=ready" in h.log("tlsd.log") or not h.tlsd_proc.alive(), 30, "relay-tlsd ready")

    def program(self, name):
        """It, or a script that runs it under valgrind, a log for each process."""
        path = self.house.path(name)
        if name not in self.names:
            return program(name)
        with open(path, "w") as f:
            f.write("#!/bin/sh\nexec %s --log-file=%s.%%p %s \"$@\"\n" % (
                " ".join(VALGRIND), self.house.path("valgrind." + name), program(name)))
        os.chmod(path, 0o755)
        return path

    def session(self, *tls):
        i = self.instance
        i.receive([*i.chain()[:2], self.program("relay-tls"), *tls, self.program("relay-smtpd"),
                   self.program("relay-auth"), i.path("control", "users.cdb"), "true"])
        return Dialogue((i.host, i.port), seconds=40)

    def check(self, **least):
        """All processes of the session have ended by themselves, and nothing was found in any. `least`: how many
        there were at least that ended, and how many that became another program."""
        mine = self.instance.receiver
        wait_for(lambda: not self.house.children() and not [
            p for p in mine.members() if p != mine.pid and stat_of(p)[2] not in "ZX"], 30, "the session's end")
        assert mine.stop() in (0, -signal.SIGTERM)
        for name in self.names:
            logs = self.logs(name)
            assert [l for l in logs if not clean(l)] == []
            ended = sum("ERROR SUMMARY" in l for l in logs)
            wanted = least.get(name[6:], (0, 0))
            assert ended >= wanted[0] and len(logs) - ended >= wanted[1], (name, ended, len(logs))

    def logs(self, name):
        """What there is now of the programs of this name; relay-tlsd's own is not complete before its end."""
        out = []
        for path in glob.glob(self.house.path("valgrind.%s.*" % name)):
            with open(path) as f:
                out.append(f.read())
            if not path.endswith(".%d" % self.house.tlsd_proc.pid):
                os.unlink(path)
        return out

    def close(self):
        self.instance.close()
        self.house.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


FAULTS = """
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>
int main(int argc, char **argv)
{
  int status;
  if (fork()) _exit(wait(&status) < 0 || WEXITSTATUS(status));
  char *volatile p = malloc(10);
  if (argc == 1) free(p);
  else if (*argv[1] == 'b') p[10] = 1;
  p = 0;
  _exit(0);
}
"""


def test_valgrind_finds(tmp_path):
    """What is looked for would be found, in a child that ends by _exit, too."""
    subprocess.run(["cc", "-O0", "-x", "c", "-o", str(tmp_path / "faults"), "-"], input=FAULTS.encode(), check=True)
    for words, found in (([], []), (["leak"], ["definitely lost"]), (["beyond"], ["definitely lost", "Invalid write"])):
        for path in tmp_path.glob("log.*"):
            path.unlink()
        subprocess.run([*VALGRIND, "--log-file=%s/log.%%p" % tmp_path, str(tmp_path / "faults"), *words], timeout=30)
        bad = [l for l in (path.read_text() for path in tmp_path.glob("log.*")) if not clean(l)]
        assert len(bad) == (1 if words else 0), words
        assert all(f in bad[0] for f in found)


def clean(log):
    """No fault in this log of one process. Who becomes another program has no last words."""
    return " at 0x" not in log and ("SUMMARY" not in log or "ERROR SUMMARY: 0 errors" in log)


def speak(d, wrong, right):
    """A session under TLS: nonsense, logins by these mechanisms, and a message."""
    for nonsense in (b"EHLO", b"\xff\xfe\0", 600 * b"x", b"MAIL FROM:<>", b"AUTH", b"AUTH PLAIN =", b"BDAT 2\r\n"):
        assert d.cmd(nonsense).code >= 500, nonsense
    d.ok("EHLO client.example")
    assert d.cmd("AUTH " + right).code == 334 and d.cmd("*").code == 501
    assert MECHANISMS[wrong](d, "alice" if wrong == "PLAIN" else "nobody", "wrong").code == 535
    assert MECHANISMS[right](d, "alice", PASSWORD).code == 235
    assert d.mail("alice@hosted.example", "bob@elsewhere.example", 3000 * b"text\n").code == 250
    d.ok("QUIT", 221)
    d.rest()


@pytest.fixture(scope="module")
def watched():
    with Watched() as w:
        yield w
        assert w.house.tlsd_proc.stop() == 0
        (log,) = w.logs("relay-tlsd")
        assert clean(log) and "ERROR SUMMARY" in log


def secure(d):
    d.sock = context().wrap_socket(d.sock)
    return d


def test_starttls(watched):
    with watched.session(watched.house.socket) as d:
        d.hello()
        d.ok("STARTTLS", 220)
        speak(secure(d), "PLAIN", "SCRAM-SHA-256")
    watched.check(smtpd=(1, 0), tls=(0, 1), auth=(2, 1), tlsd=(1, 0))


def test_implicit(watched):
    with secure(watched.session("-i", watched.house.socket)) as d:
        assert d.reply().code == 220
        speak(d, "SCRAM-SHA-256", "CRAM-MD5")
    watched.check(smtpd=(1, 0), tls=(0, 1), auth=(2, 1), tlsd=(1, 0))


def test_without_relay_tlsd(watched):
    with watched.session("-k", watched.house.certs) as d:
        d.hello()
        d.ok("STARTTLS", 220)
        secure(d).ok("EHLO client.example")
        d.ok("QUIT", 221)
    watched.check(smtpd=(1, 0), tls=(0, 2), auth=(1, 0), tlsd=(1, 0))


BAD = {"garbage": 3000 * b"\x16\x03\x01", "half a hello": b"\x16\x03\x01\x02\x00\x01", "closed": b"", "plain": None}


@pytest.mark.parametrize("what", BAD)
def test_bad_handshake(watched, what):
    with watched.session(watched.house.socket) as d:
        d.hello()
        if what == "plain":
            d.ok("QUIT", 221)
        else:
            d.ok("STARTTLS", 220)
            d.send(BAD[what])
            d.shut()
            d.rest()
    watched.check(smtpd=(1, 0), tls=(0, 1), tlsd=(0, 0) if what == "plain" else (1, 0))
