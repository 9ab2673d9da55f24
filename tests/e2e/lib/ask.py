"""relay-ask by itself: questions in, answers out (lib/ask/line.h)."""
import os
import socket
import subprocess
import time

from .procs import for_everybody, program
from .remote import environment


class Ask:
    """A relay-ask on a socketpair, as relay-smtpd runs it. Its log and its cache are files in `folder`."""

    def __init__(self, rules, folder, *options, env=None, cache="asked", preexec=None, wrap=()):
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.log_path = os.path.join(folder, "ask.log")
        self.cache = os.path.join(folder, cache)
        ours = program("relay-ask")
        argv = [*wrap, for_everybody(ours) if preexec else ours, "-r", rules, "-c", self.cache, *options]
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=log,
                                          env=environment(**(env or {})), preexec_fn=preexec)
        theirs.close()
        self.buf = b""

    def put(self, *lines):
        self.sock.sendall(b"".join((l if isinstance(l, bytes) else l.encode()) + b"\n" for l in lines))

    def get(self, seconds=20):
        """The next answer, or None at the end."""
        self.sock.settimeout(seconds)
        while b"\n" not in self.buf:
            try:
                piece = self.sock.recv(4096)
            except ConnectionResetError:   # it ended and left something unread
                return None
            if not piece:
                assert not self.buf, self.buf
                return None
            self.buf += piece
        line, self.buf = self.buf.split(b"\n", 1)
        assert all(32 <= c < 127 for c in line), line
        return line.decode()

    def ask(self, question, seconds=20):
        self.put(question)
        return self.get(seconds)

    def recipient(self, address, seconds=20):
        return self.ask("recipient " + address, seconds)

    def hosts(self, domain, seconds=20):
        """The answer's word and the rest; addresses are sorted."""
        word, _, rest = self.ask("hosts " + domain, seconds).partition(" ")
        return word, sorted(rest.split()) if word == "yes" else rest

    def log(self):
        with open(self.log_path) as f:
            return [dict(w.split("=", 1) for w in line.split() if "=" in w) for line in f]

    def close(self, seconds=10):
        """Hangs up. Returns the exit code."""
        self.sock.close()
        end = time.monotonic() + seconds
        try:
            return self.popen.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()
