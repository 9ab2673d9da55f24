"""relay-smtpd and its rules: where they come from, and that without good ones nothing is open."""
import os
import random

import pytest

from lib.smtpd import Smtpd

MAIL = "MAIL FROM:<a@b.example>"
HERE = "RCPT TO:<x@hosted.example>"
AWAY = "RCPT TO:<x@else.example>"


@pytest.fixture(scope="module")
def smtpd():
    with Smtpd() as s:
        yield s


def ask(smtpd, here, away, *options, **how):
    """The replies to a recipient here, one elsewhere; each reply or a set of them."""
    with smtpd.start(*options, **how) as d:
        d.hello()
        d.ok(MAIL)
        for line, codes in ((HERE, here), (AWAY, away)):
            r = d.cmd(line)
            assert r.code in (codes if isinstance(codes, set) else {codes}), (line, r)
            assert r.enhanced.startswith("%d." % (r.code // 100))
        d.quit()
    return r


def test_option(smtpd):
    ask(smtpd, 250, 550)
    ask(smtpd, 250, 250, RELAYCLIENT="")
    ask(smtpd, 250, 550, RELAYRULES="/nonexistent", RELAYRULESFD="17")  # the option wins


def test_variable(smtpd):
    ask(smtpd, 250, 550, rules=False, RELAYRULES=smtpd.rules)


def test_descriptor(smtpd):
    """The descriptor wins over the path, is not moved, and is not the injector's."""
    fd = os.open(smtpd.rules, os.O_RDONLY)
    try:
        ask(smtpd, 250, 550, rules=False, pass_fds=(fd,), RELAYRULESFD=str(fd), RELAYRULES="/nonexistent")
        os.lseek(fd, 100, os.SEEK_SET)
        ask(smtpd, 250, 550, rules=False, pass_fds=(fd,), RELAYRULESFD=str(fd))
    finally:
        os.close(fd)


@pytest.mark.parametrize("text", ["", "x", "-1", "99", "4294967299", "0", "1", "2"])
def test_bad_descriptor(smtpd, text):
    """Closed, no number, no file: no rules, whatever RELAYRULES says, since the gate saw others."""
    ask(smtpd, 451, 451, rules=False, RELAYRULESFD=text, RELAYRULES=smtpd.rules, RELAYCLIENT="")


def test_pipe_as_descriptor(smtpd):
    r, w = os.pipe()
    ask(smtpd, 451, 451, rules=False, pass_fds=(r,), RELAYRULESFD=str(r))
    os.close(r)
    os.close(w)


@pytest.mark.parametrize("path", ["/nonexistent/rules.cdb", "/", "/etc/passwd", "/dev/null"])
@pytest.mark.parametrize("env", [{}, {"RELAYCLIENT": ""}])
def test_no_rules(smtpd, path, env):
    with smtpd.start(rules=False, RELAYRULES=path, **env) as d:
        d.hello()
        d.ok(MAIL)
        for line in (HERE, AWAY, "RCPT TO:<postmaster>", "RCPT TO:<x@[127.0.0.1]>"):
            assert d.ok(line, 451).enhanced == "4.3.5"
        d.ok("DATA", 503)
        d.quit()
    assert smtpd.events("no-rules") and smtpd.events("connect")[0]["rules"] == "none"
    assert not smtpd.messages()


def test_truncated(smtpd):
    with open(smtpd.rules, "rb") as f:
        whole = f.read()
    path = os.path.join(smtpd.dir, "cut.cdb")
    for n in list(range(0, len(whole), 64)) + [len(whole) - 1]:
        with open(path, "wb") as f:
            f.write(whole[:n])
        ask(smtpd, 451, 451, rules=False, RELAYRULES=path, RELAYCLIENT="")


@pytest.mark.parametrize("seed", range(8))
def test_hostile(smtpd, seed):
    """Bytes changed at random: never a crash, and a stranger never relays."""
    rng = random.Random(seed)
    with open(smtpd.rules, "rb") as f:
        whole = f.read()
    path = os.path.join(smtpd.dir, "hostile.cdb")
    for _ in range(12):
        raw = bytearray(whole)
        for _ in range(rng.choice((1, 4, 64, 1024))):
            raw[rng.randrange(len(raw))] = rng.choice((0, 255, 128, rng.randrange(256)))
        with open(path, "wb") as f:
            f.write(raw)
        ask(smtpd, {250, 451, 550}, {451, 550}, rules=False, RELAYRULES=path)


def test_all_bytes_hostile(smtpd):
    path = os.path.join(smtpd.dir, "hostile.cdb")
    for byte in (b"\0", b"\xff", b"\x01"):
        for n in (2048, 4096):
            with open(path, "wb") as f:
                f.write(n * byte)
            ask(smtpd, 451, 451, rules=False, RELAYRULES=path, RELAYCLIENT="")


def test_trust(smtpd):
    """What RELAYCLIENT opens, and that its value opens no more."""
    with smtpd.start(RELAYCLIENT="", RELAYBY="clients:7") as d:
        d.hello()
        assert d.mail("a@b.example", "x@else.example") == 250
        d.quit()
    assert b"\n  (client clients:7)\n" in smtpd.messages()[-1][2]
    with smtpd.start(RELAYCLIENT="@hosted.example") as d:
        d.hello()
        assert d.mail("a@b.example", "x@else.example") == 250
        d.quit()
    assert smtpd.messages()[-1][1] == ['"x@else.example"@hosted.example']
    assert smtpd.messages()[-1][1] == ['"x@else.example"@hosted.example']
    # a message that stays and goes on: why it may go on
    with smtpd.start(RELAYCLIENT="", RELAYBY="clients:7") as d:
        d.hello()
        assert d.mail("a@b.example", ["x@hosted.example", "x@else.example"]) == 250
        d.quit()
    assert b"\n  (client clients:7)" in smtpd.messages()[-1][2]
    # a value that makes no address of anything
    with smtpd.start(RELAYCLIENT="@") as d:
        d.hello()
        d.ok(MAIL)
        r = d.ok(HERE, 451)
        assert r.enhanced == "4.3.5" and "appended" in r.text
        d.quit()
    # trusted by the gate, but no rule grants anything for that
    with Smtpd(relay="grant login\n") as s, s.start(RELAYCLIENT="") as d:
        d.hello()
        d.ok(MAIL)
        d.ok(AWAY, 550)
        d.ok(HERE)
        d.quit()
