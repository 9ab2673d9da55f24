"""Raw SMTP dialogues: every byte that goes out is the test's own."""
import socket
import subprocess
import time


class Closed(Exception):
    """The server closed the connection where a reply was due."""


class Reply:
    def __init__(self, raw):
        self.raw = raw
        self.lines = raw.decode("utf-8", "replace").split("\r\n")[:-1]
        self.code = int(self.lines[-1][:3])
        for line in self.lines:
            assert line[:3] == self.lines[0][:3] and line[3:4] in " -", "malformed reply: %r" % raw

    def __repr__(self):
        return "Reply(%r)" % self.raw

    def __eq__(self, other):
        return self.code == other if isinstance(other, int) else self is other

    __hash__ = None

    @property
    def text(self):
        return "\n".join(line[4:] for line in self.lines)

    @property
    def enhanced(self):
        """The enhanced status code of the last line, or ''."""
        word = self.lines[-1][4:].split(" ", 1)[0]
        return word if len(word.split(".")) == 3 and word.replace(".", "").isdigit() else ""


class Dialogue:
    """A client's end. `where` is (host, port), or a connected socket."""

    def __init__(self, where, source=None, seconds=30.0, proc=None):
        self.seconds = seconds
        self.proc = proc
        self.buf = b""
        if isinstance(where, tuple):
            host, port = where[:2]
            self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
            if source:
                self.sock.bind((source, 0))
            self.sock.settimeout(seconds)
            self.sock.connect((host, port))
        else:
            self.sock = where
            self.sock.settimeout(seconds)

    @classmethod
    def over(cls, argv, env=None, stderr=None, seconds=30.0, cwd=None):
        """Starts a server program on one end of a socketpair, as descriptors 0 and 1."""
        ours, theirs = socket.socketpair()
        with theirs:
            proc = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=stderr, env=env, cwd=cwd)
        return cls(ours, seconds=seconds, proc=proc)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()

    def close(self):
        self.sock.close()
        if self.proc:
            try:
                self.proc.wait(10)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()

    def shut(self):
        """No more bytes from us; we still read."""
        self.sock.shutdown(socket.SHUT_WR)

    def send(self, raw):
        self.sock.sendall(raw)

    def recv_line(self):
        end = time.monotonic() + self.seconds
        while b"\n" not in self.buf:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                got = self.sock.recv(65536)
            except ConnectionResetError:
                got = b""
            if not got:
                raise Closed(self.buf)
            self.buf += got
        line, _, self.buf = self.buf.partition(b"\n")
        assert line.endswith(b"\r"), "bare LF in a reply: %r" % line
        return line + b"\n"

    def reply(self):
        raw = b""
        while True:
            line = self.recv_line()
            raw += line
            if line[3:4] != b"-":
                return Reply(raw)

    def rest(self):
        """Everything until the server closes."""
        end = time.monotonic() + self.seconds
        out = self.buf
        self.buf = b""
        while True:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                got = self.sock.recv(65536)
            except ConnectionResetError:
                return out
            if not got:
                return out
            out += got

    def closed(self):
        """Waits until the server has closed; it must have said nothing more."""
        rest = self.rest()
        assert rest == b"", "said before closing: %r" % rest
        return True

    def cmd(self, line):
        """Sends a command line (CRLF is added) and returns the reply."""
        self.send((line.encode("utf-8") if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def ok(self, line, code=250):
        r = self.cmd(line)
        assert r.code == code, "%r: wanted %d, got %r" % (line, code, r)
        return r

    def hello(self, name="client.example", verb="EHLO"):
        """Greeting and EHLO. Returns the extensions, by name, with their parameters."""
        r = self.reply()
        assert r.code == 220, r
        self.banner = r
        r = self.ok("%s %s" % (verb, name))
        return {l[4:].split(" ")[0].upper(): l[4:].split(" ")[1:] for l in r.lines[1:]}

    def mail(self, sender, recipients, data=None, params=""):
        """One whole message. `data` is what goes between DATA and the final dot (stuffed here, LF or CRLF lines).
        Returns the reply to the final dot, or the first refusal."""
        r = self.cmd("MAIL FROM:<%s>%s" % (sender, params))
        if r.code != 250:
            return r
        for to in [recipients] if isinstance(recipients, str) else recipients:
            r = self.cmd("RCPT TO:<%s>" % to)
            if r.code != 250:
                return r
        r = self.cmd("DATA")
        if r.code != 354:
            return r
        self.send(wire(data if data is not None else b"Subject: test\n\ntest\n"))
        return self.reply()

    def quit(self):
        self.ok("QUIT", 221)
        self.closed()
        self.close()


def wire(data):
    """LF or CRLF lines to what SMTP sends: CRLF, dots stuffed, final dot."""
    data = data.replace(b"\r\n", b"\n")
    if data and not data.endswith(b"\n"):
        data += b"\n"
    out = b"".join((b"." if l.startswith(b".") else b"") + l + b"\r\n" for l in data.split(b"\n")[:-1])
    return out + b".\r\n"
