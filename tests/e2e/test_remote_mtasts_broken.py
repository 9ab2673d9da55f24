"""relay-remote and MTA-STS: where our own side fails, no mail goes as if there were no policy."""
import os
import tempfile

import pytest

from lib.https import page
from lib.mtasts import DAY, DOMAIN, MX, certs, world  # noqa: F401
from lib.procs import for_everybody, program
from lib.signed import bind

pytestmark = pytest.mark.once

SPOOL = "/var/spool/posthouse"


def nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def waits(world, why, *options, **more):
    o = world.mail(*options, **more)
    assert o.verdict == "Z" and o.text == "the MTA-STS policy of %s %s (#4.3.0)" % (DOMAIN, why), o
    assert not world.mx.sessions and world.reports() == [], world.said


def test_no_program(world):
    world.mail_server()
    env = world.env
    world.env = lambda dns: dict(env(dns), PATH="/nonexistent")
    waits(world, "can't be fetched")
    world.keep("old", -10, DAY, MX)
    assert world.mail().tls.endswith(" sts") and world.reports() == [{"success": "1", "failure": "0"}]


def test_not_kept(world):
    """A policy that came but can't be written counts for the connection."""
    s = world.mail_server("self")
    world.policy("enforce", MX)
    os.mkdir(os.path.join(world.cache, ".new." + DOMAIN))
    o = world.mail()
    assert o.verdict == "Z" and "self-signed" in o.text and not s.messages, o
    assert "event=sts-failed" in world.said and "Is\\x20a\\x20directory" in world.said


def test_unreadable(world):
    """Something is kept, and nobody knows what."""
    world.mail_server("self")
    os.mkdir(os.path.join(world.cache, DOMAIN))
    waits(world, "can't be read")
    assert "event=sts-unreadable domain=%s error=Is\\x20a\\x20directory" % DOMAIN in world.said
    assert world.mail(words=";tls=none").verdict == "K", "here it would not count"


def test_no_directory(world):
    """Without it there is no MTA-STS, and no question about it. The log tells where the operator named it."""
    s = world.mail_server("self")
    world.policy("enforce", MX)
    assert world.mail("-m", "/nonexistent").verdict == "K"
    assert "event=no-mta-sts path=/nonexistent error=No\\x20such" in world.said
    env = world.env
    world.env = lambda dns: dict(env(dns), RELAYMTASTS="/nonexistent")
    assert world.mail().verdict == "K" and "event=no-mta-sts" in world.said
    assert not any("mta-sts" in n for n, _, _ in world.asked) and len(s.messages) == 2


def test_unusable_directory(world):
    """It may have a policy for any domain."""
    world.mail_server("self")
    open(os.path.join(world.cache, "file"), "w").close()
    path = os.path.join(world.cache, "file", "x")
    waits(world, "can't be read", "-m", path)
    assert "event=sts-unreadable path=%s error=Not\\x20a\\x20directory" % path in world.said
    assert not any("mta-sts" in n for n, _, _ in world.asked)


@pytest.mark.parametrize("id", ["id1", "id0"])
def test_read_only(world, id):
    """What is kept counts while it has the id, and a new one that can't be kept for the connection."""
    s = world.mail_server("self")
    world.policy("enforce" if id == "id0" else "testing", MX)
    world.keep(id, -10, DAY, MX, mode="enforce" if id == "id1" else "testing")
    o = world.mail(enter=lambda: bind(world.cache, world.cache, read_only=True))
    assert o.verdict == "Z" and "self-signed" in o.text and not s.messages, o
    assert "event=sts-unwritable path=%s error=Read-only" % world.cache in world.said
    assert len(world.web.asked) == (id == "id0")


def test_old_and_read_only(world):
    """It counts, and nobody fetches what he can't keep."""
    world.mail_server()
    world.keep("id1", -2 * DAY, DAY, MX)
    o = world.mail(enter=lambda: bind(world.cache, world.cache, read_only=True))
    assert o.tls.endswith(" sts") and not world.web.asked and "sts-failed" not in world.said


@pytest.fixture
def stranger(world):
    """relay-remote's user is another one than the directory's."""
    path, world.ca, env = os.path.dirname(for_everybody(program("relay-mtasts"))), for_everybody(world.ca), world.env
    world.env = lambda dns: dict(env(dns), PATH=path)
    with tempfile.TemporaryDirectory() as world.cache:
        yield world


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("mode", [0o755, 0o711])
def test_another_user(stranger, mode):
    """Who may look into the directory, and no more, knows what is kept, and fetches the rest for himself."""
    world = stranger
    s = world.mail_server("self")
    world.policy("enforce", MX)
    os.chmod(world.cache, mode)
    o = world.mail(enter=nobody)
    assert o.verdict == "Z" and "self-signed" in o.text and not s.messages, (o, world.said)
    assert "kept\\x20in\\x20%s:\\x20Permission" % world.cache in world.said and not os.listdir(world.cache)
    world.keep("id1", -10, DAY, mode="none")
    assert world.mail(enter=nobody).verdict == "K" and len(world.web.asked) == 1


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_closed(stranger, tmp_path):
    """A directory that may not be looked into may have a policy; the usual one, in what is closed to us, has none."""
    world = stranger
    s = world.mail_server("self")
    spool = tmp_path / "spool"
    usual = spool / "posthouse" / "mta-sts"
    usual.mkdir(parents=True)
    env = world.env
    world.env = lambda dns: {n: v for n, v in env(dns).items() if n != "RELAYMTASTS"}

    def enter():
        bind(str(spool), os.path.dirname(SPOOL))
        nobody()
    os.chmod(usual, 0o600)
    waits(world, "can't be read", enter=enter)
    os.chmod(usual.parent, 0o700)
    waits(world, "can't be read", "-m", os.path.join(SPOOL, "mta-sts"), enter=enter)
    assert world.mail(enter=enter).verdict == "K" and len(s.messages) == 1
    assert "event=sts-unreadable path=%s/mta-sts error=Permission" % SPOOL in world.said


def test_clock_is_behind(world):
    s = world.mail_server("self")
    world.keep("id1", 10 * DAY, 20 * DAY, MX)
    o = world.mail()
    assert o.verdict == "Z" and not s.messages, o


@pytest.mark.parametrize("record,fetched", [(True, False), (False, False), (True, True)])
def test_clock_was_ahead(world, record, fetched):
    """What was fetched years from now counts no longer than the TXT record has its id; else it would for years."""
    world.mail_server("self")
    world.keep("old", 5000 * DAY, 5100 * DAY, MX)
    if not record:
        world.id("id1", txt=[])
    if fetched:
        world.policy("enforce", MX)
    else:
        world.web.answer = page("no", "404 Not Found")
    assert world.mail().verdict == ("Z" if fetched else "K")
