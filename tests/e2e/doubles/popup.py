#!/usr/bin/python3
"""In qmail-popup's place: popup.py CHECKPASSWORD PROG... reads USER and PASS, gives them to CHECKPASSWORD on descriptor
3 as http://cr.yp.to/checkpwd/interface.html says, and waits. After a right password PROG speaks to the client."""
import os
import sys


def say(text):
    os.write(1, text.encode() + b"\r\n")


def hear():
    """A byte at a time: what comes behind the line is PROG's."""
    line = b""
    while not line.endswith(b"\n"):
        c = os.read(0, 1)
        if not c:
            sys.exit(1)
        line += c
    return line.strip().partition(b" ")[::2]


say("+OK <1.2@pop.example>")
user = None
while True:
    verb, word = hear()
    if verb.upper() == b"USER":
        user = word
        say("+OK")
    elif verb.upper() == b"PASS" and user is not None:
        break
    elif verb.upper() == b"QUIT":
        say("+OK")
        sys.exit(0)
    else:
        say("-ERR")
r, w = os.pipe()
os.write(w, user + b"\0" + word + b"\0<1.2@pop.example>\0")
os.close(w)
child = os.fork()
if not child:
    os.dup2(r, 3)
    os.set_inheritable(3, True)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(r)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
if code:
    say("-ERR authorization failed" if code == 1 else "-ERR aack, child %d" % code)
    sys.exit(1)
