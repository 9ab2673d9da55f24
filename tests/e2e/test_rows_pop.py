"""POP-before-SMTP, row 10 of the table of options: the receiving chain, with stamps as a POP3 server leaves them; and
who may not relay all the same. The real POP3 and IMAP servers are in test_pop_dovecot and test_pop_qmail."""
import json
import os
import subprocess

import pytest

from lib.made import made_by
from lib.procs import program
from lib.rows import ANN as ELSEWHERE, CLIENT, EVE, JOE, OTHER, STRANGER, send, tool
from lib.popchain import Relay, mode, put

USERS = "joe@hosted.example - from joe@hosted.example @.hosted.example\nann@hosted.example -\n" \
    "off@hosted.example - off\n"
COLLEAGUE = "ann@hosted.example"


@pytest.fixture
def relays():
    def relay(*a, **k):
        r = Relay(*a, **k)
        if "users" in k:
            os.chmod(os.path.join(r.instance.control, "users"), 0o640)
        return r
    yield from made_by(relay)


def test_row_10_pop_before_smtp_in_the_chain(relays):
    r = relays("grant clients\ngrant pop 300")
    assert not r.opened(STRANGER)
    put(r.stamps, STRANGER)
    for sender in (JOE, EVE, ""):
        a = r.ask(STRANGER, sender)
        assert a.by == "pop relay:2" and a.user == "joe@hosted.example"
    assert not r.opened(OTHER), "another address"
    for seconds, fresh in ((0, True), (290, True), (301, False), (-60, False)):
        put(r.stamps, STRANGER, seconds)
        assert r.opened(STRANGER) == fresh, seconds
    assert r.ask(STRANGER, recipient=JOE).by == "hosted domains:1", "mail for us is no relaying"
    for event in r.instance.events(event="recipient"):
        assert "trusted" not in event and "relayclient" not in event, "a stamp is no trust of the gate"


def test_a_message_says_why_it_came(relays):
    r = relays("grant pop")
    put(r.stamps, STRANGER)
    assert send(r.instance, JOE, ELSEWHERE, STRANGER) == 250
    with open(r.instance.queued()[0], "rb") as f:
        assert b"pop relay:1" in f.read()


def test_bound_to_the_user_s_senders(relays):
    """A neighbour behind the same address can't send as anyone, nor can the user."""
    r = relays("grant pop 300 bound", users=USERS)
    put(r.stamps, STRANGER)
    for sender, may in ((JOE, True), ("JOE@Hosted.Example", True), ("x@a.hosted.example", True), (COLLEAGUE, False),
                        (EVE, False), ("", False)):
        assert r.opened(STRANGER, sender=sender) == may, sender
    put(r.stamps, STRANGER, body=b"USER=Ann@hosted.example\0")
    assert r.opened(STRANGER, sender=EVE) and r.opened(STRANGER, sender=""), "she is bound to none"
    for user in (b"off@hosted.example", b"joe", b"nobody@hosted.example", b""):
        put(r.stamps, STRANGER, body=b"USER=%s\0" % user)
        for sender in (JOE, COLLEAGUE, ""):
            assert not r.opened(STRANGER, sender=sender), (user, sender)


def test_on_some_listeners(relays):
    for on, name, opened in (("-", "", True), ("-", "inside", False), ("inside", "", False), ("Inside", "inSIDE", True),
                             ("inside,-", "", True), ("inside,-", "other", False)):
        r = relays("grant pop 300 on " + on, smtpd=("-l", name))
        put(r.stamps, STRANGER)
        assert r.opened(STRANGER) == opened, (on, name)
    r = relays("grant pop 300 on submission,x", smtpd=("-l", "Submission"))
    put(r.stamps, STRANGER)
    assert r.ask(STRANGER).code == 530


def test_when_nobody_can_tell(relays):
    """451 for who has no other grant, and nothing changes for all others."""
    r = relays("grant pop\ngrant clients\ngrant to partner.example", clients=CLIENT + ':allow,RELAYCLIENT=""\n')
    put(r.stamps, STRANGER)
    with mode(r.stamps, 0o777):
        a = r.ask(STRANGER)
        assert (a.code, a.enhanced, a.reason, a.by) == (451, "4.3.0", "stamp-unknown", "nothing"), a
        assert r.ask(STRANGER, recipient=JOE).granted and r.ask(CLIENT).by == "client relay:2"
        assert r.ask(STRANGER, recipient="x@partner.example").by == "to relay:3"
    assert r.opened(STRANGER)
    os.rename(r.stamps, r.stamps + ".away")
    assert r.ask(STRANGER).reason == "stamp-unknown"
    r.instance.compile(relay="grant pop on inside\n")
    assert r.ask(STRANGER).reason == "relaying-denied", "it would not count here"
    r.instance.compile(relay="grant clients\n")
    assert r.ask(STRANGER).reason == "relaying-denied"


def test_without_relay_gate(relays):
    """What relay-pop-check tells other receivers opens nothing here; the line of the rules does."""
    r = relays("grant clients", receive=False)
    put(r.stamps, STRANGER)
    words = [program("relay-pop-check"), r.stamps, program("relay-smtpd"), "-r", r.instance.rules]
    r.instance.receive(words)
    assert r.ask(STRANGER).reason == "relaying-denied" and r.ask(STRANGER).user == "joe@hosted.example"
    r.instance.compile(relay="grant pop 100\n")
    assert r.opened(STRANGER) and not r.opened(OTHER)
    r.instance.receive([words[0], "-r", r.instance.rules, *words[1:]])
    assert r.opened(STRANGER)
    put(r.stamps, STRANGER, 150)
    assert not r.opened(STRANGER)


def test_a_stale_variable_opens_nothing(relays):
    r = relays("grant pop", receive=False)
    r.instance.extra.update(RELAYSTAMP="joe", RELAYSTAMPFAIL="1", RELAYCLIENT="", RELAYBY="pop:joe")
    gate = r.instance.chain()
    for chain in (r.chain(), gate, [gate[0], "-k", *gate[1:]], [gate[0], "-k", *r.chain()[1:]]):
        r.instance.receive(chain)
        a = r.ask(STRANGER)
        assert (a.code, a.reason) == (550, "relaying-denied"), chain


def explain(r, *words):
    said = subprocess.run([tool("relay-explain"), "--rules", r.instance.rules, "--json", *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    assert said.returncode in (0, 1, 2), said
    return json.loads(said.stdout)


def test_the_log_and_the_options_say_the_same(relays):
    r = relays("grant pop 300 bound", users=USERS)
    put(r.stamps, STRANGER)
    pop, unknown = "--pop=joe@hosted.example", "--pop-unknown"
    for sender, fact, bits in ((JOE, pop, 0o755), (EVE, pop, 0o755), (EVE, unknown, 0o777)):
        with mode(r.stamps, bits):
            a = r.ask(STRANGER, sender)
        line = [x for x in r.instance.log().splitlines() if "event=recipient" in x][-1]
        assert (" pop-unknown=1" in line, " pop=joe@" in line) == (fact is unknown, fact is pop)
        for words in ((fact, "--client", STRANGER, "--to", ELSEWHERE, "--from", sender), ("--log", line)):
            said = explain(r, *words)
            assert (a.code, a.reason) == (int(said["reply"][:3]), said["reason"]), words
    both = [tool("relay-explain"), "--rules", r.instance.rules, "--to", JOE, "--pop", "--pop-unknown"]
    said = subprocess.run(both, stderr=subprocess.PIPE, stdout=subprocess.PIPE, timeout=30)
    assert said.returncode == 100 and b"--pop-unknown" in said.stderr
