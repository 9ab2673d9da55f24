"""A checkpassword program as the interface has it (cr.yp.to/checkpwd/interface.html), and no word more: reads
descriptor 3 up to its end, at most 512 bytes, `user NUL password NUL more NUL`; exit 1 for a wrong password, 2 when
it is misused, 111 for trouble; else becomes the rest of its words. $USERS has a user a line, `NAME PASSWORD`, a
space in the password written as _. With `more` it checks CRAM-MD5: password is then the response and more the
challenge; as sagredo's and s/qmail's have it, or with $SWAPPED the other way round, as indimail's."""
import hashlib
import hmac
import os
import sys


def main():
    if len(sys.argv) < 2:
        return 2
    data = b""
    while len(data) < 513:
        piece = os.read(3, 513 - len(data))
        if not piece:
            break
        data += piece
    os.close(3)
    words = data.split(b"\0")
    if len(data) > 512 or len(words) < 4 or words[3:] != [b""]:
        return 1 if data else 2
    user, password, more = words[:3]
    try:
        with open(os.environ["USERS"], "rb") as f:
            known = dict(l.split()[:2] for l in f if l.strip())
    except OSError:
        return 111
    right = known.get(user, b"").replace(b"_", b" ")
    if more and os.environ.get("SWAPPED"):
        password, more = more, password
    if more:
        right = hmac.new(right, more, hashlib.md5).hexdigest().encode() if right else b""
    if not right or not hmac.compare_digest(right, password):
        return 1
    os.environ["USER"] = os.fsdecode(user)
    os.execvp(sys.argv[1], sys.argv[1:])


sys.exit(main())
