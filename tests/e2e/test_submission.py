"""MAIL on the listener for submission without a login is refused for good only where a login is possible: another MTA
that relays through it gives its mail back at 5xx, and keeps it at 4xx."""
import os

import pytest

from lib.auth import auth_plain
from lib.procs import program
from lib.houses import houses  # noqa: F401  (a fixture)
from lib.tls import context
from lib.users import line

NOW = "530 5.7.0 log in first"
TLS_TOO = "530 5.7.0 start TLS and log in first"
NO_CHECKER = "454 4.7.0 logins cannot be checked now, try again later"
NO_TLS = "454 4.7.0 TLS is not available now, try again later"


@pytest.fixture
def chain(houses, instances):
    """chain(*options of relay-smtpd): relay-gate, relay-tls with relay-tlsd, relay-smtpd with relay-auth."""
    def make(*options):
        h = houses()
        h.tlsd()
        i = instances(users=line("bob", "s3cret pass") + "\n", env={"RELAYFAILURES": "/dev/null/none"})
        i.compile()
        i.receive(chain=[program("relay-gate"), i.rules, program("relay-tls"), h.socket, program("relay-smtpd"), "-l",
                         "submission", *options, program("relay-auth"), os.path.join(i.control, "users.cdb"), "true"])
        return h, i
    return make


def mail(d):
    return d.cmd("MAIL FROM:<bob@hosted.example>").lines


def begin(i, tls=False):
    d = i.dialogue()
    d.hello()
    if tls:
        d.ok("STARTTLS", 220)
        d.sock = context().wrap_socket(d.sock, suppress_ragged_eofs=False)
        d.ok("EHLO c.example")
    return d


def end_relay_tlsd(h):
    h.tlsd_proc.popen.kill()
    h.tlsd_proc.popen.wait()


def test_users_are_gone(chain):
    h, i = chain()
    users = os.path.join(i.control, "users.cdb")
    with begin(i) as d:
        assert mail(d) == [TLS_TOO]
    with begin(i, tls=True) as d:
        assert mail(d) == [NOW]
        assert auth_plain(d).code == 235 and mail(d)[0].startswith("250 ")
    os.rename(users, users + ".away")
    with begin(i, tls=True) as d:
        assert mail(d) == [NO_CHECKER]
        assert auth_plain(d).code == 454 and mail(d) == [NO_CHECKER]
    os.rename(users + ".away", users)
    with begin(i, tls=True) as d:
        assert mail(d) == [NOW]


@pytest.mark.parametrize("options, then", [((), NO_TLS), (("-a",), NOW)])
def test_relay_tlsd_is_gone(chain, options, then):
    """`-a` needs no TLS for a login."""
    h, i = chain(*options)
    with begin(i) as before:
        assert mail(before) == [NOW if options else TLS_TOO]
        end_relay_tlsd(h)
        assert mail(before) == [then]
    with begin(i) as d:
        assert mail(d) == [then]
        if options:
            assert auth_plain(d).code == 235 and mail(d)[0].startswith("250 ")
