#!/usr/bin/python3
"""What POP-before-SMTP costs, side by side with the same without it, rounds interleaved: logins by relay-pop-stamp
alone and behind mailfront and Dovecot; connections through relay-pop-check, with few stamps and with very many; a sweep
over those, with its memory. Prints medians, least and most, and the ratio to each group's first line."""
import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from bench import build, file_system, linkage, number                        # noqa: E402
from lib.dovecot import Dovecot                                              # noqa: E402
from lib.pop import JOE, Mailfront, program_or_none, stamps_folder           # noqa: E402
from lib.popchain import Relay                                               # noqa: E402
from lib.procs import for_everybody, program                                 # noqa: E402

BODY = b"USER=%s\0BOOTTIME=1\0" % JOE.encode()
FORM = "%-58s %8s %17s %7s"


class Unstamped(Dovecot):
    """Without a program behind the login."""

    def __init__(self):
        super().__init__(())

    def serve(self, conf, service="", **values):
        super().serve(conf, "", **values)


def compare(title, rounds, ways):
    """Runs each way in each round, every second time from the last to the first, and prints what it returns: so many a
    second."""
    got = {name: [] for name, _ in ways}
    for n in range(rounds):
        for name, way in ways if n % 2 == 0 else ways[::-1]:
            got[name].append(way())
    print(FORM % (title, "median", "least-most", "ratio"))
    first = statistics.median(got[ways[0][0]])
    for name, _ in ways:
        middle = statistics.median(got[name])
        print(FORM % ("  " + name, number(middle), "%s-%s" % (number(min(got[name])), number(max(got[name]))),
                      "%.2f" % (middle / first)), flush=True)


def by_many(one, count, at_once):
    """Does one(i), which returns whether that was right, so often, from several threads at once; a second."""
    wrong, each = [], count // at_once

    def client(n):
        try:
            wrong.extend(i for i in range(n * each, (n + 1) * each) if not one(i))
        except Exception as e:   # whatever it is, the figure would be none
            wrong.append(repr(e))
    clients = [threading.Thread(target=client, args=(n,)) for n in range(at_once)]
    start = time.monotonic()
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    took = time.monotonic() - start
    if wrong:
        raise SystemExit("%d went wrong: %s" % (len(wrong), wrong[0]))
    return each * at_once / took


def spawned(argv, count, at_once):
    """What comes behind a login, each of another address."""
    def one(i):
        env = {"PATH": "/usr/bin:/bin", "TCPREMOTEIP": "198.18.%d.%d" % (i // 250 % 250, i % 250), "USER": JOE}
        return not os.waitpid(os.posix_spawn(argv[0], argv, env), 0)[1]
    return by_many(one, count, at_once)


def logged_in(server, count, at_once):
    """Logins by POP3, each a connection."""
    return by_many(lambda i: server.login(), count, at_once)


def connected(exe, port, count, sessions):
    """Connections by SMTP: greeting, QUIT, the end; a second."""
    r = subprocess.run([exe, str(port), str(count), str(sessions)], stdout=subprocess.PIPE, text=True, check=True)
    took, bad = map(int, r.stdout.split())
    if bad:
        raise SystemExit("%d of %d connections went wrong" % (bad, count))
    return count / (took / 1e9)


def fill(folder, count, age):
    """So many stamps, each of an address of its own."""
    at = (time.time() - age,) * 2
    dir = os.open(folder, os.O_RDONLY)
    for i in range(count):
        name = "10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255)
        fd = os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=dir)
        os.write(fd, BODY)
        os.utime(fd, at)
        os.close(fd)
    os.close(dir)


def high_water(pid, last):
    """KiB of memory that the process has had at most, by its own account."""
    try:
        with open("/proc/%d/status" % pid) as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return last


def sweep(folder, seconds):
    """Seconds it takes, KiB."""
    start, kib = time.monotonic(), 0
    p = subprocess.Popen([program("relay-pop-sweep"), "-s", str(seconds), folder], stderr=subprocess.DEVNULL)
    while p.poll() is None:
        kib = high_water(p.pid, kib)
        time.sleep(0.0005)
    if p.returncode:
        raise SystemExit("relay-pop-sweep: exit %d" % p.returncode)
    return time.monotonic() - start, kib


def swept(folder, few_folder, args):
    """What is there stays, then all of it goes; the memory beside that for few."""
    for words, seconds in (("all are fresh", 3600), ("all go", 60)):
        took, kib = sweep(folder, seconds)
        few_kib = sweep(few_folder, seconds)[1]
        print("a sweep over %d stamps, %s: %s s, %s us each; %d KiB at most (over %d stamps %d KiB)" % (
            args.stamps, words, number(took), number(1e6 * took / args.stamps), kib, args.few, few_kib), flush=True)
    left = len(os.listdir(folder))
    assert left == 0, "%d are left" % left


def bench_chain(args, folder):
    stamps = stamps_folder(os.path.join(folder, "logins"))
    true, env = program("true"), program("env")
    ways = (("true", [true]), ("env true", [env, true]),
            ("relay-pop-stamp DIR true", [program("relay-pop-stamp"), stamps, true]))
    compare("logins/s by a chain", args.rounds, [
        (words, lambda argv=argv: spawned(argv, args.spawns, args.sessions)) for words, argv in ways])
    made = len(os.listdir(stamps))
    assert made == args.spawns // args.sessions * args.sessions, "%d stamps" % made


def bench_servers(args, folder):
    stamper = [for_everybody(program("relay-pop-stamp")), stamps_folder(os.path.join(folder, "served"))]
    env = [program("env")]
    for name, words, ways in (("Dovecot", "dovecot", (("no program behind the login", Unstamped),
                                                      ("script-login env", lambda: Dovecot(env)),
                                                      ("script-login relay-pop-stamp DIR", lambda: Dovecot(stamper)))),
                              ("mailfront", "pop3front-auth", (("no program behind the login", lambda: Mailfront([])),
                                                               ("env", lambda: Mailfront(env)),
                                                               ("relay-pop-stamp DIR", lambda: Mailfront(stamper))))):
        if not program_or_none(words):
            print("no %s here" % name)
            continue
        with contextlib.ExitStack() as stack:
            servers = [(way, stack.enter_context(make())) for way, make in ways]
            for _, s in servers:
                logged_in(s, 20, args.sessions)   # warm
            compare("POP3 logins/s, %s" % name, args.rounds, [
                (way, lambda s=s: logged_in(s, args.logins, args.sessions)) for way, s in servers])


def bench_check(args, folder, many):
    """The client has a stamp that is fresh, since that costs most."""
    few = stamps_folder(os.path.join(folder, "few"))
    fill(few, args.few, 400)
    exe = build("connect", folder)
    with contextlib.ExitStack() as stack:
        ways = []
        for words, stamps in (("without relay-pop-check", None), ("relay-pop-check, %d stamps" % args.few, few),
                              ("relay-pop-check, %d stamps" % args.stamps, many)):
            r = stack.enter_context(Relay("grant pop 3600", receive=stamps is not None, stamps=stamps))
            if not stamps:
                r.instance.receive()
            ways.append((words, lambda r=r: connected(exe, r.instance.port, args.connections, args.sessions)))
        for stamps in (few, many):
            env = {"PATH": "/usr/bin:/bin", "TCPREMOTEIP": "127.0.0.1", "USER": JOE}
            subprocess.run([program("relay-pop-stamp"), stamps, "true"], env=env, check=True)
            with open(os.path.join(stamps, "127.0.0.1"), "rb") as f:
                assert JOE.encode() in f.read()
        r = stack.enter_context(Relay("grant pop 3600", stamps=many))
        assert r.opened("127.0.0.1"), "the stamp does not count"
        for _, way in ways:
            way()   # warm
        compare("SMTP connections/s", args.rounds, ways)
    for stamps in (few, many):
        os.unlink(os.path.join(stamps, "127.0.0.1"))
    swept(many, few, args)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    ap.add_argument("-r", "--rounds", type=int, default=5)
    ap.add_argument("-p", "--spawns", type=int, default=2000, help="logins by a chain, a round")
    ap.add_argument("-l", "--logins", type=int, default=400, help="by POP3, a round")
    ap.add_argument("-c", "--connections", type=int, default=2000, help="by SMTP, a round")
    ap.add_argument("-s", "--sessions", type=int, default=4, help="clients at once")
    ap.add_argument("-n", "--stamps", type=int, default=1000000)
    ap.add_argument("-f", "--few", type=int, default=10000, help="the stamps of a small directory")
    ap.add_argument("-d", "--dir", help="where the stamps are made (a disk, no tmpfs)")
    ap.add_argument("--only", default="chain,servers,check", help="which figures")
    args = ap.parse_args()
    folder = tempfile.mkdtemp(prefix="bench-", dir=args.dir)
    os.chmod(folder, 0o755)
    print("posthouse (%s), %d CPUs, %s; %d rounds, interleaved" % (linkage(), os.cpu_count(), file_system(folder),
                                                                   args.rounds))
    try:
        if "chain" in args.only:
            bench_chain(args, folder)
        if "servers" in args.only:
            bench_servers(args, folder)
        if "check" in args.only:
            many = stamps_folder(os.path.join(folder, "many"))
            start = time.monotonic()
            fill(many, args.stamps, 400)
            print("%d stamps made in %s s" % (args.stamps, number(time.monotonic() - start)), flush=True)
            bench_check(args, folder, many)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
