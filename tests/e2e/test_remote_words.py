"""relay-remote's arguments: qmail-remote's interface, whatever the host is called, and options for people."""
import subprocess

import pytest

from lib.procs import program
from lib.remote import Outcome, environment

pytestmark = pytest.mark.once

S, A = "s@sender.example", "a@y.example"
TEXT = b"Subject: x\n\nhello\n"


def run(*words, **env):
    return subprocess.run([program("relay-remote"), *words], input=TEXT, capture_output=True, timeout=20,
                          env=environment(**env))


@pytest.mark.parametrize("words", [[], ["host"], ["host", "s"], ["--", "a"]])
def test_too_few(words):
    r = run(*words)
    assert (r.returncode, r.stderr) == (0, b"") and r.stdout.endswith(b"\0"), (words, r)
    assert (Outcome(r.stdout).verdict, Outcome(r.stdout).each) == ("D", "") and b"(#5.3.5)" in r.stdout


@pytest.mark.parametrize("words", [
    ["-s", "nonsense route"], ["-a", "-s", "a:25"], ["-s", "a:25;lmtp"], ["-s"], ["-a", "-x"], ["-t", "0"],
    ["-t", "0", "-s", "a:25"], ["-t300", "-e", "-s", "a:25"], ["-e", "-s", "a:25", "-i", "0"], ["-s", "a:25", "x", "y"],
    ["-t", "x", "y.example", S, A], ["-i", "86401", "y.example", S, A], ["-e", "y.example", S, A],
    ["-t1.example", S, A, A]])
def test_wrong_options(words):
    """Whoever gives some means them: relay-send must not take a mistake for a program that ended well."""
    r = run(*words)
    assert r.returncode == 100 and r.stdout == b"" and b"usage: relay-remote" in r.stderr, (words, r)


@pytest.mark.parametrize("host", ["-foo.example", "-r/nowhere.example", "-s127.0.0.1", "-a", "-r", "-t", "--", "-s",
                                  "-e", "-i5.example", "-l.example", "-"])
def test_host_with_a_hyphen(rules, host):
    """qmail-rspawn gives three words, of which a stranger chose the first: no option, and no name of a host either."""
    r = run(host, S, A, RELAYRULES=rules)
    assert (r.returncode, r.stderr) == (0, b""), r
    o = Outcome(r.stdout)
    assert (o.verdict, o.each, o.text) == ("D", "", "that is no host name (#5.1.2)"), (host, o)


def test_end_of_options(rules):
    r = run("--", "-foo.example", S, A, A, RELAYRULES=rules)
    assert r.returncode == 0 and Outcome(r.stdout).text == "that is no host name (#5.1.2)", r


def test_options(instances, sink):
    i = instances(routes=":%s\n" % sink.route)
    i.compile()
    rules = i.rules
    for words in (["-r", rules], ["-a", "-t", "5", "-r", rules], ["-r", rules, "--"], ["-r", rules, "-a", "--"]):
        assert Outcome(run(*words, "y.example", S, A, RELAYRULES="/nowhere").stdout).verdict == "K", words
