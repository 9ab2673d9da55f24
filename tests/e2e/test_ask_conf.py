"""relay-ask where it will run: as the account of the receiving chain, which may write nowhere, with the cache that
relay-conf made, and within the chain's memory."""
import os
import pwd
import stat
import subprocess

import pytest

from lib.ask import Ask
from lib.procs import program, sanitized

pytestmark = pytest.mark.once

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root, for accounts")
USER = "mail"


def conf(*words, code=0):
    r = subprocess.run([program("relay-conf"), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
    assert r.returncode == code, r.stdout
    return r.stdout.decode()


def drop():
    who = pwd.getpwnam(USER)
    os.setgroups([])
    os.setgid(who.pw_gid)
    os.setuid(who.pw_uid)


@pytest.fixture
def rules(instances, sink):
    i = instances(routes=":%s\n" % sink.route)
    i.compile()
    os.mkdir(i.path("spool"))
    return i


@needs_root
def test_for_the_chains_account(rules, sink):
    """The folder is root's. The file is the account's: it is filled, and not replaced when it is made again."""
    path = rules.path("spool", "asked")
    conf("cache", path, "--user", USER)
    made = os.stat(path)
    assert (made.st_uid, stat.S_IMODE(made.st_mode), made.st_size) == (pwd.getpwnam(USER).pw_uid, 0o600, 0)
    with Ask(rules.rules, rules.dir, cache="spool/asked", preexec=drop) as a:
        assert a.recipient("a@hosted.example") == "yes"
    sink.close()
    conf("cache", path, "--user", USER)
    with Ask(rules.rules, rules.dir, cache="spool/asked", preexec=drop) as a:
        assert a.recipient("a@hosted.example") == "yes"
    assert [(l["event"], l["cached"]) for l in a.log()] == [("asked", "0"), ("asked", "1")]


@needs_root
def test_without_relay_conf(rules):
    """The account can't make the file itself, nor use another account's; it works without."""
    for _ in range(2):
        with Ask(rules.rules, rules.dir, cache="spool/asked", preexec=drop) as a:
            assert [a.recipient("a@hosted.example") for _ in range(2)] == ["yes", "yes"]
        conf("cache", rules.path("spool", "asked"))
    assert [l["event"] for l in a.log()] == 2 * ["no-cache", "asked", "asked"]


def test_wrong_file(rules):
    os.symlink("/etc/passwd", rules.path("spool", "link"))
    before = os.stat("/etc/passwd")
    for name in ("link", "."):
        assert "relay-conf: fatal: " in conf("cache", rules.path("spool", name), code=111)
    after = os.stat("/etc/passwd")
    assert (before.st_uid, before.st_mode) == (after.st_uid, after.st_mode)
    conf("cache", code=100)
    conf("cache", rules.path("spool", "x"), "--port", "25", code=100)


@pytest.mark.skipif(sanitized(), reason="AddressSanitizer takes more")
def test_within_the_chains_memory(rules):
    """As softlimit -m sets it for the chain, rules.cdb counted."""
    with Ask(rules.rules, rules.dir, wrap=[program("softlimit"), "-m", "30000000"]) as a:
        assert a.recipient("a@hosted.example") == "yes"
        assert a.hosts("nowhere.example")[0] in ("no", "unknown")
        assert a.recipient("b@hosted.example") == "yes"
