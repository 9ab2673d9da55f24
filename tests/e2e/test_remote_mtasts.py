"""relay-remote and MTA-STS: in network namespaces a DNS, mail exchangers and the policy's HTTPS server, all real."""
import os
import time

import pytest

from lib.dns import Dns
from lib.https import Https, page, policy
from lib.netns import Cable
from lib.procs import BIN, wait_for
from lib.remote import Jobs, deliver, environment
from lib.sink import HANG
from lib.tlssink import TlsSink, make_all

S, DOMAIN, MX, TEXT = "s@sender.example", "y.example", "mx.y.example", b"Subject: x\n\nhello\n"
WEB, MAIL, DAY = "10.99.0.2", "10.99.0.3", 86400


@pytest.fixture(scope="module")
def net():
    try:
        cable = Cable()
    except (PermissionError, FileNotFoundError) as why:
        pytest.skip("no network namespaces: %s" % why)
    with cable:
        yield cable


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    base = str(tmp_path_factory.mktemp("certs"))
    web = make_all(os.path.join(base, "web"), "mta-sts." + DOMAIN)
    return {**make_all(os.path.join(base, "mx"), MX), "web": web["good"], "web-bad": web["wrong"], "web-ca": web["ca"]}


class World:
    """On the other side the policy's server and one mail exchanger, which has another name with `mx`."""

    def __init__(self, net, certs, rules, folder):
        self.net, self.certs, self.rules, self.cache = net, certs, rules, str(folder / "mta-sts")
        os.mkdir(self.cache)
        self.made = []
        self.ca = str(folder / "ca.pem")
        with open(self.ca, "w") as f:
            for name in ("ca", "web-ca"):
                with open(os.path.join(certs[name], "cert.pem")) as g:
                    f.write(g.read())
        with net.there():
            self.web = Https(certs["web"], WEB, 443)
        self.made.append(self.web)
        self.mx = self.names = None
        self.id("id1")
        self.said = ""

    def mail_server(self, cert="good", mx=MX, **more):
        with self.net.there():
            s = TlsSink(self.certs[cert], host=MAIL, port=25, **more)
        self.made.append(s)
        self.mx = s
        self.id("id1", mx)
        return s

    def id(self, id, mx=MX, txt=None):
        if txt is None:
            txt = ["v=STSv1; id=%s;" % id]
        self.names = {DOMAIN: {"MX": [(10, mx)]}, mx: {"A": [MAIL]}, "_mta-sts." + DOMAIN: {"TXT": txt},
                      "mta-sts." + DOMAIN: {"A": [WEB]}}

    def policy(self, mode, *mx, age=DAY):
        self.web.answer = page(policy(mode, *mx, age=age))

    def env(self, dns):
        return environment(DNSCACHEIP=dns.where, SSL_CERT_FILE=self.ca, PATH=BIN + ":" + os.environ["PATH"],
                           RELAYMTASTS=self.cache)

    def jobs(self, dns, *options):
        return Jobs(self.rules, "mx:" + DOMAIN, options=("-t", "5", *options), env=self.env(dns),
                    preexec=self.net.enter_here)

    def mail(self, *options):
        """One job. Returns the outcome; `said` has the log."""
        with self.net.here():
            dns = Dns(self.names)
        with dns, self.jobs(dns, *options) as j:
            outcome = j.job(TEXT, S, ["a@" + DOMAIN])
            j.sock.close()
            assert j.ended() == 0
            self.said, self.asked = j.said(), dns.asked
        return outcome

    def reports(self):
        lines = [dict(w.split("=", 1) for w in l.split() if "=" in w) for l in self.said.splitlines()]
        out = [l for l in lines if l["event"] == "tls-report"]
        assert all(l.pop("event") and l.pop("domain") == DOMAIN and l.pop("policy") == "sts" for l in out)
        return out

    def entry(self, text=None):
        path = os.path.join(self.cache, DOMAIN)
        if text is not None:
            with open(path, "w") as f:
                f.write(text)
        with open(path) as f:
            return f.read()

    def keep(self, id, fetched, ends, *mx, mode="enforce"):
        """Puts a policy into the cache; times are seconds from now."""
        now = int(time.time())
        self.entry("".join(l + "\n" for l in ["mta-sts 1", "id " + id, "fetched %d" % (now + fetched),
                                              "ends %d" % (now + ends), "mode " + mode, *["mx " + m for m in mx], "end"]))

    def close(self):
        for s in self.made:
            s.close()


@pytest.fixture
def world(net, certs, instances, tmp_path):
    i = instances(routes="")
    i.compile()
    w = World(net, certs, i.rules, tmp_path)
    yield w
    w.close()


@pytest.mark.parametrize("pattern", [MX, "*.y.example"])
def test_enforce(world, pattern):
    s = world.mail_server()
    world.policy("enforce", "other.example", pattern)
    o = world.mail()
    assert o.verdict == "K" and o.tls.endswith(" sts") and s.sessions[0].name == MX, (o, o.tls)
    assert world.reports() == [{"success": "1", "failure": "0"}], world.said
    assert len(world.web.asked) == 1
    assert world.mail().verdict == "K" and len(world.web.asked) == 1, "the policy is kept"


BAD = {"wrong": "certificate-host-mismatch", "expired": "certificate-expired", "self": "certificate-not-trusted"}


@pytest.mark.parametrize("cert", sorted(BAD))
def test_bad_certificates(world, cert):
    s = world.mail_server(cert)
    world.policy("enforce", MX)
    o = world.mail()
    assert o.verdict == "Z" and o.text.endswith("(#4.7.5)") and not s.messages, o
    assert world.reports() == [{"success": "0", "failure": "1", BAD[cert]: "1"}], world.said
    world.id("id2")
    world.policy("testing", MX)
    o = world.mail()
    assert o.verdict == "K" and o.tls.endswith(" none"), (o, o.tls)
    assert world.reports() == [{"success": "0", "failure": "1", BAD[cert]: "1"}], world.said
    world.id("id3")
    world.policy("none")
    assert world.mail().verdict == "K" and world.reports() == []


def test_testing_is_fine(world):
    world.mail_server()
    world.policy("testing", MX)
    o = world.mail()
    assert o.verdict == "K" and o.tls.endswith(" sts") and world.reports() == [{"success": "1", "failure": "0"}], o.tls


def test_no_starttls(world):
    s = world.mail_server()
    s.extensions.remove("STARTTLS")
    world.policy("enforce", MX)
    o = world.mail()
    assert o.verdict == "Z" and o.text.endswith("offers no TLS, which MTA-STS demands (#4.7.4)") and not s.messages, o
    assert world.reports() == [{"success": "0", "failure": "1", "starttls-not-supported": "1"}], world.said
    world.id("id2")
    world.policy("testing", MX)
    o = world.mail()
    assert (o.verdict, o.tls) == ("K", "none")
    assert world.reports() == [{"success": "0", "failure": "1", "starttls-not-supported": "1"}], world.said


@pytest.mark.parametrize("pattern", ["other.example", "*.example", "*.mx.y.example", "y.example"])
def test_no_match(world, pattern):
    s = world.mail_server()
    world.policy("enforce", pattern)
    o = world.mail()
    assert o.verdict == "Z" and o.text == MX + " is no mail server by the domain's MTA-STS policy (#4.7.5)", o
    assert not s.sessions and world.reports() == [{"success": "0", "failure": "1", "validation-failure": "1"}]
    world.id("id2")
    world.policy("testing", pattern)
    o = world.mail()
    assert o.verdict == "K" and o.tls.endswith(" none"), o.tls
    assert world.reports() == [{"success": "0", "failure": "1", "validation-failure": "1"}]


def test_next_one_that_matches(world):
    s = world.mail_server()
    world.names[DOMAIN]["MX"] = [(5, "evil.example"), (10, MX)]
    world.names["evil.example"] = {"A": [MAIL]}
    world.policy("enforce", MX)
    o = world.mail()
    assert o.verdict == "K" and o.tls.endswith(" sts") and len(s.sessions) == 1
    assert world.reports() == [{"success": "1", "failure": "1", "validation-failure": "1"}]


# Where there is no policy to be had

TXT = {"none": [], "other": ["v=spf1 -all"], "two": ["v=STSv1; id=1;", "v=STSv1; id=2;"], "malformed": ["v=STSv1; id=;"],
       "failing": "servfail"}


@pytest.mark.parametrize("case", sorted(TXT))
def test_no_record(world, case):
    s = world.mail_server("self")
    world.policy("enforce", MX)
    world.id("", txt=TXT[case])
    o = world.mail()
    assert o.verdict == "K" and o.tls.endswith(" none") and not world.web.asked and world.said == ""
    world.keep("id1", -10, DAY, MX)
    o = world.mail()   # what is kept stays in force
    assert o.verdict == "Z" and len(s.messages) == 1 and not world.web.asked, o


FETCHES = {   # the certificate, the answer, how it is counted
    "redirect": ("web", page("", "302 Found", head=["Location: https://mta-sts.y.example/x"]), "sts-policy-fetch-error"),
    "large": ("web", page(policy("enforce", MX) + "\n" * 65536), "sts-policy-invalid"),
    "html": ("web", page(policy("enforce", MX), kind="text/html"), "sts-policy-invalid"),
    "certificate": ("web-bad", page(policy("enforce", MX)), "sts-webpki-invalid"),
    "hangs": ("web", HANG, "sts-policy-fetch-error"),
}


@pytest.mark.parametrize("case", sorted(FETCHES))
def test_no_policy(world, certs, case):
    """Without one kept before mail goes as ever; with one that has not ended, by that one."""
    cert, answer, result = FETCHES[case]
    s = world.mail_server("self")
    world.web.use(certs[cert])
    world.web.answer = answer
    began = time.monotonic()
    o = world.mail("-t", "1")
    assert o.verdict == "K" and o.tls.endswith(" none") and time.monotonic() - began < 6, o
    assert world.reports() == [{"success": "0", "failure": "1", result: "1"}], world.said
    world.keep("old", -10, DAY, MX)
    asked = len(world.web.asked)
    o = world.mail("-t", "1")
    assert o.verdict == "Z" and len(s.messages) == 1 and len(world.web.asked) == asked, o
    world.keep("old", -DAY, -1, MX)
    assert world.mail("-t", "1").verdict == "K", "an old policy that has ended is none"


def test_no_program(world):
    world.mail_server()
    env = world.env
    world.env = lambda dns: dict(env(dns), PATH="/nonexistent")
    o = world.mail()
    assert o.verdict == "K" and world.reports() == [{"success": "0", "failure": "1", "sts-policy-fetch-error": "1"}]


# What is kept

def test_new_id(world):
    s = world.mail_server()
    world.keep("id0", -10, DAY, "old.example")
    world.policy("enforce", MX)
    assert world.mail().tls.endswith(" sts") and "id id1\n" in world.entry() and len(s.messages) == 1


def test_ended(world):
    world.mail_server()
    world.keep("id1", -DAY, -1, "old.example")
    world.policy("enforce", MX)
    assert world.mail().tls.endswith(" sts") and len(world.web.asked) == 1


def test_renewed_meanwhile(world):
    """Half of its time is over: it counts, and is fetched without a wait."""
    world.mail_server()
    world.keep("id1", -1000, 900, MX)
    world.web.answer = (1, page(policy("enforce", MX, age=5000)))
    began = time.monotonic()
    with world.net.here():
        dns = Dns(world.names)
    with dns, world.jobs(dns) as j:
        assert j.job(TEXT, S, ["a@" + DOMAIN]).tls.endswith(" sts") and time.monotonic() - began < 0.9
        wait_for(lambda: int(world.entry().split()[7]) > time.time() + 4000, 10, "a new policy")
    assert len(world.web.asked) == 1


@pytest.mark.parametrize("text", ["", "mta-sts 1\nid id1\n", "\0" * 100])
def test_damaged(world, text):
    world.mail_server()
    world.entry(text)
    world.policy("enforce", MX)
    assert world.mail().tls.endswith(" sts") and world.entry().endswith("end\n")


def test_off(world):
    """Without the directory there is no MTA-STS, and no question about it."""
    world.mail_server("self")
    world.policy("enforce", MX)
    assert world.mail("-m", "/nonexistent").verdict == "K" and world.said == ""
    assert not any("mta-sts" in n for n, _, _ in world.asked)
    with open(os.path.join(world.cache, "file"), "w"):
        pass
    assert world.mail("-m", os.path.join(world.cache, "file", "x")).verdict == "K"
    assert "event=no-mta-sts" in world.said and "Not\\x20a\\x20directory" in world.said


def test_first_form(world):
    """qmail-remote's: the same, and nothing on descriptor 2."""
    s = world.mail_server("self")
    world.policy("enforce", MX)
    with world.net.here():
        dns = Dns(world.names)
    with dns:
        o = deliver(world.rules, DOMAIN, S, ["a@" + DOMAIN], TEXT, env=world.env(dns), preexec=world.net.enter_here)[0]
    assert o.verdict == "Z" and "self-signed" in o.text and not s.messages and len(world.web.asked) == 1, o


@pytest.mark.parametrize("route,tls", [("tls=required", " none"), ("tls=none", "none")])
def test_the_route_has_said_it(world, route, tls):
    world.mail_server("self")
    world.policy("enforce", "other.example")
    with world.net.here():
        dns = Dns(world.names)
    with dns, Jobs(world.rules, "mx:" + DOMAIN + ";" + route, env=world.env(dns),
                   preexec=world.net.enter_here) as j:
        o = j.job(TEXT, S, ["a@" + DOMAIN])
    assert o.verdict == "K" and o.tls.endswith(tls) and not world.web.asked, (o, o.tls)
