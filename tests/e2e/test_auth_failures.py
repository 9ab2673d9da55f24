"""Failed logins: each is answered later than the one before, a session takes few, and an address few in all."""
import os
import stat
import time

import pytest

from lib.auth import AuthSmtpd, auth_plain, auth_scram, plain
from lib.smtp import Closed

USER = "bob"


def wrong(d):
    begin = time.monotonic()
    r = auth_plain(d, USER, "wrong")
    return r, time.monotonic() - begin


def test_delays_grow_and_the_session_ends():
    with AuthSmtpd() as s, s.session() as d:
        for least in (0.5, 1, 2):
            r, seconds = wrong(d)
            assert r.code == 535 and least <= seconds < least + 1.5, (least, seconds)
        r = d.reply()
        assert (r.code, r.enhanced) == (421, "4.7.0")
        with pytest.raises(Closed):
            d.reply()
        assert s.ended(d, "logins")


def test_auth_errors():
    with AuthSmtpd(limits="auth-errors 1\n") as s, s.session() as d:
        assert wrong(d)[0].code == 535 and d.reply().code == 421


def test_delays_go_on_in_the_next_session():
    with AuthSmtpd() as s:
        with s.session() as d:
            assert wrong(d)[1] < 1
        with s.session() as d:
            assert 1 <= wrong(d)[1] < 2.5
        with s.session(TCPREMOTEIP="192.0.2.99") as d:
            assert wrong(d)[1] < 1, "another address"
        with s.session() as d:
            begin = time.monotonic()
            assert auth_plain(d).code == 235 and time.monotonic() - begin < 0.9, "who is right does not wait"


def test_an_address_with_too_many():
    """No login from there is checked, a right one neither, until enough is forgotten. Others are not touched."""
    with AuthSmtpd(limits="auth-failures 2\nauth-forget 6\n") as s:
        for ip in ("192.0.2.7", "2001:db8:1:2::1"):
            with s.session(TCPREMOTEIP=ip) as d:
                assert [wrong(d)[0].code for _ in range(2)] == [535, 535]
                r, seconds = wrong(d)
                assert (r.code, r.enhanced) == (454, "4.7.0") and seconds < 0.5
            count = len(s.asked())
            with s.session(TCPREMOTEIP=ip.replace("::1", "::2")) as d:
                assert auth_plain(d).code == 454 and auth_scram(d).code == 454 and s.asked() == [], count
                assert d.cmd("AUTH PLAIN " + plain(300 * "x")).code == 454
                assert d.mail("a@b.example", "x@hosted.example").code == 250, "mail for us comes in"
            begin = time.monotonic()
            other = "192.0.2.8" if "." in ip else "2001:db8:1:3::1"
            with s.session(TCPREMOTEIP=other) as d:
                assert auth_plain(d).code == 235
            while time.monotonic() < begin + 10:
                with s.session(TCPREMOTEIP=ip) as d:
                    r = auth_plain(d)
                if r.code == 235:
                    break
                time.sleep(0.3)
            assert r.code == 235 and time.monotonic() - begin < 6


def test_right_ones_do_not_count():
    with AuthSmtpd(limits="auth-failures 1\n") as s:
        for _ in range(3):
            with s.session() as d:
                assert auth_plain(d).code == 235


def test_many_at_once():
    """Who tries with many connections gets no more tries than with one."""
    with AuthSmtpd("bob s3cret_pass sleep=1\n", limits="auth-failures 3\n") as s:
        ds = [s.session() for _ in range(6)]
        for d in ds:
            d.send(("AUTH PLAIN %s\r\n" % plain()).encode())
        codes = sorted(d.reply().code for d in ds)
        assert codes == [235] * 3 + [454] * 3


def test_the_file():
    with AuthSmtpd() as s:
        path = os.path.join(s.dir, "failures")
        with s.session() as d:
            assert wrong(d)[0].code == 535
        st = os.stat(path)
        assert stat.S_IMODE(st.st_mode) == 0o600 and st.st_size == 64 * 65536
        with open(path, "rb") as f:
            assert USER.encode() not in f.read()
        for damage in (b"x", b""):
            with open(path, "wb") as f:
                f.write(damage)
            with s.session() as d:
                assert auth_plain(d).code == 235
            assert len(s.events("no-failures")) == len(damage)
            with s.session() as d:
                r, seconds = wrong(d)
                assert r.code == 535 and 0.5 <= seconds < 1, "nothing is remembered of the failure before"
        for bad in ("/nonexistent/failures", "/dev/null"):
            with s.session(RELAYFAILURES=bad) as d:
                assert auth_plain(d).code == 235
            assert s.events("no-failures")[0]["path"] == bad
