"""What a survey of a TLS server looks for, by openssl s_client, on both listeners of the whole chain."""
import os
import re
import subprocess

import pytest

from lib.login import LoginChain
from lib.procs import program, wait_for
from lib.smtp import Dialogue
from lib.tls import client_hello, first_answer, make_certificate, openssl, renegotiate

MODES = ("starttls", "implicit")


def make_chain(folder, *hosts):
    """A certificate by an intermediate authority, which is in cert.pem behind it; returns the root's folder."""
    root = make_certificate(os.path.join(folder, "root"), subject="/CN=root")
    middle = make_certificate(os.path.join(folder, "middle"), subject="/CN=middle", ca=root)
    leaf = make_certificate(os.path.join(folder, "leaf"), *hosts, ca=middle)
    with open(os.path.join(leaf, "cert.pem"), "ab") as f, open(os.path.join(middle, "cert.pem"), "rb") as m:
        f.write(m.read())
    return root, leaf


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("tls"))
    with LoginChain() as c:
        c.root, leaf = make_chain(folder, "mx.other.example", "*.many.example")
        os.rename(leaf, c.house.path("certs", "other"))
        make_certificate(c.house.path("certs", "rsa"), "rsa.example", key="rsa")
        c.house.tlsd_proc.stop()
        c.house.tlsd()
        yield c


def s_client(chain, mode, *argv, said=b"QUIT\n"):
    port = chain.ports[mode]
    r = subprocess.run([program("openssl"), "s_client", "-connect", "127.0.0.1:%d" % port, "-ign_eof", "-nocommands",
                        "-crlf", *(["-starttls", "smtp"] if mode == "starttls" else []), *argv],
                       input=said, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10)
    return r.stdout.decode("utf-8", "replace")


def works(said):
    """The handshake was made and SMTP spoken behind it."""
    good = not re.search(r"Cipher *(is|:) *(\(NONE\)|0000)", said) and "\n221 " in said.replace("\r", "")
    assert good or "Cipher is (NONE)" in said or "no protocols available" in said, said
    return good


@pytest.mark.parametrize("mode", MODES)
def test_versions(chain, mode):
    for version, good in (("-tls1", 0), ("-tls1_1", 0), ("-tls1_2", 1), ("-tls1_3", 1)):
        said = s_client(chain, mode, version, "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        assert works(said) == bool(good), said
        if not good:
            assert "alert protocol version" in said, "refused by the server, not by s_client's own rules: " + said


def first(chain, mode, hello):
    """The answer to these first bytes of TLS, and what relay-tlsd's log says of why it failed."""
    before = len(why_failed(chain))
    with Dialogue(("127.0.0.1", chain.ports[mode])) as d:
        if mode == "starttls":
            d.hello()
            d.ok("STARTTLS", 220)
        answer = first_answer(d.sock, hello)
    return answer, wait_for(lambda: why_failed(chain)[before:], 5, "a word in the log")[0]


def why_failed(chain):
    return re.findall(r"event=handshake-failed .* why=(\S*)", chain.house.log("tlsd.log"))


PROTOCOL_VERSION, HANDSHAKE_FAILURE, DECODE_ERROR = 70, 40, 50
# two bytes of length, CLIENT-HELLO, version 2, one kind of cipher, no session, 16 bytes of challenge
SSLV2 = b"\x80\x1c\1\0\2\0\3\0\0\0\x10\1\0\x80" + bytes(16)
OLD = {
    "SSLv2": (SSLV2, PROTOCOL_VERSION, "unknown protocol"),
    "SSLv3": (client_hello(b"\3\0"), HANDSHAKE_FAILURE, "version too low"),
    "TLSv1.0": (client_hello(b"\3\1"), PROTOCOL_VERSION, "unsupported protocol"),
    "TLSv1.1": (client_hello(b"\3\2"), PROTOCOL_VERSION, "unsupported protocol"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", OLD)
def test_old_hello(chain, name, mode):
    """What an old client says first gets an alert, for its version alone: the same in TLS 1.2 gets an answer."""
    hello, alert, why = OLD[name]
    assert first(chain, mode, hello) == (("alert", alert), why.replace(" ", "\\x20"))
    assert first(chain, mode, client_hello())[0] == ("hello", b"\3\3", 0)


@pytest.mark.parametrize("mode", MODES)
def test_no_compression(chain, mode):
    """A client that offers DEFLATE (RFC 3749) gets none; one that can't do without gets no session."""
    deflate, none = b"\1", b"\0"
    for offered in (deflate + none, none + deflate):
        assert first(chain, mode, client_hello(compression=offered))[0] == ("hello", b"\3\3", 0)
    assert first(chain, mode, client_hello(compression=deflate)) == (
        ("alert", DECODE_ERROR), "no\\x20compression\\x20specified")


@pytest.mark.parametrize("mode", MODES)
def test_ciphers(chain, mode):
    """Forward secrecy always; authenticated encryption unless the client has none; never SHA-1 or short tags."""
    names = openssl("ciphers", "-tls1_2", "-s", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").decode().strip().split(":")
    good = re.compile(r"ECDHE-(?!PSK).*(GCM|CHACHA20|CCM$|SHA256$|SHA384$)")
    bad = [n for n in names if not good.match(n)]
    assert len(bad) > 20 and "AES128-SHA" in bad and "ECDHE-ECDSA-AES128-CCM8" in bad
    said = s_client(chain, mode, "-tls1_2", "-cipher", ":".join(bad) + ":@SECLEVEL=0", "-servername", "rsa.example")
    assert not works(said) and "alert handshake failure" in said, said
    old = "ECDHE-ECDSA-AES128-SHA256"
    assert "Cipher is " + old in s_client(chain, mode, "-tls1_2", "-cipher", old)
    assert "Cipher is ECDHE-ECDSA-AES256-GCM" in s_client(chain, mode, "-tls1_2", "-cipher", old + ":ECDHE+AESGCM")
    for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"):
        assert works(s_client(chain, mode, "-tls1_2", "-cipher", cipher)), cipher
    assert works(s_client(chain, mode, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", "-servername",
                          "rsa.example"))
    for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
        said = s_client(chain, mode, "-tls1_3", "-ciphersuites", suite)
        assert works(said) and "Cipher is " + suite in said
    said = s_client(chain, mode, "-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256", "-cipher", "@SECLEVEL=0:ALL")
    assert not works(said)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("group, good", [("X25519", True), ("P-256", True), ("secp224r1", False)])
def test_groups(chain, mode, group, good):
    assert works(s_client(chain, mode, "-groups", group, "-cipher", "DEFAULT:@SECLEVEL=0")) == good


@pytest.mark.parametrize("mode", MODES)
def test_no_renegotiation(chain, mode):
    assert "Secure Renegotiation IS supported" in s_client(chain, mode, "-tls1_2")
    if mode == "starttls":
        said = renegotiate(chain.ports[mode], "-starttls", "smtp", after=b"Verify return code")
    else:
        said = renegotiate(chain.ports[mode], after=b"220 relay.example")
    assert said.count("ServerHelloDone") == 1, said
    assert "no renegotiation" in said or "no_renegotiation" in said, said[-2000:]


@pytest.mark.parametrize("mode", MODES)
def test_names_and_chain(chain, mode):
    """SNI chooses; without it or with a name that nobody has comes `default`. The chain is sent, without the root."""
    for name, subject in (("mx.other.example", "mx.other.example"), ("x.many.example", "mx.other.example"),
                          ("MX.OTHER.EXAMPLE", "mx.other.example"), ("rsa.example", "rsa.example"),
                          ("relay.example", "relay.example"), ("nobody.example", "relay.example"),
                          ("x.y.many.example", "relay.example")):
        said = s_client(chain, mode, "-servername", name)
        assert works(said) and re.search("^subject=CN = %s$" % re.escape(subject), said, re.M), (name, said)
    said = s_client(chain, mode, "-noservername")
    assert works(said) and "subject=CN = relay.example" in said
    said = s_client(chain, mode, "-servername", "mx.other.example", "-verify_hostname", "mx.other.example", "-CAfile",
                    os.path.join(chain.root, "cert.pem"), "-verify_return_error", "-showcerts")
    assert works(said) and "Verify return code: 0 (ok)" in said and said.count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize("mode", MODES)
def test_resumed_and_early_data(chain, mode, tmp_path):
    """A session may be resumed; it takes no early data, which anybody could replay."""
    path = str(tmp_path / "session")
    assert works(s_client(chain, mode, "-tls1_3", "-sess_out", path))
    with open(path) as f:
        assert "Max Early Data: 0" in openssl("sess_id", "-in", path, "-noout", "-text").decode() and f.read()
    said = s_client(chain, mode, "-tls1_3", "-sess_in", path)
    assert works(said) and "Reused, TLSv1.3" in said and "Early data was not sent" in said
