"""A stamp counts exactly as long as the rules say, also for a session that was open before it ended."""
import os
import smtplib
import subprocess
import time

import pytest

from lib.made import made_by
from lib.popchain import Relay, put
from lib.procs import program
from lib.rows import ANN as ELSEWHERE, JOE, STRANGER
from lib.stamps import PATH

CHECK = program("relay-pop-check")


def boot():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def until(folder, **env):
    r = subprocess.run([CHECK, folder, "printenv", "RELAYSTAMPUNTIL"], stdin=subprocess.DEVNULL, timeout=30,
                       env={"PATH": PATH, "TCPREMOTEIP": STRANGER, **env}, stdout=subprocess.PIPE)
    return int(r.stdout) if r.stdout else None


def test_when_it_ends(tmp_path):
    folder = str(tmp_path)
    for age, seconds in ((0, 300), (100, 300), (298, 300), (0, 86400), (59, 61)):
        put(folder, STRANGER, age)
        before = boot()
        end = until(folder, RELAY_CTRL_EXPIRY=str(seconds), RELAYSTAMPUNTIL="99999999")
        assert before + seconds - age - 2 <= end <= boot() + seconds - age, (age, seconds)
    put(folder, STRANGER, 10, b"USER=joe\0BOOTTIME=%d\0" % (boot() - 50))
    assert abs(until(folder) - boot() - 250) <= 2, "the greater age counts"
    put(folder, STRANGER, 300)
    assert until(folder, RELAYSTAMPUNTIL="99999999") is None, "what was set before says nothing"


@pytest.fixture
def relays():
    yield from made_by(Relay)


def session(r):
    s = smtplib.SMTP(r.instance.host, r.instance.port, timeout=30, source_address=(STRANGER, 0),
                     local_hostname="client.example")
    s.ehlo()
    return s


def reasons(r):
    return [(e["reason"], "pop" in e) for e in r.instance.events(event="recipient")]


def test_it_ends_within_a_session(relays):
    """The login, then silence; and between MAIL and RCPT, and from one message to the next."""
    r = relays("grant pop 6")
    put(r.stamps, STRANGER)
    with session(r) as idle, session(r) as between, session(r) as busy:
        assert between.mail(JOE)[0] == 250
        assert busy.mail(JOE)[0] == 250 and busy.rcpt(ELSEWHERE)[0] == 250
        time.sleep(6.5)
        assert idle.mail(JOE)[0] == 250 and idle.rcpt(ELSEWHERE)[0] == 550
        assert between.rcpt(ELSEWHERE)[0] == 550
        assert busy.rcpt(ELSEWHERE)[0] == 550
        assert busy.rcpt(JOE)[0] == 250, "mail for us is no relaying"
        assert busy.data("Subject: x\r\n\r\nx\r\n")[0] == 250, "who was accepted in time stays"
        put(r.stamps, STRANGER)
        busy.mail(JOE)
        assert busy.rcpt(ELSEWHERE)[0] == 550, "a session that was open before the login"
    assert reasons(r) == [("pop", True)] + [("relaying-denied", False)] * 3 + [("hosted", False)] + \
        [("relaying-denied", False)]
    with session(r) as again:
        assert again.mail(JOE)[0] == 250 and again.rcpt(ELSEWHERE)[0] == 250


def test_no_end_is_no_stamp(relays):
    r = relays("grant pop", receive=False)
    chain = r.chain()
    put(r.stamps, STRANGER)
    for how, code in (((), 250), (("-u", "RELAYSTAMPUNTIL"), 550), (("RELAYSTAMPUNTIL=",), 550),
                      (("RELAYSTAMPUNTIL=-1",), 550), (("RELAYSTAMPUNTIL=99999999x",), 550),
                      (("RELAYSTAMPUNTIL=0",), 550), (("RELAYSTAMPUNTIL=" + "9" * 30,), 550),
                      (("RELAYSTAMPUNTIL=%d" % (boot() + 1000),), 250)):
        at = chain.index(r.stamps) + 1
        r.instance.receive([*chain[:at], "env", *how, *chain[at:]])
        assert r.ask(STRANGER).code == code, how
