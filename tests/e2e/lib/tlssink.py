"""A Sink with STARTTLS, or TLS from the first byte on, and certificates good and bad.

    with TlsSink(certificate_folder) as s: ...

`on["STARTTLS"]` may answer otherwise; with `session.upgrade = False` there is no handshake behind a 220.
"""
import datetime
import os
import ssl

from .sink import Session, Sink
from .tls import make_certificate, openssl


class TlsSession(Session):
    upgrade = True
    version = name = None   # of TLS, and what the client asked for (SNI)
    resumed = shaking = False

    def do_starttls(self, verb, line):
        if self.version or not self.sink.inner:
            self.answer(verb, line, b"503 5.5.1 not now\r\n")
            return
        self.answer(verb, line, b"220 2.0.0 go\r\n", self.start)

    def start(self):
        if self.upgrade:
            self.shaking = True
            self.transport.pause_reading()
            self.sink.loop.create_task(self.shake())

    async def shake(self):
        try:
            new = await self.sink.loop.start_tls(self.transport, self, self.sink.inner, server_side=True)
        except (OSError, ssl.SSLError) as e:
            self.sink.failures.append(str(e))
            return
        if new:   # none: the client has hung up
            self.transport = new
            self.under_tls()
            self.reset()
            self.helo = ""
            self.shaking = False
            self.work()

    def data_received(self, data):
        """What comes before start_tls has returned waits: it must not be answered in the clear."""
        if self.shaking:
            self.buf += data
        else:
            super().data_received(data)

    def under_tls(self):
        o = self.transport.get_extra_info("ssl_object")
        self.version, self.resumed = o.version(), o.session_reused
        self.name = self.sink.asked.get(id(o))

    def connection_made(self, transport):
        if transport.get_extra_info("ssl_object"):
            self.transport = transport
            self.under_tls()
        super().connection_made(transport)


class TlsSink(Sink):
    """now: TLS from the first byte on. `failures`: why handshakes came to nothing."""
    session = TlsSession

    def __init__(self, folder, now=False, version=None, **more):
        self.failures, self.asked = [], {}
        self.inner = self.server_context(folder, version)
        if now:
            self.context, self.inner = self.inner, None
        super().__init__(**more)
        if not now:
            self.extensions.append("STARTTLS")

    def server_context(self, folder, version):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if version in ("TLSv1", "TLSv1_1"):
            c.set_ciphers("ALL:@SECLEVEL=0")
        if version:
            c.minimum_version = c.maximum_version = getattr(ssl.TLSVersion, version)
        c.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))

        def note(sock, name, context):
            self.asked[id(sock)] = name
        c.sni_callback = note
        return c


def make_expired(folder, host, ca):
    """A certificate of `ca` that was good until a day ago."""
    os.makedirs(folder, exist_ok=True)
    request, extra, key, cert = (os.path.join(folder, n) for n in ("request", "extra", "key.pem", "cert.pem"))
    with open(extra, "w") as f:
        f.write("subjectAltName=DNS:%s\n" % host)
    base = os.path.join(folder, "ca")
    os.makedirs(base, exist_ok=True)
    with open(os.path.join(base, "conf"), "w") as f:
        f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index\nserial=%s/serial\nnew_certs_dir=%s\ndefault_md=sha256\n"
                "policy=p\n[p]\ncommonName=supplied\n" % (base, base, base))
    open(os.path.join(base, "index"), "w").close()
    with open(os.path.join(base, "serial"), "w") as f:
        f.write("01\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
            request, "-subj", "/CN=" + host)
    now = datetime.datetime.now(datetime.timezone.utc)
    when = [(now - datetime.timedelta(days=d)).strftime("%Y%m%d%H%M%SZ") for d in (10, 1)]
    openssl("ca", "-batch", "-config", os.path.join(base, "conf"), "-cert", os.path.join(ca, "cert.pem"), "-keyfile",
            os.path.join(ca, "key.pem"), "-in", request, "-out", cert, "-startdate", when[0], "-enddate", when[1],
            "-extfile", extra, "-notext")
    return folder


def make_all(base, host):
    """ca, good (host, of ca), wrong (another name), expired, self (signed by itself), address (127.0.0.1)."""
    def at(name):
        return os.path.join(base, name)
    ca = make_certificate(at("ca"), subject="/CN=Test CA")
    return {
        "ca": ca, "good": make_certificate(at("good"), host, ca=ca),
        "wrong": make_certificate(at("wrong"), "wrong.example", ca=ca),
        "expired": make_expired(at("expired"), host, ca), "self": make_certificate(at("self"), host),
        "address": make_certificate(at("address"), "IP:127.0.0.1", subject="/CN=x", ca=ca),
    }
