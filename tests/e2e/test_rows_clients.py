"""The options for relaying by who connects, and where: rows 4, 5, 11 to 13, 20 to 23 and 31 of the table of options,
from the rules' text to the SMTP reply. Each shows who gets it, who does not, and that it goes when the line goes."""
import os

from lib.rows import ANN, CLIENT, EVE, JOE, OTHER, STRANGER, ask, listening, rejected, run, send, tool
from lib.smtp import Dialogue

LOCAL = "bob@hosted.example"   # a sender whom we host


def test_row_04_relay_for_listed_addresses_and_subnets(instances):
    i = listening(instances, relay="grant clients\n",
                  clients='127.0.0.8/30:allow,RELAYCLIENT=""\n127.0.2.:allow,RELAYCLIENT=""\n'
                          '127.0.3.7:allow,RELAYCLIENT=""\n')
    for inside, line in (("127.0.0.8", 1), ("127.0.0.11", 1), ("127.0.2.9", 2), ("127.0.3.7", 3)):
        a = ask(i, EVE, ANN, inside)
        assert a.by == "client relay:1" and i.events(event="recipient")[-1]["trusted"] == "clients:%d" % line
    for outside in ("127.0.0.7", "127.0.0.12", "127.0.3.8", "127.0.4.1"):
        a = ask(i, EVE, ANN, outside)
        assert (a.code, a.enhanced, a.reason) == (550, "5.7.1", "relaying-denied"), outside
    i.compile(relay="# no grants\n")
    assert ask(i, EVE, ANN, "127.0.0.8").refused, "the address alone is no grant"


def test_row_05_refuse_listed_addresses_altogether(instances):
    i = listening(instances, clients="127.0.0.3:deny\n127.0.2.:deny\n")
    for source in (OTHER, "127.0.2.200"):
        with i.dialogue(source) as d:
            assert d.reply() == 554 and d.closed()
    assert ask(i, EVE, JOE, STRANGER).granted and ask(i, EVE, JOE, "127.0.0.4").granted
    i.compile(clients="")
    assert ask(i, EVE, JOE, OTHER).granted


def test_row_11_relay_for_machines_outside_the_lan(instances):
    """Off by default, and never without the word that says what it is."""
    i = listening(instances)
    assert ask(i, EVE, ANN).refused
    said = rejected(instances, relay="grant anyone\n")
    assert "relay:1: " in said and "open-relay" in said
    i.compile(relay="grant clients\ngrant anyone open-relay\n")
    assert ask(i, EVE, ANN).by == "anyone relay:2" and ask(i, "", ANN, OTHER).by == "anyone relay:2"
    assert ask(i, EVE, ANN, CLIENT).by == "client relay:1"


def test_row_20_relay_mail_for_anyone(instances, sink):
    """All the way: a stranger's message to somebody else arrives; with one condition more it does not."""
    i = instances(relay="grant anyone open-relay\n", clients="", routes=":%s\n" % sink.route).start()
    assert send(i, EVE, ANN, STRANGER) == 250 and sink.wait(1)[0].recipients == [ANN]
    i.compile(relay="grant anyone open-relay\nrequire sender hosted\n")
    assert send(i, EVE, ANN, STRANGER) == 550 and ask(i, LOCAL, ANN).granted
    i.compile(relay="grant anyone open-relay\ndeny to elsewhere.example\n")
    assert ask(i, EVE, ANN).reason == "denied" and ask(i, EVE, "x@third.example").granted


def test_row_12_no_relay_for_senders_who_are_not_local(instances):
    i = listening(instances, relay="grant clients\nrequire sender hosted\n")
    a = ask(i, LOCAL, ANN, CLIENT)
    assert a.by == "client relay:1" and a.origin == "local"
    a = ask(i, LOCAL, ANN, STRANGER)
    assert a.refused and a.origin == "claimed", "anybody can say so"
    for sender in (EVE, "", "bob@outside.hosted.example.org"):
        a = ask(i, sender, ANN, CLIENT)
        assert (a.code, a.enhanced, a.reason, a.rule) == (550, "5.7.1", "sender-not-hosted", "relay:2"), sender
        assert a.origin == "external", sender
    assert ask(i, EVE, JOE).granted, "mail for us is no relaying"
    i.compile(relay="grant clients\n")
    assert ask(i, EVE, ANN, CLIENT).granted and ask(i, "", ANN, CLIENT).granted


def test_row_13_both_controls_in_series(instances):
    """Each may refuse: who is no client with a hosted sender, and who is a client with another."""
    i = listening(instances, relay="require sender hosted\ngrant clients\n")
    got = {(source, sender): ask(i, sender, ANN, source) for source in (CLIENT, STRANGER) for sender in (LOCAL, EVE)}
    assert [k for k, a in got.items() if a.granted] == [(CLIENT, LOCAL)]
    assert got[CLIENT, EVE].reason == "sender-not-hosted" == got[STRANGER, EVE].reason
    assert got[STRANGER, LOCAL].reason == "relaying-denied"
    i.compile(relay="require sender hosted\nrequire tls\ngrant clients\n")
    a = ask(i, LOCAL, ANN, CLIENT)
    assert (a.reason, a.rule) == ("no-tls", "relay:2"), "a second requirement, too"


def test_row_21_nobody_relays_without_a_login(instances):
    """The file as it comes: nobody but this machine; the refusal says what to do. And `require login` for all."""
    i = instances()
    fresh = i.path("fresh")
    run(tool("relay-conf"), "control", fresh, "relay.example")
    texts = {n: open(os.path.join(fresh, n)).read() for n in ("relay", "clients")}
    i.compile(domains="hosted.example\n", **texts)
    i.receive()
    for sender in (EVE, LOCAL, ""):
        a = ask(i, sender, ANN)
        assert a.refused and a.reason == "relaying-denied" and "log in" in a.text and "587" in a.text
    assert ask(i, EVE, JOE).granted
    i.compile(relay="grant login\ngrant clients\nrequire login\n", clients='127.0.0.1:allow,RELAYCLIENT=""\n')
    a = ask(i, LOCAL, ANN, CLIENT)
    assert (a.reason, a.rule) == ("no-login", "relay:3"), "not even from a trusted address"


def two_ports(i, gate=(), smtpd=(), **env):
    """A second listener of the same rules. Returns a dialogue with it, from a given address."""
    i.receive()
    first, chain = i.port, i.chain(*gate, smtpd=smtpd)
    i.receive(chain=chain, log="second", env=dict(i.env, **env))
    second, i.port = i.port, first

    return lambda source: Dialogue((i.host, second), source)


def rcpt(d, sender, recipient):
    d.hello()
    r = d.cmd("MAIL FROM:<%s>" % sender)
    return d.cmd("RCPT TO:<%s>" % recipient) if r == 250 else r


def test_row_22_a_port_on_which_relaying_is_allowed(instances):
    i = instances(clients="127.0.0.3:deny\n", relay="grant clients\n")
    i.compile()
    relay_port = two_ports(i, gate=["-k"], RELAYCLIENT="")
    with relay_port(STRANGER) as d:
        assert rcpt(d, EVE, ANN) == 250
    assert i.events("second", "recipient")[-1]["reason"] == "client"
    with relay_port(OTHER) as d:
        assert d.reply() == 554, "bound to an address list"
    assert ask(i, EVE, ANN, STRANGER).refused, "the other port of the same rules"
    i.compile(relay="grant login\n")
    with relay_port(STRANGER) as d:
        assert rcpt(d, EVE, ANN) == 550, "the rules still have the last word"


def test_row_23_a_second_port_for_submission(instances):
    i = instances(domains="hosted.example\n")
    i.compile()
    submission = two_ports(i, smtpd=["-l", "submission"])
    for source, recipient in ((STRANGER, ANN), (CLIENT, ANN), (CLIENT, JOE), (STRANGER, JOE)):
        with submission(source) as d:
            r = rcpt(d, LOCAL, recipient)
            assert (r.code, r.enhanced) == (530, "5.7.0"), (source, recipient)
    assert ask(i, LOCAL, ANN, CLIENT).granted and ask(i, EVE, JOE).granted


def test_row_31_changes_without_a_restart(instances, sink):
    """One listening server; the session that was open keeps its rules, the next has the new ones, whole."""
    i = instances(relay="grant clients\n", routes=":%s\n" % sink.route).start()
    server = i.receiver.popen.pid
    assert ask(i, EVE, ANN).refused
    with i.dialogue(STRANGER) as d:
        d.hello()
        d.ok("MAIL FROM:<%s>" % EVE)
        i.compile(relay="grant to elsewhere.example\n", domains="other.example\n")
        assert d.cmd("RCPT TO:<%s>" % ANN) == 550 and d.cmd("RCPT TO:<%s>" % JOE) == 250
    assert ask(i, EVE, ANN).by == "to relay:1" and ask(i, EVE, JOE).refused
    assert send(i, EVE, ANN, STRANGER) == 250 and sink.wait(1)
    i.compile(check=False, relay="grant anyone\n")
    assert ask(i, EVE, ANN).by == "to relay:1", "rules that are wrong change nothing"
    i.compile(relay="grant clients\n")
    assert ask(i, EVE, ANN).refused
    assert i.receiver.alive() and i.receiver.popen.pid == server
