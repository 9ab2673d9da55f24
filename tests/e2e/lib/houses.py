"""Fixtures: houses with a relay-tlsd."""
import pytest

from .made import made_by
from .tls import House


@pytest.fixture
def houses():
    """Makes houses. No log of theirs may show a sanitizer's complaint."""
    def check(made):
        said = [h.log(n) for h in made for n in ("tlsd.log", "chain.log")]
        assert not [s for s in said if "Sanitizer" in s or "runtime error:" in s], said
    yield from made_by(House, check)


@pytest.fixture
def house(houses):
    """A relay-tlsd and a receiver that offers STARTTLS."""
    h = houses()
    h.tlsd()
    h.serve()
    return h


@pytest.fixture
def hasty(houses):
    """The same, with a second for a handshake."""
    h = houses()
    h.tlsd("-h", "1")
    h.serve()
    return h
