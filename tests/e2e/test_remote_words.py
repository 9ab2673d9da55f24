"""relay-remote's arguments: qmail-remote's interface, whatever the host is called, and options for people."""
import subprocess

import pytest

from lib.procs import program
from lib.remote import Outcome, environment

S, A = "s@sender.example", "a@y.example"
TEXT = b"Subject: x\n\nhello\n"


def run(*words, **env):
    return subprocess.run([program("relay-remote"), *words], input=TEXT, capture_output=True, timeout=20,
                          env=environment(**env))


@pytest.mark.parametrize("words", [[], ["host"], ["host", "s"], ["-s"], ["-a", "-x"], ["--", "a"]])
def test_too_few(words):
    r = run(*words)
    assert (r.returncode, r.stderr) == (0, b"") and r.stdout.endswith(b"\0"), (words, r)
    assert (Outcome(r.stdout).verdict, Outcome(r.stdout).each) == ("D", "") and b"(#5.3.5)" in r.stdout


@pytest.mark.parametrize("words", [["-s", "nonsense route"], ["-a", "-s", "a:25"], ["-s", "a:25;lmtp"]])
def test_second_form(words):
    r = run(*words)
    assert r.returncode == 100 and r.stdout == b"" and b"usage: relay-remote" in r.stderr, (words, r)


@pytest.mark.parametrize("host", ["-foo.example", "-r/nowhere.example", "-s127.0.0.1", "-a", "-r", "-t", "--", "-s", "-e",
                                  "-i5.example", "-l.example", "-"])
def test_host_with_a_hyphen(rules, sink, host):
    """qmail-rspawn gives three words, of which a stranger chose the first."""
    r = run(host, S, A, RELAYRULES=rules)
    assert (r.returncode, r.stderr) == (0, b""), r
    o = Outcome(r.stdout)
    assert o.verdict == "K" or (o.verdict == "D" and "#5.1.2" in o.text), (host, o)
    assert "can't be read" not in repr(o)


def test_more_recipients(rules, sink):
    for host in ("-foo.example", "-rfoo.example", "-t1.example"):
        o = Outcome(run(host, S, A, A, A, RELAYRULES=rules).stdout)
        assert "can't be read" not in repr(o) and (o.verdict == "K" and o.each == "rrr" or "#5.1.2" in o.text), (host, o)


def test_options(instances, sink):
    i = instances(routes=":%s\n" % sink.route)
    i.compile()
    rules = i.rules
    for words in (["-r", rules], ["-a", "-t", "5", "-r", rules], ["-r", rules, "--"], ["-r", rules, "-a", "--"]):
        assert Outcome(run(*words, "y.example", S, A, RELAYRULES="/nowhere").stdout).verdict == "K", words
    for words in (["-t", "0"], ["-t", "x"], ["-i", "86401"]):   # no option: a host's name
        r = run(*words, "y.example", S, A, RELAYRULES=rules)
        assert r.returncode == 0 and "#5.1.2" in Outcome(r.stdout).text, r
