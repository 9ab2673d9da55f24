"""The compiled decision beside the oracle's: asks tests/oracle/decide.c for many facts over many tables, and makes what
they disagree on small."""
import dataclasses
import re
import subprocess

from . import names
from .oracle import Facts, Oracle

FIELDS = [f.name for f in dataclasses.fields(Facts)]
NOTHING = Facts()


def fields(facts):
    """The facts as a line for the driver; what has its default is left out, except the addresses."""
    out = ["facts"]
    for name in FIELDS:
        value = getattr(facts, name)
        if name in ("sender", "recipient") or value != getattr(NOTHING, name):
            out.append("%s=%s" % (name, ",".join(value) if name == "hosts" else value if isinstance(value, str) else 1))
    return "\t".join(out)


class Driver:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()

    def line(self):
        line = self.process.stdout.readline()
        assert line.endswith(b"\n"), "the driver is gone"
        return line[:-1].decode()

    def compile(self, texts):
        """Complaints about the texts; none: they stand. forget() must follow."""
        out = b""
        for name, text in texts.items():
            data = text.encode()
            out += b"text %s %d\n%s" % (name.encode(), len(data), data)
        self.process.stdin.write(out + b"rules\n")
        self.process.stdin.flush()
        said = self.line()
        return [] if said == "ok" else [self.line() for _ in range(int(said.split()[1]))] or ["?"]

    def forget(self):
        self.process.stdin.write(b"end\n")
        self.process.stdin.flush()
        assert self.line() == "end"

    def lines(self, many):
        """The answers to lines, a tuple of words each; forgets the texts."""
        self.process.stdin.write("".join(f + "\n" for f in many).encode() + b"end\n")
        self.process.stdin.flush()
        answers = [tuple(self.line().split("\t")) for _ in many]
        assert self.line() == "end"
        return answers

    def ask(self, many):
        """The answers about texts that compile() took, a tuple of words each; forgets the texts."""
        answers = self.lines([fields(f) for f in many])
        return [a[:-1] + (keys(a[-1]),) if len(a) == 8 and a[-1] else a for a in answers]


def way_fields(facts, value, becomes):
    """The whole way as a line for the driver."""
    out = ["way"] + ["--%s=%s" % (o, v) for o, v in (
        ("client", facts.client), ("host", facts.host), ("info", facts.info), ("login", facts.login),
        ("pop", facts.stamp), ("listener", facts.listener)) if v]
    out += ["--tls"] * facts.tls + ["--norelay"] * bool(facts.login and not facts.privilege)
    out += ["--pop-unknown"] * facts.stamp_unknown + ["--wrong-sender"] * facts.wrong_sender
    out += ["--relayclient=" + value] if value is not None else []
    out += ["--from=" + facts.sender, "--to=" + facts.recipient, "--mailbox=" + facts.mailbox]
    return "\t".join(out + ["--mx=" + exchangers(facts), "becomes-mailbox=" + becomes.mailbox,
                            "becomes-mx=" + exchangers(becomes)])


def exchangers(facts):
    return ",".join(facts.hosts) if facts.mx == "yes" else facts.mx


def keys(targets):
    """How the same target is spelled in other lines is not what is compared."""
    return " ".join(names.mailbox(t).key for t in targets.split(" "))


def repaired(driver, texts):
    """The texts without the lines that relay-mkcdb complains about, compiled; None when that leads nowhere."""
    for _ in range(8):
        complaints = driver.compile(texts)
        if not complaints:
            return texts
        driver.forget()
        wrong = {m.groups() for m in (re.match(r"(\w+):(\d+): ", c) for c in complaints) if m}
        texts = {name: "\n".join("" if (name, str(i)) in wrong else line for i, line in enumerate(text.split("\n"), 1))
                 for name, text in texts.items()}
    return None


def expected(oracle, facts):
    """What the driver should answer, and the oracle's gate and decision (None: none was needed)."""
    gate = oracle.gate(facts)
    value = gate.relayclient
    words = ("deny" if gate.deny else "allow", str(gate.line), "-" if value is None else "=" + value)
    decision = oracle.decide(facts, facts.kept or value is not None)
    if decision is None:
        words += ("bad",)
    elif not gate.deny:
        words += (decision.verdict, decision.reason, decision.origin, decision.where, " ".join(decision.targets))
    return words, gate, None if gate.deny else decision


def disagree(driver, texts, facts):
    """(said, expected) when they differ, else None. Texts that relay-mkcdb does not take don't differ."""
    if driver.compile(texts):
        driver.forget()
        return None
    said = driver.ask([facts])[0]
    want = expected(Oracle(texts), facts)[0]
    return (said, want) if said != want else None


def smaller(texts, facts):
    """Everything that is one step smaller: a line blank (its number is part of the answer), a fact not there."""
    for name, text in texts.items():
        lines = text.split("\n")
        for i, line in enumerate(lines):
            if line and name != "me":
                yield {**texts, name: "\n".join(lines[:i] + [""] + lines[i + 1:])}, facts
    for name in FIELDS:
        if getattr(facts, name) != getattr(NOTHING, name):
            yield texts, dataclasses.replace(facts, **{name: getattr(NOTHING, name)})


def minimised(driver, texts, facts):
    """The report about a pair on which they disagree: as few lines and facts as show it."""
    found = disagree(driver, texts, facts)
    step = found and (texts, facts)
    while step:
        texts, facts = step
        step = next((s for s in smaller(texts, facts) if disagree(driver, *s)), None)
    said, want = disagree(driver, texts, facts) or ("(agrees when asked alone)", "")
    report = ["%s:%d: %s" % (name, i, line) for name, text in texts.items()
              for i, line in enumerate(text.split("\n"), 1) if line]
    return "\n".join(report + [fields(facts).replace("\t", "  "), "program: %r" % (said,), "oracle:  %r" % (want,)])
