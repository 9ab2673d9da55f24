"""relay-mkcdb: what it refuses as dangerous, files that nothing reads, and a directory with an odd name."""
import pytest

from test_mkcdb import control, mkcdb  # noqa: F401

pytestmark = pytest.mark.once


MANY = b"an open relay: this line, which sets RELAYCLIENT, and others let relay a sixteenth of the public IPv4"


@pytest.mark.parametrize("text,said", [
    ('0-127.:allow,RELAYCLIENT=""\n', b"clients:1: " + MANY),
    ('128.0.0.0/1:allow,RELAYCLIENT=""\n0.0.0.0/1:allow,RELAYCLIENT=""\n', b"clients:2: " + MANY),
    ('2000::/3:allow,RELAYCLIENT=""\n', b"clients:1: " + MANY),
    (':allow,RELAYPROXY=""\n', b"clients:1: RELAYPROXY for everybody"),
    ('10.0.0.1:allow,RELAYCLIENT="@"\n', b"clients:1: RELAYCLIENT's value `@` makes no address"),
])
def test_dangerous_clients(control, text, said):
    (control / "clients").write_text(text)
    r = mkcdb(control)
    assert r.returncode == 100 and said in r.stderr, r.stderr
    assert not (control / "rules.cdb").exists()


@pytest.mark.parametrize("name,ours", [
    ("client", "clients"), ("domain", "domains"), ("relays", "relay"), ("Relay", "relay"), ("rcpthosts", "domains"),
    ("ME", "me"), ("reciepients", "recipients"), ("routes.txt", "routes"), ("tcp.smtp", "clients"),
    ("README", None), ("clients~", None), ("relay.bak", None), ("rules.cdb.old", None), (".relay", None), ("my", None),
])
def test_misnamed_files(control, name, ours):
    """Nothing reads them: what they deny is not denied."""
    (control / name).write_text("deny to a.example\n")
    r = mkcdb(control)
    said = b"" if not ours else ("%s:1: warning: nothing reads the file `%s`: is %s meant? If not, let its name end in "
                                 "`~` or move it elsewhere\n" % (ours, name, ours)).encode()
    assert (r.returncode, r.stderr) == (0, said)
    (control / name).unlink()
    (control / name).mkdir()
    assert mkcdb(control).stderr == b""


def test_diff_behind_the_end_of_options(control):
    """A directory may have that name."""
    control.rename(control.parent / "--diff")
    r = mkcdb("--", "--diff", cwd=control.parent)
    assert (r.returncode, r.stdout, r.stderr) == (0, b"", b"")


def test_no_match_is_said(control):
    """Whom no line names is let in: warned of, unless the text says so itself."""
    (control / "clients").write_text('192.0.2.1:allow\n')
    r = mkcdb(control)
    assert r.returncode == 0 and (control / "rules.cdb").exists()
    assert r.stderr == (b"clients:1: warning: no line for everybody else, so they may connect, as strangers: add "
                        b"`:allow` or `:deny`; if that is meant, end the line with `# ok: default-allow`\n")
    for line in (":allow\n", ":deny\n"):
        (control / "clients").write_text('192.0.2.1:allow\n' + line)
        r = mkcdb(control)
        assert (r.returncode, r.stderr) == (0, b"")


def test_the_rules_come_last(control):
    """relay-send takes new rules for the sign to start relay-remotes anew, and these open logins.cdb once: it is there
    when the rules come, also if they never do."""
    (control / "routes").write_text(":smart.example:587 tls=verify\n")
    (control / "logins").write_text("smart.example joe secret\n")
    (control / "logins").chmod(0o600)
    (control / "rules.cdb").mkdir()
    (control / "rules.cdb" / "in-the-way").touch()
    r = mkcdb(control)
    assert r.returncode == 111 and b"unable to rename" in r.stderr, r.stderr
    assert (control / "logins.cdb").exists() and not (control / "rules.cdb.tmp").exists()
