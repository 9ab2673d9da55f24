#!/usr/bin/python3
"""A CVM module (http://untroubled.org/cvm/cvm2.html) that asks a checkpassword program, as mailfront's programs ask
one: $CHECKPASSWORD is its command line, to which a program is added that says who logged in. Nobody else has such a
module: cvm-checkpassword, which comes with cvm, goes the other way round, it is a checkpassword program that asks a
module. So pop3front-auth, which asks modules only, can't have relay-auth behind it by foreign programs alone; Dovecot
can (lib/dovecot.py). Passwords only: of a response of CRAM-MD5 mailfront 2.12 passes all digits on but the last. With
$CVM_SPLIT the answer names user and domain apart, as modules for virtual domains do."""
import os
import subprocess
import sys

ACCOUNT, DOMAIN, PASSWORD = 1, 2, 3
USERNAME, USERID, GROUPID, DIRECTORY, SHELL, DOMAINNAME = 1, 2, 3, 5, 6, 14
REJECTED, FAILED = 100, 4


def parts(data):
    at, found = 0, {}
    while data[at]:
        found[data[at]] = data[at + 2:at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


def fact(number, text):
    return bytes([number, len(text)]) + text


request = os.read(0, 4096)
context = request[1:2 + request[1]]
asked = parts(request[2 + request[1]:])
user = asked[ACCOUNT] + (b"@" + asked[DOMAIN] if asked.get(DOMAIN) else b"")
r, w = os.pipe()
os.write(w, b"".join(p + b"\0" for p in (user, asked[PASSWORD], b"0")))
os.close(w)
os.dup2(r, 3)
p = subprocess.run(os.environ["CHECKPASSWORD"].split() + ["sh", "-c", "printf %s \"$USER\""], pass_fds=[3],
                   stdout=subprocess.PIPE)
if p.returncode:
    os.write(1, bytes([REJECTED if p.returncode == 1 else FAILED]) + context + b"\0")
    sys.exit(REJECTED if p.returncode == 1 else FAILED)
name, domain = p.stdout, b""
if "CVM_SPLIT" in os.environ:
    name, _, at = p.stdout.partition(b"@")
    domain = fact(DOMAINNAME, at)
os.write(1, b"\0" + context + fact(USERNAME, name) + domain + fact(USERID, b"%d" % os.getuid()) +
         fact(GROUPID, b"%d" % os.getgid()) + fact(DIRECTORY, b"/") + fact(SHELL, b"/bin/false") + b"\0")
