"""A DNS server that says what it is told to, over UDP and TCP, and lies when told to.

    with Dns({"example.com": {"MX": [(10, "mx.example.com")]}, "mx.example.com": {"A": ["192.0.2.1"]}}) as d:
        env["DNSCACHEIP"] = d.where

A name's record types: A, AAAA, MX, CNAME, TXT. Instead of a dictionary a name, and instead of a list a type, may have
a word: "servfail", "refused", "drop", "garbage", "wrong-id"; and a name a tuple
(count, bytes) that is the answer section.
`tcp` is a set of names that UDP truncates. Names that aren't there don't exist.
"""
import socket
import struct
import threading

TYPES = {"A": 1, "CNAME": 5, "MX": 15, "TXT": 16, "AAAA": 28}


def pack_name(name):
    if isinstance(name, bytes):
        return name
    return b"".join(bytes([len(l)]) + l.encode("latin-1") for l in name.split(".") if l) + b"\0"


def rdata(kind, value):
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "MX":
        return struct.pack(">H", value[0]) + pack_name(value[1])
    if kind == "CNAME":
        return pack_name(value)
    return bytes([len(value)]) + value.encode()


def record(owner, kind, value):
    data = rdata(kind, value)
    return pack_name(owner) + struct.pack(">HHIH", TYPES[kind], 1, 300, len(data)) + data


class Dns:
    def __init__(self, names, tcp=(), host="127.0.0.1"):
        self.names = {k.lower(): v for k, v in names.items()}
        self.tcp = {n.lower() for n in tcp}
        self.asked = []        # (name, type, "udp" or "tcp")
        self.host = host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.stream = socket.socket(family, socket.SOCK_STREAM)
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.stream.bind((host, 0))
        self.stream.listen(20)
        self.port = self.stream.getsockname()[1]
        self.packets = socket.socket(family, socket.SOCK_DGRAM)
        self.packets.bind((host, self.port))
        self.where = ("[%s]:%d" if ":" in host else "%s:%d") % (host, self.port)
        for target in (self._udp, self._tcp):
            threading.Thread(target=target, daemon=True).start()

    def _udp(self):
        while True:
            try:
                query, who = self.packets.recvfrom(4096)
                if not query:
                    return
                answer = self.answer(query, "udp")
                if answer:
                    self.packets.sendto(answer, who)
            except OSError:
                return

    def _tcp(self):
        while True:
            try:
                c, _ = self.stream.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _serve(self, c):
        with c:
            c.settimeout(10)
            try:
                while True:
                    head = c.recv(2, socket.MSG_WAITALL)
                    if len(head) < 2:
                        return
                    query = c.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL)
                    answer = self.answer(query, "tcp")
                    if not answer:
                        return
                    c.sendall(struct.pack(">H", len(answer)) + answer)
            except OSError:
                return

    def answer(self, query, how):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        question = query[12:at + 5]
        kind = struct.unpack(">H", query[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        word = {v: k for k, v in TYPES.items()}.get(kind, str(kind))
        self.asked.append((name, word, how))

        def head(flags, answers):
            return query[:2] + struct.pack(">HHHHH", 0x8180 | flags, 1, answers, 0, 0) + question
        has = self.names.get(name)
        if isinstance(has, dict) and isinstance(has.get(word), (str, bytes)) and word != "CNAME":
            has = has[word]
        if has is None:
            return head(3, 0)
        if has == "servfail":
            return head(2, 0)
        if has == "refused":
            return head(5, 0)
        if has == "drop":
            return None
        if has == "garbage":
            return b"\xff" * 40
        if has == "wrong-id":
            return bytes([query[0] ^ 255]) + head(0, 0)[1:] + record(name, "A", "192.0.2.99")
        if isinstance(has, tuple):
            return head(0, has[0]) + has[1]
        if how == "udp" and name in self.tcp:
            return head(0x200, 0)
        out, owner = [], name
        while isinstance(has, dict) and "CNAME" in has and word != "CNAME":
            out.append(record(owner, "CNAME", has["CNAME"]))
            owner = has["CNAME"].lower()
            has = self.names.get(owner)
            if len(out) > 30:
                break
        if not isinstance(has, dict):
            return head(3, len(out)) + b"".join(out)
        out += [record(owner, word, v) for v in has.get(word, [])]
        body = head(0, len(out)) + b"".join(out)
        if how == "udp" and len(body) > 512:
            return head(0x200, 0)
        return body

    def close(self):
        try:
            self.stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.stream.close()
        try:
            self.packets.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.packets.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()
