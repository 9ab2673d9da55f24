"""relay-import: qmail's control directory and tcprules' texts; what it writes means the same, and no more."""
import os
import random
import re
import stat
import subprocess

import pytest

from lib.procs import program
from test_gate import DENIED, Rules, tcprulescheck, variables

IMPORT = program("relay-import")


def run(*args, **more):
    return subprocess.run([IMPORT, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **more)


def lines(path):
    """A file's lines without comments."""
    text = [re.sub(r"(^| )#.*", "", l) for l in path.read_text("latin-1").splitlines()]
    return [l for l in text if l]


def listed(r):
    """The list: (place, kind, what)."""
    out = [re.fullmatch(r"([^ ]*?): (left out|note): (.*)", l) for l in r.stdout.decode("ascii").splitlines()]
    assert all(out), r.stdout
    return [m.groups() for m in out]


def left(r):
    return [(place, what) for place, kind, what in listed(r) if kind == "left out"]


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


QMAIL = {
    "me": "mail.example.com\n", "rcpthosts": "example.com\n# no\n.Example.com  \n[192.0.2.9]\n",
    "morercpthosts": "more.example\n", "morercpthosts__cdb": "", "locals": "example.com\n",
    "smtproutes": "a.example:192.0.2.1\n:smart.example:587\n", "databytes": "5000000\n", "timeoutsmtpd": "60\n",
    "concurrencyremote": "40\n", "queuelifetime": "86400\n", "tcp__smtp": '127.:allow,RELAYCLIENT=""\n:allow\n',
}


def test_qmail(tmp_path):
    write(tmp_path / "qmail" / "control", **QMAIL)
    out = tmp_path / "out"
    r = run("qmail", tmp_path / "qmail", out)
    assert (r.returncode, r.stderr) == (0, b"") and not left(r)
    assert [k for _, k, w in listed(r) if "no mailboxes" in w] == ["note"]
    assert {f.name: lines(f) for f in out.iterdir()} == {
        "me": ["mail.example.com"], "domains": ["example.com", ".example.com", "[192.0.2.9]", "more.example"],
        "clients": ['127.:allow,RELAYCLIENT=""', ":allow"], "relay": ["grant clients"],
        "routes": ["a.example:192.0.2.1", ":smart.example:587"],
        "limits": ["size 5000000", "concurrency 40", "queue-time 86400", "command-time 60"]}
    assert ".example.com # rcpthosts:3" in (out / "domains").read_text().splitlines()
    assert all(stat.S_IMODE(f.stat().st_mode) == 0o644 for f in out.iterdir())
    assert subprocess.run([program("relay-mkcdb"), str(out)], timeout=60).returncode == 0


def test_qmail_control_directory_itself(tmp_path):
    control = write(tmp_path / "control", **QMAIL)
    assert run("qmail", tmp_path / "control", tmp_path / "a").returncode == 0
    assert run("qmail", tmp_path, tmp_path / "b").returncode == 0
    for name in ("me", "domains", "routes", "limits"):
        assert (tmp_path / "a" / name).read_text() == (tmp_path / "b" / name).read_text()
    assert lines(tmp_path / "a" / "clients") == lines(tmp_path / "b" / "clients") and control


def test_qmail_without_rcpthosts(tmp_path):
    """The open relay of qmail: nothing of it is written, and it is said first."""
    virtual = "virt.example:joe\nu@other.example:joe\n.exc.example:\n"
    control = write(tmp_path / "q", **dict(QMAIL, virtualdomains=virtual))
    (control / "rcpthosts").unlink()
    r = run("qmail", control, tmp_path / "out")
    assert r.returncode == 1 and left(r)[0][0] == "rcpthosts" and "MISSING" in left(r)[0][1]
    assert lines(tmp_path / "out" / "domains") == ["example.com", "virt.example"]
    assert lines(tmp_path / "out" / "relay") == ["grant clients"]


def test_qmail_locals_beside_rcpthosts(tmp_path):
    """A domain that strangers can't send to does not become one that they can send to."""
    more = {"locals": "example.com\ninside.example\n", "virtualdomains": "v.example:x\n"}
    control = write(tmp_path / "q", **{**QMAIL, **more})
    r = run("qmail", control, tmp_path / "out")
    assert r.returncode == 1 and [p for p, _ in left(r)] == ["locals:2", "virtualdomains:1"]
    assert lines(tmp_path / "out" / "domains") == ["example.com", ".example.com", "[192.0.2.9]", "more.example"]


def test_qmail_what_does_not_fit(tmp_path):
    control = write(tmp_path / "q", **dict(
        QMAIL, me="-bad-\n", rcpthosts="ok.example\nbad..example\n", databytes="5 MB\n", queuelifetime="1\n",
        concurrencyremote="600\n", badmailfrom="x@y.example\n", percenthack="a.example\n", odd="1\n",
        smtproutes="a.example:h.example\nb.example:h.example:26|joe|secret\nA.example:[192.0.2.3]\nno\nc.example:h:0\n"
                   "d.example:[2001:db8::1]:25\ne.example:2001:db8::1\n"))
    (control / "morercpthosts.cdb").unlink()
    (control / "tcp.smtp").unlink()
    r = run("qmail", control, tmp_path / "out")
    places = [p for p, _ in left(r)]
    assert r.returncode == 1 and b"secret" not in r.stdout + r.stderr
    assert sorted(places) == sorted(["me:1", "rcpthosts:2", "morercpthosts", "locals:1", "smtproutes:4", "smtproutes:5",
                                     "smtproutes:7", "databytes:1", "queuelifetime:1", "tcp.smtp",
                                     "badmailfrom", "percenthack", "odd"])
    assert lines(tmp_path / "out" / "domains") == ["ok.example"]
    assert lines(tmp_path / "out" / "routes") == ["b.example:h.example:26", "a.example:[192.0.2.3]",
                                                  "d.example:[2001:db8::1]:25"]
    assert lines(tmp_path / "out" / "logins") == ["h.example:26 joe secret"]
    assert lines(tmp_path / "out" / "limits") == ["concurrency 255", "command-time 60"]
    assert lines(tmp_path / "out" / "relay") == [] and lines(tmp_path / "out" / "clients") == []


def test_overwrites_only_when_told(tmp_path):
    write(tmp_path / "q", **QMAIL)
    out = write(tmp_path / "out", routes="mine.example:192.0.2.1\n", aliases="a@example.com b@example.com\n")
    r = run("qmail", tmp_path / "q", out)
    assert r.returncode == 100 and b"routes is there already" in r.stderr and r.stdout == b""
    assert sorted(os.listdir(out)) == ["aliases", "routes"] and lines(out / "routes") == ["mine.example:192.0.2.1"]
    r = run("-f", "qmail", tmp_path / "q", out)
    assert r.returncode == 0 and b"aliases was there" in r.stderr
    assert lines(out / "routes") == ["a.example:192.0.2.1", ":smart.example:587"]
    assert lines(out / "aliases") == ["a@example.com b@example.com"]
    assert sorted(os.listdir(out)) == ["aliases", "clients", "domains", "limits", "me", "relay", "routes"]


def test_system_errors(tmp_path):
    write(tmp_path / "q", **QMAIL)
    r = run("qmail", tmp_path / "q", tmp_path / "no" / "out")
    assert r.returncode == 111 and r.stdout == b""
    (tmp_path / "file").write_text("")
    assert run("qmail", tmp_path / "q", tmp_path / "file").returncode == 111
    assert run("qmail", tmp_path / "nothing", tmp_path / "out").returncode == 100
    assert run("tcprules", tmp_path / "nothing", tmp_path / "out").returncode == 100
    assert not (tmp_path / "out").exists()
    for args in ([], ["qmail", "x"], ["sendmail", tmp_path, tmp_path], ["-x", "qmail", "a", "b"],
                 ["qmail", "a", "b", "c"]):
        r = run(*args)
        assert r.returncode == 100 and b"usage: relay-import" in r.stderr
    r = subprocess.run("ulimit -f 0; exec %s qmail %s %s" % (IMPORT, tmp_path / "q", tmp_path / "out"), shell=True,
                       stderr=subprocess.PIPE, preexec_fn=lambda: __import__("signal").signal(25, 1))
    assert r.returncode == 111 and os.listdir(tmp_path / "out") == []  # a full disk: nothing half-written stays


# tcprules

def octet(rng):
    return str(rng.choice([0, 1, 9, 10, 11, 99, 100, 200, 255]))


def random_address(rng):
    kind = rng.randrange(14)
    parts = [octet(rng) for _ in range(4)]
    if kind < 3:
        return ".".join(parts)
    if kind < 6:
        return ".".join(parts[:rng.randrange(1, 4)]) + "."
    if kind < 9:
        n = rng.choice([1, 2, 3, 4])
        low = rng.randrange(250)
        parts[rng.randrange(n)] = "%d-%d" % (low, low + rng.randrange(-2, 20))
        return ".".join(parts[:n]) + ("." if n < 4 else "")
    return rng.choice(["=a.example", "=b.a.example", "=.a.example", "=.example", "=", "joe@" + ".".join(parts), "",
                       "Ann@=a.example", "=A.example", "10.1", "10.0.0", " 10.", "10.09.", "256.", "10..",
                       "=a.example.", "joe@=.example", "007-9.", "1-2.3-4.", "@10.0.0.1", "10.0.0.256", "a.b-c",
                       "10.0.0.0/8x"])


def random_text(rng):
    """A text that tcprules takes, with all that it takes silently."""
    out = []
    for _ in range(rng.randrange(20, 80)):
        if rng.random() < .1:
            out.append(rng.choice(["", "# a: comment", "10.0.0.1 allow", "nonsense", "  "]))
            continue
        address = random_address(rng)
        if address == "a.b-c":
            address = "=" + address
        line = address + rng.choice([":allow", ":deny"])
        for name in rng.sample(["RELAYCLIENT", "DATABYTES", "V1", "V_2", "V1"], rng.randrange(4)):
            quote = rng.choice("\"'/|#:^x")
            value = "".join(rng.choice("abc =,:#;\"'/\\$%-.@<>\xe9") for _ in range(rng.choice([0, 0, 1, 5, 30])))
            if name == "RELAYCLIENT":
                if address in ("", "="):
                    continue
                value = rng.choice(["", "", ".inner", "@gate.example"])
            line += ",%s=%s%s%s" % (name, quote, value.replace(quote, ""), quote)
        out.append(line + rng.choice(["", "", " ", "\t "]))
    return "\n".join(out) + rng.choice(["\n", ""])


@pytest.mark.parametrize("seed", range(20))
def test_tcprules_mean_the_same(tmp_path, seed):
    rng = random.Random(seed)
    text = random_text(rng).encode("latin-1")
    (tmp_path / "tcp").write_bytes(text)
    theirs = str(tmp_path / "tcp.cdb")
    subprocess.run([program("tcprules"), theirs, theirs + ".tmp"], input=text, check=True, timeout=30)
    r = run("tcprules", tmp_path / "tcp", tmp_path)
    assert r.returncode == 0 and not left(r), r
    rules = Rules(tmp_path).make((tmp_path / "clients").read_bytes())
    addresses = [l.split(":")[0] for l in text.decode("latin-1").split("\n")]
    matched = set()
    for _ in range(40):
        ip = ".".join(octet(rng) for _ in range(4))
        if rng.random() < .5:
            near = re.sub(r"(\d+)-(\d+)", lambda m: rng.choice(m.groups()), rng.choice(addresses))
            ip = ".".join(str(min(int(o), 255)) for o in (re.findall(r"\d{1,3}", near) + ["1"] * 4)[:4])
        env = {"TCPREMOTEIP": ip}
        if rng.random() < .5:
            env["TCPREMOTEHOST"] = rng.choice(["a.example", "b.a.example", "c.b.a.example", "example", "else.invalid"])
        if rng.random() < .4:
            env["TCPREMOTEINFO"] = rng.choice(["joe", "Ann", "ann"])
        deny, wanted, key = tcprulescheck(theirs, env)
        matched.add(key)
        g = rules.run(env=env)
        if deny:
            assert g.stdout == DENIED, (env, key)
            continue
        got = variables(g.stdout)
        for name in ("PATH", "RELAYRULES", "RELAYRULESFD", "RELAYBY"):
            got.pop(name, None)
        assert got == {"PROTO": "TCP", **env, **wanted}, (env, key)
    assert len(matched) > 3


def test_tcprules_list(tmp_path):
    """Every line that does nothing is named, and what can't be carried over is left out on the safe side."""
    (tmp_path / "tcp.smtp").write_text(
        '10.0.0.1-5:allow,RELAYCLIENT=""\n10.0.0.3:deny\n10.0.0.4-7:deny\nnothing\n10.0.0:allow,RELAYCLIENT=""\n'
        '=Host.Example:allow,RELAYCLIENT=""\n:allow,RELAYCLIENT="",X="1"\n2001:db8::1:allow\n10.9.8.7/8:deny\n'
        '192.0.2.1:allow,RELAYCLIENT="@"\n192.0.2.2:allow,A-B="1",RELAYBY="x"\n192.0.2.3:perhaps\n192.0.2.3:deny\n')
    r = run("tcprules", tmp_path / "tcp.smtp", tmp_path)
    assert r.returncode == 1 and r.stderr == b""
    assert lines(tmp_path / "clients") == [
        '10.0.0.1-5:allow,RELAYCLIENT=""', "10.0.0.6-7:deny", ':allow,X="1"', "2001:db8::1:allow", "10.0.0.0/8:deny",
        "192.0.2.1:allow", "192.0.2.2:allow", "192.0.2.3:deny"]
    places = [(p.rsplit(":", 1)[1], kind) for p, kind, _ in listed(r)]
    assert places == [("2", "note"), ("3", "note"), ("4", "note"), ("5", "note"), ("6", "note"), ("7", "left out"),
                      ("9", "note"), ("9", "note"), ("10", "left out"), ("11", "left out"), ("11", "left out"),
                      ("12", "left out")]


def test_facts_are_left_out(tmp_path):
    """Variables that state who the client is, or that are ours."""
    names = ["TCPREMOTEIP", "TCPREMOTEINFO", "PROTO", "SSL_X", "RELAYASK", "REMOTE_HOST"]
    (tmp_path / "t").write_text(":allow" + "".join(',%s="a"' % n for n in names) + ',QMAILQUEUE="q"\n')
    r = run("tcprules", tmp_path / "t", tmp_path)
    assert r.returncode == 1 and lines(tmp_path / "clients") == [':allow,QMAILQUEUE="q"']
    assert [what.split()[2] for _, what in left(r)] == names


def test_large(tmp_path):
    with open(tmp_path / "tcp", "w") as f:
        f.writelines('10.%d.%d.%d:allow,RELAYCLIENT=""\n' % (i >> 16, i >> 8 & 255, i & 255) for i in range(100000))
    with open(tmp_path / "q", "w") as f:
        f.writelines("d%d.example\n" % i for i in range(100000))
    control = write(tmp_path / "c", **dict(QMAIL, rcpthosts=(tmp_path / "q").read_text()))
    assert run("tcprules", tmp_path / "tcp", tmp_path / "a").returncode == 0
    assert run("qmail", control, tmp_path / "b").returncode == 1  # example.com is not in rcpthosts
    assert len(lines(tmp_path / "a" / "clients")) == 100000 and len(lines(tmp_path / "b" / "domains")) == 100001
