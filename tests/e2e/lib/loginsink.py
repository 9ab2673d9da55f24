"""A Sink that wants logins, or speaks LMTP, over TCP or a Unix socket.

    with LoginSink(users={"joe": "secret"}, mechanisms=("PLAIN",)) as s: ...
    with LmtpSink(path) as s: s.verdicts["b@y.example"] = b"550 5.2.0 no\\r\\n"
"""
import base64
import hashlib
import hmac
import os
import socket

from .sink import Message, Sink
from .tlssink import TlsSession, TlsSink

ALL = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256")
NO = b"535 5.7.8 wrong\r\n"
YES = b"235 2.7.0 welcome\r\n"


def b64(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data)


def scram_keys(password, salt, iterations):
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


class LoginSession(TlsSession):
    """`user`: who has logged in; `logins`: (mechanism, user) of each try, in order."""
    user = None
    dialogue = None

    def __init__(self, sink):
        super().__init__(sink)
        self.logins = []

    def do_ehlo(self, verb, line):
        had = self.sink.extensions
        if self.sink.mechanisms:
            self.sink.extensions = had + ["AUTH " + " ".join(self.sink.mechanisms)]
        super().do_ehlo(verb, line)
        self.sink.extensions = had

    def do_mail(self, verb, line):
        if self.user is None and self.sink.wanted:
            self.answer(verb, line, b"530 5.7.0 log in first\r\n")
        else:
            super().do_mail(verb, line)

    def do_auth(self, verb, line):
        words = line.decode().split(" ")
        name = words[1].upper()
        if self.user is not None or name not in set(self.sink.mechanisms) - self.sink.lacking:
            self.answer(verb, line, b"504 5.5.4 no such mechanism\r\n")
            return
        self.mechanism = name
        self.dialogue = getattr(self, name.replace("-", "_").lower())()
        self.go(None if len(words) < 3 else base64.b64decode(words[2]) if words[2] != "=" else b"")

    def go(self, initial):
        """Up to the next thing that the client must say. What the mechanism first sends is empty when the client speaks
        first."""
        try:
            challenge = next(self.dialogue)
            if initial is not None and challenge == b"":
                challenge = self.dialogue.send(initial)
        except StopIteration as e:
            return self.end(e.value)
        self.answer("AUTH", b"", b"334 " + b64(challenge) + b"\r\n", wanted="3")

    def command(self):
        if self.dialogue is None:
            return super().command()
        end = self.buf.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self.buf[:end])
        del self.buf[:end + 2]
        self.commands.append(line)
        if line == b"*":
            self.dialogue = None
            self.answer("CANCEL", line, b"501 5.7.0 cancelled\r\n")
            return True
        try:
            challenge = self.dialogue.send(base64.b64decode(line, validate=True))
            self.answer("AUTH", b"", b"334 " + b64(challenge) + b"\r\n", wanted="3")
        except StopIteration as e:
            self.end(e.value)
        return True

    def end(self, user):
        self.dialogue = None
        self.logins.append((self.mechanism, user))
        if user is not None:
            self.user = user
        self.answer("VERDICT", b"", NO if user is None else YES)

    def right(self, user, password):
        return user if self.sink.users.get(user) == password else None

    def plain(self):
        _, user, password = (yield b"").split(b"\0")
        return self.right(user.decode(), password.decode())

    def login(self):
        user = yield b"Username:"
        return self.right(user.decode(), (yield b"Password:").decode())

    def cram_md5(self):
        challenge = b"<%d.1@sink.example>" % len(self.commands)
        user, digest = (yield challenge).decode().rsplit(" ", 1)
        if user in self.sink.users:
            want = hmac.new(self.sink.users[user].encode(), challenge, hashlib.md5).hexdigest()
            return user if digest == want else None
        return None

    def scram_sha_256(self):
        first = (yield b"").decode()
        assert first.startswith("n,,n=") and ",r=" in first, first
        name, nonce = first[5:].split(",r=")
        user = name.replace("=2C", ",").replace("=3D", "=")
        server = "r=%sserver,s=%s,i=4096" % (nonce, b64("salt of it").decode())
        stored, key = scram_keys(self.sink.users.get(user, "?"), b"salt of it", 4096)
        final = (yield server.encode()).decode()
        bare, proof = final.rsplit(",p=", 1)
        assert bare == "c=biws,r=%sserver" % nonce, bare
        signed = ",".join((first[3:], server, bare)).encode()
        signature = hmac.digest(stored, signed, "sha256")
        client = bytes(a ^ b for a, b in zip(signature, base64.b64decode(proof)))
        if user not in self.sink.users or hashlib.sha256(client).digest() != stored:
            return None
        verifier = hmac.digest(b"wrong" if self.sink.false else key, signed, "sha256")
        assert (yield b"v=" + b64(verifier)) == b""
        return user


class LoginSink(TlsSink):
    """users: names and passwords; mechanisms: as offered; wanted: no MAIL without; folder: a certificate, for
    STARTTLS; false: SCRAM's verifier is wrong; lacking: what is offered and not there."""
    session = LoginSession

    def __init__(self, users, mechanisms=ALL, folder=None, wanted=True, false=False, **more):
        self.lacking = set()
        self.users, self.mechanisms, self.wanted, self.false = dict(users), list(mechanisms), wanted, false
        if folder:
            super().__init__(folder, **more)
        else:
            self.failures, self.asked, self.inner = [], {}, None
            Sink.__init__(self, **more)

    @property
    def logins(self):
        return [l for s in self.sessions for l in s.logins]


class LmtpSession(LoginSession):
    def do_lhlo(self, verb, line):
        self.do_ehlo(verb, line)

    def do_helo(self, verb, line):
        self.answer(verb, line, b"500 5.5.1 this is LMTP\r\n")

    def finish(self, data):
        """An answer for each recipient; the message is kept with those that got it."""
        answers = [self.sink.verdicts.get(r, b"250 2.0.0 <%s> kept\r\n" % r.encode()) for r in self.recipients]
        steps = [a if isinstance(a, tuple) else (a,) for a in answers]
        self.recipients = [r for r, s in zip(self.recipients, steps) if s[0][:1] == b"2"]
        if self.recipients:
            self.sink.keep(Message(self, data))
        self.reset()
        self.run([step for s in steps for step in s])


class LmtpSink(LoginSink):
    """verdicts: what is said behind the text for a recipient, bytes, or steps of which the first is bytes. path: a Unix
    socket instead of TCP."""
    session = LmtpSession

    def __init__(self, path=None, users=(), **more):
        self.verdicts = {}
        self.path = path
        super().__init__(users, wanted=bool(users), mechanisms=ALL if users else (), **more)

    def listen(self, host, port):
        if not self.path:
            return super().listen(host, port)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(self.path)
        os.chmod(self.path, 0o666)
        sock.listen(1024)
        return sock

    @property
    def word(self):
        """As relay-remote's -s takes it."""
        return (self.path or self.route) + ";lmtp"
