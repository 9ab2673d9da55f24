"""A mail server as README sets one up: built for its own directories, installed with a set-uid relay-queue, each part
under its own account, with nothing on the command lines but what README has there."""
import contextlib
import glob
import grp
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile

import pytest

from lib.auth import auth_plain
from lib.messages import without_trace
from lib.procs import ROOT, Proc, all_pids, free_port, listening, program, stat_of, wait_for
from lib.smtp import Dialogue
from lib.tls import make_certificate

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="accounts need root")]
RECEIVES, OWNS, SPEAKS, LOGS, KEYS, SECRETS = "games", "daemon", "nobody", "mail", "news", "uucp"
STAMPS, READS = "backup", "list"
SOURCES = ("bin-src", "lib", "package", "man", "Makefile", "conf-cc", "conf-ld", "conf-control", "conf-spool")


@pytest.fixture(scope="module")
def server():
    folder = tempfile.mkdtemp(prefix="posthouse-installed-")
    os.chmod(folder, 0o755)
    src = os.path.join(folder, "src")
    os.mkdir(src)
    for name in SOURCES:
        copy = shutil.copytree if os.path.isdir(os.path.join(ROOT, name)) else shutil.copy2
        copy(os.path.join(ROOT, name), os.path.join(src, name))
    for name, directory in (("conf-control", "etc"), ("conf-spool", "spool")):
        with open(os.path.join(src, name)) as f:
            lines = f.read().split("\n")
        with open(os.path.join(src, name), "w") as f:
            f.write("\n".join([os.path.join(folder, directory)] + lines[1:]))
    inherited = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CFLAGS", "SAN", "CHAIN", "B")
    env = {k: v for k, v in os.environ.items() if k not in inherited}
    subprocess.run(["make", "-s", "-j2", "MUSL=" + os.path.join(ROOT, "build", "musl"), "PREFIX=" + folder,
                    "QUEUE_USER=" + OWNS, "AUTH_GROUP=" + SECRETS, "STAMP_GROUP=" + STAMPS, "install"],
                   cwd=src, env=env, check=True, timeout=300)
    yield folder
    shutil.rmtree(folder)


def conf(server, *words):
    r = subprocess.run([os.path.join(server, "bin", "relay-conf"), *words], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=30)
    assert r.returncode == 0, r.stdout


def accounts_of(server, name):
    """The real and effective users of our running programs of that name."""
    found = set()
    for pid in all_pids():
        if stat_of(pid)[3] == name[:15]:
            try:
                if os.readlink("/proc/%d/exe" % pid).startswith(server):
                    with open("/proc/%d/status" % pid) as f:
                        uids = re.search(r"^Uid:\t(\d+)\t(\d+)", f.read(), re.M).groups()
                    found.add(tuple(pwd.getpwuid(int(u)).pw_name for u in uids))
            except OSError:
                pass
    return found


@contextlib.contextmanager
def supervised(server, services, dirs, port):
    """svscan in a folder with links to these service directories, until somebody listens on the port; then it ends."""
    os.mkdir(services)
    for path in dirs:
        os.symlink(path, os.path.join(services, os.path.basename(path)))
    scan = Proc([program("svscan"), services], os.path.join(server, "svscan.log"), env={"PATH": "/usr/bin:/bin"})
    try:
        wait_for(lambda: listening("127.0.0.1", port), 20, "tcpserver listening")
        yield
    finally:
        scan.popen.send_signal(signal.SIGTERM)
        dirs = glob.glob(services + "/*") + glob.glob(services + "/*/log")
        subprocess.run([program("svc"), "-dx", *dirs], check=True, timeout=30)
        wait_for(lambda: all(subprocess.run([program("svok"), d]).returncode for d in dirs), 20, "services down")
        scan.stop()


def test_as_readme_says(server, sink):
    etc, spool, services = (os.path.join(server, n) for n in ("etc", "spool", "service"))
    port = free_port()
    conf(server, "control", etc, "mail.example.org")
    with open(os.path.join(etc, "routes"), "a") as f:
        f.write(":%s\n" % sink.route)
    subprocess.run([os.path.join(server, "bin", "relay-mkcdb"), etc], check=True)
    conf(server, "queue", os.path.join(spool, "queue"), "--queue-user", OWNS)
    conf(server, "receive", os.path.join(etc, "smtpd"), "--user", RECEIVES, "--log-user", LOGS,
         "--address", "127.0.0.1", "--port", str(port))
    users = tls_and_logins(server, etc, spool)
    ports = {}
    for name, more in (("submission", []), ("submissions", ["--tls-now"])):
        ports[name] = free_port()
        conf(server, "receive", os.path.join(etc, name), "--user", RECEIVES, "--log-user", LOGS,
             "--port", str(ports[name]), "--address", "127.0.0.1", "--listener", "submission",
             "--tls", os.path.join(spool, "tlsd"), *more, "--logins")
    conf(server, "send", os.path.join(etc, "send"), "--queue-user", OWNS, "--remote-user", SPEAKS, "--log-user", LOGS)
    with supervised(server, services, [os.path.join(etc, name) for name in ("smtpd", "send", "tlsd", *ports)], port):
        relay(server, sink, port, os.path.join(spool, "queue"))
        sink.clear()
        for n, (name, at) in enumerate(ports.items()):
            log_in(server, etc, at, name == "submissions", users)
            assert " with ESMTPSA " in sink.wait(n + 1)[n].header("Received")[0]
    log = os.path.join(etc, "smtpd", "log", "main", "current")
    assert pwd.getpwuid(os.stat(log).st_uid).pw_name == LOGS


def read_mail(server, stamps, ip, user="joe"):
    """What is behind a qmail-style login: an account of no groups but its own, and a set-gid relay-pop-stamp."""
    account = pwd.getpwnam(READS)
    r = subprocess.run([os.path.join(server, "bin", "relay-pop-stamp"), stamps, "id", "-G"], user=READS,
                       group=account.pw_gid, extra_groups=[], cwd="/",
                       env={"PATH": "/usr/bin:/bin", "TCPREMOTEIP": ip, "USER": user},
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    assert (r.returncode, r.stdout, r.stderr) == (0, b"%d\n" % account.pw_gid, b"")


def test_pop_before_smtp(server, sink):
    """README's step for it: another control directory than the other test's, since that has a sink of its own."""
    etc, spool = (os.path.join(server, n) for n in ("pop", "spool"))
    stamps, port = os.path.join(spool, "stamps"), free_port()
    conf(server, "control", etc, "mail.example.org")
    for name, line in (("routes", ":" + sink.route), ("relay", "grant pop 300")):
        with open(os.path.join(etc, name), "a") as f:
            f.write(line + "\n")
    subprocess.run([os.path.join(server, "bin", "relay-mkcdb"), etc], check=True)
    conf(server, "queue", os.path.join(spool, "queue"), "--queue-user", OWNS)
    conf(server, "stamps", stamps, "--stamp-group", STAMPS)
    st = os.stat(stamps)
    assert (st.st_uid, grp.getgrgid(st.st_gid).gr_name, stat.S_IMODE(st.st_mode)) == (0, STAMPS, 0o2771)
    conf(server, "receive", os.path.join(etc, "smtpd"), "--user", RECEIVES, "--log-user", LOGS,
         "--address", "127.0.0.1", "--port", str(port), "--control", etc, "--stamps", stamps)
    conf(server, "send", os.path.join(etc, "send"), "--queue-user", OWNS, "--remote-user", SPEAKS, "--log-user", LOGS,
         "--control", etc)
    dirs = [os.path.join(etc, n) for n in ("smtpd", "send")]
    with supervised(server, os.path.join(server, "service-pop"), dirs, port):
        assert send(port, "127.0.3.1") == 550
        read_mail(server, stamps, "127.0.3.1")
        assert send(port, "127.0.3.2") == 550
        assert send(port, "127.0.3.1") == 250
        assert sink.wait(1, 30)[0].recipients == ["c@elsewhere.example"]
        stamp = os.path.join(stamps, "127.0.3.1")
        at = os.stat(stamp).st_mtime
        os.utime(stamp, (at - 301, at - 301))
        assert send(port, "127.0.3.1") == 550
        read_mail(server, stamps, "127.0.3.1", "ann")
        assert send(port, "127.0.3.1") == 250
    with open(os.path.join(etc, "smtpd", "log", "main", "current")) as f:
        said = [l for l in f if " event=recipient " in l]
    assert [re.findall(r" (?:client|reason|pop)=(\S+)", l) for l in said] == [
        ["127.0.3.1", "relaying-denied"], ["127.0.3.2", "relaying-denied"], ["127.0.3.1", "pop", "joe"],
        ["127.0.3.1", "relaying-denied"], ["127.0.3.1", "pop", "ann"]], said
    # who receives may look an address up; nobody but the group may list or write
    for words in (["ls", stamps], ["touch", os.path.join(stamps, "127.0.3.9")], ["rm", "-f", stamp]):
        assert subprocess.run(words, user=RECEIVES, group=RECEIVES, extra_groups=[], stderr=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL).returncode != 0, words
    os.utime(stamp, (at - 600, at - 600))
    read_mail(server, stamps, "127.0.3.4")
    subprocess.run([os.path.join(server, "bin", "relay-pop-sweep")], user=STAMPS, group=STAMPS, extra_groups=[],
                   check=True, stderr=subprocess.DEVNULL)   # as cron starts it: of itself it knows the directory
    assert os.listdir(stamps) == ["127.0.3.4"]


def send(port, source):
    """A message from there; the reply to RCPT, or to all of it."""
    with Dialogue(("127.0.0.1", port), source) as d:
        d.hello()
        return d.mail("a@outside.example", "c@elsewhere.example", b"From: a@outside.example\n\nhello\n")


def tls_and_logins(server, etc, spool):
    """What README says of them, in its order; returns users.cdb."""
    make_certificate(os.path.join(etc, "tls", "default"), "mail.example.org")
    subprocess.run(["chown", "-R", KEYS + ":", os.path.join(etc, "tls")], check=True)
    subprocess.run(["chmod", "-R", "go=", os.path.join(etc, "tls")], check=True)
    conf(server, "tls", os.path.join(etc, "tlsd"), "--tls-user", KEYS, "--user", RECEIVES, "--log-user", LOGS,
         "--socket", os.path.join(spool, "tlsd"))
    users = os.path.join(etc, "users")
    with open(users, "a") as f:
        subprocess.run([os.path.join(server, "bin", "relay-passwd"), "joe"], input=b"secret\n", stdout=f, check=True)
    shutil.chown(users, group=SECRETS)
    subprocess.run([os.path.join(server, "bin", "relay-mkcdb"), etc], check=True)
    conf(server, "cache", os.path.join(spool, "failures"), "--user", RECEIVES)
    return users + ".cdb"


def log_in(server, etc, port, now, users):
    """Over TLS; right and wrong. Who receives sees neither the keys nor the hashes."""
    trust = ssl.create_default_context(cafile=os.path.join(etc, "tls", "default", "cert.pem"))
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
        d = Dialogue(plain)
        if not now:
            assert "AUTH" not in d.hello()
            d.ok("STARTTLS", 220)
        d.sock = trust.wrap_socket(plain, server_hostname="mail.example.org")
        if now:
            d.reply()
        d.ok("EHLO client.example")
        assert d.cmd("MAIL FROM:<joe@example.org>") == 530
        assert auth_plain(d, "joe", "Secret") == 535
        assert auth_plain(d, "joe", "secret") == 235
        assert d.mail("joe@example.org", "c@elsewhere.example", b"From: joe@example.org\n\nhello\n") == 250
        assert (KEYS, KEYS) in accounts_of(server, "relay-tlsd")
        assert accounts_of(server, "relay-smtpd") == {(RECEIVES, RECEIVES)}
        for secret in (users, os.path.join(etc, "users"), os.path.join(etc, "tls", "default", "key.pem")):
            assert subprocess.run(["cat", secret], user=RECEIVES, group=RECEIVES, extra_groups=[],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 1
        d.ok("QUIT", 221)


def relay(server, sink, port, queue):
    sink.on["."] = lambda session, line: (1.5, b"250 2.0.0 kept\r\n")   # so that relay-remote can be looked at
    with Dialogue(("127.0.0.1", port)) as d:
        d.hello()
        d.ok("MAIL FROM:<a@outside.example>")
        d.ok("RCPT TO:<c@elsewhere.example>")
        assert accounts_of(server, "relay-smtpd") == {(RECEIVES, RECEIVES)}
        assert accounts_of(server, "relay-queue") == {(RECEIVES, OWNS)}
        d.ok("DATA", 354)
        d.send(b"Subject: installed\r\n\r\nhello\r\n.\r\n")
        assert d.reply() == 250
        wait_for(lambda: accounts_of(server, "relay-remote") == {(SPEAKS, SPEAKS)}, 10,
                 "relay-remote as " + SPEAKS, pause=0)
        files = [os.path.join(p, f) for p, _, fs in os.walk(os.path.join(queue, "mess")) for f in fs]
        assert len(files) == 1
        st = os.stat(files[0])
        assert pwd.getpwuid(st.st_uid).pw_name == OWNS and stat.S_IMODE(st.st_mode) == 0o600
        d.quit()
    assert (OWNS, OWNS) in accounts_of(server, "relay-send")
    assert without_trace(sink.wait(1, 30)[0].lf) == b"Subject: installed\n\nhello\n"
    wait_for(lambda: not os.path.exists(files[0]), 10, "the queue empty")
    # who receives can add to the queue, and neither look into it nor remove anything
    r = subprocess.run(["ls", os.path.join(queue, "mess")], user=RECEIVES, stderr=subprocess.DEVNULL)
    assert r.returncode != 0


def test_what_is_installed(server):
    """Pages for all programs; only these have a raised privilege."""
    programs = sorted(os.listdir(os.path.join(server, "bin")))
    assert {"relay-conf", "relay-gate", "relay-mkcdb", "relay-queue", "relay-remote", "relay-send",
            "relay-smtpd"} <= set(programs)
    for name in programs:
        assert os.path.exists(os.path.join(server, "share/man/man8", name + ".8"))
        st = os.stat(os.path.join(server, "bin", name))
        modes = {"relay-queue": 0o4711, "relay-auth": 0o2711, "relay-pop-stamp": 0o2711}
        assert stat.S_IMODE(st.st_mode) == modes.get(name, 0o755)
        groups = {"relay-auth": SECRETS, "relay-pop-stamp": STAMPS}
        assert name not in groups or grp.getgrgid(st.st_gid).gr_name == groups[name]
        assert pwd.getpwuid(st.st_uid).pw_name == (OWNS if name == "relay-queue" else "root")
    assert os.path.exists(os.path.join(server, "share/man/man5/posthouse-control.5"))
