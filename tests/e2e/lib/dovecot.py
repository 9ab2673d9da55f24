"""Dovecot 2.3 as a POP3 server on loopback that asks relay-auth for passwords: somebody else's caller of checkpassword.
It runs `PROGRAM WORDS... checkpassword-reply`, takes descriptor 3 for what it asks and 4 for checkpassword-reply's
answer, and hands mailboxes out to whom $USER names."""
import grp
import os
import poplib
import pwd
import shutil
import tempfile

from .procs import Proc, for_everybody, free_port, listening, program, wait_for

CONF = """
base_dir = %(dir)s/run
state_dir = %(dir)s/state
log_path = %(dir)s/log
auth_verbose = yes
default_login_user = %(login)s
default_internal_user = %(internal)s
default_internal_group = %(group)s
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
protocols = pop3
listen = 127.0.0.1
mail_location = maildir:~/Maildir
first_valid_uid = 1
first_valid_gid = 1
passdb {
  driver = checkpassword
  args = %(checker)s
}
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
service pop3-login {
  chroot = %(chroot)s
  inet_listener pop3 {
    port = %(port)d
  }
  inet_listener pop3s {
    port = 0
  }
}
"""


class Dovecot:
    """A folder, and after start() a server."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="posthouse-dovecot-")
        os.chmod(self.dir, 0o755)
        self.port, self.proc = free_port(), None

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def start(self, checker):
        """`checker`: relay-auth and the path of a users.cdb."""
        me = pwd.getpwuid(os.geteuid()).pw_name
        root = not os.geteuid()
        who = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.geteuid())
        for name in ("run", "state", "mail"):
            os.mkdir(self.path(name))
        os.chown(self.path("mail"), who.pw_uid, who.pw_gid)
        text = CONF % dict(dir=self.dir, port=self.port, checker=" ".join([for_everybody(checker[0]), *checker[1:]]),
                           login="dovenull" if root else me, internal="dovecot" if root else me,
                           group="dovecot" if root else grp.getgrgid(os.getegid()).gr_name,
                           chroot="login" if root else "", uid=who.pw_uid, gid=who.pw_gid)
        with open(self.path("dovecot.conf"), "w") as f:
            f.write(text)
        self.proc = Proc([program("dovecot"), "-F", "-c", self.path("dovecot.conf")], self.path("out"))
        wait_for(lambda: listening("127.0.0.1", self.port) or not self.proc.alive(), 20, "Dovecot listening")
        assert self.proc.alive(), self.log()

    def log(self):
        out = ""
        for name in ("out", "log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as f:
                    out += f.read()
        return out

    def login(self, user, password):
        """The name of the mailbox that opens, or the words of the refusal."""
        c = poplib.POP3("127.0.0.1", self.port, 30)
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

    def close(self):
        if self.proc:
            self.proc.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()
