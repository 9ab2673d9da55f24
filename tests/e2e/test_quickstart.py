"""package/quickstart, in a copy of the tree: what a stranger does first."""
import os
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from lib.procs import BIN, ROOT, all_pids, free_port, listening, wait_for

pytestmark = pytest.mark.skipif(BIN != os.path.join(ROOT, "build", "bin"), reason="quickstart builds below build/")
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FILES = ("bin-src", "lib", "package", "Makefile", "conf-cc", "conf-ld", "conf-control", "conf-spool", "man")


class Tree:
    """The sources, with their times, and a build folder that has nothing left to build."""

    def __init__(self, own_build=False):
        self.dir = tempfile.mkdtemp(prefix="quickstart-")
        os.chmod(self.dir, 0o755)
        for name in FILES:
            copy = shutil.copytree if os.path.isdir(os.path.join(ROOT, name)) else shutil.copy2
            copy(os.path.join(ROOT, name), os.path.join(self.dir, name))
        if own_build:
            os.mkdir(os.path.join(self.dir, "build"))
            built = [os.path.join(ROOT, "build", n) for n in ("musl", "bin", "chain", "system", "symbols", "rules.mk")]
            built = [path for path in built if os.path.exists(path)]
            subprocess.run(["cp", "-a", *built, os.path.join(self.dir, "build")], check=True)
        else:
            os.symlink(os.path.join(ROOT, "build"), os.path.join(self.dir, "build"))
        self.port = free_port()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def start(self, *words, env=None, **more):
        """As a terminal starts it: a shell can't trap what whoever runs the tests (nohup, say) has made it ignore."""
        return subprocess.Popen(["sh", self.path("package", "quickstart"), "--port", str(self.port), *words], cwd="/",
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                start_new_session=True,
                                preexec_fn=lambda: [signal.signal(s, signal.SIG_DFL) for s in ENDS],
                                env={**os.environ, **(env or {})}, **more)

    def run(self, *words, **more):
        p = self.start(*words, **more)
        said = p.communicate(timeout=180)[0].decode()
        return p.returncode, said

    def processes(self):
        """Those that work below our folder, whoever started them."""
        found = []
        for pid in all_pids():
            try:
                if os.readlink("/proc/%d/cwd" % pid).startswith(self.dir + "/run"):
                    found.append(pid)
            except OSError:
                pass
        return found

    def mails(self):
        return os.listdir(self.path("run", "Maildir", "new"))

    def close(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.dir)


@pytest.fixture
def tree():
    t = Tree()
    yield t
    t.close()


def nothing_left(tree):
    assert tree.processes() == []
    assert not listening("127.0.0.1", tree.port)


def read(paths):
    texts = []
    for path in paths:
        with open(path) as f:
            texts.append(f.read())
    return texts


def test_once_and_again(tree):
    code, said = tree.run("--once")
    assert code == 0, said
    assert len(tree.mails()) == 2
    for name in tree.mails():
        with open(tree.path("run", "Maildir", "new", name)) as f:
            mail = f.read()
        assert mail.startswith("Return-Path: <you@quickstart.example>\nDelivered-To: friend@elsewhere.example\n"
                               "Received: ")
        assert (" with ESMTPSA " in mail) == ("Subject: the second message\n" in mail), mail
    assert "made a self-signed certificate" in said and "made a login: the user is you" in said
    assert "S: 235 " in said and " with ESMTPSA " in said
    secrets = [tree.path("run", *n) for n in (["password"], ["control", "users"], ["tls", "default", "key.pem"])]
    assert [os.stat(p).st_mode & 0o777 for p in secrets] == [0o600, 0o640, 0o600]
    kept = read(secrets)
    assert kept[0].strip() not in said and kept[0].strip() not in kept[1]
    assert "Subject: the first message\n" in said and "S: 550 5.7.1 " in said and "client=127.0.0.2" in said
    nothing_left(tree)
    # the queue is empty: the message has left, the stranger's never was there
    assert [f for _, _, files in os.walk(tree.path("run", "queue", "mess")) for f in files] == []
    # what its owner changes stays
    with open(tree.path("run", "control", "domains"), "a") as f:
        f.write("mine.example\n")
    code, said = tree.run("--once")
    assert code == 0, said
    assert len(tree.mails()) == 4 and read(secrets) == kept and "made a" not in said
    with open(tree.path("run", "control", "domains")) as f:
        assert f.read().endswith("mine.example\n")
    with open(tree.path("run", "control", "routes")) as f:
        assert len(re.findall(r"^:127\.0\.0\.1:\d+$", f.read(), re.M)) == 1
    nothing_left(tree)


@pytest.mark.parametrize("sig,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_stays_until_it_is_ended(tree, sig, code):
    p = tree.start()
    said = b""
    while b"runs until Ctrl-C" not in said:
        line = p.stdout.readline()
        assert line, said
        said += line
    assert listening("127.0.0.1", tree.port)
    again, words = tree.run("--once")
    assert again == 111 and "another quickstart runs in" in words and "process %d" % p.pid in words
    assert listening("127.0.0.1", tree.port)
    os.killpg(p.pid, sig)    # a terminal's Ctrl-C reaches the whole group
    said = p.communicate(timeout=150)[0]    # a disk that others keep busy delays the logs' last fsync
    assert p.returncode == code, said
    nothing_left(tree)


def test_after_a_kill(tree):
    """One that was killed leaves its services behind; the next one ends them and works."""
    p = tree.start()
    wait_for(lambda: b"runs until" in p.stdout.readline(), 60, "running", pause=0)
    p.kill()
    p.wait()
    p.stdout.close()
    assert listening("127.0.0.1", tree.port)
    code, said = tree.run("--once")
    assert code == 0 and "ending what an earlier quickstart left behind" in said, said
    nothing_left(tree)


def test_port_is_taken(tree):
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", tree.port))
        s.listen()
        code, said = tree.run("--once")
    assert code == 111 and "port %d on 127.0.0.1 is taken; try --port NUMBER" % tree.port in said
    assert not os.path.exists(tree.path("run"))


@pytest.mark.slow
def test_not_arrived(tree):
    """0 only when the message really arrived."""
    with open(tree.path("package", "maildir-sink"), "w") as f:
        f.write("#!/bin/sh\ncat > /dev/null\nexit 0\n")
    code, said = tree.run("--once")
    assert code == 111 and "did not arrive" in said, said
    nothing_left(tree)


def test_not_refused(tree):
    """Nor when a stranger may relay."""
    assert tree.run("--once")[0] == 0
    with open(tree.path("run", "control", "clients"), "a") as f:
        f.write('127.0.0.2:allow,RELAYCLIENT=""\n')
    code, said = tree.run("--once")
    assert code == 111 and "was not refused with 550 5.7.1" in said, said
    nothing_left(tree)


def test_no_login(tree):
    """Nor when nobody can log in."""
    with open(tree.path("package", "quickstart")) as f:
        text = f.read()
    assert text.count('you "$run/password"') == 1
    with open(tree.path("package", "quickstart"), "w") as f:
        f.write(text.replace('you "$run/password"', 'you "$run/message"'))
    code, said = tree.run("--once")
    assert code == 111 and "S: 535 " in said and "did not take the message" in said, said
    nothing_left(tree)


def test_wrong_rules(tree):
    assert tree.run("--once")[0] == 0
    with open(tree.path("run", "control", "relay"), "a") as f:
        f.write("grant everything\n")
    code, said = tree.run("--once")
    assert code == 111 and re.search(r"relay:\d+: ", said) and "relay-mkcdb refuses" in said, said
    nothing_left(tree)


def test_make_fails(tree):
    with open(tree.path("conf-cc"), "a") as f:
        f.write("\nsystem: false\n")
    os.unlink(tree.path("build"))
    os.mkdir(tree.path("build"))
    os.symlink(os.path.join(ROOT, "build", "musl"), tree.path("build", "musl"))
    code, said = tree.run("--once")
    assert code == 111 and "make failed; all of it is in build/quickstart.log" in said, said


def test_usage(tree):
    for words in (["--twice"], ["--port"], ["--port", "x"]):
        assert tree.run(*words)[0] == 100


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_without_root():
    tree = Tree(own_build=True)
    try:
        subprocess.run(["chown", "-R", "nobody", tree.dir], check=True)
        code, said = tree.run("--once", user="nobody")
        assert code == 0, said
        assert "one user, nobody" in said
        nothing_left(tree)
        with open(tree.path("package", "deps-run"), "a") as f:
            f.write("no-such-package no-such-command # nothing\n")
        code, said = tree.run("--once", user="nobody")
        assert code == 111, said
        assert "installing needs root: sudo sh package/deps install run; missing: no-such-package" in said, said
    finally:
        tree.close()


def test_without_apt(tree, tmp_path):
    for name in ("sh", "sed", "awk", "dirname", "basename", "grep", "tr", "cat", "id", "make"):
        os.symlink(shutil.which(name), tmp_path / name)
    for name in ("quickstart", "deps"):
        path = tree.path("package", name)
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace(":/usr/local/sbin:/usr/sbin:/sbin", ""))
    code, said = tree.run("--once", env={"PATH": str(tmp_path)})
    assert code == 111 and re.search("no apt-get here; please install: .*ucspi-tcp", said), said
