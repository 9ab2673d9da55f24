"""Clients log in by a certificate (AUTH EXTERNAL), through the whole chain."""
import os
import shutil

import pytest

from lib.login import BY_CERTIFICATE, CLIENTS, NOT_OFFERED, Job, LoginChain
from lib.tls import make_certificate

ERIN = "erin@hosted.example"
MODES = ("starttls", "implicit")


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    with LoginChain() as c:
        folder = str(tmp_path_factory.mktemp("clients"))
        ca = make_certificate(os.path.join(folder, "ca"), subject="/CN=ca")
        shutil.copy(os.path.join(ca, "cert.pem"), c.house.path("certs", "clients.pem"))
        c.people = {}
        for name in ("alice", "carol", "dave", "erin", "mallory"):
            c.people[name] = make_certificate(os.path.join(folder, name), subject="/CN=" + name, ca=ca)
        c.people["two"] = make_certificate(os.path.join(folder, "two"), subject="/CN=mallory/CN=alice", ca=ca)
        c.people["forger"] = make_certificate(os.path.join(folder, "forger"), subject="/CN=alice")
        c.instance.compile(users=c.instance.texts["users"] + "erin {EXTERNAL} from %s\n" % ERIN)
        c.house.tlsd_proc.stop()
        c.house.tlsd()
        yield c


def go(chain, folder, client, mode, who, user, **how):
    chain.clear()
    return CLIENTS[client][0](Job(chain, folder, "EXTERNAL", mode, user=user, certificate=chain.people[who], **how))


@pytest.mark.parametrize("client", BY_CERTIFICATE)
@pytest.mark.parametrize("mode", MODES)
def test_certificate(chain, tmp_path, client, mode):
    code, said = go(chain, tmp_path, client, mode, "alice", "alice")
    assert code == 0, said
    assert " with ESMTPSA " in chain.sink.wait(1)[0].header("Received")[0]
    assert chain.events("login", verdict="accepted", user="alice", mechanism="EXTERNAL")


# whose certificate, as whom, and who is let in all the same, to do nothing
OTHERS = [("carol", "carol", True), ("erin", "erin", True), ("dave", "dave", False), ("mallory", "mallory", False),
          ("mallory", "alice", False), ("two", "alice", False), ("forger", "alice", False)]


@pytest.mark.parametrize("who, user, let_in", OTHERS)
@pytest.mark.parametrize("client", BY_CERTIFICATE)
def test_no_mail_from_others(chain, tmp_path, client, who, user, let_in):
    """Without the relay privilege; bound to another sender; not asked for; unknown; somebody else's name; signed by
    nobody."""
    mode = MODES[(BY_CERTIFICATE.index(client) + OTHERS.index((who, user, let_in))) % 2]
    code, said = go(chain, tmp_path, client, mode, who, user)
    assert code != 0, said
    accepted = [e["user"] for e in chain.instance.events(event="login") if e["verdict"] == "accepted"]
    assert accepted == ([user] if let_in else []), said
    assert not chain.sink.messages and not chain.instance.queued()
    if let_in:
        what = {"carol": "beyond this server", "erin": "as this sender"}[who]
        assert "your account may not send " + what in said, said
    if who in ("two", "forger") and client == "smtplib":
        assert code == NOT_OFFERED, "nothing to log in with is not offered"


@pytest.mark.parametrize("client", BY_CERTIFICATE)
def test_a_sender_of_its_own(chain, tmp_path, client):
    code, said = go(chain, tmp_path, client, "starttls", "erin", "erin", sender=ERIN)
    assert code == 0 and chain.sink.wait(1)[0].sender == ERIN, said
