"""The whole receiving chain, real relay-smtpd included, has one place, and a client holds it up within the handshake:
it is freed, and the next client is served under TLS."""
import os
import time

import pytest

from lib.procs import program
from lib.smtp import Dialogue
from lib.tls import House, context

STALLS = ("silent", "some bytes", "half closed", "gone")
WAYS = [(now, keys) for now in (False, True) for keys in (False, True)]


@pytest.fixture(scope="module")
def house():
    with House() as h:
        h.tlsd("-h", "1")
        hasty = h.path("hasty")
        with open(hasty, "w") as f:
            f.write("#!/bin/sh\nexec %s -h 1 \"$@\"\n" % program("relay-tlsd"))
        os.chmod(hasty, 0o755)
        yield h
        said = h.log("tlsd.log")
        assert "Sanitizer" not in said and "runtime error:" not in said, said


def listen(instances, house, now, keys, limits="", patient=False):
    """relay-tlsd gives a client one second, or, patient, its minute under -k."""
    i = instances(limits=limits, env={"RELAYTLSD": program("relay-tlsd") if patient else house.path("hasty")})
    i.compile()
    tls = [program("relay-tls"), *(["-i"] if now else []), *(["-k", house.certs] if keys else [house.socket])]
    i.receive([*i.chain()[:2], *tls, program("relay-smtpd")], concurrency=1)
    return i


def due(i, now):
    """A connection whose handshake is due; it has the one place."""
    d = i.dialogue()
    if not now:
        d.hello()
        d.ok("STARTTLS", 220)
    return d


def stall(d, how):
    if how in ("some bytes", "half closed"):
        d.send(b"\x16\x03\x01\x02\x00\x01")
    if how == "half closed":
        d.shut()
    if how == "gone":
        d.close()


def served(i, now):
    """A whole session under TLS."""
    with Dialogue((i.host, i.port), seconds=10) as d:
        if not now:
            d.hello()
            d.ok("STARTTLS", 220)
        d.sock = context().wrap_socket(d.sock)
        if now:
            assert d.reply().code == 220
        d.ok("EHLO client.example")
        assert d.mail("a@b.example", "x@hosted.example").code == 250
        d.ok("QUIT", 221)


@pytest.mark.parametrize("how", STALLS)
@pytest.mark.parametrize("now, keys", WAYS)
def test_the_place_is_freed(instances, house, now, keys, how):
    i = listen(instances, house, now, keys)
    start = time.monotonic()
    d = due(i, now)
    stall(d, how)
    served(i, now)
    took = time.monotonic() - start
    assert took < 5 and (took > 0.8) == (how in ("silent", "some bytes")), took
    if how != "gone":
        assert b"220" not in d.rest(), "the end, and not a word in the clear"
        d.close()
    if not now:
        assert "tls-failed" in [e["why"] for e in i.events(event="end")]
    assert len(i.queued()) == 1


@pytest.mark.parametrize("keys", [False, True])
def test_relay_smtpd_has_a_limit_of_its_own(instances, house, keys):
    """relay-tlsd would wait for a minute."""
    with House() as patient:
        patient.tlsd()
        i = listen(instances, patient, False, keys, limits="command-time 1\n", patient=True)
        start = time.monotonic()
        with due(i, False) as d:
            d.send(b"\x16\x03\x01")
            served(i, False)
            assert 0.8 < time.monotonic() - start < 5
            assert d.rest() == b""
        assert [e["why"] for e in i.events(event="end")][0] == "tls-failed"
        if not keys:
            assert "why=the\\x20receiver\\x20is\\x20gone" in patient.log("tlsd.log")
