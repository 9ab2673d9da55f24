"""Lines of `users` with cheap hashes, and a users.cdb of them."""
import os
import subprocess

from lib.procs import program


def line(name, password, *options):
    r = subprocess.run([program("relay-passwd"), "-k", "sha512", "-r", "1000", "-i", "4096", *options, name],
                       input=password.encode() + b"\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    return r.stdout.decode().rstrip("\n")


def compile_users(d, text):
    (d / "me").write_text("relay.example\n")
    (d / "domains").write_text("hosted.example\n")
    (d / "users").write_text(text)
    os.chmod(d / "users", 0o640)
    r = subprocess.run([program("relay-mkcdb"), str(d)], stderr=subprocess.PIPE)
    assert r.returncode == 0, r.stderr
    return str(d / "users.cdb")


def usual(d):
    """Users of all sorts."""
    return compile_users(d, "\n".join([
        line("joe", "secret", "-c"),
        line("ann", "other", "-c") + ",{EXTERNAL} norelay from ann@hosted.example @hosted.example",
        line("off", "secret", "-c") + " off", "cert -", line("weird@x.example", "p w=,\\\"%", "-c")]) + "\n")


def auth(cdb, *prog):
    return [program("relay-auth"), cdb, *(prog or ("true",))]
