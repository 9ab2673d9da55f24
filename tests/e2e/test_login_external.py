"""Clients log in by a certificate (AUTH EXTERNAL), through the whole chain."""
import os
import shutil
import smtplib
import ssl

import pytest

from lib.login import ALICE, RECIPIENT, Job, LoginChain
from lib.tls import make_certificate


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    with LoginChain() as c:
        folder = str(tmp_path_factory.mktemp("clients"))
        ca = make_certificate(os.path.join(folder, "ca"), subject="/CN=ca")
        shutil.copy(os.path.join(ca, "cert.pem"), c.house.path("certs", "clients.pem"))
        c.people = {}
        for name in ("alice", "carol", "dave", "mallory"):
            c.people[name] = make_certificate(os.path.join(folder, name), subject="/CN=" + name, ca=ca)
        c.people["two"] = make_certificate(os.path.join(folder, "two"), subject="/CN=mallory/CN=alice", ca=ca)
        c.people["forger"] = make_certificate(os.path.join(folder, "forger"), subject="/CN=alice")
        c.house.tlsd_proc.stop()
        c.house.tlsd()
        yield c


def msmtp(chain, folder, mode, who, user):
    j = Job(chain, folder, "EXTERNAL", mode, user=user)
    rc = ("defaults\nauth external\ntls on\ntls_starttls %s\ntls_trust_file %s\ntls_cert_file %s/cert.pem\n"
          "tls_key_file %s/key.pem\nset_from_header off\nset_date_header off\naccount default\n"
          "host %s\nport %d\nuser %s\n" %
          ("off" if j.implicit else "on", j.ca, chain.people[who], chain.people[who], j.host, j.port, user))
    return j.run(["msmtp", "-C", j.file("rc", rc), "-f", ALICE, RECIPIENT], j.text)[0]


def python_smtplib(chain, folder, mode, who, user):
    j = Job(chain, folder, "EXTERNAL", mode)
    trust = ssl.create_default_context(cafile=j.ca)
    trust.load_cert_chain(os.path.join(chain.people[who], "cert.pem"), os.path.join(chain.people[who], "key.pem"))
    if j.implicit:
        s = smtplib.SMTP_SSL(j.host, j.port, "client.example", timeout=30, context=trust)
    else:
        s = smtplib.SMTP(j.host, j.port, "client.example", timeout=30)
    with s:
        if not j.implicit:
            s.starttls(context=trust)
        s.ehlo()
        if "EXTERNAL" not in s.esmtp_features["auth"]:
            return 2
        try:
            s.auth("EXTERNAL", lambda challenge=None: user)
            s.sendmail(ALICE, [RECIPIENT], j.text.replace(b"\n", b"\r\n"))
        except smtplib.SMTPException:
            return 1
    return 0


@pytest.mark.parametrize("client", [msmtp, python_smtplib])
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_certificate(chain, tmp_path, client, mode):
    chain.clear()
    assert client(chain, tmp_path, mode, "alice", "alice") == 0
    assert " with ESMTPSA " in chain.sink.wait(1)[0].header("Received")[0]
    assert chain.events("login", verdict="accepted", user="alice", mechanism="EXTERNAL")
    for who, user in (("carol", "carol"), ("dave", "dave"), ("mallory", "mallory"), ("mallory", "alice"),
                      ("two", "alice"), ("forger", "alice")):
        chain.clear()
        assert client(chain, tmp_path, mode, who, user) != 0, who
        accepted = [e["user"] for e in chain.instance.events(event="login") if e["verdict"] == "accepted"]
        assert accepted == (["carol"] if who == "carol" else []), who
        assert not chain.sink.messages and not chain.instance.queued()
    for who in ("forger", "two"):
        assert python_smtplib(chain, tmp_path, mode, who, "alice") == 2, "nothing to log in with is not offered"
