"""relay-remote logs in at our own submission listener, where relay-auth looks at users.cdb: all mechanisms, both kinds
of TLS, and through the queue."""
import pytest

from lib.login import ALICE, PASSWORD, RECIPIENT, LoginChain
from lib.procs import wait_for
from lib.remote import deliver

TEXT = b"Subject: x\n\nhello\n"
MECHANISMS = ("plain", "login", "cram-md5", "scram-sha-256")


@pytest.fixture(scope="module")
def chain():
    with LoginChain() as c:
        yield c


def rules(chain, instances, words="", password=PASSWORD, mode="starttls"):
    port = chain.ports[mode]
    i = instances(routes=":127.0.0.1:%d%s\n" % (port, " tls=now" if mode == "implicit" else ""),
                  logins='127.0.0.1:%d alice "%s" %s\n' % (port, password, words))
    i.compile()
    return i


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_each(chain, instances, mechanism, mode):
    chain.clear()
    o, _ = deliver(rules(chain, instances, mechanism, mode=mode).rules, "x.example", ALICE, [RECIPIENT], TEXT)
    assert (o.each, o.verdict) == ("r", "K"), o
    event, = chain.events("login", verdict="accepted")
    assert event["mechanism"].lower() == mechanism and event["user"] == "alice", event
    message, = chain.sink.wait(1)
    assert message.lf.endswith(TEXT) and message.sender == ALICE


def test_strongest(chain, instances):
    chain.clear()
    o, _ = deliver(rules(chain, instances).rules, "x.example", ALICE, [RECIPIENT], TEXT)
    assert o.verdict == "K", o
    event, = chain.events("login")
    assert event["mechanism"] == "SCRAM-SHA-256"


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_wrong_password(chain, instances, mechanism):
    """The mail waits, the log says whose login it was, and no password."""
    chain.clear()
    i = rules(chain, instances, mechanism, "wrong-4711")
    i.send()
    i.inject(ALICE, [RECIPIENT], TEXT)
    wait_for(lambda: i.events("send", "delivery"), 10)
    event, = i.events("send", "delivery")
    assert event["status"] == "deferred" and len(i.queued()) == 1
    line = next(l for l in i.log("send").splitlines() if "event=delivery" in l)
    assert "alice" in line and "logins:1" in line and "535" in line, line
    assert "4711" not in i.log("send") and chain.sink.messages == []


def test_right_password_later(chain, instances):
    """A mended line counts for the next try."""
    chain.clear()
    i = rules(chain, instances, password="wrong-4711")
    i.send()
    i.inject(ALICE, [RECIPIENT], TEXT)
    wait_for(lambda: i.events("send", "delivery"), 10)
    i.compile(logins='127.0.0.1:%d alice "%s"\n' % (chain.ports["starttls"], PASSWORD))
    i.sender.popen.send_signal(14)
    i.wait_empty()
    assert chain.sink.wait(1)[0].lf.endswith(TEXT)


def test_null_sender_has_the_relays_login(chain, instances):
    """A bounce, too, goes by the relay's login."""
    chain.clear()
    o, _ = deliver(rules(chain, instances).rules, "x.example", "", [RECIPIENT], TEXT)
    assert o.verdict == "K", o
    assert chain.sink.wait(1)[0].sender == ""
