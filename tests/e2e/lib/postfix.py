"""A Postfix of our own: configuration, queue and mailboxes in a scratch folder, on a free loopback port. Needs root."""
import os
import pwd
import shutil
import subprocess
import tempfile

from .procs import Proc, free_port, listening, program, wait_for

MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
mail_owner = postfix
setgid_group = postdrop
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
sendmail_path = /usr/sbin/sendmail
newaliases_path = /usr/bin/newaliases
mailq_path = /usr/bin/mailq
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1/32
myhostname = postfix.example
mydestination =
local_header_rewrite_clients =
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C
alias_maps =
alias_database =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
biff = no
"""

SERVICES = """
{port}    inet  n - n - {smtpd} smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
tlsmgr    unix  - - n 1000? 1 tlsmgr
verify    unix  - - n - 1 verify
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


def missing():
    """Why there can be no Postfix here, or ''."""
    if os.geteuid():
        return "Postfix's master needs root"
    if not os.path.exists("/usr/lib/postfix/sbin/master"):
        return "no postfix"
    return ""


def tls(certificate):
    """Settings: STARTTLS with that certificate's folder."""
    return dict(smtpd_tls_security_level="may", smtpd_tls_received_header="yes",
                smtpd_tls_cert_file=os.path.join(certificate, "cert.pem"),
                smtpd_tls_key_file=os.path.join(certificate, "key.pem"))


class Postfix:
    """mailbox_domain: delivers that domain's mail into Maildir `self.maildir`, whoever the recipient is.
    relayhost: "[127.0.0.1]:2525": a relay that sends everything there."""

    def __init__(self, base=None, mailbox_domain=None, relayhost=None, smtpd="-", **settings):
        self.dir = tempfile.mkdtemp(prefix="postfix-", dir=base)
        os.chmod(self.dir, 0o755)
        self.host, self.port = "127.0.0.1", free_port()
        self.config = os.path.join(self.dir, "config")
        self.maildir = os.path.join(self.dir, "mail", "box")
        user = pwd.getpwnam("postfix")
        for name in ("config", "spool", "data", "mail"):
            os.mkdir(os.path.join(self.dir, name))
        for name in ("data", "mail"):
            os.chown(os.path.join(self.dir, name), user.pw_uid, user.pw_gid)
        text = MAIN.format(dir=self.dir)
        if relayhost:
            text += "relayhost = %s\n" % relayhost
        if mailbox_domain:
            text += ("virtual_mailbox_domains = %s\nvirtual_mailbox_base = %s/mail\n"
                     "virtual_mailbox_maps = static:box/\n"
                     "virtual_mailbox_limit = 0\nvirtual_minimum_uid = 1\nvirtual_uid_maps = static:%d\n"
                     "virtual_gid_maps = static:%d\n" % (mailbox_domain, self.dir, user.pw_uid, user.pw_gid))
        # each once: every daemon warns of a second, so many at once that postlogd waits for itself for good
        text = "".join(line for line in text.splitlines(True) if line.partition("=")[0].strip() not in settings)
        text += "".join("%s = %s\n" % kv for kv in settings.items())
        self.file("main.cf", text)
        self.file("master.cf", SERVICES.format(port="127.0.0.1:%d" % self.port, smtpd=smtpd))
        self.proc = None

    def file(self, name, text):
        with open(os.path.join(self.config, name), "w") as f:
            f.write(text)

    def start(self):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"}
        out = os.path.join(self.dir, "start.log")
        with open(out, "ab") as f:
            r = subprocess.run([program("postfix"), "-c", self.config, "check"], stdout=f, stderr=f, env=env,
                               timeout=180)
        assert r.returncode == 0, self.said()
        env["MAIL_CONFIG"] = self.config
        self.proc = Proc(["/usr/lib/postfix/sbin/master", "-c", self.config], out, env=env, cwd=self.dir)
        wait_for(lambda: listening(self.host, self.port) or not self.proc.alive(), 20, "postfix listening")
        assert self.proc.alive(), self.said()
        return self

    def said(self):
        text = ""
        for name in ("start.log", "log"):
            try:
                with open(os.path.join(self.dir, name), errors="replace") as f:
                    text += f.read()
            except OSError:
                pass
        return text

    def queued(self):
        """Messages that Postfix still holds."""
        n = 0
        for name in ("maildrop", "incoming", "active", "deferred", "hold"):
            for _, _, files in os.walk(os.path.join(self.dir, "spool", name)):
                n += len(files)
        return n

    def delivered(self):
        """What lies in the mailbox: a list of bytes."""
        new = os.path.join(self.maildir, "new")
        out = []
        for name in sorted(os.listdir(new)) if os.path.isdir(new) else []:
            with open(os.path.join(new, name), "rb") as f:
                out.append(f.read())
        return out

    def count(self):
        new = os.path.join(self.maildir, "new")
        return len(os.listdir(new)) if os.path.isdir(new) else 0

    def wait(self, n, seconds=60):
        wait_for(lambda: self.count() >= n, seconds, lambda: "postfix: %d of %d delivered" % (self.count(), n), 0.05)
        return self.delivered()

    def empty(self):
        """Throws away what was delivered."""
        shutil.rmtree(os.path.join(self.maildir, "new"), ignore_errors=True)

    def close(self):
        if self.proc:
            self.proc.stop()
        if not os.environ.get("POSTHOUSE_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *why):
        self.close()
