"""What the tests of relay-probe share: running it, its report, and servers that take what they are told to."""
import json
import subprocess

import pytest

from .procs import program
from .sink import path_of

TARGET = "relay-probe@example.net"
NO = b"550 5.7.1 relaying denied\r\n"
OK = b"250 2.1.5 ok\r\n"


def run(where, *options, name="probe.example"):
    host, port = where if isinstance(where, tuple) else (where.host, where.port)
    server = "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)
    return subprocess.run([program("relay-probe"), "-n", name, *options, server], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=180)


def probe(where, *options):
    """(exit code, the report as JSON)."""
    r = run(where, "-j", *options)
    report = json.loads(r.stdout)
    assert {0: "closed", 1: "open", 111: "could not tell"}[r.returncode] == report["verdict"], r
    return r.returncode, report


def forms(report, judgement):
    return {t["form"] for t in report["tests"] if t["judgement"] == judgement and not t["control"]}


def local(line):
    """The recipient of a RCPT line, as a server that knows sink.example as its own sees it: (local part, domain)."""
    text = path_of(line) if b"<" in line else line.split(b":")[1].decode().strip()
    at, _, domain = text.rpartition("@")
    return (at, domain) if _ else (text, "")


@pytest.fixture
def double(sinks):
    """Makes servers from a function of the recipient's local part and domain that says whether to accept."""
    def make(accepts, **k):
        s = sinks(check=False, **k)

        def rcpt(session, line):
            answer = accepts(*local(line))
            return answer if isinstance(answer, (bytes, tuple)) else OK if answer else NO
        s.on["RCPT"] = rcpt
        return s
    return make
