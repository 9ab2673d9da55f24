"""relay-tls serves mailfront, somebody else's receiver that speaks UCSPI-TLS; and what relay-conf writes runs."""
import os
import pwd
import shutil
import smtplib
import ssl
import subprocess
import tempfile

import pytest

from lib.procs import BIN, Proc, for_everybody, program, wait_for
from lib.houses import houses  # noqa: F401  (a fixture)

MAILFRONT = [shutil.which("mailfront") or "/usr/sbin/mailfront", "smtp", "echo", "starttls-ucspi", "accept"]


@pytest.mark.skipif(not os.path.exists(MAILFRONT[0]), reason="no mailfront")
@pytest.mark.parametrize("keys", [False, True])
def test_mailfront(houses, keys):
    h = houses()
    if not keys:
        h.tlsd()
    h.serve(*(["-k", h.certs] if keys else []), chain=MAILFRONT, env=h.env(UCSPITLS=""))
    with smtplib.SMTP(h.host, h.port, timeout=20) as s:
        s.ehlo()
        assert s.has_extn("starttls")
        c = ssl.create_default_context(cafile=h.path("certs", "default", "cert.pem"))
        c.check_hostname = False
        s.starttls(context=c)
        s.ehlo()
        assert not s.has_extn("starttls")
        assert s.sendmail("a@b.example", ["c@d.example"], b"Subject: x\r\n\r\n" + b"y" * 70 + b"\r\n" * 10000) == {}
    # and without STARTTLS the same
    with smtplib.SMTP(h.host, h.port, timeout=20) as s:
        assert s.sendmail("a@b.example", ["c@d.example"], b"Subject: x\r\n\r\nhello\r\n") == {}


@pytest.mark.parametrize("accounts", [False, True])
def test_relay_conf(houses, accounts):
    """The service runs from its run script alone, makes its socket's folder, and lets the chain's group connect."""
    if accounts and os.geteuid():
        pytest.skip("accounts need root")
    h = houses(base=tempfile.gettempdir())
    keys, chain = pwd.getpwnam("nobody"), pwd.getpwnam("daemon")
    h.socket = h.path("run dir", "tlsd")
    who = ["--tls-user", "nobody", "--user", "daemon", "--log-user", "nobody"] if accounts else ["--one-user"]
    r = subprocess.run([program("relay-conf"), "tls", h.path("service"), *who, "--socket", h.socket,
                        "--certificates", h.certs, "--bin", for_everybody(BIN)],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    assert r.returncode == 0, r.stdout
    if accounts:
        for name in ("", "key.pem", "cert.pem"):
            os.chown(os.path.join(h.certs, "default", name), keys.pw_uid, keys.pw_gid)
    h.tlsd_proc = Proc([h.path("service", "run")], h.path("tlsd.log"), env={"PATH": "/usr/bin:/bin"})
    h.procs.append(h.tlsd_proc)
    wait_for(lambda: "event=ready" in h.log("tlsd.log"), 10, lambda: "ready: " + h.log("tlsd.log"))
    st = os.stat(h.socket)
    assert (st.st_uid, st.st_gid) == ((keys.pw_uid, chain.pw_gid) if accounts else (os.geteuid(), os.getegid()))
    h.serve()
    with h.client() as c:
        assert c.starttls().ask("QUIT") == "221 bye"
