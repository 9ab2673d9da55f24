"""An HTTPS server that says what it is told to.

    with Https(certificate_folder) as s:
        s.answer = page("version: STSv1\\n...")   # or b"any bytes", a tuple of bytes, seconds and HANG, or a function
"""
import os
import socket
import ssl
import threading
import time

from .sink import HANG


def page(text, status="200 OK", kind="text/plain", head=(), length=True):
    body = text if isinstance(text, bytes) else text.encode()
    lines = ["HTTP/1.1 " + status, "Connection: close", *head]
    if kind:
        lines.append("Content-Type: " + kind)
    if length:
        lines.append("Content-Length: %d" % len(body))
    return "\r\n".join(lines + ["", ""]).encode() + body


class Https:
    """`asked`: of each request the name in the handshake (SNI) and the lines of its head. `shake`: whether there is a
    handshake at all."""

    def __init__(self, folder, host="127.0.0.1", port=0):
        self.answer = b""
        self.asked, self.failures, self.shake = [], [], True
        self.ended = threading.Event()
        self.use(folder)
        self.sock = socket.create_server((host, port), backlog=20)
        self.port = self.sock.getsockname()[1]
        self.where = "%s:%d" % (host, self.port)
        threading.Thread(target=self.run, daemon=True).start()

    def use(self, folder):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))

        def note(sock, name, context):
            sock.wanted = name
        c.sni_callback = note
        self.context = c

    def run(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, raw):
        with raw:
            raw.settimeout(20)
            if not self.shake:
                self.ended.wait(20)
                return
            try:
                with self.context.wrap_socket(raw, server_side=True) as c:
                    self.talk(c)
            except (OSError, ValueError) as e:
                self.failures.append(str(e))

    def talk(self, c):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = c.recv(4096)
            if not piece:
                return
            head += piece
        self.asked.append((c.wanted, head.decode().split("\r\n")[:-2]))
        answer = self.answer(head) if callable(self.answer) else self.answer
        for step in answer if isinstance(answer, tuple) else (answer,):
            if step == HANG:
                self.ended.wait(20)
            elif isinstance(step, (int, float)):
                time.sleep(step)
            else:
                c.sendall(step)

    def close(self):
        self.ended.set()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


def policy(mode="enforce", *mx, age=86400):
    return "\r\n".join(["version: STSv1", "mode: " + mode, *["mx: " + m for m in mx], "max_age: %d" % age, ""])
