"""What a power cut may leave of a queue: the system calls of the programs, recorded by strace, and after each of them
every file that POSIX allows when what was not yet synced has reached the disk in any order, in part, or not at all.

The model: a file's data and its name are two things. fsync or fdatasync of a file makes the data last that were written
before; fsync of a directory makes the names last that were made or removed in it before. Data that were to last when a
sync failed are in doubt for ever, as Linux does not write them again: later ones must take their place. What is not yet
lasting may be there or not, independently of all else: of a write each piece by itself (what is missing reads as it was
before, or as NUL, or the file ends there); of several changes of one name the first few. Blocks don't get others'
contents: every file system in use for a queue sees to that. A call without a rule here, a rename say, must not touch
any."""
import collections
import itertools
import os
import re

CALLS = ("openat,open,creat,write,pwrite64,writev,pwritev,fsync,fdatasync,sync_file_range,syncfs,unlink,unlinkat,"
         "rename,renameat,renameat2,link,linkat,ftruncate,truncate,fallocate,mkdir,mkdirat,exit_group")
STRACE = ["strace", "-f", "-qq", "-y", "-ttt", "-T", "-xx", "-s", "4000000", "--seccomp-bpf", "-e", "trace=" + CALLS,
          "-e", "signal=none"]
PIECES = 10      # of a file's unsynced data in all subsets; of more, some
RANDOM = 150     # such subsets
STARTED = re.compile(r"(\d+) +(\d+\.\d+) (\w+)\((.*)$", re.S)
RESUMED = re.compile(r"(\d+) +(\d+\.\d+) <\.\.\. (\w+) resumed>(.*)$", re.S)
ENDED = re.compile(r"(.*)\) += (-?\d+|\?|0x\w+)(.*?)(?:<(\d+\.\d+)>)?$", re.S)
MESSAGE = re.compile(r"mess/([0-3][0-9a-f])/([0-9a-f]{22})$")

Call = collections.namedtuple("Call", "pid begin end name strings path result text")


def unhex(text):
    return bytes.fromhex(text.replace("\\x", ""))


def parse(text):
    """strace's lines as Calls, by the time at which they ended."""
    open_calls, calls = {}, []
    for line in text.splitlines():
        again = RESUMED.match(line)
        if again:
            pid = int(again[1])
            begin, name, args = open_calls.pop(pid)
            args += again[4]
        else:
            m = STARTED.match(line)
            if not m:
                continue
            pid, begin, name, args = int(m[1]), float(m[2]), m[3], m[4]
            if args.endswith(" <unfinished ...>"):
                open_calls[pid] = (begin, name, args[:-len(" <unfinished ...>")])
                continue
        m = ENDED.match(args)
        if not m:
            if name != "exit_group":
                continue
            m = re.match(r"(\d+)()()()", args)
        path = re.search(r"^(?:AT_FDCWD|\d+)<([^>]*)>", m[1])
        strings = [unhex(s) for s in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', m[1])]
        calls.append(Call(pid, begin, begin + float(m[4] or 0), name, strings, unhex(path[1]).decode() if path else "",
                          m[2], m[1]))
    return sorted(calls, key=lambda c: (c.end, c.begin))


class File:
    """One message file: what is lasting, what is not yet."""

    def __init__(self, name):
        self.name = name
        self.base = b""          # data that last
        self.pending = []        # (begin of the call, end, offset, bytes), or offset None: cut to so many bytes
        self.doubtful = []       # (offset, bytes) before those: a sync of them failed
        self.named = False       # does its name last?
        self.names = []          # pending: (begin, end, there)
        self.size = 0            # as the programs see it: where the next write goes
        self.known = {}

    def presence(self):
        return {self.named, *(there for _, _, there in self.names)}

    def settle(self, before):
        for _, _, at, what in self.take(before):
            self.base = apply(self.base, [(at, what)])
            self.doubtful = [p for w in self.doubtful for p in outside(*w, at, what)]

    def fail(self, before):
        self.doubtful += [p[2:] for p in self.take(before)]

    def take(self, before):
        taken = [p for p in self.pending if p[1] <= before]
        self.pending = [p for p in self.pending if p[1] > before]
        return taken

    def settle_name(self, before):
        while self.names and self.names[0][1] <= before:
            self.named = self.names.pop(0)[2]

    def contents(self, rnd):
        writes = self.doubtful + [p[2:] for p in self.pending]
        key = (self.base, tuple(writes))
        if key not in self.known:
            self.known[key] = set(possible(self.base, writes, rnd))
        return self.known[key]


def apply(data, writes):
    data = bytearray(data)
    for *_, at, what in writes:
        if at is None:
            del data[what:]
        else:
            data.extend(bytes(max(0, at + len(what) - len(data))))
            data[at:at + len(what)] = what
    return bytes(data)


def outside(at, what, start, data):
    """What is left of a write in doubt when a later one, or (start None) a cut, lasts."""
    if at is None:
        return [] if start is None else [(at, what)]
    if start is None:
        parts = [(at, what[:max(0, data - at)])]
    else:
        end = start + len(data)
        parts = [(at, what[:max(0, start - at)]), (max(at, end), what[max(0, end - at):])]
    return [p for p in parts if p[1]]


def pieces_of(writes):
    """The writes, cut into at most PIECES pieces if they are small, at the disk's sectors if they are large."""
    total = sum(len(w) for at, w in writes if at is not None)
    grain = max(1, -(-total // PIECES)) if total <= 8192 else 4096
    out = []
    for at, what in writes:
        if at is None:
            out.append((at, what))
        else:
            cut = [0] + [n for n in range(1, len(what)) if (at + n) % grain == 0] + [len(what)]
            out += [(at + a, what[a:b]) for a, b in zip(cut, cut[1:])]
    return out


def possible(base, writes, rnd):
    """The contents that a file may have, whose lasting data are base."""
    pieces = pieces_of(writes)
    n = len(pieces)
    if n <= PIECES + 2:
        chosen = itertools.product((0, 1), repeat=n)
    else:
        chosen = [[i < k for i in range(n)] for k in range(n + 1)] + [[i >= k for i in range(n)] for k in range(n)]
        chosen += [[i != k for i in range(n)] for k in range(n)] + [[i == k for i in range(n)] for k in range(n)]
        chosen += [[rnd.random() < 0.8 for _ in range(n)] for _ in range(RANDOM)]
    for choice in chosen:
        yield apply(base, [p for p, c in zip(pieces, choice) if c])
    full = apply(base, writes)
    if len(full) > len(base):     # the length is a fact of its own
        step = 1 if len(full) <= 1024 else 1009
        for k in [*range(len(base), len(full), step), *range(max(len(base), len(full) - 200), len(full))]:
            yield full[:k]
        yield base + bytes(len(full) - len(base))


class Cut:
    """Goes through the calls; after each, `files` says what a power cut there may leave."""

    def __init__(self, queue):
        self.queue = queue
        self.files = {}
        self.touched = set()

    def file(self, path):
        if not path.startswith(self.queue + "/"):
            path = os.path.join(self.queue, path)
        m = MESSAGE.search(path.replace(" (deleted)", ""))
        if not m:
            return None
        self.touched.add(m[2])
        return self.files.setdefault(m[2], File(m[2]))

    def step(self, call):
        """Takes a call. Returns the IDs of the files whose possible states it changed."""
        self.touched = set()
        if call.name in ("fsync", "fdatasync") and call.result.startswith("-"):
            self.on_failed_sync(call)
        elif not call.result.startswith(("-", "?")) and call.name != "exit_group":
            getattr(self, "on_" + call.name, self.unknown)(call)
        return self.touched

    def unknown(self, c):
        """A call that the model does not have must not touch the queue's messages."""
        assert "mess/" not in c.path and not any(b"mess/" in s for s in c.strings), c

    def on_openat(self, c):
        name = c.strings[0].decode("utf-8", "replace")
        if "O_CREAT" in c.text or "O_TRUNC" in c.text:
            if not (name.startswith("mess/") or "/mess/" in name):
                return
            assert "O_EXCL" in c.text and "O_TRUNC" not in c.text, c
            self.file(name).names.append((c.begin, c.end, True))

    def on_write(self, c):
        f = self.file(c.path) if "/mess/" in c.path else None
        if f:
            data = c.strings[0][:int(c.result)]
            f.pending.append((c.begin, c.end, f.size, data))
            f.size += len(data)

    def on_pwrite64(self, c):
        f = self.file(c.path) if "/mess/" in c.path else None
        if f:
            f.pending.append((c.begin, c.end, int(c.text.rsplit(",", 1)[1]), c.strings[0][:int(c.result)]))

    def on_ftruncate(self, c):
        f = self.file(c.path)
        if f:
            f.pending.append((c.begin, c.end, None, int(c.text.rsplit(",", 1)[1])))

    def on_truncate(self, c):
        f = self.file(c.strings[0].decode())
        if f:
            f.pending.append((c.begin, c.end, None, int(c.text.rsplit(",", 1)[1])))

    def on_unlink(self, c):
        f = self.file(c.strings[-1].decode())
        if f:
            f.names.append((c.begin, c.end, False))

    on_unlinkat = on_unlink
    on_open = on_openat

    def on_fsync(self, c):
        if "/mess/" not in c.path:
            return
        f = self.file(c.path)
        if f:
            f.settle(c.begin)
        for f in self.files.values():
            if c.path.endswith("/mess/" + f.name[-2:]) and f.names:
                f.settle_name(c.begin)
                self.touched.add(f.name)

    on_fdatasync = on_fsync

    def on_failed_sync(self, c):
        f = self.file(c.path) if "/mess/" in c.path else None
        if f:
            f.fail(c.begin)
