"""The file `users`: relay-passwd makes its lines, relay-mkcdb users.cdb; a foreign POP3 server logs in with it."""
import os
import pty
import re
import stat
import subprocess
import termios

import pytest

from lib.checkpassword import ask
from lib.procs import program, wait_for

pytestmark = pytest.mark.once

HERE = os.path.dirname(os.path.abspath(__file__))
CVM = os.path.join(HERE, "doubles", "cvm_by_checkpassword.py")
QUICK = "-k", "sha512", "-r", "1000", "-i", "4096"


def passwd(*args, data=b"secret\n", **more):
    return subprocess.run([program("relay-passwd"), *args], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, **more)


@pytest.fixture(scope="module")
def line():
    r = passwd(*QUICK, "-c", "joe@d.example")
    assert r.returncode == 0
    return r.stdout.decode()


@pytest.fixture
def control(tmp_path):
    (tmp_path / "me").write_text("relay.example\n")
    (tmp_path / "domains").write_text("hosted.example\n")
    return tmp_path


def mkcdb(d, *options):
    r = subprocess.run([program("relay-mkcdb"), *options, str(d)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return r.returncode, r.stderr.decode()


def write(d, text, mode=0o640):
    (d / "users").write_text(text)
    os.chmod(d / "users", mode)


def login(d, user, password):
    return ask([program("relay-auth"), str(d / "users.cdb"), "true"], (user, password, "x")).code


# relay-mkcdb

@pytest.mark.parametrize("umask", [0, 0o077, 0o777])
def test_modes(control, line, umask):
    write(control, line)
    r = subprocess.run([program("relay-mkcdb"), str(control)], stderr=subprocess.PIPE,
                       preexec_fn=lambda: os.umask(umask))
    assert (r.returncode, r.stderr) == (0, b"")
    st = os.stat(control / "users.cdb")
    assert stat.S_IMODE(st.st_mode) == 0o640
    assert st.st_gid == os.stat(control / "users").st_gid
    assert stat.S_IMODE(os.stat(control / "rules.cdb").st_mode) == 0o644
    assert sorted(os.listdir(control)) == ["domains", "me", "rules.cdb", "users", "users.cdb"]
    assert b"$6$" not in (control / "rules.cdb").read_bytes()


def test_group(control, line):
    if os.geteuid():
        pytest.skip("needs root")
    write(control, line)
    os.chown(control / "users", 0, 12345)
    assert mkcdb(control) == (0, "")
    st = os.stat(control / "users.cdb")
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (0, 12345, 0o640)


def test_readable_by_everybody(control, line):
    write(control, line, 0o644)
    code, said = mkcdb(control)
    assert code == 0 and "can be read by everybody" in said
    assert stat.S_IMODE(os.stat(control / "users.cdb").st_mode) == 0o640


def test_all_or_nothing(control, line):
    write(control, line)
    assert mkcdb(control) == (0, "")
    before = (control / "rules.cdb").read_bytes(), (control / "users.cdb").read_bytes()
    for name, text, place in [("users", line + "ann secret\n", "users:2: behind `ann`: "),
                              ("me", "no name\n", "me:1: ")]:
        was = (control / name).read_text()
        (control / name).write_text(text)
        code, said = mkcdb(control)
        assert code == 100 and place in said and "secret" not in said
        assert mkcdb(control, "-n")[0] == 100
        assert before == ((control / "rules.cdb").read_bytes(), (control / "users.cdb").read_bytes())
        assert sorted(os.listdir(control)) == ["domains", "me", "rules.cdb", "users", "users.cdb"]
        (control / name).write_text(was)
    assert mkcdb(control, "-n") == (0, "")
    assert before == ((control / "rules.cdb").read_bytes(), (control / "users.cdb").read_bytes())


def test_changes(control, line):
    """Users come and go; without the file nobody is left."""
    assert mkcdb(control) == (0, "") and not (control / "users.cdb").exists()
    assert login(control, "joe@d.example", "secret") == 111
    write(control, line)
    assert mkcdb(control) == (0, "")
    assert login(control, "joe@d.example", "secret") == 0
    write(control, line.rstrip() + " off\n")
    assert mkcdb(control) == (0, "")
    assert login(control, "joe@d.example", "secret") == 1
    write(control, "# nobody\n")
    assert mkcdb(control) == (0, "")
    assert login(control, "joe@d.example", "secret") == 1
    os.unlink(control / "users")
    assert mkcdb(control) == (0, "")
    assert not (control / "users.cdb").exists()


def test_foreign_tools_read_it(control, line):
    write(control, line)
    assert mkcdb(control) == (0, "")
    with open(control / "users.cdb", "rb") as f:
        r = subprocess.run([program("cdbget"), "pjoe@d.example"], stdin=f, stdout=subprocess.PIPE)
    assert r.returncode == 0 and line.split()[1].encode() in r.stdout
    # it is not taken for rules
    r = subprocess.run([program("relay-explain"), "--rules", str(control / "users.cdb"), "--to", "c@d.example"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert r.returncode == 111 and b"users.cdb" in r.stderr and not r.stdout


# relay-passwd

def test_line(line):
    assert re.fullmatch(r"joe@d\.example \$6\$rounds=1000\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86},\{SCRAM-SHA-256\}4096:"
                        r"[+/0-9A-Za-z]{22}==:[+/0-9A-Za-z]{43}=:[+/0-9A-Za-z]{43}=,\{CRAM-MD5\}[0-9a-f]{64}\n", line)


def test_kinds(control):
    """Perl's crypt(3) and OpenSSL come to the same."""
    text = ""
    for name, options, prefix in [("y", [], "$y$j9T$"), ("b", ["-k", "bcrypt", "-r", "5"], "$2b$05$"),
                                  ("s", ["-k", "sha512", "-r", "6000"], "$6$rounds=6000$")]:
        r = passwd(*options, "-S", name)
        assert (r.returncode, r.stderr) == (0, b"")
        word = r.stdout.decode().split()[1]
        assert word.startswith(prefix) and "," not in word
        text += r.stdout.decode()
        perl = subprocess.run(["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", "secret", word], stdout=subprocess.PIPE)
        assert perl.stdout.decode() == word
    salt, digest = word.split("$")[3:]
    r = subprocess.run(["openssl", "passwd", "-6", "-salt", "rounds=6000$" + salt, "secret"], stdout=subprocess.PIPE)
    assert r.stdout.decode().strip().endswith("$" + digest)
    write(control, text)
    assert mkcdb(control) == (0, "")
    for name in "ybs":
        assert [login(control, name, p) for p in ("secret", "Secret")] == [0, 1]


@pytest.mark.parametrize("data, why", [
    (b"", "empty"), (b"\n", "empty"), (b"\r\n", "empty"), (b"a\0b\n", "NUL"), (b"a\tb\n", "control"),
    (b"a\rb\n", "control"), (b"x" * 257 + b"\n", "too long"), (b"x" * 100000, "too long"), (b"gr\xfcn\n", "UTF-8")],
    ids=lambda v: repr(v)[:20])
def test_refused(data, why):
    r = passwd(*QUICK, "joe", data=data)
    assert (r.returncode, r.stdout) == (100, b"") and why.encode() in r.stderr


def test_taken(control):
    for data in b"secret", b"secret\r\n", b"secret\nmore\n":
        write(control, passwd(*QUICK, "joe", data=data).stdout.decode())
        assert mkcdb(control) == (0, "") and login(control, "joe", "secret") == 0
    r = passwd(*QUICK, "joe", data="grün".encode())
    assert r.returncode == 0 and b"not plain ASCII" in r.stderr
    write(control, r.stdout.decode())
    assert mkcdb(control) == (0, "") and login(control, "joe", "grün") == 0
    assert passwd(*QUICK, "joe", data=b"x" * 256).returncode == 0
    assert passwd("-k", "bcrypt", "-r", "4", "joe", data=b"x" * 73).returncode == 100
    # what stands behind the line is left for somebody else
    r = subprocess.run(["sh", "-c", "\"$0\" -k sha512 -r 1000 joe > /dev/null; cat", program("relay-passwd")],
                       input=b"secret\nmore\n", stdout=subprocess.PIPE)
    assert r.stdout == b"more\n"


@pytest.mark.parametrize("args", [
    [], ["a", "b"], ["-x", "joe"], ["-k", "md5", "joe"], ["-r", "0", "joe"], ["-r", "12", "joe"],
    ["-k", "bcrypt", "-r", "17", "joe"], ["-i", "4095", "joe"], ["-i", "x", "joe"], ["a/b"], ["../x"], ["a b"], ["a%b"],
    ["a\nb"], ["-c", ""], ["x" * 201]], ids=lambda v: repr(v)[:20])
def test_arguments(args):
    r = passwd(*args)
    assert (r.returncode, r.stdout) == (100, b"") and r.stderr


def at_terminal(answers):
    """Runs it with a terminal as descriptor 0 and 2. Returns its exit code, what it wrote on descriptor 1, and all that
    was to be seen on the terminal."""
    master, slave = pty.openpty()
    p = subprocess.Popen([program("relay-passwd"), *QUICK, "joe"], stdin=slave, stdout=subprocess.PIPE, stderr=slave)
    seen = b""
    for prompt, answer in answers:
        while not seen.endswith(prompt):
            seen += os.read(master, 1000)
        assert not termios.tcgetattr(slave)[3] & termios.ECHO
        os.write(master, answer)
    out = p.communicate(timeout=60)[0]
    echo = termios.tcgetattr(slave)[3] & termios.ECHO
    os.close(slave)
    try:
        while True:
            seen += os.read(master, 1000)
    except OSError:
        os.close(master)
    assert echo, "the terminal has its echo again"
    return p.returncode, out, seen


def test_prompt(control):
    code, out, seen = at_terminal([(b"Password: ", b"secret\n"), (b"Once more: ", b"secret\n")])
    assert code == 0 and b"secret" not in seen
    write(control, out.decode())
    assert mkcdb(control) == (0, "") and login(control, "joe", "secret") == 0
    code, out, seen = at_terminal([(b"Password: ", b"secret\n"), (b"Once more: ", b"secre\n")])
    assert (code, out) == (100, b"") and b"differ" in seen
    code, out, seen = at_terminal([(b"Password: ", b"\n"), (b"Once more: ", b"\n")])
    assert (code, out) == (100, b"") and b"empty" in seen


def test_prompt_interrupted():
    master, slave = pty.openpty()
    p = subprocess.Popen([program("relay-passwd"), "joe"], stdin=slave, stdout=subprocess.PIPE, stderr=slave)
    seen = b""
    while not seen.endswith(b"Password: "):
        seen += os.read(master, 1000)
    p.terminate()
    assert p.wait(60) == -15
    wait_for(lambda: termios.tcgetattr(slave)[3] & termios.ECHO, 5, "echo")
    os.close(slave)
    os.close(master)


# a foreign server

@pytest.fixture
def pop(control, line):
    """Talks to mailfront's pop3front-auth, which asks relay-auth by a module of ours; returns the answers, and what ran
    in the end. (A caller that is foreign throughout: test_users_dovecot.)"""
    write(control, line)
    assert mkcdb(control) == (0, "")
    env = dict(os.environ, PROTO="TCP", TCPREMOTEIP="127.0.0.1", TCPLOCALHOST="pop.example",
               CHECKPASSWORD="%s %s" % (program("relay-auth"), control / "users.cdb"))

    def talk(*says):
        p = subprocess.Popen([program("pop3front-auth"), CVM, "sh", "-c", "echo ran as $USER"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, bufsize=0)
        out = [p.stdout.readline()]
        for s in says:
            p.stdin.write(s.encode() + b"\r\n")
            out.append(p.stdout.readline())
        p.stdin.close()
        out.append(p.stdout.read())
        p.stdout.close()
        p.wait(60)
        return [o.decode().strip() for o in out]
    return talk


def test_behind_mailfront(pop):
    assert pop("USER Joe@d.example", "PASS secret")[-2:] == ["ran as joe@d.example", ""]
    assert pop("USER joe@d.example", "PASS Secret")[-2].startswith("-ERR")
    assert pop("USER nobody", "PASS secret")[-2].startswith("-ERR")
