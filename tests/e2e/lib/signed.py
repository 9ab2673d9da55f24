"""Signed zones on a real name server (knot), and a validating resolver (unbound) before it.

    with Signed(folder, {"example": "www A 192.0.2.1\\n"}, preexec=net.enter_here) as s: env["DNSCACHEIP"] = s.where

The first zone is the parent of the others and the trust anchor. Zones in `unsigned` have no keys, the signatures of
those in `expired` are no longer good, and `spoilt` are records whose data changes after signing: (zone, start of the
line, text, other text). Both servers belong in a network namespace of their own: their ports are 5300 and 53.
"""
import ctypes
import hashlib
import os
import socket
import struct
import subprocess
import time

from .procs import Proc, program, wait_for
from .tls import openssl

_libc = ctypes.CDLL(None, use_errno=True)
AUTHORITY = 5300

KNOT = """database:
  storage: "%(dir)s/keys"
server:
  listen: 127.0.0.1@5300
  rundir: "%(dir)s"
log:
  - target: stderr
    any: info
policy:
  - id: p
    manual: on
    algorithm: ecdsap256sha256
    single-type-signing: on
    rrsig-lifetime: 14d
template:
  - id: default
    storage: "%(dir)s/%(where)s"
    file: "%%s.zone"
%(policy)s
zone:
%(zones)s
"""

UNBOUND = """server:
  interface: 127.0.0.1@53
%(interfaces)s
  access-control: 10.99.0.0/24 allow
  directory: "%(dir)s"
  pidfile: "%(dir)s/unbound.pid"
  chroot: ""
  username: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  val-log-level: 2
  trust-anchor: "%(anchor)s"
stub-zone:
  name: "%(zone)s."
  stub-addr: 127.0.0.1@5300
remote-control:
  control-enable: no
"""

HEAD = "$ORIGIN %s.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n"


def run(*argv):
    r = subprocess.run([program(argv[0]), *argv[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
    text = r.stdout.decode("utf-8", "replace")
    assert r.returncode == 0, (argv, text)
    return text


def tlsa(folder, usage, selector=1, matching=1):
    """The data of a TLSA record for folder/cert.pem's first certificate."""
    cert = os.path.join(folder, "cert.pem")
    der = openssl("x509", "-in", cert, "-outform", "DER")
    if selector:
        der = openssl("pkey", "-pubin", "-outform", "DER", input=openssl("x509", "-in", cert, "-noout", "-pubkey"))
    if matching:
        der = hashlib.new(["sha256", "sha512"][matching - 1], der).digest()
    return "%d %d %d %s" % (usage, selector, matching, der.hex())


class Signed:
    def __init__(self, folder, zones, unsigned=(), expired=(), spoilt=(), also=(), preexec=None):
        self.dir, self.procs, self.preexec = str(folder), [], preexec
        for d in "keys", "text", "served":
            os.mkdir(os.path.join(self.dir, d))
        self.where = "127.0.0.1"
        parent = next(iter(zones))
        self.configure("sign", "text", "    dnssec-policy: p", zones)
        self.configure("serve", "served", "", zones)
        delegations = ""
        for z in [z for z in zones if z != parent] + [parent]:
            text = HEAD % z + zones[z] + (delegations if z == parent else "")
            if z != parent:
                delegations += "%s. NS ns.%s.\n" % (z, parent)
            if z in unsigned:
                self.write("served", z, text)
                continue
            self.write("text", z, text)
            ds = self.sign(z, z in expired)
            delegations += ds + "\n"
        for z, start, old, new in spoilt:
            self.spoil(z, start, old, new)
        self.anchor, self.zone, self.also = ds, parent, also

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, folder, zone, text):
        with open(self.path(folder, zone + ".zone"), "w") as f:
            f.write(text)

    def configure(self, name, where, policy, zones):
        with open(self.path(name), "w") as f:
            f.write(KNOT % {"dir": self.dir, "where": where, "policy": policy,
                            "zones": "\n".join("  - domain: " + z for z in zones)})

    def sign(self, zone, expired):
        """Returns the zone's DS record."""
        since = ["%s=-60d" % w for w in ("created", "publish", "ready", "active")]
        run("keymgr", "-c", self.path("sign"), zone, "generate", "algorithm=13", "ksk=yes", "zsk=yes", *since)
        run("kzonesign", "-c", self.path("sign"), "-o", self.path("served"), "-t",
            str(int(time.time()) - (30 * 86400 if expired else 0)), zone)
        return run("keymgr", "-c", self.path("sign"), zone, "ds").splitlines()[0]

    def spoil(self, zone, start, old, new):
        path, done = self.path("served", zone + ".zone"), 0
        with open(path) as f:
            lines = f.read().split("\n")
        for i, l in enumerate(lines):
            if l.startswith(start) and old in l and "RRSIG" not in l:
                lines[i] = l.replace(old, new)
                done += 1
        assert done == 1, (start, done)
        with open(path, "w") as f:
            f.write("\n".join(lines))

    def start(self, argv, log):
        p = Proc(argv, self.path(log), preexec=self.preexec)
        self.procs.append(p)
        return p

    def __enter__(self):
        with open(self.path("unbound"), "w") as f:
            f.write(UNBOUND % {"dir": self.dir, "anchor": self.anchor, "zone": self.zone,
                               "interfaces": "\n".join("  interface: %s@53" % a for a in self.also)})
        try:
            knot = self.start([program("knotd"), "-c", self.path("serve")], "knot.log")
            wait_for(lambda: "server started" in knot.text() or not knot.alive(), 20, "knotd")
            unbound = self.start([program("unbound"), "-d", "-c", self.path("unbound")], "unbound.log")
            wait_for(lambda: "start of service" in unbound.text() or not unbound.alive(), 20, "unbound")
            assert knot.alive() and unbound.alive(), (knot.text(), unbound.text())
        except BaseException:
            self.__exit__()
            raise
        return self

    def restart(self):
        """For zones that have been changed: nothing of the old ones is remembered."""
        self.__exit__()
        self.procs = []
        for name in "knot.log", "unbound.log":
            os.unlink(self.path(name))
        self.__enter__()

    def __exit__(self, *why):
        for p in reversed(self.procs):
            p.stop()


def truncated(name, kind, where="127.0.0.1"):
    """Is the answer over UDP cut off, for one who takes 1200 bytes? To be called where the resolver is."""
    query = struct.pack(">HHHHHH", 4711, 0x120, 1, 0, 0, 1)
    query += b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0" + struct.pack(">HH", kind, 1)
    query += b"\0" + struct.pack(">HHIH", 41, 1200, 0x8000, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.sendto(query, (where, 53))
        return bool(s.recv(4096)[2] & 2)


def bind(what, where, read_only=False):
    """For a child before exec: it sees this file or folder elsewhere."""
    CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 32, 4096, 16384, 1 << 18
    what, where = os.fsencode(what), os.fsencode(where)
    for call in (lambda: _libc.unshare(CLONE_NEWNS), lambda: _libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None),
                 lambda: _libc.mount(what, where, None, MS_BIND, None),
                 lambda: read_only and _libc.mount(None, where, None, MS_BIND | MS_REMOUNT | MS_RDONLY, None)):
        if call() < 0:
            raise OSError(ctypes.get_errno(), "bind", where)


def use_resolv_conf(path):
    """For a child before exec: it sees this file as /etc/resolv.conf."""
    bind(path, "/etc/resolv.conf")
