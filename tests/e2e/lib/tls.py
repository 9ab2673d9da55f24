"""Certificates, a relay-tlsd, a receiver double behind relay-tls, and a client of it."""
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

from .procs import BIN, Proc, all_pids, free_port, listening, program, stat_of, wait_for

DOUBLE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "doubles", "starttls_receiver.py")


def openssl(*argv, input=None):
    r = subprocess.run(["openssl", *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, input=input, timeout=60)
    assert r.returncode == 0, (argv, r.stdout.decode("utf-8", "replace"))
    return r.stdout


def make_certificate(folder, *hosts, subject=None, key="ec", ca=None, extra=()):
    """folder/cert.pem and folder/key.pem for these host names; self-signed, or signed by `ca`, another such folder.
    Both appear by a rename, the key first."""
    os.makedirs(folder, exist_ok=True)
    kind = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"], "weak": ["rsa:1024"]}[key]
    names = ["-addext", "subjectAltName=" + ",".join(n if ":" in n else "DNS:" + n for n in hosts)] if hosts else []
    signed = ["-CA", os.path.join(ca, "cert.pem"), "-CAkey", os.path.join(ca, "key.pem")] if ca else []
    new = [os.path.join(folder, n + ".new") for n in ("key.pem", "cert.pem")]
    openssl("req", "-x509", "-newkey", *kind, "-nodes", "-keyout", new[0], "-out", new[1], "-days", "30", "-subj",
            subject or "/CN=" + (hosts[0] if hosts else "nobody.example"), *names, *signed, *extra)
    for path in new:
        os.rename(path, path[:-4])
    return folder


class House:
    """A folder with certificates for relay.example and a relay-tlsd."""

    def __init__(self, certificates=True, base=None):
        self.dir = tempfile.mkdtemp(prefix="posthouse-tls-", dir=base)
        os.chmod(self.dir, 0o755)
        self.certs, self.socket = self.path("certs"), self.path("tlsd")
        os.mkdir(self.certs)
        self.procs = []
        self.tlsd_proc = self.server = None
        self.now = False
        self.host, self.port = "127.0.0.1", None
        if certificates:
            make_certificate(self.path("certs", "default"), "relay.example")

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def env(self, **more):
        e = {k: v for k, v in os.environ.items() if not k.startswith(("SSL", "TCP", "RELAY"))}
        e.update(PATH=BIN + ":" + e["PATH"], RELAYTLSD=os.path.join(BIN, "relay-tlsd"), PYTHONDONTWRITEBYTECODE="1",
                 HALF_FILE=self.path("half"), **more)
        return e

    def run(self, argv, log, **more):
        more.setdefault("env", self.env())
        p = Proc(argv, self.path(log), **more)
        self.procs.append(p)
        return p

    def log(self, name="tlsd"):
        try:
            with open(self.path(name)) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def tlsd(self, *options, ready=True, **more):
        before = self.log("tlsd.log").count("event=ready")
        self.tlsd_proc = self.run([program("relay-tlsd"), *options, self.socket, self.certs], "tlsd.log", **more)
        if ready:
            wait_for(lambda: self.log("tlsd.log").count("event=ready") > before or not self.tlsd_proc.alive(), 20,
                     "relay-tlsd ready")
            assert self.tlsd_proc.alive(), self.log("tlsd.log")
        return self.tlsd_proc

    def serve(self, *options, where=None, chain=None, **more):
        """tcpserver, relay-tls [options] SOCKET, the receiver double."""
        self.port = free_port()
        chain = chain or [sys.executable, "-S", DOUBLE]
        tls = [program("relay-tls"), *options, *([where or self.socket] if "-k" not in options else [])]
        self.now = "-i" in options
        self.server = self.run([program("tcpserver"), "-HRl0", "-b", "200", "-c", "200", self.host, str(self.port),
                                *tls, *chain], "chain.log", **more)
        wait_for(lambda: listening(self.host, self.port), 10, "tcpserver listening")
        return self.server

    def connect(self, seconds=20):
        return socket.create_connection((self.host, self.port), seconds)

    def client(self, **how):
        return Client(self.connect(), **how)

    def due(self):
        """A connection on which the handshake is to begin."""
        sock = self.connect()
        if not self.now:
            Client(sock).go()
        return sock

    def under_tls(self, **how):
        c = self.client(now=self.now, **how)
        return c if self.now else c.starttls()

    def rest(self):
        """Nothing runs for a connection any more."""
        wait_for(lambda: not self.children() and not self.busy(), 10, "all processes gone")

    def fine(self):
        """TLS is still to be had, and nothing is left over: no process, and no slot of tcpserver's."""
        self.rest()
        with self.under_tls() as c:
            assert c.ask("QUIT") == "221 bye"

    def busy(self):
        """What runs for connections. (An orphan that has ended waits for the system's first process.)"""
        return [p for p in self.server.members() if p != self.server.pid and stat_of(p)[2] not in "ZX"]

    def children(self):
        """relay-tlsd's processes of single connections."""
        if not self.tlsd_proc:
            return [p for p in self.busy() if stat_of(p)[3] == "relay-tlsd"]
        return [p for p in all_pids() if stat_of(p)[0] == self.tlsd_proc.pid]

    def close(self):
        for p in reversed(self.procs):
            p.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


def context(version=None, cert=None, verify=None, ciphers=None):
    """A client's; `version` alone ("TLSv1_2"); `cert`: its own certificate's folder; `verify`: the folder whose
    certificate is believed."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    if version:
        c.minimum_version = c.maximum_version = getattr(ssl.TLSVersion, version)
    if verify:
        c.load_verify_locations(os.path.join(verify, "cert.pem"))
        c.verify_mode, c.check_hostname = ssl.CERT_REQUIRED, True
    if cert:
        c.load_cert_chain(os.path.join(cert, "cert.pem"), os.path.join(cert, "key.pem"))
    if ciphers:
        c.set_ciphers(ciphers)
    return c


# suites with an ECDSA and an RSA certificate, and some that are older than these; the groups X25519 and P-256,
# uncompressed points, ECDSA and RSA with SHA-256
CIPHERS = b"\xc0\x2b\xc0\x2f\0\x9c\0\x2f\0\x0a"
EXTENSIONS = b"\0\x0a\0\6\0\4\0\x1d\0\x17" b"\0\x0b\0\2\1\0" b"\0\x0d\0\6\0\4\4\3\4\1"


def client_hello(version=b"\3\3", compression=b"\0"):
    """A client's first message (RFC 5246 7.4.1.2) by hand: openssl has no SSLv3 any more, and no compression."""
    body = version + bytes(32) + b"\0" + len(CIPHERS).to_bytes(2, "big") + CIPHERS
    body += bytes([len(compression)]) + compression + len(EXTENSIONS).to_bytes(2, "big") + EXTENSIONS
    record = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16" + version + len(record).to_bytes(2, "big") + record


def first_answer(sock, hello):
    """What the server says first: ("alert", its number), ("hello", version, method of compression), or ("end",)."""
    got = b""
    try:
        sock.sendall(hello)
        while len(got) < 5 or len(got) < 5 + int.from_bytes(got[3:5], "big"):
            piece = sock.recv(4096)
            if not piece:
                break
            got += piece
    except ConnectionResetError:
        pass
    if got[:1] == b"\x15":
        return "alert", got[6]
    if got[:1] == b"\x16" and got[5] == 2:
        return "hello", got[9:11], got[44 + got[43] + 2]
    assert got == b"", got
    return ("end",)


def renegotiate(port, *argv, after):
    """What openssl s_client shows when it asks for a renegotiation once the server has said `after`."""
    p = subprocess.Popen([program("openssl"), "s_client", "-connect", "127.0.0.1:%d" % port, "-tls1_2", "-msg", *argv],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    said = b""
    while after not in said:
        piece = p.stdout.read(65536)
        assert piece, said
        said += piece
    said += p.communicate(b"R\n", timeout=10)[0]
    assert b"RENEGOTIATING" in said, said
    return said.decode("utf-8", "replace")


class Client:
    """Speaks with the double. `now`: TLS from the first byte on; `host`: the name it asks for (SNI)."""

    def __init__(self, sock, now=False, host=None, **how):
        self.sock, self.host = sock, host
        self.context = context(**how)
        self.buf = b""
        if now:
            self.wrap()
        self.greeting = self.line()

    def wrap(self, session=None):
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host, session=session,
                                             suppress_ragged_eofs=False)

    def go(self, byte="Y"):
        self.send("STARTTLS " + byte)
        assert self.line() == "220 go"

    def starttls(self, byte="Y", session=None):
        self.go(byte)
        self.wrap(session)
        return self

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else (data + "\n").encode())

    def line(self):
        while b"\n" not in self.buf:
            piece = self.sock.recv(65536)
            if not piece:
                return None
            self.buf += piece
        line, self.buf = self.buf.split(b"\n", 1)
        return line.decode()

    def ask(self, command):
        self.send(command)
        return self.line()

    def list(self, command):
        out, line = {}, self.ask(command)
        while line != ".":
            name, _, value = line.partition("=")
            out[name] = value
            line = self.line()
        return out

    def read(self, n):
        data, self.buf = bytearray(self.buf), b""
        while len(data) < n:
            piece = self.sock.recv(65536)
            if not piece:
                break
            data += piece
        self.buf = bytes(data[n:])
        return bytes(data[:n])

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()
