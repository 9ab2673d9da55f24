"""relay-import where a source narrows what it allows in a way that can't be carried over: nothing wider is written."""
import pytest

from test_import import left, lines, run
from test_import_postfix import postfix, settings

LOOPBACK = '127.0.0.0/8:allow,RELAYCLIENT=""'
TRUSTED = '10.0.0.7:allow,RELAYCLIENT=""'
SMTP = "smtp inet n - y - - smtpd\n"
OTHER = "submission inet n - y - - smtpd\n"


@pytest.mark.parametrize("networks, clients", [
    ("10.0.0.7, /etc/postfix/gone, 10.0.0.0/8", [TRUSTED]),
    ("10.0.0.7, !/etc/postfix/gone, 10.0.0.0/8", [TRUSTED]),
    ("10.0.0.7, /etc/postfix/within, 10.0.0.0/8", [TRUSTED, LOOPBACK]),
    ("10.0.0.7, !hash:/etc/postfix/gone, 10.0.0.0/8", [TRUSTED]),
    ("10.0.0.7, hash:/etc/postfix/gone, 127.0.0.0/8", [TRUSTED, LOOPBACK]),
])
def test_a_file_that_may_exclude(tmp_path, networks, clients):
    """A file that can't be read may hold exclusions, and behind those nothing is safe; a table has none."""
    r, out = postfix(tmp_path, settings("mynetworks = %s\n" % networks), within="127.0.0.0/8 /etc/postfix/gone\n")
    assert out["clients"] == clients + [":allow"] and any("gone" in what for _, what in left(r))


def test_a_file_that_may_exclude_domains(tmp_path):
    r, out = postfix(tmp_path, settings("relay_domains = a.example, hash:/etc/postfix/t, b.example, /etc/postfix/gone, "
                                        "c.example\nparent_domain_matches_subdomains =\n"))
    assert [d.split(" ")[0] for d in out["domains"]] == ["a.example", "b.example"]
    assert [what for _, what in left(r) if "c.example" in what]


# (master.cf, what `relay` holds, a comment there)
SERVICES = [
    (SMTP + OTHER, ["grant login", "grant clients"], ""),
    (SMTP + " -o smtpd_relay_restrictions=reject_unauth_destination -o mynetworks=127.0.0.1\n", [], "grant clients"),
    (SMTP + " -o mynetworks=127.0.0.1\n", ["grant login"], "# grant clients: behind -o mynetworks in master.cf"),
    (SMTP + "  -o { smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination }\n", ["grant clients"],
     "# grant login: behind -o smtpd_recipient_restrictions in master.cf"),
    ("127.0.0.1:25 inet n - y - - smtpd -o smtpd_client_restrictions=$own\n", ["grant login"], "# grant clients"),
    ("smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd -o mynetworks=\n", ["grant login"], "# grant clients"),
    (SMTP + OTHER + " -o smtpd_relay_restrictions=permit_sasl_authenticated,reject -o mynetworks=10.0.0.1\n",
     ["grant login", "grant clients"], ""),
    (SMTP + OTHER + " -o smtpd_sender_restrictions=reject_sender_login_mismatch\n", ["grant clients"], "# grant login"),
    (OTHER + " -o smtpd_relay_restrictions=permit_sasl_authenticated,reject\n", ["grant login"], "# grant clients"),
    (SMTP + " -o syslog_name=x\nsmtp unix - - y - - smtp -o mynetworks=\n", ["grant login", "grant clients"], ""),
    (SMTP + " -o smtpd_tls_security_level=encrypt\n", ["require tls", "grant login", "grant clients"], ""),
]


@pytest.mark.parametrize("case", range(len(SERVICES)))
def test_services_with_rules_of_their_own(tmp_path, case):
    master, relay, comment = SERVICES[case]
    r, out = postfix(tmp_path, settings("own = permit_sasl_authenticated, reject\n"), master__cf=master)
    assert out["relay"] == relay and comment in (tmp_path / "out" / "relay").read_text()


def test_a_service_that_is_closed(tmp_path):
    """`reject` on port 25 keeps strangers out, and that on another port does not."""
    option = " -o smtpd_relay_restrictions=permit_mynetworks,reject\n"
    for master, last in ((SMTP + option, ":deny"), (SMTP + OTHER + option, ":allow")):
        r, out = postfix(tmp_path, settings(""), master__cf=master)
        assert out["clients"] == [LOOPBACK, last]
        text = (tmp_path / "out" / "clients").read_text()
        assert (":deny # master.cf:1\n" in text) == (last == ":deny")


@pytest.mark.parametrize("text, wanted", [
    ("smtpd_tls_security_level = encrypt\n", True), ("smtpd_tls_security_level = ${x\n", True),
    ("smtpd_tls_security_level = may\n", False), ("smtpd_enforce_tls = yes\n", True),
    ("smtpd_enforce_tls = yes\nsmtpd_tls_security_level = may\n", False)])
def test_tls_is_required(tmp_path, text, wanted):
    r, out = postfix(tmp_path, settings(text))
    assert out["relay"] == ["require tls"] * wanted + ["grant login", "grant clients"]
    assert any("nobody relays without it" in what for _, what in left(r)) == wanted


def test_recipients_that_are_refused(tmp_path):
    r, out = postfix(tmp_path, settings("transport_maps = hash:/etc/postfix/t\n"),
                     t="Bad@Partner.example error:no\nx@other.example discard:\nu@a.example smtp:[192.0.2.1]\n")
    assert out["relay"] == ["deny to bad@partner.example", "deny to x@other.example", "grant login", "grant clients"]
    assert any("u@a.example" in what for _, what in left(r))


@pytest.mark.parametrize("first", ["reject_rbl_client bl.example", "reject_unknown_client_hostname",
                                   "reject_rhsbl_sender bl.example"])
def test_who_is_refused_before(tmp_path, first):
    """What refuses by who somebody is decides about trusted clients, too."""
    text = "smtpd_relay_restrictions = %s, permit_mynetworks, reject_unauth_destination\n" % first
    r, out = postfix(tmp_path, settings(text))
    assert out["relay"] == []
    assert "# grant clients: behind " + first.split(" ")[0] in (tmp_path / "out" / "relay").read_text()


def test_prefixes_of_tcprules(tmp_path):
    """To the older tcprules a prefix with a length is a key that no client has; IPv6 is ucspi-tcp6's alone."""
    (tmp_path / "tcp").write_text('10.0.0.0/8:allow,RELAYCLIENT=""\n10.1.2.3/32:allow\n192.0.2.0/24:deny\n'
                                  '2001:db8::/32:allow,RELAYCLIENT=""\n:allow\n')
    r = run("tcprules", tmp_path / "tcp", tmp_path)
    assert lines(tmp_path / "clients") == ["192.0.2.0/24:deny", '2001:db8::/32:allow,RELAYCLIENT=""', ":allow"]
    text = (tmp_path / "clients").read_text()
    assert '# 10.0.0.0/8:allow,RELAYCLIENT=""\n' in text and "# 10.1.2.3/32:allow\n" in text
    assert [place for place, _ in left(r)] == ["tcp:1", "tcp:2"]
