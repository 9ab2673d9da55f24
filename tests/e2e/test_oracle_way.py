"""Beside test_oracle.py: the whole way of a recipient, from the gate to what RELAYCLIENT's value makes of it, the
network asked on the way; and which rules relay-mkcdb takes. ORACLE_SEED=N repeats a run."""
import os
import random
import re
import sys
from collections import Counter

import pytest

from lib.procs import BIN, ROOT

sys.path.insert(0, os.path.join(ROOT, "tests"))

from oracle import compare, lawful  # noqa: E402
from oracle.generate import Generator  # noqa: E402
from oracle.oracle import Facts, Oracle  # noqa: E402

pytestmark = pytest.mark.once

DRIVER = os.path.join(os.path.dirname(BIN), "driver", "decide")   # `make drivers`
TABLES, QUESTIONS, TEXTS = 200, 60, 1000
SEED = os.environ.get("ORACLE_SEED") or str(random.randrange(1 << 32))
CONTROL = {
    "me": "mail.example.com\n", "clients": '192.0.2.1:allow,RELAYCLIENT=".inner"\n192.0.2.2:deny\n:allow\n',
    "domains": "example.com\n.inner asked\n", "relay": "grant clients\ngrant to-host 10.0.0.0/8\n",
}


@pytest.fixture
def driver():
    assert os.path.exists(DRIVER), "%s is not there: `make drivers` makes it" % DRIVER
    d = compare.Driver(DRIVER)
    yield d
    assert d.close() == 0


def test_ways_by_hand(driver):
    """Rows answered by hand, before the oracle judges: value of the environment, facts, answers, what comes of it."""
    rows = [
        (None, {"client": "192.0.2.2"}, {}, "gate refuse  clients:2 "),
        (None, {"client": "192.0.2.3"}, {}, "given accept hosted domains:1 "),
        (None, {"client": "192.0.2.1"}, {"mailbox": "yes"}, "changed accept confirmed domains:2 a@example.com.inner"),
        (None, {"client": "192.0.2.1"}, {"mailbox": "no"},
         "changed refuse no-such-recipient domains:2 a@example.com.inner"),
        ("@gw.example", {}, {}, 'changed accept client relay:1 "a@example.com"@gw.example'),
        ("@", {}, {}, "nowhere tempfail   "), ("", {}, {}, "given accept hosted domains:1 "),
        (".x", {"recipient": "<Postmaster>"}, {}, "changed accept client relay:1 Postmaster@mail.example.com.x"),
        (".x", {"recipient": "<a%b@example.com>"}, {}, "given refuse onward-routing  "),
        ("@gw.example", {"recipient": '<"a"@example.com>'}, {},
         'changed accept client relay:1 "a@example.com"@gw.example'),
        (None, {"recipient": "<a@far.example>", "mx": "yes", "hosts": ("10.0.0.1",)}, {},
         "given accept to-host relay:2 "),
    ]
    asked = {"mailbox": "unknown", "mx": "no"}
    ways = []
    for value, facts, answers, want in rows:
        f = Facts(**{"recipient": "<a@example.com>", **asked, **facts})
        ways.append((f, value, Facts(**{**f.__dict__, **asked, **answers})))
    oracle = Oracle(CONTROL)
    assert not driver.compile(CONTROL)
    said = driver.lines([compare.way_fields(*w) for w in ways])
    for way, words, (_, _, _, want) in zip(ways, said, rows):
        assert " ".join(words) == want, way
        assert " ".join(oracle.way(way[0], way[1], way[2])) == want, way


@pytest.mark.slow
def test_the_oracle_agrees_with_the_whole_way(driver):
    seen = Counter()
    print("ORACLE_SEED=%s" % SEED)
    for i in range(TABLES):
        generator = Generator(random.Random("way/%s/%d" % (SEED, i)))
        control = compare.repaired(driver, generator.texts())
        if control is None:
            continue
        oracle, ways = Oracle(control), [generator.way() for _ in range(QUESTIONS)]
        for way, said in zip(ways, driver.lines([compare.way_fields(*w) for w in ways])):
            want = oracle.way(*way)
            assert said == want, "ORACLE_SEED=%s, rules %d: %r\n%r" % (SEED, i, way, control)
            seen.update(["compared", want[0], want[0] + " " + want[2]])
    print(seen)
    assert seen["compared"] > 10000 and min(seen[s] for s in ("gate", "sender", "recipient", "given", "nowhere")) > 20
    assert seen["changed"] > 500, seen
    assert all(seen["changed " + r] for r in ("client", "hosted", "alias", "denied", "no-such-recipient")), seen


def test_which_rules_are_taken(driver):
    """Every line that is refused is one that the documents refuse, and of those none is taken."""
    seen = Counter()
    print("ORACLE_SEED=%s" % SEED)
    for i in range(TEXTS):
        texts = Generator(random.Random("texts/%s/%d" % (SEED, i))).texts()
        while True:
            complaints, wrong = driver.compile(texts), lawful.refused(texts)
            driver.forget()
            said = {(m[1], int(m[2])) for m in (re.match(r"(\w+):(\d+): ", c) for c in complaints)}
            assert said <= wrong, "ORACLE_SEED=%s, texts %d: %r\n%r" % (SEED, i, complaints, texts)
            if not said:
                break
            seen.update(file for file, _ in said)
            texts = {n: "\n".join("" if (n, k) in said else line for k, line in enumerate(t.split("\n"), 1))
                     for n, t in texts.items()}
        assert not wrong, "ORACLE_SEED=%s, texts %d: taken: %r\n%r" % (SEED, i, wrong, texts)
    assert min(seen[f] for f in ("clients", "domains", "recipients", "aliases", "relay", "routes")) > 20, seen
