"""Our programs in somebody else's chain, and somebody else's readers on our files."""
import os
import random
import re
import shutil
import socket
import subprocess

import pytest

from lib.instance import qmail_queue
from lib.messages import CASES, big, without_trace
from lib.procs import free_port, program
from lib.sink import CLOSE

SENDER, RECIPIENT = "alice@outside.example", "bob@elsewhere.example"


# relay-queue under mailfront

def mailfront(instance, **env):
    e = dict(instance.env, SMTPGREETING="mailfront.example", QMAILHOME=instance.dir, **env)
    argv = [program("mailfront"), "smtp", "qmail", "accept", "add-received"]
    instance.receive(chain=argv, log="mailfront", env=e)


@pytest.fixture
def behind(instances, sink):
    """Sends; the receiver is mailfront."""
    i = instances(routes=":%s\n" % sink.route)
    i.compile()
    i.send()
    return i


def test_mailfront(behind, sink):
    mailfront(behind)
    names = sorted(set(CASES) - {"no-body"})
    with behind.dialogue() as d:
        d.hello()
        for n in names:
            assert d.mail(n + "@outside.example", [RECIPIENT, "c@elsewhere.example"], CASES[n][0]) == 250, n
        d.quit()
    sink.wait(len(names))
    behind.wait_empty()
    assert {m.sender.split("@")[0]: without_trace(m.lf) for m in sink.messages} == {n: CASES[n][0] for n in names}
    assert all(sorted(m.recipients) == [RECIPIENT, "c@elsewhere.example"] for m in sink.messages)
    assert all("mailfront.example" in m.header("Received")[0] or "outside" in m.sender for m in sink.messages)


def test_mailfront_big(behind, sink):
    mailfront(behind)
    data = big(5 << 20)
    with behind.dialogue(seconds=60) as d:
        d.hello()
        assert d.mail(SENDER, RECIPIENT, data) == 250
        d.quit()
    assert without_trace(sink.wait(1)[0].lf) == data


def test_mailfront_without_a_queue(behind):
    """Exit codes say temporary, and mailfront tells its client so."""
    shutil.rmtree(os.path.join(behind.queue, "mess"))
    mailfront(behind)
    with behind.dialogue() as d:
        d.hello()
        r = d.mail(SENDER, RECIPIENT)
        assert 400 <= r.code < 500, r
        d.quit()


def test_qmail_queue_protocol(behind, sink):
    """As any program speaks it: exit codes, and nothing queued unless 0."""
    def run(data, envelope):
        return qmail_queue([program("relay-queue")], data, envelope, behind.env)
    good = b"Fa@outside.example\0Tb@elsewhere.example\0\0"
    assert run(b"Subject: x\n\ny\n", good) == 0
    assert without_trace(sink.wait(1)[0].lf) == b"Subject: x\n\ny\n"
    behind.wait_empty()
    long = b"x" * 1003
    for envelope, low, high in ((good[:-1], 41, 99), (b"", 41, 99), (b"Fa@outside.example\0", 41, 99),
                                (b"Ta@b.example\0\0", 41, 99), (b"Fa@b.example\0Xc@d.example\0\0", 41, 99),
                                (b"F" + long + b"@b.example\0Tb@c.example\0\0", 11, 11),
                                (b"Fa@b.example\0T" + long + b"@c.example\0\0", 11, 11)):
        code = run(b"Subject: bad\n\n", envelope)
        assert low <= code <= high, "%r: exit %d" % (envelope[:40], code)
    assert not behind.queued() and len(sink.messages) == 1


# relay-remote by the qmail-remote protocol

class Report:
    def __init__(self, raw):
        parts = raw.split(b"\0")
        assert parts.pop() == b"", "not ended by NUL: %r" % raw
        self.message = parts.pop().decode()
        self.recipients = [p.decode() for p in parts]
        assert self.message[0] in "KZD", raw
        assert all(p[0] in "rhs" for p in self.recipients), raw

    @property
    def letters(self):
        return "".join(p[0] for p in self.recipients) + self.message[0]


def remote(instance, host, sender, recipients, data=CASES["plain"][0]):
    r = subprocess.run([program("relay-remote"), "-r", instance.rules, host, sender, *recipients], input=data,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=instance.env, timeout=60)
    assert r.returncode == 0, "always 0: %r" % r
    return Report(r.stdout)


@pytest.fixture
def routed(instances, sink):
    i = instances(routes=":%s\n" % sink.route)
    i.compile()
    return i


@pytest.mark.parametrize("name", sorted(CASES))
def test_remote_delivers(routed, sink, name):
    assert remote(routed, "elsewhere.example", SENDER, [RECIPIENT], CASES[name][0]).letters == "rK"
    m = sink.wait(1)[0]
    assert (m.sender, m.recipients, m.lf) == (SENDER, [RECIPIENT], CASES[name][0])


def test_remote_recipients_in_order(routed, sink):
    answers = {b"a": b"250 2.1.5 ok\r\n", b"b": b"550 5.1.1 nobody\r\n", b"c": b"450 4.2.0 later\r\n",
               b"d": b"250-2.1.5 two\r\n250 2.1.5 lines\r\n"}
    sink.on["RCPT"] = lambda s, line: answers[line.split(b"<")[1][:1]]
    got = remote(routed, "x.example", SENDER, ["%s@x.example" % c for c in "badc"])
    assert got.letters == "hrrsK"
    assert "5.1.1" in got.recipients[0] or "nobody" in got.recipients[0]
    assert sink.messages[0].recipients == ["a@x.example", "d@x.example"]


@pytest.mark.parametrize("verb,answer,letters", [
    ("CONNECT", b"554 5.3.2 no\r\n", "Z"), ("CONNECT", b"421 4.3.2 no\r\n", "Z"),
    ("MAIL", b"550 5.7.1 no\r\n", "D"), ("MAIL", b"451 4.3.0 no\r\n", "Z"),
    ("DATA", b"554 5.0.0 no\r\n", "rD"), ("DATA", b"451 4.0.0 no\r\n", "rZ"),
    (".", b"554 5.6.0 no\r\n", "rD"), (".", b"451 4.3.0 no\r\n", "rZ"),
    (".", CLOSE, "rZ"), ("MAIL", CLOSE, "Z"), ("CONNECT", CLOSE, "Z"), ("EHLO", CLOSE, "Z"),
    ("RCPT", b"550 5.1.1 no\r\n", "hD"), ("RCPT", b"450 4.1.1 no\r\n", "sZ"),
    ("MAIL", b"garbage\r\n", "Z"), (".", b"2\r\n", "rZ"), (".", b"250" + b"x" * 5000 + b"\r\n", "rZ"),
], ids=lambda v: v if isinstance(v, str) else re.sub(r"\W+", "_", str(v)[:12]))
def test_remote_refused(instances, sinks, verb, answer, letters):
    s = sinks(extensions=("8BITMIME", "PIPELINING"))
    i = instances(routes=":%s\n" % s.route)
    i.compile()
    s.on[verb] = lambda session, line: (CLOSE,) if answer == CLOSE else answer if verb == "RCPT" else (answer, CLOSE)
    got = remote(i, "x.example", SENDER, [RECIPIENT])
    assert got.message[0] == letters[-1], got.recipients + [got.message]
    if got.recipients and len(letters) > 1:
        assert got.letters in (letters, letters[0] + letters[-1]), got.letters
    assert not s.messages or answer[:1] == b"2"


def test_remote_nobody_listens(instances):
    i = instances(routes=":127.0.0.1:%d\n" % free_port())
    i.compile()
    assert remote(i, "x.example", SENDER, [RECIPIENT]).message[0] == "Z"


def test_remote_null_sender_and_utf8(routed, sink):
    assert remote(routed, "x.example", "", ["b@x.example"]).letters == "rK"
    assert sink.messages[0].sender == ""


def test_remote_never_sends_bare_cr_or_nul(routed, sink):
    """A file in the queue may hold anything (another injector wrote it); the wire may not."""
    for bad in (b"Subject: a\n\nb\rc\n", b"Subject: a\n\nb\0c\n", b"Subject: a\n\nb\r\n.\r\nMAIL FROM:<x@y.example>\n",
                b"Subject: a\n\nno line end", b"Subject: a\r\n\r\nb\r\n"):
        remote(routed, "x.example", SENDER, [RECIPIENT], bad)
    assert not sink.bad
    assert all(len(m.rcpt_lines) == 1 for m in sink.messages) and len(sink.messages) <= 5


# rules.cdb is a cdb

@pytest.fixture
def compiled(instances):
    i = instances(routes="a.example:192.0.2.1:2525\n.b.example:\n:192.0.2.2\n",
                  domains="hosted.example\n# no\n.wide.example\n")
    i.compile()
    return i


def dump(path):
    """cdbdump's records: a list of (key, data)."""
    with open(path, "rb") as f:
        raw = subprocess.run([program("cdbdump")], stdin=f, stdout=subprocess.PIPE, check=True).stdout
    out, at = [], 0
    while raw[at:at + 1] == b"+":
        colon = raw.index(b":", at)
        k, d = map(int, raw[at + 1:colon].split(b","))
        key, rest = raw[colon + 1:colon + 1 + k], colon + 1 + k
        assert raw[rest:rest + 2] == b"->"
        out.append((key, raw[rest + 2:rest + 2 + d]))
        at = rest + 2 + d + 1
    assert raw[at:] == b"\n"
    return out


def test_cdbdump(compiled):
    got = dict(dump(compiled.rules))
    assert got[b""].startswith(b"posthouse rules") or b"posthouse rules" in got[b""]
    assert got[b"dhosted.example"][:4] == b"\1\0\0\0" and got[b"d.wide.example"][:4] == b"\3\0\0\0"
    assert got[b"oa.example"] == b"\1\0\0\0" + b"192.0.2.1\0002525\0"
    assert got[b"m"][4:].rstrip(b"\0") == b"relay.example"


def test_cdbget(compiled):
    for key, data in dump(compiled.rules):
        if b"\0" in key or not key:
            continue
        with open(compiled.rules, "rb") as f:
            r = subprocess.run([program("cdbget"), key], stdin=f, stdout=subprocess.PIPE)
        assert r.returncode == 0 and r.stdout == data, key
    with open(compiled.rules, "rb") as f:
        assert subprocess.run([program("cdbget"), "dno.example"], stdin=f).returncode == 100


def test_cdbmake_makes_the_same(compiled):
    """Somebody else's maker from our records: our reader decides the same by it."""
    copy = compiled.rules + ".copy"
    with open(compiled.rules, "rb") as f:
        text = subprocess.run([program("cdbdump")], stdin=f, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run([program("cdbmake"), copy, copy + ".tmp"], input=text, check=True)
    assert dump(copy) == dump(compiled.rules)
    os.rename(copy, compiled.rules)
    compiled.receive()
    with compiled.dialogue("127.0.0.2") as d:
        d.hello()
        d.ok("MAIL FROM:<a@b.example>")
        d.ok("RCPT TO:<a@hosted.example>")
        assert d.cmd("RCPT TO:<a@other.example>") == 550
        d.quit()


# relay-gate and tcprules

def random_rules(rnd):
    """Lines as tcprules understands them, and the clients to ask about."""
    def octets(n):
        return ".".join(str(rnd.choice((1, 2, 10, 127, 192, 255))) for _ in range(n))
    keys = {""} if rnd.random() < 0.5 else set()
    for _ in range(rnd.randrange(1, 12)):
        what = rnd.randrange(8)
        keys.add([lambda: octets(1) + ".", lambda: octets(2) + ".", lambda: octets(3) + ".", lambda: octets(4),
                  lambda: "joe@" + octets(4), lambda: "=host.example", lambda: "=.example", lambda: "="][what]())
    lines = []
    for n, key in enumerate(sorted(keys)):
        if rnd.random() < 0.3:
            lines.append(key + ":deny")
        else:
            quote = rnd.choice('"/|')
            names = rnd.sample(["RELAYCLIENT", "DATABYTES", "FOO"], rnd.randrange(3))
            lines.append(key + ":allow" + "".join(",%s=%s%d%s" % (v, quote, n, quote) for v in names))
    if rnd.random() < 0.5:
        lines.append("10.1.1.1-10:allow,RANGE=\"x\"" if "10.1.1.1" not in keys else "# none")
    rnd.shuffle(lines)
    clients = [{"TCPREMOTEIP": octets(4)} for _ in range(12)] + [{"TCPREMOTEIP": "10.1.1.%d" % rnd.randrange(1, 12)}]
    for c in clients:
        if rnd.random() < 0.3:
            c["TCPREMOTEHOST"] = rnd.choice(["host.example", "other.example", "host.org"])
        if rnd.random() < 0.3:
            c["TCPREMOTEINFO"] = "joe"
    return "\n".join(lines) + "\n", clients


def tcprulescheck(cdb, client):
    r = subprocess.run([program("tcprulescheck"), cdb], env=client, stdout=subprocess.PIPE, text=True)
    lines = r.stdout.splitlines()
    if "deny connection" in lines:
        return "deny"
    return sorted(l[len("set environment variable "):] for l in lines if l.startswith("set environment variable "))


def relay_gate(instance, client):
    env = dict(client, PROTO="TCP", PATH="/usr/bin:/bin")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        r = subprocess.run([program("relay-gate"), instance.rules, "/usr/bin/env"], env=env, stdin=theirs,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20)
    if "554 " in r.stdout:
        return "deny"
    assert r.returncode == 0, r
    return sorted(l for l in r.stdout.splitlines() if l.startswith(("RELAYCLIENT=", "DATABYTES=", "FOO=", "RANGE=")))


@pytest.mark.parametrize("seed", range(24))
def test_gate_as_tcprulescheck(instances, tmp_path, seed):
    text, clients = random_rules(random.Random(seed))
    cdb = str(tmp_path / "tcp.cdb")
    subprocess.run([program("tcprules"), cdb, cdb + ".tmp"], input=text, text=True, check=True)
    i = instances()
    i.compile(clients=text, relay="grant login\n")   # with grant clients some of these are an open relay
    for client in clients:
        assert relay_gate(i, client) == tcprulescheck(cdb, client), "%s for\n%s" % (client, text)
