"""relay-remote logs in at relays: which mechanism, which login, what is never sent, and what a refusal means."""
import os
import subprocess

import pytest

from lib.ask import Ask
from lib.loginsink import ALL, LoginSink, b64
from lib.made import made_by
from lib.procs import for_everybody, program, stat_of, wait_for
from lib.remote import Jobs, deliver
from lib.sink import CLOSE
from lib.tls import make_certificate

S, A = "s@sender.example", "a@y.example"
TEXT = b"Subject: x\n\nhello\n"
PASSWORD = "pa,s=s w\u00f6rd"
WRONG = "4711-never-shown"


@pytest.fixture(scope="module")
def cert(tmp_path_factory):
    return make_certificate(str(tmp_path_factory.mktemp("cert") / "c"), "relay.y.example")


@pytest.fixture
def rules(instances):
    """Makes rules with these logins, all mail to `sink`; returns rules.cdb's path."""
    def make(logins, sink=None, mode=0o600):
        i = instances(routes=":%s\n" % sink.route if sink else "", logins=logins)
        os.chmod(os.path.join(i.control, "logins"), mode)
        i.compile()
        return i.rules
    return make


@pytest.fixture
def server():
    yield from made_by(LoginSink)


def job(rules, sink, sender=S, message=TEXT, words=()):
    with Jobs(rules, ";".join([sink.route, *words]), options=("-t", "5")) as j:
        outcome = j.job(message, sender, [A])
        assert j.said() == ""
        return outcome


def words(sink, session=0):
    return b"\n".join(sink.sessions[session].commands)


def secret(sink, *passwords):
    """Has one of the passwords come, as it is or in base64?"""
    seen = [words(sink, i) for i in range(len(sink.sessions))]
    return [p for p in passwords for w in seen if p.encode() in w or b64(p).rstrip(b"=")[:-1] in w]


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("mechanism", ALL)
def test_each_mechanism(rules, server, cert, mechanism, tls):
    s = server({"joe=,b": PASSWORD}, [mechanism], folder=cert if tls else None)
    clear = "" if tls or "-" in mechanism else " clear"
    o = job(rules('%s joe=,b "%s"%s\n' % (s.route, PASSWORD, clear), s), s)
    assert (o.each, o.verdict) == ("r", "K"), o
    assert s.logins == [(mechanism, "joe=,b")] and s.messages[0].lf == TEXT
    assert bool(s.sessions[0].version) == tls


def test_strongest_first(rules, server, cert):
    """Of what is offered, in whatever order; and what the line names, if it names one."""
    s = server({"joe": "secret"}, reversed(ALL), folder=cert)
    r = rules("%s joe secret\n" % s.route, s)
    for gone in ("SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"):
        assert job(r, s).verdict == "K"
        assert s.logins[-1] == (gone, "joe")
        s.mechanisms.remove(gone)
    o = job(r, s)
    assert o.verdict == "Z" and o.each == "" and "offers no login" in o.text, o
    s.mechanisms[:] = ALL
    assert job(rules("%s joe secret login\n" % s.route, s), s).verdict == "K" and s.logins[-1] == ("LOGIN", "joe")
    s.mechanisms.remove("CRAM-MD5")
    o = job(rules("%s joe secret cram-md5\n" % s.route, s), s)
    assert o.verdict == "Z" and "does not offer the mechanism" in o.text and "logins:1" in o.text, o


def test_not_in_the_clear(rules, server):
    """PLAIN and LOGIN show the password: never without TLS, unless the line says `clear`."""
    s = server({"joe": "secret"}, ["PLAIN", "LOGIN"])
    o = job(rules("%s joe secret\n" % s.route, s), s)
    assert o.verdict == "Z" and o.each == "" and "offers no TLS" in o.text, o
    assert words(s) == b"EHLO relay.example\nQUIT" and not secret(s, "secret")
    s.mechanisms.append("CRAM-MD5")
    assert job(rules("%s joe secret\n" % s.route, s), s).verdict == "K" and s.logins == [("CRAM-MD5", "joe")]


@pytest.mark.parametrize("answer,sessions", [(b"454 4.7.0 not today\r\n", 1), ((b"220 go\r\n", CLOSE), 2),
                                             ((b"220 go\r\n", 0.2, b"no handshake at all\r\n", CLOSE), 2)])
def test_tls_that_fails(rules, server, cert, answer, sessions):
    """Who breaks TLS does not get the password in the clear, where mail would go on."""
    s = server({"joe": "secret"}, ["PLAIN", "LOGIN"], folder=cert)
    s.on["STARTTLS"] = lambda session, line: answer
    o = job(rules("%s joe secret\n" % s.route, s), s)
    assert o.verdict == "Z" and "offers no TLS, without which the password must not be sent" in o.text, o
    assert len(s.sessions) == sessions and not secret(s, "secret", "joe")
    assert not [c for x in s.sessions for c in x.commands if c.startswith(b"AUTH")] and not s.messages


@pytest.mark.parametrize("mechanism", ALL)
def test_wrong_password(rules, server, mechanism):
    """Temporary, said with the line and the user; no password."""
    s = server({"joe": "secret"}, [mechanism])
    o = job(rules("%s joe %s clear\n" % (s.route, WRONG), s), s)
    assert o.verdict == "Z" and o.each == "", o
    words = "" if mechanism in ("PLAIN", "LOGIN") else " wrong"
    assert "refused our login as joe (logins:1): 535 5.7.8%s (#4.7.8)" % words in o.text
    assert WRONG not in repr(o) and b64(WRONG)[:8].decode() not in repr(o)
    assert len(s.logins) == 1 and not s.messages
    assert s.sessions[0].commands[-1] == b"QUIT"


@pytest.mark.parametrize("password", [WRONG, "p\u00e4ss  w\u00f6rd\x01geheim"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_indiscreet_server(rules, server, mechanism, password):
    """It repeats what it got, in the clear or as it came, whole or cut: only its codes are shown."""
    s = server({"joe": "secret"}, [mechanism])
    r = rules('%s joe "%s" clear\n' % (s.route, password), s)
    sent = b64("\0joe\0" + password) if mechanism == "PLAIN" else b64(password)
    raw = password.encode()
    for echo in (sent, sent[:-6], sent.hex().encode(), raw, raw[:-2]):
        s.on["VERDICT"] = lambda session, line: b"501-5.5.2 what\r\n501 5.5.2 is " + echo + b"?\r\n"
        o = job(r, s)
        assert o.verdict == "Z" and o.text.endswith("refused our login as joe (logins:1): 501 5.5.2 (#4.7.8)"), o
    s.on["VERDICT"] = lambda session, line: b"535 " + raw + b"\r\n"
    assert job(r, s).text.endswith("refused our login as joe (logins:1): 535 (#4.7.8)")


def test_other_refusals(rules, server):
    s = server({"joe": "secret"}, ["SCRAM-SHA-256", "CRAM-MD5"])
    r = rules("%s joe secret\n" % s.route, s)
    s.on["VERDICT"] = lambda session, line: b"454 4.7.0 later\r\n"
    o = job(r, s)
    assert o.verdict == "Z" and "454 4.7.0 later" in o.text, o
    s.on["VERDICT"] = lambda session, line: (b"421 4.3.0 bye\r\n", CLOSE)
    assert job(r, s).verdict == "Z"
    s.on["VERDICT"] = lambda session, line: (CLOSE,)
    o = job(r, s)
    assert o.verdict == "Z" and "closed the connection" in o.text and "logins:1" in o.text, o
    assert not s.messages
    s.on.clear()
    s.lacking.add("SCRAM-SHA-256")   # what the server turns out not to have is followed by the next
    assert job(r, s).verdict == "K" and s.logins[-1] == ("CRAM-MD5", "joe")
    s.lacking.add("CRAM-MD5")
    o = job(r, s)
    assert o.verdict == "Z" and "504 5.5.4" in o.text, o


def test_false_server(rules, server):
    """One that does not know the password says 235 all the same: SCRAM shows it, and nothing is sent."""
    s = server({"joe": "secret"}, ["SCRAM-SHA-256", "PLAIN"], false=True)
    o = job(rules("%s joe secret clear\n" % s.route, s), s)
    assert o.verdict == "Z" and "did not do its part of SCRAM-SHA-256" in o.text, o
    assert not s.messages and not secret(s, "secret")


def test_which_login(rules, server):
    """The sender's before the relay's; one connection carries several senders only where their login is the same."""
    s = server({"joe": "secret", "shop": "geheim", "ann": "x"}, ["CRAM-MD5"])
    r = rules("%s joe secret\nfrom:@shop.example shop geheim\nfrom:ann@shop.example ann x\n" % s.route, s)
    senders = ["a@x.example", "b@x.example", "", "c@shop.example", "d@shop.example", "ann@shop.example", "a@x.example"]
    with Jobs(r, s.route, options=("-t", "5")) as j:
        for sender in senders:
            assert j.job(TEXT, sender, [A]).verdict == "K"
    assert [(x.user, x.handed) for x in s.sessions] == [("joe", 3), ("shop", 2), ("ann", 1), ("joe", 1)]
    assert [m.sender for m in s.messages] == senders


def test_one_senders_mistake(instances, server):
    """A sender's wrong password is no fault of the relay's: others' mail does not wait."""
    s = server({"joe": "secret", "shop": "geheim"}, ["CRAM-MD5"])
    logins = "%s joe secret\nfrom:@shop.example shop %s\n" % (s.route, WRONG)
    i = instances(routes=":%s\n" % s.route, logins=logins)
    i.compile()
    o = job(i.rules, s, "c@shop.example")
    assert (o.each, o.verdict) == ("s", "Z") and "as shop (logins:2)" in o.text, o
    i.send()
    i.inject("c@shop.example", [A], TEXT)
    wait_for(lambda: i.events("send", "delivery"), 10)
    i.inject(S, [A], TEXT)
    assert s.wait(1, 10)[0].sender == S
    wait_for(lambda: len(i.queued()) == 1, 10)
    assert WRONG not in i.log("send")


def test_none_wanted(rules, server):
    """No line for this relay: none is tried, offered or not."""
    s = server({"joe": "secret"}, wanted=False)
    o = job(rules("other.example joe secret\nfrom:x@y.example joe secret\n", s), s)
    assert o.verdict == "K" and not s.logins


def test_first_form(rules, server):
    """As qmail-remote, with -l for another file."""
    s = server({"joe": "secret"}, ["CRAM-MD5"])
    r = rules("%s joe secret\n" % s.route, s)
    o, _ = deliver(r, "y.example", S, [A], TEXT)
    assert (o.each, o.verdict) == ("r", "K"), o
    o, _ = deliver(r, "y.example", S, [A], TEXT, options=("-l", "/nonexistent/logins.cdb"))
    assert o.verdict == "Z" and "no such file of logins" in o.text and len(s.logins) == 1, o


def test_damaged(rules, server):
    """No mail by relays while logins.cdb is broken: to send it without a login would bounce it."""
    s = server({"joe": "secret"}, ["CRAM-MD5"])
    r = rules("%s joe secret\n" % s.route, s)
    path = r.replace("rules.cdb", "logins.cdb")
    with open(path, "rb") as f:
        data = bytearray(f.read())
    data[data.index(b"secret")] ^= 1
    for broken in (bytes(data), b"", b"x" * 3000):
        with open(path, "wb") as f:
            f.write(broken)
        o = job(r, s)
        assert o.verdict == "Z" and "our logins can't be read" in o.text, o
    assert not s.sessions


def nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_through_is_told_so(rules, server, tmp_path):
    """relay-through runs as the receiving side's user: its relay-remote has no logins, and the client hears why."""
    s = server({"joe": "secret"}, ["CRAM-MD5"])
    r = rules("%s joe secret\n" % s.route, s)
    os.chmod(r, 0o644)
    (tmp_path / "message").write_bytes(TEXT)
    (tmp_path / "envelope").write_bytes(("F%s\0T%s\0\0" % (S, A)).encode())
    with open(tmp_path / "message") as m, open(tmp_path / "envelope") as e:
        p = subprocess.run(["sh", "-c", 'exec "$@" 6>&2', "sh", for_everybody(program("relay-through")), "-r", r, "-R",
                            for_everybody(program("relay-remote"))], stdin=m, stdout=e, stderr=subprocess.PIPE,
                           preexec_fn=nobody)
    text = p.stderr.decode()
    assert p.returncode == 82 and text.startswith("Z") and "may not read logins.cdb" in text and not s.logins, text


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_not_for_everybody(rules, server):
    """Who may not read logins.cdb delivers where no login is offered, and waits where one is."""
    s = server({"joe": "secret"}, ["CRAM-MD5"])
    r = rules("%s joe secret\n" % s.route, s)
    os.chmod(r, 0o644)

    o, _ = deliver(r, "y.example", S, [A], TEXT, preexec=nobody)
    assert o.verdict == "Z" and "may not read logins.cdb" in o.text and not s.logins, o
    s.mechanisms.clear()
    s.wanted = False
    o, _ = deliver(r, "y.example", S, [A], TEXT, preexec=nobody)
    assert o.verdict == "K", o


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_no_core_file(rules, server):
    """Whoever has passwords in memory leaves none in a core file: the kernel gives such a process' files to root."""
    s = server({"joe": "secret"}, ["CRAM-MD5"])
    r = rules("%s joe secret\n" % s.route, s)
    os.chmod(r, 0o644)
    owner = {}
    for mode in (0o600, 0o644):
        os.chmod(r.replace("rules.cdb", "logins.cdb"), mode)
        with Jobs(r, s.route, options=("-t", "5"), preexec=nobody) as j:
            wait_for(lambda: stat_of(j.popen.pid)[3] == "relay-remote", 10)
            j.job(TEXT, S, [A])
            owner[mode] = os.stat("/proc/%d/environ" % j.popen.pid).st_uid
    assert owner == {0o600: 65534, 0o644: 0}


def test_callout(rules, server, tmp_path):
    """relay-ask logs in as for mail of the null sender."""
    s = server({"joe": "secret"}, ["CRAM-MD5"])
    s.on["RCPT"] = lambda session, line: b"550 5.1.1 no such user\r\n" if b"no@" in line else None
    with Ask(rules("%s joe secret\n" % s.route, s), str(tmp_path)) as a:
        assert a.recipient("a@y.example") == "yes"
        assert a.recipient("no@y.example") == "no 550 5.1.1 no such user"
    assert [x.user for x in s.sessions] == ["joe"]
    with Ask(rules("%s joe wrong\n" % s.route, s), str(tmp_path), cache="other") as a:
        answer = a.recipient("a@y.example")
        assert answer.startswith("unknown") and "refused our login as joe" in answer, answer
