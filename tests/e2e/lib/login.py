"""The whole chain with logins: tcpserver, relay-gate, relay-tls, relay-smtpd with relay-auth, one listener for STARTTLS
and one for implicit TLS, a relay-tlsd, a queue, and a sink where it ends. And the clients that people have, told to log
in."""
import json
import os
import shutil
import smtplib
import ssl
import subprocess
from urllib.parse import quote

from .auth import MECHANISMS as DIALOGUES, b64
from .instance import Instance
from .procs import ROOT, program, wait_for
from .sink import Sink
from .smtp import Dialogue
from .tls import House, make_certificate

PASSWORD = "pa ss%w0rd=x,y"
NOT_OFFERED = 2   # smtplib's code here for a mechanism that it isn't offered
ALICE, BOSS, RECIPIENT = "alice@hosted.example", "boss@hosted.example", "bob@elsewhere.example"
TEXT = b"From: %s\nTo: bob@elsewhere.example\nSubject: login\nDate: Sun, 22 Nov 2026 08:00:00 +0000\n" \
       b"Message-ID: <1@hosted.example>\n\n.dot\nend\n"
NODE_PATH = os.path.join(ROOT, "build", "npm", "node_modules")
NODE = """
const mailer = require('nodemailer'), how = JSON.parse(process.argv[1]);
mailer.createTransport(how.transport).sendMail({ envelope: how.envelope, raw: how.raw }).then(
  info => console.log(info.response), error => { console.log(error.message); process.exitCode = 1; });
"""


def hashed(name, password=PASSWORD, *options):
    """relay-passwd's line, without its end."""
    r = subprocess.run([program("relay-passwd"), *options, name], input=password.encode() + b"\n",
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    assert r.returncode == 0, r
    return r.stdout.decode().rstrip("\n")


class LoginChain:
    """alice may do all, carol has not the relay privilege, dave is bound to his own address, and has not asked
    for logins by certificate as the other two have. Nobody's address is trusted."""

    def __init__(self, keys=None, smtpd=("-l", "submission"), checker=None, concurrency=200, **control):
        """`keys`: relay-tls -k in place of relay-tlsd."""
        self.sink = Sink()
        self.house = House(certificates=False)
        self.cert = make_certificate(self.house.path("certs", "default"), "relay.example", "localhost", "IP:127.0.0.1")
        line = hashed("alice", PASSWORD, "-c")
        hashes = line.split(" ", 1)[1]
        users = "%s,{EXTERNAL}\ncarol %s,{EXTERNAL} norelay\ndave %s from dave@hosted.example\n"
        users %= line, hashes, hashes
        self.hashes = hashes
        texts = {"users": users, "relay": "grant login\n", "clients": ":allow\n", "routes": ":%s\n" % self.sink.route}
        texts.update(control)
        self.instance = Instance(env={"RELAYFAILURES": "/dev/null/none", "RELAYTLSD": program("relay-tlsd")}, **texts)
        self.instance.compile()
        if not keys:
            self.house.tlsd()
        self.instance.send()
        tls = ["-k", self.house.certs] if keys else [self.house.socket]
        if checker is None:
            checker = [program("relay-auth"), os.path.join(self.instance.control, "users.cdb"), "true"]
        self.ports = {}
        for mode, more in (("starttls", []), ("implicit", ["-i"])):
            gate = self.instance.chain()[:2]
            self.instance.receive([*gate, program("relay-tls"), *more, *tls, program("relay-smtpd"), *smtpd, *checker],
                                  concurrency=concurrency)
            self.ports[mode] = self.instance.port

    def clear(self):
        self.instance.wait_empty()
        self.sink.clear()
        open(self.instance.path("smtpd.log"), "wb").close()

    def events(self, event, **fields):
        """The log's lines of this kind with these words; waits for the first."""
        def look():
            return [e for e in self.instance.events(event=event) if all(e.get(k) == v for k, v in fields.items())]
        try:
            return wait_for(look, 10)
        except AssertionError:
            return []

    def close(self):
        self.instance.close()
        self.house.close()
        self.sink.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


class Job:
    """What a client is to do. `sender` is the envelope's; `header` the field From, the same unless said otherwise;
    `certificate`: the folder of the client's own, cert.pem and key.pem."""

    def __init__(self, chain, folder, mechanism, mode, user="alice", password=PASSWORD, sender=ALICE, header=None,
                 certificate=None):
        self.pair = [os.path.join(certificate, n) for n in ("cert.pem", "key.pem")] if certificate else []
        self.mechanism, self.user, self.password, self.sender = mechanism, user, password, sender
        self.header = header or sender
        self.implicit = mode == "implicit"
        self.host, self.port = "127.0.0.1", chain.ports[mode]
        self.ca = os.path.join(chain.cert, "cert.pem")
        self.folder = str(folder)
        self.text = TEXT % self.header.encode()

    def file(self, name, data, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, mode)
        return path

    def run(self, argv, stdin=b"", **more):
        """(exit code, what it said)"""
        env = {"PATH": os.environ["PATH"], "HOME": self.folder, "LANG": "C.UTF-8", "USER": "root",
               "GIT_CONFIG_NOSYSTEM": "1", **more}
        for who in ("COMMITTER", "AUTHOR"):
            env.update({"GIT_%s_NAME" % who: "A", "GIT_%s_EMAIL" % who: ALICE})
        r = subprocess.run([program(argv[0]), *argv[1:]], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           env=env, timeout=60, cwd=self.folder)
        return r.returncode, r.stdout.decode("utf-8", "replace")


def swaks(j):
    return j.run(["swaks", "--server", "%s:%d" % (j.host, j.port), "--tls-on-connect" if j.implicit else "--tls",
                  "--tls-verify", "--tls-ca-path", j.ca, "--auth", j.mechanism, "--auth-user", j.user,
                  "--auth-password", j.password, "--from", j.sender, "--to", RECIPIENT,
                  "--data", "@" + j.file("message", j.text)])


def curl(j):
    """With a password it does not say AUTH EXTERNAL."""
    password = "" if j.mechanism == "EXTERNAL" else j.password
    return j.run(["curl", "-sSv", "--crlf", "--ssl-reqd", "--cacert", j.ca,
                  "%s://%s:%d/client.example" % ("smtps" if j.implicit else "smtp", j.host, j.port),
                  *(["--cert", j.pair[0], "--key", j.pair[1]] if j.pair else []),
                  "--user", j.user + ":" + password, "--login-options", "AUTH=" + j.mechanism, "--mail-from",
                  j.sender, "--mail-rcpt", RECIPIENT, "--upload-file", j.file("message", j.text)])


def msmtp(j):
    rc = ("defaults\nauth %s\ntls on\ntls_starttls %s\ntls_trust_file %s\nset_from_header off\nset_date_header off\n"
          "%saccount default\nhost %s\nport %d\nuser %s\npassword \"%s\"\n" %
          (j.mechanism.lower(), "off" if j.implicit else "on", j.ca,
           "tls_cert_file %s\ntls_key_file %s\n" % tuple(j.pair) if j.pair else "", j.host, j.port, j.user, j.password))
    return j.run(["msmtp", "-C", j.file("rc", rc), "-f", j.sender, RECIPIENT], j.text)


def python_smtplib(j):
    trust = ssl.create_default_context(cafile=j.ca)
    if j.pair:
        trust.load_cert_chain(*j.pair)
    try:
        if j.implicit:
            s = smtplib.SMTP_SSL(j.host, j.port, "client.example", timeout=30, context=trust)
        else:
            s = smtplib.SMTP(j.host, j.port, "client.example", timeout=30)
        with s:
            if not j.implicit:
                s.starttls(context=trust)
            s.ehlo()
            if j.mechanism not in s.esmtp_features["auth"].split():
                return NOT_OFFERED, s.esmtp_features["auth"]
            s.user, s.password = j.user, j.password
            if j.mechanism == "EXTERNAL":
                s.auth(j.mechanism, lambda challenge=None: j.user)
            else:
                s.auth(j.mechanism, getattr(s, "auth_" + j.mechanism.lower().replace("-", "_")))
            s.sendmail(j.sender, [RECIPIENT], j.text.replace(b"\n", b"\r\n"))
    except smtplib.SMTPException as e:
        return 1, str(e)
    return 0, ""


def nodemailer(j):
    with open(j.ca) as f:
        ca = f.read()
    how = {"transport": {"host": j.host, "port": j.port, "secure": j.implicit, "requireTLS": True, "tls": {"ca": ca},
                         "auth": {"user": j.user, "pass": j.password}, "authMethod": j.mechanism},
           "envelope": {"from": j.sender, "to": RECIPIENT}, "raw": j.text.decode()}
    return j.run(["node", "-e", NODE, json.dumps(how)], NODE_PATH=NODE_PATH)


def git(j):
    patch = ("From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: A <%s>\n"
             "Date: Sun, 22 Nov 2026 08:00:00 +0000\nSubject: [PATCH] login\n\n.dot\n---\n a | 2 +-\n\n"
             "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-.old\n+.new\n--\n2.39\n" % j.header)
    return j.run(["git", "send-email", "--smtp-server=" + j.host, "--smtp-server-port=%d" % j.port,
                  "--smtp-encryption=" + ("ssl" if j.implicit else "tls"), "--smtp-ssl-cert-path=" + j.ca,
                  "--smtp-auth=" + j.mechanism, "--smtp-user=" + j.user, "--smtp-pass=" + j.password,
                  "--smtp-domain=client.example", "--from=" + j.header, "--envelope-sender=" + j.sender,
                  "--to=" + RECIPIENT, "--suppress-cc=all", "--confirm=never", j.file("0001.patch", patch)])


def s_nail(j):
    """It compares no addresses with a certificate, only names."""
    url = "%s://%s:%s@%s:%d" % ("smtps" if j.implicit else "smtp", j.user, quote(j.password, ""), "localhost", j.port)
    return j.run(["s-nail", "-:/", "-S", "v15-compat", "-S", "mta=" + url, "-S", "smtp-auth=" + j.mechanism.lower(),
                  *([] if j.implicit else ["-S", "smtp-use-starttls"]), "-S", "tls-verify=strict",
                  *(["-S", "tls-config-pairs=Certificate=%s,PrivateKey=%s" % tuple(j.pair)] if j.pair else []),
                  "-S", "tls-ca-file=" + j.ca, "-S", "from=" + j.header, "-S", "hostname=client.example",
                  "-S", "sendwait", "-S", "nosave", "-r", j.sender, "-s", "login", RECIPIENT], b".dot\nend\n")


def s_client(j):
    """openssl's, with the mechanisms spoken by hand."""
    argv = [program("openssl"), "s_client", "-quiet", "-nocommands", "-connect", "%s:%d" % (j.host, j.port), "-CAfile",
            j.ca, "-verify_return_error", "-verify_ip", j.host, *([] if j.implicit else ["-starttls", "smtp"]),
            *(["-cert", j.pair[0], "-key", j.pair[1]] if j.pair else [])]
    with Dialogue.over(argv, stderr=subprocess.DEVNULL) as d:
        if j.implicit:
            d.reply()
        d.ok("EHLO client.example")
        if j.mechanism == "EXTERNAL":
            r = d.cmd("AUTH EXTERNAL " + b64(j.user))
        else:
            r = DIALOGUES[j.mechanism](d, j.user, j.password)
        if r.code == 235:
            r = d.mail(j.sender, RECIPIENT, j.text)
        said = r.raw.decode()
        d.ok("QUIT", 221)    # at the end of its own input s_client would stay
        return (0 if r.code == 250 else 1), said


CLIENTS = {
    "swaks": (swaks, ["PLAIN", "LOGIN", "CRAM-MD5"]),
    "curl": (curl, ["PLAIN", "LOGIN", "CRAM-MD5"]),
    "msmtp": (msmtp, ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"]),
    "smtplib": (python_smtplib, ["PLAIN", "LOGIN", "CRAM-MD5"]),
    "nodemailer": (nodemailer, ["PLAIN", "LOGIN", "CRAM-MD5"]),
    "git": (git, ["PLAIN", "LOGIN", "CRAM-MD5"]),
    "s-nail": (s_nail, ["PLAIN", "LOGIN", "CRAM-MD5"]),
    "openssl": (s_client, ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"]),
}
# who can show a certificate and say AUTH EXTERNAL
BY_CERTIFICATE = ["curl", "msmtp", "smtplib", "s-nail", "openssl"]


def why_not(client):
    """A reason to leave this client out; only nodemailer is no package of Debian's."""
    if client != "nodemailer" or os.path.isdir(os.path.join(NODE_PATH, "nodemailer")):
        return None
    return "no nodemailer: package/deps puts it below build/npm where there is npm%s" % (
        "" if shutil.which("npm") else ", which is not here")
