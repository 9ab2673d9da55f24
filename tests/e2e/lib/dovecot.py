"""Dovecot 2.3 as a server of POP3 and IMAP, on loopback or where it is told: with relay-pop-stamp behind its logins
(Dovecot), or asking relay-auth for passwords (Asking). And as what Postfix asks for passwords (Sasl)."""
import grp
import os
import poplib
import pwd
import shutil
import signal

from .pop import ANN, JOE, PASSWORD, STAMPERS, Server
from .procs import for_everybody, free_port, program, sanitized, wait_for

CONF = """
base_dir = %(dir)s/run
state_dir = %(dir)s/state
log_path = %(dir)s/dovecot.log
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
protocols = %(protocols)s
listen = %(hosts)s
mail_location = maildir:~/Maildir
first_valid_uid = 1
first_valid_gid = 1
userdb {
  driver = static
  args = uid=%(uid)d gid=%(gid)d home=%(dir)s/mail/%%u allow_all_users=yes
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
"""
ROOT_CONF = """
default_login_user = dovenull
default_internal_user = dovecot
"""
OWN_CONF = """
default_login_user = %(me)s
default_internal_user = %(me)s
default_internal_group = %(group)s
"""
LOGIN = """
service %(name)s-login {
  chroot = %(login)s
  inet_listener %(name)s {
    port = %(port)d
  }
  inet_listener %(name)ss {
    port = 0
  }
}
"""
STAMPING = """
service %(name)s {
  executable = %(name)s %(name)s-postlogin
}
service %(name)s-postlogin {
  executable = script-login %(stamp)s
  user = %(me)s
  group = %(group)s%(memory)s
  unix_listener %(name)s-postlogin {
  }
}
"""


class Base(Server):
    """What both have. `protocols`: what it serves. `hosts`: where it listens. `enter`: run first in its process (a
    network namespace)."""
    end = signal.SIGKILL    # at a SIGTERM it takes a second

    def __init__(self, protocols, hosts=("127.0.0.1",), enter=None):
        super().__init__()
        self.host, self.hosts, self.enter = hosts[0], hosts, enter
        self.ports = {p: free_port() for p in protocols}

    def serve(self, conf, service="", **values):
        """`conf` comes after what is always said, `service` for each protocol; both with the values."""
        me, group = ("$default_internal_user", STAMPERS) if not os.geteuid() else (
            pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name)
        values.update(dir=self.dir, hosts=", ".join(self.hosts), protocols=" ".join(self.ports), uid=self.uid,
                      gid=self.gid, me=me, group=group, login="" if os.geteuid() else "login")
        text = (OWN_CONF if os.geteuid() else ROOT_CONF) + CONF + conf
        self.write("dovecot.conf", (text % values) + "".join(
            (LOGIN + service) % dict(values, name=n, port=p) for n, p in self.ports.items()))
        for name in ("run", "state"):
            os.mkdir(self.path(name))
        self.wait(self.run([program("dovecot"), "-F", "-c", self.path("dovecot.conf")], "out.log", preexec=self.enter))


class Dovecot(Base):
    """`argv`: relay-pop-stamp and its directory, at least. `trusted`: networks of proxies, whose word on the client's
    address is taken."""

    def __init__(self, argv, hosts=("127.0.0.1",), enter=None, trusted=""):
        super().__init__(("pop3", "imap"), hosts, enter)
        self.write("passwd", "".join("%s:%s\n" % (u, PASSWORD) for u in (JOE, ANN)))
        self.serve("""
login_trusted_networks = %(trusted)s
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%%u %(dir)s/passwd
}
""", STAMPING, trusted=trusted, stamp=" ".join(argv), memory="\n  vsz_limit = 0" if sanitized() else "")


class Asking(Base):
    """Somebody else's caller of checkpassword. It runs `PROGRAM WORDS... checkpassword-reply`, takes descriptor 3 for
    what it asks and 4 for checkpassword-reply's answer, and hands mailboxes out to whom $USER names. A folder, and
    after start() a server."""

    def __init__(self):
        super().__init__(("pop3",))

    def start(self, checker):
        """`checker`: relay-auth and the path of a users.cdb."""
        self.serve("""
auth_verbose = yes
passdb {
  driver = checkpassword
  args = %(checker)s
}
""", checker=" ".join([for_everybody(checker[0]), *checker[1:]]))

    def login(self, user, password):
        """The name of the mailbox that opens, or the words of the refusal."""
        c = poplib.POP3(self.host, self.ports["pop3"], 30)
        try:
            c.user(user)
            c.pass_(password)
            assert c.stat() == (0, 0)
            (name,) = os.listdir(self.path("mail"))
            c.quit()
        except poplib.error_proto as e:
            return e.args[0].decode()
        finally:
            c.close()
        shutil.rmtree(self.path("mail", name))
        return name


class Sasl(Base):
    """Somebody else's logins, for Postfix, at `socket`: all mechanisms that relay-remote has. users: and passwords."""

    def __init__(self, **users):
        super().__init__(())
        self.socket = self.path("sasl")
        self.write("passwd", "".join("%s:{PLAIN}%s\n" % u for u in users.items()))
        self.serve("""
auth_mechanisms = plain login cram-md5 scram-sha-256
passdb {
  driver = passwd-file
  args = %(dir)s/passwd
}
service auth {
  unix_listener %(dir)s/sasl {
    mode = 0666
  }
}
""")
        wait_for(lambda: os.path.exists(self.socket), 20, lambda: self.log())
