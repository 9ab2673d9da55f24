"""relay-diff and relay-mkcdb --diff: what is said, line by line, of changes that are easy to say; the log replayed."""
import json
import subprocess

import pytest

from lib.procs import program

pytestmark = pytest.mark.once

DIFF, MKCDB = program("relay-diff"), program("relay-mkcdb")
LOCAL = '127.0.0.1:allow,RELAYCLIENT=""\n'
GRANTS = "grant login\ngrant clients\n"
CONTROL = {
    "me": "relay.example\n",
    "clients": LOCAL + ":allow\n",
    "domains": "hosted.example\nlisted.example listed\n",
    "recipients": "joe@listed.example\nann@listed.example\n",
    "aliases": "info@hosted.example joe@listed.example\n",
    "relay": GRANTS,
}
NOT_YET = ", without a login that may relay"   # who is logged in could do it before


def make(folder, **control):
    folder.mkdir(exist_ok=True)
    for name, text in {**CONTROL, **control}.items():
        (folder / name).write_text(text)
    r = subprocess.run([MKCDB, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert r.returncode == 0, r.stderr.decode()
    return str(folder)


def diff(*args, **more):
    r = subprocess.run([DIFF, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **more)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def said(text):
    """Without the examples."""
    return [line for line in text.splitlines() if not line.startswith("    for example ")]


CHANGES = {
    "a prefix may relay": ({"clients": LOCAL + '192.0.2.0/24:allow,RELAYCLIENT=""\n:allow\n'}, [
        "gains: 192.0.2.0/24 (clients:2) may send anywhere" + NOT_YET]),
    "and an address within it may not": ({
        "clients": LOCAL + '192.0.2.0/24:allow,RELAYCLIENT=""\n192.0.2.7:allow\n:allow\n'}, [
        "gains: the clients below may send anywhere" + NOT_YET,
        "    client 192.0.2.0/24 (clients:2)",
        "    not client 192.0.2.7"]),
    "nobody is trusted": ({"clients": ":allow\n"}, [
        "loses: 127.0.0.1 (clients:1) may no longer send anywhere" + NOT_YET]),
    "a denial by the gate": ({"clients": '127.0.0.1:allow,RELAYCLIENT=""\n203.0.113.:deny\n:allow\n'}, [
        "shuts-out: 203.0.113.0/24 (clients:2) may no longer connect"]),
    "a name is denied": ({"clients": '127.0.0.1:allow,RELAYCLIENT=""\n=.bad.example:deny\n:allow\n'}, [
        "shuts-out: the clients below may no longer connect",
        "    named =.bad.example (- -> clients:2)",
        "    client 0.0.0.0/0 (clients:2 -> clients:3)",
        "    not client 127.0.0.1",
        "    client ::/0 (clients:2 -> clients:3)",
        "    client without an address"]),
    "a proxy": ({"clients": '127.0.0.1:allow,RELAYCLIENT=""\n192.0.2.1:allow,RELAYPROXY=""\n:allow\n'}, [
        "believes: 192.0.2.1 (clients:2) may say now whom they speak for (RELAYPROXY)"]),
    "another value": ({"clients": '127.0.0.1:allow,RELAYCLIENT=".inner"\n:allow\n'}, [
        "appends: 127.0.0.1 (clients:1) have another value of RELAYCLIENT",
        "not followed: recipients with RELAYCLIENT's value .inner behind (- -> clients:1); what is decided about those "
        "was not compared"]),
    "everybody to a partner": ({"relay": GRANTS + "grant to partner.example\n"}, [
        "gains: strangers may send to partner.example (- -> relay:3)" + NOT_YET]),
    "an open relay": ({"relay": GRANTS + "grant anyone open-relay\n"}, [
        "gains: strangers may send anywhere" + NOT_YET]),
    "logins": ({"relay": "grant clients\n"}, [
        "loses: strangers may no longer send anywhere, with a login that may relay"]),
    "trusted clients": ({"relay": "grant login\n"}, [
        "loses: trusted clients may no longer send anywhere" + NOT_YET]),
    "stamps": ({"relay": GRANTS + "grant pop\n"}, [
        "gains: strangers may send anywhere" + NOT_YET + ", with a POP stamp"]),
    "only under TLS": ({"relay": GRANTS + "require tls\n"}, [
        "loses: strangers may no longer send anywhere, with a login that may relay, without TLS",
        "loses: trusted clients may no longer send anywhere, without TLS"]),
    "only our senders": ({"relay": GRANTS + "require sender hosted\n"}, [
        "loses: strangers may no longer send anywhere, from all senders but senders in our domains, "
        "with a login that may relay",
        "loses: trusted clients may no longer send anywhere, from all senders but senders in our domains"]),
    "a forgeable sender": ({"relay": GRANTS + "grant sender @branch.example forgeable\n"}, [
        "gains: strangers may send anywhere, from branch.example (- -> relay:3)" + NOT_YET]),
    "a device": ({"relay": GRANTS + "grant device 192.0.2.9 from printer@hosted.example to a.example\n"}, [
        "gains: 192.0.2.9 (clients:2) may send to a.example, from printer@hosted.example" + NOT_YET]),
    "a denial": ({"relay": GRANTS + "deny to ann@listed.example\n"}, [
        "refuses: mail to ann@listed.example (recipients:2 -> recipients:2, relay:3) is refused now"]),
    "exchangers": ({"relay": GRANTS + "grant to-host 192.0.2.0/24\n"}, [
        "gains: strangers may send to all recipients but other address literals" + NOT_YET +
        ", where `grant to-host` has all mail exchangers in the new rules alone"]),
    "a domain more": ({"domains": "hosted.example\nlisted.example listed\nmore.example\n"}, [
        "hosts: mail to more.example (- -> domains:3) is ours now"]),
    "a domain less": ({"domains": "listed.example listed\nhosted2.example\n", "aliases": ""}, [
        "hosts: mail to hosted2.example (- -> domains:2) is ours now",
        "unhosts: mail to hosted.example (domains:1 -> -) is no longer ours"]),
    "recipients less": ({"recipients": "ann@listed.example\n"}, [
        "refuses: mail to joe@listed.example (recipients:1 -> -) is refused now"]),
    "recipients listed": ({"domains": "hosted.example listed\nlisted.example listed\n"}, [
        "refuses: mail to hosted.example (domains:1) (but not recipients of ours) is refused now"]),
    "the next hop is asked": ({"domains": "hosted.example\nlisted.example asked\n"}, [
        "takes: mail to the recipients below (but not recipients of ours) is taken now, "
        "where the next hop takes the recipient",
        "    to listed.example (domains:2)",
        "    not to postmaster@listed.example",
        "refuses: mail to postmaster@listed.example is refused now, where the next hop does not take the recipient"]),
    "an alias elsewhere": ({"aliases": "info@hosted.example far@away.example\n"}, [
        "redirects: mail to info@hosted.example (aliases:1) goes elsewhere now"]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_said(tmp_path, what):
    control, lines = CHANGES[what]
    old, new = make(tmp_path / "old"), make(tmp_path / "new", **control)
    code, out, err = diff(old, new)
    assert (code, err) == (1, "")
    assert said(out) == lines
    code, back, err = diff(new, old)
    assert (code, err) == (1, "") and back != out


def test_routes_turn_to_host_on_and_off(tmp_path):
    where = ", where `grant to-host` has all mail exchangers in both rules"
    relay = GRANTS + "grant to-host 192.0.2.0/24\n"
    old = make(tmp_path / "old", relay=relay)
    new = make(tmp_path / "new", relay=relay, routes="far.example:/run/lmtp\n")
    assert said(diff(old, new)[1]) == [
        "loses: strangers may no longer send to far.example (- -> routes:1)" + NOT_YET + where]
    assert said(diff(new, old)[1]) == ["gains: strangers may send to far.example (routes:1 -> -)" + NOT_YET + where]
    old = make(tmp_path / "old", relay=relay, routes=":10.0.0.5\n")
    new = make(tmp_path / "new", relay=relay, routes=":10.0.0.5\nfar.example:\n")
    assert said(diff(old, new)[1]) == ["gains: strangers may send to far.example (- -> routes:2)" + NOT_YET + where]
    # without such a grant no route matters
    old, new = make(tmp_path / "old", relay=GRANTS), make(tmp_path / "new", relay=GRANTS)
    assert diff(old, new)[0] == 0


def test_examples_name_both_lines(tmp_path):
    old = make(tmp_path / "old", relay="grant clients\ngrant login\n")
    new = make(tmp_path / "new", recipients="ann@listed.example\n", clients=":allow\n")
    out = diff(old, new + "/rules.cdb")[1]
    assert "    for example client 127.0.0.1 from <> to <a@example.org>: " \
        "accepted, client (relay:1, clients:1) -> 550 5.7.1 relaying-denied\n" in out
    assert " to <joe@listed.example>: " \
        "accepted, listed (recipients:1) -> 550 5.1.1 no-such-recipient (domains:2)\n" in out


def test_examples_show_values_and_targets(tmp_path):
    old = make(tmp_path / "old")
    new = make(tmp_path / "new", clients='127.0.0.1:allow,RELAYCLIENT=".inner"\n:allow\n',
               aliases="info@hosted.example a@b.example c@d.example e@f.example g@h.example i@j.example\n")
    out = diff(old, new)[1]
    assert '    for example client 127.0.0.1: "" (clients:1) -> ".inner" (clients:1)\n' in out
    assert "accepted, alias (aliases:1) to joe@listed.example -> " \
        "accepted, alias (aliases:1) to a@b.example, c@d.example, e@f.example and 2 more\n" in out


def test_no_difference(tmp_path):
    """Other lines, other order, other limits and routes: the same decisions."""
    old = make(tmp_path / "old")
    new = make(tmp_path / "new", relay="# comment\ngrant clients\n\ngrant login\n", limits="size 1000\n",
               routes=":192.0.2.1\n", domains="listed.example listed\nhosted.example\n")
    assert diff(old, new) == (0, "", "")
    assert diff("--json", old, new) == (
        0, '{"lines":[],"stamps":{"old":null,"new":null,"users":[]},"not-followed":[],"not-followed-more":false}\n', "")


def test_short(tmp_path):
    old = make(tmp_path / "old")
    rules = "".join('10.0.%d.0/24:allow,RELAYCLIENT=""\n' % (2 * i) for i in range(25))
    new = make(tmp_path / "new", clients=CONTROL["clients"] + rules)
    assert len(said(diff(old, new)[1])) == 1 + 25
    lines = said(diff("--short", old, new)[1])
    assert len(lines) == 1 + 10 + 1 and lines[-1] == "    and 15 more prefixes"


def test_json(tmp_path):
    old = make(tmp_path / "old")
    new = make(tmp_path / "new", clients='10.0.0.0/8:allow,RELAYCLIENT=""\n' + CONTROL["clients"])
    code, out, err = diff("--json", old, new)
    (line,) = json.loads(out)["lines"]
    assert (code, err, line["kind"]) == (1, "", "gains")
    (part,) = line["clients"]["parts"]
    assert part["prefixes"] == [{"prefix": "10.0.0.0/8", "in": True, "old": 2, "new": 1}]
    assert line["recipients"] == {"all": True, "and": [], "but": [], "classes": []}
    assert line["when"][0]["login"] == ["none", "norelay"] and line["when"][0]["tls"] == ["no", "yes"]
    assert line["example"]["new"] == "accepted, client (relay:2, clients:1)"


def test_wrong_arguments_and_files(tmp_path):
    old = make(tmp_path / "old")
    for args in [(), (old,), (old, old, old), ("--what", old, old), ("--log",), ("--log", "-"), ("-j", old, old)]:
        code, out, err = diff(*args)
        assert (code, out) == (100, "") and "usage: relay-diff" in err
    (tmp_path / "bad").write_bytes(b"no rules" * 1000)
    (tmp_path / "empty").mkdir()
    for bad in ("bad", "empty", "none"):
        code, out, err = diff(old, str(tmp_path / bad))
        assert (code, out) == (111, "") and err.startswith("relay-diff: fatal: ")
    assert diff("--log", str(tmp_path / "none"), old)[0] == 111


STRANGER = "@4000000065 relay-smtpd: event=recipient pid=1 client=192.0.2.1"
LOG = """@4000000065 relay-smtpd: event=connect pid=1 client=192.0.2.1
{0} verdict=refused reason=relaying-denied origin=external sender=a@far.example recipient=b@partner.example helo=x
{0} verdict=refused reason=relaying-denied origin=external sender=a@far.example recipient=b@partner.example helo=y
@4000000067 relay-smtpd: event=recipient pid=3 client=127.0.0.1 verdict=accepted reason=client rule=relay:2 sender= \
recipient=c@far.example trusted=clients:1
{0} verdict=accepted reason=login rule=relay:1 origin=external sender= recipient=c@far.example login=joe\\x20x
{0} verdict=accepted reason=hosted rule=domains:1 origin=external sender= recipient=c@hosted.example
{0} verdict=accepted reason=listed rule=recipients:1 origin=external sender= recipient=joe@listed.example
{0} sender= recipient=c@hosted.example
""".format(STRANGER)


def test_replay(tmp_path):
    """Two refusals would be accepted, one accepted mail refused, one needs the network, one is cut."""
    old = make(tmp_path / "old")
    new = make(tmp_path / "new", relay="grant to partner.example\ngrant clients\ngrant login\n",
               clients=":allow\n", domains="hosted.example asked\nlisted.example listed\n",
               recipients="\njoe@listed.example\n")
    wanted = """2 times: client 192.0.2.1 from <a@far.example> to <b@partner.example>
    then: refused relaying-denied
    now:  accepted to (relay:1)
1 time: client 127.0.0.1 from <> to <c@far.example>
    then: accepted client (relay:2, clients:1)
    now:  refused relaying-denied
7 recipients in the log
3 would change
2 would have the same verdict for another reason or by another line
0 would stay as they are
1 can't be decided: the network would have to be asked, and the line has no answer
1 can't be read
"""
    assert diff("--log", "-", new, input=LOG.encode()) == (1, wanted, "")
    assert diff("--log", "-", old, new, input=LOG.encode()) == (1, wanted, "")
    log = tmp_path / "log"
    log.write_text(LOG)
    code, out, err = diff("--json", "--log", str(log), old, old)
    said = json.loads(out)
    assert (code, err, said["changes"]) == (0, "", [])
    assert (said["recipients"], said["same"], said["bad"], said["unlike"]) == (7, 6, 1, 0)
    changes = json.loads(diff("--log", str(log), "--json", new)[1])["changes"]
    assert changes[0]["times"] == 2 and changes[0]["recipient"] == "b@partner.example"


def test_replay_against_other_old_rules(tmp_path):
    """What the old rules decide otherwise than the log says is counted."""
    old = make(tmp_path / "old", relay=GRANTS + "grant to partner.example\n")
    code, out, err = diff("--log", "-", old, old, input=LOG.encode())
    assert (code, err) == (0, "") and "2 of the decided ones were logged otherwise than the old rules decide\n" in out


def test_mkcdb_shows_it_first(tmp_path):
    c = tmp_path / "control"
    c.mkdir()
    for name, text in CONTROL.items():
        (c / name).write_text(text)

    def run(*args):
        return subprocess.run([MKCDB, *args, str(c)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    r = run("--diff")
    assert (r.returncode, r.stdout) == (0, b"no rules are installed yet: nothing to compare with\n")
    first = (c / "rules.cdb").read_bytes()
    assert run("--diff").stdout == b"no difference in who may relay and which mail is taken\n"
    (c / "recipients").write_text("ann@listed.example\n")
    gone = b"refuses: mail to joe@listed.example (recipients:1 -> -) is refused now\n"
    for args in (("-n", "--diff"), ("--diff", "-n")):
        r = run(*args)
        assert r.returncode == 0 and r.stdout.startswith(gone) and (c / "rules.cdb").read_bytes() == first
    r = run("--diff")
    assert r.returncode == 0 and r.stdout.startswith(gone) and (c / "rules.cdb").read_bytes() != first
    (c / "relay").write_text("grant everything\n")
    r = run("--diff")
    assert (r.returncode, r.stdout) == (100, b"")
    (c / "relay").write_text(CONTROL["relay"])
    (c / "rules.cdb").write_bytes(b"damaged")
    r = run("--diff")
    assert r.returncode == 0 and r.stdout.startswith(b"the installed rules can't be compared: ")


def test_mkcdb_installs_nothing_that_it_could_not_show(tmp_path):
    make(tmp_path / "c")
    first = (tmp_path / "c" / "rules.cdb").read_bytes()
    (tmp_path / "c" / "relay").write_text("grant login\n")
    with open("/dev/full", "wb") as full:
        r = subprocess.run([MKCDB, "--diff", str(tmp_path / "c")], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert r.returncode == 111 and (tmp_path / "c" / "rules.cdb").read_bytes() == first
    assert not (tmp_path / "c" / "rules.cdb.tmp").exists()
