"""What relay-conf writes is what runs: service directories under the real svscan, the xinetd file under the
real xinetd, the systemd units as systemd reads them; each time the same dialogue and the client's true
address in the log."""
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile

import pytest

from lib.instance import is_queue
from lib.messages import without_trace
from lib.procs import listening, program, stat_of, wait_for
from lib.services import House, Unit, me, mkcdb, socket_activate, verify_units
from lib.smtp import Dialogue

DATA = b"Subject: conf\n\nhello\n"
ROOT = os.geteuid() == 0


@pytest.fixture
def house(sink):
    h = House(sink)
    yield h
    h.close()


def mask(reply):
    return re.sub(r"\b[0-9a-f]{22}\b", "ID", reply.raw.decode())


def dialogue(host, port, source=None):
    """A message in, and one that depends on who asks."""
    with Dialogue((host, port), source) as d:
        seen = [mask(d.reply())]
        for line in ("EHLO client.example", "WHAT", "MAIL FROM:<a@outside.example>", "RCPT TO:<c@elsewhere.example>",
                     "RCPT TO:<b@hosted.example>", "DATA"):
            seen.append(mask(d.cmd(line)))
        d.send(DATA.replace(b"\n", b"\r\n") + b".\r\n")
        seen.append(mask(d.reply()))
        seen.append(mask(d.cmd("QUIT")))
        d.closed()
    return seen


SEEN = {}


def check(house, sink, log, host="127.0.0.1", source=None):
    """Trusted and stranger get what they should, the log has the address, and the dialogue is the same everywhere."""
    trusted = source != "127.0.0.2"
    seen = dialogue(host, house.port, source)
    assert seen[4].startswith("250 2.1.5" if trusted else "550 5.7.1"), seen
    assert seen[7].startswith("250 2."), seen
    m = sink.wait(1, 30)[0]
    assert without_trace(m.lf) == DATA
    assert set(m.recipients) <= {"c@elsewhere.example", "b@hosted.example"}
    ip = source or host
    wait_for(lambda: "client=%s " % ip in log(), 10, lambda: "client=%s in the log:\n%s" % (ip, log()))
    assert set(re.findall(r"\bclient=(\S+)", log())) == {ip}
    assert SEEN.setdefault(trusted, seen) == seen


def multilog(house, name):
    def read():
        with open(os.path.join(house.services, name, "log", "main", "current")) as f:
            return f.read()
    return read


@pytest.mark.parametrize("source", [None, "127.0.0.2"])
def test_daemontools(house, sink, source):
    os.mkdir(house.services)
    house.start([program("svscan"), house.services], "svscan.log")
    said = house.conf("receive", os.path.join(house.services, "smtpd"), "--one-user", *house.chain,
                      "--address", "127.0.0.1", *house.listener())
    assert "one user, " + me() in said
    house.conf("send", os.path.join(house.services, "send"), "--one-user", *house.chain)
    house.wait_listening()
    check(house, sink, multilog(house, "smtpd"), source=source)
    # svc stops it: nobody listens any more; and starts it again
    service = os.path.join(house.services, "smtpd")
    subprocess.run([program("svc"), "-d", service], check=True)
    wait_for(lambda: not listening("127.0.0.1", house.port), 10, "nobody listening")
    subprocess.run([program("svc"), "-u", service], check=True)
    house.wait_listening()


@pytest.mark.skipif(not ROOT, reason="accounts need root")
def test_accounts(house, sink):
    """As root each program has its own account."""
    os.mkdir(house.services)
    house.conf("queue", house.queue, "--queue-user", "mail")
    accounts = ["--log-user", "daemon"]
    # the injector is not set-uid here, so the chain runs as the queue's user
    house.conf("receive", os.path.join(house.services, "smtpd"), "--user", "mail", *accounts, *house.chain,
               "--address", "127.0.0.1", *house.listener())
    house.conf("send", os.path.join(house.services, "send"), "--queue-user", "mail", "--remote-user", "nobody",
               *accounts, *house.chain)
    scan = house.start([program("svscan"), house.services], "svscan.log")
    house.wait_listening()
    mail, nobody, daemon = (pwd.getpwnam(n).pw_uid for n in ("mail", "nobody", "daemon"))
    with Dialogue(("127.0.0.1", house.port)) as d:
        d.hello()
        wait_for(lambda: ours(scan, "relay-smtpd") and ours(scan, "relay-smtpd") == {mail}, 10,
                 lambda: "relay-smtpd: %s" % ours(scan, "relay-smtpd"))
        d.ok("MAIL FROM:<a@outside.example>")
        d.ok("RCPT TO:<c@elsewhere.example>")
        d.ok("DATA", 354)
        d.send(b"Subject: x\r\n\r\n.\r\n")
        assert d.reply() == 250
        sink.wait(1, 30)
        assert mail in ours(scan, "relay-send")
        assert ours(scan, "relay-remote") == {nobody}
    assert os.stat(os.path.join(house.services, "smtpd", "log", "main", "current")).st_uid == daemon
    assert os.stat(os.path.join(house.queue, "trigger")).st_uid == mail


def ours(scan, name):
    """The accounts of the processes with that name that svscan's session holds."""
    found = set()
    for pid in scan.members():
        if stat_of(pid)[3] == name[:15]:
            try:
                found.add(os.stat("/proc/%d" % pid).st_uid)
            except OSError:
                pass
    return found


@pytest.mark.parametrize("host,source", [("127.0.0.1", None), ("127.0.0.1", "127.0.0.2"), ("::1", None)])
@pytest.mark.parametrize("every", [False, True])
def test_xinetd(house, sink, host, source, every):
    """`every`: without an address it listens on all of both families."""
    where = tempfile.mkdtemp(prefix="posthouse-xinetd-")   # xinetd.conf(5) knows no quotes
    try:
        log = house.path("smtpd.log")
        address = [] if every else ["--address", host]
        assert "can't hold" in house.conf("xinetd", house.path("a b"), "--one-user", "--log", log, *house.chain,
                                          code=111)
        house.conf("xinetd", where + "/posthouse", "--one-user", "--log", log, *house.chain, *address,
                   *house.listener())
        house.start([program("xinetd"), "-dontfork", "-f", where + "/posthouse", "-pidfile", where + "/pid"],
                    "xinetd.log")
        house.sender()
        house.wait_listening("::1" if every else host)
        check(house, sink, lambda: open(log).read(), host, source)
    finally:
        shutil.rmtree(where)


@pytest.mark.parametrize("host,source", [("127.0.0.1", None), ("127.0.0.1", "127.0.0.2"), ("::1", None)])
def test_systemd(house, sink, host, source):
    """The units pass systemd's own check; the chain that they name runs under systemd-socket-activate."""
    units = house.path("units")
    house.conf("systemd", units, "--one-user", *house.chain, "--address", host, *house.listener())
    names = [os.path.join(units, n) for n in ("posthouse.socket", "posthouse@.service", "posthouse-send.service")]
    assert sorted(os.listdir(units)) == sorted(os.path.basename(n) for n in names)
    verify_units(units)
    assert Unit(names[1]).get("User") == [me()]
    log = house.path("smtpd.log")
    open(log, "wb").close()
    socket_activate(house, names[0], names[1], "smtpd.log")
    house.sender()
    house.wait_listening(host)
    check(house, sink, lambda: open(log).read(), host, source)


def test_systemd_and_accounts(house):
    units = house.path("units")
    words = ["systemd", units, "--user", "mail", "--queue-user", "daemon", "--remote-user", "games"]
    if not ROOT:
        assert "not root" in house.conf(*words)
        return
    house.conf(*words, *house.chain)
    with open(os.path.join(units, "posthouse-send.service")) as f:
        text = f.read()
    ids = [pwd.getpwnam(n) for n in ("daemon", "games")]
    assert " -u %d:%d -U %d:%d -R " % (ids[0].pw_uid, ids[0].pw_gid, ids[1].pw_uid, ids[1].pw_gid) in text
    assert "User=" not in text
    assert "no account nobody-at-all" in house.conf("systemd", house.path("u2"), "--user", "nobody-at-all", code=111)


def test_control_is_kept(house):
    """A second run makes what is missing and overwrites nothing."""
    path = os.path.join(house.control, "relay")
    with open(path, "w") as f:
        f.write("# mine\n")
    os.unlink(os.path.join(house.control, "limits"))
    said = house.conf("control", house.control, "other.example")
    assert "kept " + path in said and "limits" not in said
    with open(path) as f:
        assert f.read() == "# mine\n"
    assert os.path.exists(os.path.join(house.control, "limits"))
    with open(os.path.join(house.control, "me")) as f:
        assert f.read().endswith("\nrelay.example\n")


def test_control_as_written(house):
    """The untouched control directory compiles without a word, and every line that it only
    suggests is right as well."""
    fresh = house.path("fresh")
    house.conf("control", fresh, "mail.example.org")
    assert mkcdb(fresh) == (0, "")
    for name in ("me", "clients", "domains", "recipients", "aliases", "relay", "routes", "limits"):
        path = os.path.join(fresh, name)
        with open(path) as f:
            lines = f.read().splitlines()
        assert lines[0].startswith("# ") and len(lines) >= 3, name
        with open(path, "w") as f:
            f.write("".join((l[1:] if re.match(r"#[^ ]", l) else l) + "\n" for l in lines))
    # the network that serves as an example may hold this machine's gateway
    code, said = mkcdb(fresh)
    assert code == 0 and re.fullmatch(r"(clients:\d+: warning: trusts .*\n)?", said), said


def test_queue(house):
    assert is_queue(house.queue)
    assert stat.S_IMODE(os.stat(os.path.join(house.queue, "trigger")).st_mode) == 0o600
    kept = os.path.join(house.queue, "mess", "00", "file")
    open(kept, "w").close()
    os.rmdir(os.path.join(house.queue, "mess", "3f"))
    house.conf("queue", house.queue)
    assert is_queue(house.queue) and os.path.exists(kept)


@pytest.mark.parametrize("words", [[], ["what"], ["receive"], ["queue", "a", "b"], ["receive", "a", "--port", "x"],
                                   ["send", "a", "--port", "25"], ["control", "a", "--one-user"],
                                   ["queue", "a", "--user"]])
def test_wrong_command_lines(house, words):
    said = house.conf(*words, code=100)
    assert "usage: relay-conf control DIR [ME]" in said


def test_accounts_are_asked_for(house):
    if not ROOT:
        pytest.skip("without root there is one user anyway")
    assert "--user, please" in house.conf("receive", house.path("s"), code=100)
    assert "--log-user, please" in house.conf("receive", house.path("s"), "--user", "mail", code=100)
    assert not os.path.exists(house.path("s"))


def test_services_are_not_overwritten(house):
    for words in (["receive", house.path("r"), "--one-user"], ["send", house.path("s"), "--one-user"],
                  ["systemd", house.path("u"), "--one-user"]):
        house.conf(*words)
        assert "is there already" in house.conf(*words, code=111)


def test_made_for_one_user_alone(house):
    """A run file made for an unprivileged user does nothing when root starts it."""
    if not ROOT:
        pytest.skip("needs root to become somebody else")
    nobody = pwd.getpwnam("nobody")
    os.mkdir(house.path("n"))
    os.chown(house.path("n"), nobody.pw_uid, nobody.pw_gid)
    copy = house.path("relay-conf")   # the build folder may not be open to everybody
    shutil.copy(program("relay-conf"), copy)
    r = subprocess.run([copy, "receive", house.path("n", "smtpd"), "--user", "mail", "--log-user", "mail"],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, user="nobody", group=nobody.pw_gid, cwd="/")
    assert r.returncode == 0 and b"not root: everything is made for one user, nobody" in r.stdout, r.stdout
    p = house.start([house.path("n", "smtpd", "run")], "run.log")
    wait_for(lambda: "made for user number %d alone" % nobody.pw_uid in p.text(), 10, "a refusal")
    assert p.alive() and "tcpserver" not in p.text()
    assert [stat_of(n)[3] for n in p.members() if n != p.pid] == ["sleep"]
