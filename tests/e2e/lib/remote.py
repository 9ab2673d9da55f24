"""relay-remote, both ways: as qmail-remote(8), and with jobs over a socket (lib/queue/job.h, as unixmessages)."""
import array
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

from .procs import for_everybody, program, stat_of, status_of


ID = b"0123456789abcdef012305"


class Outcome:
    """What a report says: `each` letter and text for each recipient, `verdict` and `text`;
    `tls` and `dsn` in a job's."""

    def __init__(self, data):
        assert data.endswith(b"\0"), data
        parts = data[:-1].split(b"\0")
        for p in parts:
            assert p and all(32 <= c < 127 for c in p), p
        lines = [(p[:1].decode(), p[1:].decode()) for p in parts]
        self.tls = lines.pop()[1] if lines[-1][0] == "t" else None
        self.dsn = lines[-1] == ("n", "") and bool(lines.pop())
        assert lines[-1][0] in "KZD" and all(k in "rhs" for k, _ in lines[:-1]), lines
        self.lines = lines[:-1]
        self.each = "".join(k for k, _ in self.lines)
        self.verdict, self.text = lines[-1]

    def __repr__(self):
        return "%s %s %s" % (self.each, self.verdict, self.lines + [(self.verdict, self.text)])


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("RELAY") and k != "DNSCACHEIP"}
    env["RES_OPTIONS"] = "timeout:1 attempts:1"
    env.update(more)
    return env


def deliver(rules, host, sender, recipients, message, env=None, options=(), seconds=60, preexec=None, pipe=False):
    """One message. The message is a file's descriptor, or with `pipe` a pipe. Returns (Outcome, peak memory in KiB)."""
    ours = program("relay-remote")
    argv = [for_everybody(ours) if preexec else ours, "-r", rules, *options, host, sender, *recipients]
    with tempfile.TemporaryFile() as f, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        if not pipe:
            f.write(message)
            f.seek(0)
        p = subprocess.Popen(argv, stdin=subprocess.PIPE if pipe else f, stdout=out, stderr=err,
                             env=env or environment(), preexec_fn=preexec)
        try:
            if pipe:
                threading.Thread(target=feed, args=(p.stdin, message), daemon=True).start()
            status, peak = wait(p, seconds)
        except BaseException:
            p.kill()
            raise
        out.seek(0)
        err.seek(0)
        said = err.read()
        assert status == 0, (status, said)
        assert said == b"", said
        outcome = Outcome(out.read())
        assert outcome.tls is None, "qmail-remote's interface has no such line"
        return outcome, peak


def feed(pipe, message):
    try:
        pipe.write(message)
        pipe.close()
    except BrokenPipeError:
        pass


def wait(p, seconds):
    """Waits for relay-remote's end. Returns its exit code and the most memory (KiB) that it was seen with: what the
    kernel counts for a child holds the parent's memory at the fork, so it is looked at again and again."""
    end = time.monotonic() + seconds
    peak = 0
    while p.poll() is None:
        if stat_of(p.pid)[3] == "relay-remote":
            peak = max(peak, status_of(p.pid, "VmHWM"))
        assert time.monotonic() < end, "relay-remote: still running after %g seconds" % seconds
        time.sleep(0.001)
    return p.returncode, peak


class Jobs:
    """relay-remote -s ROUTE, as relay-send runs it; as one from before -e did with more=()."""

    def __init__(self, rules, route, options=(), env=None, preexec=None, more=("-e",)):
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.err = tempfile.TemporaryFile()
        ours = program("relay-remote")
        argv = [for_everybody(ours) if preexec else ours, *more, "-r", rules, *options, "-s", route]
        self.popen = subprocess.Popen(argv, stdin=theirs, stdout=subprocess.DEVNULL, stderr=self.err,
                                      env=env or environment(), preexec_fn=preexec)
        theirs.close()

    def give(self, message, sender, recipients, flags=0, junk=b"", raw=None, dsn="", each=None):
        """Sends a job. `dsn` and `each`: parameters of the sender and the recipients. `junk` follows the message in the
        file, as the envelope does in the queue."""
        data = raw if raw is not None else b"\0".join(
            [b"%d" % len(message), b"%d" % flags, ID, sender.encode()] + [r.encode() for r in recipients] +
            ([b"", dsn.encode()] + [e.encode() for e in each or [""] * len(recipients)] if dsn or each else [])) + b"\0"
        with tempfile.TemporaryFile() as f:
            f.write(message + junk)
            f.flush()
            fds = array.array("i", [f.fileno()])
            self.sock.sendmsg([struct.pack(">IH", len(data), 1) + data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])

    def take(self, seconds=30):
        """Waits for a report."""
        self.sock.settimeout(seconds)
        head = self._exactly(6)
        length, fds = struct.unpack(">IH", head)
        assert fds == 0
        return Outcome(self._exactly(length))

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.sock.recv(n - len(data))
            assert piece, "relay-remote hung up: %s" % self.said()
            data += piece
        return data

    def job(self, *a, **k):
        self.give(*a, **k)
        return self.take()

    def said(self):
        self.err.seek(0)
        return self.err.read().decode("utf-8", "replace")

    def ended(self, seconds=10):
        """Waits for its end. Returns the exit code."""
        return self.popen.wait(seconds)

    def close(self):
        self.sock.close()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.err.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()
