"""What README says of the memory that idle sessions take, measured as `make bench` measures it."""
import os
import resource
import sys

import pytest

from lib.login import LoginChain
from lib.procs import ROOT, program, sanitized

sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
import idle_tls  # noqa: E402

SESSIONS = 200
LIMIT = 512  # KiB a session, with the chain's programs static
LIMIT_DYNAMIC = 640


def dynamic():
    with open(program("relay-smtpd"), "rb") as f:
        return b"/ld-linux" in f.read(4096)


@pytest.fixture
def descriptors():
    """Enough of them for both ends that are ours."""
    soft, hard = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4 * SESSIONS + 100), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.slow
@pytest.mark.skipif(sanitized(), reason="a sanitizer's memory is no measure")
def test_idle_sessions(descriptors):
    """200 clients that have logged in under TLS: less than half a MiB for each in all processes together, and all of it
    comes back."""
    with LoginChain(concurrency=SESSIONS + 10) as chain:
        idle_tls.open_one(chain, "tls").close()
        total, each = idle_tls.measure(chain, "login", SESSIONS)
        assert 10 < total < (LIMIT_DYNAMIC if dynamic() else LIMIT), each
        assert each["relay-smtpd"] < each["relay-tlsd"] < LIMIT, each
        # nobody is left: a second measurement waits for that and finds the same
        again, each = idle_tls.measure(chain, "login", 20)
        assert again < 2 * total, each
