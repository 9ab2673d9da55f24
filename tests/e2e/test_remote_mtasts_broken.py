"""relay-remote and MTA-STS: where our own side fails, no mail goes as if there were no policy."""
import os

import pytest

from lib.mtasts import DAY, DOMAIN, MX, certs, world  # noqa: F401
from lib.signed import bind


def waits(world, why, *options, **more):
    o = world.mail(*options, **more)
    assert o.verdict == "Z" and o.text == "the MTA-STS policy of %s %s (#4.3.0)" % (DOMAIN, why), o
    assert not world.mx.sessions and world.reports() == [], world.said


def test_no_program(world):
    world.mail_server()
    env = world.env
    world.env = lambda dns: dict(env(dns), PATH="/nonexistent")
    waits(world, "can't be fetched and kept")
    world.keep("old", -10, DAY, MX)
    assert world.mail().tls.endswith(" sts") and world.reports() == [{"success": "1", "failure": "0"}]


def test_not_kept(world):
    """A policy that came but can't be written."""
    world.mail_server("self")
    world.policy("enforce", MX)
    os.mkdir(os.path.join(world.cache, ".new." + DOMAIN))
    waits(world, "can't be fetched and kept")
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
    """What is kept counts, also when a new one can't be."""
    s = world.mail_server("self")
    world.policy("testing", MX)
    world.keep(id, -10, DAY, MX)
    o = world.mail(enter=lambda: bind(world.cache, world.cache, read_only=True))
    assert o.verdict == "Z" and "self-signed" in o.text and not s.messages, o
    assert "event=sts-unwritable path=%s error=Read-only" % world.cache in world.said


def test_clock_is_behind(world):
    s = world.mail_server("self")
    world.keep("id1", 10 * DAY, 20 * DAY, MX)
    o = world.mail()
    assert o.verdict == "Z" and not s.messages, o
