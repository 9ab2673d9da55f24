"""relay-remote and MTA-STS: in network namespaces a DNS, mail exchangers and the policy's HTTPS server, all real."""
import os
import time

import pytest

from .dns import Dns
from .https import Https, page, policy
from .procs import BIN
from .remote import Jobs, environment
from .tlssink import TlsSink, make_all

S, DOMAIN, MX, TEXT = "s@sender.example", "y.example", "mx.y.example", b"Subject: x\n\nhello\n"
WEB, MAIL, DAY = "10.99.0.2", "10.99.0.3", 86400


def kept(id, fetched, ends, *mx, mode="enforce"):
    """The text of a kept policy; times are seconds from now."""
    now = int(time.time())
    return "".join(l + "\n" for l in [
        "mta-sts 1", "id " + id, "fetched %d" % (now + fetched), "ends %d" % (now + ends), "mode " + mode,
        *["mx " + m for m in mx], "end"])


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

    def jobs(self, dns, *options, words="", enter=lambda: None):
        def preexec():
            self.net.enter_here()
            enter()
        return Jobs(self.rules, "mx:" + DOMAIN + words, options=("-t", "5", *options), env=self.env(dns),
                    preexec=preexec)

    def mail(self, *options, **more):
        """One job. `words` are the route's, `enter` is called in the child before exec. Returns the outcome; `said`
        has the log."""
        with self.net.here():
            dns = Dns(self.names)
        with dns, self.jobs(dns, *options, **more) as j:
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
        """Puts a policy into the cache."""
        self.entry(kept(id, fetched, ends, *mx, mode=mode))

    def close(self):
        for s in self.made:
            s.close()


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    base = str(tmp_path_factory.mktemp("certs"))
    web = make_all(os.path.join(base, "web"), "mta-sts." + DOMAIN)
    return {**make_all(os.path.join(base, "mx"), MX), "web": web["good"], "web-bad": web["wrong"], "web-ca": web["ca"]}


@pytest.fixture
def world(net, certs, instances, tmp_path):
    i = instances(routes="")
    i.compile()
    w = World(net, certs, i.rules, tmp_path)
    yield w
    w.close()
