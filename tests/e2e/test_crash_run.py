"""What `make crash-run` does with 100,000 messages, with fewer: a next hop that fails a third of the time, relay-send
killed again and again. Each arrives, and twice only where a kill fell between the next hop's 250 and its note."""
import os
import random

import pytest

from lib.crashrun import Run


@pytest.mark.slow
def test_next_hop_that_fails_and_relay_send_killed():
    run = Run(2500, (0.3, 0.8), int(os.environ.get("POSTHOUSE_SEED") or random.randrange(1 << 30)))
    run.go(120)
    print(run)
    assert not run.broken, run
    assert len(run.accepted) == 2500 and len(run.kills) >= 5 and sum(run.hop.said.values()) > 200
