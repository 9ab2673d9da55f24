"""relay-queue, relay-send and relay-remote as they run, and what people notice of a message: it arrives once, it waits
and the log says why, or a report comes back.

    o = outgoing(":%s\\n" % sink.route)
    o.give()
    o.waits("450 4.2.0 busy", rest=False)
    ...                                     # the server is mended
    o.arrives(sink)                         # with SIGALRM
"""
import contextlib
import os
import re
import signal
import time

from .instance import Instance
from .messages import without_trace
from .procs import program, wait_for
from .sink import Sink

S, A = "s@sender.example", "a@y.example"
TEXT = b"Subject: x\n\nhello\n.\nend\n"
BACK = "10.99.0.9"   # where sender.example's mail goes, in a world with namespaces
WAIT = 5    # relay-remote's -t: what stalls is waited for, and what works may be slow on a busy machine


def plain(word):
    """A value of the log without its escapes."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m.group(1), 16)), word)


class Outgoing(Instance):
    """Runs from the start. Reports go to the sink `back`. `net`: in its namespace `here`, `back` being there."""

    def __init__(self, routes="", net=None, env=None, **control):
        with net.there() if net else contextlib.nullcontext():
            self.back = Sink(BACK if net else "127.0.0.1")
        super().__init__(routes="sender.example:%s\n%s" % (self.back.route, routes),
                         env=dict({"RES_OPTIONS": "timeout:5 attempts:1"}, **env or {}), **control)
        try:
            self.compile()
            with open(self.path("remote"), "w") as f:
                f.write("#!/bin/sh\nexec %s -t %d \"$@\"\n" % (program("relay-remote"), WAIT))
            os.chmod(self.path("remote"), 0o755)
            self.send("-R", self.path("remote"), preexec=net.enter_here if net else None)
        except BaseException:
            self.close()
            raise

    def give(self, to=A, text=TEXT):
        self.to = to
        self.inject(S, [to], text)

    def again(self):
        """SIGALRM, and soon nothing is queued. More than once: on a busy machine a good server may be slow, too."""
        begun, sent = time.monotonic(), 0

        def empty():
            nonlocal sent
            if time.monotonic() >= begun + 10 * sent:
                os.kill(self.sender.pid, signal.SIGALRM)
                sent += 1
            return not self.queued()
        wait_for(empty, 45, lambda: self.log("send")[-3000:])

    def deliveries(self, status):
        """Of the recipient who came last."""
        return [e for e in self.events("send", "delivery") if (e["status"], e["to"]) == (status, self.to)]

    def waits(self, *words, rest=None, twice=False, messages=1):
        """All messages are deferred, the log has these words, no report is sent. rest: is it the next hop as a whole?
        twice: does it say that the message may arrive twice? Returns what the log says."""
        wait_for(lambda: len(self.events("send", "defer")) >= messages, 30, lambda: self.log("send")[-3000:])
        text = plain(self.deliveries("deferred")[-1]["text"])
        assert all(w in text for w in words) and ("twice" in text) == twice, text
        assert rest in (None, bool(self.events("send", "rest"))), self.log("send")
        assert len(self.queued()) == messages and not self.back.messages
        assert not self.deliveries("failed") and not self.deliveries("delivered")
        return text

    def arrives(self, sink, text=TEXT, again=True):
        """Once, and nobody hears of anything else. Returns its line of the log. sink: a Sink or another server."""
        if again:
            self.again()
        else:
            self.wait_empty()
        got = sink.wait(1)
        if isinstance(sink, Sink):
            assert [(m.sender, m.recipients) for m in got] == [(S, [self.to])] and not sink.bad, got
            got = [m.lf for m in got]
        assert [without_trace(m) for m in got] == [text], (len(got), self.log("send")[-3000:])
        event, = self.deliveries("delivered")
        assert not self.back.messages and not self.deliveries("failed"), self.log("send")[-3000:]
        return event

    def report(self, domain, policy):
        """What event=tls-report says after a first try, when relay-send and its relay-remotes have ended; None: nothing
        is said."""
        wait_for(lambda: self.events("send", "delivery"), 30, lambda: self.log("send")[-3000:])
        self.sender.popen.send_signal(signal.SIGTERM)
        wait_for(lambda: not self.sender.alive() and not self.sender.members(), 30, "the end of all")
        lines = self.events("send", "tls-report")
        assert all((l.pop("domain"), l.pop("policy")) == (domain, policy) for l in lines) and len(lines) < 2, lines
        return {k: v for k, v in lines[0].items() if k != "event"} if lines else None

    def bounces(self, code, *words):
        """One report with that code and these words, at the first try, and nothing is left."""
        report, = self.back.wait(1)
        self.wait_empty()
        text = report.lf.decode()
        assert (report.sender, report.recipients) == ("", [S])
        assert "\nFinal-Recipient: rfc822;%s\nAction: failed\nStatus: %s\n" % (self.to, code) in text, text
        assert all(w in text for w in words), text
        assert len(self.back.messages) == len(self.events("send", "bounce")) == len(self.deliveries("failed")) == 1
        assert not self.deliveries("deferred"), self.log("send")

    def close(self, keep=False):
        super().close(keep)
        self.back.close()
