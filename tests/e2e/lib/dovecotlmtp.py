"""Dovecot 2.3's LMTP on loopback, over TCP and a Unix socket: somebody else's LMTP. Mailboxes are Maildirs below
mail/, of the users that are named."""
import grp
import os
import pwd
import shutil
import tempfile

from .procs import Proc, free_port, listening, program, wait_for

CONF = """
base_dir = %(dir)s/run
state_dir = %(dir)s/state
log_path = %(dir)s/log
default_login_user = %(login)s
default_internal_user = %(internal)s
default_internal_group = %(group)s
ssl = no
protocols = lmtp
listen = 127.0.0.1
mail_location = maildir:~/Maildir
first_valid_uid = 1
first_valid_gid = 1
postmaster_address = postmaster@hosted.example
recipient_delimiter =
lmtp_client_workarounds =
mail_plugins = quota
quota_full_tempfail = no
plugin {
  quota = maildir:User quota
}
passdb {
  driver = passwd-file
  args = %(dir)s/users
}
userdb {
  driver = passwd-file
  args = %(dir)s/users
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
service lmtp {
  chroot =
  user = %(me)s
  inet_listener lmtp {
    address = 127.0.0.1
    port = %(port)d
  }
  unix_listener %(dir)s/lmtp {
    mode = 0666
  }
}
"""


class DovecotLmtp:
    """users: names and how much each may keep (a quota rule, or "")."""

    def __init__(self, **users):
        self.dir = tempfile.mkdtemp(prefix="posthouse-dovecot-")
        os.chmod(self.dir, 0o755)
        self.port, self.socket, self.proc = free_port(), self.path("lmtp"), None
        me = pwd.getpwuid(os.geteuid()).pw_name
        root = not os.geteuid()
        who = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.geteuid())
        for name in ("run", "state", "mail"):
            os.mkdir(self.path(name))
        os.chown(self.path("mail"), who.pw_uid, who.pw_gid)
        with open(self.path("users"), "w") as f:
            for name, quota in users.items():
                f.write("%s@hosted.example:{PLAIN}x:%d:%d::%s/%s::%s\n" % (
                    name, who.pw_uid, who.pw_gid, self.path("mail"), name,
                    "userdb_quota_rule=*:%s" % quota if quota else ""))
        with open(self.path("dovecot.conf"), "w") as f:
            f.write(CONF % dict(dir=self.dir, port=self.port, me=me, login="dovenull" if root else me,
                                internal="dovecot" if root else me,
                                group="dovecot" if root else grp.getgrgid(os.getegid()).gr_name))
        self.proc = Proc([program("dovecot"), "-F", "-c", self.path("dovecot.conf")], self.path("out"))
        wait_for(lambda: listening("127.0.0.1", self.port) or not self.proc.alive(), 20, "Dovecot listening")
        assert self.proc.alive(), self.log()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def log(self):
        out = ""
        for name in ("out", "log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as f:
                    out += f.read()
        return out

    def mails(self, user):
        """What lies in a mailbox, bytes."""
        out, new = [], self.path("mail", user, "Maildir", "new")
        for name in sorted(os.listdir(new)) if os.path.isdir(new) else ():
            with open(os.path.join(new, name), "rb") as f:
                out.append(f.read())
        return out

    def close(self):
        if self.proc:
            self.proc.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()
