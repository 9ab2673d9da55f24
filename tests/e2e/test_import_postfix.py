"""relay-import postfix: main.cf as Postfix itself reads it, and never a wider rule; the result under the chain."""
import ipaddress
import os
import random
import subprocess

import pytest

from lib.instance import Instance
from lib.procs import program
from test_gate import Rules
from test_import import left, lines, listed, run

POSTCONF = program("postconf") if os.path.exists("/usr/sbin/postconf") else None
BASE = "compatibility_level = 3.6\nmyhostname = mail.example.com\nmynetworks = 127.0.0.0/8\nmydestination =\n"


def postfix(tmp_path, main, check=None, **tables):
    """Imports a main.cf; returns (the run, {file: lines})."""
    folder = tmp_path / "etc" / "postfix"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.cf").write_text(main)
    for name, text in tables.items():
        (folder / name.replace("__", ".")).write_text(text)
    out = tmp_path / "out"
    r = run("-f", "postfix", folder, out)
    assert r.returncode == (1 if left(r) or b"would refuse" in r.stderr else 0), r
    assert check is None or r.returncode == check, r
    files = {f.name: lines(f) for f in out.iterdir()}
    return r, files


def settings(text):
    """A main.cf with BASE's settings, unless the text has its own."""
    names = {l.split("=")[0].strip() for l in text.splitlines()}
    return "".join(l + "\n" for l in BASE.splitlines() if l.split("=")[0].strip() not in names) + text


def test_all_carried_over(tmp_path):
    r, out = postfix(tmp_path, settings(
        "relay_domains = inner.example\n  second.example\nmydestination=\nmessage_size_limit = 1000000\n"
        "relayhost = [smart.example]:submission\ntransport_maps = texthash:/etc/postfix/transport\n"
        "relay_recipient_maps = hash:/etc/postfix/recipients\nsmtpd_timeout = 5m\n"
        "maximal_queue_lifetime = 2\ndelay_warning_time = 4\n"
        "parent_domain_matches_subdomains =\nmynetworks = 127.0.0.0/8, 10.0.0.7 [2001:db8::]/32\n"
        "smtpd_sasl_auth_enable = yes\nbiff = no\n"), check=0,
        transport="# where to\ninner.example smtp:[10.0.0.5]:2525\n.inner.example\trelay:[10.0.0.6]\nx.example :\n",
        recipients="Ann@inner.example OK\n@second.example OK\n")
    assert out == {
        "me": ["mail.example.com"], "domains": ["inner.example listed", "second.example listed"], "aliases": [],
        "recipients": ["ann@inner.example", "@second.example"], "relay": ["grant login", "grant clients"],
        "clients": ['127.0.0.0/8:allow,RELAYCLIENT=""', '10.0.0.7:allow,RELAYCLIENT=""',
                    '2001:db8::/32:allow,RELAYCLIENT=""', ":allow"],
        "routes": ["inner.example:10.0.0.5:2525", ".inner.example:10.0.0.6", "x.example:smart.example:587",
                   ":smart.example:587", "second.example:"],
        "limits": ["size 1000000", "command-time 300", "queue-time 172800", "warn-time 14400"]}
    assert ".inner.example:10.0.0.6 # transport:3" in (tmp_path / "out" / "routes").read_text()
    assert "not looked at: biff" in r.stdout.decode()


def test_stock_debian(tmp_path):
    """The main.cf that Debian ships, with the names that its installer adds."""
    main = open("/usr/share/postfix/main.cf.debian").read() + (
        "smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination\n"
        "myhostname = box.example.com\nalias_maps = hash:/etc/aliases\nmyorigin = /etc/mailname\n"
        "mydestination = $myhostname, example.com, localhost.$mydomain, localhost\nrelayhost = \n"
        "mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\nmailbox_size_limit = 0\n"
        "recipient_delimiter = +\ninet_interfaces = all\n")
    r, out = postfix(tmp_path, main)
    assert out["domains"] == ["%s asked" % d for d in ("box.example.com", "example.com", "localhost.example.com",
                                                       "localhost")]
    assert out["clients"] == ['127.0.0.0/8:allow,RELAYCLIENT=""', '::1:allow,RELAYCLIENT=""', ":allow"]
    assert out["relay"] == ["grant login", "grant clients"] and out["me"] == ["box.example.com"]
    said = " ".join(w for _, w in left(r))
    for name in ("local_recipient_maps", "alias_maps", "recipient_delimiter", "inet_interfaces"):
        assert name in said


@pytest.mark.skipif(not POSTCONF, reason="no postconf")
@pytest.mark.parametrize("seed", range(3))
def test_values_as_postconf_expands_them(tmp_path, seed):
    """Random definitions that refer to each other: the domains are those of `postconf -x`."""
    rng = random.Random(seed)
    forms = ["$%s", "${%s}", "$(%s)", "${%s?yes%%d.example}", "${%s:no%%d.example}", "in.${%s}",
             "${%s?{one%%d.example}:{two%%d.example}}", "${%s?{in%%d.$mydomain}}"]
    forms = [f.replace("%%d", str(i)) for i in range(5) for f in forms]
    names = ["mydomain", "myorigin", "empty"]
    text = "empty =\nmydomain = d.example\n"
    for i in range(40):
        words = [rng.choice(forms) % rng.choice(names[-6:] + ["empty", "myhostname", "unset"]) if rng.random() < .6
                 else "w%d.example" % rng.randrange(99) for _ in range(rng.randrange(1, 3))]
        names.append("v_%d" % i)
        text += rng.choice(["", "# a comment\n", "\n"]) + names[-1] + rng.choice(["=", " = ", "\t=\n  "])
        text += rng.choice([" ", ", ", "\n\t", "\n# between\n   "]).join(words) + rng.choice(["\n", "  \n"])
    text += "relay_domains = " + " ".join("$" + n for n in names) + "\nparent_domain_matches_subdomains =\n"
    r, out = postfix(tmp_path, settings(text))
    p = subprocess.run([POSTCONF, "-x", "-h", "-c", str(tmp_path / "etc" / "postfix"), "relay_domains"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    wanted = dict.fromkeys(w.rstrip(".") for w in p.stdout.decode().replace(",", " ").split() if w[0] != ".")
    got = [d.split(" ")[0] for d in out["domains"] if not d.startswith(".")]
    assert p.returncode == 0 and len(got) > 20 and got == [w for w in wanted if ".." not in w], (text, p.stderr)


def random_network(rng):
    bits = rng.choice([8, 12, 16, 20, 24, 28, 30, 32])
    base = ipaddress.ip_address("%d.%d.%d.%d" % (10, rng.randrange(3), rng.randrange(3) * 64, rng.randrange(256)))
    net = ipaddress.ip_network((base, bits), strict=False)
    return net, (str(net.network_address) if bits == 32 and rng.random() < .5 else str(net))


@pytest.mark.parametrize("seed", range(15))
def test_mynetworks_with_exclusions(tmp_path, seed):
    """The first that fits counts in mynetworks, the longest in clients: the same addresses are trusted."""
    rng = random.Random(seed)
    entries = [(rng.random() < .4, *random_network(rng)) for _ in range(rng.randrange(2, 12))]
    text = "".join(("!" if no else "") + word + rng.choice([" ", ", ", "\n "]) for no, _, word in entries)
    r, out = postfix(tmp_path, settings("mynetworks = " + text + "\n"), check=0)
    rules = Rules(tmp_path / "out").make((tmp_path / "out" / "clients").read_bytes())
    for _ in range(40):
        net = rng.choice(entries)[1]
        ip = net[rng.randrange(min(net.num_addresses, 1 << 16))] if rng.random() < .8 else net[-1] + 1
        wanted = next((not no for no, n, _ in entries if ip in n), False)
        assert ("RELAYCLIENT" in rules.env(env={"TCPREMOTEIP": str(ip)})) == wanted, (str(ip), text)


# (settings, what `relay` holds, a word that the list must have)
GRANTS = [
    ("", ["grant login", "grant clients"], ""),
    ("smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n", ["grant clients"], "grant login"),
    ("smtpd_relay_restrictions = reject_unauth_destination, permit_mynetworks\n", [], "grant clients"),
    ("smtpd_relay_restrictions = check_client_access hash:/etc/postfix/bad, permit_mynetworks, "
     "permit_sasl_authenticated, reject_unauth_destination\n", [], "check_client_access"),
    ("smtpd_relay_restrictions = permit_mynetworks, reject_sender_login_mismatch, permit_sasl_authenticated, reject\n",
     ["grant clients"], "reject_sender_login_mismatch"),
    ("smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks\n", [], "NO restriction"),
    ("smtpd_relay_restrictions = permit_mynetworks, permit\n", [], "NO restriction"),
    ("smtpd_relay_restrictions = permit_mynetworks, warn_if_reject reject_unauth_destination\n", [], "NO restriction"),
    ("smtpd_recipient_restrictions = reject_non_fqdn_sender, permit_mynetworks, reject_unauth_destination, "
     "reject_rbl_client bl.example, permit\n", ["grant clients"], "reject_rbl_client"),
    ("smtpd_relay_restrictions = permit_mx_backup, permit_mynetworks, defer_unauth_destination\n", ["grant clients"],
     "to-host"),
    ("smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/x\n", [], "check_sender_access"),
    ("smtpd_relay_restrictions = ${x?a} ${{$a} == {b} ? c : d}\n", [], "can't be told"),
]


@pytest.mark.parametrize("case", range(len(GRANTS)))
def test_restrictions(tmp_path, case):
    text, relay, word = GRANTS[case]
    r, out = postfix(tmp_path, settings(text))
    assert out["relay"] == relay
    assert word in r.stdout.decode()


def test_reject_closes(tmp_path):
    """Where strangers may not even send to hosted domains they are not let in."""
    r, out = postfix(tmp_path, settings("smtpd_relay_restrictions = permit_mynetworks, reject\n"))
    assert out["clients"][-1] == ":deny" and out["relay"] == ["grant clients"]


def test_domains_and_recipients(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "mailname").write_text("origin.example\n")
    r, out = postfix(tmp_path, settings(
        "mydestination = own.example, /etc/postfix/more\nrelay_domains = !out.r.example, r.example, ldap:x\n"
        "myorigin = /etc/mailname\nvirtual_alias_maps = hash:/etc/postfix/virtual, regexp:/etc/postfix/re\n"
        "local_recipient_maps = hash:/etc/postfix/users\nrelay_recipient_maps = mysql:/etc/postfix/sql\n"),
        more="file.example\n# no.example\n\tmore.example\n", users="joe x\nann@own.example x\n",
        virtual="v.example x\ninfo@v.example joe, Info@v.example joe\njoe me@else.example\n"
                "@v.example\tall@own.example\na@no.example b@own.example\np@v.example |prog\n")
    assert out["domains"] == ["own.example listed", "file.example listed", "more.example listed",
                              "v.example listed", "r.example asked"]
    assert out["recipients"][:2] == ["joe@own.example", "joe@file.example"]
    assert out["recipients"][2:] == ["joe@more.example", "ann@own.example"]
    assert out["aliases"][0] == "info@v.example joe@origin.example Info@v.example"
    assert out["aliases"][1] == "joe@own.example me@else.example" and "@v.example all@own.example" in out["aliases"]
    assert len(out["aliases"]) == 5 and not any("no.example" in l or "prog" in l for l in out["aliases"]), out
    said = r.stdout.decode()
    assert b"r.example" not in r.stderr
    for words in ("below it is excluded", "ldap:x", "regexp:", "relay_recipient_maps can't be read", "no.example"):
        assert words in said, words


def test_transports(tmp_path):
    r, out = postfix(tmp_path, settings(
        "relay_domains = r1.example r2.example\nrelay_transport = relay:[192.0.2.9]:26\nrelayhost = plain.example\n"
        "parent_domain_matches_subdomains =\ntransport_maps = hash:/etc/postfix/transport, hash:/etc/postfix/gone\n"),
        transport="r1.example smtp:[IPv6:2001:db8::1]\nbad.example error:5.1.2 no\nd.example discard:\n"
                  "l.example lmtp:x\nl2.example lmtp:x:25\nu@a.example smtp:[192.0.2.1]\n"
                  "m.example smtp:mx.example:2525\nmx.own.example smtp:\n")
    assert out["routes"] == ["r1.example:[2001:db8::1]", "l.example:x:24 lmtp", "m.example:mx.example:2525",
                             "mx.own.example:",
                             ":plain.example", "r2.example:192.0.2.9:26"]
    assert out["relay"] == ["deny to bad.example", "deny to d.example", "grant login", "grant clients"]
    said = r.stdout.decode()
    for words in ("discard", "lmtp:x:25", "u@a.example", "MX records of mx.example", "MX records of plain",
                  "hash:/etc/postfix/gone"):
        assert words in said


@pytest.mark.parametrize("text", ["default_transport = error:no mail\n", "transport_maps = hash:/etc/postfix/t\n"])
def test_no_mail_to_others(tmp_path, text):
    """Where mail to all other domains is refused nobody may relay."""
    r, out = postfix(tmp_path, settings(text), t="* error:no mail\n")
    assert out["relay"] == [] and out["routes"] == [] and "nothing is granted" in r.stdout.decode()


def test_default_transport(tmp_path):
    r, out = postfix(tmp_path, settings("default_transport = smtp:[192.0.2.1]:26\nrelay_domains = a.example\n"))
    assert out["routes"] == [":192.0.2.1:26", "a.example:", ".a.example:"]


def test_open_source_is_refused(tmp_path):
    """Half of the internet trusted: what relay-mkcdb would say is shown."""
    r, out = postfix(tmp_path, settings("mynetworks = 0.0.0.0/0, 0.0.0.0/1\n"))
    assert "everybody would relay" in r.stdout.decode() and b"would refuse" in r.stderr and r.returncode == 1


def test_nothing_is_dropped_silently(tmp_path):
    """Parameters that decide, and options of services: each with its line."""
    text = settings("")
    names = ["content_filter = scan", "always_bcc = x@y.example", "sender_bcc_maps = hash:/x",
             "smtpd_milters = inet:x:1", "smtpd_sender_login_maps = hash:/x", "permit_mx_backup_networks = 10.0.0.0/8",
             "header_checks = regexp:/x",
             "sender_dependent_relayhost_maps = hash:/x", "allow_percent_hack = yes", "relay_clientcerts = hash:/x"]
    r, out = postfix(tmp_path, text + "".join(n + "\n" for n in names) + "nonsense\nmyhostname = second.example.com\n",
                     master__cf="smtp inet n - y - - smtpd\nsubmission inet n - y - - smtpd\n  -o smtpd_tls_x=yes\n"
                                "  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject\n -o syslog_name=x\n")
    first = len(text.splitlines()) + 1
    places = dict(left(r))
    for i, name in enumerate(names):
        assert places["main.cf:%d" % (first + i)].startswith(name.split(" ")[0])
    assert "main.cf:%d" % (first + len(names)) in places and out["me"] == ["second.example.com"]
    again = "myhostname is set again in line %d, and that counts" % (first + len(names) + 1)
    assert ("main.cf:2", "note", again) in listed(r)
    assert [w for p, w in left(r) if p == "master.cf:2"][1].startswith(
        "-o smtpd_relay_restrictions=permit_sasl_authenticated,reject")


def test_under_the_chain(tmp_path, sink):
    """Rules imported from a main.cf: a trusted client relays, a stranger gets 550, and reaches hosted recipients."""
    postfix(tmp_path, settings(
        "relay_domains = inner.example\nmynetworks = 127.0.0.1\nrelayhost = [127.0.0.1]:%d\n"
        "relay_recipient_maps = hash:/etc/postfix/r\ntransport_maps = hash:/etc/postfix/t\n" % sink.port),
        r="joe@inner.example x\n", t="inner.example smtp:[127.0.0.1]:%d\ndenied.example error:\n" % sink.port)
    files = {f.name: f.read_text() for f in (tmp_path / "out").iterdir()}
    with Instance(**files) as i:
        i.start()
        with i.dialogue() as d:
            d.hello()
            assert d.cmd("MAIL FROM:<a@inner.example>") == 250 and d.cmd("RCPT TO:<x@denied.example>") == 550
            d.ok("RSET")
            d.mail("a@inner.example", ["far@away.example"], b"Subject: out\n\nx\n")
        with i.dialogue("127.0.0.2") as d:
            d.hello()
            d.ok("MAIL FROM:<a@inner.example>")
            assert d.cmd("RCPT TO:<far@away.example>").enhanced == "5.7.1"
            assert d.cmd("RCPT TO:<jim@inner.example>").enhanced == "5.1.1"
            d.ok("RSET")
            d.mail("s@stranger.example", ["Joe@inner.example"], b"Subject: in\n\nx\n")
        sink.wait(2)
        i.wait_empty()
