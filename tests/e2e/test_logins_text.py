"""The file `logins`: relay-mkcdb's logins.cdb, which few can read, and passwords that stand nowhere else."""
import os
import stat
import subprocess

import pytest

from lib.procs import program

pytestmark = pytest.mark.once

LOGINS = 'smart.example:587 joe "se cret"\nfrom:@far.example ann secret2\n'
FILES = ["logins", "logins.cdb", "me", "routes", "rules.cdb"]


@pytest.fixture
def control(tmp_path):
    (tmp_path / "me").write_text("relay.example\n")
    (tmp_path / "routes").write_text(":smart.example:587 tls=verify\n")
    write(tmp_path, LOGINS)
    return tmp_path


def write(d, text, mode=0o640):
    (d / "logins").write_text(text)
    os.chmod(d / "logins", mode)


def run(name, *args):
    r = subprocess.run([program(name), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return r.returncode, (r.stdout + r.stderr).decode()


@pytest.mark.parametrize("umask", [0, 0o777])
def test_modes(control, umask):
    r = subprocess.run([program("relay-mkcdb"), str(control)], stderr=subprocess.PIPE,
                       preexec_fn=lambda: os.umask(umask))
    assert (r.returncode, r.stderr) == (0, b"") and sorted(os.listdir(control)) == FILES
    st = os.stat(control / "logins.cdb")
    assert stat.S_IMODE(st.st_mode) == 0o640 and st.st_gid == os.stat(control / "logins").st_gid
    rules, logins = (control / "rules.cdb").read_bytes(), (control / "logins.cdb").read_bytes()
    assert b"cret" not in rules and b"joe" not in rules and b"smart.example" in rules
    assert b"\0se cret\0" in logins.replace(b"joe", b"") and b"secret2" in logins


def test_group_and_everybody(control):
    if os.geteuid():
        pytest.skip("needs root")
    os.chown(control / "logins", 0, 12345)
    os.chmod(control / "logins", 0o644)
    code, said = run("relay-mkcdb", control)
    assert code == 0 and "/logins can be read by everybody" in said and "users" not in said
    st = os.stat(control / "logins.cdb")
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (0, 12345, 0o640)


def test_all_or_nothing(control):
    assert run("relay-mkcdb", control) == (0, "")
    before = (control / "rules.cdb").read_bytes(), (control / "logins.cdb").read_bytes()
    for name, text, place in [("logins", LOGINS + "x.example:0 u secret\n", "logins:3: the first word is neither"),
                              ("logins", "smart.example joe secret2 secret3 x\n", "logins:1: a word behind the"),
                              ("routes", ":smart.example:587|joe|secret\n", "routes:1: a login at a relay"),
                              ("routes", ":smart.example tls=sure\n", "routes:1: `tls=sure` is no way")]:
        was = (control / name).read_text()
        (control / name).write_text(text)
        for options in ([], ["-n"]):
            code, said = run("relay-mkcdb", *options, control)
            assert code == 100 and place in said and "secret" not in said
        assert before == ((control / "rules.cdb").read_bytes(), (control / "logins.cdb").read_bytes())
        assert sorted(os.listdir(control)) == FILES
        (control / name).write_text(was)
    assert run("relay-mkcdb", "-n", control) == (0, "")


@pytest.mark.parametrize("line", [
    "smart.example:587|joe|%s", "smart.example:joe:%s", "smart.example:%s joe", "smtp://joe:%s@smart.example",
    ":smart.example:587|joe|%s", "from:joe@far.example:%s", "%s", "joe:%s", "joe@smart.example:%s x",
    "/run/lmtp|joe|%s joe x",
    "smart.example joe # ok: %s", "smart.example joe x # ok: %s", "smart.example joe x %s",
    "smart.example joe x at=%s:y",
    "from:@far.example joe x at=joe|%s", 'smart.example joe "%s', "smart.example joe x|%s y"])
def test_no_text_of_a_wrong_line(control, line):
    write(control, line % "pa55WORD" + "\n")
    code, said = run("relay-mkcdb", control)
    assert code == 100 and "logins:1: " in said and "pa55" not in said


@pytest.mark.parametrize("line", [
    ":smart.example:587|joe|%s", ":smart.example:587 |joe|%s", ":smart.example:587 joe|%s", ":smart.example:587 joe %s",
    ":smart.example:587 %s", ":smart.example:joe:%s", ":smart.example:%s", ":smart.example:587:joe:%s",
    ":joe:%s@smart.example:587", "joe:%s@smart.example", "smtp://joe:%s@smart.example", ":smtp://joe:%s@smart.example",
    ":smart.example:587 user=joe password=%s", ":smart.example:587 lmtp%s"])
def test_no_login_in_a_route_is_shown(control, line):
    (control / "routes").write_text(line % "pa55WORD" + "\n")
    code, said = run("relay-mkcdb", control)
    assert code == 100 and "routes:1: " in said and "pa55" not in said


def test_goes_with_its_text(control):
    assert run("relay-mkcdb", control) == (0, "")
    os.unlink(control / "logins")
    assert run("relay-mkcdb", control) == (0, "") and not (control / "logins.cdb").exists()


def test_the_tools_know_no_password(control):
    """What reads the rules shows no login; logins.cdb is no rules.cdb."""
    assert run("relay-mkcdb", control) == (0, "")
    for name, args in [("relay-explain", ("--rules", control, "--to", "x@far.example", "--from", "a@far.example")),
                       ("relay-diff", (control, control)), ("relay-prove", (control,))]:
        code, said = run(name, *args)
        assert code != 111 and "cret" not in said and "joe" not in said, (name, said)
    code, said = run("relay-explain", "--rules", control / "logins.cdb", "--to", "x@far.example")
    assert code == 111 and "cret" not in said
