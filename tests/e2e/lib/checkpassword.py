"""Asking a checkpassword program, as cr.yp.to/checkpwd/interface.html has it; and what a client of SCRAM-SHA-256 and of
CRAM-MD5 computes, written from the RFCs alone."""
import base64
import hashlib
import hmac
import fcntl
import os
import socket
import struct
import subprocess

ASK, TELL = 3, 4


def _between(parent_fds, argv, env, **more):
    """Runs argv with the descriptors of parent_fds, {child's number: ours}; argv may not care for others."""
    high = {n: fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for n, fd in parent_fds.items()}   # a free one, out of the way

    def prepare():
        for n, fd in high.items():
            os.dup2(fd, n)
            os.close(fd)
    try:
        return subprocess.Popen(argv, preexec_fn=prepare, close_fds=False, env=env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    finally:
        for fd in high.values():
            os.close(fd)


class Answer:
    def __init__(self, process, attributes):
        self.out, self.err = process.communicate(timeout=60)
        self.code = process.returncode
        parts = b"" if attributes is None else attributes()
        assert parts == b"" or parts.endswith(b"\0")
        self.said = [p.decode() for p in parts.split(b"\0")[:-1]]


def _environment(mechanism, tell, env):
    e = {k: v for k, v in (os.environ if env is None else env).items() if not k.startswith("RELAYAUTH")}
    if mechanism:
        e["RELAYAUTHMECH"] = mechanism
    if tell:
        e["RELAYAUTHFD"] = str(TELL)
    return e


def _drain(fd):
    def read():
        with os.fdopen(fd, "rb") as f:
            return f.read()
    return read


def start(fds, argv, mechanism):
    """Runs it with descriptors of ours, {its number: ours}."""
    return _between(fds, argv, _environment(mechanism, TELL in fds, None))


def ask(argv, data, mechanism=None, tell=True, env=None, **more):
    """data: what comes on descriptor 3; bytes, or a tuple of strings. None: that descriptor is closed."""
    if isinstance(data, tuple):
        data = b"".join(s.encode() + b"\0" if isinstance(s, str) else s + b"\0" for s in data)
    r, w = os.pipe()
    tr, tw = os.pipe()
    os.write(w, data or b"")
    os.close(w)
    fds = {n: fd for n, fd, wanted in ((ASK, r, data is not None), (TELL, tw, tell)) if wanted}
    p = _between(fds, argv, _environment(mechanism, tell, env), **more)
    os.close(r)
    os.close(tw)
    return Answer(p, _drain(tr))


class Scram:
    """The exchange over descriptor 3."""

    def __init__(self, argv, env=None):
        self.sock, theirs = socket.socketpair()
        tr, tw = os.pipe()
        self.process = _between({ASK: theirs.fileno(), TELL: tw}, argv, _environment("SCRAM-SHA-256", True, env))
        theirs.close()
        os.close(tw)
        self.drain = _drain(tr)

    def send(self, msg):
        self.sock.sendall(struct.pack(">I", len(msg)) + msg)

    def _exactly(self, n):
        got = b""
        while len(got) < n:
            piece = self.sock.recv(n - len(got))
            if not piece:
                return None
            got += piece
        return got

    def hear(self):
        """The next message, or None at the end."""
        self.sock.settimeout(60)
        head = self._exactly(4)
        return head and self._exactly(struct.unpack(">I", head)[0])

    def end(self):
        self.sock.close()
        return Answer(self.process, self.drain)


def hm(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def saslname(user):
    return user.replace("=", "=3D").replace(",", "=2C").encode()


def scram_final(password, header, bare, challenge):
    """The client's last message and the answer that proves the server."""
    fields = dict(p.split(b"=", 1) for p in challenge.split(b","))
    salt, rounds = base64.b64decode(fields[b"s"]), int(fields[b"i"])
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    key = hm(salted, b"Client Key")
    last = b"c=" + base64.b64encode(header) + b",r=" + fields[b"r"]
    text = b",".join([bare, challenge, last])
    sig = hm(hashlib.sha256(key).digest(), text)
    proof = bytes(a ^ b for a, b in zip(key, sig))
    return (last + b",p=" + base64.b64encode(proof),
            b"v=" + base64.b64encode(hm(hm(salted, b"Server Key"), text)))


def scram(argv, user, password, header=b"n,,"):
    """A whole login. Returns the answer, with the server's messages in .challenge and .final; .proved: the server is
    who it should be."""
    s = Scram(argv)
    bare = b"n=" + saslname(user) + b",r=" + base64.b64encode(os.urandom(12))
    s.send(header + bare)
    challenge = s.hear()
    last, proof = scram_final(password, header, bare, challenge)
    s.send(last)
    final = s.hear()
    a = s.end()
    a.challenge, a.final, a.proved = challenge, final, final == proof
    return a


def cram(password, challenge):
    return hmac.new(password.encode(), challenge.encode(), hashlib.md5).hexdigest()
