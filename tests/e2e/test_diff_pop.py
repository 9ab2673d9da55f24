"""relay-diff over what `grant pop` says beside its seconds: who gains and loses when listeners, bindings, a user's
senders change; and what no decision shows, how long a stamp counts and for which addresses."""
import json
import os
import subprocess

import pytest

from lib.procs import program

pytestmark = pytest.mark.once

CONTROL = {
    "me": "relay.example\n",
    "clients": '127.0.0.1:allow,RELAYCLIENT=""\n:allow\n',
    "domains": "hosted.example\n",
    "relay": "grant clients\ngrant login\ngrant pop 300\n",
    "users": "joe - from joe@hosted.example\nann - from ann@hosted.example @shop.example\nbob -\neve - off\n",
}
GRANT = "grant clients\ngrant login\ngrant pop %s\n"
NOT_YET = ", without a login that may relay"
OLD, NEW = (", with a POP stamp that the %s rules alone count" % s for s in ("old", "new"))
GRANTS = "stamps: the old rules have `grant pop %s` (relay:3), the new ones `grant pop %s` (relay:3)"


def make(folder, **control):
    folder.mkdir(exist_ok=True)
    for name, text in {**CONTROL, **control}.items():
        (folder / name).write_text(text)
    os.chmod(folder / "users", 0o600)
    r = subprocess.run([program("relay-mkcdb"), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=60)
    assert r.returncode == 0, r.stderr.decode()
    return str(folder)


def diff(*args):
    r = subprocess.run([program("relay-diff"), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert r.stderr == b""
    return r.returncode, r.stdout.decode()


def said(text):
    return [line for line in text.splitlines() if not line.startswith("    for example ")]


CHANGES = {  # from which `grant pop` to which, and what is said
    "on submission": ("300", "300 on submission", [
        "loses: strangers may no longer send anywhere" + NOT_YET + OLD, GRANTS % ("300", "300 on submission")]),
    "not only there": ("300 on submission", "300", [
        "gains: strangers may send anywhere" + NOT_YET + NEW, GRANTS % ("300 on submission", "300")]),
    "another listener": ("300 on -,mx", "300 on -", [
        "loses: strangers may no longer send anywhere" + NOT_YET + OLD, GRANTS % ("300 on -,mx", "300 on -")]),
    "listeners in another order": ("300 on -,mx", "300 on mx,-", []),
    "bound": ("300", "300 bound", [
        "loses: strangers may no longer send anywhere" + NOT_YET + OLD, GRANTS % ("300", "300 bound")]),
    "not bound": ("300 bound", "300", [
        "gains: strangers may send anywhere" + NOT_YET + NEW, GRANTS % ("300 bound", "300")]),
    "longer": ("300", "600", ["lasts: a POP stamp is fresh for 600 seconds now, and was for 300 (relay:3)"]),
    "networks": ("300", "300 /64", [
        "spreads: a POP stamp counts for an IPv6 client's whole network of 64 bits now (relay:3)"]),
    "no networks, and bound": ("300 /64", "200 bound", [
        "loses: strangers may no longer send anywhere" + NOT_YET + OLD,
        "lasts: a POP stamp is fresh for 200 seconds now, and was for 300 (relay:3)",
        "spreads: a POP stamp counts for an IPv6 client's own address alone now (relay:3)",
        GRANTS % ("300 /64", "200 bound")]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_grant(tmp_path, what):
    old, new, lines = CHANGES[what]
    old, new = make(tmp_path / "old", relay=GRANT % old), make(tmp_path / "new", relay=GRANT % new)
    code, out = diff(old, new)
    assert (code, said(out)) == (int(bool(lines)), lines)


USERS = {  # what changes in `users`, and what is said while both are bound
    "another sender": (
        "joe - from joe@hosted.example", "joe - from joe@hosted.example info@hosted.example",
        ["gains: strangers may send anywhere, from info@hosted.example" + NOT_YET + NEW],
        ["joe (users:1) count now for joe@hosted.example, info@hosted.example, and did for joe@hosted.example"]),
    "one less": (
        "ann@hosted.example @shop.example", "ann@hosted.example",
        ["loses: strangers may no longer send anywhere, from shop.example" + NOT_YET + OLD],
        ["ann (users:2) count now for ann@hosted.example, and did for ann@hosted.example, @shop.example"]),
    "a user is off": (
        "joe - from", "joe - off from",
        ["loses: strangers may no longer send anywhere, from joe@hosted.example" + NOT_YET + OLD],
        ["joe (users:1 -> -) count now for no sender, and did for joe@hosted.example"]),
    "any sender no longer": (
        "bob -", "bob - from bob@hosted.example",
        ["loses: strangers may no longer send anywhere, from all senders but bob@hosted.example" + NOT_YET + OLD],
        ["bob (users:3) count now for bob@hosted.example, and did for any sender"]),
    "the same in other words": ("ann@hosted.example @shop.example", "@shop.example ANN@Hosted.Example", [], []),
}


@pytest.mark.parametrize("what", USERS)
def test_users(tmp_path, what):
    before, now, lines, users = USERS[what]
    old = make(tmp_path / "old", relay=GRANT % "300 bound")
    new = make(tmp_path / "new", relay=GRANT % "300 bound", users=CONTROL["users"].replace(before, now))
    code, out = diff(old, new)
    if lines:
        lines = lines + [GRANTS % ("300 bound", "300 bound")] + ["stamps: those of " + u for u in users]
    assert (code, said(out)) == (int(bool(lines)), lines)
    # where nothing is bound nobody's senders count
    old = make(tmp_path / "old2")
    assert diff(old, make(tmp_path / "new2", users=CONTROL["users"].replace(before, now))) == (0, "")


def test_the_grant_comes_and_goes(tmp_path):
    plain, bound = make(tmp_path / "old", relay="grant clients\ngrant login\n"), make(
        tmp_path / "new", relay=GRANT % "300 on - bound", users="joe - from joe@hosted.example\n")
    words = "stamps: the old rules have %s, the new ones %s"
    grant = "`grant pop 300 on - bound` (relay:3)"
    assert said(diff(plain, bound)[1]) == [
        "gains: strangers may send anywhere, from joe@hosted.example" + NOT_YET + NEW,
        words % ("no `grant pop`", grant)]
    assert said(diff(bound, plain)[1]) == [
        "loses: strangers may no longer send anywhere, from joe@hosted.example" + NOT_YET + OLD,
        words % (grant, "no `grant pop`")]


def test_examples_are_somebody(tmp_path):
    """A user who may, on a listener that is granted; decided by both."""
    old = make(tmp_path / "old", relay=GRANT % "300 on mx bound")
    new = make(tmp_path / "new", relay=GRANT % "300 on mx bound",
               users=CONTROL["users"].replace("joe@hosted.example", "info@hosted.example"))
    out = diff(old, new)[1]
    assert "with a POP stamp of joe on mx, from <info@hosted.example> to <a@example.org>: " \
        "550 5.7.1 relaying-denied -> accepted, pop (relay:3)\n" in out
    assert "with a POP stamp of joe on mx, from <joe@hosted.example> to <a@example.org>: " \
        "accepted, pop (relay:3) -> 550 5.7.1 relaying-denied\n" in out


def test_json(tmp_path):
    old = make(tmp_path / "old", relay=GRANT % "300 bound")
    new = make(tmp_path / "new", relay=GRANT % "600 /64 on -,mx bound", users="joe -\n")
    code, out = diff("--json", old, new)
    found = json.loads(out)
    assert code == 1 and [x["kind"] for x in found["lines"]] == ["gains", "loses", "lasts", "spreads"]
    assert found["stamps"]["old"] == {"line": 3, "seconds": 300, "network": False, "listeners": None, "bound": True}
    assert found["stamps"]["new"] == {"line": 3, "seconds": 600, "network": True, "listeners": ["", "mx"],
                                      "bound": True}
    assert found["stamps"]["users"] == [
        {"user": "ann", "old": {"line": 2, "senders": ["ann@hosted.example", "@shop.example"]}, "new": None},
        {"user": "bob", "old": {"line": 3, "senders": []}, "new": None},
        {"user": "joe", "old": {"line": 1, "senders": ["joe@hosted.example"]}, "new": {"line": 1, "senders": []}}]
    gains, loses = found["lines"][:2]
    assert gains["when"][0]["pop"] == ["new"] and loses["when"][0]["pop"] == ["old"]
    assert (gains["example"]["pop"], loses["example"]["listener"]) == ("joe", "other")
    assert found["lines"][2] == {"kind": "lasts"}


def test_replay(tmp_path):
    """Logged stamps, with user and listener, decided again; one that could not be looked for, too."""
    line = "relay-smtpd: event=recipient client=192.0.2.1 verdict=%s reason=%s %ssender=%s recipient=a@far.example"
    joe, ann = "joe@hosted.example", "ann@hosted.example"
    log = [("accepted", "pop", "rule=relay:3 pop=joe ", joe), ("accepted", "pop", "rule=relay:3 pop=joe ", ann),
           ("accepted", "pop", "rule=relay:3 pop=joe listener=mx ", joe),
           ("accepted", "pop", "rule=relay:3 pop=x ", joe),
           ("deferred", "stamp-unknown", "pop-unknown=1 ", joe),
           ("deferred", "stamp-unknown", "pop-unknown=1 listener=mx ", joe)]
    (tmp_path / "log").write_text("".join(line % x + "\n" for x in log))
    new = make(tmp_path / "new", relay=GRANT % "300 on - bound")
    code, out = diff("--json", "--log", str(tmp_path / "log"), make(tmp_path / "old"), new)
    found = json.loads(out)
    assert (code, found["recipients"], found["same"], found["changed"], found["unlike"]) == (1, 6, 2, 4, 0), out
    relayed, refused = "accepted pop (relay:3)", "refused relaying-denied"
    assert {(c["sender"], c["then"], c["now"]): c["times"] for c in found["changes"]} == {
        (ann, relayed, refused): 1, (joe, relayed, refused): 2, (joe, "deferred stamp-unknown", refused): 1}


def test_short_and_many(tmp_path):
    """Ten thousand users: a list each, and only what has changed is said."""
    users = ["u%d - from u%d@hosted.example\n" % (i, i) for i in range(10000)]
    old = make(tmp_path / "old", relay=GRANT % "300 bound", users="".join(users))
    for i in range(20):
        users[i * 77] = "u%d - from @u%d.example\n" % (i * 77, i * 77)
    new = make(tmp_path / "new", relay=GRANT % "300 bound", users="".join(users))
    lines = said(diff("--short", old, new)[1])
    assert lines[0] == "gains: strangers may send anywhere, from the senders below" + NOT_YET + NEW
    assert lines[11] == "    and 10 more senders" and lines[-1] == "stamps: and those of 10 more users"
    assert len(said(diff(old, new)[1])) == 2 * 21 + 1 + 20
