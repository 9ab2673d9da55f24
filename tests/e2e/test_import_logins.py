"""relay-import: logins at next hops, LMTP and TLS; no password but in `logins`."""
import pytest

from test_import import QMAIL, lines, run, write
from test_import_postfix import postfix, settings

pytestmark = pytest.mark.once


def test_qmail(tmp_path):
    write(tmp_path / "q", **dict(QMAIL, smtproutes=(
        "a.example:Smart.example:587|joe|p|w\nb.example:[2001:db8::1]|ann|\"secret\n"
        "c.example:smart.example:587|x|secret\n"
        "d.example:|x|secret\ne.example:192.0.2.1|x|\nf.example:192.0.2.1|secret\n:192.0.2.2\n")))
    r = run("qmail", tmp_path / "q", tmp_path / "out")
    assert r.returncode == 1 and b"secret" not in r.stdout + r.stderr
    assert lines(tmp_path / "out" / "logins") == ["smart.example:587 joe p|w", '[2001:db8::1]:25 ann "\\"secret"']
    assert "d.example:" in lines(tmp_path / "out" / "routes")
    said = [l.split(":")[1] for l in r.stdout.decode().splitlines() if "left out" in l and "smtproutes" in l]
    assert said == ["3", "4", "5", "6"]


def test_lmtp(tmp_path):
    r, out = postfix(tmp_path, settings(
        "virtual_mailbox_domains = v.example\nvirtual_transport = lmtp:unix:private/dovecot-lmtp\n"
        "queue_directory = /var/spool/postfix-x\nsmtp_tls_security_level = encrypt\n"
        "transport_maps = hash:/etc/postfix/t\n"),
        t="a.example lmtp:inet:[::1]:2424\nb.example lmtp:unix:/run/lmtp\nc.example lmtp:\n"
          "d.example lmtp:unix:/run/a b\ne.example lmtp:unix:/%s\n" % ("x" * 107))
    assert out["routes"] == ["a.example:[::1]:2424 lmtp", "b.example:/run/lmtp", ": tls=required",
                             "v.example:/var/spool/postfix-x/private/dovecot-lmtp"]
    assert all(" " + d in r.stdout.decode() for d in ("lmtp:\n", "lmtp:unix:/run/a", "lmtp:unix:/xxx"))


SASL = ("[smart.example]:587 joe:pass:word\nplain.example ann:p w # \"\nother.example:submission x:y\n"
        "[192.0.2.1] a:b\n[IPv6:2001:db8::1]:26 c:d\nJoe@far.example e:f\n@far.example g:\"h\n")


@pytest.mark.parametrize("by_sender", [False, True])
def test_logins(tmp_path, by_sender):
    """The passwords are in a file that few may read, and nowhere else."""
    r, out = postfix(tmp_path, settings(
        "relayhost = [smart.example]:587\nsmtp_sasl_auth_enable = yes\nsmtp_tls_security_level = secure\n"
        "smtp_tls_CAfile = /etc/ca.pem\nsmtp_sasl_password_maps = hash:/etc/postfix/sasl\n"
        + "smtp_sender_dependent_authentication = yes\n" * by_sender),
        sasl=SASL + "only.example secretuser\nu@\x01 secret1:x\n-a- secret2:x\n[smart.example]:587 secret3:x\n")
    assert out["routes"] == [":smart.example:587 tls=verify ca=/etc/ca.pem"]
    logins = [line.rpartition(" # ")[0] for line in (tmp_path / "out" / "logins").read_text().splitlines()[1:]]
    assert logins == [
        "smart.example:587 joe pass:word", 'plain.example ann "p w # \\""', "other.example:587 x y",
        "192.0.2.1:25 a b", "[2001:db8::1]:26 c d"] + by_sender * [
        "from:joe@far.example e f", 'from:@far.example g "\\"h"']
    assert (tmp_path / "out" / "logins").stat().st_mode & 0o777 == 0o640
    assert b"secret" not in r.stdout + r.stderr and b"pass:word" not in r.stdout + r.stderr
    assert ("far.example" in r.stdout.decode()) == (not by_sender)
    assert b"logins:3: warning: no line of `routes` names `plain.example`" in r.stderr


@pytest.mark.parametrize("level, wanted", [
    ("secure", ["one.example: tls=verify ca=/etc/ca.pem name=one.example", ".two.example: tls=required",
                "three.example:relay.example:26 tls=verify ca=/etc/ca.pem", ": tls=required"]),
    ("verify", ["one.example: tls=verify ca=/etc/ca.pem", ".two.example: tls=verify ca=/etc/ca.pem",
                "three.example:relay.example:26 tls=verify ca=/etc/ca.pem", ": tls=verify ca=/etc/ca.pem"])])
def test_whose_name_a_certificate_must_have(tmp_path, level, wanted):
    """`secure` is the domain's name, whatever mail exchanger the DNS gives; `verify` is that one's."""
    r, out = postfix(tmp_path, settings(
        "smtp_tls_security_level = %s\nsmtp_tls_CAfile = /etc/ca.pem\ntransport_maps = hash:/etc/postfix/t\n" % level),
        t="one.example smtp:\n.two.example smtp:\nthree.example smtp:[relay.example]:26\n")
    assert out["routes"] == wanted
    left = [l for l in r.stdout.decode().splitlines() if "`secure` for" in l]
    assert len(left) == 2 * (level == "secure") and (b"mx-names" in r.stderr) == (level == "verify")


def test_unused_logins(tmp_path):
    r, out = postfix(tmp_path, settings("smtp_sasl_password_maps = hash:/etc/postfix/sasl\n"), sasl=SASL)
    assert not (tmp_path / "out" / "logins").exists() and "smtp_sasl_auth_enable" in r.stdout.decode()
