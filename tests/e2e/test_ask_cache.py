"""relay-ask by itself: for how long next hops' answers are believed, and what becomes of a bad cache."""
import os
import threading
import time

import pytest

from lib.ask import Ask

pytestmark = pytest.mark.once

A = "a@hosted.example"


@pytest.fixture
def rules(instances):
    """Makes rules by which all mail goes to a sink; returns their path."""
    def make(sink=None, **control):
        i = instances(routes=":%s\n" % sink.route if sink else "", **control)
        i.compile()
        return i.rules
    return make


def says(reply):
    return lambda session, line: reply


def test_cached(rules, sink, tmp_path):
    """Answers outlive the process and the server; `unknown` does not."""
    sink.on["RCPT"] = lambda s, line: {b"n": b"550 5.1.1 no such user\r\n", b"l": b"450 later\r\n"}.get(line[9:10])
    path = rules(sink)
    with Ask(path, str(tmp_path)) as a:
        assert [a.recipient(x + "@hosted.example")[:3] for x in "anl"] == ["yes", "no ", "unk"]
    sink.close()
    with Ask(path, str(tmp_path)) as a:
        assert a.recipient(A) == "yes"
        assert a.recipient("n@hosted.example") == "no 550 5.1.1 refused shortly before"
        assert a.recipient("l@hosted.example").startswith("unknown ")
        assert a.recipient("A@hosted.example").startswith("unknown ")
    assert [l["cached"] for l in a.log()] == ["0", "0", "0", "1", "1", "0", "0"]
    line = a.log()[4]
    assert (line["event"], line["answer"], line["recipient"]) == ("asked", "no", "n@hosted.example")
    assert line["route"] == sink.route and int(line["ms"]) < 1000 and int(line["parent"]) == os.getpid()
    assert os.stat(a.cache).st_size == 4194304 and os.stat(a.cache).st_mode & 0o777 == 0o600


def test_cache_expires(rules, sink, tmp_path):
    path = rules(sink, limits="asked-yes 1\nasked-no 0\n")
    sink.on["RCPT"] = lambda s, line: b"550 no\r\n" if b"no@" in line else None
    with Ask(path, str(tmp_path)) as a:
        for _ in range(2):
            assert a.recipient(A) == "yes" and a.recipient("no@hosted.example") == "no 550 no"
        assert [l["cached"] for l in a.log()] == ["0", "0", "1", "0"]
        sink.on["RCPT"] = says(b"550 5.1.1 gone\r\n")
        time.sleep(1.1)
        assert a.recipient(A) == "no 550 5.1.1 gone"


@pytest.mark.parametrize("what", ["missing-folder", "link", "folder", "size"])
def test_without_cache(rules, sink, tmp_path, what):
    """It works all the same, and says so once."""
    cache = tmp_path / "asked"
    if what == "link":
        cache.symlink_to(tmp_path / "target")
    elif what == "folder":
        cache.mkdir()
    elif what == "size":
        cache.write_bytes(b"mine")
    with Ask(rules(sink), str(tmp_path), cache="none/asked" if what == "missing-folder" else "asked") as a:
        assert [a.recipient(A), a.recipient(A)] == ["yes", "yes"]
    assert [l["event"] for l in a.log()] == ["no-cache", "asked", "asked"] and a.log()[2]["cached"] == "0"
    assert not (tmp_path / "target").exists() and (what != "size" or cache.read_bytes() == b"mine")


def test_many_processes_one_cache(rules, sink, tmp_path):
    """All at once make the file and write to it; each reads what it can trust."""
    path, wrong = rules(sink), []
    sink.on["RCPT"] = lambda s, line: b"550 5.1.1 no\r\n" if int(line[9:-1].split(b"@")[0]) % 2 else None

    def run(n):
        with Ask(path, str(tmp_path)) as a:
            for i in range(40):
                if not a.recipient("%d@hosted.example" % i).startswith("no " if i % 2 else "yes"):
                    wrong.append((n, i))
    threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == [] and os.stat(tmp_path / "asked").st_size == 4194304
