"""Certificates: which one a client gets, new and broken ones, those of clients."""
import os

import pytest

from lib.houses import house, houses  # noqa: F401  (fixtures)
from lib.procs import wait_for
from lib.tls import make_certificate, openssl


def test_the_first_certificate_comes_later(houses):
    h = houses(certificates=False)
    h.tlsd(ready=False)
    h.serve()
    with h.client() as c:
        assert c.greeting == "220 hello"
    make_certificate(h.path("certs", "one"), "relay.example")
    wait_for(lambda: "event=ready" in h.log("tlsd.log"), 5, "certificate seen")
    with h.client() as c:
        assert c.starttls().ask("QUIT") == "221 bye"


def serial(c):
    return openssl("x509", "-noout", "-serial", "-inform", "der", input=c.sock.getpeercert(True)).strip()


def file_serial(folder):
    return openssl("x509", "-noout", "-serial", "-in", os.path.join(folder, "cert.pem")).strip()


def test_certificate_by_name(houses):
    h = houses()
    default = h.path("certs", "default")
    other = make_certificate(h.path("certs", "a-other"), "mail.other.example", "*.wild.example")
    h.tlsd()
    h.serve()
    for host, folder in (("relay.example", default), ("mail.other.example", other), ("MAIL.Other.Example", other),
                         ("x.wild.example", other), ("a.b.wild.example", default), ("wild.example", default),
                         ("unknown.example", default), (None, default)):
        with h.client(host=host) as c:
            c.starttls()
            assert serial(c) == file_serial(folder), host


def test_two_kinds_of_keys(houses):
    h = houses()
    make_certificate(h.path("certs", "default-rsa"), "relay.example", key="rsa")
    h.tlsd()
    h.serve()
    for kind in ("ECDSA", "RSA"):
        with h.client(version="TLSv1_2", ciphers="ECDHE-%s-AES128-GCM-SHA256" % kind, host="relay.example") as c:
            c.starttls()
            assert c.sock.cipher()[0] == "ECDHE-%s-AES128-GCM-SHA256" % kind


def test_a_new_certificate_needs_no_restart(house):
    folder = house.path("certs", "default")
    with house.client() as old:
        old.starttls()
        first = serial(old)
        make_certificate(folder, "relay.example")
        house.tlsd_proc.popen.send_signal(1)      # SIGHUP: no need to wait for the second between two looks
        wait_for(lambda: house.log("tlsd.log").count("event=certificate ") == 2, 5, "the new one read")
        with house.client() as c:
            assert serial(c.starttls()) == file_serial(folder) != first
        # a broken one: the one before stays, and that is said once
        good = file_serial(folder)
        with open(os.path.join(folder, "cert.pem"), "w") as f:
            f.write("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
        for _ in range(3):
            house.tlsd_proc.popen.send_signal(1)
            with house.client() as c:
                assert serial(c.starttls()) == good
        assert house.log("tlsd.log").count("event=certificate-broken") == 1
        assert old.ask("QUIT") == "221 bye"       # and who is connected stays so


def test_a_new_certificate_needs_no_signal(house):
    """relay-tlsd sees it within seconds by itself: one renewed in its place, one that is new, and links such as those
    of certbot that point to another file."""
    def given(host):
        with house.client(host=host) as c:
            return serial(c.starttls())
    folder, link = house.path("certs", "default"), house.path("certs", "linked")
    first = given("relay.example")
    make_certificate(folder, "relay.example")
    make_certificate(house.path("certs", "other"), "mail.other.example")
    old, new = (make_certificate(house.path(n), "linked.example") for n in ("old", "new"))
    os.mkdir(link)

    def point(to):
        for name in ("key.pem", "cert.pem"):
            os.symlink(os.path.join(to, name), house.path("new-link"))
            os.rename(house.path("new-link"), os.path.join(link, name))
    point(old)
    for host, where in (("relay.example", folder), ("mail.other.example", house.path("certs", "other")),
                        ("linked.example", old)):
        wait_for(lambda: given(host) == file_serial(where), 5, "the new one for " + host, pause=0.1)
    assert first != file_serial(folder)
    point(new)
    wait_for(lambda: given("linked.example") == file_serial(new), 5, "the link's new one", pause=0.1)
    assert given("relay.example") == file_serial(folder)
    # under -k there is nobody who could keep an old one
    house.server.stop()
    house.serve("-k", house.certs)
    assert given("relay.example") == file_serial(folder)
    make_certificate(folder, "relay.example")
    assert given("relay.example") == file_serial(folder)


@pytest.mark.parametrize("what", ["empty", "garbage", "of another", "weak", "encrypted", "folder", "fifo"])
def test_broken_keys(houses, what):
    """A certificate that can't be used is named in the log and hurts no other."""
    h = houses()
    bad = h.path("certs", "bad")
    make_certificate(bad, "bad.example", key="weak" if what == "weak" else "ec")
    key = os.path.join(bad, "key.pem")
    if what == "of another":
        os.rename(key, key + ".old")
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    elif what == "encrypted":
        openssl("pkey", "-in", key, "-out", key + ".new", "-aes128", "-passout", "pass:x")
        os.rename(key + ".new", key)
    elif what != "weak":
        os.unlink(key)
        {"folder": os.mkdir, "fifo": os.mkfifo, "empty": lambda p: open(p, "w").close(),
         "garbage": lambda p: open(p, "wb").write(bytes(range(256)) * 10)}[what](key)
    h.tlsd()
    assert "event=certificate-broken what=bad why=" in h.log("tlsd.log")
    h.serve()
    with h.client(host="bad.example") as c:
        assert serial(c.starttls()) == file_serial(h.path("certs", "default"))


def clients(h):
    ca = make_certificate(h.path("ca"), subject="/CN=Our CA")
    with open(os.path.join(ca, "cert.pem")) as f, open(h.path("certs", "clients.pem"), "w") as to:
        to.write(f.read())
    return ca


def test_client_certificates(houses):
    h = houses()
    ca = clients(h)
    known = make_certificate(h.path("known"), "email:joe@example.org", "mail.example.org",
                             subject="/C=DE/O=A, B/CN=Joe", ca=ca)
    stranger = make_certificate(h.path("stranger"), "email:joe@example.org", subject="/CN=Joe")
    h.tlsd()
    h.serve()
    with h.client(cert=known) as c:
        v = c.starttls().list("VARS")
        assert v["SSL_CLIENT_VERIFY"] == "SUCCESS"
        assert v["SSL_CLIENT_S_DN"] == "CN=Joe,O=A\\, B,C=DE" and v["SSL_CLIENT_S_DN_CN"] == "Joe"
        assert v["SSL_CLIENT_I_DN"] == "CN=Our CA"
        assert v["SSL_CLIENT_SAN_Email_0"] == "joe@example.org" and v["SSL_CLIENT_SAN_DNS_0"] == "mail.example.org"
        session, how = c.sock.session, c.context
    with h.client() as c:     # resumed: what was verified then holds
        c.context = how
        v = c.starttls(session=session).list("VARS")
        assert v["SSL_SESSION_RESUMED"] == "Resumed" and v["SSL_CLIENT_VERIFY"] == "SUCCESS"
        assert v["SSL_CLIENT_S_DN_CN"] == "Joe"
    with h.client(cert=stranger) as c:
        v = c.starttls().list("VARS")
        assert v["SSL_CLIENT_VERIFY"].startswith("FAILED:")
        assert [n for n in v if n.startswith("SSL_CLIENT_")] == ["SSL_CLIENT_VERIFY"]
    with h.client() as c:
        assert c.starttls().list("VARS")["SSL_CLIENT_VERIFY"] == "NONE"


def test_a_certificate_sets_no_variable(houses):
    """What a certificate says can't end a value and begin another."""
    h = houses()
    ca = clients(h)
    nasty = h.path("nasty")
    conf = h.path("nasty.cnf")
    with open(conf, "w") as f:
        f.write("[req]\ndistinguished_name=d\nx509_extensions=x\n[d]\n[x]\n2.5.29.17=DER:30:11:81:0F:"
                + ":".join("%02X" % b for b in b"a@b\0SSL_X=1\0\0\n\x01") + "\n")
    make_certificate(nasty, subject="/CN=Joe\nSSL_X=1", ca=ca, extra=["-config", conf])
    h.tlsd()
    h.serve()
    with h.client(cert=nasty) as c:
        v = c.starttls().list("VARS")
        assert v["SSL_CLIENT_VERIFY"] == "SUCCESS"
        assert "SSL_X" not in v and "SSL_CLIENT_S_DN_CN" not in v and "SSL_CLIENT_SAN_Email_0" not in v
        assert v["SSL_CLIENT_S_DN"] == "CN=Joe\\0ASSL_X\\=1" or "SSL_X" in v["SSL_CLIENT_S_DN"]
