"""What the tests of relay-prove share: tables made by hand beside those of relay-mkcdb, and sessions on pipes in which
a dialogue is replayed: relay-gate takes the client from the environment when descriptor 0 is no socket."""
import ipaddress
import json
import os
import subprocess

from . import cdb
from .procs import program

INJECTOR = "#!/bin/sh\nexec cat\n"
# Answers relay-smtpd's questions: all of a domain's MX lead to $MX, and every recipient is taken.
ASKER = """#!/bin/sh
while read kind subject; do
  case $kind in hosts) echo "${MX:+yes }${MX:-no none}" ;; *) echo yes ;; esac
done
"""


class House:
    """A control directory, made anew for each set of rules, and programs beside it."""

    def __init__(self, folder):
        self.dir = str(folder)
        self.rules = os.path.join(self.dir, "rules.cdb")
        for name, text in (("injector", INJECTOR), ("asker", ASKER)):
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(text)
            os.chmod(os.path.join(self.dir, name), 0o755)

    def compile(self, texts):
        """relay-mkcdb on these files alone: its code and what it said."""
        for name in ("me", "clients", "domains", "recipients", "aliases", "relay", "limits", "rules.cdb"):
            path = os.path.join(self.dir, name)
            if os.path.exists(path):
                os.unlink(path)
        for name, text in dict(dict(me="relay.example\n", limits="errors 1000\n"), **texts).items():
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(text)
        r = subprocess.run([program("relay-mkcdb"), self.dir], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=180)
        assert r.stdout == b"" and (r.returncode == 0) == os.path.exists(self.rules)
        return r.returncode, r.stderr.decode("ascii")

    def prove(self):
        """relay-prove's code, its ways in (text), and all that it says to programs."""
        r = subprocess.run([program("relay-prove"), self.rules], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=180)
        j = subprocess.run([program("relay-prove"), "--json", self.rules], stdout=subprocess.PIPE, timeout=180)
        assert r.returncode == j.returncode and r.stderr == b"", (r, j)
        found = json.loads(j.stdout)
        ways = parse(r.stdout.decode("ascii"))
        assert len(ways) == min(len(found["openings"]), 20), r.stdout
        for way, o in zip(ways, found["openings"]):
            assert way.said == o["transcript"] and way.client == o["client"] and way.mx == o.get("mx")
            assert way.why == o["why"] and way.declared == o["declared"] and way.host == o.get("host")
            assert way.place == "%s:%d" % (o["record"]["file"], o["record"]["line"])
            assert "%s: %s" % (way.place, o["record"]["says"]) in way.rules
        return r.returncode, ways, found

    def session(self, lines, client, host=None, mx=None, listener=None):
        """relay-gate and relay-smtpd, told all lines at once. The replies, as lists of their lines."""
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TCPREMOTEIP": client, "PROTO": "TCP",
               "QMAILQUEUE": os.path.join(self.dir, "injector"), "RELAYASK": os.path.join(self.dir, "asker")}
        env.update({k: v for k, v in (("TCPREMOTEHOST", host), ("MX", mx)) if v})
        argv = [program("relay-gate"), "-p", self.rules, program("relay-smtpd")]
        argv += ["-l", listener] if listener else []
        r = subprocess.run(argv, input="".join(l + "\r\n" for l in lines).encode(), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, env=env, timeout=180)
        replies = [[]]
        for line in r.stdout.decode().split("\r\n")[:-1]:
            replies[-1].append(line)
            if line[3:4] == " ":
                replies.append([])
        assert not replies.pop(), (r.stdout, r.stderr)
        return replies

    def replay(self, way):
        """The dialogue as printed, against the chain: does each reply begin as it says?"""
        sent = [s[3:] for s in way.said if s.startswith("C: ")]
        wanted = [s[3:] for s in way.said if s.startswith("S: ")]
        replies = self.session(sent + ["RSET", "QUIT"], way.client, way.host, way.mx, way.listener)
        assert [r[-1][:3] for r in replies] == wanted + ["250", "221"], (way.said, replies)

    # tables that nobody refused

    def records(self):
        return dict(cdb.read(self.rules))

    def make(self, records):
        cdb.write(self.rules, records.items())


class Way:
    """One way in, as relay-prove and relay-mkcdb print it."""

    def __init__(self, first):
        self.declared = first.endswith(" (declared)") or ": warning: " in first
        first = first.replace(": warning: ", ": ").replace(" (declared)", "")
        self.place, self.why = first.split(": ", 1)
        self.said, self.rules = [], []
        self.client = self.host = self.mx = self.listener = None

    def put(self, line):
        word, _, rest = line.partition(": ")
        if word in ("C", "S"):
            self.said.append(line)
        elif word == "client":
            self.client, _, self.host = rest.partition(" ")
            self.host = self.host or None
        elif word == "dns":
            self.mx = rest.split(" leads to ")[1].split(" ")[0]
        elif word == "listener":
            self.listener = rest
        elif word != "next hop":
            self.rules.append(line)


def parse(text):
    ways = []
    for line in text.splitlines():
        if line.startswith("this rests on"):
            break
        if ": an open relay: " in line or ": warning: an open relay: " in line:
            ways.append(Way(line))
        elif line.startswith("  ") and ways:
            ways[-1].put(line[2:])
    return ways


def bits(prefix):
    """The tables' key of 10.0.0.0/8; IPv4-mapped prefixes are IPv4's."""
    net = ipaddress.ip_network(prefix)
    n = net.prefixlen
    if net.version == 6 and net.network_address.ipv4_mapped is not None and n >= 96:
        net = ipaddress.ip_network("%s/%d" % (net.network_address.ipv4_mapped, n - 96))
        n -= 96
    text = "{:0{}b}".format(int(net.network_address), net.max_prefixlen)
    return ("_" if net.version == 4 else "^") + text[:n]


def use_length(records, key, b):
    """A prefix length more in a list of those in use, longest first."""
    key += b"/4" if b[0] == "_" else b"/6"
    have = set(records.get(key, b"\0\0\0\0")[4:]) | {len(b) - 1}
    records[key] = bytes(4) + bytes(sorted(have, reverse=True))


def add_client(records, line, address, data):
    """`address:...` by hand: a CIDR prefix, or whatever stands in the table as it is; with ranges 1-5 in it."""
    at = line.to_bytes(4, "little")
    if "/" in address:
        b = bits(address)
        use_length(records, b"c", b)
        address = b
    elif "-" in address and "=" not in address:
        parts = address.split(".")
        i = next(n for n, p in enumerate(parts) if "-" in p)
        low, high = map(int, parts[i].split("-"))
        for n in range(low, high + 1):
            add_client(records, line, ".".join(parts[:i] + [str(n)] + parts[i + 1:]), data)
        return
    records.setdefault(b"c" + address.encode(), at + data)


def add_relay(records, line, text, data=b""):
    """A line of `relay` by hand."""
    at, words = line.to_bytes(4, "little"), text.split()
    if words[:2] == ["grant", "device"]:
        b = bits(words[2])
        use_length(records, b"rgrant device", b)
        records[b"rgrant device " + b.encode()] = bytes(4)
        words = ["grant", "device", b, words[4], words[6]]
    elif words[:2] == ["grant", "to-host"]:
        b = bits(words[2])
        use_length(records, b"rgrant to-host", b)
        words = ["grant", "to-host", b]
    records.setdefault(b"r" + " ".join(words).encode(), at + data)
