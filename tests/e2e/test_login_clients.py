"""Real clients log in and send through the whole chain, each by each mechanism that it knows, by STARTTLS and by
implicit TLS. They check the certificate."""
import re

import pytest

from lib.login import ALICE, BOSS, CLIENTS, RECIPIENT, Job, LoginChain, why_not
from lib.messages import without_trace

MODES = ("starttls", "implicit")
EACH = [(c, m, mode) for c, (_, mechanisms) in CLIENTS.items() for m in mechanisms for mode in MODES]
# What makes no difference to the mode of TLS: each mechanism in one, and each client in both.
ONCE = [(c, m, MODES[(i + n) % 2]) for i, (c, (_, ms)) in enumerate(CLIENTS.items()) for n, m in enumerate(ms)]
# Nor to the mechanism: each client by two of its own, one in either mode.
TWICE = [(c, ms[(i + n) % len(ms)], MODES[(i + n) % 2]) for i, (c, (_, ms)) in enumerate(CLIENTS.items())
         for n in range(2)]
assert {(c, mode) for c, _, mode in ONCE} == {(c, mode) for c, _, mode in TWICE} == {
    (c, mode) for c in CLIENTS for mode in MODES}


@pytest.fixture(scope="module")
def running():
    with LoginChain() as c:
        yield c


@pytest.fixture
def chain(running):
    running.clear()
    return running


def go(chain, folder, client, mechanism, mode, **how):
    if why_not(client):
        pytest.skip(why_not(client))
    return CLIENTS[client][0](Job(chain, folder, mechanism, mode, **how))


@pytest.mark.parametrize("client, mechanism, mode", EACH)
def test_login(chain, tmp_path, client, mechanism, mode):
    code, said = go(chain, tmp_path, client, mechanism, mode)
    assert code == 0, said
    m = chain.sink.wait(1)[0]
    assert (m.sender, m.recipients) == (ALICE, [RECIPIENT])
    trace = m.header("Received")
    assert len(trace) == 1 and re.search(r"\bwith ESMTPSA id \w+\b", trace[0]) and "TLSv1.3 TLS_AES_" in trace[0], trace
    assert b"\n.dot\n" in without_trace(m.lf)
    (login,) = chain.events("login")
    assert (login["verdict"], login["user"], login["mechanism"], login["tls"]) == ("accepted", "alice", mechanism, "1")
    (recipient,) = chain.events("recipient")
    assert (recipient["verdict"], recipient["reason"], recipient["login"]) == ("accepted", "login", "alice")


def refused(chain, code, said, text):
    assert code != 0 and text in said, (code, said)
    assert not chain.instance.queued() and not chain.sink.messages


@pytest.mark.parametrize("client, mechanism, mode", ONCE)
def test_wrong_password(chain, tmp_path, client, mechanism, mode):
    code, said = go(chain, tmp_path, client, mechanism, mode, password="pa ss%w0rd=x,z")
    refused(chain, code, said, "535" if client not in ("curl", "git") else "")
    login = chain.events("login")
    assert {(e["verdict"], e["user"], e["mechanism"]) for e in login} == {("refused", "alice", mechanism)}
    assert "pa ss" not in chain.instance.log() and "pa\\x20ss" not in chain.instance.log()


@pytest.mark.parametrize("client, mechanism, mode", TWICE)
def test_no_privilege(chain, tmp_path, client, mechanism, mode):
    code, said = go(chain, tmp_path, client, mechanism, mode, user="carol")
    refused(chain, code, said, "your account may not send beyond this server")
    assert chain.events("login", verdict="accepted", user="carol", norelay="1")
    assert chain.events("recipient", verdict="refused", reason="no-privilege", login="carol")


@pytest.mark.parametrize("client, mechanism, mode", TWICE)
def test_sender_of_somebody_else(chain, tmp_path, client, mechanism, mode):
    code, said = go(chain, tmp_path, client, mechanism, mode, user="dave", sender=BOSS)
    refused(chain, code, said, "your account may not send as this sender")
    assert chain.events("login", verdict="accepted", user="dave", bound="1")


@pytest.mark.parametrize("client, mechanism, mode", [f for f in TWICE if f[0] != "s-nail"])
def test_from_somebody_else(chain, tmp_path, client, mechanism, mode):
    """The envelope is dave's own, the field From is not. (s-nail makes both of one address.)"""
    code, said = go(chain, tmp_path, client, mechanism, mode, user="dave", sender="dave@hosted.example", header=BOSS)
    refused(chain, code, said, "your account may not send as the address in the field From")
    chain.clear()
    code, said = go(chain, tmp_path, client, mechanism, mode, user="dave", sender="dave@hosted.example")
    assert code == 0 and chain.sink.wait(1)[0].sender == "dave@hosted.example", said
