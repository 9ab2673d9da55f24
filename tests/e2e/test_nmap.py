"""nmap's smtp-open-relay, somebody else's test for open relays: against the chain, and against an open one, which it
must find."""
import re
import subprocess

import pytest

from lib.procs import program, wait_for

CLOSED = "Server doesn't seem to be an open relay, all tests failed"


@pytest.fixture
def nmap():
    try:
        return program("nmap")
    except FileNotFoundError:
        pytest.skip("no nmap")


def relays(nmap, host, port, domain="outside.example"):
    """What the script says, and the MAIL and RCPT arguments with which the server would relay."""
    r = subprocess.run([nmap, "-Pn", "-n", "-sT", "-vv", "-p", str(port), "--script", "+smtp-open-relay",
                        "--script-args", "smtp-open-relay.domain=" + domain, "-oN", "-", host],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    said = [l.lstrip("|_ ") for l in r.stdout.splitlines() if l.startswith("|")]
    assert said and "smtp-open-relay" in said[0], r.stdout
    return said[0].split(": ", 1)[-1], re.findall(r"MAIL FROM:<(.*)> -> RCPT TO:<(.*)>", "\n".join(said))


def start(instances, *gate, env=None, **control):
    i = instances(env=env, **control)
    i.compile()
    i.receive(chain=i.chain(*gate))
    return i


@pytest.mark.parametrize("recipients", ["any", "listed"])
def test_chain(nmap, instances, recipients):
    """A hosted domain that the script may use for its routed forms: it is the server's own name."""
    listed = {"recipients": "joe@hosted.example\n"} if recipients == "listed" else {}
    i = start(instances, me="hosted.example\n", domains="hosted.example %s\n" % recipients,
              clients='127.0.0.9:allow,RELAYCLIENT=""\n', **listed)
    said, forms = relays(nmap, i.host, i.port)
    assert (said, forms) == (CLOSED, [])
    end = wait_for(lambda: [e for e in i.events(event="end") if e["refused"] != "0"], 10, "the session's last line")[0]
    assert (end["refused"], end["messages"]) == ("16", "0"), "nmap gave up before its last form"
    assert "recipient=relaytest%outside.example@hosted.example " in i.log()


def test_literal_is_ours(nmap, instances):
    """The server's address literal as a hosted domain changes nothing."""
    i = start(instances, me="hosted.example\n", domains="hosted.example\n[127.0.0.1]\n",
              clients='127.0.0.9:allow,RELAYCLIENT=""\n')
    assert relays(nmap, i.host, i.port) == (CLOSED, [])


def test_finds_an_open_chain(nmap, instances):
    """A listener on which everybody may relay, on purpose: the script does find what the others don't have."""
    i = start(instances, "-k", me="hosted.example\n", env={"RELAYCLIENT": ""}, clients="")
    said, forms = relays(nmap, i.host, i.port)
    assert said.startswith("Server is an open relay (")
    assert {("", "relaytest@outside.example"), ("antispam@hosted.example", "relaytest@outside.example")} <= set(forms)
    assert not [to for _, to in forms if "%" in to or "!" in to or to.count("@") > 1 and not to.startswith("@")]


def test_finds_the_percent_hack(nmap, sinks):
    s = sinks(check=False)
    s.on["RCPT"] = lambda session, line: None if b"%outside.example@" in line else b"550 5.7.1 relaying denied\r\n"
    said, forms = relays(nmap, s.host, s.port)
    assert said.startswith("Server is an open relay (2/") and all("relaytest%outside.example@" in to for _, to in forms)
