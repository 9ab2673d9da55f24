"""relay-remote and MTA-STS: what a policy demands, and where there is none to be had."""
import os
import time

import pytest

from lib.dns import Dns
from lib.https import page, policy
from lib.mtasts import DAY, DOMAIN, MAIL, MX, S, TEXT, certs, world  # noqa: F401
from lib.remote import Jobs, deliver
from lib.sink import HANG


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
    world.names[MX]["A"] += ["10.99.0.4", "10.99.0.5"]   # one name is counted once
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

TXT = {"none": [], "other": ["v=spf1 -all"], "two": ["v=STSv1; id=1;", "v=STSv1; id=2;"],
       "malformed": ["v=STSv1; id=;"], "failing": "servfail"}


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
    "redirect": ("web", page("", "302 Found", head=["Location: https://mta-sts.y.example/x"]),
                 "sts-policy-fetch-error"),
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
    options = ("-t", "1") if case == "hangs" else ()   # the server would for 20 seconds
    began = time.monotonic()
    o = world.mail(*options)
    assert o.verdict == "K" and o.tls.endswith(" none") and time.monotonic() - began < 15, o
    assert world.reports() == [{"success": "0", "failure": "1", result: "1"}], world.said
    world.keep("old", -10, DAY, MX)
    asked = len(world.web.asked)
    o = world.mail(*options)
    assert o.verdict == "Z" and len(s.messages) == 1 and len(world.web.asked) == asked, o
    world.keep("old", -DAY, -1, MX)
    assert world.mail(*options).verdict == "K", "an old policy that has ended is none"


def test_first_form(world):
    """qmail-remote's: the same, and nothing on descriptor 2."""
    s = world.mail_server("self")
    world.policy("enforce", MX)
    with world.net.here():
        dns = Dns(world.names)
    with dns:
        o = deliver(world.rules, DOMAIN, S, ["a@" + DOMAIN], TEXT, env=world.env(dns), preexec=world.net.enter_here)[0]
    assert o.verdict == "Z" and "self-signed" in o.text and not s.messages and len(world.web.asked) == 1, o


@pytest.mark.parametrize("words", [";tls=none", ";tls=verify;ca=%s", ";tls=verify;name=mx.y.example;ca=%s"])
def test_the_route_has_said_it(world, words):
    world.mail_server()
    world.policy("enforce", "other.example")
    ca = os.path.join(world.certs["ca"], "cert.pem")
    o = world.mail(words=words.replace("%s", ca))
    assert o.verdict == "K" and o.tls.endswith("none" if "none" in words else " ca") and not world.web.asked, (o, o.tls)


@pytest.mark.parametrize("words", [";tls=required", ";tls=verify"])
def test_the_route_wants_tls(world, words):
    """Then the policy counts all the same, and takes nothing away."""
    s = world.mail_server("self")
    verdict = "Z" if "verify" in words else "K"
    world.policy("testing", "other.example")
    assert world.mail(words=words).verdict == verdict
    assert world.reports() == [{"success": "0", "failure": "1", "validation-failure": "1"}]
    s.extensions.remove("STARTTLS")
    world.id("id2")
    world.policy("testing", MX)
    o = world.mail(words=words)
    assert o.verdict == "Z" and o.text.endswith("offers no TLS, which the route demands (#4.7.4)"), o
    s.extensions.append("STARTTLS")
    messages = len(s.messages)
    for i, (pattern, why) in enumerate([(MX, "self-signed"), ("other.example", "no mail server by the domain's")]):
        world.id("enforce%d" % i)
        world.policy("enforce", pattern)
        o = world.mail(words=words)
        assert o.verdict == "Z" and why in o.text and len(s.messages) == messages, o


@pytest.mark.parametrize("cert", ["good", "expired"])
def test_report(world, outgoing, cert):
    """The line comes out of a running relay-send."""
    s = world.mail_server(cert)
    world.policy("enforce", MX)
    with world.net.here():
        dns = Dns(world.names)
    with dns:
        o = outgoing(net=world.net, env=world.env(dns))
        o.give("a@" + DOMAIN)
        want = {"success": "1", "failure": "0"} if cert == "good" else \
            {"success": "0", "failure": "1", "certificate-expired": "1"}
        assert o.report(DOMAIN, "sts") == want and len(s.messages) == (cert == "good")
