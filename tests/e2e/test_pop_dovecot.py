"""POP3 and IMAP logins at a real Dovecot open relaying for the address that logged in, as long as `grant pop` says, and
for nobody else."""
import os
import re
import shutil
import smtplib
import subprocess
import time

import pytest

from lib.dovecot import Dovecot
from lib.pop import ANN, JOE, PASSWORD, STAMPERS, Pop3, open_folder, program_or_none, stamps_folder
from lib.procs import ROOT, for_everybody, has_ipv6, program, wait_for
from lib.rows import ANN as ELSEWHERE
from lib.sink import Sink
from lib.popchain import Relay

pytestmark = pytest.mark.skipif(not program_or_none("dovecot") or not os.path.exists("/usr/lib/dovecot/pop3"),
                                reason="no Dovecot: sh package/deps install test")
TEXT = "Subject: after a login\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def relay():
    with Sink() as sink, Relay(routes=":%s\n" % sink.route) as r:
        r.sink = sink
        r.instance.send()
        yield r


@pytest.fixture(scope="module")
def dovecot(relay):
    hosts = ["127.0.0.1"] + ["::1"] * has_ipv6()
    with Dovecot(relay.stamper(), hosts, trusted="127.0.0.99") as d:
        yield d


def curl(dovecot, protocol, source, password=PASSWORD):
    """Its exit code: 67 is a login that was refused."""
    url = "%s://127.0.0.1:%d/%s" % (protocol, dovecot.ports[protocol], "" if protocol == "pop3" else "INBOX")
    argv = ["curl", "-sS", "--interface", source, "--user", JOE + ":" + password, url,
            *(["-X", "NOOP"] if protocol == "imap" else [])]
    return subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode


def python(dovecot, protocol, source, password=PASSWORD):
    return 0 if dovecot.login(password=password, source=source, protocol=protocol) else 67


WAYS = [(curl, "pop3"), (curl, "imap"), (python, "pop3"), (python, "imap")]


@pytest.mark.parametrize("n, client, protocol", [(n, *w) for n, w in enumerate(WAYS)])
def test_login_then_send(relay, dovecot, n, client, protocol):
    if client is curl and not shutil.which("curl"):
        pytest.skip("no curl: sh package/deps install test")
    who, neighbour = "127.0.1.%d" % (10 + n), "127.0.2.%d" % (10 + n)
    assert client(dovecot, protocol, who, "wrong") == 67
    assert not relay.opened(who) and who not in relay.names()
    assert client(dovecot, protocol, who) == 0
    answer = relay.ask(who)
    assert (answer.by, answer.user) == ("pop relay:1", JOE)
    assert not relay.opened(neighbour)
    fields = relay.fields(who)
    assert fields["USER"] == JOE and "DOMAIN" not in fields and 0 < int(fields["BOOTTIME"]) <= time.monotonic() + 1e9
    before = len(relay.sink.messages)
    if client is curl:
        message = relay.instance.path("message")
        with open(message, "w") as f:
            f.write(TEXT)
        argv = ["curl", "-sS", "--interface", who, "smtp://127.0.0.1:%d" % relay.instance.port, "--mail-from", JOE,
                "--mail-rcpt", ELSEWHERE, "--upload-file", message]
        subprocess.run(argv, check=True, timeout=60)
    else:
        with smtplib.SMTP("127.0.0.1", relay.instance.port, "client", 30, (who, 0)) as s:
            assert s.sendmail(JOE, [ELSEWHERE], TEXT) == {}
        with smtplib.SMTP("127.0.0.1", relay.instance.port, "client", 30, (neighbour, 0)) as s:
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                s.sendmail(JOE, [ELSEWHERE], TEXT)
    message = relay.sink.wait(before + 1)[before]
    assert message.recipients == [ELSEWHERE] and "[%s]" % who in message.header("Received")[0]


@pytest.mark.parametrize("protocol", ["pop3", "imap"])
def test_exactly_so_long(relay, dovecot, protocol):
    who = "127.0.1.%d" % (20 if protocol == "pop3" else 21)
    start = int(time.time())
    assert dovecot.login(source=who, protocol=protocol)
    assert start <= os.stat(os.path.join(relay.stamps, who)).st_mtime <= time.time(), "the time of the login"
    for back, opened in ((290, True), (11, False), (100000, False)):
        relay.back(back, who)
        assert relay.opened(who) == opened
    assert dovecot.login(source=who, protocol=protocol), "once more"
    assert relay.opened(who)
    relay.back(-3600, who)
    assert not relay.opened(who), "who knows when that was"


def test_some_seconds(dovecot, relay):
    """The same with the clock on the wall. Two clocks count whole seconds, so it may end two seconds early."""
    with Relay("grant pop 5", stamps=relay.stamps) as short:
        began = time.time()
        assert dovecot.login(source="127.0.1.30")
        assert short.opened("127.0.1.30") or time.time() - began > 2.9
        wait_for(lambda: not short.opened("127.0.1.30"), 20, "the end", pause=0.1)
        assert time.time() - began > 2.9 and relay.opened("127.0.1.30")
        began = time.time()
        assert dovecot.login(source="127.0.1.30")
        assert short.opened("127.0.1.30") or time.time() - began > 2.9


def test_last_one_counts(relay, dovecot):
    """Two users behind one address: the name is the last one's."""
    for user in (JOE, ANN, JOE):
        assert dovecot.login(user, source="127.0.1.40")
        assert relay.ask("127.0.1.40").user == user
    assert len([n for n in relay.names() if "127.0.1.40" in n]) == 1


def test_who_is_not_logged_in_opens_nothing(relay, dovecot):
    before = relay.names()
    for protocol in ("pop3", "imap"):
        assert not dovecot.login("nobody@hosted.example", source="127.0.1.50", protocol=protocol)
        assert not dovecot.login("../../etc/passwd", source="127.0.1.50", protocol=protocol)
    assert not relay.opened("127.0.1.50") and relay.names() == before


@pytest.mark.skipif(not has_ipv6() or not program_or_none("systemd-socket-activate"), reason="no ::1, or no systemd")
@pytest.mark.parametrize("protocol", ["pop3", "imap"])
def test_ipv6(relay, dovecot, protocol):
    """(Networks of IPv6: test_pop_net.)"""
    with Relay(stamps=relay.stamps, dual=True) as r:
        for name in ("::1", "::"):
            if name in r.names():
                os.unlink(os.path.join(r.stamps, name))
        assert not r.opened("::1")
        assert dovecot.login(host="::1", protocol=protocol)
        assert r.fields("::1")["USER"] == JOE and "NET" not in r.fields("::1") and r.fields("::")["NET"] == "64"
        assert r.ask("::1").user == JOE and r.opened("::1")
        r.back(301, "::1")
        assert not r.opened("::1"), "the network's is none of the address"


def test_behind_a_proxy(relay, dovecot):
    """Dovecot believes its own proxies, and so do we: the stamp is the client's, not the proxy's. Nobody else's word
    is taken."""
    for source, said in (("127.0.0.99", "198.51.100.7"), ("127.0.1.60", "198.51.100.8")):
        c = Pop3("127.0.0.1", dovecot.ports["pop3"], source)
        c.sock.sendall(b"XCLIENT ADDR=%s PORT=4711\r\n" % said.encode())
        c._getline()
        c.user(JOE)
        c.pass_(PASSWORD)
        c.quit()
    assert relay.fields("198.51.100.7")["USER"] == JOE and "127.0.0.99" not in relay.names()
    assert relay.fields("127.0.1.60")["USER"] == JOE and "198.51.100.8" not in relay.names()


def test_as_the_man_page_has_it(relay, dovecot):
    """Its example is what these tests run; and Dovecot finds nothing wrong with it."""
    with open(os.path.join(ROOT, "man", "relay-pop-stamp.8")) as f:
        page = f.read()
    example = page[page.index("service pop3 {\n"):]
    example = example[:example.index("\n.Ed")].replace(
        "/usr/local/bin/relay-pop-stamp /var/spool/posthouse/stamps", " ".join(relay.stamper()))
    with open(dovecot.path("dovecot.conf")) as f:
        ours = f.read().replace("  vsz_limit = 0\n", "")    # for sanitizers
    if os.geteuid():    # one account has all, then
        example, ours = (re.sub("  (user|group) = .*\n", "", text) for text in (example, ours))
    assert example.replace("group = posthousepop", "group = " + STAMPERS) in ours
    assert dovecot.login(source="127.0.1.65") and dovecot.login(source="127.0.1.65", protocol="imap")
    assert "Error" not in dovecot.log() and "event=" not in dovecot.log(), dovecot.log()


def test_no_failure_of_ours_fails_a_login():
    """Missing, a file, of everybody, not ours to write: each login works, none opens anything, the log says why."""
    with open_folder() as folder:
        at = {n: os.path.join(folder, n) for n in ("good", "everybody", "readonly", "file", "loop", "missing")}
        for name, bits in (("good", 0o2770), ("everybody", 0o777), ("readonly", 0o555)):
            os.chmod(stamps_folder(at[name]), bits)
        open(at["file"], "w").close()
        os.symlink("loop", at["loop"])
        which, script = os.path.join(folder, "which"), os.path.join(folder, "post-login")
        with open(script, "w") as f:
            f.write('#!/bin/sh\nread -r dir < %s\nexec %s "$dir" "$@"\n' % (
                which, for_everybody(program("relay-pop-stamp"))))
        os.chmod(script, 0o755)
        with Dovecot([script]) as d:
            for dir in [at[n] for n in ("missing", "file", "everybody", "readonly", "loop")] + ["/dev/null", ""]:
                with open(which, "w") as f:
                    f.write(dir + "\n")
                for protocol in ("pop3", "imap"):
                    before = len(d.log())
                    assert d.login(source="127.0.1.70", protocol=protocol), dir
                    wait_for(lambda: "event=no-stamp" in d.log()[before:], 10, lambda: "a word on %s: %s" % (
                        dir, d.log()[before:]))
            assert not any(os.listdir(at[n]) for n in ("everybody", "readonly"))
            with open(which, "w") as f:
                f.write(at["good"] + "\n")
            assert d.login(source="127.0.1.70") and os.listdir(at["good"]) == ["127.0.1.70"]
