#!/usr/bin/python3
"""What waiting messages cost relay-send: its start-up, its memory, and the processor time of one arrival, with few and
with many messages that wait for a later try. A waiting message is not opened before its time, so these are files
without contents: what relay-send looks at is their names and times. Arrivals are real, through relay-queue to a double
of relay-remote; their cost is relay-send's own time on a processor, in which the file system's share grows with the
directories: -d on a tmpfs shows it without."""
import argparse
import os
import resource
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from doubles.spool import Spool                         # noqa: E402
from lib.procs import status_of, wait_for               # noqa: E402


def nanoseconds(pid):
    """The process's time on a processor."""
    with open("/proc/%d/schedstat" % pid) as f:
        return int(f.read().split()[0])


def fill(spool, first, last):
    """Files that are due in a week, apart by some seconds."""
    week = time.time() + 604800
    for i in range(first, last):
        path = spool.path("%014x%06x%02x" % ((1 << 50) + i, 1, i % 64))
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        os.utime(path, (week, week + i % 300000))


def settled(spool):
    """Waits until relay-send has found all that there is: its first scan is over when it uses no more time."""
    pid = spool.proc.pid
    while True:
        before = nanoseconds(pid)
        time.sleep(0.25)
        if nanoseconds(pid) - before < 1000000:
            return


def starts(spool):
    """relay-send runs and knows all files: seconds on a processor, seconds until then; and KiB."""
    begin = time.monotonic()
    spool.start("-t", "86400")
    settled(spool)
    took = time.monotonic() - begin - 0.25
    return nanoseconds(spool.proc.pid) / 1e9, took, status_of(spool.proc.pid, "VmRSS")


def arrivals(spool, count):
    """Microseconds of relay-send's for one message: known, opened, handed on, marked done, removed."""
    pid = spool.proc.pid
    gone = len(spool.events("done"))
    before = nanoseconds(pid)
    for i in range(count):
        spool.inject(["x@one.example"])
    wait_for(lambda: len(spool.events("done")) == gone + count, 120, "delivered", 0.1)
    return (nanoseconds(pid) - before) / 1000 / count


def measure(spool, args, waiting):
    cpu, took, kib = starts(spool)
    arrivals(spool, 50)                # warm
    cost = [arrivals(spool, args.arrivals) for _ in range(args.rounds)]
    spool.stop()
    print("%9d waiting: start-up %.2f s (%.2f s of a processor), %d KiB, an arrival %.0f us (%.0f-%.0f)"
          % (waiting, took, cpu, kib, statistics.median(cost), min(cost), max(cost)))
    return cpu, kib, statistics.median(cost)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    ap.add_argument("-n", "--messages", type=int, default=1000000, help="that wait")
    ap.add_argument("-f", "--few", type=int, default=1000, help="what they are compared with")
    ap.add_argument("-a", "--arrivals", type=int, default=300, help="a round")
    ap.add_argument("-r", "--rounds", type=int, default=5)
    ap.add_argument("-d", "--dir", help="where the queue is made")
    args = ap.parse_args()
    room = os.statvfs(args.dir or tempfile.gettempdir())
    if room.f_files and room.f_favail < args.messages + 100000:
        raise SystemExit("queue: %d files, but %d inodes are free" % (args.messages, room.f_favail))
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    spool = Spool(args.dir)
    try:
        fill(spool, 0, args.few)
        few = measure(spool, args, args.few)
        fill(spool, args.few, args.messages)
        many = measure(spool, args, args.messages)
        more = args.messages - args.few
        print("a waiting message: %.0f bytes of memory, %.1f us of start-up; an arrival costs %.2f times as much"
              % ((many[1] - few[1]) * 1024 / more, (many[0] - few[0]) * 1e6 / more, many[2] / few[2]))
    finally:
        spool.close()


if __name__ == "__main__":
    main()
