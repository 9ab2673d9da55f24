"""relay-gate: the same verdicts and variables as tcprules' own tools; who connects, from every kind of super-server;
PROXY headers; what happens without rules."""
import contextlib
import os
import random
import re
import socket
import subprocess
import time

import pytest

from lib import cdb
from lib.procs import program

GATE, MKCDB = program("relay-gate"), program("relay-mkcdb")
DENIED = b"554 5.7.1 No SMTP service for your address here\r\n"
FAILED = b"451 4.3.5 The server is not ready, try again later\r\n"
PATH = os.environ.get("PATH", "/usr/bin:/bin")


class Rules:
    def __init__(self, path):
        self.dir = path
        self.cdb = str(path / "rules.cdb")
        (path / "me").write_text("relay.example\n")

    def make(self, clients):
        (self.dir / "clients").write_bytes(clients if isinstance(clients, bytes) else clients.encode())
        r = subprocess.run([MKCDB, str(self.dir)], stderr=subprocess.PIPE, timeout=60)
        assert r.returncode == 0, r.stderr
        return self

    def run(self, *options, env=None, stdin=subprocess.DEVNULL, prog=("env", "-0"), cdb=None, stdout=subprocess.PIPE):
        """Runs relay-gate with nothing in the environment but PATH and env."""
        return subprocess.run([GATE, *options, cdb or self.cdb, *prog], env={"PATH": PATH, **(env or {})}, stdin=stdin,
                              stdout=stdout, stderr=subprocess.PIPE, timeout=30)

    def env(self, *options, **more):
        """The environment that the program behind relay-gate sees, without PATH and what tells the rules' place."""
        r = self.run(*options, **more)
        assert r.returncode == 0 and r.stderr == b"", (r.returncode, r.stderr)
        e = variables(r.stdout)
        assert e.pop("PATH") == PATH and e.pop("RELAYRULES") == self.cdb and int(e.pop("RELAYRULESFD")) >= 3
        return e


def variables(text):
    assert text.endswith(b"\0"), text
    return dict(v.split("=", 1) for v in text.decode("latin-1").split("\0")[:-1])


@pytest.fixture
def rules(tmp_path):
    return Rules(tmp_path)


@contextlib.contextmanager
def connection(host="127.0.0.1", listen=None):
    """Both ends of a loopback connection: (server's, client's). listen: another address to listen on."""
    six = ":" in (listen or host)
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET) as s:
        if listen == "::":
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind((listen or host, 0))
        s.listen(1)
        with socket.create_connection((host, s.getsockname()[1])) as client:
            server, _ = s.accept()
            with server:
                yield server, client


# The same as tcprules

def random_rules(rng):
    """A text that tcprules and relay-mkcdb both take, and the line of each key that it makes."""
    lines, keys = [], {}
    users, hosts = ["joe", "Ann", "x_1"], ["a.example", "b.a.example", "c.b.a.example", "mail.other.test", "test"]
    quotes = "\"'/|#:^x"

    def octet():
        return rng.choice([0, 1, 9, 10, 11, 99, 100, 200, 255])

    def dots(n):
        return [str(octet()) for _ in range(n)]

    def address():
        kind = rng.randrange(12)
        if kind < 3:
            a = ".".join(dots(4))
            return a, [a]
        if kind < 5:
            a = ".".join(dots(rng.randrange(1, 4))) + "."
            return a, [a]
        if kind < 7:
            low = rng.randrange(0, 250)
            high = min(255, low + rng.randrange(0, 13))
            parts = dots(rng.choice([1, 2, 3, 4]))
            at = rng.randrange(len(parts))
            end = "" if len(parts) == 4 else "."
            expanded = [".".join(parts[:at] + [str(i)] + parts[at + 1:]) + end for i in range(low, high + 1)]
            parts[at] = "%d-%d" % (low, high)
            return ".".join(parts) + end, expanded
        if kind == 7:
            a = "=" + rng.choice(hosts)
        elif kind == 8:
            a = rng.choice(["=", "=.example", "=.a.example", "=.test", "=.b.a.example"])
        elif kind == 9:
            a = "%s@%s" % (rng.choice(users), ".".join(dots(4)))
        elif kind == 10:
            a = "%s@=%s" % (rng.choice(users), rng.choice(hosts))
        else:
            a = ""
        return a, [a]

    for _ in range(rng.randrange(5, 60)):
        if rng.random() < .1:
            lines.append(rng.choice(["", "# a comment: with a colon", "#", "  "]))
            continue
        a, expanded = address()
        if any(k in keys for k in expanded):
            continue
        text = a + rng.choice([":allow", ":deny"])
        for name in rng.sample(["RELAYCLIENT", "DATABYTES", "V1", "V_2", "long_NAME"], rng.randrange(0, 4)):
            quote = rng.choice(quotes)
            value = "".join(rng.choice("abc =,:#;\"'/\\$%-.@<>\xe9") for _ in range(rng.choice([0, 0, 1, 5, 30])))
            if name == "RELAYCLIENT":  # must make an address when it is appended to one
                value = rng.choice(["", "", ".inner", "@gate.example"])
            text += ",%s=%s%s%s" % (name, quote, value.replace(quote, ""), quote)
        lines.append(text + rng.choice(["", "", " ", "\t "]))
        keys.update((k, len(lines)) for k in expanded)
    return "\n".join(lines) + rng.choice(["\n", ""]), keys


def tcprulescheck(cdb, env):
    """(denied, variables, key of the rule or None) by ucspi-tcp's own tool."""
    out = subprocess.run([program("tcprulescheck"), cdb], env={"PATH": PATH, **env}, stdout=subprocess.PIPE,
                         check=True).stdout
    key, variables_ = None, {}
    lines = out.decode("latin-1").split("\n")
    if lines[0].startswith("rule "):
        key = lines[0][5:-1]
    for line in lines:
        if line.startswith("set environment variable "):
            name, value = line[25:].split("=", 1)
            variables_[name] = value
    assert lines[-2] in ("deny connection", "allow connection"), out
    return lines[-2] == "deny connection", variables_, key


@pytest.mark.parametrize("seed", range(25))
def test_as_tcprules(rules, seed):
    rng = random.Random(seed)
    text, keys = random_rules(rng)
    text = text.encode("latin-1")
    rules.make(text)
    theirs = str(rules.dir / "tcp.cdb")
    subprocess.run([program("tcprules"), theirs, theirs + ".tmp"], input=text, check=True, timeout=30)
    plain = [k for k in keys if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", k)]
    prefixes = [k for k in keys if re.fullmatch(r"(\d+\.){1,3}", k)]
    matched = set()
    for _ in range(40):
        ip = ".".join(str(rng.choice([0, 1, 9, 10, 11, 99, 100, 200, 255, rng.randrange(256)])) for _ in range(4))
        if prefixes and rng.random() < .4:
            ip = ".".join((rng.choice(prefixes) + "1.10.9.0").split(".")[:4])
        if plain and rng.random() < .4:
            ip = rng.choice(plain)
        env = {"TCPREMOTEIP": ip}
        if rng.random() < .5:
            env["TCPREMOTEHOST"] = rng.choice(["a.example", "b.a.example", "c.b.a.example", "mail.other.test", "test",
                                               "example", "elsewhere.invalid"])
        if rng.random() < .4:
            env["TCPREMOTEINFO"] = rng.choice(["joe", "Ann", "x_1", "ann", "joe@" + ip])
        deny, wanted, key = tcprulescheck(theirs, env)
        matched.add(key)
        r = rules.run(env=env)
        assert r.returncode == 0
        assert key is None or key in keys
        if deny:
            assert r.stdout == DENIED and (" by=clients:%d\n" % keys[key]).encode() in r.stderr, (env, key)
            continue
        if "RELAYCLIENT" in wanted:
            wanted["RELAYBY"] = "clients:%d" % keys[key]
        got = variables(r.stdout)
        for name in ("PATH", "RELAYRULES", "RELAYRULESFD"):
            del got[name]
        assert got == {"PROTO": "TCP", **env, **wanted}, (env, key)
    assert len(matched) > 3


def test_what_tcprules_skips_silently(rules):
    """A line without a colon, a second rule for an address, an address that can never match: said, not skipped."""
    for text in ("10.0.0.1\n", "10.0.0.1:allow\n10.0.0.1:deny\n", "10.0.0:deny\n"):
        (rules.dir / "clients").write_text(text)
        r = subprocess.run([MKCDB, str(rules.dir)], stderr=subprocess.PIPE)
        assert r.returncode == 100 and r.stderr.startswith(b"clients:")


# Who connects

def test_socket_wins(rules):
    """Stale variables of any kind do not change who the client is, nor lend it a name."""
    rules.make('127.0.0.1:allow,WHO="local"\n192.0.2.1:allow,WHO="stale",RELAYCLIENT=""\n'
               '=trusted.example:allow,RELAYCLIENT=""\n')
    stale = {"PROTO": "TCP", "TCPREMOTEIP": "192.0.2.1", "TCPREMOTEPORT": "1", "TCPREMOTEHOST": "trusted.example",
             "TCPREMOTEINFO": "joe", "TCPLOCALIP": "192.0.2.2", "TCPLOCALPORT": "1", "TCPLOCALHOST": "x",
             "TCP6REMOTEIP": "::9", "TCP6REMOTEHOST": "trusted.example", "REMOTE_HOST": "192.0.2.1"}
    with connection() as (server, client):
        got = rules.env(env=stale, stdin=server)
        assert got == {"PROTO": "TCP", "TCPREMOTEIP": "127.0.0.1", "TCPREMOTEPORT": str(client.getsockname()[1]),
                       "TCPLOCALIP": "127.0.0.1", "TCPLOCALPORT": str(server.getsockname()[1]), "WHO": "local",
                       "REMOTE_HOST": "192.0.2.1"}


def test_socket_keeps_its_names(rules):
    rules.make('=host.example:allow,BY="name"\n')
    with connection() as (server, client):
        env = {"PROTO": "TCP", "TCPREMOTEIP": "127.0.0.1", "TCPREMOTEPORT": str(client.getsockname()[1]),
               "TCPREMOTEHOST": "Host.example", "TCPREMOTEINFO": "joe", "TCPLOCALIP": "127.0.0.1",
               "TCPLOCALPORT": str(server.getsockname()[1]), "TCPLOCALHOST": "here.example"}
        assert rules.env(env=env, stdin=server) == {**env, "BY": "name"}


@pytest.mark.parametrize("host,listen,seen", [
    ("127.0.0.3", None, "127.0.0.1"), ("::1", None, "::1"), ("127.0.0.1", "::", "127.0.0.1"),
])
def test_families(rules, host, listen, seen):
    rules.make('127.0.0.0/8:allow,FAMILY="4"\n::/96:allow,FAMILY="6"\n')
    with connection(host, listen) as (server, client):
        got = rules.env(stdin=server)
    local = host
    assert got["TCPREMOTEIP"] == seen and got["TCPLOCALIP"] == local and got["PROTO"] == "TCP"
    assert got["FAMILY"] == ("6" if ":" in seen else "4")


def test_other_super_servers(rules):
    rules.make('192.0.2.1:allow,WHO="1"\n2001:db8::/32:allow,WHO="2"\n:allow,WHO="nobody"\n')
    assert rules.env(env={"REMOTE_HOST": "192.0.2.1"})["WHO"] == "1"
    got = rules.env(env={"REMOTE_ADDR": "2001:db8::1", "REMOTE_PORT": "77"})
    assert (got["WHO"], got["TCPREMOTEIP"], got["TCPREMOTEPORT"]) == ("2", "2001:db8::1", "77")
    assert rules.env(env={"REMOTE_HOST": "a.example"}) == {"WHO": "nobody", "REMOTE_HOST": "a.example"}
    got = rules.env(env={"PROTO": "TCP6", "TCP6REMOTEIP": "2001:DB8::1", "TCP6REMOTEPORT": "5",
                         "TCP6LOCALIP": "2001:db8::2"})
    assert got == {"PROTO": "TCP", "TCPREMOTEIP": "2001:db8::1", "TCPREMOTEPORT": "5", "TCPLOCALIP": "2001:db8::2",
                   "WHO": "2"}
    assert rules.env(env={"PROTO": "TCP", "TCPREMOTEIP": "::ffff:192.0.2.1"})["WHO"] == "1"
    assert rules.env(env={"PROTO": "UNIX", "TCPREMOTEIP": "192.0.2.1"}) == {"PROTO": "UNIX", "WHO": "nobody"}
    a, b = socket.socketpair()
    with a, b:
        assert rules.env(stdin=a) == {"WHO": "nobody"}
        assert rules.env(stdin=a, env={"PROTO": "TCP", "TCPREMOTEIP": "192.0.2.1"})["WHO"] == "1"


def test_address_that_is_none(rules):
    rules.make("192.0.2.1:deny\n")
    for bad in ("unknown", "", "192.0.2.01", "0xc0000201", "192.0.513"):
        r = rules.run(env={"PROTO": "TCP", "TCPREMOTEIP": bad})
        assert (r.returncode, r.stdout) == (111, FAILED) and b"why=no-peer" in r.stderr


def test_peer_gone(rules):
    """An internet socket that has lost its peer: nothing of the environment steps in."""
    rules.make('192.0.2.1:allow,RELAYCLIENT=""\n')
    with socket.socket() as s:
        r = rules.run(env={"PROTO": "TCP", "TCPREMOTEIP": "192.0.2.1"}, stdin=s)
    assert (r.returncode, r.stdout) == (111, FAILED) and b"why=no-peer" in r.stderr


# Verdicts

def test_denied(rules):
    rules.make("127.0.0.0/8:deny\n")
    with connection() as (server, client):
        port = client.getsockname()[1]
        r = rules.run(stdin=server, stdout=server)
        server.close()
        assert client.makefile("rb").read() == DENIED
    assert r.returncode == 0
    assert re.fullmatch(rb"relay-gate: event=denied pid=\d+ client=127.0.0.1 port=%d by=clients:1\n" % port, r.stderr)


def test_denied_quietly(rules):
    rules.make("127.0.0.0/8:deny\n")
    with connection() as (server, client):
        r = rules.run("-q", stdin=server, stdout=server)
        server.close()
        assert client.makefile("rb").read() == b""
    assert r.returncode == 0 and b"event=denied" in r.stderr


def test_log_is_one_clean_line(rules):
    """The name is the client's own: whatever it holds, the log line stays one line of words."""
    rules.make(":deny\n")
    r = rules.run(env={"TCPREMOTEIP": "192.0.2.1", "TCPREMOTEHOST": "x by=clients:9\nrelay-gate: event=\x1b[2J\xff"})
    assert r.stdout == DENIED and r.stderr.count(b"\n") == 1
    words = r.stderr.decode("ascii").split()
    assert words[:2] == ["relay-gate:", "event=denied"] and words[3] == "client=192.0.2.1"
    assert words[4].startswith("host=x") and words[5:] == ["by=clients:1"]


def test_log_not_to_the_client(rules):
    """Under inetd descriptor 2 is the connection too."""
    rules.make("127.0.0.0/8:deny\n")
    for cdb, said in ((rules.cdb, DENIED), ("/nonexistent", FAILED)):
        with connection() as (server, client):
            subprocess.run([GATE, cdb, "true"], env={"PATH": PATH}, stdin=server, stdout=server, stderr=server,
                           timeout=30)
            server.close()
            assert client.makefile("rb").read() == said


def test_no_answer_from_the_client(rules):
    """A denied client that is gone already."""
    rules.make("127.0.0.0/8:deny\n")
    with connection() as (server, client):
        client.close()
        time.sleep(.05)
        r = rules.run(stdin=server, stdout=server)
    assert r.returncode in (0, 111) and r.stderr.count(b"\n") == 1


def test_relayclient(rules):
    """An inherited RELAYCLIENT grants nothing, unless -k says that the listener means it."""
    rules.make('192.0.2.1:allow,RELAYCLIENT="",DATABYTES="5"\n192.0.2.2:allow\n192.0.2.3:allow,RELAYBY2="x"\n')
    inherited = {"RELAYCLIENT": "@old", "RELAYBY": "clients:99", "TCPREMOTEIP": "192.0.2.2"}
    base = {"PROTO": "TCP", "TCPREMOTEIP": "192.0.2.2"}
    assert rules.env(env=inherited) == base
    assert rules.env("-k", env=inherited) == {**base, "RELAYCLIENT": "@old", "RELAYBY": "clients:99"}
    trusted = {"PROTO": "TCP", "TCPREMOTEIP": "192.0.2.1", "RELAYCLIENT": "", "RELAYBY": "clients:1", "DATABYTES": "5"}
    for options in ((), ("-k",)):
        assert rules.env(*options, env={"TCPREMOTEIP": "192.0.2.1"}) == trusted
        assert rules.env(*options, env={**inherited, "TCPREMOTEIP": "192.0.2.1"}) == trusted


def test_rules_set_what_the_gate_does_not_know(rules):
    """Rules have the last word over all but the facts."""
    rules.make('192.0.2.1:allow,PATH="/bin",DATABYTES="7"\n')
    r = rules.run(env={"TCPREMOTEIP": "192.0.2.1", "DATABYTES": "old"}, prog=("/usr/bin/env", "-0"))
    got = variables(r.stdout)
    assert (got["PATH"], got["DATABYTES"], got["TCPREMOTEIP"]) == ("/bin", "7", "192.0.2.1")


@pytest.mark.parametrize("name", ["TCPREMOTEIP", "PROTO", "RELAYASK", "SSLREMOTEIP"])
def test_no_rule_states_facts(rules, name):
    """A table that nobody checked: who came would be somebody else from here on."""
    rules.make(":allow\n")
    records = dict(cdb.read(rules.cdb))
    records[b"c"] = (1).to_bytes(4, "little") + b"+A=b\0+%s=10.0.0.1\0" % name.encode()
    cdb.write(rules.cdb, records.items())
    r = rules.run(env={"TCPREMOTEIP": "192.0.2.1"})
    assert r.returncode == 111 and r.stdout.startswith(b"451 ") and b"corrupt-rules" in r.stderr


def test_one_version_for_the_whole_connection(rules):
    """RELAYRULESFD is the file that decided, also after the rules changed."""
    rules.make("192.0.2.1:allow\n")
    old = open(rules.cdb, "rb").read()
    script = "mv %s %s.old; echo gone > %s; exec cat <&$RELAYRULESFD" % ((rules.cdb,) * 3)
    r = rules.run(env={"TCPREMOTEIP": "192.0.2.1"}, prog=("bash", "-c", script))
    assert r.stdout == old


# Failures

def test_no_rules(rules, tmp_path):
    rules.make("192.0.2.1:allow\n")
    good = open(rules.cdb, "rb").read()
    bad = {"empty": b"", "short": good[:100], "header": good[:2048], "cut": good[:-1], "longer": good + b"\0",
           "text": b"x" * 5000, "zeros": bytes(len(good)),
           "format": good.replace(b"posthouse rules 3", b"posthouse rules 9"), "ones": b"\xff" * len(good)}
    marker = tmp_path / "ran"
    for name, content in [*bad.items(), ("missing", None), ("folder", None)]:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        elif name == "folder":
            path.mkdir()
        r = rules.run(cdb=str(path), env={"TCPREMOTEIP": "192.0.2.1", "RELAYCLIENT": ""}, prog=("touch", str(marker)))
        assert (r.returncode, r.stdout) == (111, FAILED), name
        assert re.match(rb"relay-gate: event=failed pid=\d+ client=192.0.2.1 why=no-rules what=", r.stderr)
        assert r.stderr.count(b"\n") == 1
    assert not marker.exists()


def test_tcprules_file_is_no_rules(rules):
    subprocess.run([program("tcprules"), rules.cdb, rules.cdb + ".tmp"], input=b":allow,RELAYCLIENT=\"\"\n", check=True)
    r = rules.run(env={"TCPREMOTEIP": "192.0.2.1"})
    assert (r.returncode, r.stdout) == (111, FAILED)


def test_no_program(rules):
    rules.make("")
    r = rules.run(env={"TCPREMOTEIP": "192.0.2.1"}, prog=("/nonexistent/program", "x"))
    assert (r.returncode, r.stdout) == (111, FAILED) and b"why=no-program what=/nonexistent/program" in r.stderr


def test_usage(rules):
    rules.make("")
    for argv in ([], [rules.cdb], ["-x", rules.cdb, "true"], ["-k"]):
        r = subprocess.run([GATE, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert r.returncode == 100 and r.stdout == b"" and b"usage: relay-gate [-k] [-p] [-q] RULES PROG" in r.stderr


def test_closed_descriptors(rules):
    """Started with 0, 1 and 2 closed the rules' descriptor takes none of their places."""
    rules.make("")
    out = str(rules.dir / "out")
    script = 'exec "$@" 0<&- 1>&- 2>&-'
    prog = ["sh", "-c", 'echo "$RELAYRULESFD" > ' + out]
    subprocess.run(["sh", "-c", script, "sh", GATE, rules.cdb, *prog], env={"PATH": PATH, "TCPREMOTEIP": "192.0.2.1"},
                   timeout=30)
    assert int(open(out).read()) >= 3


# PROXY headers

PROXIES = '127.0.0.1:allow,RELAYPROXY=""\n192.0.2.1:allow,WHO="client",RELAYCLIENT=""\n192.0.2.66:deny\n' \
          '2001:db8::1:allow,WHO="six"\n:allow,WHO="other"\n'


def through(rules, sent, *options, env=None, then=b""):
    """What a program behind relay-gate sees and reads, after `sent` came over a connection."""
    with connection() as (server, client):
        client.sendall(sent + then)
        client.shutdown(socket.SHUT_WR)
        r = rules.run("-p", *options, stdin=server, env=env, prog=("sh", "-c", "env -0; printf '\\0'; exec cat"))
        e, rest = {}, b""
        if r.returncode == 0 and r.stdout != DENIED:
            text, rest = r.stdout.split(b"\0\0", 1)
            e = variables(text + b"\0")
        return r, e, rest, server.getsockname()[1]


def v2(command, family, addresses, tlvs=b""):
    body = addresses + tlvs
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20 | command, family]) + len(body).to_bytes(2, "big") + body


def six(text):
    return socket.inet_pton(socket.AF_INET6, text)


PORTS = b"\x10\x00\x00\x19"
V2_4 = socket.inet_aton("192.0.2.1") + socket.inet_aton("198.51.100.7") + PORTS
V2_6 = six("2001:db8::1") + six("2001:db8::2") + PORTS
MAPPED = six("::ffff:192.0.2.1") * 2 + PORTS


@pytest.mark.parametrize("header,ip,local,who", [
    (b"PROXY TCP4 192.0.2.1 198.51.100.7 4096 25\r\n", "192.0.2.1", "198.51.100.7", "client"),
    (b"PROXY TCP6 2001:db8::1 2001:db8::2 4096 25\r\n", "2001:db8::1", "2001:db8::2", "six"),
    (b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.1 4096 25\r\n", "192.0.2.1", "192.0.2.1", "client"),
    (v2(1, 0x11, V2_4), "192.0.2.1", "198.51.100.7", "client"),
    (v2(1, 0x11, V2_4, b"\x04\0\x05hello" * 20), "192.0.2.1", "198.51.100.7", "client"),
    (v2(1, 0x21, V2_6), "2001:db8::1", "2001:db8::2", "six"),
    (v2(1, 0x21, MAPPED), "192.0.2.1", "192.0.2.1", "client"),
])
def test_proxy(rules, header, ip, local, who):
    """The rules are asked again with the client's address; names of the proxy are gone; not a byte too much is read."""
    rules.make(PROXIES)
    env = {"PROTO": "TCP", "TCPREMOTEIP": "127.0.0.1", "TCPREMOTEHOST": "proxy.example", "TCPREMOTEINFO": "joe",
           "TCPLOCALIP": "127.0.0.1", "TCPLOCALHOST": "here.example"}
    r, e, rest, _ = through(rules, header, env=env, then=b"EHLO a.example\r\n")
    assert r.returncode == 0, r.stderr
    assert (e["TCPREMOTEIP"], e["TCPREMOTEPORT"], e["TCPLOCALIP"], e["TCPLOCALPORT"]) == (ip, "4096", local, "25")
    assert e["WHO"] == who and not {"TCPREMOTEHOST", "TCPREMOTEINFO", "TCPLOCALHOST", "RELAYPROXY"} & set(e)
    assert e.get("RELAYBY") == ("clients:2" if who == "client" else None) and ("RELAYCLIENT" in e) == (who == "client")
    assert rest == b"EHLO a.example\r\n"


def test_proxy_denied_client(rules):
    rules.make(PROXIES)
    r, _, _, _ = through(rules, b"PROXY TCP4 192.0.2.66 198.51.100.7 4096 25\r\n")
    assert r.returncode == 0 and r.stdout == DENIED
    assert r.stderr.endswith(b" client=192.0.2.66 port=4096 by=clients:3\n") and b"event=denied" in r.stderr


@pytest.mark.parametrize("header", [
    b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", v2(0, 0, b""), v2(0, 0x11, V2_4), v2(1, 0, b""),
    v2(1, 0x31, b"x" * 216),
])
def test_proxy_without_addresses(rules, header):
    """UNKNOWN and LOCAL: the connection's own address, and a proxy's rule cannot trust."""
    rules.make(PROXIES)
    r, e, rest, port = through(rules, header, then=b"NOOP\r\n")
    assert r.returncode == 0 and e["TCPREMOTEIP"] == "127.0.0.1" and e["TCPLOCALPORT"] == str(port)
    assert "RELAYCLIENT" not in e and e["RELAYPROXY"] == "" and rest == b"NOOP\r\n"


def test_proxy_only_from_proxies(rules):
    """A header from anybody else is left for the program behind: just a wrong command."""
    rules.make(PROXIES.replace("127.0.0.1:", "127.0.0.2:"))
    header = b"PROXY TCP4 192.0.2.1 198.51.100.7 4096 25\r\n"
    r, e, rest, _ = through(rules, header, env={"RELAYPROXY": ""})
    assert r.returncode == 0 and e["TCPREMOTEIP"] == "127.0.0.1" and e["WHO"] == "other" and rest == header


def test_proxy_only_when_told(rules):
    rules.make(PROXIES)
    header = b"PROXY TCP4 192.0.2.1 198.51.100.7 4096 25\r\n"
    with connection() as (server, client):
        client.sendall(header)
        client.shutdown(socket.SHUT_WR)
        r = rules.run(stdin=server, prog=("cat",))
    assert (r.returncode, r.stdout) == (0, header)


WRONG = [
    b"EHLO a.example\r\n",
    b"PROXY TCP4 192.0.2.1\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 4096 25\n",
    b"PROXY TCP4 192.0.2.066 198.51.100.7 4096 25\r\n",
    b"PROXY TCP4 2001:db8::1 ::2 4096 25\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 4096",
    b"PROXY " + b"x" * 200,
    b"",
    b"\r\n\r\n\0\r\nQUIT\n",
    v2(1, 0x11, V2_4)[:-1],
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" + bytes(70000),
]


@pytest.mark.parametrize("which", range(len(WRONG)))
def test_proxy_malformed(rules, which):
    """From a proxy a wrong header ends the connection: no banner, no rule of another address."""
    rules.make(PROXIES)
    r, _, _, _ = through(rules, WRONG[which])
    assert r.returncode == 111 and r.stdout == b""
    assert b" client=127.0.0.1 " in r.stderr and b"why=proxy-header" in r.stderr


@pytest.mark.slow
def test_proxy_silent(rules):
    """A proxy that never sends its header does not hold the slot."""
    rules.make(PROXIES)
    with connection() as (server, client):
        client.sendall(b"PROXY TCP4 ")
        start = time.monotonic()
        r = rules.run("-p", stdin=server)
        assert 5 < time.monotonic() - start < 20
    assert r.returncode == 111 and r.stdout == b""


# Under a real super-server

def test_under_tcpserver(rules):
    rules.make('127.0.0.1:allow,WHO="local",RELAYCLIENT=""\n127.0.0.2:deny\n')
    with subprocess.Popen([program("tcpserver"), "-1vHRl0", "127.0.0.1", "0", GATE, rules.cdb, "env", "-0"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            port = int(server.stdout.readline())

            def ask(source):
                with socket.create_connection(("127.0.0.1", port), 10, (source, 0)) as s:
                    return s.getsockname()[1], s.makefile("rb").read()
            mine, text = ask("127.0.0.1")
            e = variables(text)
            assert (e["TCPREMOTEIP"], e["TCPREMOTEPORT"], e["TCPLOCALPORT"]) == ("127.0.0.1", str(mine), str(port))
            assert (e["WHO"], e["RELAYBY"]) == ("local", "clients:1")
            assert ask("127.0.0.2")[1] == DENIED
            assert "WHO" not in variables(ask("127.0.0.3")[1])
        finally:
            server.kill()
