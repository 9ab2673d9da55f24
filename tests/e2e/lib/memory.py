"""What a process has in its memory."""
import os
import re

from .tls import openssl

# Words of OpenSSL's own, in its tables of errors, sources and parameters, linked statically or not. No program that
# has nothing of it has one of these.
OPENSSL = {w: w.encode() for w in ("digital envelope routines", "SSL_CTX_", "crypto/evp/", "OPENSSL_init")}


def regions(pid, modes="r"):
    """The bytes of each mapping whose mode begins so (`rw`: what the process can write to)."""
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            span, mode = line.split()[:2]
            if not mode.startswith(modes) or "[v" in line:
                continue
            begin, end = (int(x, 16) for x in span.split("-"))
            mem.seek(begin)
            try:
                yield mem.read(end - begin)
            except OSError:
                pass   # pages behind the end of a file


def found(pid, needles, modes="r"):
    """The names of those needles, {name: bytes}, that are anywhere in the memory of this process."""
    hits, read = set(), 0
    for data in regions(pid, modes):
        read += len(data)
        hits |= {name for name, needle in needles.items() if needle in data}
    assert read > 10000, "nothing was looked at"
    return hits


def key_needles(folder):
    """name -> bytes of the private key in key.pem: big end first (so in DER), little end first, PEM."""
    path = os.path.join(folder, "key.pem")
    with open(path, "rb") as f:
        lines = f.read().split(b"\n")
    text = openssl("pkey", "-in", path, "-noout", "-text").decode()
    out = {"pem": lines[2] if len(lines) > 4 else lines[1]}
    for name in ("priv", "privateExponent", "prime1", "prime2"):
        m = re.search(r"^%s:\n((?: +[0-9a-f:]+\n)+)" % name, text, re.M)
        if m:
            raw = bytes.fromhex(re.sub(r"[\s:]", "", m.group(1))).lstrip(b"\0")
            out[name + ", big end"] = raw[-24:]
            out[name + ", little end"] = raw[::-1][:24]
    assert len(out) in (3, 7), text
    return out
