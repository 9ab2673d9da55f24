"""relay-pop-stamp in the chains of others: behind mailfront's pop3front-auth with several judges of passwords, behind a
checkpassword program, behind Courier; in relay-ctrl's place; and relay-pop-check before somebody else's receiver."""
import grp
import os
import shutil
import time

import pytest

from lib import pop, users
from lib.pop import ANN, JOE, PASSWORD, Courier, Mailfront, open_folder
from lib.procs import for_everybody, has_ipv6, program, wait_for
from lib.smtp import Dialogue
from lib.popchain import Relay, put, relay  # noqa: F401  (a fixture)

pytestmark = pop.needs_mailfront


@pytest.fixture(scope="module")
def users_cdb(tmp_path_factory):
    d = tmp_path_factory.mktemp("users")
    return users.compile_users(d, "\n".join(users.line(u, PASSWORD) for u in (JOE, ANN)) + "\n")


@pytest.fixture(scope="module")
def set_gid():
    with open_folder() as folder:
        yield with_group(folder)


def with_group(folder):
    """relay-pop-stamp as it is installed where logins run as the mailbox's owner: set-gid."""
    if os.geteuid():
        pytest.skip("only root can give a program to a group")
    path = shutil.copy(program("relay-pop-stamp"), folder)
    os.chown(path, 0, grp.getgrnam(pop.STAMPERS).gr_gid)
    os.chmod(path, 0o2755)
    os.chmod(folder, 0o755)
    if os.statvfs(path).f_flag & os.ST_NOSUID:
        pytest.skip("no set-gid programs on this file system")
    return path


def check(relay, server, who, user, seconds=300):
    """A wrong password, the right one, another address, and the end of it."""
    other = who[:-1] + str((int(who[-1]) + 1) % 10)
    assert not server.login(password="wrong", source=who)
    assert not relay.opened(who) and who not in relay.names()
    start = int(time.time())
    assert server.login(source=who)
    answer = relay.ask(who)
    assert (answer.by, answer.user) == ("pop relay:1", user)
    assert not relay.opened(other) and other not in relay.names()
    assert start <= os.stat(os.path.join(relay.stamps, who)).st_mtime <= time.time()
    relay.back(seconds - 10, who)
    assert relay.opened(who)
    relay.back(11, who)
    assert not relay.opened(who)


def test_mailfront_with_its_own_judge(relay):
    """cvm-pwfile says a user without a domain."""
    with Mailfront(relay.stamper()) as server:
        check(relay, server, "127.0.3.1", "joe")


def test_mailfront_with_relay_auth(relay, users_cdb):
    env = {"CHECKPASSWORD": "%s %s" % (program("relay-auth"), users_cdb)}
    cvm = os.path.join(pop.DOUBLES, "cvm_by_checkpassword.py")
    with Mailfront(relay.stamper(), cvm, env) as server:
        check(relay, server, "127.0.3.11", JOE)
    with Mailfront(relay.stamper(), cvm, dict(env, CVM_SPLIT="1")) as server:
        check(relay, server, "127.0.3.21", JOE)
        assert server.login(ANN, source="127.0.3.23") and relay.ask("127.0.3.23").user == ANN


def test_checkpassword(relay, users_cdb):
    """popup relay-auth USERS relay-pop-stamp DIR pop3front-maildir: the judge execs what stands behind."""
    judge = [pop.POPUP, program("relay-auth"), users_cdb]
    with Mailfront(relay.stamper(), popup=judge) as server:
        check(relay, server, "127.0.3.31", JOE)


def test_cvm_checkpassword(relay):
    """The same with a judge that becomes the user."""
    judge = [pop.POPUP, program("cvm-checkpassword"), program("cvm-pwfile")]
    with Mailfront(relay.stamper(), popup=judge) as server:
        assert server.login(source="127.0.3.41") and relay.ask("127.0.3.41").user == "joe"


def test_set_gid(relay, set_gid):
    """Who owns the mailbox may not write stamps, but the program may; and its PROG has the user's own group again."""
    with Mailfront(relay.stamper(), account="own") as server:
        assert server.login(source="127.0.3.51"), server.log()
        assert "127.0.3.51" not in relay.names() and not relay.opened("127.0.3.51")
    seen = os.path.join(os.path.dirname(set_gid), "seen")
    open(seen, "w").close()
    os.chmod(seen, 0o666)
    spy = os.path.join(os.path.dirname(set_gid), "spy")
    with open(spy, "w") as f:
        f.write('#!/bin/sh\ngrep -E "^(Uid|Gid|Groups)" /proc/$$/status >%s\nexec "$@"\n' % seen)
    os.chmod(spy, 0o755)
    with Mailfront([set_gid, relay.stamps, spy], account="own") as server:
        check(relay, server, "127.0.3.61", "joe")
        gid = str(server.gid)
        with open(seen) as f:
            words = f.read().split()
        assert words[:11] == ["Uid:"] + [str(server.uid)] * 4 + ["Gid:"] + [gid] * 4 + ["Groups:"]
        assert str(grp.getgrnam(pop.STAMPERS).gr_gid) not in words


@pytest.fixture(scope="module")
def courier(relay, set_gid):
    if pop.why_no_courier():
        pytest.skip(pop.why_no_courier())
    with Courier([set_gid, relay.stamps]) as server:
        yield server


def test_courier(relay, courier):
    """Its listener is of both families: what it calls ::ffff:127.0.3.71 is 127.0.3.71."""
    assert courier.login(source="127.0.3.71")
    wait_for(lambda: "ip=[::ffff:127.0.3.71]" in courier.log(), 5, courier.log)
    answer = relay.ask("127.0.3.71")
    assert (answer.by, answer.user) == ("pop relay:1", JOE)
    assert not relay.opened("127.0.3.72") and not [n for n in relay.names() if "ffff" in n]
    assert courier.login(ANN, source="127.0.3.72") and relay.ask("127.0.3.72").user == ANN
    relay.back(301, "127.0.3.71")
    assert not relay.opened("127.0.3.71") and relay.opened("127.0.3.72")


def test_courier_wrong_password(relay, courier):
    """Its answer takes five seconds, for which nobody waits."""
    with Dialogue((courier.host, courier.ports["pop3"]), "127.0.3.73") as d:
        d.send(b"USER joe@hosted.example\r\nPASS wrong\r\n")
        wait_for(lambda: "LOGIN FAILED, user=joe@hosted.example, ip=[::ffff:127.0.3.73]" in courier.log(), 10,
                 "the failure")
    assert "127.0.3.73" not in relay.names() and not relay.opened("127.0.3.73")


@pytest.mark.skipif(not has_ipv6(), reason="no ::1")
def test_courier_ipv6(relay, courier):
    assert courier.login(host="::1")
    assert relay.fields("::1")["USER"] == JOE


# In relay-ctrl's place

def test_variables_of_relay_ctrl():
    """Neither program is told a directory; the time is relay-ctrl's where no rules are."""
    with Relay(receive=False) as r:
        i = r.instance
        env = {"RELAY_CTRL_DIR": r.stamps, "RELAY_CTRL_EXPIRY": "60"}
        with Mailfront([for_everybody(program("relay-pop-stamp"))], env=env) as server:
            assert server.login(source="127.0.3.81"), server.log()
            assert not server.login(source="127.0.3.82", password="x")
        assert r.fields("127.0.3.81")["USER"] == "joe"
        i.receive([*i.chain()[:2], program("relay-pop-check"), program("relay-smtpd")], env=dict(i.env, **env))
        assert r.opened("127.0.3.81") and not r.opened("127.0.3.82")
        r.back(290, "127.0.3.81")
        assert r.opened("127.0.3.81"), "the rules' time, not the variable's"


def test_files_of_relay_ctrl(relay):
    """What its programs have left counts from the first moment; variables that it would have set are nothing."""
    put(relay.stamps, "127.0.4.1", 100)
    put(relay.stamps, "127.0.4.2", 301)
    put(relay.stamps, "127.0.4.3", 1, b"USER=joe\0DOMAIN=\0")
    put(relay.stamps, "127.0.4.4", 1, b"RELAYCLIENT=@evil\0QMAILQUEUE=/bin/false\0PATH=/nowhere\0LD_PRELOAD=x\0"
        b"RELAYRULESFD=0\0DOMAIN=hosted.example\0USER=joe\0")
    answer = relay.ask("127.0.4.1")
    assert (answer.by, answer.user) == ("pop relay:1", JOE)
    assert not relay.opened("127.0.4.2")
    assert relay.ask("127.0.4.3").user == "joe"
    answer = relay.ask("127.0.4.4")
    assert (answer.by, answer.user) == ("pop relay:1", JOE)
    with relay.instance.dialogue("127.0.4.4") as d:
        d.hello()
        assert d.mail(JOE, "ann@elsewhere.example") == 250, "the queue is ours"


# Somebody else's receiver

@pytest.mark.parametrize("gate", [False, True])
def test_mailfront_receives(gate):
    """Its plugin relayclient takes recipients where RELAYCLIENT is set, and appends what that says."""
    with Relay(receive=False) as r:
        i = r.instance
        env = dict(i.env, SMTPGREETING="mailfront.example", RELAY_CTRL_EXPIRY="60",
                   RELAY_CTRL_RELAYCLIENT="@via.example")
        foreign = [program("mailfront"), "smtp", "echo", "accept-sender", "relayclient"]
        chain = [program("relay-pop-check"), r.stamps, *foreign]
        i.receive([*(i.chain()[:2] if gate else []), *chain], env=env)
        seconds = 300 if gate else 60

        def recipient(source):
            with i.dialogue(source) as d:
                d.hello()
                d.ok("MAIL FROM:<%s>" % JOE)
                return d.cmd("RCPT TO:<ann@elsewhere.example>")
        put(r.stamps, "127.0.4.11", seconds - 10)
        put(r.stamps, "127.0.4.12", seconds + 1)
        reply = recipient("127.0.4.11")
        assert reply == 250 and "ann@elsewhere.example@via.example" in reply.text, reply
        assert recipient("127.0.4.12") == 550 and recipient("127.0.4.13") == 550
