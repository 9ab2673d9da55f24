"""An SMTP server that keeps what it gets, and misbehaves when told to.

    with Sink() as s:
        s.on["RCPT"] = lambda session, line: b"450 4.2.0 later\\r\\n"
        ...
        s.wait(1); s.messages[0].data

A hook in `on` is called for a verb ("CONNECT" for the greeting, "." for the end of a message) with the session
and the line, and returns: None (behave), bytes (say that instead; with "." a reply starting 2 keeps the message,
another does not), or a tuple of steps: bytes to say, numbers to wait (seconds), CLOSE, RESET, HANG.
"""
import argparse
import asyncio
import hashlib
import json
import socket
import struct
import sys
import threading
import time

CLOSE = "close"
RESET = "reset"
HANG = "hang"
EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 104857600", "ENHANCEDSTATUSCODES", "CHUNKING")


class Message:
    """sender, recipients (addresses), mail (the MAIL line), data (CRLF lines, dots unstuffed), helo, session,
    chunked."""

    def __init__(self, session, data):
        self.sender = session.sender
        self.mail = session.mail_line
        self.rcpt_lines = session.rcpt_lines
        self.recipients = session.recipients
        self.helo = session.helo
        self.session = session.number
        self.peer = session.peer
        self.chunked = session.chunked
        self.size = len(data)
        self.data = data
        self.when = time.monotonic()

    @property
    def lf(self):
        return self.data.replace(b"\r\n", b"\n")

    def header(self, name):
        """The values of a field, unfolded."""
        out, head = [], self.lf.split(b"\n\n", 1)[0].decode("utf-8", "replace")
        for field in head.replace("\n ", " ").replace("\n\t", " ").split("\n"):
            if field.lower().startswith(name.lower() + ":"):
                out.append(field[len(name) + 1:].strip())
        return out


def path_of(line):
    """The address between < and > of a MAIL or RCPT line, or without them; quoted local parts may hold both."""
    start = line.find(b"<") + 1 or line.index(b":") + 1
    quoted = False
    i = start
    while i < len(line):
        c = line[i:i + 1]
        if quoted and c == b"\\":
            i += 1
        elif c == b'"':
            quoted = not quoted
        elif c == b">" and not quoted:
            break
        i += 1
    return line[start:i].decode("utf-8", "surrogateescape")


class Session(asyncio.Protocol):
    def __init__(self, sink):
        self.sink = sink
        self.buf = bytearray()
        self.mode = "command"
        self.commands = []
        self.helo = ""
        self.busy = False
        self.hung = False
        self.handed = 0
        self.bad = []      # bare CR or LF, NUL: what we must never see on the wire
        self.reset()

    def reset(self):
        self.sender = None
        self.mail_line = b""
        self.rcpt_lines = []
        self.recipients = []
        self.chunks = bytearray()
        self.chunked = False
        self.need = 0
        self.last = False

    def connection_made(self, transport):
        self.transport = transport
        self.peer = transport.get_extra_info("peername")
        sock = transport.get_extra_info("socket")
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sink.sessions.append(self)
        self.number = len(self.sink.sessions)
        self.sink.open += 1
        self.sink.peak = max(self.sink.peak, self.sink.open)
        self.answer("CONNECT", b"", b"220 sink.example ESMTP\r\n")

    def connection_lost(self, why):
        self.sink.open -= 1
        self.mode = "lost"

    def data_received(self, data):
        self.buf += data
        if not self.busy:
            self.work()

    def work(self):
        while not self.busy and self.buf and self.mode != "lost":
            if self.mode == "command":
                if not self.command():
                    return
            elif self.mode == "data":
                if not self.text():
                    return
            elif self.mode == "chunk":
                if not self.chunk():
                    return

    def command(self):
        end = self.buf.find(b"\n")
        if end < 0:
            return False
        line = bytes(self.buf[:end + 1])
        del self.buf[:end + 1]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line:
            self.bad.append(line)
        line = line.rstrip(b"\r\n")
        self.commands.append(line)
        verb = line.split(b" ")[0].split(b":")[0].upper().decode("latin-1")
        method = getattr(self, "do_" + verb.lower(), None)
        if method:
            method(verb, line)
        else:
            self.answer(verb, line, b"500 5.5.1 what?\r\n")
        return True

    def do_ehlo(self, verb, line):
        def then():
            self.reset()
            self.helo = line[5:].decode("latin-1")
        lines = [b"sink.example"] + [e.encode() for e in self.sink.extensions]
        good = b"".join(b"250-" + l + b"\r\n" for l in lines[:-1]) + b"250 " + lines[-1] + b"\r\n"
        self.answer(verb, line, good, then)

    def do_helo(self, verb, line):
        def then():
            self.reset()
            self.helo = line[5:].decode("latin-1")
        self.answer(verb, line, b"250 sink.example\r\n", then)

    def do_mail(self, verb, line):
        def then():
            self.reset()
            self.mail_line = line
            self.sender = path_of(line)
        self.answer(verb, line, b"250 2.1.0 ok\r\n" if self.sender is None else b"503 5.5.1 nested\r\n", then)

    def do_rcpt(self, verb, line):
        def then():
            self.rcpt_lines.append(line)
            self.recipients.append(path_of(line))
        self.answer(verb, line, b"250 2.1.5 ok\r\n" if self.sender is not None else b"503 5.5.1 MAIL?\r\n", then)

    def do_data(self, verb, line):
        def then():
            self.mode = "data"
            self.seen = 0
        good = b"354 go on\r\n" if self.recipients else b"554 5.5.1 no valid recipients\r\n"
        self.answer(verb, line, good, then, "3")

    def do_bdat(self, verb, line):
        word = line.split()
        self.need = int(word[1])
        self.last = len(word) > 2 and word[2].upper() == b"LAST"
        self.chunked = True
        self.line = line
        self.mode = "chunk"
        if not self.need:
            self.chunk()

    def do_rset(self, verb, line):
        self.answer(verb, line, b"250 2.0.0 ok\r\n", self.reset)

    def do_noop(self, verb, line):
        self.answer(verb, line, b"250 2.0.0 ok\r\n")

    def do_quit(self, verb, line):
        self.answer(verb, line, (b"221 2.0.0 bye\r\n", CLOSE))

    def text(self):
        """The end is CRLF.CRLF alone, or .CRLF at the very start."""
        if self.buf.startswith(b".\r\n"):
            end, skip = 0, 3
        else:
            at = self.buf.find(b"\r\n.\r\n", max(0, self.seen - 4))
            if at < 0:
                self.seen = len(self.buf)
                return False
            end, skip = at + 2, 3
        raw = bytes(self.buf[:end])
        del self.buf[:end + skip]
        self.mode = "command"
        if self.sink.check and (raw.count(b"\n") != raw.count(b"\r\n") or raw.count(b"\r") != raw.count(b"\r\n")
                                or b"\0" in raw):
            self.bad.append(raw[:200])
        if raw.startswith(b"."):
            raw = raw[1:]
        self.finish(raw.replace(b"\r\n.", b"\r\n"))
        return True

    def chunk(self):
        take = min(self.need, len(self.buf))
        self.chunks += self.buf[:take]
        del self.buf[:take]
        self.need -= take
        if self.need:
            return False
        self.mode = "command"
        if not self.recipients:
            self.answer("BDAT", self.line, b"554 5.5.1 no valid recipients\r\n")
        elif self.last:
            raw = bytes(self.chunks)
            if raw.count(b"\n") != raw.count(b"\r\n") or raw.count(b"\r") != raw.count(b"\r\n") or b"\0" in raw:
                self.bad.append(raw[:200])
            self.finish(raw)
        else:
            self.answer("BDAT", self.line, b"250 2.0.0 more\r\n")
        return True

    def finish(self, data):
        def then():
            self.sink.keep(Message(self, data))
            self.handed += 1
        self.pending = data
        self.answer(".", b".", b"250 2.0.0 kept\r\n", then)
        self.reset()

    def answer(self, verb, line, good, then=None, wanted="2"):
        hook = self.sink.on.get(verb)
        steps = hook(self, line) if hook else None
        if steps is None:
            steps = good
        if not isinstance(steps, tuple):
            steps = (steps,)
        # what is kept is kept before the reply leaves: who reads the 250 may look at once
        first = next((s for s in steps if isinstance(s, bytes)), b"")
        if then and first[:1].decode() == wanted:
            then()
        self.run(list(steps))

    def run(self, steps):
        self.busy = False
        while steps:
            step = steps.pop(0)
            if isinstance(step, bytes):
                self.transport.write(step)
            elif step == CLOSE:
                self.transport.close()
                self.mode = "lost"
            elif step == RESET:
                sock = self.transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.transport.abort()
                self.mode = "lost"
            elif step == HANG:
                self.busy = True
                self.hung = True
                return
            else:
                self.busy = True
                self.sink.loop.call_later(step, self.resume, steps)
                return

    def resume(self, steps):
        if self.mode != "lost":
            self.run(steps)
            self.work()


class Sink:
    """Listens from construction to close(). keep_data=False keeps sizes and digests alone."""
    session = Session
    context = None   # an SSLContext: TLS from the first byte (lib/tlssink.py)

    def __init__(self, host="127.0.0.1", port=0, extensions=EXTENSIONS, keep_data=True, check=True):
        self.extensions = list(extensions)
        self.on = {}
        self.messages = []
        self.sessions = []
        self.open = 0
        self.peak = 0
        self.keep_data = keep_data
        self.check = check
        self.changed = threading.Condition()
        self.host = host
        self.loop = asyncio.new_event_loop()
        sock = self.sock = self.listen(host, port)
        self.port = 0 if isinstance(sock.getsockname(), str) else sock.getsockname()[1]
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(sock, ready), daemon=True)
        self.thread.start()
        ready.wait(10)

    def listen(self, host, port):
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(1024)
        return sock

    def _run(self, sock, ready):
        asyncio.set_event_loop(self.loop)

        async def start():
            make = self.loop.create_unix_server if sock.family == socket.AF_UNIX else self.loop.create_server
            self.server = await make(lambda: self.session(self), sock=sock, backlog=1024, ssl=self.context)
            ready.set()
        self.loop.run_until_complete(start())
        self.loop.run_forever()
        self.server.close()
        for s in self.sessions:
            s.transport.abort()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def keep(self, message):
        if not self.keep_data:
            message.digest = hashlib.sha256(message.data).hexdigest()
            message.data = message.data[:message.data.find(b"\r\n\r\n") + 4]
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def wait(self, n, seconds=30.0):
        """Waits for n messages at least; returns them."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.messages) >= n, seconds):
                raise AssertionError("sink: %d of %d messages within %g seconds" % (len(self.messages), n, seconds))
            return list(self.messages)

    def clear(self):
        with self.changed:
            self.messages.clear()

    @property
    def bad(self):
        """Bytes that must never travel: bare CR, bare LF, NUL."""
        return [b for s in self.sessions for b in s.bad]

    @property
    def route(self):
        """For the control file `routes`: relay:port."""
        return ("[%s]:%d" if ":" in self.host else "%s:%d") % (self.host, self.port)

    def close(self):
        if self.loop.is_running():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


def main():
    """By hand: python3 -m lib.sink [-p PORT]: prints a line of JSON for each message."""
    ap = argparse.ArgumentParser()
    ap.add_argument("-p", "--port", type=int, default=0)
    ap.add_argument("-a", "--address", default="127.0.0.1")
    args = ap.parse_args()
    with Sink(args.address, args.port) as s:
        print("listening on %s port %d" % (args.address, s.port), flush=True)
        done = 0
        while True:
            s.wait(done + 1, 1e9)
            m = s.messages[done]
            done += 1
            json.dump({"sender": m.sender, "recipients": m.recipients, "size": m.size,
                       "data": m.data.decode("utf-8", "replace")}, sys.stdout)
            print(flush=True)


if __name__ == "__main__":
    main()
