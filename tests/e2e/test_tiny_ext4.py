"""A queue on a real ext4 of a few MiB: filled up, without inodes, as a power cut leaves it. What was accepted stays;
what has no room is refused for now. (test_scarce and test_queue do it on tmpfs, where fsync means nothing.)"""
import collections
import os
import shutil
import subprocess

import pytest

from lib.instance import Instance
from lib.messages import big, without_trace
from lib.procs import program


class Ext4:
    def __init__(self, folder, megabytes, *options):
        self.image, self.path = os.path.join(folder, "image"), os.path.join(folder, "ext4")
        if os.geteuid():
            pytest.skip("mounting needs root")
        with open(self.image, "wb") as f:
            f.truncate(megabytes << 20)
        subprocess.run([program("mkfs.ext4"), "-q", "-F", "-m", "0", *options, self.image], check=True)
        os.mkdir(self.path)
        r = subprocess.run(["mount", "-o", "loop", self.image, self.path], stderr=subprocess.PIPE, text=True)
        if r.returncode:   # in a container without devices
            pytest.skip("no loop device can be mounted: %s" % r.stderr.strip())

        self.others = []

    def close(self):
        for path in [*self.others, self.path]:
            subprocess.run(["umount", path], check=True)


@pytest.fixture
def tiny(tmp_path, sink):
    """Makes an instance with its queue on a small ext4."""
    made = []

    def make(megabytes, *options):
        disk = Ext4(str(tmp_path), megabytes, *options)
        made.append(disk)
        i = Instance(queue=os.path.join(disk.path, "queue"), routes=":%s\n" % sink.route)
        made.append(i)
        return i, disk
    yield make
    for m in reversed(made):
        m.close()


def until_refused(instance, body, most=3000):
    """Injects until it is refused for now, with what relay-smtpd makes 4xx of. Returns how many were accepted."""
    for n in range(most):
        code = instance.inject("m%d@outside.example" % n, ["b@box.example"], body, check=False)
        if code:
            assert code == 53, "exit %d" % code
            return n
    raise AssertionError("never full")


def delivered_once(sink, n):
    got = collections.Counter(m.sender for m in sink.messages)
    assert set(got) >= {"m%d@outside.example" % k for k in range(n)} and max(got.values()) == 1


def test_full(tiny, sink):
    """Filled up to the last block by messages: 4xx by SMTP, relay-send drains it all the same, then there is room."""
    i, disk = tiny(6)
    i.compile()
    i.receive()
    body = big(60000)
    n = until_refused(i, body)
    assert n > 10 and len(i.queued()) == n
    with i.dialogue() as d:
        d.hello()
        r = d.mail("full@outside.example", "b@box.example", body)
        assert 400 <= r.code < 500 and r.enhanced.startswith("4."), r
        i.send()
        sink.wait(n)
        i.wait_empty()
        assert d.mail("room@outside.example", "b@box.example", body) == 250
        d.quit()
    sink.wait(n + 1)
    i.wait_empty()
    delivered_once(sink, n)
    assert not [m for m in sink.messages if m.sender.startswith("full")]
    assert all(without_trace(m.lf) == body for m in sink.messages if m.sender.startswith("room"))


def test_full_in_the_middle_of_a_message(tiny, sink):
    """A write comes out short, and the next fails: nothing of it stays, and the blocks are free again."""
    i, disk = tiny(6)
    i.start()
    with i.dialogue() as d:
        d.hello()
        for _ in range(3):
            r = d.mail("full@outside.example", "b@box.example", big(20 << 20))
            assert 400 <= r.code < 500 and r.enhanced.startswith("4."), r
            assert not i.queued()
        assert d.mail("m0@outside.example", "b@box.example", big(2 << 20)) == 250
        d.quit()
    sink.wait(1)
    i.wait_empty()
    delivered_once(sink, 1)


def test_without_inodes(tiny, sink):
    """Bytes are left, inodes are none: refused for now; partial deliveries are still marked, the queue drains."""
    i, disk = tiny(8, "-N", "128")
    i.compile()
    i.receive()
    n = until_refused(i, big(300))
    assert n > 5 and os.statvfs(disk.path).f_ffree == 0 and os.statvfs(disk.path).f_bfree > 100
    with i.dialogue() as d:
        d.hello()
        r = d.mail("full@outside.example", "b@box.example")
        assert 400 <= r.code < 500 and r.enhanced.startswith("4."), r
        i.send()
        sink.wait(n)
        i.wait_empty()
        assert d.mail("room@outside.example", "b@box.example") == 250
        d.quit()
    sink.wait(n + 1)
    delivered_once(sink, n)


def queue_after_a_power_cut(disk, tmp_path, name):
    """The image as it is this moment, mounted as a second disk: the queue on it. It is unmounted with `disk`."""
    image, where = str(tmp_path / (name + ".image")), str(tmp_path / name)
    shutil.copyfile(disk.image, image)
    os.mkdir(where)
    subprocess.run(["mount", "-o", "loop", image, where], check=True)
    disk.others.append(where)
    return os.path.join(where, "queue")


def test_the_disk_as_it_was_when_the_power_went(tiny, sink, tmp_path):
    """The image is copied, nothing unmounted or synced by us. After the last 250: each accepted message is there, and a
    relay-send delivers it from there. After all were delivered: none comes back."""
    i, disk = tiny(12)
    i.compile()
    for n in range(20):
        i.inject("m%d@outside.example" % n, ["b@box.example"], big(3000 + n))
    accepted = queue_after_a_power_cut(disk, tmp_path, "accepted")
    i.send()
    sink.wait(20)
    i.wait_empty()
    assert i.sender.stop() == 0     # an orderly end waits until the removals last
    after = queue_after_a_power_cut(disk, tmp_path, "delivered")
    delivered_once(sink, 20)
    sink.clear()
    for queue, n in ((accepted, 20), (after, 0)):
        with Instance(routes=":%s\n" % sink.route) as other:
            other.compile()
            other.queue = queue
            assert len(other.queued()) == n
            other.send()
            sink.wait(n)
            other.wait_empty()
    delivered_once(sink, 20)
