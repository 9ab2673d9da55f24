"""Real servers as next hops: Postfix with a mailbox, Postfix's smtp-sink, our own sink over IPv4 and IPv6.
What arrives is compared byte for byte; only the trace fields on top may be added."""
import os

import pytest

from lib.messages import CASES, big, without_trace
from lib.postfix import Postfix, missing
from lib.procs import Proc, free_port, has_ipv6, listening, program, sanitized, status_of, wait_for

SENDER, RECIPIENT = "alice@outside.example", "bob@box.example"
MIB = 1 << 20
LONG = b"Subject: long lines\n\n" + b"a" * 900000 + b"\n." + b"b" * 70000 + b"\nend\n"


@pytest.fixture(scope="module")
def postfix():
    why = missing()
    if why:
        pytest.skip(why)
    with Postfix(mailbox_domain="box.example", message_size_limit="0", line_length_limit="2048",
                 smtpd_recipient_limit="2000",
                 smtpd_recipient_restrictions="check_recipient_access inline:{nobody@box.example=REJECT}") as p:
        yield p


@pytest.fixture
def to_postfix(instances, postfix):
    postfix.empty()
    return instances(routes="box.example:127.0.0.1:%d\n" % postfix.port).start()


def give(instance, data, recipients=(RECIPIENT,), params=""):
    with instance.dialogue(seconds=120) as d:
        d.hello()
        assert d.mail(SENDER, list(recipients), data, params) == 250
        d.quit()


@pytest.mark.parametrize("name", sorted(CASES))
def test_postfix(to_postfix, postfix, name):
    data, params = CASES[name]
    give(to_postfix, data, params=params)
    got = postfix.wait(1)
    to_postfix.wait_empty()
    assert [without_trace(m) for m in got] == [data], postfix.said()[-2000:]


def test_postfix_25_mib(to_postfix, postfix):
    data = big(25 * MIB)
    give(to_postfix, data)
    got = postfix.wait(1, 120)
    to_postfix.wait_empty()
    assert without_trace(got[0]) == data


def test_postfix_1000_recipients(to_postfix, postfix):
    people = ["user%d@box.example" % i for i in range(1000)]
    data = b"Subject: all\n\nof you\n"
    give(to_postfix, data, people)
    got = postfix.wait(1000, 120)
    to_postfix.wait_empty(60)
    assert len(postfix.delivered()) == 1000
    to = [l[14:] for m in got for l in m.decode().split("\n") if l.startswith("Delivered-To: ")]
    assert sorted(to) == sorted(people)
    assert {without_trace(m) for m in got} == {data}


def test_postfix_refuses_one_recipient(instances, sink, postfix):
    """One recipient that Postfix won't have: the other gets the mail once, the sender a bounce."""
    postfix.empty()
    i = instances(routes="box.example:127.0.0.1:%d\n:%s\n" % (postfix.port, sink.route)).start()
    data = CASES["plain"][0]
    give(i, data, [RECIPIENT, "nobody@box.example"])
    got = postfix.wait(1)
    bounce = sink.wait(1)[0]
    i.wait_empty()
    assert [without_trace(m) for m in got] == [data]
    assert bounce.sender == "" and bounce.recipients == [SENDER]
    assert b"nobody@box.example" in bounce.data and b"554" in bounce.data and RECIPIENT.encode() not in bounce.data


# smtp-sink

class SmtpSink:
    def __init__(self, folder, *options):
        self.port = free_port()
        self.folder = os.path.join(folder, "dump")
        os.mkdir(self.folder)
        who = ["-u", "root"] if not os.geteuid() else []
        self.proc = Proc([program("smtp-sink"), *who, *options, "-d", "%M.", "127.0.0.1:%d" % self.port, "100"],
                         os.path.join(folder, "sink.log"), cwd=self.folder)
        wait_for(lambda: listening("127.0.0.1", self.port), 10, "smtp-sink listening")

    def messages(self):
        out = []
        for name in sorted(os.listdir(self.folder)):
            with open(os.path.join(self.folder, name), "rb") as f:
                out.append(f.read())
        return out


@pytest.fixture
def smtp_sink(tmp_path):
    made = []

    def make(*options):
        made.append(SmtpSink(str(tmp_path), *options))
        return made[-1]
    yield make
    for s in made:
        s.proc.stop()


def dumped(raw):
    """smtp-sink's own fields, and the message behind its Received field (smtp-sink ends each with an empty line)."""
    assert raw.endswith(b"\n")
    raw = raw[:-1]
    fields = {}
    while raw.startswith(b"X-"):
        line, _, raw = raw.partition(b"\n")
        name, _, value = line.partition(b": ")
        fields.setdefault(name.decode(), []).append(value.decode())
    return fields, without_trace(raw)


@pytest.mark.parametrize("options", [(), ("-e",), ("-8",), ("-p",), ("-N",)], ids=lambda o: "".join(o) or "plain")
@pytest.mark.parametrize("name", ["8bit", "dots", "dot-first", "empty-body", "no-header", "line-998", "controls"])
def test_smtp_sink(instances, smtp_sink, name, options):
    """-e: no ESMTP, -8: no 8BITMIME, -p: no PIPELINING, -N: no DSN."""
    if name == "8bit" and options in (("-e",), ("-8",)):
        pytest.skip("8-bit mail to a server without 8BITMIME: test_8bit_to_a_7bit_server")
    s = smtp_sink(*options)
    i = instances(routes=":127.0.0.1:%d\n" % s.port).start()
    data, params = CASES[name]
    give(i, data, params=params)
    i.wait_empty()
    fields, got = dumped(s.messages()[0])
    assert got == data
    assert len(s.messages()) == 1
    assert fields["X-Mail-Args"][0].startswith("<%s>" % SENDER)
    assert fields["X-Rcpt-Args"] == ["<%s>" % RECIPIENT]


def test_smtp_sink_25_mib(instances, smtp_sink):
    s = smtp_sink()
    i = instances(routes=":127.0.0.1:%d\n" % s.port).start()
    data = big(25 * MIB)
    give(i, data)
    i.wait_empty(120)
    assert dumped(s.messages()[0])[1] == data


# Our own sink: what the others can't show

@pytest.mark.parametrize("extensions", [("PIPELINING", "8BITMIME", "CHUNKING", "SIZE"), ("PIPELINING", "8BITMIME"),
                                        ("8BITMIME", "CHUNKING"), ("8BITMIME",)], ids=lambda e: "+".join(e))
@pytest.mark.parametrize("host", ["127.0.0.1"] + ["::1"] * has_ipv6())
def test_sink(instances, sinks, extensions, host):
    """With and without CHUNKING and PIPELINING, over IPv4 and IPv6: the same bytes."""
    s = sinks(host, extensions=extensions)
    i = instances(routes=":%s\n" % s.route).start()
    names = sorted(CASES)
    with i.dialogue() as d:
        d.hello()
        for name in names:
            assert d.mail(name + "@outside.example", RECIPIENT, *CASES[name]) == 250
        d.quit()
    s.wait(len(names))
    i.wait_empty()
    assert {m.sender.split("@")[0]: without_trace(m.lf) for m in s.messages} == {n: CASES[n][0] for n in names}
    assert len(s.messages) == len(names)
    assert not s.bad
    assert {m.chunked for m in s.messages} == {"CHUNKING" in extensions}


@pytest.mark.parametrize("extensions", [("PIPELINING", "CHUNKING", "SIZE"), ("PIPELINING",)], ids=lambda e: "+".join(e))
def test_sink_long_lines(instances, sinks, extensions):
    s = sinks(extensions=extensions)
    i = instances(routes=":%s\n" % s.route).start()
    give(i, LONG)
    assert without_trace(s.wait(1)[0].lf) == LONG
    i.wait_empty()


def test_sink_1000_recipients(instance, sink):
    people = ["user%d@box%d.example" % (i, i % 3) for i in range(1000)]
    give(instance, b"Subject: all\n\nof you\n", people)
    instance.wait_empty()
    got = [r for m in sink.messages for r in m.recipients]
    assert sorted(got) == sorted(people)
    assert {without_trace(m.lf) for m in sink.messages} == {b"Subject: all\n\nof you\n"}


def test_connection_is_kept(instance, sink):
    """Twenty messages one behind the other travel over few connections."""
    with instance.dialogue() as d:
        d.hello()
        for n in range(20):
            assert d.mail(SENDER, RECIPIENT, b"Subject: %d\n\n" % n) == 250
            sink.wait(n + 1)
        d.quit()
    assert len(sink.sessions) <= 3


def test_8bit_to_a_7bit_server(instances, sinks):
    """Bytes from 0x80 on never go to a server that does not offer 8BITMIME under a declaration that it doesn't know:
    they go as they are without BODY=, or bounce; nothing is cut off."""
    s = sinks(extensions=())
    back = sinks()
    i = instances(routes="outside.example:%s\n:%s\n" % (back.route, s.route)).start()
    data, params = CASES["8bit"]
    give(i, data, params=params)
    i.wait_empty()
    if s.messages:
        assert without_trace(s.messages[0].lf) == data and b"BODY=" not in s.messages[0].mail
    else:
        bounce = back.wait(1)[0]
        assert bounce.sender == "" and bounce.recipients == [SENDER]


def test_memory_does_not_grow_with_the_message(instance, sink):
    """A 25 MiB message passes through every program of ours with a few MiB."""
    peak = {}

    def look():
        for proc in instance.procs:
            for pid in proc.members():
                try:
                    exe = os.path.basename(os.readlink("/proc/%d/exe" % pid))
                except OSError:
                    continue
                peak[exe] = max(peak.get(exe, 0), status_of(pid, "VmHWM"))
    sink.on["."] = lambda s, line: (look(), None)[1]
    data = big(25 * MIB)
    with instance.dialogue(seconds=120) as d:
        d.hello()
        for line, code in (("MAIL FROM:<a@b.example>", 250), ("RCPT TO:<c@d.example>", 250), ("DATA", 354)):
            d.ok(line, code)
        raw = data.replace(b"\n", b"\r\n") + b".\r\n"
        for at in range(0, len(raw), MIB):
            d.send(raw[at:at + MIB])
            look()
        assert d.reply() == 250
        look()
        d.quit()
    assert without_trace(sink.wait(1, 60)[0].lf) == data
    ours = {k: v for k, v in peak.items() if k.startswith("relay-")}
    assert {"relay-smtpd", "relay-queue", "relay-send", "relay-remote"} <= set(ours), ours
    assert all(kib < (256 if sanitized() else 12) * 1024 for kib in ours.values()), ours
