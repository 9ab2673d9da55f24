"""Fixtures; what they hand out lives in lib/ and works without pytest."""
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from doubles.spool import Spool  # noqa: E402
from lib.instance import Instance  # noqa: E402
from lib.made import made_by  # noqa: E402
from lib.netns import Cable  # noqa: E402
from lib.outgoing import Outgoing  # noqa: E402
from lib.sink import Sink  # noqa: E402
from lib.skips import pytest_addoption, pytest_sessionfinish, pytest_terminal_summary  # noqa: E402,F401


SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    config.addinivalue_line("markers", "root: needs root")
    config.addinivalue_line("markers", "once: starts none of the chain's programs, the only ones that two builds have "
                            "in two forms")


@pytest.fixture
def sink():
    """An SMTP server that keeps what it gets."""
    with Sink() as s:
        yield s


@pytest.fixture
def sinks():
    """Makes sinks: sinks(host=..., extensions=...)."""
    yield from made_by(Sink)


def no_fault(made):
    """What the sanitizers of these instances' programs have found."""
    said = [l for i in made for n in ("smtpd", "send") for l in i.log(n).splitlines() if SANITIZER.search(l)]
    assert not said, said


@pytest.fixture
def instances():
    """Makes instances: instances(routes=...). Nothing is started yet."""
    yield from made_by(Instance, no_fault)


@pytest.fixture
def outgoing():
    """Makes instances that send: outgoing(routes, net=...)."""
    yield from made_by(Outgoing, no_fault)


@pytest.fixture
def rules(instances):
    """rules.cdb of a directory without routes."""
    i = instances(routes="")
    i.compile()
    return i.rules


@pytest.fixture
def instance(instances, sink):
    """A running instance that sends everything to `sink`."""
    return instances(routes=":%s\n" % sink.route).start()


@pytest.fixture
def spools():
    """Makes queues with relay-send over doubles of relay-remote. Nothing is started yet."""
    yield from made_by(Spool)


@pytest.fixture
def spool(spools):
    return spools()


@pytest.fixture(scope="module")
def net():
    """Two hosts joined by a cable."""
    try:
        cable = Cable()
    except (PermissionError, FileNotFoundError) as why:
        pytest.skip("no network namespaces: %s" % why)
    with cable:
        yield cable


def logs_of(value):
    """The logs of an instance or a queue, or of all that a fixture's function has made."""
    if isinstance(value, Instance):
        return [(value.dir, name, value.log(name)) for name in ("smtpd", "send")]
    if isinstance(value, Spool):
        return [(value.dir, "send", value.text())]
    return [l for made in getattr(value, "made", ()) for l in logs_of(made)]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the logs of its instances and queues."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        logs = [l for value in getattr(item, "funcargs", {}).values() for l in logs_of(value)]
        for folder, name, text in dict.fromkeys(logs):
            if text:
                report.sections.append(("%s/%s.log" % (folder, name), text[-6000:]))
