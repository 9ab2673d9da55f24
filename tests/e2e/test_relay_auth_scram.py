"""relay-auth: SCRAM-SHA-256 with a client written from RFC 5802 and RFC 7677."""
import os
import re
import subprocess

import pytest

from lib.checkpassword import Scram, scram, scram_final
from lib.procs import program
from lib.users import auth, usual

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def cdb(tmp_path_factory):
    return usual(tmp_path_factory.mktemp("users"))


def test_scram(cdb):
    for user, password, code in [("joe", "secret", 0), ("Joe", "secret", 0), ("joe", "Secret", 1), ("off", "secret", 1),
                                 ("nobody", "secret", 1), ("weird@x.example", "p w=,\\\"%", 0), ("a,b=c", "x", 1)]:
        a = scram(auth(cdb), user, password)
        assert (a.code, a.proved, a.err) == (code, code == 0, b""), user
        assert a.final.startswith(b"v=") if code == 0 else a.final == b"e=invalid-proof"
        assert (a.said == ["user=" + user.lower()]) == (code == 0)
    assert scram(auth(cdb), "joe", "secret", header=b"y,a=joe,").code == 0
    assert scram(auth(cdb), "joe", "secret").challenge != scram(auth(cdb), "joe", "secret").challenge


def test_scram_nobody(cdb, tmp_path):
    """Salt and iterations tell nothing: alike for all, always the same, also after the file was made again."""
    def seen(user):
        return scram(auth(cdb), user, "x").challenge.split(b",", 1)[1]
    names = ["joe", "off", "nobody", "NOBODY", "else", "cert"]
    first = {n: seen(n) for n in names}
    assert all(re.fullmatch(rb"s=[A-Za-z0-9+/]{22}==,i=4096", s) for s in first.values())
    assert len(set(first.values())) == len(names) - 1 and first["nobody"] == first["NOBODY"]
    subprocess.run([program("relay-mkcdb"), os.path.dirname(cdb)], check=True, stderr=subprocess.DEVNULL)
    assert {n: seen(n) for n in names} == first


@pytest.mark.parametrize("first", [
    b"", b"n", b"n,,", b"p=tls-unique,,n=joe,r=x", b"n,a=ann,n=joe,r=x", b"n,,m=x,n=joe,r=x", b"n,,n=joe,r=",
    b"n,,n=jo=e,r=x", b"n,,n=jo\0e,r=x", b"n,,n=\xff,r=x", b"x" * 2048], ids=lambda v: repr(v)[:20])
def test_scram_first(cdb, first):
    s = Scram(auth(cdb))
    s.send(first)
    assert s.hear() is None
    a = s.end()
    assert (a.code, a.said, a.err) == (1, [], b"")


def test_scram_last(cdb):
    def last(change):
        s = Scram(auth(cdb))
        s.send(b"n,,n=joe,r=abc")
        challenge = s.hear()
        s.send(change(scram_final("secret", b"n,,", b"n=joe,r=abc", challenge)[0]))
        final = s.hear()
        a = s.end()
        return a.code, final, a.said
    assert last(lambda m: m)[0] == 0
    for change, error in [
            (lambda m: m[:-8] + b"AAAAAAA=", b"e=invalid-"), (lambda m: b"", b"e=other-error"),
            (lambda m: m.replace(b"c=biws", b"c=eSws"), b"e=channel-bindings-dont-match"),
            (lambda m: m.replace(b"r=abc", b"r=abd"), b"e=other-error"),
            (lambda m: m + b",x=y", b"e=invalid-encoding"),
            (lambda m: m.replace(b",p=", b",x=y,p="), b"e=invalid-proof")]:
        code, final, said = last(change)
        assert code == 1 and final.startswith(error) and not said


def test_scram_breaks_off(cdb):
    s = Scram(auth(cdb))
    assert s.end().code == 111
    s = Scram(auth(cdb))
    s.send(b"n,,n=joe,r=x")
    assert s.hear()
    assert s.end().code == 111
    for junk in b"\xff\xff\xff\xff", b"\0\0\x10\0" + b"x" * 4096, b"\0\0\0":
        s = Scram(auth(cdb))
        s.sock.sendall(junk)
        assert s.end().code == 111
