"""relay-auth: who may come in, and who not, whatever is asked and however broken users.cdb is."""
import base64
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from lib.checkpassword import ask, cram, start
from lib.memory import regions
from lib.procs import program, sanitized, wait_for
from lib.users import auth, compile_users, line, usual

pytestmark = pytest.mark.once

CHALLENGE = "<1896.697170952@postoffice.reston.mci.net>"


@pytest.fixture(scope="module")
def cdb(tmp_path_factory):
    return usual(tmp_path_factory.mktemp("users"))


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


@pytest.mark.skipif(sanitized(), reason="AddressSanitizer sets a limit of its own")
def test_program_as_it_would_be(cdb):
    """Nor do umask and limits show that relay-auth was there."""
    start = ["sh", "-c", 'umask 027; ulimit -Sc "$(ulimit -Hc)"; exec "$@"', "sh"]
    show = ["sh", "-c", "umask; ulimit -Sc; ulimit -Hc"]
    r = subprocess.run([*start, *show], stdout=subprocess.PIPE, check=True)
    assert r.stdout.startswith(b"0027\n")
    assert ask([*start, *auth(cdb, *show)], ("joe", "secret", "x"), "PLAIN").out == r.stdout


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
    assert a.said == ["mechanisms=PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 EXTERNAL"]  # cert's
    assert ask(auth(cdb), b"", "PLAIN").said == []
    assert ask(auth(cdb), b"", "PLAIN").code == 2
    few = compile_users(tmp_path, line("joe", "secret", "-S") + "\n" + line("ann", "x", "-c") + " off\n")
    assert ask(auth(few), b"").said == ["mechanisms=PLAIN LOGIN"]


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
    for user, secret, code in [("cert", "", 0), ("joe", "", 1), ("ann", "", 0), ("off", "", 1), ("nobody", "", 1),
                               ("ann", "x", 1)]:
        assert ask(auth(cdb), (user, secret, ""), "EXTERNAL").code == code


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


@pytest.mark.parametrize("hash_of", [r"\$6\$[^,\n]*", r"\{SCRAM[^,\n]*", r"\{CRAM[^,\n]*"],
                         ids=["crypt", "scram", "cram"])
def test_forgets(tmp_path, hash_of):
    """When it has decided, nothing of the password or of a key is in its memory: it is stopped there by a pipe for
    attributes that is full."""
    if os.geteuid() or sanitized():
        pytest.skip("needs root, and memory as it is")
    password = "Uncommon-Words-7719"
    word = re.search(hash_of, line("joe", password, "-c")).group()
    cdb = compile_users(tmp_path, "joe %s\n" % word)
    full_read, full = os.pipe()
    os.set_blocking(full, False)
    try:
        while os.write(full, b"x" * 65536):
            pass
    except BlockingIOError:
        pass
    r, w = os.pipe()
    p = start({3: r, 4: full}, auth(cdb), "PLAIN")
    os.write(w, b"joe\0" + password.encode() + b"\0x\0")
    # it waits for the end of what is asked: the password is there, so that the search is known to find it
    wait_for(lambda: any(password.encode() in r for r in regions(p.pid, "rw")), 10, "the password")
    os.close(w)
    wait_for(lambda: any(b"user=joe" in r for r in regions(p.pid, "rw")), 10, "its answer")
    held = b"".join(regions(p.pid, "rw"))
    p.kill()
    p.communicate()
    for fd in r, full, full_read:
        os.close(fd)
    assert password.encode() not in held and password[4:].encode() not in held
    if "CRAM-MD5" in word:
        assert bytes.fromhex(word[10:42]) not in held
    if "SCRAM" in word:
        assert not any(base64.b64decode(k) in held for k in word.split(":")[2:])
