"""POP-before-SMTP as relay-conf writes it: relay-pop-check in the service directory, in xinetd's script, in the systemd
units; the directory of stamps; the timer's unit at work."""
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time

import pytest

from lib.procs import program
from lib.services import House, Unit, me, mkcdb, socket_activate, verify_units
from lib.smtp import Dialogue

STRANGER, READER = "127.0.0.2", "127.0.0.3"


class PopHouse(House):
    """The line that the file relay suggests is taken as it stands there."""

    def __init__(self, sink):
        super().__init__(sink)
        path = os.path.join(self.control, "relay")
        with open(path) as f:
            text = f.read()
        assert "\n#grant pop 300\n" in text
        with open(path, "w") as f:
            f.write(text.replace("\n#grant pop 300\n", "\ngrant pop 300\n"))
        assert mkcdb(self.control) == (0, "")
        self.stamps = self.path("stamps dir")
        self.conf("stamps", self.stamps, "--one-user")
        self.receiver = ["--one-user", *self.chain, *self.listener(), "--address", "127.0.0.1", "--stamps"]

    def login(self, ip):
        r = subprocess.run([program("relay-pop-stamp"), self.stamps, "echo", "in"], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, env={**self.env(), "TCPREMOTEIP": ip, "USER": "joe"}, timeout=30)
        assert (r.returncode, r.stdout) == (0, b"in\n")


@pytest.fixture
def house(sink):
    h = PopHouse(sink)
    yield h
    h.close()


def text_of(path):
    with open(path) as f:
        return f.read()


def rcpt(house, source):
    with Dialogue(("127.0.0.1", house.port), source) as d:
        d.hello()
        d.ok("MAIL FROM:<a@outside.example>")
        reply = d.cmd("RCPT TO:<c@elsewhere.example>")
        d.ok("QUIT", 221)
        return reply


def check(house, log):
    """Whoever has just read mail relays, from his address alone; the log says so."""
    house.wait_listening()
    assert rcpt(house, READER) == 550
    house.login(READER)
    assert rcpt(house, READER) == 250 and rcpt(house, STRANGER) == 550
    line = "event=recipient .*client=%s .*reason=pop .*pop=joe" % re.escape(READER)
    assert re.search(line, text_of(log)), text_of(log)
    shutil.rmtree(house.stamps)   # nobody can tell: not yes, and not no for ever
    assert rcpt(house, READER) == 451 and "pop-unknown=1" in text_of(log)


def test_daemontools(house):
    os.mkdir(house.services)
    house.conf("receive", os.path.join(house.services, "smtpd"), *house.receiver, house.stamps)
    house.start([program("svscan"), house.services], "svscan.log")
    check(house, os.path.join(house.services, "smtpd", "log", "main", "current"))


def test_xinetd(house):
    where = tempfile.mkdtemp(prefix="posthouse-xinetd-")   # xinetd.conf(5) knows no quotes
    try:
        house.conf("xinetd", where + "/posthouse", "--log", house.path("smtpd.log"), *house.receiver, house.stamps)
        house.start([program("xinetd"), "-dontfork", "-f", where + "/posthouse", "-pidfile", where + "/pid"],
                    "xinetd.log")
        check(house, house.path("smtpd.log"))
    finally:
        shutil.rmtree(where)


def test_systemd(house):
    """One sweep for all listeners, which leaves what is fresh."""
    units = house.path("units")
    house.conf("systemd", units, *house.receiver, house.stamps)
    sweep = ["posthouse-sweep.service", "posthouse-sweep.timer"]
    assert set(sweep) < set(os.listdir(units))
    said = house.conf("systemd", units, *house.receiver, house.stamps, "--listener", "other")
    assert [n for n in sweep if "kept %s/%s" % (units, n) in said] == sweep
    verify_units(units)
    unit = Unit(os.path.join(units, sweep[0]))
    assert (unit.get("User"), unit.get("Group"), unit.get("Type")) == ([me()], [], ["oneshot"])
    for ip, age in ((STRANGER, 361), ("127.0.0.9", 10)):
        house.login(ip)
        os.utime(os.path.join(house.stamps, ip), (time.time() - age,) * 2)
    subprocess.run(unit.command, check=True, stderr=subprocess.DEVNULL, env=house.env(), timeout=30)
    assert os.listdir(house.stamps) == ["127.0.0.9"]
    open(house.path("smtpd.log"), "wb").close()
    socket_activate(house, os.path.join(units, "posthouse.socket"), os.path.join(units, "posthouse@.service"),
                    "smtpd.log")
    check(house, house.path("smtpd.log"))


def test_without_it(house):
    """Without --stamps nobody looks."""
    os.mkdir(house.services)
    house.conf("receive", os.path.join(house.services, "smtpd"), *house.receiver[:-1])
    house.start([program("svscan"), house.services], "svscan.log")
    house.wait_listening()
    house.login(READER)
    assert rcpt(house, READER) == 550


def test_directory(house):
    """Made for one user; kept; not where everybody can have put something."""
    assert stat.S_IMODE(os.stat(house.stamps).st_mode) == 0o700
    house.login(READER)
    house.conf("stamps", house.stamps, "--one-user")
    assert os.listdir(house.stamps) == [READER]
    os.chmod(house.stamps, 0o777)
    assert "everybody may have written" in house.conf("stamps", house.stamps, "--one-user", code=111)
    assert stat.S_IMODE(os.stat(house.stamps).st_mode) == 0o777


@pytest.mark.skipif(os.geteuid() != 0, reason="groups need root")
def test_group(house):
    """As root a group is asked for; the systemd units have it."""
    new, units = house.path("new"), house.path("units")
    assert "--stamp-group, please" in house.conf("stamps", new, code=100)
    assert "no group nobody-at-all" in house.conf("stamps", new, "--stamp-group", "nobody-at-all", code=111)
    assert not os.path.exists(new)
    words = ["systemd", units, "--user", "mail", "--queue-user", "daemon", "--remote-user", "games", "--stamps",
             house.stamps]
    assert "--stamp-group, please" in house.conf(*words, code=100)
    house.conf(*words, "--stamp-group", "backup", *house.chain)
    unit = Unit(os.path.join(units, "posthouse-sweep.service"))
    assert (unit.get("User"), unit.get("Group")) == (["mail"], ["backup"])
