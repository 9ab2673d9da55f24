"""Which lines relay-mkcdb must refuse, and no others, by the words of posthouse-control(5); for texts whose lines are
each written rightly."""
from . import names, texts


# As domains after `to` hardly meant: words of other lines, or what people expect to be words.
WORDS = {"any", "all", "anyone", "anybody", "everyone", "everybody", "hosted", "user", "clients"}


def twice(rows):
    """The lines that say what a line before says. rows: (line, what it is about)."""
    seen, out = {}, set()
    for line, what in rows:
        if seen.setdefault(what, line) != line:
            out.add(line)
    return out


def is_hosted(key, domains):
    """Is an address or @domain of `recipients` and `aliases` in one of `domains`? All below a suffix must be."""
    where = key.rpartition("@")[2]
    return any(d.key == where or (d.key.startswith(".") and names.below(where, d.key)) for d in domains)


def leads_to(key, aliases, seen=()):
    """All keys that an alias leads to, whoever is asked on the way; one that is written like its alias is a mailbox."""
    alias = next((a for a in aliases if a.key == key), None)
    out = set()
    for target in alias.targets if alias and key not in seen else ():
        if target != key:
            out |= {target} | leads_to(target, aliases, seen + (key,))
    return out


def hardly_meant(relay):
    """The lines of `relay` that name such a domain; a device's line knows two of the words, in small letters."""
    out = set()
    for number, line in texts.lines(relay):
        w = texts.words(line)
        to = {"grant to": 2, "deny to": 2, "grant device": 6}.get(" ".join(w[:2]), 1 if w[0] == "local" else None)
        if to is None or (to == 6 and w[to] in ("any", "hosted")) or "@" in w[to]:
            continue
        if texts.who_key(w[to]) in WORDS:
            out.add(number)
    return out


def refused(control):
    """{(file, line)}"""
    text = {f: control.get(f, "") for f in texts.FILES}
    clients, domains = texts.rules_of(text["clients"]), texts.domains_of(text["domains"])
    boxes = {f: texts.mailboxes_of(text[f]) for f in ("recipients", "aliases")}
    relay, aliases = texts.relay_of(text["relay"]), boxes["aliases"]
    denials = [s.args[0] for s in relay if s.verb == "deny to"]
    out = {("clients", n) for n in twice((r.line, (r.kind, r.what)) for r in clients)}
    out |= {("relay", n) for n in hardly_meant(text["relay"])}
    out |= {("relay", n) for n in twice((s.line, (s.verb, s.verb != "grant pop" and s.args)) for s in relay)}
    if any(s.verb == "grant pop" and s.args[0].bound for s in relay):    # else nobody reads users
        out |= {("users", n) for n in twice((u.line, u.name) for u in texts.users_of(text["users"]))}
    out |= {("domains", n) for n in twice((d.line, d.key) for d in domains)}
    out |= {("routes", n) for n in twice((r.line, r.key) for r in texts.routes_of(text["routes"]))}
    for file, rows in boxes.items():
        out |= {(file, b.line) for b in rows if not is_hosted(b.key, domains) or len(set(b.targets)) < len(b.targets)}
        out |= {(file, n) for n in twice((b.line, b.key) for b in rows if (file, b.line) not in out)}
    aliases = [a for a in aliases if ("aliases", a.line) not in out]
    own = {a.key for a in aliases}
    for a in aliases:    # an alias among the targets is not where the mail goes
        denied = any(names.to_fits(key, address(t)) for t in a.targets if t not in own for key in denials)
        if denied or a.key in leads_to(a.key, aliases):
            out.add(("aliases", a.line))
    return out


def address(key):
    local, _, where = key.rpartition("@")
    return names.Address(key, local, where, False)
