"""Domains, addresses and IP addresses as the rules compare them, by posthouse-control(5), RFC 5321 and RFC 3492."""
import ipaddress
import re
from typing import NamedTuple

ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
DOT_STRING = re.compile(r"%s(?:\.%s)*" % (ATOM, ATOM))
QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*"')
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
NUMERIC = re.compile(r"[0-9]*|0x[0-9a-f]*")


class Ip(NamedTuple):
    bits: int      # 32 or 128
    value: int


class Address(NamedTuple):
    key: str       # local part with small ASCII letters, @, domain as domain() gives it; "" for the null sender
    local: str
    domain: str    # "" for none, "[...]" for a literal
    onward: bool   # the local part could route once more


NULL = Address("", "", "", False)


def small(text):
    """ASCII letters alone: what others there are in a local part is its owner's business."""
    return text.encode().lower().decode()


def ip(text):
    """An Ip, or None. Mapped addresses are IPv4."""
    try:
        a = ipaddress.ip_address(text)
    except ValueError:
        return None
    if "%" in text:
        return None
    if a.version == 6 and a.ipv4_mapped:
        a = a.ipv4_mapped
    return Ip(a.max_prefixlen, int(a))


def prefix(text):
    """(Ip, bits) of ADDRESS or ADDRESS/BITS, brackets around the address or not; an address alone has all its bits."""
    address, _, bits = text.partition("/")
    if address.startswith("["):
        address = address[1:-1]
    a = ip(address)
    mapped = 96 if a.bits == 32 and ":" in address else 0
    return a, int(bits) - mapped if bits else a.bits


def within(a, net):
    base, bits = net
    return a.bits == base.bits and a.value >> (a.bits - bits) == base.value >> (a.bits - bits)


def literal(text):
    """The canonical [..] of an address literal, or None. The tag decides the family, as RFC 5321 4.1.3 has it."""
    inside = text[1:-1]
    tagged = inside[:5].lower() == "ipv6:"
    address = inside[5:] if tagged else inside
    if not text.endswith("]") or ip(address) is None or tagged != (":" in address):
        return None
    return literal_of(ip(address))


def literal_of(a):
    return "[%s]" % ipaddress.IPv4Address(a.value) if a.bits == 32 else "[IPv6:%s]" % ipaddress.IPv6Address(a.value)


def domain(text):
    """Small letters, A-labels, no dot at the end; None when it is no domain. Only for what the tests write: which
    characters beyond ASCII are refused is not looked at."""
    out = []
    for label in (text[:-1] if text.endswith(".") else text).split("."):
        label = label.lower()
        if not label.isascii():
            label = "xn--" + label.encode("punycode").decode()
        if not LABEL.fullmatch(label) or len(label) > 63:
            return None
        out.append(label)
    return None if NUMERIC.fullmatch(out[-1]) or len(".".join(out)) > 253 else ".".join(out)


def split_local(text):
    """(what the local part says, does it need quotes for that, rest), or None."""
    if text.startswith('"'):
        m = QUOTED.match(text)
        if not m:
            return None
        says = re.sub(r"\\(.)", r"\1", m.group()[1:-1])
        return says, not DOT_STRING.fullmatch(says), text[m.end():]
    m = DOT_STRING.match(text)
    return (m.group(), False, text[m.end():]) if m else None


def mailbox(text):
    """An Address from `local@domain`, or from postmaster alone; None when it is none."""
    split = split_local(text)
    if not split:
        return None
    says, quotes, rest = split
    onward = quotes or any(c in says for c in "%!@")
    if quotes:
        says = text[:len(text) - len(rest)]
    if not rest:
        return Address(small(says), says, "", onward) if small(says) == "postmaster" else None
    where = rest[1:] if rest.startswith("@") else ""
    where = literal(where) if where.startswith("[") else domain(where)
    return Address(small(says) + "@" + where, says, where, onward) if where else None


def path(text, sender=False):
    """The same from a path in angle brackets. A source route is dropped, if its domains are domains."""
    if not (text.startswith("<") and text.endswith(">")):
        return None
    inside = text[1:-1]
    if not inside:
        return NULL if sender else None
    if inside.startswith("@"):
        route, colon, inside = inside.partition(":")
        if not colon or not all(hop.startswith("@") and domain(hop[1:]) for hop in route.split(",")):
            return None
    a = mailbox(inside)
    return None if a is None or (sender and not a.domain) else a


def bare(text):
    """The mailbox of a path, without its source route, quotes that it does not need, and a dot at its end."""
    inside = text[1:-1]
    if inside.startswith("@"):
        inside = inside.partition(":")[2]
    return mailbox(inside).local + split_local(inside)[2].removesuffix(".")


def appended(address, value):
    """An address with RELAYCLIENT's value behind; what stands before the value's @ is quoted with it."""
    before, at, behind = value.partition("@")
    if not at:
        return address + value
    return '"%s%s"@%s' % (re.sub(r'(["\\])', r"\\\1", address), before, behind)


def below(name, suffix):
    """Does the domain end in `.suffix`? A literal ends in nothing."""
    return not name.startswith("[") and name.endswith(suffix) and len(name) > len(suffix)


def domain_fits(key, name):
    """A domain, a .suffix (all below it, but not itself) or a literal of the rules against a domain."""
    return below(name, key) if key.startswith(".") else key == name


def to_fits(key, address):
    """A recipient against what a line of the rules names."""
    return key == address.key if "@" in key else domain_fits(key, address.domain)


def from_fits(key, address):
    """A sender likewise. The null sender is none."""
    if address is NULL:
        return False
    return domain_fits(key[1:], address.domain) if key.startswith("@") else key == address.key
