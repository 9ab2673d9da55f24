"""relay-remote and MTA-STS: policies that are kept, and when a new one is fetched."""
import threading
import time

import pytest

from lib.dns import Dns
from lib.https import page, policy
from lib.mtasts import DAY, DOMAIN, MX, S, TEXT, certs, world  # noqa: F401
from lib.procs import wait_for

pytestmark = pytest.mark.once


def test_new_id(world):
    s = world.mail_server()
    world.keep("id0", -10, DAY, "old.example")
    world.policy("enforce", MX)
    assert world.mail().tls.endswith(" sts") and "id id1\n" in world.entry() and len(s.messages) == 1


def test_ended(world):
    world.mail_server()
    world.keep("id1", -DAY, -1, "old.example")
    world.policy("enforce", MX)
    assert world.mail().tls.endswith(" sts") and len(world.web.asked) == 1


def test_renewed_meanwhile(world):
    """Half of its time is over: it counts, and is fetched without a wait."""
    done = threading.Event()

    def answer(head):
        assert done.wait(60)
        return page(policy("enforce", MX, age=5000))
    world.mail_server()
    world.keep("id1", -1000, 900, MX)
    world.web.answer = answer
    with world.net.here():
        dns = Dns(world.names)
    with dns, world.jobs(dns, "-t", "15") as j:   # who waited would wait for 15 seconds, and have no new one
        assert j.job(TEXT, S, ["a@" + DOMAIN]).tls.endswith(" sts")
        done.set()
        wait_for(lambda: int(world.entry().split()[7]) > time.time() + 4000, 10, "a new policy")
    assert len(world.web.asked) == 1


@pytest.mark.parametrize("text", ["", "mta-sts 1\nid id1\n", "\0" * 100])
def test_damaged(world, text):
    world.mail_server()
    world.entry(text)
    world.policy("enforce", MX)
    assert world.mail().tls.endswith(" sts") and world.entry().endswith("end\n")
