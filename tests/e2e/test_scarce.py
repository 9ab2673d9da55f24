"""What runs out or is missing: disk, inodes, descriptors, the queue, the injector. Temporary refusals, and nothing
lost or doubled."""
import collections
import os
import resource
import shutil
import socket
import subprocess

import pytest

from lib.instance import due_now
from lib.messages import big, without_trace
from lib.smtp import Closed, Dialogue


class Tmpfs:
    def __init__(self, path, options):
        self.path = path
        os.mkdir(path)
        r = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], stderr=subprocess.PIPE, text=True)
        if r.returncode:
            os.rmdir(path)
            pytest.skip("no tmpfs can be mounted: %s" % r.stderr.strip())

    def close(self):
        subprocess.run(["umount", self.path], check=True)
        os.rmdir(self.path)


@pytest.fixture
def small(tmp_path):
    """Makes small file systems."""
    if os.geteuid():
        pytest.skip("mounting needs root")
    made = []

    def make(options):
        made.append(Tmpfs(str(tmp_path / "small"), options))
        return made[-1].path
    yield make
    for t in made:
        t.close()


@pytest.fixture
def in_small(small, sink):
    """An instance whose queue lies on a small file system."""
    from lib.instance import Instance
    made = []

    def make(options):
        made.append(Instance(queue=os.path.join(small(options), "queue"), routes=":%s\n" % sink.route))
        return made[-1].start()
    yield make
    for i in made:
        i.close()


def refused_then_accepted(instance, sink, free, body):
    """A message that can't be kept gets 4xx and leaves nothing; with room made it goes through, once."""
    before = instance.queued()
    with instance.dialogue() as d:
        d.hello()
        r = d.mail("full@outside.example", "b@box.example", body)
        assert 400 <= r.code < 500 and r.enhanced.startswith("4."), r
        assert instance.queued() == before
        free()
        assert d.mail("room@outside.example", "b@box.example", body) == 250
        d.quit()
    assert [m.sender for m in sink.wait(1)] == ["room@outside.example"]
    instance.wait_empty()
    assert len(sink.messages) == 1 and without_trace(sink.messages[0].lf) == body


def fill(folder):
    """Takes all bytes that are left."""
    path = os.path.join(folder, "ballast")
    with open(path, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            return path


def test_disk_full(in_small, sink):
    i = in_small("size=2m")
    ballast = fill(os.path.dirname(i.queue))
    refused_then_accepted(i, sink, lambda: os.unlink(ballast), big(3000))


def test_disk_full_in_the_middle(in_small, sink):
    """5 MiB into 2: refused at the end with 4xx; what was there before stays and is delivered."""
    i = in_small("size=2m")
    with i.dialogue() as d:
        d.hello()
        r = d.mail("full@outside.example", "b@box.example", big(5 << 20))
        assert 400 <= r.code < 500 and r.enhanced.startswith("4."), r
        assert not i.queued()
        assert d.mail("small@outside.example", "b@box.example", big(1 << 20)) == 250
        d.quit()
    assert [m.sender for m in sink.wait(1)] == ["small@outside.example"]
    i.wait_empty()


def test_no_inodes(in_small, sink):
    i = in_small("size=8m,nr_inodes=120")
    made = []
    folder = os.path.dirname(i.queue)
    try:
        while True:
            path = os.path.join(folder, "inode%d" % len(made))
            open(path, "wb").close()
            made.append(path)
    except OSError:
        pass
    assert made
    refused_then_accepted(i, sink, lambda: [os.unlink(p) for p in made], big(3000))


def test_queue_on_a_full_disk_still_delivers(in_small, sink):
    """With no byte free the scheduler still marks and removes: old messages drain."""
    i = in_small("size=2m")
    i.sender.stop()
    i.procs.remove(i.sender)
    with i.dialogue() as d:
        d.hello()
        for n in range(5):
            assert d.mail("m%d@outside.example" % n, ["a@one.example", "b@two.example"], big(10000)) == 250
        d.quit()
    fill(os.path.dirname(i.queue))
    i.send()
    i.wait_empty()
    got = collections.Counter((m.sender, r) for m in sink.messages for r in m.recipients)
    assert len(got) == 10 and max(got.values()) == 1


@pytest.mark.parametrize("what", ["queue", "mess", "subdirectories", "read-only"])
def test_queue_missing(instances, sink, what):
    i = instances(routes=":%s\n" % sink.route)
    i.compile()
    i.receive()
    if what == "queue":
        os.rename(i.queue, i.queue + ".away")
    elif what == "mess":
        os.rename(os.path.join(i.queue, "mess"), os.path.join(i.queue, "mess.away"))
    elif what == "subdirectories":
        shutil.rmtree(os.path.join(i.queue, "mess"))
        os.mkdir(os.path.join(i.queue, "mess"))
    else:
        r = subprocess.run(["mount", "--bind", "-o", "ro", i.queue, i.queue], stderr=subprocess.PIPE, text=True)
        if r.returncode:
            pytest.skip("no bind mount: %s" % r.stderr.strip())
    try:
        with i.dialogue() as d:
            d.hello()
            r = d.mail("a@outside.example", "b@box.example")
            assert 400 <= r.code < 500 and r.enhanced.startswith("4."), r
            d.quit()
    finally:
        if what == "read-only":
            subprocess.run(["umount", i.queue], check=True)


def test_injector_missing(instances, sink):
    i = instances(routes=":%s\n" % sink.route, env={"QMAILQUEUE": "/no/such/injector"})
    i.start()
    with i.dialogue() as d:
        d.hello()
        r = d.mail("a@outside.example", "b@box.example")
        assert 400 <= r.code < 500 and r.enhanced.startswith("4."), r
        d.quit()


@pytest.mark.parametrize("code,low,high", [
    (0, 250, 250), (11, 500, 599), (31, 500, 599), (40, 500, 599), (41, 400, 499), (51, 400, 499), (53, 400, 499),
    (81, 400, 499), (91, 400, 499), (120, 400, 499), (255, 400, 499)])
def test_injector_exit_codes(instances, sink, code, low, high):
    """Any qmail-queue program may stand there (interfaces of qmail-queue(8))."""
    i = instances(routes=":%s\n" % sink.route)
    script = i.path("injector")
    with open(script, "w") as f:
        f.write("#!/bin/sh\ncat >/dev/null\ncat <&1 >/dev/null\nexit %d\n" % code)
    os.chmod(script, 0o755)
    i.extra["QMAILQUEUE"] = script
    i.start()
    with i.dialogue() as d:
        d.hello()
        r = d.mail("a@outside.example", "b@box.example")
        assert low <= r.code <= high and r.enhanced[0] == str(r.code)[0], r
        d.quit()


@pytest.mark.parametrize("limit", [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16])
def test_no_descriptors(instances, sink, limit):
    """The chain with so many descriptors and no more: 250 and delivered, or 4xx (or no service) and nothing."""
    i = instances(routes=":%s\n" % sink.route)
    i.compile()
    i.send()
    ours, theirs = socket.socketpair()

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    env = dict(i.env, PROTO="TCP", TCPREMOTEIP="127.0.0.1")
    with theirs, open(i.path("smtpd.log"), "ab") as log:
        proc = subprocess.Popen(i.chain(), stdin=theirs, stdout=theirs, stderr=log, env=env, preexec_fn=few)
    code = None
    with Dialogue(ours, proc=proc) as d:
        try:
            if d.reply().code == 220:
                d.cmd("EHLO a")
                code = d.mail("a@outside.example", "b@box.example").code
        except Closed:
            pass
    assert code is None or code == 250 or 400 <= code < 500, code
    if code == 250:
        sink.wait(1)
    i.wait_empty()
    assert len(sink.messages) == (code == 250)


def test_relay_send_without_descriptors(instances, sink):
    """A hundred messages, twenty descriptors: slower, but all of it arrives, once."""
    i = instances(routes=":%s\n" % sink.route)
    i.compile()
    i.receive()

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
    i.send(preexec=few)
    with i.dialogue() as d:
        d.hello()
        for n in range(100):
            assert d.mail("m%d@outside.example" % n, "b@box%d.example" % (n % 30)) == 250
        d.quit()
    try:
        sink.wait(100, 20)
    except AssertionError:
        # those that failed for want of descriptors wait for their next try
        i.sender.stop()
        i.procs.remove(i.sender)
        due_now(i)
        i.send()
        sink.wait(100, 30)
    i.wait_empty()
    assert len(sink.messages) == 100 and len({m.sender for m in sink.messages}) == 100
