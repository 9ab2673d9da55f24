"""An Exim of our own, unpacked below build/exim by package/deps: as a package it can't be there beside Postfix. It runs
in a mount namespace with a passwd file that has its user. Needs root."""
import os
import shutil
import tempfile

from .procs import Proc, free_port, listening, program, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
EXIM = os.path.join(ROOT, "build", "exim", "usr", "sbin", "exim4")
USER, UID = "Debian-exim", 61357

CONFIG = """
exim_user = {user}
exim_group = {user}
exim_path = {exim}
primary_hostname = exim.example
spool_directory = {dir}/spool
log_file_path = {dir}/log/%s
pid_file_path = {dir}/spool/pid
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
{tls_ports}
tls_advertise_hosts = *
tls_certificate = {dir}/cert.pem
tls_privatekey = {dir}/key.pem
keep_environment =
message_size_limit = 0
smtp_accept_queue_per_connection = 0
chunking_advertise_hosts = {chunking}
pipelining_advertise_hosts = *
acl_smtp_rcpt = rcpt
acl_smtp_data = data
log_selector = +tls_sni +received_recipients
{more}
begin acl
rcpt:
  deny local_parts = nobody
       message = no such mailbox
  defer local_parts = later
       condition = ${{if exists{{{dir}/busy}}}}
       message = busy, come again
  accept domains = box.example
         {who}
  deny
data:
  accept
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {dir}/mail
  maildir_format
  create_directory
  user = {user}
  group = {user}
"""

AUTHENTICATORS = """
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{$auth3}}{{${{lookup{{$auth2}}lsearch{{{dir}/users}}{{$value}}fail}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if eq{{$auth2}}{{${{lookup{{$auth1}}lsearch{{{dir}/users}}{{$value}}fail}}}}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{lookup{{$auth1}}lsearch{{{dir}/users}}{{$value}}fail}}
  server_set_id = $auth1
"""


def missing():
    """Why there can be no Exim here, or ''."""
    if os.geteuid():
        return "Exim needs root"
    if not os.path.exists(EXIM):
        return "no Exim below build/exim"
    return "" if shutil.which("unshare") else "no unshare"


class Exim:
    """Takes mail for box.example but nobody@, into a Maildir; later@ when there is no file `busy`. `now`: TLS from the
    first byte. `users`: names and passwords; when there are any, only they may send, by PLAIN, LOGIN and CRAM-MD5."""

    def __init__(self, certificate, now=False, chunking="*", more="", users=None):
        self.dir = tempfile.mkdtemp(prefix="exim-")
        os.chmod(self.dir, 0o755)
        self.host, self.port = "127.0.0.1", free_port()
        for name in "spool", "log", "mail":
            os.mkdir(self.path(name))
            os.chown(self.path(name), UID, UID)
        for name in "cert.pem", "key.pem":
            shutil.copy(os.path.join(certificate, name), self.path(name))
            os.chown(self.path(name), UID, UID)
        shutil.copy(EXIM, self.path("exim4"))   # it runs itself as another user, who need not get to where it was
        for name in "passwd", "group":
            with open("/etc/" + name) as f, open(self.path(name), "w") as to:
                to.write(f.read() + ("%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n" % (USER, UID, UID)
                                     if name == "passwd" else "%s:x:%d:\n" % (USER, UID)))
        with open(self.path("users"), "w") as f:
            f.write("".join("%s: %s\n" % u for u in (users or {}).items()))
        with open(self.path("config"), "w") as f:
            f.write((CONFIG + AUTHENTICATORS * bool(users)).format(
                dir=self.dir, exim=self.path("exim4"), user=USER, port=self.port, chunking=chunking, more=more,
                who="authenticated = *" if users else "",
                tls_ports="tls_on_connect_ports = %d" % self.port if now else ""))
        os.chmod(self.path("config"), 0o644)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def start(self):
        with open(self.path("run"), "w") as f:
            f.write("mount --bind %s/passwd /etc/passwd && mount --bind %s/group /etc/group || exit\n"
                    "exec %s -C %s/config -bdf\n" % (self.dir, self.dir, self.path("exim4"), self.dir))
        self.proc = Proc([program("unshare"), "-m", "sh", self.path("run")], self.path("start.log"))
        wait_for(lambda: listening(self.host, self.port) or not self.proc.alive(), 20, "exim listening")
        assert self.proc.alive(), self.said()
        return self

    def said(self):
        out = ""
        for name in "start.log", "log/main", "log/reject", "log/panic":
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as f:
                    out += f.read()
        return out

    def delivered(self):
        new = self.path("mail", "new")
        out = []
        for name in sorted(os.listdir(new)) if os.path.isdir(new) else []:
            with open(os.path.join(new, name), "rb") as f:
                out.append(f.read())
        return out

    def empty(self):
        """Throws away what was delivered."""
        shutil.rmtree(self.path("mail"))
        os.mkdir(self.path("mail"))
        os.chown(self.path("mail"), UID, UID)

    def wait(self, n, seconds=30):
        wait_for(lambda: len(self.delivered()) >= n, seconds, lambda: "exim: " + self.said(), 0.05)
        return self.delivered()

    def close(self):
        self.proc.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *why):
        self.close()
