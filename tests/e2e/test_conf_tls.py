"""Submission as relay-conf writes it, with TLS by relay-tlsd and with logins, on a port for STARTTLS and on one for TLS
from the start: the systemd units, the files of xinetd with relay-tlsd under svscan, the service directories."""
import os
import re
import shutil
import socket
import tempfile

import pytest

from lib.auth import auth_plain
from lib.login import hashed
from lib.procs import free_port, listening, program, wait_for
from lib.services import House, Unit, me, mkcdb, socket_activate, verify_units
from lib.smtp import Dialogue
from lib.tls import context, make_certificate

USER, PASSWORD = "joe", "secret"
STRANGER = "127.0.0.2"


def answers(path):
    """Does somebody listen at a socket? relay-tlsd makes it before it has read its certificates."""
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
        return True
    except OSError:
        return False


class TlsHouse(House):
    def __init__(self, sink):
        super().__init__(sink)
        self.certs, self.socket, self.failures = self.path("certs"), self.path("tlsd"), self.path("failures")
        self.cert = make_certificate(os.path.join(self.certs, "default"), "relay.example")
        with open(os.path.join(self.control, "users"), "a") as f:
            f.write(hashed(USER, PASSWORD) + "\n")
        os.chmod(os.path.join(self.control, "users"), 0o640)
        assert mkcdb(self.control) == (0, "")
        self.conf("cache", self.failures)
        self.ports = {False: self.port, True: free_port()}
        self.tls = ["--one-user", "--socket", self.socket, "--certificates", self.certs, *self.chain[-2:]]

    def submission(self, now):
        """The options of the listener."""
        self.port = self.ports[now]
        return ["--one-user", *self.chain, *self.listener(), "--address", "127.0.0.1", "--listener", "submission",
                "--tls", self.socket, *(["--tls-now"] if now else []), "--logins", "--failures", self.failures]

    def ready(self):
        wait_for(lambda: answers(self.socket), 20, "relay-tlsd")
        for port in self.ports.values():
            wait_for(lambda: listening("127.0.0.1", port), 20, "a listener on port %d" % port)


@pytest.fixture
def house(sink):
    h = TlsHouse(sink)
    yield h
    h.close()


def connect(house, now):
    """Under TLS, before EHLO."""
    d = Dialogue(("127.0.0.1", house.ports[now]), STRANGER)
    trust = context(verify=house.cert)
    if now:
        d.sock = trust.wrap_socket(d.sock, server_hostname="relay.example")
        assert d.reply() == 220
        return d
    assert "AUTH" not in d.hello()
    d.ok("STARTTLS", 220)
    d.sock = trust.wrap_socket(d.sock, server_hostname="relay.example")
    return d


def check(house, sink, now, log):
    """Refused without a login and with a wrong password; taken with the right one; the log has all of it."""
    with connect(house, now) as d:
        assert " PLAIN" in d.ok("EHLO client.example").text
        assert d.cmd("MAIL FROM:<a@hosted.example>") == 530
        assert auth_plain(d, USER, "wrong") == 535
        assert auth_plain(d, USER, PASSWORD) == 235
        d.ok("MAIL FROM:<a@hosted.example>")
        d.ok("RCPT TO:<c@elsewhere.example>")
        d.ok("DATA", 354)
        d.send(b"From: a@hosted.example\r\n\r\nhello\r\n.\r\n")
        assert d.reply() == 250
        assert d.cmd("QUIT") == 221
    received = sink.wait(1, 30)[0].header("Received")[0]
    assert " with ESMTPSA " in received, received
    sink.clear()
    # the failed login was counted where --failures says
    with open(house.failures, "rb") as f:
        assert f.read().strip(b"\0")
    wait_for(lambda: re.search("event=login .*client=%s .*" % re.escape(STRANGER), log()), 10, log)


def text_of(path):
    def read():
        with open(path) as f:
            return f.read()
    return read


def test_systemd(house, sink):
    """Both listeners have units of their own, and share the rest."""
    units = house.path("units")
    common = ["posthouse-send.service", "posthouse-tlsd.service"]
    for now in (False, True):
        said = house.conf("systemd", units, *house.submission(now), "--certificates", house.certs)
        assert [c for c in common if "kept %s/%s" % (units, c) in said] == (common if now else [])
        assert "is there already" in house.conf("systemd", units, *house.submission(now), code=111)
    names = ["posthouse-submission%s%s" % (s, kind) for s in ("", "s") for kind in (".socket", "@.service")]
    assert sorted(os.listdir(units)) == sorted(names + common)
    verify_units(units)
    tlsd = Unit(os.path.join(units, "posthouse-tlsd.service"))
    said = [tlsd.get(n) for n in ("User", "Restart", "KillMode", "RuntimeDirectory")]
    assert said == [[me()], ["always"], ["process"], []]
    house.start(tlsd.command, "tlsd.log")
    for n, now in enumerate((False, True)):
        socket_unit, service = (os.path.join(units, name) for name in names[2 * n:2 * n + 2])
        socket_activate(house, socket_unit, service, "smtpd%d.log" % n)
    house.sender()
    house.ready()
    for n, now in enumerate((False, True)):
        check(house, sink, now, text_of(house.path("smtpd%d.log" % n)))


def test_xinetd(house, sink):
    """Two files in a folder as /etc/xinetd.d is; relay-tlsd is supervised by svscan."""
    os.mkdir(house.services)
    house.conf("tls", os.path.join(house.services, "tlsd"), *house.tls)
    house.start([program("svscan"), house.services], "svscan.log")
    where = tempfile.mkdtemp(prefix="posthouse-xinetd-")   # xinetd.conf(5) knows no quotes
    try:
        log = house.path("smtpd.log")
        os.mkdir(where + "/d")
        for now, name in ((False, "submission"), (True, "submissions")):
            house.conf("xinetd", where + "/d/" + name, "--log", log, *house.submission(now))
        with open(where + "/xinetd.conf", "w") as f:
            f.write("includedir %s/d\n" % where)
        house.start([program("xinetd"), "-dontfork", "-f", where + "/xinetd.conf", "-pidfile", where + "/pid"],
                    "xinetd.log")
        house.sender()
        house.ready()
        for now in (False, True):
            check(house, sink, now, text_of(log))
    finally:
        shutil.rmtree(where)


def test_daemontools(house, sink):
    os.mkdir(house.services)
    house.conf("tls", os.path.join(house.services, "tlsd"), *house.tls)
    for now, name in ((False, "submission"), (True, "submissions")):
        house.conf("receive", os.path.join(house.services, name), *house.submission(now))
    house.start([program("svscan"), house.services], "svscan.log")
    house.sender()
    house.ready()
    for now, name in ((False, "submission"), (True, "submissions")):
        check(house, sink, now, text_of(os.path.join(house.services, name, "log", "main", "current")))


@pytest.mark.parametrize("kind", ["receive", "xinetd", "systemd"])
@pytest.mark.parametrize("options,why", [
    (["--port", "465", "--tls-now", "--logins"], "--tls-now is nothing without --tls"),
    (["--port", "587", "--logins"], "--logins is nothing without --tls"),
])
def test_halves(house, kind, options, why):
    """No plain SMTP on port 465, no listener where nobody can log in."""
    assert why in house.conf(kind, house.path("new"), "--one-user", *options, code=100)
    assert not os.path.exists(house.path("new"))
