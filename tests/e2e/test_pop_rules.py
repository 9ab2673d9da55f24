"""Real logins under `grant pop` with all that it may say, and clients of both families."""
import os

import pytest

from lib import pop
from lib.pop import JOE, Mailfront
from lib.popchain import Relay, put, relay, server  # noqa: F401  (fixtures)
from lib.procs import has_ipv6, program
from lib.users import line

pytestmark = pop.needs_mailfront


def test_on_listeners(server, relay):
    assert server.login(source="127.0.5.141")
    plain, inside = (), ("-l", "inside")
    for words, listens in (("grant pop on inside", (False, True)), ("grant pop on -", (True, False)),
                           ("grant pop 300 on -,INSIDE", (True, True)), ("grant pop on other", (False, False))):
        for options, opened in zip((plain, inside), listens):
            with Relay(words, smtpd=options, stamps=relay.stamps) as r:
                assert r.opened("127.0.5.141") == opened, (words, options)


def test_bound():
    """A neighbour behind the same NAT has the same address, and can't send as anyone."""
    users = "\n".join([line("joe@hosted.example", pop.PASSWORD) + " from joe@hosted.example @joes.example",
                       line("ann@hosted.example", pop.PASSWORD), line("carol", pop.PASSWORD) + " norelay",
                       line("dave", pop.PASSWORD) + " off"]) + "\n"
    with Relay("grant pop bound", users=users) as r:
        judge = [pop.POPUP, program("relay-auth"), os.path.join(r.instance.control, "users.cdb")]
        with Mailfront(r.stamper(), popup=judge) as server:
            assert server.login(source="127.0.5.151")
            for sender, opened in ((JOE, True), ("x@joes.example", True), ("boss@hosted.example", False),
                                   ("ann@hosted.example", False), ("joe@other.example", False), ("", False)):
                assert r.opened("127.0.5.151", sender=sender) == opened, sender
            assert server.login("ann@hosted.example", source="127.0.5.151"), "now it is hers"
            for sender in (JOE, "boss@hosted.example", "x@other.example", ""):
                assert r.opened("127.0.5.151", sender=sender), "no binding in users"
            assert not server.login("dave", source="127.0.5.151") and r.ask("127.0.5.151").user == "ann@hosted.example"
            assert server.login("carol", source="127.0.5.151")
            assert not r.opened("127.0.5.151", sender="carol@hosted.example"), "no relay privilege"
            put(r.stamps, "127.0.5.152", body=b"USER=nobody\0")
            put(r.stamps, "127.0.5.153", body=b"X=y\0")
            put(r.stamps, "127.0.5.154", body=b"USER=dave\0")
            for who in ("127.0.5.152", "127.0.5.153", "127.0.5.154"):
                assert not r.opened(who), "whose stamp it is must be in users"


@pytest.mark.skipif(not has_ipv6() or not pop.program_or_none("systemd-socket-activate"), reason="no ::1, or systemd")
def test_both_families(server, relay):
    """A login by IPv4 counts for who comes as ::ffff:a.b.c.d, and for no IPv6 address."""
    assert server.login(source="127.0.5.161")
    with Relay(stamps=relay.stamps, dual=True) as r:
        assert not r.opened("::1")
        put(r.stamps, "::1")
        assert r.opened("::1")
        r.back(301, "::1")
        assert not r.opened("::1")
        r.instance.host = "::ffff:127.0.0.1"
        assert r.opened("::ffff:127.0.5.161") and not r.opened("::ffff:127.0.5.162")
        os.unlink(os.path.join(r.stamps, "::1"))
