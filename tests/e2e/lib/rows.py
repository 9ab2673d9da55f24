"""What the tests of the table of options (test_rows_*) share: somebody asks for a recipient, the server answers.

Strangers are 127.0.0.2 and above; 127.0.0.1 is the client that the default `clients` of an Instance trusts."""
import os
import subprocess

import pytest

from .procs import BIN, program

CLIENT, STRANGER, OTHER = "127.0.0.1", "127.0.0.2", "127.0.0.3"
JOE = "joe@hosted.example"         # whom we host
ANN = "ann@elsewhere.example"      # whom we don't
EVE = "eve@outside.example"        # a sender whom we don't


class Answer:
    """code, enhanced, text of the refusal or of RCPT's reply; reason, rule, origin as the log has them."""

    def __init__(self, reply, event):
        self.code, self.enhanced, self.text = reply.code, reply.enhanced, reply.text
        self.reason, self.rule, self.origin = (event.get(k, "") for k in ("reason", "rule", "origin"))

    def __repr__(self):
        return "%d %s %s (%s by %s)" % (self.code, self.enhanced, self.text, self.reason, self.rule)

    @property
    def granted(self):
        return self.code == 250

    @property
    def by(self):
        """What granted it, and which line: "to relay:2"."""
        return "%s %s" % (self.reason, self.rule) if self.granted else "nothing"

    @property
    def refused(self):
        return self.code >= 500


def ask(instance, sender, recipient, source=STRANGER, hello="client.example"):
    """MAIL and RCPT in a session of their own."""
    before = len(instance.events(event="recipient"))
    with instance.dialogue(source) as d:
        d.hello(hello)
        r = d.cmd("MAIL FROM:<%s>" % sender)
        if r == 250:
            r = d.cmd("RCPT TO:<%s>" % recipient)
        d.quit()
    events = instance.events(event="recipient")[before:]
    return Answer(r, events[-1] if events else {})


def send(instance, sender, recipient, source=CLIENT, data=b"Subject: row\n\nhello\n"):
    """A whole message; the reply that ended it."""
    with instance.dialogue(source) as d:
        d.hello()
        r = d.mail(sender, recipient, data)
        d.quit()
    return r


def listening(instances, **control):
    """An instance that answers, and delivers nothing."""
    i = instances(**control)
    i.compile()
    i.receive()
    return i


def tool(name):
    """One of ours that another build may lack."""
    if not os.path.exists(os.path.join(BIN, name)):
        pytest.skip("no %s in this build" % name)
    return program(name)


def rejected(instances, **control):
    """What relay-mkcdb says of rules that it does not take."""
    i = instances(**control)
    code, said = i.compile(check=False)
    assert code == 100 and not os.path.exists(i.rules), said
    return said


def run(*argv, code=0, **more):
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, **more)
    assert code is None or r.returncode == code, (argv, r.returncode, r.stdout)
    return r.stdout
