"""smtp-source with 100 sessions and 20,000 messages: all arrive, each exactly once, and the queue is empty behind
them."""
import collections
import os
import re
import subprocess
import time

import pytest

from lib.procs import program, sanitized
from lib.sink import Sink

COUNT = int(os.environ.get("POSTHOUSE_LOAD", "2000" if sanitized() else "20000"))


@pytest.fixture
def counter():
    with Sink(keep_data=False, check=False) as s:
        yield s


children = []


@pytest.fixture(autouse=True)
def ended():
    """No smtp-source outlives its test."""
    yield
    for child in children:
        if child.poll() is None:
            child.kill()
            child.wait()
    children.clear()


def source(port, count, *options):
    """-N numbers the recipients: no two messages alike."""
    argv = [program("smtp-source"), "-N", "-s", "100", "-m", str(count), "-f", "a@outside.example",
            "-t", "b@elsewhere.example", *options, "127.0.0.1:%d" % port]
    children.append(subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    return children[-1]


def id_of(message):
    """Our ID, from our trace."""
    return re.search(r" id ([0-9a-zA-Z]+)", message.header("Received")[0]).group(1)


def exactly_once(instance, counter, count, child, seconds=240):
    end = time.monotonic() + seconds
    said = child.communicate(timeout=seconds)[0]
    assert child.returncode == 0 and not said, said
    instance.wait_empty(end - time.monotonic())
    times = collections.Counter(r for m in counter.messages for r in m.recipients)
    assert len(times) == count, "%d of %d arrived" % (len(times), count)
    assert max(times.values()) == 1, [r for r, n in times.items() if n > 1][:20]
    ids = collections.Counter(map(id_of, counter.messages))
    assert len(ids) == count, "messages with one ID: %s" % [i for i, n in ids.items() if n > 1][:20]
    assert len(counter.messages) == count


@pytest.mark.slow
def test_one_message_a_connection(instances, counter):
    i = instances(routes=":%s\n" % counter.route).start(concurrency=150)
    exactly_once(i, counter, COUNT, source(i.port, COUNT))
    assert counter.peak <= 20, "more connections to one next hop than the limit destination allows"


@pytest.mark.slow
def test_many_messages_a_connection(instances, counter):
    count = max(COUNT // 4, 100)
    i = instances(routes=":%s\n" % counter.route).start(concurrency=150)
    exactly_once(i, counter, count, source(i.port, count, "-d"))


@pytest.mark.slow
def test_many_recipients(instances, counter):
    """500 messages for 20 recipients each."""
    i = instances(routes=":%s\n" % counter.route).start(concurrency=150)
    child = source(i.port, 500, "-r", "20")
    said = child.communicate(timeout=120)[0]
    assert child.returncode == 0 and not said, said
    i.wait_empty(60)
    ids = collections.Counter(map(id_of, counter.messages))
    assert len(ids) == 500 and sum(len(m.recipients) for m in counter.messages) == 10000


@pytest.mark.slow
def test_queue_filled_before_sending_starts(instances, counter):
    """relay-send finds what was queued while it was away."""
    count = max(COUNT // 10, 100)
    i = instances(routes=":%s\n" % counter.route)
    i.compile()
    i.receive(concurrency=150)
    child = source(i.port, count)
    assert not child.communicate(timeout=120)[0] and child.returncode == 0
    assert len(i.queued()) == count and not counter.messages
    i.send()
    i.wait_empty(120)
    times = collections.Counter(r for m in counter.messages for r in m.recipients)
    assert len(times) == count and max(times.values()) == 1
