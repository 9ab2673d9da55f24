"""The options that are questions: rows 29 (is it an open relay?) and 30 (who can relay? was it spammed through?) of the
table of options, asked of a running server and answered by its tools and its log."""
import json
import subprocess

from lib.rows import ANN, CLIENT, EVE, JOE, STRANGER, ask, listening, tool

BOB = "bob@hosted.example"


def say(*argv):
    """(exit code, the JSON that it wrote)."""
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return r.returncode, json.loads(r.stdout)


def replay(instance, transcript, source=STRANGER):
    """Says what the client says in a transcript ("C: ...", "S: ..."). The codes of the replies."""
    with instance.dialogue(source) as d:
        got = [d.reply().code]
        for line in transcript:
            if line.startswith("C: "):
                got.append(d.cmd(line[3:]).code)
        d.quit()
    return got


def test_row_29_open_relay_test(instances):
    """From outside with relay-probe, and for all dialogues at once with relay-prove: both say the same of a closed
    server and of an open one, and what relay-prove shows is what the server does."""
    prove = tool("relay-prove")
    i = listening(instances, clients="127.0.0.9:allow,RELAYCLIENT=\"\"\n")

    def probe():
        return say(tool("relay-probe"), "-j", "-n", "probe.example", "127.0.0.1:%d" % i.port)
    code, report = probe()
    assert (code, report["verdict"]) == (0, "closed")
    code, proof = say(prove, "--json", i.rules)
    assert (code, proof["verdict"], proof["openings"]) == (0, "closed", [])
    for relay in ("grant anyone open-relay\n", "grant clients\ngrant sender @partner.example forgeable\n"):
        i.compile(relay=relay)
        code, proof = say(prove, "--json", i.rules)
        assert code == 1 and proof["openings"], proof
        text = subprocess.run([prove, i.rules], stdout=subprocess.PIPE, text=True, timeout=60).stdout
        lines = [l.strip() for l in text.splitlines()]
        transcript = [l for l in lines if l.startswith(("C: ", "S: "))]
        assert replay(i, transcript) == [int(l[3:6]) for l in transcript if l.startswith("S: ")], text
        to = next(l for l in transcript if l.startswith("C: RCPT TO:<"))[len("C: RCPT TO:<"):-1]
        assert i.events(event="recipient")[-1]["verdict"] == "accepted" and not to.endswith("@hosted.example")
    i.compile(relay="grant anyone open-relay\n")
    code, report = probe()
    assert (code, report["verdict"]) == (1, "open")
    i.compile(relay="grant clients\n")
    assert probe()[0] == 0 and say(prove, "--json", i.rules)[0] == 0


def test_row_30_how_does_the_server_determine_who_can_relay(instances):
    """Each line of the log says by which grant, and relay-explain takes it back to the rules: whether they say so
    still, which line it was, and for a refusal what would change it."""
    explain = tool("relay-explain")
    i = listening(instances, relay="grant clients\ngrant to partner.example\n")
    wanted = {(CLIENT, EVE, ANN): "client relay:1", (STRANGER, EVE, "x@partner.example"): "to relay:2",
              (STRANGER, EVE, JOE): "hosted domains:1", (STRANGER, BOB, ANN): "nothing"}
    assert {k: ask(i, k[1], k[2], k[0]).by for k in wanted} == wanted
    lines = [l for l in i.log().splitlines() if " event=recipient " in l]
    assert len(lines) == len(wanted)
    for line, (k, by) in zip(lines, wanted.items()):
        code, said = say(explain, "--rules", i.rules, "--json", "--log", line)
        assert code == (1 if by == "nothing" else 0) and said["logged"]["same"], said
        assert said["facts"]["client"] == k[0] and said["facts"]["recipient"] == k[2]
        if by != "nothing":
            assert by == "%s %s:%d" % (said["reason"], said["rule"]["file"], said["rule"]["line"])
    edits = [e for c in said["changes"] for e in c["edits"]]
    assert {"grant to %s" % ANN} <= {e["text"] for e in edits if e["action"] == "add" and e["file"] == "relay"}
    change = next(c["edits"] for c in said["changes"] if [e["text"] for e in c["edits"]] == ["grant to %s" % ANN])
    i.compile(relay=i.texts["relay"] + change[0]["text"] + "\n")
    assert ask(i, BOB, ANN).granted, "the change that it names does turn it"
    code, said = say(explain, "--rules", i.rules, "--json", "--log", lines[-1])
    assert code == 0 and not said["logged"]["same"], "today's rules say something else than the log"


def test_row_30_was_it_spammed_through(instances):
    """All that was relayed stands in the log, by its grant; what was not accepted stands there as refused."""
    i = listening(instances, relay="grant clients\ngrant sender @partner.example forgeable\n")
    for sender, to, source in (("x@partner.example", ANN, STRANGER), (EVE, ANN, STRANGER), (BOB, ANN, CLIENT)):
        ask(i, sender, to, source)
    events = i.events(event="recipient")
    relayed = [e for e in events if e["verdict"] == "accepted" and e["reason"] not in ("hosted", "listed", "alias")]
    assert [(e["client"], e["reason"], e["rule"]) for e in relayed] == [
        (STRANGER, "sender", "relay:2"), (CLIENT, "client", "relay:1")]
    assert [(e["sender"], e["reason"]) for e in events if e["verdict"] == "refused"] == [(EVE, "relaying-denied")]
