"""relay-explain's changes of the rules: written into the texts and compiled, they do what was promised, in both
directions; and its verdict is decide()'s whatever the rules and the facts."""
import os
import random
import re
import subprocess
import sys

import pytest

from lib.explain import Site, arguments, changed, place, run, show
from lib.procs import ROOT, program

sys.path.insert(0, os.path.join(ROOT, "tests"))

from oracle import compare  # noqa: E402
from oracle.generate import Generator  # noqa: E402
from oracle.oracle import Oracle  # noqa: E402

SEED = int(os.environ.get("EXPLAIN_SEED") or random.randrange(1 << 32))
VERDICTS = {"accept": "accepted", "refuse": "refused", "tempfail": "deferred", "ask-mailbox": "undecided",
            "ask-mx": "undecided"}

CLIENTS = ('127.0.0.1:allow,RELAYCLIENT="",DATABYTES="1000"\n10.:allow\n10.1.2.3-7:allow,RELAYCLIENT=""\n'
           '192.0.2.66:deny\n172.16.0.2:allow,RELAYCLIENT=".inner"\n203.0.113.:deny\njoe@192.0.2.9:deny\n'
           '=.lan.example:allow,RELAYCLIENT=""\n:allow\n')
DOMAINS = "hosted.example\nlisted.example listed\n.sub.example any\n[127.0.0.1]\n"
RELAY = "grant clients\ngrant to partner.net\ndeny to bad.net\ngrant device 192.0.2.8 from @hosted.example to any\n"

# more of `relay`, sender, recipient, facts; the first change
OPENING = [
    ("", "a@b.example", "c@d.net", {"client": "192.0.2.201"},
      "add relay: grant device 192.0.2.201 from a@b.example to c@d.net"),
    ("", "", "c@d.net", {"client": "2001:db8::1"}, "add relay: grant to c@d.net"),
    ("", "", "c@d.net", {}, "add relay: grant to c@d.net"),
    ("", "a@b.example", "c@bad.net", {"client": "127.0.0.1"}, "remove relay:3: deny to bad.net"),
    ("", "a@b.example", "c@listed.example", {}, "add recipients: c@listed.example"),
    ("", "a@b.example", "c@hosted.example", {"client": "192.0.2.66"},
      "replace clients:4: 192.0.2.66:deny by 192.0.2.66:allow"),
    ("", "a@b.example", "c@hosted.example", {"client": "203.0.113.9"}, "add clients: 203.0.113.9:allow"),
    ("", "a@b.example", "c@d.net", {"client": "203.0.113.9"},
     "add clients: 203.0.113.9:allow; add relay: grant device 203.0.113.9 from a@b.example to c@d.net"),
    ("", "a@b.example", "c@[192.0.2.5]", {"client": "10.0.0.1"},
     "add relay: grant device 10.0.0.1 from a@b.example to c@[192.0.2.5]"),
    ("require sender hosted\n", "a@b.example", "c@d.net", {"client": "127.0.0.1"},
     "remove relay:5: require sender hosted"),
    ("require login\n", "a@b.example", "c@partner.net", {"client": "127.0.0.1"}, "remove relay:5: require login"),
    ("require tls\n", "a@b.example", "c@d.net", {"client": "192.0.2.201"}, "add domains: d.net"),
    ("deny to .inner\n", "a@b.example", "c@hosted.example", {"client": "172.16.0.2"},
     'replace clients:5: 172.16.0.2:allow,RELAYCLIENT=".inner" by 172.16.0.2:allow,RELAYCLIENT=""'),
    ("", "a@b.example", "c@d.net", {"client": "192.0.2.5", "relayclient": "@"},
     'add clients: 192.0.2.5:allow,RELAYCLIENT=""'),
]
CLOSING = [
    ("", "a@b.example", "c@hosted.example", {"client": "192.0.2.201"}, "add relay: deny to c@hosted.example"),
    ("", "a@b.example", "c@d.net", {"client": "127.0.0.1"}, "add relay: deny to c@d.net"),
    ("", "a@b.example", "c@d.net", {"client": "10.1.2.5"}, "add relay: deny to c@d.net"),
    ("", "a@b.example", "c@partner.net", {}, "add relay: deny to c@partner.net"),
    ("", "a@hosted.example", "c@d.net", {"client": "192.0.2.8"},
     "remove relay:4: grant device 192.0.2.8 from @hosted.example to any"),
    ("grant to x@y.net\n", "a@b.example", "x@y.net", {}, "add relay: deny to x@y.net"),
    ("", "a@b.example", "c@d.net", {"client": "192.0.2.7", "host": "p.lan.example"}, "add relay: deny to c@d.net"),
    ("", "a@b.example", "c@d.net", {"client": "192.0.2.5", "relayclient": ""}, "add relay: deny to c@d.net"),
    ("grant sender @forged.example forgeable\n", "a@forged.example", "c@d.net", {"client": "192.0.2.201"},
     "remove relay:5: grant sender @forged.example forgeable"),
    ("", "a@b.example", "c@hosted.example", {"client": "172.16.0.2"}, "add relay: deny to c@hosted.example.inner"),
]


@pytest.mark.parametrize("more, sender, recipient, facts, first", OPENING + CLOSING)
def test_changes(tmp_path, more, sender, recipient, facts, first):
    """Each change that is shown turns what the chain says."""
    site = Site(tmp_path, clients=CLIENTS, domains=DOMAINS, relay=RELAY + more, recipients="joe@listed.example\n")
    found = site.explain(*arguments(sender, recipient, **facts))
    before = site.answer(sender, recipient, **facts)
    assert before == found["reply"] and found["changes"]
    assert "; ".join(map(show, found["changes"][0]["edits"])) == first
    sizes = [len(c["edits"]) for c in found["changes"]]
    assert sizes == sorted(sizes) and len(sizes) <= 5
    for change in found["changes"]:
        text = "; ".join(map(show, change["edits"]))
        added = [e["by"] or e["text"] for e in change["edits"] if e["action"] != "remove"]
        assert not any("forgeable" in line or "open-relay" in line for line in added), text
        site.write(changed(site.texts, change["edits"]))
        after = site.answer(sender, recipient, **facts)
        assert (after[0] == "2") != (before[0] == "2") and (after[0] == "2") == (change["verdict"] == "accepted"), text
        now = site.explain(*arguments(sender, recipient, **facts))
        assert (now["verdict"], now["reason"], now["reply"]) == (change["verdict"], change["reason"], after), text
        site.write({"recipients": "", "aliases": "", **site.texts})


def test_keeps_the_clients_other_variables(tmp_path):
    """Or the client's line is left alone, where one of them could not be shown."""
    clients = '192.0.2.:allow,DATABYTES="7",B="x y"\n198.51.100.:allow,A=/"/\n:allow\n'
    site = Site(tmp_path, clients=clients, domains=DOMAINS, relay=RELAY)

    def lines(client):
        return [show(e) for c in site.explain("--client=" + client, "--to=a@b.net")["changes"] for e in c["edits"]]
    assert 'add clients: 192.0.2.201:allow,DATABYTES="7",B="x y",RELAYCLIENT=""' in lines("192.0.2.201")
    assert lines("198.51.100.201") and not [l for l in lines("198.51.100.201") if "clients" in l]


# who is denied by a line that is not the client's alone; the line, and the first change
DENIED = [
    ("192.0.2.0-6:deny\n:allow\n", {"client": "192.0.2.5"}, "remove clients:1: 192.0.2.5:deny"),
    ("Joe@192.0.2.8:deny\n:allow\n", {"client": "192.0.2.8", "info": "Joe"}, "remove clients:1: Joe@192.0.2.8:deny"),
    ("ann@=p.lan.example:deny\n", {"client": "192.0.2.8", "host": "p.lan.example", "info": "ann"},
     "remove clients:1: ann@=p.lan.example:deny"),
    ("192.0.2.0-6:deny\n192.0.2.:deny\n:allow\n", {"client": "192.0.2.5"},
     "add clients: 192.0.2.5:allow; remove clients:1: 192.0.2.5:deny"),
    ("192.0.2.:deny\n:allow\n", {"client": "192.0.2.5"}, "add clients: 192.0.2.5:allow"),
]


@pytest.mark.parametrize("clients, facts, first", DENIED)
def test_a_line_that_denies_others_too(tmp_path, clients, facts, first):
    """Of a range, or a user: the line goes, and the chain lets the client in."""
    site = Site(tmp_path, clients=clients, domains=DOMAINS, relay=RELAY)
    to = "c@hosted.example"
    found = site.explain(*arguments("a@b.example", to, **facts))
    assert found["reason"] == "client-denied" and "; ".join(map(show, found["changes"][0]["edits"])) == first
    for change in found["changes"]:
        site.write(changed(site.texts, change["edits"]))
        assert site.answer("a@b.example", to, **facts)[0] == "2", change
        site.write(site.texts)


def test_a_range_is_left_alone(tmp_path):
    """Its line stands for other clients, too, and there are changes enough without it."""
    site = Site(tmp_path, clients=CLIENTS, domains=DOMAINS, relay=RELAY)
    edits = [e for c in site.explain("--client=10.1.2.5", "--to=a@b.net")["changes"] for e in c["edits"]]
    assert not [e for e in edits if e["file"] == "clients"]


def test_a_directory_with_rules(tmp_path):
    site = Site(tmp_path, clients=CLIENTS, domains=DOMAINS, relay=RELAY)
    assert run(tmp_path, "--to=a@hosted.example") == run(site.rules, "--to=a@hosted.example")
    (tmp_path / "none").mkdir()
    status, out, err = run(tmp_path / "none", "--to=a@hosted.example")
    assert (status, out) == (111, "") and "open %s/none/rules.cdb" % tmp_path in err


def test_advice(tmp_path):
    site = Site(tmp_path, clients=CLIENTS, domains=DOMAINS, relay="grant login\n")
    cases = [("", [], "log in"), ("require tls\n", [], "log in, under TLS"), ("require tls\n", ["--login=x"],
      "use TLS"),
             ("", ["--login=x", "--norelay"], "give the login the privilege to relay"),
             ("require sender hosted\n", ["--login=x", "--from=a@b.net"], "send as an address of a hosted domain"),
             ("require sender hosted\n", ["--from=a@b.net"], "log in, and send as an address of a hosted domain"),
             ("deny to c.net\n", [], None)]
    for more, facts, advice in cases:
        site.write({"relay": "grant login\n" + more})
        assert site.explain("--to=a@c.net", *facts)["advice"] == ([advice] if advice else []), more
    assert "without %" in site.explain("--to=a%b@hosted.example")["advice"][0]


def options(facts):
    """The oracle's facts as options."""
    out = ["--%s=%s" % (o, v) for o, v in (("client", facts.client), ("host", facts.host), ("info", facts.info),
                                           ("listener", facts.listener), ("login", facts.login), ("pop", facts.stamp),
                                           ("mailbox", facts.mailbox)) if v]
    out += ["--relayclient"] * facts.kept + ["--tls"] * facts.tls
    out += ["--norelay"] * bool(facts.login and not facts.privilege) + ["--wrong-sender"] * facts.wrong_sender
    out += ["--pop-unknown"] * facts.stamp_unknown
    if facts.mx:
        out.append("--mx=" + (",".join(facts.hosts) or "none" if facts.mx == "yes" else facts.mx))
    return out + ["--from=" + facts.sender, "--to=" + facts.recipient]


def compiled(directory, texts):
    """A site of texts without the lines that relay-mkcdb does not take; None when that leads nowhere."""
    for _ in range(8):
        for name, text in texts.items():
            (directory / name).write_text(text)
        r = subprocess.run([program("relay-mkcdb"), str(directory)], stderr=subprocess.PIPE, timeout=60)
        if r.returncode == 0:
            return Site(directory, **texts)
        wrong = set(re.findall(r"^(\w+):(\d+): (?!warning:)", r.stderr.decode(), re.M))
        texts = {name: "\n".join("" if (name, str(i)) in wrong else line for i, line in enumerate(text.split("\n"), 1))
                 for name, text in texts.items()}
    return None


def check(site, oracle, facts):
    """One question: the oracle's answer, the deciding line among those shown, and each change when it is written."""
    _, gate, decision = compare.expected(oracle, facts)
    found = site.explain(*options(facts))
    at = place(found["rule"])
    if gate.deny:
        assert (found["reason"], at) == ("client-denied", "clients:%d" % gate.line)
    elif decision is None:
        assert found["reason"] in ("sender-syntax", "recipient-syntax")
    elif found["facts"]["becomes"] is None and found["reason"] != "appended":
        assert (found["verdict"], found["reason"], found["origin"], at) == \
            (VERDICTS[decision.verdict], decision.reason, decision.origin, decision.where)
    assert [place(l) for l in found["lines"] if l["standing"] == "decides"] == [at] * bool(at)
    assert (found["changes"] is None) == (found["verdict"] == "undecided" or found["reason"].endswith("-syntax"))
    texts = {"recipients": "", "aliases": "", **site.texts}
    for change in found["changes"] or []:
        site.write(changed(site.texts, change["edits"]))
        now = site.explain(*options(facts))
        assert (now["verdict"], now["reason"]) == (change["verdict"], change["reason"]), change
        assert now["verdict"] != found["verdict"], change
    if found["changes"]:
        site.write(texts)
    return bool(found["changes"])


def test_random_rules(tmp_path):
    """EXPLAIN_SEED=N repeats a run."""
    rng = random.Random(SEED)
    asked = turned = 0
    while asked < 150:
        generator = Generator(rng)
        directory = tmp_path / str(asked)
        directory.mkdir()
        site = compiled(directory, generator.texts())
        if not site:
            continue
        oracle = Oracle(site.texts)
        for facts in (generator.facts() for _ in range(5)):
            if not (facts.sender + facts.recipient).count("<") == 2:
                continue   # without < it is read as a bare address, which SMTP does not do
            try:
                turned += check(site, oracle, facts)
            except AssertionError as e:
                raise AssertionError("EXPLAIN_SEED=%d: %s: %s" % (SEED, directory, options(facts))) from e
            asked += 1
    assert turned > asked // 3
