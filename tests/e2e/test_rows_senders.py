"""The options for relaying by what the sender's address says: rows 14 and 17 to 19 of the table of options. Anybody can
write any sender, so each of them needs the word `forgeable`."""
import pytest

from lib.rows import ANN, CLIENT, EVE, STRANGER, ask, listening, rejected

LOCAL = "bob@hosted.example"
NULL = ""


def granted(i, senders, recipient=ANN):
    return [s for s in senders if ask(i, s, recipient).granted]


@pytest.mark.parametrize("line", ["grant sender a@b.example", "grant sender @b.example", "grant sender hosted",
                                  "grant sender user"])
def test_forgeable_must_be_said(instances, line):
    assert "forgeable" in rejected(instances, relay=line + "\n")
    assert rejected(instances, relay=line + " fogeable\n")
    instances(relay=line + " forgeable\n").compile()


def test_row_14_always_from_these_senders(instances):
    i = listening(instances, relay="grant clients\ngrant sender eve@outside.example forgeable\n"
                                   "grant sender @partner.example forgeable\ngrant sender @.below.example forgeable\n")
    senders = (EVE, "Eve@OUTSIDE.example", "x@partner.example", "y@a.below.example", "mallory@outside.example",
               "x@sub.partner.example", "y@below.example", NULL, LOCAL, "eve@outside.example.org")
    assert granted(i, senders) == list(senders[:4])
    assert ask(i, EVE, ANN).by == "sender relay:2" and ask(i, "x@partner.example", ANN).by == "sender relay:3"
    i.compile(relay="grant clients\n")
    assert granted(i, senders) == []


def test_row_17_for_local_hosts_only(instances):
    i = listening(instances, domains="hosted.example\n.wide.example\n", relay="grant sender hosted forgeable\n")
    senders = (LOCAL, "whoever@hosted.example", "x@a.wide.example", EVE, NULL, "x@wide.example", "x@sub.hosted.example")
    assert granted(i, senders) == list(senders[:3])
    a = ask(i, LOCAL, ANN)
    assert a.by == "sender relay:1" and a.origin == "claimed"
    a = ask(i, LOCAL, ANN, CLIENT)
    assert a.by == "sender relay:1" and a.origin == "local", "the client is trusted, so the sender is not only claimed"
    a = ask(i, EVE, ANN, CLIENT)
    assert a.refused and a.origin == "external", "a trusted client's sender from elsewhere stays one"
    i.compile(relay="grant clients\n")
    assert granted(i, senders) == []


def test_row_18_for_local_users_only(instances):
    """Who has a mailbox of his own; no alias, no list, no address that only a whole domain's line takes. An alias is
    none also where a user's own line for all his suffixes covers it."""
    i = listening(instances, domains="hosted.example listed\nopen.example\n",
                  recipients="bob@hosted.example\nbob-*@hosted.example\n",
                  aliases="sales@hosted.example bob@hosted.example\nbob-list@hosted.example bob@hosted.example\n"
                          "staff@hosted.example bob@hosted.example ann@elsewhere.example\n",
                  relay="grant sender user forgeable\n")
    senders = (LOCAL, "Bob@Hosted.Example", "bob-work@hosted.example", "sales@hosted.example", "staff@hosted.example",
               "bob-list@hosted.example", "nobody@hosted.example", "x@open.example", EVE, NULL)
    assert granted(i, senders) == list(senders[:3])
    assert ask(i, EVE, "staff@hosted.example").granted, "the list itself takes mail"
    i.compile(relay="grant clients\n")
    assert granted(i, senders) == []


def test_row_19_remote_hosts_and_users_that_count_as_local(instances):
    i = listening(instances, domains="hosted.example listed\n", recipients="bob@hosted.example\n",
                  relay="grant sender hosted forgeable\nlocal branch.example\nlocal .branch.example\n"
                        "local ann@elsewhere.example\n")
    senders = ("x@branch.example", "x@a.branch.example", ANN, "other@elsewhere.example", EVE, NULL)
    assert granted(i, senders, "z@third.example") == list(senders[:3])
    assert ask(i, EVE, "x@branch.example").refused, "who counts as local is not hosted"
    i.compile(relay="grant sender user forgeable\nlocal ann@elsewhere.example\nlocal branch.example\n")
    assert granted(i, (ANN, "bob@hosted.example", "nobody@hosted.example", EVE)) == [ANN, "bob@hosted.example"]
    i.compile(relay="grant sender hosted forgeable\n")
    assert granted(i, senders, "z@third.example") == []


def test_device(instances):
    """All conditions together: this machine, as this sender, to these."""
    printer = "printer@hosted.example"
    i = listening(instances, clients="", relay="grant device 127.0.0.2/32 from %s to elsewhere.example\n"
                                               "grant device 127.0.0.4/30 from any to any\n" % printer)
    assert ask(i, printer, ANN, STRANGER).by == "device relay:1"
    assert ask(i, printer, ANN, "127.0.0.3").refused and ask(i, EVE, ANN, STRANGER).refused
    assert ask(i, printer, "x@third.example", STRANGER).refused
    assert ask(i, EVE, "x@third.example", "127.0.0.7").by == "device relay:2"
    assert ask(i, EVE, "x@third.example", "127.0.0.8").refused and ask(i, printer, ANN, CLIENT).refused
