"""Do the queue's promises (INTERNALS) hold after every power cut? powercut.py says what one may leave, lib/queue what a
file is worth, and the record of the programs what was promised until then."""
import bisect
import collections
import os
import random

from lib.powercut import MESSAGE, Cut
from lib.procs import BIN

DRIVER = os.path.join(os.path.dirname(BIN), "driver", "store")   # `make drivers`


class Judge:
    """Asks lib/queue what a file is worth."""

    def __init__(self, driver, queue):
        self.driver, self.queue, self.known = driver, queue, {}

    def __call__(self, name, content):
        """"unfinished", "damaged", or {recipient: done}."""
        if content not in self.known:
            path = os.path.join(self.queue, "mess", name[-2:], name)
            with open(path, "wb") as f:
                f.write(content)
            self.driver.stdin.write(name + "\n")
            self.driver.stdin.flush()
            word = self.driver.stdout.readline().split()
            os.unlink(path)
            self.known[content] = {a[1:]: a[0] == "D" for a in word[2:]} if word[0] == "whole" else word[0]
        return self.known[content]


Facts = collections.namedtuple("Facts", "accepted refused delivered settled")


def facts_of(calls):
    """When each message was accepted or refused (relay-queue's exit), each (ID, recipient) delivered, and settled by a
    bounce that was accepted, all as the programs said it."""
    accepted, refused, delivered, failed, bounces, owner = {}, {}, {}, {}, {}, {}
    for c in calls:
        if c.name in ("open", "openat") and "O_CREAT" in c.text and not c.result.startswith("-"):
            m = MESSAGE.search(c.strings[0].decode("utf-8", "replace"))
            if m:
                owner[c.pid] = m[2]
        elif c.name == "exit_group" and c.pid in owner:
            (accepted if c.text == "0" else refused)[owner[c.pid]] = c.begin
        elif c.name == "write" and c.path.endswith("send.log"):
            for line in c.strings[0].decode("utf-8", "replace").splitlines():
                w = dict(x.split("=", 1) for x in line.split(" ") if "=" in x)
                if w.get("event") == "delivery" and w["status"] == "delivered":
                    delivered.setdefault((w["id"], w["to"]), c.begin)
                elif w.get("event") == "delivery" and w["status"] == "failed":
                    failed.setdefault(w["id"], set()).add(w["to"])
                elif w.get("event") == "bounce":
                    bounces[w["id"]] = w["bounce"]
    settled = {(i, r): accepted[bounces[i]] for i, rs in failed.items() if bounces.get(i) in accepted for r in rs}
    return Facts(accepted, refused, delivered, settled)


def check(calls, queue, judge, seed=0):
    """Every power cut. Returns (complaints, {(ID, recipient): how long after the fact it could still come twice; None:
    for ever}, {ID: contents that it may have had})."""
    facts, cut, rnd = facts_of(calls), Cut(queue), random.Random(seed)
    wrong, revivable, seen, may_return = set(), {}, collections.defaultdict(set), set()
    done = {**facts.delivered, **facts.settled}
    moments = sorted([*facts.accepted.values(), *facts.refused.values(), *done.values()])
    final = written(calls)
    before = 0
    for c in calls:
        touched = cut.step(c)
        moment = bisect.bisect_right(moments, c.end)
        for name in list(cut.files) if moment != before else touched:
            f = cut.files[name]
            contents = f.contents(rnd) if True in f.presence() else set()
            seen[name] |= contents
            states = [judge(name, x) for x in contents] + ["gone"] * (False in f.presence())
            said = lost(name, states, facts, done, c.end, final[name])
            said += ["is whole, but not what was injected" for x in contents
                     if isinstance(judge(name, x), dict) and not same(x, final[name])]
            if facts.refused.get(name, c.end + 1) <= c.end and any(isinstance(x, dict) for x in states):
                said.append("was refused, and may come back")
            wrong |= {(name, w) for w in said}
            now = {(name, r) for r in revived(name, states, done, c.end)}
            for key in {k for k in may_return if k[0] == name} - now:
                revivable[key] = c.end - done[key]
            revivable.update({k: None for k in now})
            may_return = {k for k in may_return if k[0] != name} | now
        before = moment
    return sorted(wrong), revivable, seen


def written(calls):
    """What was written into each message file in all, but for marks."""
    out = collections.defaultdict(bytes)
    for c in calls:
        m = MESSAGE.search(c.path)
        if c.name == "write" and m:
            out[m[2]] += c.strings[0][:int(c.result)]
    return out


def same(content, whole):
    """Is it what relay-queue wrote, but for marks?"""
    return len(content) == len(whole) and all(a == b or (a, b) == (68, 84) for a, b in zip(content, whole))


def recipients(whole):
    size, length = (int(w) for w in whole[-159:].split()[1:3])
    return [e[1:].decode() for e in whole[size:size + length].split(b"\0")[:-1] if e[:1] == b"T"]


def lost(name, states, facts, done, now, whole):
    """Promises 1 and 3."""
    if facts.accepted.get(name, now + 1) > now:
        return []
    open_ones = [r for r in recipients(whole) if done.get((name, r), now + 1) > now]
    return ["%s was accepted, not yet delivered or bounced, and may be %s" % (r, s if isinstance(s, str) else "marked")
            for r in open_ones for s in states if isinstance(s, str) or s.get(r, True)]


def revived(name, states, done, now):
    """Promise 4: who has got it, and would get it again."""
    return {r for s in states if isinstance(s, dict) for r, d in s.items()
            if not d and done.get((name, r), now + 1) <= now}
