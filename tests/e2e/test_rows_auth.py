"""The rows of the table of options that are about logins, with logins over SMTP: 6 to 9 and 21 to 23. (What the rules
make of a login without one: test_rows_logins.)"""
import pytest

from lib.auth import MECHANISMS, AuthSmtpd, auth_plain

USERS = "bob s3cret_pass\njoe s3cret_pass relay=0\n"
ANN, JOE, BOB = "ann@elsewhere.example", "joe@hosted.example", "bob@hosted.example"
ROWS = {}


@pytest.fixture
def rules():
    """Makes sessions by rules: rules(relay)."""
    def make(relay):
        if relay not in ROWS:
            ROWS[relay] = AuthSmtpd(USERS, relay=relay)
        return ROWS[relay]
    return make


@pytest.fixture(scope="module", autouse=True)
def close():
    yield
    for s in ROWS.values():
        s.close()
    ROWS.clear()


def code(d, to=ANN, sender=BOB):
    r = d.cmd("MAIL FROM:<%s>" % sender)
    got = r.code if r.code != 250 else d.cmd("RCPT TO:<%s>" % to).code
    d.ok("RSET")
    return got


def by(s):
    e = s.events("recipient")[-1]
    return "%s %s" % (e["reason"], e["rule"]) if "rule" in e else e["reason"]


def test_row_06_relay_for_authenticated_senders(rules):
    s = rules("grant clients\ngrant login\n")
    with s.session() as d:
        assert code(d) == 550 and by(s) == "relaying-denied"
        assert auth_plain(d).code == 235 and code(d) == 250 and by(s) == "login relay:2"
        assert code(d, sender="eve@elsewhere.example") == 250, "whoever the sender is, unless the user is bound"
    s = rules("grant clients\n")
    with s.session() as d:
        assert auth_plain(d).code == 235 and code(d) == 550, "the grant is a line that can be missing"


def test_row_07_relay_privilege_of_a_user(rules):
    s = rules("grant clients\ngrant login\n")
    with s.session() as d:
        assert auth_plain(d, "joe").code == 235
        assert code(d) == 550 and by(s) == "no-privilege"
        assert code(d, JOE) == 250 and by(s) == "hosted domains:1"


@pytest.mark.parametrize("mechanism", sorted(MECHANISMS))
def test_row_08_mechanisms(rules, mechanism):
    s = rules("grant clients\ngrant login\n")
    with s.session() as d:
        assert mechanism in d.extensions["AUTH"]
        assert MECHANISMS[mechanism](d).code == 235 and code(d) == 250 and by(s) == "login relay:2"


def test_row_09_auth_not_announced(rules):
    s = rules("grant clients\ngrant login\n")
    with s.session("-A") as d:
        assert "AUTH" not in d.extensions and code(d) == 550
        assert auth_plain(d).code == 235 and code(d) == 250 and by(s) == "login relay:2"


def test_row_21_nobody_without_a_login(rules):
    s = rules("grant login\ngrant clients\nrequire login\n")
    with s.session(RELAYCLIENT="") as d:
        assert code(d) == 550 and by(s) == "no-login relay:3"
        assert auth_plain(d).code == 235 and code(d) == 250 and by(s) == "login relay:1"


def test_row_22_a_port_on_which_relaying_is_allowed(rules):
    """The listener sets RELAYCLIENT: it relays without a login, and a login takes nothing away."""
    s = rules("grant clients\ngrant login\n")
    with s.session("-l", "relay", RELAYCLIENT="") as d:
        assert code(d) == 250 and by(s) == "client relay:1"
        assert auth_plain(d, "joe").code == 235 and code(d) == 250 and by(s) == "client relay:1"


def test_row_23_submission(rules):
    """A second port: nothing without a login, be the client trusted or the recipient ours."""
    s = rules("grant clients\ngrant login\n")
    with s.session("-l", "submission", RELAYCLIENT="") as d:
        assert code(d) == code(d, JOE) == 530
        assert auth_plain(d, "joe").code == 235 and code(d, JOE) == 250
    with s.session("-l", "submission") as d:
        assert auth_plain(d).code == 235 and code(d) == 250 and by(s) == "login relay:2"
