"""relay-explain beside the chain: the same rules and facts asked of both, and its changes written into the texts."""
import json
import os
import subprocess

from .procs import program
from .smtp import Dialogue

DOUBLE = """#!/bin/sh
cat >/dev/null
cat <&1 >/dev/null
"""


def run(rules, *args, stdin=None, env=None, **more):
    """(exit code, standard output, standard error) as text."""
    r = subprocess.run([program("relay-explain"), "--rules", str(rules), *args], input=stdin, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=180, env=env, **more)
    return r.returncode, r.stdout.decode("ascii"), r.stderr.decode("ascii")


def explain(rules, *args, **more):
    """The explanation as an object; `status` is the exit code."""
    status, out, err = run(rules, "--json", *args, **more)
    assert status in (0, 1, 2, 3) and not err, (status, err)
    found = json.loads(out)
    assert status == ("accepted", "refused", "deferred", "undecided").index(found["verdict"])
    return found


def place(rule):
    """"relay:3", or "" for no rule."""
    return "%s:%d" % (rule["file"], rule["line"]) if rule else ""


def show(edit):
    where = edit["file"] if edit["action"] == "add" else place(edit)
    return "%s %s: %s%s" % (edit["action"], where, edit["text"], " by " + edit["by"] if edit["by"] else "")


def changed(texts, edits):
    """The texts with the edits: a line to add goes to the end, so that no other line's number moves."""
    lines = {name: text.split("\n") for name, text in texts.items()}
    for e in edits:
        file = lines.setdefault(e["file"], [""])
        if e["action"] == "add":
            file.insert(len(file) - (file[-1] == ""), e["text"])
        else:
            file[e["line"] - 1] = e["by"] if e["action"] == "replace" else ""
    return {name: "\n".join(file) for name, file in lines.items()}


class Site:
    """A control directory, compiled; and the chain relay-gate, relay-smtpd over a socket pair."""

    def __init__(self, directory, **texts):
        self.dir = str(directory)
        self.rules = os.path.join(self.dir, "rules.cdb")
        self.texts = {"me": "relay.example\n", **texts}
        self.injector = os.path.join(self.dir, "injector")
        with open(self.injector, "w") as f:
            f.write(DOUBLE)
        os.chmod(self.injector, 0o755)
        self.write(self.texts)

    def write(self, texts):
        for name, text in texts.items():
            with open(os.path.join(self.dir, name), "w", encoding="utf-8") as f:
                f.write(text)
        self.compile()

    def compile(self):
        r = subprocess.run([program("relay-mkcdb"), self.dir], stderr=subprocess.PIPE, timeout=180)
        assert r.returncode == 0, r.stderr.decode()

    def explain(self, *args, **more):
        return explain(self.rules, *args, **more)

    def chain(self, client=None, host=None, info=None, relayclient=None, listener=None, log=None):
        """A session for a client that the super-server names."""
        env = {"PATH": os.environ["PATH"], "QMAILQUEUE": self.injector, "PROTO": "TCP", "TCPREMOTEIP": client or "",
               "TCPREMOTEPORT": "4000", "TCPREMOTEHOST": host, "TCPREMOTEINFO": info, "RELAYCLIENT": relayclient}
        smtpd = [program("relay-smtpd")] + (["-l", listener] if listener else [])
        argv = [program("relay-gate"), *(["-k"] if relayclient is not None else []), self.rules, *smtpd]
        env = {k: v for k, v in env.items() if v is not None}
        if not client:
            del env["TCPREMOTEIP"], env["PROTO"], env["TCPREMOTEPORT"]
        return Dialogue.over(argv, env=env, stderr=log or subprocess.DEVNULL, seconds=20)

    def answer(self, sender, recipient, **facts):
        """The line by which the chain accepts the recipient, or refuses it at the first place."""
        with self.chain(**facts) as d:
            reply = d.reply()
            for line in ("EHLO client.example", "MAIL FROM:<%s>" % sender, "RCPT TO:<%s>" % recipient):
                if reply.code < 400:
                    reply = d.cmd(line)
        return reply.raw.decode().rstrip("\r\n")


def arguments(sender, recipient, client=None, host=None, info=None, relayclient=None, listener=None):
    """The same facts for relay-explain."""
    given = {"--client": client, "--host": host, "--info": info, "--relayclient": relayclient, "--listener": listener}
    return ["%s=%s" % (k, v) for k, v in given.items() if v is not None] + ["--from=" + sender, "--to=" + recipient]
