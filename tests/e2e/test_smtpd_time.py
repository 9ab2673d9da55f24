"""relay-smtpd and the clock: silent clients, slow ones, and those that don't read. A deadline frees the slot."""
import socket
import time

import pytest

from lib.procs import wait_for
from lib.smtpd import Smtpd

MAIL = "MAIL FROM:<a@b.example>"
RCPT = "RCPT TO:<x@hosted.example>"


@pytest.fixture(scope="module")
def hasty():
    with Smtpd(limits="command-time 1\nsession-time 60\n") as s:
        yield s


@pytest.mark.parametrize("stage", range(7))
def test_silence(hasty, stage):
    says = ["", "EHLO c\r\n", MAIL, RCPT, "DATA\r\nSubject: x\r\n", "DATA\r\n", "BDAT 10\r\nSub"][stage]
    with hasty.start() as d:
        assert d.reply() == 220
        if stage >= 2:
            d.ok("EHLO c")
            d.ok(MAIL)
        if stage >= 3:
            d.ok(RCPT)
        if stage in (1, 4, 5, 6):
            d.send(says.encode())
            if stage != 6:
                d.reply()
        before = time.monotonic()
        r = d.reply()
        assert r == 421 and r.enhanced == "4.4.2"
        assert 0.7 < time.monotonic() - before < 5
        d.closed()
    hasty.ended(d, "timeout")
    assert not hasty.messages() and not hasty.leftovers()


def drip(d, byte, pause, seconds):
    """Sends byte after byte until the server says something. Returns the seconds it took."""
    before = time.monotonic()
    d.sock.settimeout(pause)
    while time.monotonic() - before < seconds:
        try:
            d.send(byte)
        except (BrokenPipeError, ConnectionResetError):
            break
        try:
            got = d.sock.recv(65536)
            d.buf += got
            break
        except socket.timeout:
            pass
    return time.monotonic() - before


def test_slow_command(hasty):
    """A byte now and then does not win time: the deadline is the command's."""
    with hasty.start() as d:
        d.hello()
        assert drip(d, b"N", 0.2, 20) < 4
        assert d.reply() == 421
        d.closed()
    hasty.ended(d, "timeout")


@pytest.mark.parametrize("how", ["command", "data", "bdat"])
def test_session_time(how):
    """Neither does a byte of a message now and then, or a command: the session as a whole has a deadline."""
    with Smtpd(limits="command-time 2\nsession-time 3\n") as s, s.start() as d:
        d.hello()
        if how != "command":
            d.ok(MAIL)
            d.ok(RCPT)
            if how == "data":
                d.ok("DATA", 354)
            else:
                d.send(b"BDAT 1000\r\n")
            assert drip(d, b"x", 0.3, 30) < 6
        else:
            before = time.monotonic()
            try:
                while d.cmd("NOOP") == 250:
                    time.sleep(0.2)
                    assert time.monotonic() - before < 6
            except (BrokenPipeError, ConnectionResetError):
                pass
            s.ended(d, "session-time")
            return
        r = d.reply()
        assert r == 421 and r.enhanced == "4.4.2"
        d.closed()
        s.ended(d, "session-time")
        assert not s.messages() and not s.leftovers()


@pytest.mark.parametrize("script", ["exec sleep 60", "trap '' TERM; while :; do sleep 0.1; done"])
@pytest.mark.parametrize("when", ["data", "big", "rset"])
def test_hung_injector(script, when):
    """The session's time is the injector's, too: five seconds for each signal behind it, no more."""
    with Smtpd(limits="command-time 60\nsession-time 2\n") as s:
        s.script("#!/bin/sh\necho $$ >>$KEEP/pids\n" + script + "\n")
        before = time.monotonic()
        with s.start(seconds=30) as d:
            d.hello()
            d.ok(MAIL)
            d.ok(RCPT)
            if when == "rset":
                d.send(b"RSET\r\n")
                assert d.reply() == 250
            else:
                d.ok("DATA", 354)
                d.send(b"Subject: x\r\n\r\n")
                if when == "data":
                    d.send(b".\r\n")
                    assert d.reply() == 451
                else:
                    with pytest.raises((BrokenPipeError, ConnectionResetError)):  # the session ends while it comes
                        d.send(20000 * (62 * b"x" + b"\r\n"))
            if when != "big":  # there it may be lost, as the session ends with input unread
                r = d.reply()
                assert r == 421 and r.enhanced == "4.4.2"
                d.closed()
            s.ended(d, "session-time")
        assert time.monotonic() - before < 2 + 10 + 3
        assert not s.messages() and not s.injectors_running()


def test_stalled_log():
    """Nobody reads the log, and its pipe is full: the session may lose its lines, but neither mail nor its end."""
    import os
    import subprocess
    from lib.smtp import Dialogue
    r, w = os.pipe()
    os.set_blocking(w, False)
    try:
        while True:
            os.write(w, 4096 * b"x")
    except BlockingIOError:
        pass
    os.set_blocking(w, True)
    with Smtpd(limits="command-time 2\nsession-time 20\n") as s:
        ours, theirs = socket.socketpair()
        with theirs:
            proc = subprocess.Popen(s.argv(), stdin=theirs, stdout=theirs, stderr=w, env=s.env())
        try:
            with Dialogue(ours, proc=proc, seconds=20) as d:
                before = time.monotonic()
                d.hello()
                assert d.mail("a@b.example", "x@hosted.example") == 250
                r421 = d.reply()
                assert r421 == 421
                d.closed()
                assert proc.wait(20) == 0
                assert time.monotonic() - before < 15
            assert len(s.messages()) == 1
        finally:
            proc.kill()
            os.close(w)
            os.close(r)


def test_deaf_client(hasty):
    """Who asks and never reads: our buffer is small, the wait has an end."""
    with hasty.start() as d:
        d.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        d.sock.settimeout(1)
        before = time.monotonic()
        try:
            while time.monotonic() - before < 20:
                d.send(1000 * b"HELP\r\n")
        except (socket.timeout, BrokenPipeError, ConnectionResetError):
            pass
        assert d.proc.wait(20) == 0
        assert time.monotonic() - before < 10
    assert hasty.events("end")[0]["why"] == "write-timeout"


def test_patient_enough(hasty):
    """Slow, but each command in time: nothing happens."""
    with hasty.start() as d:
        d.hello()
        for _ in range(4):
            time.sleep(0.4)
            d.ok("NOOP")
        d.ok(MAIL)
        d.ok(RCPT)
        d.ok("DATA", 354)
        for _ in range(4):
            time.sleep(0.4)
            d.send(b"x: y\r\n")
        d.send(b".\r\n")
        assert d.reply() == 250
        d.quit()
    wait_for(lambda: hasty.messages(), 5, "the message")
