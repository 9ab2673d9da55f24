"""relay-send and what is not as it should be in the queue: damaged and unfinished messages, rubbish in the trigger,
names that are wrong or lost."""
import os
import signal
import time

import pytest

from lib.procs import wait_for


@pytest.mark.parametrize("how", ["flip", "truncate", "address", "trailer"])
def test_damaged_is_put_aside(spool, how):
    good = spool.inject(["x@one.example"])
    bad = spool.inject(["y@one.example"], body=b"Subject: damaged\n\n" + b"line\n" * 3000)
    with open(spool.path(bad), "rb") as f:
        data = bytearray(f.read())
    if how == "flip":
        data[1000] ^= 1
    elif how == "address":
        data[data.rindex(b"y@one")] ^= 1
    elif how == "trailer":
        data[-100] ^= 1
    else:
        del data[1000:2000]
    with open(spool.path(bad), "wb") as f:
        f.write(data)
    spool.start("-t", "1")
    wait_for(lambda: not spool.queued(), why="both gone")
    assert spool.events("damaged", id=bad) and [d["id"] for d in spool.deliveries()] == [good]
    with open(os.path.join(spool.queue, "damaged", bad), "rb") as f:
        assert f.read() == data
    time.sleep(1.5)
    assert len(spool.events("damaged")) == 1


def test_damaged_that_cannot_be_put_aside_is_left_alone(spool):
    with open(os.path.join(spool.queue, "damaged"), "w"):
        pass
    bad = spool.inject(["y@one.example"])
    with open(spool.path(bad), "r+b") as f:
        f.write(b"X")
    spool.start("-t", "1")
    spool.wait_event("damaged", id=bad)
    time.sleep(2.5)
    assert len(spool.events("damaged")) == 1 and spool.queued() == [bad] and not spool.deliveries()


def test_unfinished_is_ignored(spool):
    bad = spool.inject(["y@one.example"])
    os.truncate(spool.path(bad), os.stat(spool.path(bad)).st_size - 1)
    spool.start("-t", "1")
    spool.inject(["x@one.example"])
    spool.wait_deliveries(1)
    time.sleep(1.5)
    assert spool.queued() == [bad] and len(spool.deliveries()) == 1 and not spool.events("damaged")
    # Old, it may be a message that has lost its end: kept.
    os.utime(spool.path(bad), (1, 1))
    wait_for(lambda: spool.events("damaged", id=bad), why="put aside")
    assert os.listdir(os.path.join(spool.queue, "damaged")) == [bad]


def test_rubbish_in_the_trigger(spool):
    spool.start()
    with open(os.path.join(spool.queue, "trigger"), "wb", buffering=0) as f:
        f.write(b"\n\n\0\xff" * 50 + b"x" * 3000 + b"\n" + b"0" * 22 + b"\n" + b"f" * 20 + b"40\n"
                + b"../" * 7 + b"x\n")
        f.write(b"y" * 100)  # no line end
    spool.inject(["w@one.example"])
    time.sleep(0.2)
    spool.inject(["x@one.example"])
    wait_for(lambda: ["x@one.example"] in [d["to"] for d in spool.deliveries()], why="delivered")
    assert spool.proc.alive()


def test_names_of_waiting_messages_change_nothing(spool):
    spool.flag("temp")
    spool.start()
    ident = spool.inject(["x@one.example"])
    spool.wait_event("defer", id=ident)
    with open(os.path.join(spool.queue, "trigger"), "wb", buffering=0) as f:
        f.write(ident.encode() + b"\n")
    time.sleep(0.3)
    assert len(spool.events("start", id=ident)) == 1


def test_lost_names_are_found_by_the_scan(spool):
    spool.start("-t", "1")
    trigger = os.path.join(spool.queue, "trigger")
    os.rename(trigger, trigger + ".away")
    ident = spool.inject(["x@one.example"])
    os.rename(trigger + ".away", trigger)
    spool.wait_empty()
    assert spool.deliveries(id=ident)


def test_full_trigger(spool):
    """relay-send stopped, the FIFO full: the injector gives up waiting, and the message is found soon all the same."""
    spool.start()
    os.kill(spool.proc.pid, signal.SIGSTOP)
    fd = os.open(os.path.join(spool.queue, "trigger"), os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(fd, b"0" * 22 + b"\n")
    except BlockingIOError:
        pass
    os.close(fd)
    ident = spool.inject(["x@one.example"])
    os.kill(spool.proc.pid, signal.SIGCONT)
    spool.wait_empty()
    assert spool.deliveries(id=ident)
