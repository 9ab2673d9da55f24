"""Real clients send through the relay; what arrives is what they sent, byte for byte, but for the trace on top."""
import os
import pwd
import re
import smtplib
import subprocess

import pytest

from lib.messages import CASES, big, without_trace
from lib.procs import program

SENDER, RECIPIENT = "alice@outside.example", "bob@elsewhere.example"
FILE = (b"From: alice@outside.example\nTo: bob@elsewhere.example\nSubject: gr\xc3\xbc\xc3\x9fe\n"
        b"Date: Sun, 22 Nov 2026 08:00:00 +0000\n"
        b"Message-ID: <1@outside.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        b"Content-Transfer-Encoding: 8bit\n\n.dot\n..two\n.\nl\xc3\xb6ng " + b"x" * 900 + b"\n\tend \n\n.\nend\n")


def have(name):
    try:
        return program(name)
    except FileNotFoundError:
        pytest.fail("%s is missing: sh package/deps install test" % name)


def user():
    return pwd.getpwuid(os.geteuid()).pw_name


def run(argv, tmp_path, stdin=b""):
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "USER": user(),
           "GIT_CONFIG_NOSYSTEM": "1", "GIT_COMMITTER_NAME": "Alice", "GIT_COMMITTER_EMAIL": SENDER,
           "GIT_AUTHOR_NAME": "Alice", "GIT_AUTHOR_EMAIL": SENDER}
    r = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, timeout=60,
                       cwd=str(tmp_path))
    assert r.returncode == 0, "%s: exit %d: %s" % (argv[0], r.returncode, r.stdout.decode("utf-8", "replace"))
    return r.stdout


def arrived(instance, sink, n=1):
    m = sink.wait(n)[n - 1]
    instance.wait_empty()
    assert len(sink.messages) == n and not sink.bad
    assert m.sender == SENDER and m.recipients == [RECIPIENT]
    assert len(m.header("Received")) == 1 and "127.0.0.1" in m.header("Received")[0]
    return without_trace(m.lf)


def the_file(tmp_path, data=FILE):
    path = tmp_path / "message"
    path.write_bytes(data)
    return str(path)


def test_swaks(instance, sink, tmp_path):
    path = the_file(tmp_path, FILE.replace(b"\n", b"\r\n"))
    run([have("swaks"), "--server", "127.0.0.1:%d" % instance.port, "--from", SENDER, "--to", RECIPIENT,
         "--data", "@" + path], tmp_path)
    assert arrived(instance, sink).rstrip(b"\n") == FILE.rstrip(b"\n")


def test_swaks_pipelining(instance, sink, tmp_path):
    path = the_file(tmp_path)
    run([have("swaks"), "--pipeline", "--server", "127.0.0.1:%d" % instance.port, "--from", SENDER, "--to", RECIPIENT,
         "--data", "@" + path], tmp_path)
    assert arrived(instance, sink).rstrip(b"\n") == FILE.rstrip(b"\n")


def test_curl(instance, sink, tmp_path):
    run([have("curl"), "-sS", "--crlf", "smtp://127.0.0.1:%d/client.example" % instance.port, "--mail-from", SENDER,
         "--mail-rcpt", RECIPIENT, "--upload-file", the_file(tmp_path)], tmp_path)
    assert arrived(instance, sink) == FILE


def test_msmtp(instance, sink, tmp_path):
    rc = tmp_path / "msmtprc"
    rc.write_text("defaults\nauth off\ntls off\nset_from_header off\nset_date_header off\n"
                  "account default\nhost 127.0.0.1\nport %d\n" % instance.port)
    rc.chmod(0o600)
    run([have("msmtp"), "-C", str(rc), "-f", SENDER, RECIPIENT], tmp_path, FILE)
    assert arrived(instance, sink) == FILE


@pytest.mark.parametrize("name", sorted(CASES))
def test_smtplib(instance, sink, name):
    data, params = CASES[name]
    with smtplib.SMTP("127.0.0.1", instance.port, "client.example", timeout=30) as s:
        s.sendmail(SENDER, [RECIPIENT], data.replace(b"\n", b"\r\n"), params.split())
    assert arrived(instance, sink) == data


def test_smtplib_many_on_one_connection(instance, sink):
    with smtplib.SMTP("127.0.0.1", instance.port, "client.example", timeout=30) as s:
        for n in range(20):
            s.sendmail(SENDER, [RECIPIENT], (b"Subject: %d\n\n%s" % (n, big(1000 * n, n))).replace(b"\n", b"\r\n"))
    got = {m.header("Subject")[0]: without_trace(m.lf) for m in sink.wait(20)}
    assert got == {str(n): b"Subject: %d\n\n%s" % (n, big(1000 * n, n)) for n in range(20)}
    instance.wait_empty()
    assert len(sink.messages) == 20


def normal(data):
    """Without what a client makes anew each time."""
    data = re.sub(rb"(?im)^(Date|Message-ID|Received):.*\n([ \t].*\n)*", b"", data)
    return re.sub(rb"=_[0-9A-Za-z.=_-]+", b"BOUNDARY", data)


def both_ways(instance, sinks, sink, send):
    """Sends straight to a sink and through the relay: the same but for date, ID and trace."""
    straight = sinks(extensions=[e for e in sink.extensions if e != "CHUNKING"])
    send(straight.port)
    send(instance.port)
    want = straight.wait(1)[0]
    assert want.sender == SENDER and want.recipients == [RECIPIENT]
    assert normal(arrived(instance, sink)) == normal(want.lf)
    return want.lf


def test_s_nail(instance, sinks, sink, tmp_path):
    body = "grüße\n.dot\n.\nlong %s\nend\n" % ("x" * 300)

    def send(port):
        run([have("s-nail"), "-:/", "-S", "v15-compat", "-S", "mta=smtp://127.0.0.1:%d" % port,
             "-S", "smtp-auth=none", "-S", "from=" + SENDER, "-S", "hostname=outside.example",
             "-r", SENDER, "-s", "grüße",
             "-S", "ttycharset=utf-8", "-S", "sendcharsets=utf-8", "-S", "sendwait", RECIPIENT], tmp_path,
            body.encode())
    assert b"Subject: =?" in both_ways(instance, sinks, sink, send)


def test_git_send_email(instance, sinks, sink, tmp_path):
    patch = tmp_path / "0001.patch"
    patch.write_text("From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n"
                     "From: Alice <%s>\nDate: Sun, 22 Nov 2026 08:00:00 +0000\nSubject: [PATCH] grüße\n\nWhy.\n---\n"
                     " a | 2 +-\n\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n-.old\n+.neu ö\n .\n--\n2.39\n" % SENDER)

    def send(port):
        run([have("git"), "send-email", "--smtp-server=127.0.0.1", "--smtp-server-port=%d" % port,
             "--smtp-domain=outside.example", "--from=" + SENDER, "--envelope-sender=" + SENDER, "--to=" + RECIPIENT,
             "--suppress-cc=all", "--confirm=never", "--transfer-encoding=8bit", "--8bit-encoding=UTF-8",
             "--no-xmailer", str(patch)], tmp_path)
    assert "+.neu ö\n".encode() in both_ways(instance, sinks, sink, send)
