"""relay-explain about POP stamps: why one did not count (listener, sender, user, stamps that can't be read), what
helps, the same from a line of the log."""
import json

import pytest

from lib.explain import Site, changed, place, run

pytestmark = pytest.mark.once

TEXTS = {
    "clients": ":allow\n",
    "domains": "hosted.example\n",
    "relay": "grant login\ngrant pop 300 /64 on mx,submission bound\n",
    "users": "joe - from joe@hosted.example @shop.example\nann -\neve - norelay\n",
}
MX, TO = "--listener=mx", "--to=a@far.example"
GRANT = "grant pop 300 /64 on mx,submission bound"

# facts, and why the grant did not hold; "": it did
WHY = [
    ([MX, "--pop=joe", "--from=joe@hosted.example"], ""),
    ([MX, "--pop=JOE", "--from=Joe@Hosted.Example"], ""),
    ([MX, "--pop=joe", "--from=x@shop.example"], ""),
    ([MX, "--pop=ann", "--from="], ""),
    ([MX], "the client has no fresh POP stamp"),
    (["--pop=joe", "--from=joe@hosted.example"], "POP stamps do not count on the plain listener"),
    (["--pop=joe", "--from=joe@hosted.example", "--listener=other"], "POP stamps do not count on this listener"),
    ([MX, "--pop=joe", "--from=ann@hosted.example"],
     "the sender is none of those that the POP stamp's user may use (users:1)"),
    ([MX, "--pop=joe"], "the sender is none of those that the POP stamp's user may use (users:1)"),
    ([MX, "--pop=eve", "--from=eve@hosted.example"], "`users` has no user of the POP stamp's name who may relay"),
    ([MX, "--pop=", "--from=joe@hosted.example"],
     "the POP stamp names no user, so nobody knows which senders it is for"),
    ([MX, "--pop-unknown", "--from=joe@hosted.example"],
     "whether the client has a fresh POP stamp is not known: the stamps could not be read"),
    (["--pop-unknown", "--from=joe@hosted.example"], "POP stamps do not count on the plain listener"),
]


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path, **TEXTS)


@pytest.mark.parametrize("facts, why", WHY)
def test_why(site, facts, why):
    found = site.explain(TO, *facts)
    (line,) = [x for x in found["lines"] if x["text"] == GRANT]
    if why:
        assert (line["standing"], line["why"]) == ("fails", why) and found["reason"] != "pop"
    else:
        assert (line["standing"], found["reason"], place(found["rule"])) == ("decides", "pop", "relay:2")
    unknown = "--pop-unknown" in facts and MX in facts
    assert (found["verdict"] == "deferred") == unknown == (found["reason"] == "stamp-unknown")
    assert found["facts"]["pop_unknown"] == ("--pop-unknown" in facts)
    if unknown:
        assert found["reply"].startswith("451 4.3.0 ")
    text = run(site.rules, TO, *facts)[1]
    assert "`%s`: %s\n" % (GRANT, why or "grants it") in text
    assert ("\nPOP stamp   " in text) == any(f.startswith("--pop") for f in facts)


def test_the_users_line(site):
    """Which of `users` counted is among the lines; the others are not."""
    def users(*facts):
        lines = site.explain(*facts, *[TO] * (not any(f.startswith("--to") for f in facts)))["lines"]
        return [(x["line"], x["standing"], x["text"]) for x in lines if x["file"] == "users"]
    joe = "joe - from joe@hosted.example @shop.example"
    assert users(MX, "--pop=joe", "--from=joe@hosted.example") == [(1, "holds", joe)]
    assert users(MX, "--pop=joe", "--from=ann@hosted.example") == [(1, "fails", joe)]
    assert users(MX, "--pop=ann") == [(2, "holds", "ann -")]
    assert users(MX, "--pop=eve") == users(MX) == users("--pop=joe", "--to=a@hosted.example") == []


ADVICE = [
    ([MX, "--pop=joe", "--from=x@far.example"], "send as an address that the POP stamp's user may use"),
    (["--pop=joe", "--from=joe@hosted.example"], "send through a listener on which POP stamps count"),
    (["--pop=joe"], "log in"),
    ([MX, "--pop-unknown"], "log in"),
    ([MX], "log in"),
]


@pytest.mark.parametrize("facts, advice", ADVICE)
def test_advice(site, facts, advice):
    assert site.explain(TO, *facts)["advice"] == [advice]


def test_advice_to_read_mail_first(site):
    fetch = "fetch mail by POP3 or IMAP first, from the same address, as a user who may relay"
    for grant, facts, advice in (("bound", ["--from=joe@hosted.example"], [fetch]), ("", [], [fetch]),
                                 ("on mx", [], []), ("on mx", [MX], [fetch]), ("", ["--pop-unknown"], []),
                                 ("bound\nrequire tls", [], [fetch + "; and use TLS"]),
                                 ("bound\ndeny to far.example", [], [])):
        site.write({**TEXTS, "relay": "grant pop %s\n" % grant})
        assert site.explain(TO, *facts)["advice"] == advice, grant
    # of senders whom nobody may use no stamp helps
    site.write({**TEXTS, "relay": "grant pop bound\n", "users": TEXTS["users"].replace("ann -\n", "")})
    assert site.explain(TO, "--from=x@far.example")["advice"] == []


# facts, and the change that lets the stamp count
CHANGES = [
    ([MX, "--pop=joe", "--from=ann@hosted.example"],
     ("users", 1, "joe - from joe@hosted.example @shop.example ann@hosted.example")),
    ([MX, "--pop=eve", "--from=ann@hosted.example"], ("relay", 2, "grant pop 300 /64 on mx,submission")),
    (["--pop=joe", "--from=joe@hosted.example"], ("relay", 2, "grant pop 300 /64 on mx,submission,- bound")),
    (["--pop=joe", "--from=joe@hosted.example"], ("relay", 2, "grant pop 300 /64 bound")),
    (["--pop=joe", "--from=x@y.example", "--listener=in.1"], ("relay", 2, "grant pop 300 /64 on mx,submission,in.1")),
]


@pytest.mark.parametrize("facts, wanted", CHANGES)
def test_changes_work(site, facts, wanted):
    """Each is written into the texts and compiled: the recipient is accepted, by the stamp where that is helped."""
    found, seen = site.explain(TO, *facts), []
    for change in found["changes"]:
        site.write(changed(site.texts, change["edits"]))
        now = site.explain(TO, *facts)
        assert (now["verdict"], now["reason"]) == (change["verdict"], change["reason"]) == ("accepted", now["reason"])
        for e in change["edits"]:
            if e["file"] == "users" or (e["by"] or "").startswith("grant pop"):
                assert now["reason"] == "pop" and e["action"] == "replace"
                seen.append((e["file"], e["line"], e["by"]))
    assert wanted in seen


def test_log(site):
    """The line has what is needed, and is decided as it was."""
    line = ("relay-smtpd: event=recipient client=192.0.2.1 listener=mx verdict=%s reason=%s %ssender=%s "
            "recipient=a@far.example")
    for verdict, reason, more, sender in (
            ("accepted", "pop", "rule=relay:2 pop=joe ", "joe@hosted.example"),
            ("refused", "relaying-denied", "pop=joe ", "ann@hosted.example"),
            ("refused", "relaying-denied", "pop=nobody ", "joe@hosted.example"),
            ("deferred", "stamp-unknown", "pop-unknown=1 ", "joe@hosted.example")):
        found = json.loads(run(site.rules, "--json", "--log", line % (verdict, reason, more, sender))[1])
        assert found["logged"]["same"] and (found["verdict"], found["reason"]) == (verdict, reason)
        assert found["facts"]["pop_unknown"] == ("pop-unknown" in more) and found["facts"]["listener"] == "mx"


def test_matrix(site):
    """The row with a stamp is of somebody who may send so, on a listener where it counts."""
    def row(*facts):
        m = json.loads(run(site.rules, "--json", "--matrix", *facts)[1])
        (stamped,) = [r for r in m["rows"] if r["row"] == "stamped"]
        (cell,) = [c for c in m["cells"] if c["row"] == "stamped" and c["column"] == "outgoing"]
        return stamped["pop"], stamped["listener"], cell["reason"]
    assert row() == ("ann", "mx", "pop")
    assert row("--from=joe@hosted.example")[1:] == ("mx", "pop")
    assert row("--pop=joe") == ("joe", "mx", "relaying-denied")
    assert row("--pop=joe", "--from=joe@hosted.example", "--listener=x") == ("joe", "x", "relaying-denied")
    assert "with a POP stamp of ann, on the listener mx\n" in run(site.rules, "--matrix")[1]
    site.write({**TEXTS, "relay": "grant pop\n"})
    assert row() == ("somebody", None, "pop")
