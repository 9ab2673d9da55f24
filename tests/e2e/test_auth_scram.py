"""AUTH SCRAM-SHA-256 with messages that are none (RFC 5802 7): what relay-smtpd hands on, and what the client is told.
relay-auth's own judgement: test_relay_auth_scram."""
import pytest

from lib.auth import AuthSmtpd, auth_scram, b64


@pytest.fixture(scope="module")
def shared():
    with AuthSmtpd() as s:
        yield s


@pytest.mark.parametrize("first, code, enhanced, asked", [
    ("", 535, "5.7.8", True), ("n,,", 535, "5.7.8", True), ("p=x,,n=bob,r=a", 535, "5.7.8", True),
    ("n,,n=bob", 535, "5.7.8", True), (2048 * "x", 535, "5.7.8", True), (2049 * "x", 501, "5.5.2", False),
    (9000 * "x", 501, "5.5.2", False)], ids=lambda v: repr(v)[:16])
def test_wrong_scram_messages(shared, first, code, enhanced, asked):
    """The checker gets what a message of SCRAM may be, as it is, and refuses it; what is longer it never sees."""
    with shared.session(RELAYFAILURES="/dev/null/none") as d:
        d.ok("AUTH SCRAM-SHA-256", 334)
        r = d.cmd(b64(first))
        assert (r.code, r.enhanced) == (code, enhanced), r
        assert shared.asked() == ([("SCRAM-SHA-256", first.encode())] if asked else [])
        assert auth_scram(d).code == 235, "and another try is free"


def test_wrong_scram_command(shared):
    """As an initial response (RFC 4954 4): the empty one is =, and a long one is a line too long."""
    for word, code, enhanced in (("=", 535, "5.7.8"), (b64(3000 * "x"), 500, "5.5.6")):
        with shared.session(RELAYFAILURES="/dev/null/none") as d:
            r = d.cmd("AUTH SCRAM-SHA-256 " + word)
            assert (r.code, r.enhanced) == (code, enhanced), r
            assert shared.asked() == ([("SCRAM-SHA-256", b"")] if word == "=" else [])
    with shared.session() as d:
        assert d.cmd("AUTH SCRAM-SHA-256 " + b64("n,,n=bob,r=abc")).code == 334
        assert d.cmd("*").code == 501 and auth_scram(d).code == 235
