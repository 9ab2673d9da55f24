"""relay-smtpd alone, on one end of a socket pair, with an injector double that keeps what it was given."""
import os
import shutil
import socket
import subprocess
import tempfile

from .procs import BIN, program, status_of, wait_for
from .smtp import Dialogue

STRANGER = "192.0.2.7"

# Keeps body and envelope under the message's ID, once the envelope is whole (its last byte a NUL behind a NUL).
DOUBLE = """#!/bin/sh
echo $$ >>$KEEP/pids
cat >$KEEP/$RELAYID.body
cat <&1 >$KEEP/$RELAYID.part
case $(tail -c 2 $KEEP/$RELAYID.part | od -An -tx1 | tr -d ' ') in
0000) mv $KEEP/$RELAYID.part $KEEP/$RELAYID.envelope ;;
*) rm $KEEP/$RELAYID.body $KEEP/$RELAYID.part; exit 91 ;;
esac
"""


class Smtpd:
    """Makes sessions. Keywords are control files; None leaves one out."""

    def __init__(self, **control):
        self.dir = tempfile.mkdtemp(prefix="posthouse-smtpd-")
        self.keep = os.path.join(self.dir, "keep")
        self.control = os.path.join(self.dir, "control")
        self.rules = os.path.join(self.control, "rules.cdb")
        os.mkdir(self.keep)
        os.mkdir(self.control)
        texts = dict(me="relay.example\n", domains="hosted.example\n", relay="grant clients\n")
        texts.update(control)
        for name, text in texts.items():
            with open(os.path.join(self.control, name), "w") as f:
                f.write(text)
        subprocess.run([program("relay-mkcdb"), self.control], check=True, timeout=60)
        self.injector = self.script(DOUBLE)
        self.logs = 0
        self.dialogues = []

    def script(self, text, name="injector"):
        path = os.path.join(self.dir, name)
        with open(path + ".new", "w") as f:
            f.write(text)
        os.chmod(path + ".new", 0o755)
        os.rename(path + ".new", path)
        return path

    def env(self, **more):
        e = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "QMAILQUEUE": self.injector, "KEEP": self.keep,
             "TCPREMOTEIP": STRANGER}
        e.update(more)
        return {k: v for k, v in e.items() if v is not None}

    def argv(self, *options, rules=True):
        return [os.path.join(BIN, "relay-smtpd")] + (["-r", self.rules] if rules else []) + list(options)

    def start(self, *options, rules=True, seconds=20.0, kind=socket.SOCK_STREAM, pass_fds=(), **env):
        """A session; its log is the new self.log()."""
        self.logs += 1
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        with theirs, open(self.log_path(), "wb") as log:
            proc = subprocess.Popen(self.argv(*options, rules=rules), stdin=theirs, stdout=theirs, stderr=log,
                                    env=self.env(**env), pass_fds=pass_fds)
        d = Dialogue(ours, seconds=seconds, proc=proc)
        self.dialogues.append(d)
        return d

    def log_path(self):
        return os.path.join(self.dir, "log.%d" % self.logs)

    def log(self):
        with open(self.log_path(), "rb") as f:
            raw = f.read()
        assert all(c == 10 or 32 <= c < 127 for c in raw), "raw bytes in the log: %r" % raw
        return raw.decode("ascii")

    def events(self, event=None):
        lines = [dict(w.split("=", 1) for w in l.split(" ") if "=" in w) for l in self.log().splitlines()]
        return [l for l in lines if event in (None, l.get("event"))]

    def messages(self):
        """(sender, recipients, body) of all that the double took, in order."""
        out = []
        for name in sorted(n for n in os.listdir(self.keep) if n.endswith(".envelope")):
            with open(os.path.join(self.keep, name), "rb") as f:
                words = f.read().split(b"\0")
            with open(os.path.join(self.keep, name[:-8] + "body"), "rb") as f:
                body = f.read()
            assert words[0][:1] == b"F" and words[-2:] == [b"", b""] and all(w[:1] == b"T" for w in words[1:-2])
            out.append((words[0][1:].decode(), [w[1:].decode() for w in words[1:-2]], body))
        return out

    def leftovers(self):
        """What the double left of messages that it did not take."""
        done = {n[:-9] for n in os.listdir(self.keep) if n.endswith(".envelope")}
        return [n for n in os.listdir(self.keep) if n != "pids" and n.rsplit(".", 1)[0] not in done]

    def injectors_running(self):
        try:
            with open(os.path.join(self.keep, "pids")) as f:
                return [int(p) for p in f if status_of(int(p), "VmSize")]
        except FileNotFoundError:
            return []

    def ended(self, d, why, code=0):
        """The session has ended: its exit code, the one last line, nothing left behind."""
        assert d.proc.wait(20) == code
        wait_for(lambda: not self.injectors_running(), 10, "injector gone")
        ends = self.events("end")
        assert len(ends) == 1 and ends[0]["why"] == why, self.log()
        assert self.log().splitlines()[-1].split(" ")[1] == "event=end"
        return ends[0]

    def close(self):
        for d in self.dialogues:
            d.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


def without_trace(body):
    """The message behind the Received field that relay-smtpd put before it."""
    assert body.startswith(b"Received: from "), body[:80]
    lines = body.split(b"\n")
    n = 1
    while lines[n][:1] in (b" ", b"\t"):
        n += 1
    return b"\n".join(lines[n:])
