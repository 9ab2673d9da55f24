"""The texts of a control directory, read by the words of posthouse-control(5). They must be right: relay-mkcdb took
them."""
import re
from typing import NamedTuple

from . import names

FILES = ("me", "clients", "domains", "recipients", "aliases", "relay", "routes", "users")


class Rule(NamedTuple):
    """A line of `clients`. kind: user, address, name, dots, cidr, ending, named, everybody."""
    line: int
    kind: str
    what: tuple    # what the kind compares
    deny: bool
    variables: dict


class Domain(NamedTuple):
    line: int
    key: str
    check: str


class Mailbox(NamedTuple):
    """A line of `recipients` or `aliases`."""
    line: int
    key: str
    targets: tuple


class Route(NamedTuple):
    """A line of `routes`."""
    line: int
    key: str       # "": all that have no other
    relay: str     # "": by the MX records


class Statement(NamedTuple):
    """A line of `relay`."""
    line: int
    verb: str      # grant login, deny to, local, ...
    args: tuple    # keys and prefixes, read


class Pop(NamedTuple):
    """What stands behind `grant pop`."""
    listeners: tuple   # in small letters; (): all
    bound: bool
    seconds: int
    network: bool      # of 64 bits, for IPv6

    def on(self, listener):
        return not self.listeners or listener.lower() in self.listeners


class User(NamedTuple):
    """A line of `users`."""
    line: int
    name: str
    may: bool          # log in, and relay
    senders: tuple     # (): all


def lines(text):
    """(number, line) of those that say something."""
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip(" \t\r")
        if line and not line.startswith("#"):
            yield number, line


def words(line):
    """Its words, up to a comment."""
    out = []
    for word in line.split():
        if word.startswith("#"):
            break
        out.append(word)
    return out


def domain_key(text):
    if text.startswith("["):
        inside = text[1:-1]
        return names.literal_of(names.ip(inside[5:] if inside[:5].lower() == "ipv6:" else inside))
    return "." + names.domain(text[1:]) if text.startswith(".") else names.domain(text)


def who_key(text):
    """LOCAL@DOMAIN, @DOMAIN, @.SUFFIX, DOMAIN, .SUFFIX, [LITERAL], with what is before an @ kept as it is said."""
    if text.startswith("@"):
        return "@" + domain_key(text[1:])
    return names.mailbox(text).key if "@" in text else domain_key(text)


def one_range(text):
    """10.0-3. -> 10.0. 10.1. 10.2. 10.3."""
    m = re.search(r"(\d+)-(\d+)", text)
    if not m:
        return [text]
    return [text[:m.start()] + str(i) + text[m.end():] for i in range(int(m.group(1)), int(m.group(2)) + 1)]


def client_of(text):
    """[(kind, what)] of an address in `clients`."""
    user, at, rest = text.rpartition("@")
    if at:
        if rest.startswith("="):
            return [("user", (user, "name", names.domain(rest[1:])))]
        return [("user", (user, "address", names.prefix(rest)[0]))]
    if not text:
        return [("everybody", ())]
    if text == "=":
        return [("named", ())]
    if text.startswith("=."):
        return [("ending", ("." + names.domain(text[2:]),))]
    if text.startswith("="):
        return [("name", (names.domain(text[1:]),))]
    if "/" in text:
        return [("cidr", names.prefix(text))]
    if ":" in text or text.startswith("["):
        return [("address", (names.prefix(text)[0],))]
    return [("dots", (t,)) if t.endswith(".") else ("address", (names.ip(t),)) for t in one_range(text)]


def variables_of(text):
    out = {}
    while text.startswith(","):
        name, _, rest = text[1:].partition("=")
        end = rest.index(rest[0], 1)
        out[name] = rest[1:end]
        text = rest[end + 1:]
    return out


def rules_of(text):
    out = []
    for number, line in lines(text):
        address, action, rest = re.match(r"(.*?):(allow|deny)(?=[, \t]|$)(.*)", line).groups()
        out += [Rule(number, kind, what, action == "deny", variables_of(rest)) for kind, what in client_of(address)]
    return out


def domains_of(text):
    split = [(n, words(line)) for n, line in lines(text)]
    return [Domain(n, domain_key(w[0]), w[1] if len(w) > 1 else "any") for n, w in split]


def mailboxes_of(text):
    split = [(n, words(line)) for n, line in lines(text)]
    return [Mailbox(n, who_key(w[0]), tuple(names.mailbox(x).key for x in w[1:])) for n, w in split]


def routes_of(text):
    out = []
    for number, line in lines(text):
        literal, relay = re.match(r"(\[[^]]*\]|[^:]*):(\[[^]]*\]|[^:]*)", words(line)[0]).groups()
        out.append(Route(number, domain_key(literal) if literal else "", relay))
    return out


def pop_of(w):
    listeners = w[w.index("on") + 1] if "on" in w else ""
    seconds = int(w[0]) if w and w[0].isdigit() else 300
    return Pop(tuple("" if x == "-" else x.lower() for x in listeners.split(",")) if listeners else (), "bound" in w,
               seconds, "/64" in w)


def users_of(text):
    out = []
    for number, line in lines(text):
        w = words(line)
        options, senders = (w[2:w.index("from")], w[w.index("from") + 1:]) if "from" in w else (w[2:], [])
        out.append(User(number, names.small(w[0]), not {"off", "norelay"} & set(options), tuple(map(who_key, senders))))
    return out


def statement_of(number, w):
    if w[0] == "local":
        return Statement(number, "local", (who_key(w[1]),))
    verb, rest = w[0] + " " + w[1], w[2:]
    if verb in ("grant to", "deny to"):
        return Statement(number, verb, (who_key(rest[0]),))
    if verb == "grant sender":
        return Statement(number, verb, (rest[0] if rest[0] in ("hosted", "user") else who_key(rest[0]),))
    if verb == "grant to-host":
        return Statement(number, verb, (names.prefix(rest[0]),))
    if verb == "grant pop":
        return Statement(number, verb, (pop_of(rest),))
    if verb == "grant device":    # PREFIX from FROM to TO
        return Statement(number, verb, (names.prefix(rest[0]),) + tuple(
            x if x in ("any", "hosted") else who_key(x) for x in (rest[2], rest[4])))
    return Statement(number, verb, ())


def relay_of(text):
    return [statement_of(n, words(line)) for n, line in lines(text)]
