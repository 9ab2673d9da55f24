"""relay-mkcdb: rules.cdb as other cdb programs see it, all or nothing, errors with their places."""
import os
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time

import pytest

from lib.procs import for_everybody, program

pytestmark = pytest.mark.once

MKCDB = for_everybody(program("relay-mkcdb"))
FORMAT = b"posthouse rules 3"
GOOD = {
    "me": "relay.example\n",
    "clients": '# ours\n127.0.0.1:allow,RELAYCLIENT=""\n10.0.0.0/8:allow,A="1",B="x y"\n=.bad.example:deny\n'
               '::1:allow\n:allow\n',
    "domains": "hosted.example listed\n.hosted.example any\n[192.0.2.1]\nasked.example asked\n",
    "recipients": "Joe@hosted.example\njoe+*@hosted.example\n",
    "aliases": "info@hosted.example Joe@hosted.example all@asked.example\nall@asked.example Ann@Far.example.\n",
    "relay": "grant login\ngrant clients # ours\ngrant pop 60\ngrant to Partner.example\n"
             "grant to-host 192.0.2.0/24 # ok: unused\ngrant device 10.0.0.9 from printer@hosted.example to any\n"
             "require tls\ndeny to .bad.example\n",
    "routes": "inner.example:[2001:db8::1]:2525\n:192.0.2.7\n",
    "limits": "size 1000000\n",
}


@pytest.fixture
def control(tmp_path):
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def mkcdb(*args, **more):
    return subprocess.run([MKCDB, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **more)


def dump(path):
    """The records by freecdb's cdbdump: {key: data}; cdb's own text form, which says every length."""
    with open(path, "rb") as f:
        s = subprocess.run([program("cdbdump")], stdin=f, stdout=subprocess.PIPE, check=True).stdout
    out, i = {}, 0
    while s[i:i + 1] == b"+":
        comma, colon = s.index(b",", i), s.index(b":", i)
        klen, dlen = int(s[i + 1:comma]), int(s[comma + 1:colon])
        key = s[colon + 1:colon + 1 + klen]
        i = colon + 1 + klen
        assert s[i:i + 2] == b"->"
        data = s[i + 2:i + 2 + dlen]
        i += 2 + dlen
        assert s[i:i + 1] == b"\n"
        i += 1
        assert key not in out
        out[key] = data
    assert s[i:] == b"\n"
    return out


def get(path, key):
    with open(path, "rb") as f:
        r = subprocess.run([program("cdbget"), key], stdin=f, stdout=subprocess.PIPE)
    assert r.returncode in (0, 100)
    return r.stdout if r.returncode == 0 else None


def at(line, data=b""):
    return line.to_bytes(4, "little") + data


def bits(numbers):
    return "".join("{:08b}".format(int(n)) for n in numbers.split(".")).encode()


def test_read_by_freecdb(control):
    r = mkcdb(control)
    assert (r.returncode, r.stdout, r.stderr) == (0, b"", b"")
    rules = control / "rules.cdb"
    wanted = {
        b"": FORMAT,
        b"m": at(1, b"relay.example"),
        b"c127.0.0.1": at(2, b"+RELAYCLIENT=\0"),
        b"c_00001010": at(3, b"+A=1\0+B=x y\0"),
        b"c=.bad.example": at(4, b"D\0"),
        b"c::1": at(5),
        b"c": at(6),
        b"c/4": at(0, b"\x08"),
        b"dhosted.example": at(1, b"listed"),
        b"d.hosted.example": at(2, b"any"),
        b"d[192.0.2.1]": at(3, b"any"),
        b"dasked.example": at(4, b"asked"),
        b"ujoe@hosted.example": at(1),
        b"ujoe+*@hosted.example": at(2),
        b"ainfo@hosted.example": at(1, b"Joe@hosted.example\0Ann@Far.example\0"),
        b"aall@asked.example": at(2, b"Ann@Far.example\0"),
        b"rgrant login": at(1),
        b"rgrant clients": at(2),
        b"rgrant pop": at(3, b"60\0"),
        b"rgrant to partner.example": at(4),
        b"rgrant to-host _" + bits("192.0.2"): at(5),
        b"rgrant to-host/4": at(0, b"\x18"),
        b"rgrant device _" + bits("10.0.0.9"): at(0),
        b"rgrant device _" + bits("10.0.0.9") + b" printer@hosted.example any": at(6),
        b"rgrant device/4": at(0, b"\x20"),
        b"rrequire tls": at(7),
        b"rdeny to .bad.example": at(8),
        b"oinner.example": at(1, b"2001:db8::1\x002525\0"),
        b"o": at(2, b"192.0.2.7\0\0"),
        b"lsize": at(1, b"1000000"),
    }
    assert dump(rules) == wanted
    for key, data in wanted.items():
        assert not key or get(rules, key) == data  # cdbget takes no empty key
    assert get(rules, b"dother.example") is None
    assert stat.S_IMODE(os.stat(rules).st_mode) == 0o644
    assert not (control / "rules.cdb.tmp").exists()


def test_same_text_same_file(control):
    assert mkcdb(control).returncode == 0
    first = (control / "rules.cdb").read_bytes()
    assert mkcdb(control, umask=0o777).returncode == 0
    assert (control / "rules.cdb").read_bytes() == first
    assert stat.S_IMODE(os.stat(control / "rules.cdb").st_mode) == 0o644


def test_only_me_is_needed(tmp_path):
    (tmp_path / "me").write_text("relay.example")
    assert mkcdb(tmp_path).returncode == 0
    assert dump(tmp_path / "rules.cdb") == {b"": FORMAT, b"m": at(1, b"relay.example")}


def test_current_folder(control):
    r = mkcdb(".", cwd=control)
    assert r.returncode == 0 and (control / "rules.cdb").exists()


def test_errors_leave_the_old_rules(control):
    assert mkcdb(control).returncode == 0
    old, inode = (control / "rules.cdb").read_bytes(), os.stat(control / "rules.cdb").st_ino
    (control / "recipients").unlink()
    (control / "aliases").unlink()
    (control / "domains").write_text("hosted.example\n\nbad..example\nhosted.example\n")
    (control / "relay").write_text("forbid all\n")
    (control / "clients").write_bytes(b"10.0.0.1\n10.0.0.2:deny\xff\n")
    r = mkcdb(control)
    assert r.returncode == 100 and r.stdout == b""
    assert r.stderr.decode("ascii").splitlines() == [
        "clients:1: no `:allow` or `:deny` after the address",
        "clients:2: no `:allow` or `:deny` after the address",
        "domains:3: `bad..example` is no domain",
        "domains:4: `hosted.example` stands already in line 1",
        "relay:1: `forbid all` is not known; known: grant, require, deny, local, own",
        "relay-mkcdb: fatal: errors found; rules.cdb stays as it was",
    ]
    assert (control / "rules.cdb").read_bytes() == old and os.stat(control / "rules.cdb").st_ino == inode
    assert not (control / "rules.cdb.tmp").exists()


def test_no_me(control):
    (control / "me").unlink()
    r = mkcdb(control)
    assert r.returncode == 100 and r.stderr.startswith(b"me:1: missing") and not (control / "rules.cdb").exists()


def test_open_relay_is_refused(control):
    (control / "clients").write_text('10.:deny\n:allow,RELAYCLIENT=""\n')
    r = mkcdb(control)
    assert r.returncode == 100 and b"\nclients:2: an open relay" in b"\n" + r.stderr
    assert not (control / "rules.cdb").exists()


def test_warnings_compile(control):
    (control / "clients").write_text('10.1.0.0/16:deny\n10.:allow\n:allow\n')
    r = mkcdb(control)
    assert r.returncode == 0 and (control / "rules.cdb").exists()
    assert r.stderr == (b"clients:1: warning: `10.1.0.0/16` is never used: `10.` in line 2 is asked first; if that is "
                        b"meant, end the line with `# ok: unused`\n")
    (control / "clients").write_text('10.1.0.0/16:deny  # ok: unused; it will be\n10.:allow\n:allow\n')
    r = mkcdb(control)
    assert (r.returncode, r.stderr) == (0, b"")
    (control / "clients").write_text('10.1.0.0/16:deny  # ok: unused; it will be\n:allow\n')
    r = mkcdb(control)
    assert r.returncode == 0
    assert r.stderr == b"clients:1: warning: `ok: unused` silences nothing here any more: take it out\n"


def test_check_only(control):
    r = mkcdb("-n", control)
    assert (r.returncode, r.stderr) == (0, b"")
    assert sorted(os.listdir(control)) == sorted(GOOD)
    (control / "limits").write_text("size x\n")
    r = mkcdb("-n", control)
    assert r.returncode == 100 and r.stderr.startswith(b"limits:1: size must be")
    assert sorted(os.listdir(control)) == sorted(GOOD)


def test_usage(control):
    for args in (["-x"], ["-n", control, control], [control, "b"]):
        r = mkcdb(*args)
        assert r.returncode == 100 and b"usage: relay-mkcdb [-n] [--diff] [DIR]" in r.stderr


def test_system_errors(control):
    r = mkcdb(control / "nothing")
    assert r.returncode == 111 and b"nothing" in r.stderr
    (control / "routes").unlink()
    (control / "routes").mkdir()
    r = mkcdb(control)
    assert r.returncode == 111 and r.stderr.startswith(b"routes:1: unable to read: Is a directory\n")
    assert not (control / "rules.cdb").exists() and not (control / "rules.cdb.tmp").exists()


def test_file_size_limit(control):
    """No room for the new rules: exit 111, the old ones stay, nothing half-written stays behind."""
    assert mkcdb(control).returncode == 0
    old = (control / "rules.cdb").read_bytes()

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    r = mkcdb(control, preexec_fn=limit)
    assert r.returncode == 111 and b"compile" in r.stderr
    assert (control / "rules.cdb").read_bytes() == old and not (control / "rules.cdb.tmp").exists()


def test_killed_run_does_no_harm(control):
    """What a killed run left behind, even a link to elsewhere, is no obstacle and not followed."""
    (control / "precious").write_text("keep")
    os.symlink("precious", control / "rules.cdb.tmp")
    assert mkcdb(control).returncode == 0
    assert (control / "precious").read_text() == "keep" and not (control / "rules.cdb").is_symlink()


def test_readers_see_whole_rules(control):
    """Many runs at once while the texts change: a reader always finds one of the two versions, whole."""
    seen, stop, wrong = set(), threading.Event(), []
    assert mkcdb(control).returncode == 0

    def read():
        while not stop.is_set():
            with open(control / "rules.cdb", "rb") as f:
                r = subprocess.run([program("cdbget"), b"dhosted.example"], stdin=f, stdout=subprocess.PIPE)
            if r.returncode or r.stdout not in (at(1, b"listed"), at(2, b"listed")):
                wrong.append((r.returncode, r.stdout))
            seen.add(r.stdout)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        end = time.monotonic() + 20
        for i in range(12):
            new = control / "domains.new"
            new.write_text("\n" * (i % 2) + "hosted.example listed\nasked.example\n" +
                           "".join("d%d.example\n" % k for k in range(2000)))
            os.rename(new, control / "domains")
            runs = [subprocess.Popen([MKCDB, control]) for _ in range(4)]
            assert [p.wait(60) for p in runs] == [0, 0, 0, 0]
            assert get(control / "rules.cdb", b"dhosted.example") == at(1 + i % 2, b"listed")
            assert time.monotonic() < end
    finally:
        stop.set()
        reader.join()
    assert not wrong and len(seen) == 2
    assert not (control / "rules.cdb.tmp").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_read_only_folder(control):
    """-n needs no right to write; the real thing says what it can't do."""
    folder = tempfile.mkdtemp(prefix="posthouse-")  # tmp_path's parents are private
    for name in GOOD:
        shutil.copy(control / name, folder)
    os.chmod(folder, 0o555)

    def drop():
        os.setgid(65534)
        os.setuid(65534)
    try:
        assert mkcdb("-n", folder, preexec_fn=drop).returncode == 0
        r = mkcdb(folder, preexec_fn=drop)
        assert r.returncode == 111 and b"rules.cdb.tmp" in r.stderr
        assert sorted(os.listdir(folder)) == sorted(GOOD)
    finally:
        shutil.rmtree(folder)
