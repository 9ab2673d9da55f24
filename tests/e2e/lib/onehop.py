"""relay-remote with qmail-remote(8)'s interface, where one server gets all mail."""
from .remote import deliver
from .sink import EXTENSIONS, Sink

S, A, B, C = "s@sender.example", "a@y.example", "b@y.example", "c@y.example"
TEXT = b"Subject: x\n\nhello\n"
OFFERS = {
    "all": EXTENSIONS,
    "no-chunking": ("PIPELINING", "8BITMIME", "SIZE 104857600"),
    "no-pipelining": ("CHUNKING", "8BITMIME", "SIZE 104857600"),
    "neither": ("8BITMIME",),
    "nothing": (),
}


def to(instances, sink, **control):
    """Rules by which all mail goes to the sink."""
    i = instances(routes=":%s\n" % sink.route, **control)
    i.compile()
    return i.rules


def at_port(instances, port):
    i = instances(routes=":127.0.0.1:%d\n" % port)
    i.compile()
    return i.rules


def send(rules, message=TEXT, recipients=(A,), sender=S, **more):
    return deliver(rules, "y.example", sender, list(recipients), message, **more)[0]


def wire(message):
    """What must arrive: CRLF lines, the last one ended."""
    lines = message.replace(b"\r\n", b"\n")
    if lines and not lines.endswith(b"\n"):
        lines += b"\n"
    return lines.replace(b"\n", b"\r\n")


def least(instances):
    """The memory that a small message takes, KiB, and what all others may take: 1 MiB more."""
    with Sink() as sink:
        sink.on["."] = lambda s, line: (0.2, b"250 2.0.0 ok\r\n")
        memory = deliver(to(instances, sink), "y.example", S, [A], TEXT)[1]
    assert memory
    return memory + 1024
