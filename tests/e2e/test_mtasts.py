"""relay-mtasts: a policy comes from a real HTTPS server into the cache, or not."""
import fcntl
import os
import subprocess
import time

import pytest

from lib.dns import Dns
from lib.https import Https, page, policy
from lib.procs import free_port, program
from lib.remote import environment
from lib.sink import HANG
from lib.tls import make_certificate
from lib.tlssink import make_all

pytestmark = pytest.mark.once

DOMAIN = "y.example"
HOST = "mta-sts." + DOMAIN
LATE = 10   # seconds: more than any time given with -t, however busy the machine
GOOD = page(policy("enforce", "mx.y.example", "*.Z.example", age=604800))


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    base = str(tmp_path_factory.mktemp("certs"))
    all = make_all(base, HOST)
    all["common"] = make_certificate(os.path.join(base, "common"), subject="/CN=" + HOST, ca=all["ca"])
    all["star"] = make_certificate(os.path.join(base, "star"), "*." + DOMAIN, ca=all["ca"])
    return all


@pytest.fixture
def server(certs):
    with Https(certs["good"]) as s:
        s.answer = GOOD
        yield s


class Ran:
    def __init__(self, code, out, said, seconds):
        self.code, self.policy, self.said, self.seconds = code, out.splitlines(), said, seconds
        self.log = dict(w.split("=", 1) for w in said.split() if "=" in w)


def start(certs, where, folder, *options, id="id1", domain=DOMAIN, **env):
    argv = [program("relay-mtasts"), "-c", os.path.join(certs["ca"], "cert.pem"), *(["-a", where] if where else []),
            *options, str(folder), domain, id]
    return subprocess.Popen(argv, env=environment(**env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def run(*a, **k):
    began = time.monotonic()
    with start(*a, **k) as p:
        try:
            out = p.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            p.kill()
            raise
    return Ran(p.returncode, *out, time.monotonic() - began)


def kept(folder, domain=DOMAIN):
    try:
        with open(os.path.join(str(folder), domain)) as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return None


def test_fetched(certs, server, tmp_path):
    before = int(time.time())
    r = run(certs, server.where, tmp_path)
    assert r.code == 0 and r.log["event"] == "sts-policy" and r.log["mode"] == "enforce", r.said
    lines = kept(tmp_path)
    assert lines == r.policy
    assert lines[0:2] == ["mta-sts 1", "id id1"] and lines[4:] == ["mode enforce", "mx mx.y.example", "mx *.z.example",
                                                                  "end"]
    fetched, ends = int(lines[2].split(" ")[1]), int(lines[3].split(" ")[1])
    assert before <= fetched <= time.time() and ends == fetched + 604800
    (name, head), = server.asked
    assert name == HOST and head[0].startswith("GET /.well-known/mta-sts.txt HTTP/") and "Host: " + HOST in head
    assert sorted(os.listdir(tmp_path)) == [".swept", DOMAIN, DOMAIN + "~"]


@pytest.mark.parametrize("mode", ["testing", "none"])
def test_modes(certs, server, tmp_path, mode):
    server.answer = page(policy(mode, *(["a.example"] if mode != "none" else [])))
    assert run(certs, server.where, tmp_path).code == 0 and "mode " + mode in kept(tmp_path)


def test_names(certs, tmp_path):
    with Https(certs["star"]) as s:
        s.answer = GOOD
        assert run(certs, s.where, tmp_path).code == 0


def test_no_proxy(certs, server, tmp_path):
    dead = "http://127.0.0.1:%d" % free_port()
    assert run(certs, server.where, tmp_path, https_proxy=dead, ALL_PROXY=dead).code == 0


BAD = {   # the answer, exit code, what the log says
    "redirect": (page("", "301 Moved", head=["Location: https://%s/.well-known/mta-sts.txt" % HOST]), 3, "301"),
    "redirect-with-policy": (page(policy("enforce", "a.example"), "302 Found", head=["Location: /x"]), 3, "302"),
    "not-found": (page("no", "404 Not Found"), 3, "404"), "error": (page("no", "500 Oh"), 3, "500"),
    "created": (page(policy("enforce", "a.example"), "201 Created"), 3, "201"),
    "html": (page(policy("enforce", "a.example"), kind="text/html"), 1, "text/html"),
    "no-type": (page(policy("enforce", "a.example"), kind=None), 1, "no"),
    "like-plain": (page(policy("enforce", "a.example"), kind="text/plainer"), 1, "text/plainer"),
    "large": (page(policy("enforce", "a.example") + "\n" * 65536), 1, "65536"),
    "endless": ((page("", length=False), *[b"x: " + b"y" * 1000 + b"\n"] * 1000, HANG), 1, "65536"),
    "headers": ((b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"y" * 1000 + b"\r\n"] * 1000, HANG), 1, "headers"),
    "no-policy": (page("<html>"), 1, "field"), "no-mx": (page(policy("enforce")), 1, "mx"),
    "empty": (page(""), 1, "version"), "cut": (page(policy("enforce", "a.example"))[:-30], 3, ""),
    "garbage": (b"\x00\xff" * 50, 3, ""), "nothing": (b"", 3, ""),
    "slow": ((b"HTTP/1.1 200 OK\r\n", HANG), 3, ""),
    "slow-body": ((GOOD[:-10], HANG), 3, ""), "drips": (tuple(x for c in GOOD for x in (bytes([c]), 0.05)), 3, ""),
}
SLOW = ["slow", "slow-body", "drips"]
WORDS = {1: "sts-policy-invalid", 2: "sts-webpki-invalid", 3: "sts-policy-fetch-error"}


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_answers(certs, server, tmp_path, case):
    answer, code, word = BAD[case]
    server.answer = answer
    r = run(certs, server.where, tmp_path, *(["-t", "2"] if case in SLOW else []))
    assert r.code == code and r.log["result"] == WORDS[code] and word in r.log["error"], r.said
    assert kept(tmp_path) is None and r.policy == [] and r.seconds < LATE and len(server.asked) == 1


@pytest.mark.parametrize("cert", ["wrong", "expired", "self", "common"])
def test_bad_certificates(certs, tmp_path, cert):
    with Https(certs[cert]) as s:
        s.answer = GOOD
        r = run(certs, s.where, tmp_path)
        assert r.code == 2 and r.log["result"] == WORDS[2] and kept(tmp_path) is None, r.said
        assert not s.asked, "nothing is asked of a stranger"


def test_unknown_authority(certs, server, tmp_path):
    r = run({"ca": certs["self"]}, server.where, tmp_path)
    assert r.code == 2, r.said
    r = run({"ca": "/nonexistent"}, server.where, tmp_path, id="id2")
    assert r.code == 111 and "result" not in r.log, r.said


def test_not_kept(certs, server, tmp_path):
    """Our own failure has an exit code of its own, and no other fetch waits for it. Who ran it has the policy."""
    (tmp_path / (".new." + DOMAIN)).mkdir()
    for _ in range(2):
        r = run(certs, server.where, tmp_path)
        assert r.code == 111 and "Is\\x20a\\x20directory" in r.log["error"] and "result" not in r.log, r.said
        assert r.policy[:2] == ["mta-sts 1", "id id1"] and r.policy[-1] == "end"
    assert len(server.asked) == 2


def test_silent_server(certs, server, tmp_path):
    server.shake = False
    r = run(certs, server.where, tmp_path, "-t", "1")
    assert r.code == 3 and r.seconds < LATE, r.said


def test_no_server(certs, tmp_path):
    assert run(certs, "127.0.0.1:%d" % free_port(), tmp_path).code == 3


NAMES = {"none": {}, "drop": {HOST: "drop"}, "servfail": {HOST: "servfail"}, "no-address": {HOST: {"TXT": ["x"]}}}


@pytest.mark.parametrize("case", sorted(NAMES))
def test_no_address(certs, tmp_path, case):
    with Dns(NAMES[case]) as d:
        r = run(certs, None, tmp_path, "-t", "2", DNSCACHEIP=d.where)
    assert r.code == 3 and r.seconds < LATE and {n for n, _, _ in d.asked} == {HOST}, r.said


# When it asks at all

def test_kept_is_not_fetched(certs, server, tmp_path):
    for _ in range(2):
        r = run(certs, server.where, tmp_path)
        assert r.code == 0 and r.policy == kept(tmp_path)
    assert len(server.asked) == 1
    server.answer = page(policy("testing", "b.example"))
    assert run(certs, server.where, tmp_path, id="id2").code == 0
    assert len(server.asked) == 2 and "mx b.example" in kept(tmp_path)


def test_not_again_so_soon(certs, server, tmp_path):
    assert run(certs, server.where, tmp_path).code == 0
    old = kept(tmp_path)
    server.answer = page("no", "404 Not Found")
    for _ in range(2):
        r = run(certs, server.where, tmp_path, id="id2")
        assert r.code == 3 and kept(tmp_path) == old
    assert len(server.asked) == 2 and r.said == ""
    server.answer = GOOD
    assert run(certs, server.where, tmp_path, id="id3").code == 0 and kept(tmp_path)[1] == "id id3"
    assert run(certs, server.where, tmp_path, id="id2").code == 0, "a success forgets the failure"


def test_one_fetch_for_many(certs, server, tmp_path):
    server.answer = (0.5, GOOD)
    all = [start(certs, server.where, tmp_path) for _ in range(5)]
    for p in all:
        p.communicate(timeout=20)
    assert [p.returncode for p in all] == [0] * 5 and len(server.asked) == 1


def test_waits_no_longer_than_it_may(certs, server, tmp_path):
    with open(tmp_path / (DOMAIN + "~"), "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        r = run(certs, server.where, tmp_path, "-t", "1")
    assert r.code == 3 and r.seconds < LATE and "lock" in r.log["error"] and not server.asked, r.said
    assert (r.log["event"], r.log["domain"], r.log["result"]) == ("sts-failed", DOMAIN, WORDS[3])


def test_no_cache(certs, server, tmp_path):
    r = run(certs, server.where, tmp_path / "none")
    assert r.code == 111 and "No\\x20such\\x20file" in r.log["error"] and "result" not in r.log, r.said
    assert str(tmp_path / "none") in r.log["error"] and r.policy[-1] == "end" and len(server.asked) == 1


@pytest.mark.parametrize("words", [["-t", "0"], ["-a", "x"], ["-z"]])
def test_usage_options(certs, tmp_path, words):
    assert run(certs, None, tmp_path, *words).code == 100


@pytest.mark.parametrize("domain,id", [("../x", "1"), ("", "1"), ("a..b", "1"), ("y.example", ""), ("y.example", "a b"),
                                       ("y.example", "a" * 33), ("y.example/../x", "1")])
def test_usage_names(certs, tmp_path, domain, id):
    assert run(certs, None, tmp_path, domain=domain, id=id).code == 100 and os.listdir(tmp_path) == []
