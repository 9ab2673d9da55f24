"""relay-explain: what it says is what the chain does, and what the log said; for people and for programs."""
import json
import os
import random
import re
import time

import pytest

from lib.explain import Site, arguments, explain, place, run

TEXTS = {
    "clients": '127.0.0.1:allow,RELAYCLIENT=""\n10.:allow\n10.1.0.0/16:allow,RELAYCLIENT=""\n'
               '172.16.0.2:allow,RELAYCLIENT=".inner"\n192.0.2.66:deny\n'
               'joe@192.0.2.9:allow,RELAYCLIENT=""\n=printer.hosted.example:allow,RELAYCLIENT=""\n:allow\n',
    "domains": "hosted.example\n.hosted.example listed\nasked.example asked\n[127.0.0.1]\n",
    "recipients": "joe@x.hosted.example\nann+*@x.hosted.example\n",
    "aliases": "all@hosted.example joe@x.hosted.example\n@old.hosted.example joe@x.hosted.example\n",
    "relay": "grant login\ngrant clients\ngrant to partner.net\ngrant to x@away.example\ndeny to bad.example\n"
             "deny to .bad.example\ngrant device 192.0.2.9 from @hosted.example to away.example\ngrant pop 600\n",
}

# sender, recipient, facts
CASES = [
    ("a@b.example", "c@hosted.example", {}), ("", "c@hosted.example", {"client": "192.0.2.1"}),
    ("a@b.example", "c@d.example", {"client": "192.0.2.1"}), ("a@b.example", "c@d.example", {"client": "127.0.0.1"}),
    ("a@b.example", "c@d.example", {"client": "10.1.2.3"}), ("a@b.example", "c@d.example",
      {"client": "::ffff:10.1.2.3"}),
    ("a@b.example", "c@d.example", {"client": "192.0.2.66"}), ("", "c@hosted.example", {"client": "192.0.2.66"}),
    ("a@b.example", "c@d.example", {"client": "192.0.2.9", "info": "joe"}),
    ("a@b.example", "c@d.example", {"client": "192.0.2.9", "info": "Joe"}),
    ("a@b.example", "c@d.example", {"client": "192.0.2.8", "host": "Printer.Hosted.Example."}),
    ("a@b.example", "c@d.example", {"client": "192.0.2.8", "relayclient": ""}),
    ("a@hosted.example", "c@away.example", {"client": "192.0.2.9"}),
    ("a@b.example", "c@away.example", {"client": "192.0.2.9"}), ("a@b.example", "X@AWAY.example.",
      {"client": "192.0.2.9"}),
    ("a@b.example", "c@partner.net", {"client": "192.0.2.1"}), ("a@b.example", "c@sub.partner.net",
      {"client": "192.0.2.1"}),
    ("a@b.example", "c@bad.example", {"client": "127.0.0.1"}), ("a@b.example", "c@x.bad.example",
      {"client": "127.0.0.1"}),
    ("a@b.example", "c@hosted.example", {"client": "172.16.0.2"}), ("a@b.example", "c@bad.exam",
      {"client": "172.16.0.2"}),
    ("a@b.example", "c@d.example", {"client": "192.0.2.1", "relayclient": "@"}),
    ("a@b.example", "c@hosted.example", {"client": "192.0.2.1", "relayclient": "@"}),
    ("a@b.example", "c@hosted.example", {"client": "192.0.2.1", "listener": "submission"}),
    ("a@b.example", "c@hosted.example", {"client": "192.0.2.1", "listener": "inner"}),
    ("a@b.example", "joe@x.hosted.example", {}), ("a@b.example", "ann+1@x.hosted.example", {}),
    ("a@b.example", "ann@x.hosted.example", {}), ("a@b.example", "any@old.hosted.example", {}),
    ("a@b.example", "all@hosted.example", {}), ("a@b.example", "postmaster@x.hosted.example", {}),
    ("a@b.example", "Postmaster", {}), ("a@b.example", "c@[127.0.0.1]", {}), ("a@b.example", "c@[127.0.0.2]", {}),
    ("a@b.example", "c%d.example@hosted.example", {}), ("a@b.example", '"c@d.example"@hosted.example', {}),
    ("a@b.example", "@x.example:c@hosted.example", {}), ("a@b.example", "c", {}), ("a@b.example", "c@d@e.example", {}),
    ("a@", "c@hosted.example", {}), ("a@b.example", "%s@hosted.example" % (257 * "c"), {}),
    ("%s@b.example" % (257 * "a"), "c@hosted.example", {}), ("a@b.example", "c@1.2.3.4", {}),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("site"), **TEXTS)


@pytest.mark.parametrize("sender, recipient, facts", CASES)
def test_reply(site, sender, recipient, facts):
    """The very words that the chain says."""
    assert site.explain(*arguments(sender, recipient, **facts))["reply"] == site.answer(sender, recipient, **facts)


@pytest.mark.parametrize("before", ["", "@4000000068a00000 ", "Nov 22 12:00:00 host relay[7]: "])
def test_log(site, tmp_path, before):
    """What relay-smtpd logs, explained, is what it logged: from the line alone; its client is looked up anew."""
    count = 0
    for sender, recipient, facts in CASES:
        with open(tmp_path / "log", "w+b") as log:
            with site.chain(log=log, **facts) as d:
                reply = d.reply()
                for line in ("EHLO x", "MAIL FROM:<%s>" % sender, "RCPT TO:<%s>" % recipient):
                    if reply.code < 400:
                        reply = d.cmd(line)
            log.seek(0)
            lines = [l for l in log.read().decode().splitlines() if " event=recipient " in l]
        if not lines:
            continue
        count += 1
        line = before + lines[0]
        fields = dict(w.split("=", 1) for w in lines[0].split(" ") if "=" in w)
        found = site.explain("--log", line)
        assert found["logged"]["same"] and found["verdict"] == fields["verdict"], line
        if found["reason"] != "appended":
            assert (found["reason"], place(found["rule"])) == (fields["reason"], fields.get("rule", "")), line
        assert found["reply"] == reply.raw.decode().rstrip(), line
        direct = site.explain(*arguments(sender, recipient, **facts))
        assert {k: v for k, v in found.items() if k != "logged"} == direct
        if before:
            break
    assert before or count > 25


def test_log_from_input(site):
    ok = "relay-smtpd: event=recipient client=192.0.2.1 sender=a@b.example recipient=c@%s verdict=%s reason=%s rule=%s"
    lines = [ok % ("hosted.example", "accepted", "hosted", "domains:1"), "relay-smtpd: event=connect client=192.0.2.1",
             ok % ("else.example", "accepted", "anyone", "relay:9"), "x" * 100000, "",
             "relay-smtpd: event=recipient client=192.0.2.1", ok % ("hosted.example", "refused", "denied", "relay:1")]
    status, out, err = run(site.rules, "--json", "--log", stdin="\n".join(lines).encode())
    found = [json.loads(l) for l in out.splitlines()]
    assert status == 1 and [f["logged"]["same"] for f in found] == [True, False, False]
    assert [f["verdict"] for f in found] == ["accepted", "refused", "accepted"]
    assert err.count("left out") == 1 and "no client, sender, recipient or verdict" in err
    status, out, _ = run(site.rules, "--log", stdin="\n".join(lines).encode())
    assert status == 1 and out.count("\n\n") == 2 and out.count("(these rules say something else)") == 2
    for args, stdin in ((["--log"], b""), (["--log", lines[1]], b""), (["--log"], b"\0" * 200000), (["--log", lines[5]],
      b"")):
        assert run(site.rules, *args, stdin=stdin)[0] == 100


@pytest.mark.parametrize("sender, recipient, facts", CASES)
def test_text_and_json_agree(site, sender, recipient, facts):
    args = arguments(sender, recipient, **facts)
    found = site.explain(*args)
    status, text, err = run(site.rules, *args)
    assert not err and status == ("accepted", "refused", "deferred").index(found["verdict"])
    lines = text.splitlines()
    assert lines[0] == "%s: %s" % (found["verdict"], found["meaning"])
    assert "reply       " + found["reply"] in lines and "reason      " + found["reason"] in lines
    assert ("rule        " + place(found["rule"]) in lines) == bool(found["rule"])
    shown = [l for l in lines if re.match("  (decides|holds|lost|fails) ", l)]
    assert [re.sub(" +", " ", l) for l in shown] == \
        [" %s %s `%s`: %s" % (l["standing"], place(l), l["text"], l["why"]) for l in found["lines"]]
    edits = [e for c in found["changes"] or [] for e in c["edits"]]
    assert text.count("      (") == len(edits)
    for e in edits:
        assert ("%s: %s\n" % (place(e) if e["line"] else "add to " + e["file"], e["text"])) in text
    for advice in found["advice"]:
        assert advice in text
    for kind, n in found["others"].items():
        assert "%d of %s" % (n, kind) in text
    deciding = [l for l in found["lines"] if l["standing"] == "decides"]
    assert [place(l) for l in deciding] == ([place(found["rule"])] if found["rule"] else [])


def test_lost(site):
    """Each line that came close, and why."""
    def why(*args):
        return {place(l): (l["standing"], l["why"]) for l in site.explain(*args)["lines"]}
    lines = why("--client=10.1.2.3", "--to=x@else.example")
    assert lines["clients:2"] == ("holds", "the client's line: lets it in, as a stranger")
    assert lines["clients:3"] == ("lost", "asked later than clients:2")
    assert lines["relay:1"] == ("fails", "nobody is logged in")
    assert lines["relay:2"] == ("fails", "the client is not trusted: clients:2 sets no RELAYCLIENT")
    assert lines["relay:8"] == ("fails", "the client has no fresh POP stamp")
    lines = why("--client=192.0.2.9", "--from=a@b.example", "--to=x@away.example")
    assert lines["relay:4"][0] == "decides" and lines["relay:7"] == ("fails",
      "the client fits, but the sender is another")
    lines = why("--login=ann", "--norelay", "--to=x@else.example")
    assert lines["relay:1"] == ("fails", "the login lacks the privilege to relay")
    lines = why("--login=ann", "--pop", "--to=x@partner.net")
    assert lines["relay:3"] == lines["relay:8"] == ("lost", "holds, too, but relay:1 stands before")
    lines = why("--to=any@old.hosted.example")
    assert lines["domains:2"] == ("holds", "hosts the recipient's domain; a line about the mailbox decides")


def test_unreadable(site, tmp_path):
    for rules in (tmp_path / "none", tmp_path, "/etc/passwd", "/dev/null"):
        status, out, err = run(rules, "--to=a@b.example")
        assert status == 111 and not out and err.startswith("relay-explain: fatal: unable to open ")


@pytest.mark.parametrize("args", [[], ["--from=a@b.example"], ["--to"], ["--nothing"], ["x"], ["--to=a@b.example", "x"],
                                  ["--matrix", "--log"], ["--log", "--to=a@b.example"], ["--matrix", "--ask"],
                                  ["--to=a@b.example", "--to=a@b.example"], ["--to=a@b.example", "--client=1.2.3"],
                                  ["--log", "a", "b"], ["--rules"]])
def test_usage(site, args):
    status, out, err = run(site.rules, *args)
    assert status == 100 and not out and "usage: relay-explain" in err


def test_bytes(site):
    """Whatever bytes come in, printable ASCII goes out."""
    rng = random.Random(7)
    line = "relay-smtpd: event=recipient client=192.0.2.1 sender=a@b.example recipient=c@d.example verdict=%s"
    for _ in range(40):
        junk = bytes(rng.randrange(1, 256) for _ in range(20)).replace(b"=", b"-")
        args = [b"--" + o + b"=" + junk for o in rng.sample([b"host", b"info", b"login", b"pop", b"listener",
          b"relayclient"], 3)]
        for more in ([b"--to=a@hosted.example"], [b"--to=" + junk], [b"--from=" + junk, b"--to=a@b.example"],
          [b"--matrix"]):
            for how in ([], ["--json"]):
                status, out, _ = run(site.rules, *how, *args, *more)
                assert status < 4 and all(32 <= ord(c) < 127 or c == "\n" for c in out)
        escaped = "".join("\\x%02x" % b for b in junk)
        status, out, _ = run(site.rules, "--log", line % escaped)
        assert status == 1 and all(32 <= ord(c) < 127 or c == "\n" for c in out)


def test_ask(site, tmp_path):
    """Without --ask both outcomes are shown; with it the one that relay-ask finds."""
    site.texts["relay"] += "grant to-host 198.51.100.0/24\n"
    try:
        site.write(site.texts)
        found = site.explain("--to=c@asked.example")
        assert [o["reason"] for o in found["outcomes"]] == ["confirmed", "no-such-recipient", "recipient-unconfirmed"]
        assert found["reply"] is None and found["changes"] is None
        assert [o["verdict"] for o in site.explain("--to=c@d.example")["outcomes"]] == ["accepted", "refused",
          "deferred"]
        for route in ("192.0.2.9", "/run/lmtp", "10.0.0.5:24 lmtp tls=none"):
            site.write(dict(site.texts, routes="d.example:%s\n" % route))
            found = site.explain("--to=c@d.example", "--mx=198.51.100.9")
            why = "mail for the recipient's domain goes to the relay of routes:1, not to its mail exchangers"
            assert found["reason"] == "relaying-denied"
            assert ("fails", why) in [(l["standing"], l["why"]) for l in found["lines"]]
            assert not any("to-host" in e["text"] for c in found["changes"] for e in c["edits"])
        site.write(dict(site.texts, routes=""))
        program = tmp_path / "ask"
        for answer, to, reason in (("yes", "c@asked.example", "confirmed"), ("no no", "c@asked.example",
          "no-such-recipient"),
                                   ("unknown x", "c@asked.example", "recipient-unconfirmed"),
                                   ("yes 198.51.100.9", "c@d.example", "to-host"), ("no x", "c@d.example",
                                     "relaying-denied"),
                                   ("yes 198.51.100.9 192.0.2.1", "c@d.example", "relaying-denied"),
                                   ("nonsense", "c@d.example", "mx-unknown")):
            program.write_text("#!/bin/sh\nwhile read kind subject; do\necho $kind $subject >>%s/asked\necho %s\ndone\n"
                               % (tmp_path, answer))
            program.chmod(0o755)
            found = site.explain("--ask", "--to=" + to, env=dict(os.environ, RELAYASK=str(program)))
            assert found["reason"] == reason and not found["outcomes"]
        assert (tmp_path / "asked").read_text().split("\n")[0::6] == ["recipient c@asked.example", "hosts d.example"]
    finally:
        site.texts["relay"] = TEXTS["relay"]
        site.write(site.texts)


def test_matrix(site, tmp_path):
    found = json.loads(run(site.rules, "--json", "--matrix")[1])
    cells = {(c["row"], c["column"]): (c["verdict"], c["reason"], place(c["rule"])) for c in found["cells"]}
    denied, hosted = ("refused", "denied", "relay:5"), ("accepted", "hosted", "domains:1")
    assert cells == {(row, column): cell for row, cell_ in (
        ("stranger", ("refused", "relaying-denied", "")), ("client", ("accepted", "client", "relay:2")),
        ("login", ("accepted", "login", "relay:1")), ("stamped", ("accepted", "pop", "relay:8")))
        for column, cell in (("hosted", hosted), ("outgoing", cell_), ("denied", denied))}
    for c in found["cells"]:   # the chain knows no logins and stamps yet
        row = next(r for r in found["rows"] if r["row"] == c["row"])
        column = next(k for k in found["columns"] if k["column"] == c["column"])
        if not row["login"] and not row["pop"]:
            assert c["reply"] == site.answer(found["sender"], column["recipient"], client=row["client"],
              host=row["host"])
    text = run(site.rules, "--matrix")[1]
    rows = {l.split()[0]: re.split("  +", l)[1:] for l in text.split("\n\n")[1].splitlines()[1:]}
    for (row, column), cell in cells.items():
        assert rows[row][("hosted", "outgoing", "denied").index(column)] == " ".join(cell).strip()
    default = Site(tmp_path, clients='127.0.0.1:allow,RELAYCLIENT=""\n', domains="example.com\n",
                   relay="grant login\ngrant clients\n")
    text = run(default.rules, "--matrix")[1]
    assert "denied    (nothing is denied)" in text and "127.0.0.1" in text
    assert json.loads(run(default.rules, "--json", "--matrix", "--to=a@example.net", "--norelay",
      "--login=x")[1])["cells"][5] == {
        "row": "login", "column": "outgoing", "verdict": "refused", "reason": "no-privilege", "rule": None,
        "reply": "550 5.7.1 relaying denied: your account may not send beyond this server"}


def test_large(tmp_path):
    """100,000 prefixes and 100,000 domains: still at once."""
    clients = "".join("%d.%d.%d.0/24:allow%s\n" % (11 + i // 65536, i // 256 % 256, i % 256,
      ',RELAYCLIENT=""' * (i % 3 == 0))
                      for i in range(100000))
    site = Site(tmp_path, clients=clients, domains="".join("d%d.example\n" % i for i in range(50000)),
                relay="grant clients\n" + "".join("grant to p%d.example\n" % i for i in range(50000)))
    start = time.monotonic()
    found = explain(site.rules, "--client=11.0.1.9", "--from=a@d3.example", "--to=x@away.example")
    assert found["others"] == {"clients": 99999, "domains": 49999, "grant to": 50000} and len(found["lines"]) == 3
    assert {e["text"] for c in found["changes"] for e in c["edits"]} >= {
        "grant to x@away.example", '11.0.1.9:allow,RELAYCLIENT=""',
          "grant device 11.0.1.9 from a@d3.example to x@away.example"}
    assert time.monotonic() - start < 5
