"""Logins at other people's servers: Exim by its own authenticators, and Postfix by Dovecot's, which have SCRAM too.
Through relay-send; with a wrong password the mail waits, and goes out when the line in `logins` is right."""
import contextlib
import shutil

import pytest

from lib import exim, postfix
from lib.dovecot import Sasl
from lib.procs import wait_for
from lib.tlssink import make_all

USERS = {"joe": "se cret=,x"}
WRONG = "wrong-4711"
HOST, TO = "mx.example", "bob@box.example"


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return make_all(str(tmp_path_factory.mktemp("certs")), HOST)


@pytest.fixture(scope="module")
def an_exim(certs):
    if exim.missing():
        pytest.skip(exim.missing())
    with exim.Exim(certs["good"], users=USERS) as s:
        yield s


@pytest.fixture(scope="module")
def a_postfix(certs):
    if postfix.missing() or not shutil.which("dovecot", path="/usr/sbin:/usr/bin"):
        pytest.skip(postfix.missing() or "no dovecot")
    sasl = Sasl(**USERS)
    try:
        with postfix.Postfix(mailbox_domain="box.example", smtpd_sasl_auth_enable="yes", smtpd_sasl_type="dovecot",
                             smtpd_sasl_path=sasl.socket, smtpd_tls_auth_only="yes", smtpd_soft_error_limit="1000",
                             smtpd_relay_restrictions="permit_sasl_authenticated, reject",
                             **postfix.tls(certs["good"])) as s:
            yield s
    finally:
        sasl.close()


SERVERS = {"an_exim": ("plain", "login", "cram-md5"), "a_postfix": ("plain", "login", "cram-md5", "scram-sha-256")}
LOGGED = {"an_exim": {"plain": "A=plain:joe", "login": "A=login:joe", "cram-md5": "A=cram:joe"},
          "a_postfix": {m: "sasl_method=%s, sasl_username=joe" % m.upper() for m in SERVERS["a_postfix"]}}


@contextlib.contextmanager
def logged(server, words):
    """Meanwhile the server has logged them once more."""
    before = server.said().count(words)
    yield
    wait_for(lambda: server.said().count(words) == before + 1, 10, lambda: server.said()[-3000:])


@pytest.mark.parametrize("which,mechanism", [(w, m) for w in sorted(SERVERS) for m in SERVERS[w]])
def test_wrong_then_right(outgoing, certs, request, which, mechanism):
    server = request.getfixturevalue(which)
    server.empty()
    relay = "127.0.0.1:%d" % server.port
    line = '%s joe "%%s" %s\n' % (relay, mechanism)
    o = outgoing("box.example:%s tls=verify name=%s ca=%s/cert.pem\n" % (relay, HOST, certs["ca"]),
                 logins=line % WRONG)
    o.give(TO)
    said = o.waits("refused our login as joe (logins:1): 535", rest=True)
    assert WRONG not in said and not server.delivered()
    o.compile(logins=line % USERS["joe"])
    with logged(server, LOGGED[which][mechanism]):
        assert o.arrives(server)["verified"] == "ca"


@pytest.mark.parametrize("which", sorted(SERVERS))
def test_strongest(outgoing, certs, request, which):
    """Of all that they offer; and without a login they would not have it."""
    server = request.getfixturevalue(which)
    server.empty()
    relay = "127.0.0.1:%d" % server.port
    o = outgoing("box.example:%s tls=required\n" % relay)
    o.give(TO)
    wait_for(lambda: o.events("send", "delivery"), 20, lambda: o.log("send"))
    assert o.events("send", "delivery")[0]["status"] != "delivered" and not server.delivered()
    o = outgoing("box.example:%s tls=required\n" % relay, logins='%s joe "%s"\n' % (relay, USERS["joe"]))
    with logged(server, LOGGED[which][SERVERS[which][-1]]):
        o.give(TO)
        o.arrives(server, again=False)
