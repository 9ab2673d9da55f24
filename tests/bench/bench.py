#!/usr/bin/python3
"""Side by side with Postfix: our relay and a Debian Postfix, both relaying on loopback to one sink, on one file system,
both with their fsyncs, rounds interleaved. Prints medians, least and most, and the ratio ours / Postfix (for memory the
other way round): over 1 we are ahead. See --help for what can be varied."""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from lib.instance import Instance                                             # noqa: E402
from lib.postfix import Postfix, missing                                      # noqa: E402
from lib.procs import BIN, all_pids, free_port, program, pss_of, stat_of, wait_for  # noqa: E402
from lib.smtp import Dialogue                                                 # noqa: E402


class Counter:
    """tests/bench/sink: tells when the messages of a run are all in."""

    def __init__(self, exe, count, chunking):
        self.port = free_port()
        self.popen = subprocess.Popen([exe] + (["-c"] if chunking else []) + [str(self.port), str(count)],
                                      stdout=subprocess.PIPE, text=True)
        assert self.popen.stdout.readline() == "listening\n"

    def wait(self):
        """The monotonic clock when the last one came (seconds), messages, connections so far."""
        word = self.popen.stdout.readline().split()
        return int(word[0]) / 1e9, int(word[1]), int(word[2])

    def close(self):
        self.popen.terminate()
        self.popen.wait()


class Ours:
    name = "posthouse"

    def __init__(self, base, sink_port):
        self.i = Instance(base, routes=":127.0.0.1:%d\n" % sink_port).start(concurrency=200)
        self.port = self.i.port

    def queued(self):
        return len(self.i.queued())

    def pids(self):
        return [p for proc in self.i.procs for p in proc.members()]

    def close(self):
        self.i.close()


class Theirs:
    name = "postfix"

    def __init__(self, base, sink_port):
        self.p = Postfix(base, relayhost="[127.0.0.1]:%d" % sink_port).start()
        self.port = self.p.port

    def queued(self):
        return self.p.queued()

    def pids(self):
        """Postfix's daemons leave the master's session: by descent."""
        parent = {p: stat_of(p)[0] for p in all_pids()}
        mine = {self.p.proc.pid}
        while True:
            more = {p for p, q in parent.items() if q in mine} - mine
            if not more:
                return sorted(mine)
            mine |= more

    def close(self):
        self.p.close()


def cpu(server):
    """Milliseconds of CPU that the server's processes have taken, those included that have ended."""
    ticks = 0
    for pid in server.pids():
        try:
            with open("/proc/%d/stat" % pid) as f:
                ticks += sum(map(int, f.read().rsplit(")", 1)[1].split()[11:15]))
        except OSError:
            pass
    return 1000 * ticks / os.sysconf("SC_CLK_TCK")


def deliver(server, sink, count, sessions, size, many):
    """Messages per second until the sink has all, and until the client has its last 250; CPU milliseconds a message."""
    wait_for(lambda: server.queued() == 0, 60, "%s: an empty queue" % server.name, 0.05)
    before = cpu(server)
    argv = [program("smtp-source"), "-s", str(sessions), "-m", str(count), "-l", str(size), "-f", "a@sender.example",
            "-t", "b@rcpt.example"] + (["-d"] if many else []) + ["127.0.0.1:%d" % server.port]
    start = time.monotonic()
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    accepted = time.monotonic()
    if r.returncode or r.stdout:
        raise SystemExit("smtp-source on %s: exit %d: %s" % (server.name, r.returncode, r.stdout))
    end = sink.wait()[0]
    wait_for(lambda: server.queued() == 0, 60, "%s: an empty queue" % server.name, 0.02)
    return count / (end - start), count / (accepted - start), (cpu(server) - before) / count


def connections(server, exe, count, sessions):
    """Connections per second, CPU milliseconds a connection."""
    before = cpu(server)
    r = subprocess.run([exe, str(server.port), str(count), str(sessions)], stdout=subprocess.PIPE, text=True,
                       check=True)
    took, bad = map(int, r.stdout.split())
    if bad:
        raise SystemExit("%s: %d of %d connections went wrong" % (server.name, bad, count))
    time.sleep(0.05)    # the last ones end
    return count / (took / 1e9), (cpu(server) - before) / count


def memory(server, idle):
    """KiB per session that has said EHLO and waits: what the server's processes grow by."""
    def pss():
        return sum(pss_of(p) for p in server.pids())
    settle = server.pids()
    before = pss()
    sessions = []
    try:
        for _ in range(idle):
            sessions.append(Dialogue(("127.0.0.1", server.port)))
            sessions[-1].hello()
        time.sleep(0.2)
        return (pss() - before) / idle
    finally:
        for d in sessions:
            d.quit()
        if server.name == "posthouse":
            wait_for(lambda: len(server.pids()) <= len(settle), 10, "the sessions' processes gone")


def file_system(path):
    with open("/proc/mounts") as f:
        best = ("", "?")
        for line in f:
            word = line.split()
            if (path + "/").startswith(word[1].rstrip("/") + "/") and len(word[1]) >= len(best[0]):
                best = (word[1], word[2])
    return best[1]


def build(name, folder):
    out = os.path.join(folder, name)
    subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", out,
                    os.path.join(HERE, name + ".c")], check=True)
    return out


def postfix_version():
    r = subprocess.run([program("postconf"), "-d", "-h", "mail_version"], stdout=subprocess.PIPE, text=True,
                       stderr=subprocess.DEVNULL)
    return r.stdout.strip() or "?"


def run(args, folder):
    sink_exe, connect_exe = build("sink", folder), build("connect", folder)
    rows = [("one", "messages/s, one a connection", 0), ("one-in", "  accepted/s", 0),
            ("one-cpu", "  CPU ms a message", 1),
            ("many", "messages/s, many a connection", 0), ("many-in", "  accepted/s", 0),
            ("many-cpu", "  CPU ms a message", 1),
            ("conn", "connections/s", 0), ("conn-cpu", "  CPU ms a connection", 1), ("idle", "KiB per idle session", 1)]
    got = {(r[0], s): [] for r in rows for s in ("posthouse", "postfix")}
    sink = Counter(sink_exe, args.messages, args.chunking)
    servers = []
    try:
        servers.append(Ours(folder, sink.port))
        servers.append(Theirs(folder, sink.port))
        for s in servers:                      # warm: caches, Postfix's processes
            for _ in range(2):
                deliver(s, sink, args.messages, args.sessions, args.length, True)
        for n in range(args.rounds):
            for s in servers if n % 2 == 0 else servers[::-1]:
                for key, many in (("one", False), ("many", True)):
                    if key in args.only:
                        out, taken, ms = deliver(s, sink, args.messages, args.sessions, args.length, many)
                        got[key, s.name].append(out)
                        got[key + "-in", s.name].append(taken)
                        got[key + "-cpu", s.name].append(ms)
                if "conn" in args.only:
                    rate, ms = connections(s, connect_exe, args.connections, args.sessions)
                    got["conn", s.name].append(rate)
                    got["conn-cpu", s.name].append(ms)
                if "idle" in args.only:
                    got["idle", s.name].append(memory(s, args.idle))
            print("round %d of %d" % (n + 1, args.rounds), file=sys.stderr)
    finally:
        for s in servers:
            s.close()
        sink.close()
    report(rows, got, args, folder)


def report(rows, got, args, folder):
    print("posthouse (%s) and Postfix %s, %d CPUs, %s; %d rounds, interleaved; messages of %d bytes, %d sessions; "
          "%d messages, %d connections a round, %d idle sessions; sink %s CHUNKING; both sync to disk"
          % (linkage(), postfix_version(), os.cpu_count(), file_system(folder), args.rounds, args.length, args.sessions,
             args.messages, args.connections, args.idle, "with" if args.chunking else "without"))
    if file_system(folder) == "tmpfs":
        print("a tmpfs: syncing costs nothing here, so these are no figures for a disk")
    form = "%-32s %10s %21s %10s %21s %7s"
    print(form % ("", "posthouse", "least-most", "postfix", "least-most", "ratio"))
    for key, title, less in rows:
        a, b = got[key, "posthouse"], got[key, "postfix"]
        if not a:
            continue
        x, y = statistics.median(a), statistics.median(b)
        ratio = (y / x if less else x / y) if x > 0 and y > 0 else float("nan")
        span = ["%s-%s" % (number(min(v)), number(max(v))) for v in (a, b)]
        print(form % (title, number(x), span[0], number(y), span[1], "%.2f" % ratio))


def number(x):
    return "%.0f" % x if x >= 100 else "%.1f" % x if x >= 10 else "%.2f" % x


def linkage():
    r = subprocess.run(["readelf", "-l", os.path.join(BIN, "relay-smtpd")], stdout=subprocess.PIPE, text=True)
    return "chain dynamic" if re.search("INTERP", r.stdout) else "chain static"


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    ap.add_argument("-r", "--rounds", type=int, default=5)
    ap.add_argument("-m", "--messages", type=int, default=3000, help="a round, for each way of connecting")
    ap.add_argument("-s", "--sessions", type=int, default=10, help="at once")
    ap.add_argument("-l", "--length", type=int, default=2000, help="bytes of a message's body")
    ap.add_argument("-c", "--connections", type=int, default=5000, help="a round")
    ap.add_argument("-i", "--idle", type=int, default=50, help="idle sessions")
    ap.add_argument("-d", "--dir", help="where the queues are made (a disk, no tmpfs)")
    ap.add_argument("--chunking", action="store_true", help="the sink offers CHUNKING")
    ap.add_argument("--only", default="one,many,conn,idle", help="which figures")
    args = ap.parse_args()
    args.only = args.only.split(",")
    why = missing()
    if why:
        raise SystemExit("bench: %s" % why)
    folder = tempfile.mkdtemp(prefix="bench-", dir=args.dir)
    os.chmod(folder, 0o755)
    try:
        run(args, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
