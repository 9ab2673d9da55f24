"""Random control files that are likely to interact, and facts that are likely to meet their lines: few labels, nested
suffixes, overlapping prefixes, the same names spelled in many ways."""
import ipaddress
from dataclasses import replace

from . import names
from .oracle import Facts

LABELS = ("a", "b", "x", "gr\u00fcn", "\u043f\u043e\u0447\u0442\u0430")
LOCALS = ("joe", "ann", "Joe", "joe+a", "joe+a+b", "joe-x", "joe+", "JOE+A", "postmaster", "PostMaster", "o'hara",
          "j.doe", "\u00e9ric", "\u00c9ric")
ONWARD = ("joe%a.example", "a.example!joe", '"joe@a.example"', '"joe smith"', "joe%", '"jo\\"e"', '"a..b"', '"joe"',
          '"joe+a"', '"j\\oe"')
LITERALS = ("[192.0.2.1]", "[192.0.2.9]", "[IPv6:2001:db8::1]", "[IPv6:2001:DB8:0:0::2]", "[IPv6:::ffff:192.0.2.1]",
            "[ipv6:2001:db8::1]")
BAD = ("<joe>", "<>", "joe@a.example", "<joe@>", "<@a.example>", "<joe..x@a.example>", "<.joe@a.example>",
       "<joe@-a.example>", "<joe@a..example>", "<joe@192.0.2.1>", "<joe@[192.0.2.300]>", "<joe@[2001:db8::1]>",
       "<joe @a.example>", "<joe@a.example", "<@a.example,b.example:joe@a.example>", "<@:joe@a.example>",
       "<joe@a.example@b.example>", '<"joe@a.example>', "<joe@[IPv6:192.0.2.1]>",
       "<Postmaster@>", "<joe@0x7f.1>", "<joe@a.example..>")
V4 = ("10.0.0.1", "10.0.1.2", "10.1.2.3", "192.0.2.1", "192.0.2.9", "192.0.2.200", "127.0.0.1", "100.64.0.7")
V6 = ("2001:db8::1", "2001:db8::ffff", "2001:db8:1::1", "2001:db8:1:2::3", "fe80::1", "::1", "2001:0DB8::0001")
BITS4 = (32, 31, 30, 29, 24, 24, 23, 22, 20, 16, 16, 12, 9)
BITS6 = (128, 127, 112, 64, 48, 32, 32, 17)
NAMES = ("h.a.example", "a.example", "h.b.example", "x.h.a.example", "localhost", "H.A.Example.", "gr\u00fcn.a.example")
USERS = ("joe", "Joe", "ann", "joe@b")


class Generator:
    def __init__(self, random):
        self.random = random
        self.one, self.chance = random.choice, lambda p: random.random() < p
        self.names = [self.new_domain() for _ in range(random.randrange(3, 7))]
        self.addresses = [self.one(LOCALS) + "@" + self.one(self.names) for _ in range(random.randrange(2, 6))]
        self.clients = [self.one(V4) for _ in range(3)] + [self.one(V6) for _ in range(2)]

    def new_domain(self):
        if self.chance(0.12):
            return self.one(LITERALS)
        if self.chance(0.04):
            return self.one(("hosted", "any"))   # words of `relay`, and domains too
        return ".".join([self.one(LABELS) for _ in range(self.one((0, 1, 1, 2, 2, 3)))] + ["example"])

    def spelled(self, name):
        """The same name in another way."""
        if name.startswith("["):
            return name
        how = self.random.randrange(12)
        if how == 0:
            return name.upper()
        if how == 1:
            return name.title()
        if how == 2:
            return name + "."
        if how < 6:
            return ".".join(x if x.isascii() else "xn--" + x.encode("punycode").decode() for x in name.split("."))
        return name

    def name(self):
        """One of the few, or one near it."""
        name = self.one(self.names)
        if not name.startswith("["):
            how = self.random.randrange(10)
            if how == 0:
                name = self.one(LABELS) + "." + name
            elif how == 1 and "." in name:
                name = name.partition(".")[2]
            elif how == 2:
                name = "a" + name
        return name if self.chance(0.93) else self.new_domain()

    def domain_key(self):
        name = self.name()
        return ("." if self.chance(0.4) and not name.startswith("[") else "") + self.spelled(name)

    def address(self):
        if self.chance(0.55):
            local, _, name = self.one(self.addresses).partition("@")
        else:
            local, name = self.one(LOCALS), self.name()
        return local + "@" + self.spelled(name)

    def to_key(self):
        return self.address() if self.chance(0.3) else self.domain_key()

    def from_key(self):
        return self.address() if self.chance(0.5) else "@" + self.domain_key()

    def prefix(self):
        a = ipaddress.ip_address(self.one(self.clients) if self.chance(0.8) else self.one(V4 + V6))
        full = a.max_prefixlen
        if self.chance(0.2):
            return str(a)
        bits = self.one(BITS4 if full == 32 else BITS6)
        text = str(type(a)(int(a) >> (full - bits) << (full - bits)))
        if full == 32 and self.chance(0.15):
            return "::ffff:%s/%d" % (text, bits + 96)
        return "%s/%d" % ("[%s]" % text if full == 128 and self.chance(0.3) else text, bits)

    # A line of each file

    def client(self):
        how = self.random.randrange(18)
        address = self.one(self.clients) if self.chance(0.8) else self.one(V4 + V6)
        four = self.one(V4).split(".")
        if how < 3:
            return "[%s]" % address if ":" in address and self.chance(0.3) else address
        if how < 6:
            return ".".join(four[:self.random.randrange(1, 4)]) + "."
        if how == 6:
            return "%s.%s.%s.%d-%d" % (*four[:3], self.random.randrange(3), self.random.randrange(3, 12))
        if how == 7:
            return "%s.0-2." % four[0]
        if how < 12:
            return self.prefix()
        if how == 12:
            return "=" + self.one(NAMES)
        if how == 13:
            return self.one(("=.example", "=.a.example", "=.h.a.example", "=", "=", "=.com"))
        if how < 17:
            return self.one(USERS) + "@" + (address if self.chance(0.5) else "=" + self.one(NAMES))
        return ""

    def clients_line(self):
        if self.chance(0.3):
            return self.client() + ":deny"
        line = self.client() + ":allow"
        if self.chance(0.25):
            line += ',DATABYTES="%d"' % self.random.randrange(9)
        if self.chance(0.55) and not line.startswith((":", "=:")):
            quote = self.one('"/|')
            line += ",RELAYCLIENT=%s%s%s" % (quote, self.one(("", "", "", "", ".inner", "@gw.example")), quote)
        return line

    def domains_line(self):
        return self.domain_key() + self.one(("", " any", " any", " listed", " listed", " asked", "\tasked"))

    def mailbox_key(self):
        how = self.random.randrange(10)
        if how < 5:
            return self.address()
        if how < 8:
            local = self.one(("joe", "ann", "Joe", "joe+a", "joe+a+b"))
            return "%s%s*@%s" % (local, self.one("+-+"), self.spelled(self.one(self.names)))
        return "@" + self.domain_key()

    def aliases_line(self):
        return self.mailbox_key() + " " + " ".join(self.address() for _ in range(self.one((1, 1, 1, 2, 3))))

    def routes_line(self):
        key = "" if self.chance(0.12) else self.domain_key()
        relay = self.one(("", "", "10.0.0.5", "[2001:db8::25]", "inner.example", self.spelled("h.a.example"),
                          "/run/lmtp"))
        if relay.startswith("/"):
            return key + ":" + relay + self.one(("", ":2525", " smtp", " lmtp"))
        words = self.one(("", "", " tls=none", " tls=required", " ca=/etc/ca.pem tls=verify name=x.example"))
        if relay and self.chance(0.2):
            return key + ":" + relay + ":24 lmtp" + words
        return key + ":" + relay + self.one(("", "", ":2525")) + words

    def relay_line(self):
        how = self.random.randrange(40)
        if how < 3:
            return self.one(("require sender hosted", "require login", "require tls"))
        if how < 11:
            return self.one(("grant login", "grant clients", "grant pop")) if self.chance(0.6) else self.pop_line()
        if how < 16:
            return "grant to " + self.to_key()
        if how < 21:
            return "grant to-host " + self.prefix()
        if how < 26:
            who = self.one(("hosted", "user", "user")) if self.chance(0.4) else self.from_key()
            return "grant sender %s forgeable" % who
        if how < 31:
            from_, to = self.one(("any", "any", "hosted", self.from_key())), self.one(("any", "hosted", self.to_key()))
            return "grant device %s from %s to %s" % (self.prefix(), from_, to)
        if how < 34:
            return "deny to " + self.to_key()
        if how < 39:
            return "local " + self.to_key()
        return "grant anyone open-relay" if self.chance(0.3) else "# nothing"

    def pop_line(self):
        on = " on " + ",".join(self.random.sample(("-", "inside", "Submission", "OTHER"), self.random.randrange(1, 4)))
        words = (" %d" % self.random.randrange(1, 3600), " /64", on, " bound")
        return "grant pop" + "".join(w for w in words if self.chance(0.5))

    def users_line(self):
        name = self.one(("ann", "Ann", "joe", "eve@a.example", "bob"))
        line = name + " -" + self.one(("", "", "", " relay", " norelay", " off", " off relay", " on"))
        if self.chance(0.6):
            line += " from " + " ".join(self.from_key() for _ in range(self.one((1, 1, 2))))
        return line

    def text(self, line, most):
        """A file: lines, some of them empty or with a comment."""
        out = []
        for _ in range(self.random.randrange(most + 1)):
            if self.chance(0.06):
                out.append(self.one(("", "# a comment", "   ")))
            end = "\r" if self.chance(0.02) else "  " if self.chance(0.02) else ""
            out.append((" " if self.chance(0.02) else "") + line() + end)
        return "\n".join(out) + "\n"

    def texts(self):
        sizes = self.one(((9, 4, 6, 5, 10, 4), (4, 2, 0, 0, 5, 0), (16, 6, 12, 8, 20, 3), (3, 5, 8, 8, 3, 0),
                          (0, 1, 3, 0, 8, 5)))
        makers = (("clients", self.clients_line), ("domains", self.domains_line), ("recipients", self.mailbox_key),
                  ("aliases", self.aliases_line), ("relay", self.relay_line), ("routes", self.routes_line))
        texts = {name: self.text(line, most) for (name, line), most in zip(makers, sizes)}
        texts["users"] = self.text(self.users_line, 4)
        texts["me"] = "\n" * self.random.randrange(3) + "Relay.example.\n"
        return texts

    # Facts

    def path(self, sender=False):
        if sender and self.chance(0.12):
            return "<>"
        if self.chance(0.015):
            return self.one(BAD)
        if not sender and self.chance(0.03):
            return self.one(("<postmaster>", "<PostMaster>"))
        address = self.address()
        if self.chance(0.08):
            address = self.one(ONWARD) + "@" + address.rpartition("@")[2]
        if self.chance(0.04):
            address = "@%s:%s" % (",@".join(self.spelled(self.one(LABELS[:3]) + ".example") for _ in range(2)), address)
        return "<%s>" % address

    def near(self, address):
        """An address close to a client's: in the same prefixes or just beside."""
        a = ipaddress.ip_address(address)
        if self.chance(0.35):
            flip = self.random.randrange(a.max_prefixlen)
            a = type(a)(int(a) ^ (1 << self.random.randrange(flip + 1)))
        text = str(a)
        return "::ffff:" + text if a.version == 4 and self.chance(0.1) else text

    def facts(self):
        f = Facts(client=self.near(self.one(self.clients)) if self.chance(0.97) else "")
        if self.chance(0.35):
            f.host = self.one(NAMES)
        if self.chance(0.4):
            f.info = self.one(USERS)
        f.kept, f.tls = self.chance(0.08), self.chance(0.6)
        if self.chance(0.2):
            f.listener = self.one(("submission", "Submission", "inside", "Inside", "other"))
        if self.chance(0.35):
            f.login, f.privilege, f.wrong_sender = "joe", self.chance(0.6), self.chance(0.1)
        f.stamp = self.one(("ann", "ann", "ANN", "joe", "Eve@A.example", "bob", "x")) if self.chance(0.3) else ""
        f.stamp_unknown = not f.stamp and self.chance(0.15)
        f.sender, f.recipient = self.path(sender=True), self.path()
        f.mailbox, f.mx = self.one(("", "yes", "no", "unknown")), self.one(("", "yes", "yes", "yes", "no", "unknown"))
        if f.mx == "yes":
            f.hosts = tuple(self.near(self.one(self.clients)) for _ in range(self.one((0, 1, 1, 1, 2, 3))))
        return f

    def way(self):
        """Facts for the whole way: (facts, RELAYCLIENT in the environment or None, what the network says about what
        becomes of the recipient). The network has all answers."""
        f, other = self.facts(), self.facts()
        f.sender, f.recipient = (x if x.startswith("<") else "<joe@>" for x in (f.sender, f.recipient))
        behind = [n if n.startswith("[") else names.domain(n) for n in (self.name(), self.name(), self.name())]
        values = ("", ".inner", "." + behind[0], "@" + behind[1], ".x@" + behind[2], "@", "x")
        for one in (f, other):
            one.kept, one.mailbox, one.mx = False, one.mailbox or "unknown", one.mx or "no"
            if one.mx == "yes" and not one.hosts:
                one.mx = "no"
        value = self.one(values) if self.chance(0.5) else None
        return f, value, replace(f, mailbox=other.mailbox, mx=other.mx, hosts=other.hosts)
