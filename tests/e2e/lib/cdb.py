"""Constant databases in a few lines, to look into rules.cdb and to make tables that relay-mkcdb never would."""
import struct


def _hash(key):
    h = 5381
    for byte in key:
        h = (h << 5) + h & 0xffffffff ^ byte
    return h


def read(path):
    """All records in their order: [(key, data), ...]."""
    with open(path, "rb") as f:
        s = f.read()
    end, at, out = struct.unpack_from("<L", s)[0], 2048, []
    while at < end:
        k, d = struct.unpack_from("<LL", s, at)
        out.append((s[at + 8:at + 8 + k], s[at + 8 + k:at + 8 + k + d]))
        at += 8 + k + d
    return out


def write(path, records):
    tables, body, at = [[] for _ in range(256)], [], 2048
    for key, data in records:
        h = _hash(key)
        tables[h & 255].append((h, at))
        body.append(struct.pack("<LL", len(key), len(data)) + key + data)
        at += len(body[-1])
    header = []
    for table in tables:
        slots = 2 * len(table)
        header.append(struct.pack("<LL", at, slots))
        places = [(0, 0)] * slots
        for h, where in table:
            i = (h >> 8) % slots
            while places[i][1]:
                i = (i + 1) % slots
            places[i] = (h, where)
        body.append(b"".join(struct.pack("<LL", *p) for p in places))
        at += 8 * slots
    with open(path, "wb") as f:
        f.write(b"".join(header + body))
