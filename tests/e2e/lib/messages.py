"""Messages that break relays, and comparing what arrived with what was sent."""
import random

TRACE = (b"received:", b"return-path:", b"delivered-to:", b"x-original-to:")


def without_trace(data):
    """`data` (LF lines) without the trace fields that relays put on top of it."""
    while True:
        line = data.split(b"\n", 1)[0]
        if not line.lower().startswith(TRACE):
            return data
        data = data[len(line) + 1:]
        while data[:1] in (b" ", b"\t"):
            data = data.split(b"\n", 1)[1]


_alphabet = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
_letters = bytes(random.Random(1).choices(_alphabet, k=1 << 16))


def big(size, seed=1):
    """A message of about `size` bytes, numbered lines of 76 letters, different for each seed below 65000."""
    out = [b"Subject: big\n\n"]
    have = len(out[0])
    at = seed * 7919
    while have < size:
        at = (at + 7919) % (len(_letters) - 76)
        out.append(b"%09d %s\n" % (len(out), _letters[at:at + 66]))
        have += 77
    return b"".join(out)


#: name -> (message with LF lines, parameters for MAIL)
CASES = {
    "plain": (b"Subject: plain\n\nhello\n", ""),
    "8bit": (b"Subject: 8bit\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
             b"gr\xc3\xbc\xc3\x9fe \xe2\x82\xac \xff\xfe\x80 latin \xe4\xf6\xfc\n", " BODY=8BITMIME"),
    "dots": (b"Subject: dots\n\n.\n..\n...\n.a\n..a\na.\n.\n\n.\n", ""),
    "dot-first": (b".starts: with a dot\n\n.\n", ""),
    "empty-body": (b"Subject: empty body\n\n", ""),
    "no-body": (b"Subject: no body\n", ""),
    "no-header": (b"\nno header at all\n.\n", ""),
    "blank-lines": (b"Subject: blank\n\n\n\n\nx\n\n\n", ""),
    "trailing-space": (b"Subject: space \n\t folded\n\n a \n\t\n \n", ""),
    "controls": (b"Subject: controls\n\n" + bytes(c for c in range(1, 32) if c not in (10, 13)) + b"\x7f\n", ""),
    "from-line": (b"Subject: from\n\nFrom here\n>From there\nFrom \n", ""),
    "line-998": (b"Subject: long\n\n" + b"x" * 998 + b"\n." + b"y" * 997 + b"\n", ""),
    "folded": (b"Subject: a\n folded\n\tsubject\nX-Empty:\nX-Long: " + b"z" * 900 + b"\n\nbody\n", ""),
}
