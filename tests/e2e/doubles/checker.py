"""A checker that knows relay-smtpd: attributes on the descriptor $RELAYAUTHFD, SCRAM-SHA-256 as a dialogue on
descriptor 3. $USERS has a user a line: NAME PASSWORD [relay=0] [from=SENDER ...] [exit=N] [sleep=SECONDS]
[say=RAW], a space in the password written as _. What was asked goes to the file $ASKED. $CANARY: the exit code
without a question."""
import base64
import hashlib
import hmac
import os
import struct
import sys
import time

mechanism = os.environ.get("RELAYAUTHMECH", "-")


def note(data):
    with open(os.environ["ASKED"], "a") as f:
        f.write("%s %s\n" % (mechanism, data.hex()))


def answer(*words):
    os.write(int(os.environ["RELAYAUTHFD"]), b"".join(w + b"\0" for w in words))


def users():
    known = {}
    with open(os.environ["USERS"], "rb") as f:
        for line in f:
            words = line.split()
            known[words[0]] = (words[1].replace(b"_", b" "), words[2:])
    return known


def accept(user, words):
    """The user is right; what else there is to say. Returns the exit code."""
    said = [b"user=" + user]
    for w in words:
        key, _, value = w.partition(b"=")
        if key == b"exit":
            return int(value)
        if key == b"sleep":
            time.sleep(float(value))
        elif key == b"say":
            os.write(int(os.environ["RELAYAUTHFD"]), value)
        else:
            said.append(w)
    answer(*said)
    return 0


def read_all():
    data = b""
    while True:
        piece = os.read(3, 4096)
        if not piece:
            return data
        data += piece


def message():
    head = b""
    while len(head) < 4:
        piece = os.read(3, 4 - len(head))
        if not piece:
            sys.exit(1)
        head += piece
    left, data = struct.unpack(">I", head)[0], b""
    while len(data) < left:
        data += os.read(3, left - len(data))
    note(data)
    return data.decode()


def say(text):
    os.write(3, struct.pack(">I", len(text)) + text.encode())


def mac(key, text, how="sha256"):
    return hmac.new(key, text, how).digest()


def scram():
    first = message()
    gs2, bare = first[:first.index(",", 2) + 1], first[first.index(",", 2) + 1:]
    given = dict(w.split("=", 1) for w in bare.split(","))
    user = given["n"].replace("=2C", ",").replace("=3D", "=").encode()
    password, words = users().get(user, (b"", []))
    salt = hashlib.sha256(user).digest()[:16]
    second = "r=%s3rfcNHYJY1ZVvWVs7j,s=%s,i=4096" % (given["r"], base64.b64encode(salt).decode())
    say(second)
    last = message()
    bare_last, _, proof = last.rpartition(",p=")
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, 4096)
    key = mac(salted, b"Client Key")
    text = ",".join((bare, second, bare_last)).encode()
    wanted = bytes(a ^ b for a, b in zip(key, mac(hashlib.sha256(key).digest(), text)))
    acting = gs2[2:-1]
    right = hmac.compare_digest(wanted, base64.b64decode(proof)) and acting in ("", "a=" + user.decode())
    if not password or not right:
        say("e=invalid-proof")
        return 1
    say("v=" + base64.b64encode(mac(mac(salted, b"Server Key"), text)).decode())
    return accept(user, words)


def main():
    if mechanism == "-":
        note(read_all())
        more = [b"mechanisms=SCRAM-SHA-256 EXTERNAL NEWER"]
        if "SILENT" not in os.environ:
            answer(*more)
        return int(os.environ.get("CANARY", "2"))
    if mechanism == "SCRAM-SHA-256":
        return scram()
    data = read_all()
    note(data)
    user, secret, more = data.split(b"\0")[:3]
    if user not in users():
        return 1
    password, words = users()[user]
    if mechanism == "CRAM-MD5":
        password = hmac.new(password, more, hashlib.md5).hexdigest().encode()
    if mechanism == "EXTERNAL":
        password = b""
    return accept(user, words) if hmac.compare_digest(password, secret) else 1


if len(sys.argv) < 2:
    sys.exit(2)
code = main()
if code:
    sys.exit(code)
os.execvp(sys.argv[1], sys.argv[1:])
