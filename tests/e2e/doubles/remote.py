#!/usr/bin/python3
"""A double of `relay-remote -s ROUTE`: speaks the jobs of lib/queue/job.h and lets the recipient's local part decide.

$DOUBLE is a folder. Each delivery appends one JSON line to $DOUBLE/log. What a local part does:
  perm    refused for good      temp     refused for now     die     the process is killed after it took the job
  slow    takes $DOUBLE_SLOW s  nonsense a malformed report  many    one report line too many
anything else is delivered. A route with "stuck" in it takes a job and never answers. One with "dead" in it can't be
reached unless the file $DOUBLE/alive exists; a file $DOUBLE/temp makes every recipient deferred; $DOUBLE/hang lets the
process wait until it has gone again."""
import fcntl, json, os, signal, socket, struct, sys, time

def receive(s):
    head = b""
    fds = []
    while len(head) < 6:
        data, got, _, _ = socket.recv_fds(s, 6 - len(head), 4)
        fds += got
        if not data:
            sys.exit(0)
        head += data
    size, nfds = struct.unpack(">IH", head)
    body = b""
    while len(body) < size:
        data, got, _, _ = socket.recv_fds(s, size - len(body), 4)
        fds += got
        if not data:
            sys.exit(0)
        body += data
    return body, fds

def main():
    fds = sorted(os.listdir("/proc/self/fd"))
    folder = os.environ["DOUBLE"]
    route = sys.argv[sys.argv.index("-s") + 1]
    s = socket.socket(fileno=os.dup(0))
    s.settimeout(float(os.environ.get("DOUBLE_IDLE", "5")))
    with open(folder + "/started", "a") as f:
        f.write(json.dumps({"route": route, "pid": os.getpid(), "argv": sys.argv, "uid": os.getuid(),
            "groups": os.getgroups(), "cwd": os.getcwd(), "fds": fds}) + "\n")
    while True:
        try:
            data, fds = receive(s)
        except TimeoutError:
            sys.exit(0)
        size, flags, ident, sender, *to = data.split(b"\0")[:-1]
        if b"" in to:  # parameters follow
            to = to[:to.index(b"")]
        body = os.pread(fds[0], int(size), 0)
        mode = fcntl.fcntl(fds[0], fcntl.F_GETFL) & os.O_ACCMODE
        os.close(fds[0])
        if "stuck" in route:
            s.settimeout(None)
            s.recv(1)  # until relay-send has gone
            sys.exit(0)
        while os.path.exists(folder + "/hang"):
            time.sleep(0.02)
        what = {r: r.split(b"@")[0].decode("latin-1") for r in to}
        if "dead" in route and not os.path.exists(folder + "/alive"):
            report = b"ZNobody answers at the other end. (#4.4.1)\0"
        else:
            report = b""
            delivered = []
            for r in to:
                if what[r] == "perm":
                    report += b"hHe said: 550 no such\r\n\x1b[31muser\0"
                elif what[r] == "temp" or os.path.exists(folder + "/temp"):
                    report += b"sHe said: 450 later\0"
                else:
                    report += b"r\0"
                    delivered.append(r.decode("latin-1"))
            if "slow" in what.values():
                time.sleep(float(os.environ.get("DOUBLE_SLOW", "1")))
            if "die" in what.values():
                os.kill(os.getpid(), signal.SIGKILL)
            with open(folder + "/log", "a") as f:
                # a line of its own whatever stands before: who was killed within a write left half a line
                f.write("\n" + json.dumps({"id": ident.decode(), "from": sender.decode("latin-1"), "to": delivered,
                    "route": route, "pid": os.getpid(), "flags": int(flags), "body": body.decode("latin-1"),
                    "all": len(to), "mode": mode}) + "\n")
            report += b"KHe said: 250 thanks\0"
            if "nonsense" in what.values():
                report = b"xyz"
            if "many" in what.values():
                report = b"r\0" + report
        s.sendall(struct.pack(">IH", len(report), 0) + report)

main()
