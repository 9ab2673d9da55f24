"""The program that AUTH asks: missing, misused, always saying yes, slow, dying, babbling. Whatever it is, nobody
gets in by it, and the session goes on."""
import base64
import os
import subprocess
import sys
import time

import pytest

from lib.auth import (CHECKER, CHECKPASSWORD, USER, AuthSmtpd, auth_cram, auth_login, auth_plain,
                      auth_scram, plain)
from lib.memory import found
from lib.procs import program as tool
from lib.procs import sanitized, status_of, wait_for

OUT = "ann@elsewhere.example"
USERS = ("bob s3cret_pass\nslow s3cret_pass sleep=30\ntwo s3cret_pass exit=2\nlater s3cret_pass exit=111\n"
         "seven s3cret_pass exit=7\nnever s3cret_pass exit=100\nhalf s3cret_pass say=relay\n"
         "unknown s3cret_pass shoe=9\nlong s3cret_pass from=%s\n"
         "name s3cret_pass user=%s\n" % (70000 * "x", 300 * "n"))


@pytest.fixture(scope="module")
def shared():
    with AuthSmtpd(USERS, limits="auth-time 1\n") as s:
        yield s


PYTHON = [sys.executable, "-S"]
# What stands behind relay-smtpd's options, and what the log says of it; None: nothing
GIVEN = [
    ([], None), (["true"], "always-yes"), (["/nonexistent/relay-auth"], "not-started"), (["cat"], "always-yes"),
    (["true", CHECKPASSWORD], "always-yes"), (["/nonexistent/relay-auth", "users.cdb"], "not-started"),
    (["true", *PYTHON, CHECKPASSWORD], "always-yes"), (["/nonexistent/relay-auth", "users.cdb", "true"], "not-started"),
    (["sh", "-c", "exit 111"], "exit-code"), (["sh", "-c", "exit 127"], "exit-code"), (["sleep", "30"], "late"),
    (["sh", "-c", "kill -9 $$"], "killed"), (["sh", "-c", "printf 'relay=2\\0' >&4; exit 2"], "attributes"),
    (["/"], "not-started"),
]


@pytest.mark.parametrize("words, why", GIVEN)
def test_no_login_by_wrong_words(shared, words, why):
    """0, 1, 2, 3 words: no AUTH is offered, none is taken, nothing is relayed, and mail for us comes in."""
    with shared.start("-a", *words) as d:
        assert "AUTH" not in d.hello()
        for line in ("AUTH PLAIN AGJvYgBzM2NyZXQgcGFzcw==", "AUTH LOGIN", "AUTH CRAM-MD5", "AUTH SCRAM-SHA-256"):
            r = d.cmd(line)
            assert (r.code, r.enhanced) == ((502, "5.5.1") if not words else (454, "4.7.0")), r
        assert d.mail("bob@hosted.example", OUT).code == 550
        d.ok("RSET")
        assert d.mail("bob@hosted.example", "x@hosted.example").code == 250
        d.quit()
    said = shared.events("checker")
    assert [e["why"] for e in said] == ([why] if why else []), shared.log()


ANY = "[ $(head -c 1 <&3 | wc -c) = 1 ] || exit 2; "


@pytest.mark.parametrize("script, plain_fails", [("exit 0", False), ("[ $RELAYAUTHMECH = LOGIN ]", True)])
def test_yes_to_every_question(shared, script, plain_fails):
    """It says no to the canary, and yes to whatever else it is asked."""
    with shared.start("-a", "sh", "-c", ANY + script) as d:
        assert d.hello()["AUTH"] == ["PLAIN", "LOGIN", "CRAM-MD5"]
        if plain_fails:
            assert auth_plain(d).code == 535
        assert auth_login(d).code == 454 and auth_plain(d).code == 454
        assert "AUTH" not in d.ok("EHLO again.example").text
        assert d.mail("bob@hosted.example", OUT).code == 550
    assert [(e["why"], e["mechanism"]) for e in shared.events("checker")] == [("always-yes", "LOGIN")]


@pytest.mark.parametrize("code", [1, 2, 100, 111])
def test_no_to_a_stranger(shared, code):
    """However a checker that doesn't know us refuses who does not exist: that is asked once, and shows nowhere."""
    asked = os.path.join(shared.dir, "strangers.%d" % code)
    script = "echo x >>%s; name=$(head -c 3 <&3); [ $name ] || exit 2; [ $name = bob ] || exit %d" % (asked, code)
    with shared.start("-a", "sh", "-c", script) as d:
        d.hello()
        assert auth_plain(d, "rob").code == (535 if code in (1, 100) else 454)
        assert auth_plain(d).code == 235
        assert d.mail("bob@hosted.example", OUT).code == 250
    with open(asked) as f:
        assert len(f.read().split()) == 4, "the canary, rob, bob, the stranger"
    assert [e["user"] for e in shared.events("login")] == (["rob"] if code in (1, 100) else []) + ["bob"]


@pytest.mark.parametrize("words", [[CHECKPASSWORD], [CHECKER]])
def test_a_checker_without_program(shared, words):
    """checkpassword without the rest of its words is misused whatever it is asked: no login works."""
    with shared.start("-a", *PYTHON, *words) as d:
        d.hello()
        r = auth_plain(d)
        assert (r.code, r.enhanced) == (454, "4.7.0")
        assert d.mail("bob@hosted.example", OUT).code == 550


def test_canary_is_asked_once_and_gets_nothing(shared):
    with shared.session() as d:
        for _ in range(3):
            d.ok("EHLO again.example")
        assert auth_plain(d).code == 235
    with open(shared.asked_path()) as f:
        assert f.read().splitlines()[:-1] == ["- "]


def test_a_checker_that_does_not_know_us_yet(shared):
    with shared.session(SILENT="1", CANARY="1") as d:
        assert d.extensions["AUTH"] == ["PLAIN", "LOGIN", "CRAM-MD5"]
        assert auth_plain(d).code == 235


@pytest.mark.parametrize("user, why", [("two", "misused"), ("later", "exit-code"), ("seven", "exit-code"),
                                       ("half", "attributes"), ("unknown", "attributes"), ("name", "attributes")])
def test_nobody_can_tell(shared, user, why):
    """454: no failed login, no delay."""
    with shared.session(RELAYFAILURES="/dev/null/none") as d:
        before = time.monotonic()
        for login in (auth_plain, auth_login, auth_cram, auth_scram):
            r = login(d, user)
            assert (r.code, r.enhanced) == (454, "4.7.0"), (login, r)
        assert time.monotonic() - before < 4
        assert d.mail("bob@hosted.example", OUT).code == 550
    assert [e["why"] for e in shared.events("checker")] == 4 * [why] and shared.events("login") == []


def test_another_no(shared):
    """cvm-checkpassword's, and the word of qmail's programs for what is permanent: a failed login like any other."""
    with shared.session(RELAYFAILURES="/dev/null/none") as d:
        assert [auth_plain(d, "never").code for _ in range(3)] == [535] * 3
        assert d.reply().code == 421, "and they count"
    assert [e["verdict"] for e in shared.events("login")] == ["refused"] * 3 and shared.events("checker") == []


@pytest.mark.parametrize("user", ["slow", "long"])
def test_late(shared, user):
    with shared.session() as d:
        before = time.monotonic()
        assert auth_plain(d, user).code == 454
        assert (0.9 if user == "slow" else 0) < time.monotonic() - before < 5
        assert auth_plain(d).code == 235
    assert shared.events("checker")[0]["why"] == ("late" if user == "slow" else "attributes")


def test_a_program_that_is_late_is_gone(shared):
    pids = os.path.join(shared.dir, "late.pids")
    script = "[ $RELAYAUTHMECH ] || exit 2; sleep 30 & echo $! $$ >%s; wait" % pids
    with shared.start("-a", "sh", "-c", script) as d:
        d.hello()
        assert auth_plain(d).code == 454
        with open(pids) as f:
            gone = [int(p) for p in f.read().split()]
        wait_for(lambda: not [p for p in gone if status_of(p, "VmSize")], 5, "the whole group gone")


def test_what_it_inherits(shared):
    """Descriptors 0 to 4 and no more, not the connection, not the rules; the environment says the mechanism."""
    out = os.path.join(shared.dir, "inherits")
    script = ("[ $RELAYAUTHMECH ] || exit 2; { ls -l /proc/$$/fd; env; } >%s; cat <&3 >>%s; exit 1" % (out, out))
    with open(shared.rules, "rb") as rules:
        os.set_inheritable(rules.fileno(), True)
        with shared.start("-a", "sh", "-c", script, rules=False, RELAYRULESFD=str(rules.fileno()), RELAYAUTHFD="77",
                          AUTHUSER="stale", SMTPAUTHUSER="stale", pass_fds=[rules.fileno()]) as d:
            d.hello()
            assert auth_plain(d).code == 535
    with open(out, "rb") as f:
        said = f.read().decode("latin-1")
    fds = {l.split(" -> ")[0].rsplit(" ", 1)[1]: l.split(" -> ")[1] for l in said.splitlines() if " -> " in l}
    assert set("01234") <= set(fds) and fds["0"] == fds["1"].replace(out, "/dev/null") == "/dev/null", fds
    assert fds["3"].startswith("pipe:") and fds["4"].startswith("pipe:")
    assert not [v for k, v in fds.items() if v.startswith("socket:") or "rules" in v], fds
    assert "RELAYAUTHFD=4\n" in said and "RELAYAUTHMECH=PLAIN\n" in said and said.endswith("bob\0s3cret pass\0\0")
    assert "RELAYRULESFD" not in said and "stale" not in said


def test_secrets_are_wiped(shared):
    """Nothing of a password is left in the process: looked for in all its memory, while the session waits."""
    if sanitized():
        pytest.skip("AddressSanitizer's own memory is too large to look into, and keeps what was freed")
    secret = "Zq7vUnmistakable"
    with open(shared.users, "a") as f:
        f.write("zed %s\n" % secret)
    d = shared.session()
    pid = d.proc.pid
    needles = {"all": secret.encode(), "middle": secret[3:12].encode()}
    for at in range(3):
        needles["base64 %d" % at] = base64.b64encode(b"x" * at + secret.encode())[4:16]
    with d:
        assert auth_plain(d, "zed", secret + "!").code == 535
        assert found(pid, needles) == set()
        for piece in ("AUTH PLA", "IN " + base64.b64encode(b"\0zed\0" + secret.encode()).decode()[:20]):
            d.send(piece.encode())
            time.sleep(0.2)
        d.send(base64.b64encode(b"\0zed\0" + secret.encode())[20:] + b"\r\nNOOP\r\n")
        assert d.reply().code == 235 and d.reply().code == 250
        assert found(pid, needles) == set()
        for line in ("AUTH LOGIN", base64.b64encode(secret.encode()).decode()):
            assert d.cmd(line).code in (500, 503)
        assert found(pid, needles) == set(), "not even where it was no password"
        d.quit()
    with shared.session() as d:
        assert auth_login(d, "zed", secret).code == 235 and found(d.proc.pid, needles) == set()


def test_plain_checkpassword(shared):
    """The same dialogues with a program that knows nothing of us: no SCRAM, the others as ever."""
    for login in (auth_plain, auth_login, auth_cram):
        with shared.session(program=CHECKPASSWORD) as d:
            assert d.extensions["AUTH"] == ["PLAIN", "LOGIN", "CRAM-MD5"]
            assert d.cmd("AUTH SCRAM-SHA-256").code == 504
            assert login(d, USER, "wrong").code == 535
            assert login(d).code == 235 and d.mail("bob@hosted.example", OUT).code == 250
            assert base64.b64decode(plain()).split(b"\0")[2] not in shared.log().encode()
    with shared.session("-C", program=CHECKPASSWORD, SWAPPED="1") as d:
        assert auth_cram(d).code == 235


def test_usage(shared):
    for words in (["-m", "nothing"], ["-m", ""], ["-m"], ["-x"]):
        r = subprocess.run([tool("relay-smtpd"), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20,
                           stdin=subprocess.DEVNULL)
        assert r.returncode == 100 and r.stdout == b"" and r.stderr, words
