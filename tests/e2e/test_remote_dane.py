"""relay-remote and DANE (RFC 7672): signed zones on a real name server, validated by a real resolver, and servers on
port 25 of another network namespace, with certificates that fit and others."""
import os
import shutil

import pytest

from lib.mtasts import DAY, kept
from lib.netns import Cable
from lib.procs import program
from lib.remote import Jobs, environment
from lib.signed import Signed, tlsa, truncated, use_resolv_conf
from lib.sink import Sink
from lib.tls import make_certificate
from lib.tlssink import TlsSink

S, TEXT = "s@sender.example", b"Subject: x\n\nhello\n"
OWN, TA, NEXT, PLAIN = ("10.99.0.%d" % i for i in (2, 3, 4, 5)) # servers: see fixture `world`
WRONG = "3 1 1 " + "00" * 32
MATCH, HOSTNAME = "no matching DANE TLSA records", "ostname mismatch"
NOT_OFFERED = "no TLS, which DANE demands (#4.7.4)"
NO_TLSA = "no answer on TLSA records of _25._tcp.mx."


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    def at(name):
        return str(base / name)
    base = tmp_path_factory.mktemp("certs")
    ca = make_certificate(at("ca"), subject="/CN=Test CA")
    all = {"ca": ca, "own": make_certificate(at("own"), "unrelated.example"),
           "ta": make_certificate(at("ta"), "mx.ta.signed.example", ca=ca),
           "next": make_certificate(at("next"), "next.signed.example", "end.signed.example",
                                    "third.signed.example", ca=ca)}
    for name in "ta", "next": # RFC 7672 3.1.2: the server sends its authority along
        with open(os.path.join(all[name], "cert.pem"), "a") as f, open(os.path.join(ca, "cert.pem")) as c:
            shutil.copyfileobj(c, f)
    return all


def cases(certs):
    """domain below signed.example: the server of its only MX, that one's TLSA records, the verdict, and a word of the
    TLS line (K) or of the report's text (Z)."""
    own, ca = certs["own"], certs["ca"]
    return {
        "ee": (OWN, [tlsa(own, 3)], "K", "dane"), # neither name nor authority count: RFC 7672 3.1.1
        "ee-sha512": (OWN, [tlsa(own, 3, 0, 2)], "K", "dane"), "ee-whole": (OWN, [tlsa(own, 3, 0, 0)], "K", "dane"),
        "ee-roll": (OWN, [WRONG, tlsa(own, 3)], "K", "dane"), "ee-wrong": (OWN, [WRONG], "Z", MATCH),
        "ee-of-ca": (TA, [tlsa(ca, 3)], "Z", MATCH),
        "ta": (TA, [tlsa(ca, 2)], "K", "dane"), "ta-whole": (NEXT, [tlsa(ca, 2, 0, 0)], "Z", HOSTNAME),
        "ta-wrong": (TA, ["2" + WRONG[1:]], "Z", MATCH), "ta-name": (TA, [tlsa(ca, 2)], "Z", HOSTNAME),
        "next": (NEXT, [tlsa(ca, 2)], "K", "dane"), "end": (NEXT, [tlsa(ca, 2)], "K", "dane"),
        "agile": (OWN, [tlsa(own, 3), "3 1 2 " + "00" * 64], "Z", MATCH), # the stronger digest counts: RFC 7671 9
        "mixed": (OWN, [tlsa(own, 1), WRONG], "Z", MATCH),
        # none that can be checked: TLS all the same
        "pkix": (OWN, ["0" + WRONG[1:], "1" + WRONG[1:]], "K", "none"), "length": (OWN, ["3 1 1 0000"], "K", "none"),
        "unknown": (OWN, ["3 1 9 " + "00" * 32, "3 7 1 " + "00" * 32, "9 1 1 " + "00" * 32], "K", "none"),
        "pkix-plain": (PLAIN, ["1" + WRONG[1:]], "Z", NOT_OFFERED), "ee-plain": (PLAIN, [WRONG], "Z", NOT_OFFERED),
        "nothing": (OWN, [], "K", "none"), "nothing-plain": (PLAIN, [], "K", None),
        "spoilt": (OWN, ["3 1 1 " + "ab" * 32], "Z", NO_TLSA + "spoilt.signed.example (#4.4.3)"),
        "many": (OWN, ["3 1 2 %0128x" % i for i in range(59)] + [tlsa(own, 3, 1, 2)], "K", "dane"),
    }


def zones(certs):
    text = "".join(
        "%s MX 10 mx.%s\nmx.%s A %s\n" % (name, name, name, server) +
        "".join("_25._tcp.mx.%s TLSA %s\n" % (name, t) for t in records)
        for name, (server, records, _, _) in cases(certs).items())
    return {"example": "", "signed.example": text + """
alias MX 10 mx.alias\nmx.alias CNAME mx.ee
mx.spoilt A 10.99.0.3\nmx.spoilt A 10.99.0.5
own MX 10 mx.own\nmx.own CNAME bare\nbare A 10.99.0.2\n_25._tcp.mx.own TLSA {own}
out MX 10 mx.out\nmx.out CNAME mx.plain.example.\n_25._tcp.mx.out TLSA {wrong}
sneak MX 10 mx.sneak\nmx.sneak CNAME odd.plain.example.\n_25._tcp.mx.sneak TLSA {wrong}
outer MX 10 mx.outer\nmx.outer CNAME mx.plain.example.
joint MX 10 mx.joint\nmx.joint A 10.99.0.2\n_25._tcp.mx.joint CNAME _joint\n_joint TLSA {own}
loose MX 10 mx.loose\nmx.loose A 10.99.0.2\n_25._tcp.mx.loose CNAME _25._tcp.mx.plain.example.
alone A 10.99.0.2\n_25._tcp.alone TLSA {own}
begin CNAME end
third CNAME ta-whole
frail MX 10 mx.frail.plain.example.
second MX 10 mx.spoilt\nsecond MX 20 mx.ee-wrong\nsecond MX 30 mx.ee
insecure MX 10 mx.plain.example.
""".format(own=tlsa(certs["own"], 3), wrong=WRONG), "plain.example": """
@ MX 10 mx\nmx A 10.99.0.2\n_25._tcp.mx TLSA {wrong}
into MX 10 mx.ee-wrong.signed.example.
odd CNAME -x\n-x A 10.99.0.5
mx.frail A 10.99.0.2
_tcp.mx.frail NS gone
gone A 127.0.0.1
""".format(wrong=WRONG), "expired.example": """
@ MX 10 mx\nmx A 10.99.0.2\n_25._tcp.mx TLSA {own}
""".format(own=tlsa(certs["own"], 3))}


class World:
    def __init__(self, net, dns, sinks):
        self.net, self.dns, self.sinks = net, dns, sinks

    def send(self, rules, route, resolv_conf=None, **env):
        """Returns the outcome, and the sessions and messages of all servers that came of it."""
        def enter():
            self.net.enter_here()
            if resolv_conf:
                use_resolv_conf(resolv_conf)
        env = environment(RES_OPTIONS="timeout:5 attempts:1", **env)   # it asks and validates before it answers
        if not resolv_conf:
            env["DNSCACHEIP"] = self.dns.where
        before = [(s, len(s.sessions), len(s.messages)) for s in self.sinks.values()]
        route = route if ":" in route else "mx:" + route
        with Jobs(rules, route, options=("-t", "5"), env=env, preexec=enter) as j:
            o = j.job(TEXT, S, ["a@y.example"])
            assert j.said() == ""
        o.sessions = [x for s, n, _ in before for x in s.sessions[n:]]
        o.messages = [x for s, _, n in before for x in s.messages[n:]]
        assert len(o.messages) == (o.verdict == "K")
        return o


@pytest.fixture(scope="module")
def world(tmp_path_factory, certs):
    for name in "knotd", "keymgr", "kzonesign", "unbound":
        try:
            program(name)
        except FileNotFoundError:
            pytest.skip("%s is not installed" % name)
    try:
        net = Cable()
    except (PermissionError, FileNotFoundError) as why:
        pytest.skip("no network namespaces: %s" % why)
    sinks = {}
    with net:
        try:
            with net.there():
                for host, cert in (OWN, "own"), (TA, "ta"), (NEXT, "next"):
                    sinks[host] = TlsSink(certs[cert], host=host, port=25)
                sinks[PLAIN] = Sink(PLAIN, 25)
            with Signed(tmp_path_factory.mktemp("signed"), zones(certs), unsigned=["plain.example"],
                        expired=["expired.example"], also=["10.99.0.1"], preexec=net.enter_here,
                        spoilt=[("signed.example", "_25._tcp.mx.spoilt.", "AB" * 32, "AC" * 32)]) as dns:
                yield World(net, dns, sinks)
        finally:
            for s in sinks.values():
                s.close()


def check(o, verdict, word):
    assert o.verdict == verdict, o
    if verdict == "Z":
        assert o.each == "" and word in o.text, o
    elif word is None:
        assert o.tls == "none" and not getattr(o.sessions[-1], "version", None), o.tls
    else:
        assert o.tls.startswith("TLSv1.3 ") and o.tls.endswith(" " + word), o.tls


@pytest.mark.parametrize("case", """ee ee-sha512 ee-whole ee-roll ee-wrong ee-of-ca ta ta-whole ta-wrong ta-name next
    end mixed agile pkix length unknown pkix-plain ee-plain nothing nothing-plain spoilt many""".split())
def test_one_exchanger(world, rules, certs, case):
    _, _, verdict, word = cases(certs)[case]
    o = world.send(rules, case + ".signed.example")
    check(o, verdict, word)
    if word == "dane":
        assert o.sessions[0].name == "mx.%s.signed.example" % case
    if case == "spoilt":
        assert o.sessions == [], "nobody is talked to"


OTHERS = {   # domain: verdict, word, the name that was asked for
    "alias.signed.example": ("K", "dane", "mx.ee.signed.example"),   # where the CNAME ends
    "own.signed.example": ("K", "dane", "mx.own.signed.example"),    # no record there: the name itself
    "out.signed.example": ("Z", MATCH, None),      # out of the signed zones, yet the name is in one
    "sneak.signed.example": ("Z", NOT_OFFERED, None), # ... wherever it leads in the end
    "outer.signed.example": ("K", "none", None),
    "joint.signed.example": ("K", "dane", "mx.joint.signed.example"), # the TLSA record behind a CNAME
    "loose.signed.example": ("K", "none", None),   # ... which leads out of the signed zones
    "alone.signed.example": ("K", "dane", "alone.signed.example"),   # no MX
    "begin.signed.example": ("K", "dane", "mx.end.signed.example"),  # the certificate has the end of the domain's CNAME
    "third.signed.example": ("K", "dane", "mx.ta-whole.signed.example"), # ... or has its beginning
    "frail.signed.example": ("K", "none", None),  # unsigned, and breaks on TLSA: it is not asked
    "second.signed.example": ("K", "dane", "mx.ee.signed.example"),  # the others are left out
    "insecure.signed.example": ("K", "none", None), # the address is not validated
    "plain.example": ("K", "none", None),           # nothing is
    "into.plain.example": ("K", "none", None),      # the MX record is not
    "expired.example": ("Z", "no answer on expired.example (#4.4.3)", None),
}


@pytest.mark.parametrize("domain", sorted(OTHERS))
def test_others(world, rules, domain):
    verdict, word, name = OTHERS[domain]
    o = world.send(rules, domain)
    check(o, verdict, word)
    assert not name or o.sessions[-1].name == name
    if verdict == "Z":
        assert domain != "expired.example" or o.sessions == []


STS = [   # domain, the exchanger of its kept policy, verdict, word
    ("ee", "other.example", "K", "dane"), ("ee-wrong", "mx.ee-wrong.signed.example", "Z", MATCH),
    # only records that can be checked go before it
    ("pkix", "mx.pkix.signed.example", "Z", "self-signed"), ("pkix", "other.example", "Z", "no mail server by"),
    ("nothing", "mx.nothing.signed.example", "Z", "self-signed"),
]


@pytest.mark.parametrize("domain,mx,verdict,word", STS)
def test_mta_sts(world, rules, tmp_path, domain, mx, verdict, word):
    domain += ".signed.example"
    (tmp_path / domain).write_text(kept("old", -10, DAY, mx))
    check(world.send(rules, domain, RELAYMTASTS=str(tmp_path)), verdict, word)
    if domain.startswith("pkix"):
        (tmp_path / domain).write_text(kept("old", -10, DAY, mx, mode="testing"))
        check(world.send(rules, domain, RELAYMTASTS=str(tmp_path)), "K", "none")


REPORTS = {   # domain: what the log says of it
    "ee": {"success": "1", "failure": "0"}, "ee-wrong": {"success": "0", "failure": "1", "validation-failure": "1"},
    "spoilt": {"success": "0", "failure": "1", "dnssec-invalid": "1"},   # three addresses, one answer
    "pkix": {"success": "0", "failure": "1", "tlsa-invalid": "1"},
    "ee-plain": {"success": "0", "failure": "1", "starttls-not-supported": "1"}, "nothing": None,
}


@pytest.mark.parametrize("domain", sorted(REPORTS))
def test_report(world, outgoing, domain):
    """The line comes out of a running relay-send."""
    o = outgoing(net=world.net, env={"DNSCACHEIP": world.dns.where})
    o.give("a@%s.signed.example" % domain)
    want = REPORTS[domain]
    assert o.report(domain + ".signed.example", "tlsa") == want


def test_all_cases_are_run(certs):
    assert sorted(cases(certs)) == sorted(test_one_exchanger.pytestmark[0].args[1])


def test_over_tcp(world):
    """What test_one_exchanger's `many` gets does not fit into a packet."""
    with world.net.here():
        assert truncated("_25._tcp.mx.many.signed.example", 52)
        assert not truncated("_25._tcp.mx.ee.signed.example", 52)


def test_routes(world, rules, certs):
    ca = os.path.join(certs["own"], "cert.pem")
    for route, verdict, word in (
            ("mx.ee.signed.example:25", "K", "dane"), ("mx.ee-wrong.signed.example:25", "Z", MATCH),
            ("mx.alias.signed.example:25", "K", "dane"), ("mx.plain.example:25", "K", "none"),
            ("10.99.0.2:25", "K", "none"),
            # what the route says
            ("mx:ee-wrong.signed.example;tls=none", "K", None),
            ("mx:ee-wrong.signed.example;tls=required", "Z", MATCH),
            ("mx:spoilt.signed.example;tls=required", "Z", NO_TLSA),
            ("mx:pkix.signed.example;tls=required", "K", "none"),
            ("mx:ee.signed.example;tls=verify", "K", "dane"),
            ("mx:nothing.signed.example;tls=verify", "Z", "self-signed"),
            ("mx:pkix.signed.example;tls=verify", "Z", "self-signed"),
            ("mx:ee-wrong.signed.example;tls=verify;name=unrelated.example;ca=" + ca, "K", "ca"),
            ("mx:ee.signed.example;tls=verify;name=unrelated.example", "Z", "self-signed")):
        check(world.send(rules, route), verdict, word)


@pytest.mark.parametrize("text,believed", [
    ("nameserver 127.0.0.1\n", True), ("nameserver 10.99.0.1\n", False),
    ("nameserver 127.0.0.1\nnameserver 10.99.0.1\n", False), ("nameserver 10.99.0.1\noptions trust-ad\n", True),
    ("", True)])
def test_whom_to_believe(world, rules, tmp_path, text, believed):
    """The word of another machine counts when the operator says so; and without a line the resolver is on this one."""
    conf = tmp_path / "resolv.conf"
    conf.write_text(text)
    os.chmod(conf, 0o644)
    o = world.send(rules, "ee-wrong.signed.example", resolv_conf=str(conf))
    check(o, *(("Z", MATCH) if believed else ("K", "none")))
