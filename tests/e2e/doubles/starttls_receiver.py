"""A receiver that speaks UCSPI-TLS and very little else, a line at a time:

    STARTTLS y | STARTTLS Y   220, then as the convention says; after Y the variables are kept
    VARS                      the variables, one a line, then `.`
    ENV                       the environment's SSL variables, likewise
    PID                       our process id
    ECHO N                    reads N bytes and sends them back as they come
    TAKE N                    reads N bytes, says their SHA-256
    GIVE N                    sends N bytes, 0 to 250 over and over
    HALF                      shuts our sending side, then reads to the end and puts the number of bytes into the file
                              $HALF_FILE
    MARK                      makes that file
    SLEEP S                   does nothing for that time
    DECLINE                   closes SSLCTLFD
    QUIT
"""
import os
import sys
import time


class Receiver:
    def __init__(self):
        self.reading, self.writing = 0, 1
        self.buf = b""
        self.vars = []
        self.fds = [int(os.environ[n]) for n in ("SSLCTLFD", "SSLREADFD", "SSLWRITEFD") if n in os.environ]

    def fill(self):
        piece = os.read(self.reading, 65536)
        if not piece:
            sys.exit(0)
        self.buf += piece

    def line(self):
        while b"\n" not in self.buf:
            self.fill()
        line, self.buf = self.buf.split(b"\n", 1)
        return line.strip().decode("latin-1")

    def say(self, data):
        data = data if isinstance(data, bytes) else (data + "\n").encode()
        while data:
            data = data[os.write(self.writing, data):]

    def pieces(self, n):
        while n:
            if not self.buf:
                self.fill()
            piece, self.buf = self.buf[:n], self.buf[n:]
            n -= len(piece)
            yield piece

    def starttls(self, byte):
        control, reading, writing = self.fds
        self.say("220 go")
        self.buf = b""
        try:
            os.write(control, byte.encode())
            answer = b""
            while byte == "Y" and not answer.endswith(b"\0\0"):
                piece = os.read(control, 4096)
                if not piece:
                    sys.exit(7)
                answer += piece
        except OSError:
            sys.exit(8)
        self.vars = [v.decode() for v in answer.split(b"\0") if v]
        os.close(control)
        self.reading, self.writing = reading, writing

    def list(self, words):
        self.say("".join(w + "\n" for w in sorted(words)) + ".")

    def half(self):
        import socket
        socket.socket(fileno=os.dup(self.writing)).shutdown(socket.SHUT_WR)
        n = len(self.buf)
        while True:
            piece = os.read(self.reading, 65536)
            if not piece:
                break
            n += len(piece)
        with open(os.environ["HALF_FILE"] + ".new", "w") as f:
            f.write(str(n))
        os.rename(os.environ["HALF_FILE"] + ".new", os.environ["HALF_FILE"])
        sys.exit(0)

    def command(self, line):
        word, _, arg = line.partition(" ")
        if word == "STARTTLS":
            self.starttls(arg)
        elif word == "VARS":
            self.list(self.vars)
        elif word == "ENV":
            self.list("%s=%s" % kv for kv in os.environ.items() if kv[0].startswith("SSL"))
        elif word == "PID":
            self.say(str(os.getpid()))
        elif word == "ECHO":
            for piece in self.pieces(int(arg)):
                self.say(piece)
        elif word == "TAKE":
            import hashlib   # here, since it takes long to load
            digest = hashlib.sha256()
            for piece in self.pieces(int(arg)):
                digest.update(piece)
            self.say(digest.hexdigest())
        elif word == "GIVE":
            pattern, n = bytes(range(251)) * 261, int(arg)
            while n:
                self.say(pattern[:n])
                n -= min(n, len(pattern))
        elif word == "HALF":
            self.half()
        elif word == "MARK":
            open(os.environ["HALF_FILE"], "w").close()
            self.say("marked")
        elif word == "SLEEP":
            time.sleep(float(arg))
        elif word == "DECLINE":
            os.close(self.fds[0])
            self.say("declined")
        elif word == "QUIT":
            self.say("221 bye")
            sys.exit(0)
        else:
            self.say("500 what")


receiver = Receiver()
receiver.say("220 hello" + (" STARTTLS" if len(receiver.fds) == 3 else ""))
while True:
    receiver.command(receiver.line())
