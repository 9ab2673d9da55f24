"""relay-auth: who may come in, and who not, whatever is asked and however broken users.cdb is."""
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from lib.checkpassword import Scram, ask, cram, scram, scram_final
from lib.procs import program, sanitized

CHALLENGE = "<1896.697170952@postoffice.reston.mci.net>"


def line(name, password, *options):
    r = subprocess.run([program("relay-passwd"), "-k", "sha512", "-r", "1000", "-i", "4096", *options, name],
                       input=password.encode() + b"\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    return r.stdout.decode().rstrip("\n")


def compile_users(d, text):
    (d / "me").write_text("relay.example\n")
    (d / "domains").write_text("hosted.example\n")
    (d / "users").write_text(text)
    os.chmod(d / "users", 0o640)
    r = subprocess.run([program("relay-mkcdb"), str(d)], stderr=subprocess.PIPE)
    assert r.returncode == 0, r.stderr
    return str(d / "users.cdb")


@pytest.fixture(scope="module")
def cdb(tmp_path_factory):
    return compile_users(tmp_path_factory.mktemp("users"), "\n".join([
        line("joe", "secret", "-c"), line("ann", "other", "-c") + " norelay from ann@hosted.example @hosted.example",
        line("off", "secret", "-c") + " off", "cert -", line("weird@x.example", "p w=,\\\"%", "-c")]) + "\n")


def auth(cdb, *prog):
    return [program("relay-auth"), cdb, *(prog or ("true",))]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", None])
def test_passwords(cdb, mechanism):
    for user, password, code in [
            ("joe", "secret", 0), ("JOE", "secret", 0), ("joe", "Secret", 1), ("joe", "", 1), ("joe", "secret ", 1),
            ("ann", "other", 0), ("off", "secret", 1), ("off", "x", 1), ("nobody", "secret", 1), ("", "secret", 1),
            ("", "", 1), ("cert", "", 1), ("cert", "-", 1), ("weird@x.example", "p w=,\\\"%", 0),
            ("../joe", "secret", 1), ("joe%x", "secret", 1), ("joe\r\n", "secret", 1), ("j" * 200, "s" * 256, 1)]:
        a = ask(auth(cdb), (user, password, "Y123"), mechanism)
        assert (a.code, a.out, a.err) == (code, b"", b""), user
        assert (a.said[:1] == ["user=" + user.lower()]) == (code == 0) and (code == 0 or not a.said)


def test_attributes(cdb):
    assert ask(auth(cdb), ("joe", "secret", "x")).said == ["user=joe"]
    assert ask(auth(cdb), ("Ann", "other", "x")).said == [
        "user=ann", "relay=0", "from=ann@hosted.example", "from=@hosted.example"]
    a = ask(auth(cdb), ("joe", "secret", "x"), tell=False)
    assert (a.code, a.said) == (0, [])


def test_program(cdb):
    """It sees who it is, and nothing of the question."""
    show = 'echo "$USER ${RELAYAUTHMECH-none} ${RELAYAUTHFD-none}"; for fd in 3 4; do test ! -e /proc/self/fd/$fd || ' \
           'readlink /proc/$$/fd/$fd; done; exit 7'
    a = ask(auth(cdb, "sh", "-c", show), ("Joe", "secret", "x"), "PLAIN")
    assert (a.code, a.out.split(b"\n")[0]) == (7, b"joe none none")
    assert b"pipe" not in a.out
    assert ask(auth(cdb, "sh", "-c", show), ("Joe", "wrong", "x"), "PLAIN").out == b""
    assert ask(auth(cdb, "/nonexistent"), ("joe", "secret", "x")).code == 111


@pytest.mark.parametrize("data, code", [
    (None, 2), (b"joe", 2), (b"joe\0secret", 2), (b"joe\0secret\0", 2), (b"joe\0secret\0x", 2), (b"\0", 2),
    (b"joe\0secret\0x\0", 0), (b"joe\0secret\0\0", 0), (b"joe\0secret\0x\0more\0", 0),
    (b"joe\0secret\0" + 600 * b"x", 1),
    (b"joe\0secret\0" + 500 * b"x" + b"\0", 0), (b"joe\0secret\0" + 501 * b"x" + b"\0", 1), (b"\xff\0\xff\0\xff\0", 1)],
    ids=lambda v: repr(v)[:20])
def test_descriptor(cdb, data, code):
    a = ask(auth(cdb), data, "PLAIN")
    assert a.code == code
    assert (a.said == ["user=joe"]) == (code == 0)


def test_canary(cdb, tmp_path):
    a = ask(auth(cdb, "sh", "-c", "echo ran"), b"")
    assert (a.code, a.out) == (2, b"")
    assert a.said == ["mechanisms=PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 EXTERNAL"]
    assert ask(auth(cdb), b"", "PLAIN").said == []
    assert ask(auth(cdb), b"", "PLAIN").code == 2
    few = compile_users(tmp_path, line("joe", "secret", "-S") + "\n" + line("ann", "x", "-c") + " off\n")
    assert ask(auth(few), b"").said == ["mechanisms=PLAIN LOGIN EXTERNAL"]


def test_misused(cdb):
    for argv in [[program("relay-auth")], [program("relay-auth"), cdb], [program("relay-auth"), "-x", cdb, "true"]]:
        a = ask(argv, ("joe", "secret", "x"))
        assert a.code == 100 and b"usage" in a.err
    a = ask(auth(cdb), ("joe", "secret", "x"), "SCRAM-SHA-1")
    assert (a.code, a.said) == (2, [])
    # the arguments the wrong way round: `true` is no users.cdb
    assert ask([program("relay-auth"), "true", cdb], ("joe", "secret", "x")).code == 111
    a = ask(auth(cdb), ("joe", "secret", "x"), env=dict(os.environ), tell=False)
    assert a.code == 0


def test_cram(cdb):
    for user, response, code in [
            ("joe", cram("secret", CHALLENGE), 0), ("JOE", cram("secret", CHALLENGE), 0),
            ("joe", cram("x", CHALLENGE), 1),
            ("joe", "secret", 1), ("joe", "", 1), ("joe", cram("secret", CHALLENGE).upper(), 1), ("cert", "", 1),
            ("off", cram("secret", CHALLENGE), 1), ("nobody", cram("secret", CHALLENGE), 1)]:
        for mechanism in "CRAM-MD5", None:
            expected = 0 if (mechanism, response) == (None, "secret") else code
            assert ask(auth(cdb), (user, response, CHALLENGE), mechanism).code == expected, (user, response, mechanism)
    # RFC 2195's own words, and the digest as a password
    assert ask(auth(cdb), ("joe", cram("secret", CHALLENGE), CHALLENGE), "PLAIN").code == 1
    # indimail's order is relay-smtpd's to turn round
    assert ask(auth(cdb), ("joe", CHALLENGE, cram("secret", CHALLENGE)), "CRAM-MD5").code == 1


def test_rfc2195(tmp_path):
    cdb = compile_users(tmp_path, line("tim", "tanstaaftanstaaf", "-c") + "\n")
    assert ask(auth(cdb), ("tim", "b913a602c7eda7a495b4e6e7334d3890", CHALLENGE), "CRAM-MD5").code == 0


def test_external(cdb):
    for user, secret, code in [("cert", "", 0), ("joe", "", 0), ("off", "", 1), ("nobody", "", 1), ("joe", "x", 1)]:
        assert ask(auth(cdb), (user, secret, ""), "EXTERNAL").code == code


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


def test_missing(tmp_path, cdb):
    for path in [str(tmp_path / "none"), "/dev/null", str(tmp_path), os.path.join(os.path.dirname(cdb), "rules.cdb")]:
        for data in b"", b"joe\0secret\0x\0":
            a = ask(auth(path), data)
            assert (a.code, a.said) == (111, []) and a.err
        assert ask(auth(path), b"", "SCRAM-SHA-256").code == 111


@pytest.mark.slow
def test_damage(tmp_path):
    """Some byte of users.cdb wrong: no wrong password gets in, and who is on keeps no more than is his."""
    path = compile_users(tmp_path, line("joe", "secret", "-c") + " norelay from joe@hosted.example\n")
    good = open(path, "rb").read()
    bad = str(tmp_path / "bad.cdb")
    codes = set()
    spots = sorted(set(range(0, 2048, 97)) | set(range(2048, len(good))))
    for i in spots:
        with open(bad, "wb") as f:
            f.write(good[:i] + bytes([good[i] ^ 1 << i % 8]) + good[i + 1:])
        if i % 8 == 0:
            assert ask(auth(bad), ("joe", "wrong", "x")).code in (1, 111)
        a = ask(auth(bad), ("joe", "secret", "x"))
        codes.add(a.code)
        assert a.code in (0, 1, 111)
        assert a.code or a.said == ["user=joe", "relay=0", "from=joe@hosted.example"]
    assert codes == {0, 1, 111} or codes == {0, 111}
    for n in 0, 1, 2047, 2048, 2100, len(good) - 8, len(good) - 1:
        with open(bad, "wb") as f:
            f.write(good[:n])
        assert ask(auth(bad), ("joe", "secret", "x")).code == 111


def test_set_gid(cdb):
    """The file's group opens users.cdb; the program behind has nothing of it."""
    if os.geteuid() or sanitized():
        pytest.skip("needs root, and a program without a sanitizer")
    place = tempfile.mkdtemp(dir="/tmp")   # pytest's own folders are closed to others
    try:
        os.chmod(place, 0o755)
        relay_auth, users = os.path.join(place, "relay-auth"), os.path.join(place, "users.cdb")
        shutil.copy(program("relay-auth"), relay_auth)
        shutil.copy(cdb, users)
        for path, mode in (relay_auth, 0o2755), (users, 0o640):
            os.chown(path, 0, 12345)
            os.chmod(path, mode)
        nobody = dict(user=65534, group=65534, extra_groups=[])
        assert subprocess.run(["cat", users], stderr=subprocess.DEVNULL, **nobody).returncode
        a = ask([relay_auth, users, "sh", "-c", "id -g; cat " + users], ("joe", "secret", "x"), **nobody)
        assert a.out == b"65534\n" and b"ermission denied" in a.err and a.said == ["user=joe"]
        assert ask([relay_auth, users, "true"], ("joe", "wrong", "x"), **nobody).code == 1
        os.chmod(relay_auth, 0o755)
        assert ask([relay_auth, users, "true"], ("joe", "secret", "x"), **nobody).code == 111
    finally:
        shutil.rmtree(place)


def test_little_memory(tmp_path):
    """A hash that can't be computed is no no."""
    if sanitized():
        pytest.skip("the sanitizer needs more")
    text = subprocess.run([program("relay-passwd"), "-r", "8", "-S", "joe"], input=b"secret\n", stdout=subprocess.PIPE,
                          check=True).stdout.decode()
    cdb = compile_users(tmp_path, text)
    for user, password in ("joe", "secret"), ("joe", "wrong"), ("nobody", "secret"):
        a = ask(["sh", "-c", "ulimit -v 60000; exec \"$@\"", "sh", *auth(cdb)], (user, password, "x"))
        assert (a.code, a.said) == (111, [])
    assert ask(auth(cdb), ("joe", "secret", "x")).code == 0
