"""A provider of UCSPI-TLS on Python's ssl: tls_provider.py CERTIFICATES MODE PROG..., CERTIFICATES being a folder with
cert.pem and key.pem. PROG gets SSLCTLFD, SSLREADFD and SSLWRITEFD; TLS starts when it writes y or Y. MODE:

    -        as it should be
    verify   asks for the client's certificate; the folder's ca.pem must have signed it
    VAR=X    as it should be, and this variable more
    mute     never says a variable
    babble   says variables without an end
    gone     closes the control descriptor instead of a handshake
"""
import os
import select
import socket
import ssl
import sys

folder, mode, argv = sys.argv[1], sys.argv[2], sys.argv[3:]
control, theirs = socket.socketpair()
# two pipes: relay-smtpd must take what is no socket as well
from_client, to_client = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    for fd in (theirs.fileno(), from_client[0], to_client[1]):
        os.set_inheritable(fd, True)
    os.environ.update(SSLCTLFD=str(theirs.fileno()), SSLREADFD=str(from_client[0]), SSLWRITEFD=str(to_client[1]),
                      SSL_PROTOCOL="stale")
    os.execvp(argv[0], argv)
theirs.close()
os.close(from_client[0])
os.close(to_client[1])


def variables(s):
    out = {"SSL_PROTOCOL": s.version(), "SSL_CIPHER": s.cipher()[0], "SSL_TLS_SNI": "relay.example", "PATH": "/evil"}
    subject = dict(x[0] for x in (s.getpeercert() or {}).get("subject", ()))
    out["SSL_CLIENT_VERIFY"] = "SUCCESS" if subject else "NONE"
    if "commonName" in subject:
        out["SSL_CLIENT_S_DN_CN"] = subject["commonName"]
    if "=" in mode:
        out.update([mode.split("=", 1)])
    return b"".join(b"%s=%s\0" % (k.encode(), v.encode()) for k, v in out.items()) + b"\0"


def shuffle(s):
    """Copies both ways until one side ends."""
    while True:
        ready, _, _ = select.select([s, to_client[0]] if not s.pending() else [], [], []) if not s.pending() else (
            [s], [], [])
        if s in ready:
            data = s.recv(65536)
            if not data:
                return
            os.write(from_client[1], data)
        if to_client[0] in ready:
            data = os.read(to_client[0], 65536)
            if not data:
                s.unwrap()
                return
            s.sendall(data)


def serve():
    word = control.recv(1)
    if word not in (b"y", b"Y") or mode == "gone":
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
    if mode == "verify":
        context.load_verify_locations(os.path.join(folder, "ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
    with context.wrap_socket(socket.socket(fileno=os.dup(0)), server_side=True) as s:
        while mode == "babble":
            control.sendall(b"SSL_X=%s\0" % (1000 * b"x"))
        if word == b"Y" and mode != "mute":
            control.sendall(variables(s))
        try:
            shuffle(s)
        except BrokenPipeError:
            pass


try:
    serve()
except (OSError, ssl.SSLError):
    pass
for fd in (from_client[1], to_client[0]):
    os.close(fd)
control.close()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
