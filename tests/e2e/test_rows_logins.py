"""The options about who logged in: rows 6 to 10 of the table of options, and what a login is worth for submission (23).
What the rules make of a login or a POP stamp relay-explain says without one; that it answers as relay-smtpd does is
shown where both know the facts. (The same rows by real logins over SMTP: test_rows_auth.)"""
import json
import subprocess

import pytest

from lib.auth import auth_plain
from lib.rows import ANN, CLIENT, EVE, JOE, STRANGER, ask, listening, tool
from lib.users import line as users_line

BOB = "bob@hosted.example"      # a hosted sender
LOGIN = ("--login", "bob")


class Explained:
    """granted, reason, reply, origin, and by: "login relay:1"."""

    def __init__(self, code, said):
        assert (code, said["verdict"]) in ((0, "accepted"), (1, "refused")), (code, said)
        self.granted, self.reason, self.reply = code == 0, said["reason"], said["reply"]
        self.origin = said["origin"]
        rule = said["rule"]
        self.by = "%s %s:%d" % (self.reason, rule["file"], rule["line"]) if rule else self.reason


def explain(instance, recipient, *facts, client=STRANGER, sender=BOB):
    r = subprocess.run([tool("relay-explain"), "--rules", instance.rules, "--json", "--client", client, "--from",
                        sender, "--to", recipient, *facts], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    assert r.returncode in (0, 1), r
    return Explained(r.returncode, json.loads(r.stdout))


@pytest.fixture
def rules(instances):
    tool("relay-explain")

    def make(**control):
        i = instances(**control)
        i.compile()
        return i
    return make


@pytest.mark.parametrize("client", [CLIENT, STRANGER])
def test_the_same_as_over_smtp(instances, client):
    tool("relay-explain")
    i = listening(instances, relay="grant clients\ngrant to partner.example\ndeny to competitor.example\n")
    for to in (ANN, JOE, "x@partner.example", "x@competitor.example", "x%y@hosted.example", "x@[192.0.2.1]"):
        over_smtp, said = ask(i, BOB, to, client), explain(i, to, client=client)
        assert (over_smtp.code, over_smtp.text) == (int(said.reply[:3]), said.reply[4:]), to
        assert (over_smtp.reason, over_smtp.origin) == (said.reason, said.origin)


def test_row_06_relay_for_authenticated_senders(rules):
    i = rules(relay="grant clients\ngrant login\n")
    for sender in (BOB, EVE, ""):
        assert explain(i, ANN, *LOGIN, sender=sender).by == "login relay:2"
        refused = explain(i, ANN, sender=sender)
        assert not refused.granted and refused.reply.startswith("550 5.7.1 ") and "log in" in refused.reply
    i.compile(relay="grant clients\n")
    assert not explain(i, ANN, *LOGIN).granted and explain(i, JOE, *LOGIN).granted


def test_row_07_relay_privilege_of_a_user(rules):
    i = rules(relay="grant clients\ngrant login\ngrant to partner.example\n")
    a = explain(i, ANN, *LOGIN, "--norelay")
    assert (a.granted, a.reason) == (False, "no-privilege") and a.reply.startswith("550 5.7.1 ")
    assert explain(i, ANN, *LOGIN).granted
    assert explain(i, JOE, *LOGIN, "--norelay").by == "hosted domains:1", "mail for us is no relaying"
    assert explain(i, ANN, *LOGIN, "--norelay", client=CLIENT).by == "client relay:1", "what others get he gets, too"
    assert explain(i, "x@partner.example", *LOGIN, "--norelay").by == "to relay:3"


def test_row_08_however_the_login_was_made(rules):
    """The rules know a login, not its mechanism; whether it went over TLS they can ask."""
    i = rules(relay="grant login\n")
    assert explain(i, ANN, *LOGIN).granted and explain(i, ANN, *LOGIN, "--tls").granted
    i.compile(relay="grant login\nrequire tls\n")
    a = explain(i, ANN, *LOGIN)
    assert (a.granted, a.by) == (False, "no-tls relay:2") and explain(i, ANN, *LOGIN, "--tls").by == "login relay:1"
    assert not explain(i, ANN, "--tls").granted


def test_row_09_auth_not_announced(instances):
    """A listener that could take logins and announces no AUTH: who logs in all the same may relay, and nobody else; the
    same listener without -A announces it."""
    tool("relay-explain")
    i = instances(relay="grant login\n", users=users_line("bob", "secret") + "\n")
    i.compile()
    checker = [tool("relay-auth"), i.path("control", "users.cdb"), "true"]
    for options, announced in ((["-a"], True), (["-a", "-A"], False)):
        i.receive(i.chain(smtpd=[*options, *checker]))
        with i.dialogue(STRANGER) as d:
            assert ("AUTH" in d.hello()) == announced
            d.quit()
    assert ask(i, BOB, ANN).reason == explain(i, ANN).reason == "relaying-denied"
    with i.dialogue(STRANGER) as d:
        d.hello()
        assert auth_plain(d, "bob", "secret").code == 235
        assert "AUTH" not in d.ok("EHLO client.example").text
        d.ok("MAIL FROM:<%s>" % BOB)
        d.ok("RCPT TO:<%s>" % ANN)
        d.quit()
    said = i.events(event="recipient")[-1]
    assert "%s %s" % (said["reason"], said["rule"]) == explain(i, ANN, *LOGIN).by == "login relay:1"


def test_row_10_pop_before_smtp(rules):
    i = rules(relay="grant clients\ngrant pop 300\n")
    assert explain(i, ANN, "--pop").by == explain(i, ANN, "--pop=bob", sender=EVE).by == "pop relay:2"
    assert explain(i, ANN).reason == explain(i, ANN, *LOGIN).reason == "relaying-denied", "a login is no stamp"
    for wrong in ("grant pop 0\n", "grant pop -1\n", "grant pop 5m\n", "grant pop 300 300\n"):
        assert i.compile(check=False, relay=wrong)[0] == 100, wrong
    i.compile(relay="grant clients\n")
    assert not explain(i, ANN, "--pop").granted
    i.compile(relay="grant pop 300\nrequire login\n")
    assert explain(i, ANN, "--pop").by == "no-login relay:2" and explain(i, ANN, "--pop", *LOGIN).by == "pop relay:1"


def test_row_12_and_17_with_a_login(rules):
    """A login is no pass for every sender where the rules say so. A hosted sender is local by a login, a stamp or a
    trusted address, and nobody else."""
    i = rules(relay="grant login\nrequire sender hosted\n")
    assert explain(i, ANN, *LOGIN).granted and explain(i, ANN, *LOGIN, sender=EVE).by == "sender-not-hosted relay:2"
    i.compile(relay="grant sender hosted forgeable\ngrant pop\n")  # a stamp that counts
    for facts, client, origin in ((LOGIN, STRANGER, "local"), (("--pop",), STRANGER, "local"), ((), CLIENT, "local"),
                                  ((), STRANGER, "claimed")):
        a = explain(i, ANN, *facts, client=client)
        assert (a.by, a.origin) == ("sender relay:1", origin), (facts, client)
        a = explain(i, ANN, *facts, client=client, sender=EVE)
        assert (a.granted, a.origin) == ("--pop" in facts, "external"), (facts, client)


def test_a_login_bound_to_other_senders(rules):
    """Whatever the rules grant, and to whomever it goes."""
    i = rules(relay="grant clients\ngrant login\n")
    for to in (ANN, JOE, "x%y@hosted.example"):
        for client in (STRANGER, CLIENT):
            a = explain(i, to, *LOGIN, "--wrong-sender", client=client)
            assert a.reason == "sender-not-yours" and a.reply.startswith("553 5.7.1 "), (to, client)
    a = explain(i, JOE, "--listener", "submission", *LOGIN, "--wrong-sender")
    assert a.reason == "sender-not-yours"
    r = subprocess.run([tool("relay-explain"), "--rules", i.rules, "--from", BOB, "--to", ANN, "--wrong-sender"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    assert r.returncode == 100 and b"--login" in r.stderr
    r = subprocess.run([tool("relay-explain"), "--rules", i.rules, "--from", BOB, "--to", ANN, *LOGIN,
                        "--wrong-sender"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    assert b"bound to other senders" in r.stdout and b"not asked: the login may not use this sender" in r.stdout


def test_row_21_nobody_without_a_login(rules):
    i = rules(relay="grant login\ngrant clients\nrequire login\n")
    assert explain(i, ANN, client=CLIENT).by == "no-login relay:3" == explain(i, ANN, "--pop").by
    assert explain(i, ANN, *LOGIN).by == "login relay:1"


def test_row_23_submission_with_a_login(rules):
    """On this listener nothing without a login, not even mail for us; with one, as the rules say."""
    i = rules(relay="grant login\n")
    submission = "--listener", "submission"
    for to in (ANN, JOE):
        for client in (STRANGER, CLIENT):
            a = explain(i, to, *submission, client=client)
            assert a.reason == "login-first" and a.reply.startswith("530 5.7.0 "), (to, client)
        assert explain(i, to, *submission, *LOGIN).granted
    assert explain(i, ANN, *submission, *LOGIN, "--norelay").reason == "no-privilege"
    assert explain(i, JOE).granted, "another listener"
