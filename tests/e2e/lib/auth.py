"""Logins: a plain reference checkpassword, a checker that answers as relay-auth does, a UCSPI-TLS provider, and a
client's side of each mechanism."""
import base64
import hashlib
import hmac
import os
import socket
import ssl
import subprocess
import sys

from .checkpassword import saslname, scram_final
from .smtp import Dialogue
from .smtpd import Smtpd
from .tls import make_certificate

DOUBLES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "doubles")
CHECKPASSWORD = os.path.join(DOUBLES, "checkpassword.py")
CHECKER = os.path.join(DOUBLES, "checker.py")
PROVIDER = os.path.join(DOUBLES, "tls_provider.py")

USER, PASSWORD = "bob", "s3cret pass"


def b64(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def plain(user=USER, password=PASSWORD, authzid=""):
    return b64("%s\0%s\0%s" % (authzid, user, password))


def challenge(reply):
    assert reply.code == 334 and len(reply.lines) == 1, reply
    return base64.b64decode(reply.lines[0][4:], validate=True)


def auth_plain(d, user=USER, password=PASSWORD):
    return d.cmd("AUTH PLAIN " + plain(user, password))


def auth_login(d, user=USER, password=PASSWORD):
    assert challenge(d.cmd("AUTH LOGIN")) == b"Username:"
    assert challenge(d.cmd(b64(user))) == b"Password:"
    return d.cmd(b64(password))


def auth_cram(d, user=USER, password=PASSWORD):
    text = challenge(d.cmd("AUTH CRAM-MD5"))
    assert text.startswith(b"<") and text.endswith(b"@relay.example>") and len(text) > 40
    digest = hmac.new(password.encode(), text, hashlib.md5).hexdigest()
    return d.cmd(b64("%s %s" % (user, digest)))


def auth_scram(d, user=USER, password=PASSWORD, initial=True, authzid=""):
    """RFC 5802 5; the server's proof is checked."""
    header = b"n,%s," % (b"a=" + saslname(authzid) if authzid else b"")
    bare = b"n=" + saslname(user) + b",r=fyko+d2lbbFgONRv9qkxdawL"
    if initial:
        r = d.cmd("AUTH SCRAM-SHA-256 " + b64(header + bare))
    else:
        assert challenge(d.cmd("AUTH SCRAM-SHA-256")) == b""
        r = d.cmd(b64(header + bare))
    if r.code != 334:
        return r
    last, proof = scram_final(password, header, bare, challenge(r))
    r = d.cmd(b64(last))
    if r.code != 334:
        return r
    assert challenge(r) == proof
    return d.cmd("")


MECHANISMS = {"PLAIN": auth_plain, "LOGIN": auth_login, "CRAM-MD5": auth_cram, "SCRAM-SHA-256": auth_scram}


class AuthSmtpd(Smtpd):
    """Sessions with a checker. USERS is the double's only knowledge: a line each, `NAME PASSWORD [WORD ...]`."""

    def __init__(self, users="%s %s\n" % (USER, PASSWORD.replace(" ", "_")), **control):
        control.setdefault("relay", "grant login\n")
        super().__init__(**control)
        self.users = os.path.join(self.dir, "users")
        with open(self.users, "w") as f:
            f.write(users)
        self.cert = None

    def env(self, **more):
        e = {"RELAYFAILURES": os.path.join(self.dir, "failures"), "USERS": self.users, "ASKED": self.asked_path()}
        e.update(more)
        return super().env(**e)

    def asked_path(self):
        return os.path.join(self.dir, "asked.%d" % self.logs)

    def asked(self):
        """What the checker of the last session was asked: (mechanism, bytes of descriptor 3), the canary left out."""
        try:
            with open(self.asked_path()) as f:
                lines = [l.rstrip("\n").split(" ") for l in f]
        except FileNotFoundError:
            return []
        return [(m, bytes.fromhex(h)) for m, h in lines if m != "-"]

    def checker(self, program=CHECKER, *words):
        return [sys.executable, "-S", program, *words] if program.endswith(".py") else [program, *words]

    def session(self, *options, program=CHECKER, words=("true",), clear=True, **more):
        """A session in the clear where AUTH is allowed, greeted."""
        flags = (["-a"] if clear else []) + list(options)
        d = self.start(*flags, *self.checker(program, *words), **more)
        d.extensions = d.hello()
        return d

    def certificate(self):
        if not self.cert:
            self.cert = make_certificate(os.path.join(self.dir, "cert"), "relay.example")
        return self.cert

    def tls_session(self, *options, checker=True, provider=("-",), seconds=20.0, greeted=True, **env):
        """A session with a provider of TLS: not yet under it."""
        self.logs += 1
        ours, theirs = socket.socketpair()
        argv = self.argv(*options, *(self.checker(CHECKER, "true") if checker else ()))
        with theirs, open(self.log_path(), "wb") as log:
            proc = subprocess.Popen([sys.executable, "-S", PROVIDER, self.certificate(), *provider, *argv],
                stdin=theirs,
                                    stdout=theirs, stderr=log, env=self.env(**env))
        d = TlsDialogue(ours, seconds=seconds, proc=proc)
        self.dialogues.append(d)
        if greeted:
            d.extensions = d.hello()
        return d


class TlsDialogue(Dialogue):
    """A dialogue that can go on under TLS, whatever certificate the server has."""

    def secure(self, **context):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
        if "client" in context:
            c.load_cert_chain(os.path.join(context["client"], "cert.pem"), os.path.join(context["client"], "key.pem"))
        self.buf = b""
        self.sock = c.wrap_socket(self.sock, suppress_ragged_eofs=False)
        return self

    def starttls(self, **context):
        r = self.cmd("STARTTLS")
        assert r.code == 220, r
        return self.secure(**context)
