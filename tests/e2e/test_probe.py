"""relay-probe against our own chain, Postfix, and servers that misbehave in one way each."""
import subprocess

import pytest

from lib.postfix import Postfix, missing
from lib.probe import NO, TARGET, double, forms, probe, run  # noqa: F401
from lib.procs import free_port, has_ipv6, program, wait_for
from lib.sink import CLOSE, HANG


# Our own chain

def test_own_chain_closed(instances):
    i = instances(clients='127.0.0.9:allow,RELAYCLIENT=""\n')
    i.compile()
    i.receive()
    code, report = probe(i)
    assert code == 0, [t for t in report["tests"] if t["judgement"] != "refused"]
    assert len(report["tests"]) > 60 and forms(report, "not tried") == set()
    assert "relay.example" in report["names"] and "[127.0.0.1]" in report["names"]
    wait_for(lambda: not i.queued(), 10, "what was begun is dropped")


def test_own_chain_open(instances):
    i = instances()   # trusts 127.0.0.1, where the test comes from
    i.compile()
    i.receive()
    code, report = probe(i)
    assert code == 1 and {"plain", "null sender", "source route"} <= forms(report, "accepted")
    assert not forms(report, "accepted") & {"percent", "bang", "at, quoted", "at-at"}
    wait_for(lambda: not i.queued(), 10, "what was begun is dropped")


def test_own_chain_takes_any_mailbox(instances):
    """Its own domain takes any local part: what has none of % ! @ in it is accepted there, and stays unclear."""
    i = instances(clients='127.0.0.9:allow,RELAYCLIENT=""\n')
    i.compile()
    i.receive()
    code, report = probe(i, "-s", "hosted.example")
    assert code == 111 and not forms(report, "accepted")
    assert not forms(report, "unclear") & {"plain", "percent", "bang", "at, quoted", "at-at", "source route"}


@pytest.mark.skipif(not has_ipv6(), reason="no ::1")
def test_six(double):
    s = double(lambda local, domain: domain == "[IPv6:::1]" and local == "relay-probe%example.net", host="::1")
    code, report = probe(s)
    assert code == 1 and forms(report, "accepted") == {"percent"} and "[IPv6:::1]" in report["names"]


# Postfix

@pytest.mark.skipif(bool(missing()), reason=missing() or "-")
@pytest.mark.parametrize("networks,want", [("127.0.0.9/32", 0), ("127.0.0.0/8", 1)], ids=["closed", "open"])
def test_postfix(networks, want):
    with Postfix(mynetworks=networks, mydestination="postfix.example", local_recipient_maps="inline:{joe=joe}") as p:
        code, report = probe(p)
        assert code == want, report
        assert "postfix.example" in report["names"]
        wait_for(lambda: p.queued() == 0, 10, "Postfix has dropped what was begun")
        if want:
            assert {"plain", "percent", "bang", "at-at", "at, quoted, bare"} <= forms(report, "accepted")


# Servers of which it can't be said

def test_catch_all(double):
    code, report = probe(double(lambda local, domain: domain == "sink.example"))
    assert code == 111 and forms(report, "accepted") == set()
    assert {"percent", "bang", "at, quoted"} <= forms(report, "unclear") and "plain" in forms(report, "refused")


def test_strict_mailboxes(double):
    assert probe(double(lambda local, domain: (local, domain) == ("joe", "sink.example")))[0] == 0


@pytest.mark.parametrize("answer", [
    b"450 4.2.0 greylisted\r\n", b"550 5.1.2 domain not found\r\n", b"530 5.7.0 Must issue STARTTLS first\r\n",
    b"554 5.7.1 Client host [127.0.0.1] blocked using list.example\r\n", b"garbage\r\n", b"250" + b"x" * 2000 + b"\r\n",
    b"550 5.7.606 Access denied, banned sending IP\r\n", b"550 rate limit exceeded\r\n", (CLOSE,)],
    ids=["4xx", "domain", "tls", "listed", "garbage", "long", "banned", "rate", "closes"])
def test_could_not_tell(double, answer):
    code, report = probe(double(lambda local, domain: answer))
    assert code == 111 and forms(report, "refused") == forms(report, "accepted") == set()


@pytest.mark.parametrize("answer", [b"550 Administrative prohibition\r\n", b"550 5.7.1 no\r\n",
                                    b"550 5.1.1 User relay-probe unknown\r\n", b"550 No such user 'relay-probe'\r\n",
                                    b"550 Verification failed for relay-probe: no MX\r\n"])
def test_no_word_about_relaying(double, answer):
    """Our own name in an answer is none."""
    code, report = probe(double(lambda local, domain: answer))
    assert code == 111 and {"plain", "null sender", "literal outside", "EHLO localhost"} <= forms(report, "unclear")


def test_sender_refused(sinks):
    s = sinks()
    s.on["MAIL"] = lambda session, line: b"550 5.1.8 no such domain\r\n" if b"example.org" in line else None
    s.on["RCPT"] = lambda session, line: NO
    code, report = probe(s)
    assert code == 111 and "plain" in forms(report, "unclear") and "null sender" in forms(report, "refused")
    assert probe(s, "-f", "someone@elsewhere.example")[0] == 0


def test_no_such_user(double):
    """Asked about an address that nobody has, a relay that asks on would say so, too."""
    s = double(lambda local, domain: b"550 5.1.1 no such user\r\n")
    assert probe(s)[0] == 111 and probe(s, "-t", "someone@elsewhere.example")[0] == 0


@pytest.mark.parametrize("words", [b"421 4.7.0 goodbye\r\n", b"501 syntax Too many syntax or protocol errors\r\n"])
def test_hangs_up_now_and_then(sinks, words):
    """A server that counts refusals: each test gets its answer on another connection."""
    s = sinks()
    s.on["RCPT"] = lambda session, line: NO if session.commands.count(b"RSET") < 2 else (words, CLOSE)
    code, report = probe(s)
    assert code == 0 and len(s.sessions) > 15


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT"])
def test_tarpit(sinks, verb):
    """Each wait has its end, and after a few the rest is left out."""
    s = sinks()
    s.on[verb] = lambda session, line: (HANG,)
    r = run(s, "-w", "1")
    assert r.returncode == 111 and len(s.sessions) <= 8


@pytest.mark.parametrize("greeting", [b"554 5.3.2 no\r\n", b"SSH-2.0-x\r\n", b"\xff\x00" * 3000, (CLOSE,)],
                         ids=["refuses", "ssh", "binary", "closes"])
def test_no_smtp(sinks, greeting):
    s = sinks()
    s.on["CONNECT"] = lambda session, line: greeting
    r = run(s, "-w", "2")
    assert r.returncode == 111 and b"could not tell" in r.stderr
    assert probe(s, "-w", "2")[1]["trouble"]


def test_nobody_listens():
    r = run(("127.0.0.1", free_port()))
    assert r.returncode == 111 and b"can't connect" in r.stderr


def test_names_that_it_learns(sinks):
    s = sinks(extensions=("HELP",))
    s.on["RCPT"] = lambda session, line: NO
    s.on["CONNECT"] = lambda session, line: b"220-MX.Front.Example ESMTP\r\n220 here\r\n"
    assert probe(s)[1]["names"] == ["mx.front.example", "front.example", "sink.example", "[127.0.0.1]"]
    s.on["EHLO"] = lambda session, line: b"250-Hello there\r\n250 HELP\r\n"
    s.on["CONNECT"] = lambda session, line: b"220 ******** 2.3.4 [1.2.3.4]\r\n"
    assert probe(s)[1]["names"] == ["[127.0.0.1]"]
    assert probe(s, "-s", "a.example", "-s", "192.0.2.9")[1]["names"] == ["a.example", "[192.0.2.9]", "[127.0.0.1]"]


def test_target_that_is_not_outside(sinks):
    s = sinks()
    for options in (("-t", "someone@Sink.example."), ("-s", "own.example", "-t", "someone@own.example")):
        r = run(s, *options)
        assert r.returncode == 111 and b"not outside" in r.stderr and not r.stdout
    assert not any(c.startswith(b"RCPT") for n in s.sessions for c in n.commands)


# What it says and does

def test_server_text_is_harmless(double):
    s = double(lambda local, domain: b"550 5.7.1 \x1b[2J\x07\xc2\x9b31m \x9b denied\x00\r\n")
    s.on["EHLO"] = lambda session, line: b"250-\x1b[31mred\r\n250 \xe2\x80\xaeHELP\r\n"
    for options in ((), ("-j",)):
        out = run(s, *options).stdout
        assert all(c == 10 or 32 <= c < 127 for c in out) and b"denied" in out


def test_table(double):
    s = double(lambda local, domain: NO)
    r = run(s, "-s", "own.example")
    lines = r.stdout.decode().splitlines()
    assert r.returncode == 0 and lines[-1].startswith("closed: ")
    assert "its names: own.example [127.0.0.1]" in lines[0] and "sink.example" not in r.stdout.decode()
    row = next(l for l in lines if " plain " in l)
    assert "<%s>" % TARGET in row and "550 5.7.1 relaying denied" in row and " refused " in row
    at = {l.index("550 5.7.1") for l in lines[2:-2] if "MAIL:" not in l}
    assert len(at) == 1, "not aligned"


def test_delivers_nothing(sinks):
    s = sinks(check=False)
    assert run(s).returncode == 1
    assert not s.messages and not any(c.startswith((b"DATA", b"BDAT")) for n in s.sessions for c in n.commands)


def test_delivers_when_told(instances, sinks):
    """Our own chain, open to this client, passes the messages on to where the target is."""
    s = sinks()
    i = instances(routes=":%s\n" % s.route).start()
    code, report = probe(i, "-d", "me@target.example")
    assert code == 1
    taken = [t for t in report["tests"] if t["judgement"] == "accepted"]
    assert taken and all(t["command"] == "end of data" for t in taken)
    i.wait_empty()
    got = {m.header("Message-ID")[0]: m for m in s.messages}
    sent = [t["number"] for t in report["tests"] if t["command"] == "end of data"]
    assert set(got) == {"<%s.%d@relay-probe.invalid>" % (report["run"], n) for n in sent}
    assert len(got) == len(s.messages)
    assert not s.bad
    for t in taken:
        m = got["<%s.%d@relay-probe.invalid>" % (report["run"], t["number"])]
        test = report["tests"][int(m.header("Subject")[0].split()[2].rstrip(":")) - 1]
        assert test["form"] in m.header("Subject")[0]
        assert m.recipients[0] == "me@[%s" % test["rcpt"][5:-1] if "literal" in test["form"] else (
            m.recipients[0].endswith("@target.example"))


def test_delivery_refused(sinks):
    """Accepted at RCPT, refused after the text: that is not open."""
    s = sinks(check=False)
    s.on["."] = lambda session, line: b"554 5.7.1 relaying denied\r\n"
    code, report = probe(s, "-d", "me@target.example")
    assert code == 0 and not s.messages
    assert {t["command"] for t in report["tests"] if t["form"] == "plain"} == {"end of data"}


@pytest.mark.parametrize("words", [[], ["-x", "127.0.0.1"], ["127.0.0.1", "extra"], ["-t", "nobody", "127.0.0.1"],
                                   ["-f", "", "127.0.0.1"], ["127.0.0.1:0"], ["127.0.0.1:70000"], ["127.0.0.1:"],
                                   ["-w", "0", "127.0.0.1"], ["-w", "x", "127.0.0.1"], ["-s", "a b", "127.0.0.1"],
                                   ["-n", "a b", "127.0.0.1"], ["-t", "a@b.example\r\nRSET", "127.0.0.1"]])
def test_usage(words):
    r = subprocess.run([program("relay-probe"), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10)
    assert r.returncode == 100 and r.stderr.startswith(b"relay-probe: ") and not r.stdout
