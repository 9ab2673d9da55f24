"""POP3 servers that people have, with relay-pop-stamp behind their logins: mailfront's programs under tcpserver, and
Courier; dovecot has one more. They listen on loopback, and know joe@hosted.example and ann@hosted.example.

    with Mailfront(argv) as server:
        assert server.login(source="127.0.0.7")
"""
import contextlib
import grp
import imaplib
import os
import poplib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from .procs import ROOT, Proc, for_everybody, free_port, listening, program, wait_for

JOE, ANN, PASSWORD = "joe@hosted.example", "ann@hosted.example", "p s%w=rd"
COURIER = os.path.join(ROOT, "build", "courier", "usr", "lib", "courier", "courier")
DOUBLES = os.path.join(ROOT, "tests", "e2e", "doubles")
POPUP = os.path.join(DOUBLES, "popup.py")
STAMPERS = "daemon"   # the group whose the stamps are, where root runs the tests


class Pop3(poplib.POP3):
    def __init__(self, host, port, source=None, timeout=30):
        self.source = source
        super().__init__(host, port, timeout)

    def _create_socket(self, timeout):
        return socket.create_connection((self.host, self.port), timeout, (self.source, 0) if self.source else None)


class Imap(imaplib.IMAP4):
    def __init__(self, host, port, source=None, timeout=30):
        self.source = source
        super().__init__(host, port, timeout)

    def _create_socket(self, timeout):
        return socket.create_connection((self.host, self.port), timeout, (self.source, 0) if self.source else None)


@contextlib.contextmanager
def open_folder():
    """A folder that every account can reach; pytest's are their maker's alone."""
    path = tempfile.mkdtemp(prefix="posthouse-pop-")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def stamps_folder(path):
    """As relay-conf makes it: of its own group, not for everybody."""
    os.mkdir(path)
    if not os.geteuid():
        os.chown(path, 0, grp.getgrnam(STAMPERS).gr_gid)
    os.chmod(path, 0o2771)
    return path


class Server:
    """What all have: a folder, ports, logins. `argv`: relay-pop-stamp and its directory, at least."""
    end = signal.SIGTERM

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="posthouse-pop-")
        os.chmod(self.dir, 0o755)
        self.host, self.ports, self.procs = "127.0.0.1", {}, []
        os.mkdir(self.path("mail"))
        nobody = pwd.getpwnam("nobody")
        self.uid, self.gid = (os.geteuid(), os.getegid()) if os.geteuid() else (nobody.pw_uid, nobody.pw_gid)
        if not os.geteuid():
            os.chown(self.path("mail"), self.uid, self.gid)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def maildir(self, *names):
        for sub in ("", "cur", "new", "tmp"):
            os.mkdir(self.path(*names, sub))
            if not os.geteuid():
                os.chown(self.path(*names, sub), self.uid, self.gid)

    def run(self, argv, log, **more):
        p = Proc(argv, self.path(log), cwd=self.dir, **more)
        self.procs.append(p)
        return p

    def wait(self, p):
        for port in self.ports.values():
            wait_for(lambda: not p.alive() or listening(self.host, port, p.pid), 20, "listening")
        if not p.alive():
            said = self.log()
            self.close()
            raise AssertionError(said)

    def log(self):
        out = ""
        for name in sorted(n for n in os.listdir(self.dir) if n.endswith(".log")):
            with open(self.path(name), errors="replace") as f:
                out += f.read()
        return out

    def login(self, user=JOE, password=PASSWORD, source=None, host=None, protocol="pop3"):
        """In, a look at the mailbox, and out. True, or False when the password was refused."""
        host = host or self.host
        try:
            if protocol == "pop3":
                c = Pop3(host, self.ports["pop3"], source)
                try:
                    c.user(user)
                    c.pass_(password)
                    assert c.stat() == (0, 0)
                    c.quit()
                finally:
                    c.close()
            else:
                c = Imap(host, self.ports["imap"], source)
                try:
                    c.login(user, password)
                    assert c.select() == ("OK", [b"0"])
                finally:
                    c.logout()
        except (poplib.error_proto, imaplib.IMAP4.error) as e:
            words = str(e)
            assert "[AUTH]" in words or "failed" in words.lower() or "authentication" in words.lower(), words
            return False
        return True

    def close(self):
        for p in reversed(self.procs):
            p.stop(self.end)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


class Mailfront(Server):
    """pop3front-auth and pop3front-maildir under tcpserver. `argv` stands between; `cvm` knows who may log in. With
    `popup`, a checkpassword program and its words, a double of qmail-popup stands in pop3front-auth's place. `account`
    "own": the mailboxes' group is not the stamps'. `before` runs tcpserver."""

    def __init__(self, argv, cvm=None, env=None, popup=None, account=None, before=()):
        super().__init__()
        self.maildir("Maildir")
        self.ports = {"pop3": free_port()}
        gid = self.gid if os.geteuid() or account == "own" else grp.getgrnam(STAMPERS).gr_gid
        self.write("pwfile", "".join("%s:%s:%d:%d:A:%s:/bin/sh\n" % (u.split("@")[0], PASSWORD, self.uid, gid, self.dir)
                                     for u in (JOE, ANN)))
        e = dict(os.environ, TCPLOCALHOST="pop.example", CVM_PWFILE_PATH=self.path("pwfile"), **(env or {}))
        first = [*popup] if popup else [program("pop3front-auth"), cvm or program("cvm-pwfile")]
        self.wait(self.run([*before, program("tcpserver"), "-vHRl0", self.host, str(self.ports["pop3"]), *first, *argv,
                            program("pop3front-maildir"), self.path("Maildir")], "pop3.log", env=e))


class Courier(Server):
    """couriertcpd, courierpop3login with the real authdaemond, courierpop3d. courierpop3login takes the name of one
    program and a maildir, so a script of two lines stands between. What they have below /etc and /run lies in a folder
    of the test, in a mount namespace. The listener is of both families: who comes by IPv4 is ::ffff:a.b.c.d. """

    def __init__(self, argv):
        super().__init__()
        self.ports = {"pop3": free_port("::1")}
        for name in ("etc", "run", "run/authdaemon"):
            os.mkdir(self.path(name))
        self.maildir("mail", "Maildir")
        self.write("etc/authdaemonrc", 'authmodulelist="authuserdb"\nauthmodulelistorig="authuserdb"\ndaemons=1\n'
                   'authdaemonvar=/run/courier/authdaemon\nDEBUG_LOGIN=0\nDEFAULTOPTIONS=""\nLOGGEROPTS=""\n')
        hashed = subprocess.run([program("openssl"), "passwd", "-1", "-stdin"], input=PASSWORD, text=True, check=True,
                                stdout=subprocess.PIPE).stdout.strip()
        self.write("etc/userdb", "".join("%s\tuid=%d|gid=%d|home=%s|mail=%s|pop3pw=%s\n" % (
            u, self.uid, self.gid, self.path("mail"), self.path("mail", "Maildir"), hashed) for u in (JOE, ANN)), 0o600)
        programs = for_everybody(COURIER)
        script = self.write("pop3d", '#!/bin/sh\nexec %s %s/courierpop3d "$@"\n' % (" ".join(argv), programs), 0o755)
        run = ("mount --bind %s/etc /etc/courier && mount --bind %s/run /run/courier && makeuserdb || exit\n"
               "/usr/lib/courier/courier-authlib/authdaemond &\n"
               "until [ -S /run/courier/authdaemon/socket ]; do sleep 0.02; done\n"
               "exec couriertcpd -address=:: -nodnslookup -noidentlookup -maxprocs=40 -maxperip=40 %d "
               "%s/courierpop3login %s Maildir\n" % (self.dir, self.dir, self.ports["pop3"], programs, script))
        self.wait(self.run([program("unshare"), "-m", "sh", self.write("run-it", run)], "courier.log"))


def why_no_courier():
    """A reason to leave Courier out, or None."""
    if os.geteuid():
        return "Courier's paths need a mount namespace, and that root"
    for what in (program_or_none("couriertcpd"), "/usr/lib/courier/courier-authlib/authdaemond",
                 os.path.join(COURIER, "courierpop3d")):
        if not what or not os.path.exists(what):
            return "no Courier: sh package/deps install test"
    return None


def program_or_none(name):
    try:
        return program(name)
    except FileNotFoundError:
        return None


needs_mailfront = pytest.mark.skipif(not program_or_none("pop3front-auth"),
                                     reason="no mailfront: sh package/deps install test")
