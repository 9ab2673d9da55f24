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
        """"unfinished", "damaged", or {recipient: letter}."""
        if content not in self.known:
            path = os.path.join(self.queue, "mess", name[-2:], name)
            with open(path, "wb") as f:
                f.write(content)
            self.driver.stdin.write(name + "\n")
            self.driver.stdin.flush()
            word = self.driver.stdout.readline().split()
            os.unlink(path)
            self.known[content] = {a[1:]: a[0] for a in word[2:]} if word[0] == "whole" else word[0]
        return self.known[content]


Facts = collections.namedtuple("Facts", "accepted refused delivered settled reported warned")


def facts_of(calls):
    """When each message was accepted or refused (relay-queue's exit); when each (ID, recipient) was delivered, settled
    by a bounce that was accepted, when his success, or that he is an alias, was told by an accepted report, and when
    the first report was accepted that may have told that he is late: all as the programs said it."""
    accepted, refused, owner, wishes = {}, {}, {}, {i: recipients(w) for i, w in written(calls).items()}
    delivered, settled, reported, warned = {}, {}, {}, {}
    owed = collections.defaultdict(list)       # of each message: what its next report settles, and where to note that
    for i, to in wishes.items():
        owed[i] += [(reported, r) for r, wish in to.items() if wish.startswith("EXPANDED")]
    reports = []
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
                key = w.get("id"), w.get("to")
                if w.get("event") == "delivery" and w["status"] == "delivered":
                    delivered.setdefault(key, c.begin)
                    if "SUCCESS" in wishes[key[0]][key[1]]:
                        owed[key[0]].append((reported, key[1]))
                elif w.get("event") == "delivery":
                    owed[key[0]].append((settled if w["status"] == "failed" else warned, key[1]))
                elif w.get("event") == "bounce":
                    reports.append((w["bounce"], key[0], owed.pop(key[0], [])))
    for bounce, i, what in reports:
        for where, r in what if bounce in accepted else ():
            where.setdefault((i, r), accepted[bounce])
    return Facts(accepted, refused, delivered, settled, reported, warned)


def moments_of(facts):
    """When each thing was done that must not be done again: {(ID, recipient, what): moment}."""
    out = {(*k, "delivery"): v for k, v in {**facts.delivered, **facts.settled}.items()}
    out.update({(*k, "report"): v for k, v in facts.reported.items()})
    out.update({(*k, "warning"): v for k, v in facts.warned.items()})
    return out


def check(calls, queue, judge, seed=0):
    """Every power cut. Returns (complaints, {(ID, recipient, what): how long after the fact it could still come twice;
    None: for ever}, {ID: contents that it may have had})."""
    facts, cut, rnd = facts_of(calls), Cut(queue), random.Random(seed)
    wrong, revivable, seen, may_return = set(), {}, collections.defaultdict(set), set()
    done = moments_of(facts)
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
            said = lost(name, states, facts, c.end, recipients(final[name]))
            said += ["is whole, but not what was injected" for x in contents
                     if isinstance(judge(name, x), dict) and not same(x, final[name])]
            if facts.refused.get(name, c.end + 1) <= c.end and any(isinstance(x, dict) for x in states):
                said.append("was refused, and may come back")
            wrong |= {(name, w) for w in said}
            now = revived(name, states, done, c.end)
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
    """Is it what relay-queue wrote, but for letters?"""
    return len(content) == len(whole) and all(a == b or (b == 84 and a in b"DSW") for a, b in zip(content, whole))


def recipients(whole):
    """{recipient: his parameters}."""
    out, last = {}, None
    if not whole[-159:].startswith(b"posthouse-message-"):
        return out
    size, length = (int(w) for w in whole[-159:].split()[1:3])
    for e in whole[size:size + length].split(b"\0")[:-1]:
        if e[:1] == b"T":
            last = e[1:].decode()
            out[last] = ""
        elif e[:1] == b"P" and last:
            out[last] = e[1:].decode()
    return out


def lost(name, states, facts, now, to):
    """Promises 1 and 3, of deliveries and of all reports: no letter comes before its fact, nothing goes before all of
    them."""
    if facts.accepted.get(name, now + 1) > now:
        return []

    def was(which, r):
        return which.get((name, r), now + 1) <= now
    wrong = []
    for r, wish in to.items():
        told = was(facts.reported, r)
        over = was(facts.settled, r) or (told if "SUCCESS" in wish or "EXPANDED" in wish else was(facts.delivered, r))
        fine = {"T": True, "W": was(facts.warned, r), "S": was(facts.delivered, r) and "SUCCESS" in wish}
        for s in states:
            letter = s.get(r, "gone") if isinstance(s, dict) else s
            if not (over or fine.get(letter, False)):
                wrong.append("%s was accepted, not yet delivered, bounced or told of, and may be %s" %
                             (r, "marked %s" % letter if len(letter) == 1 else letter))
    return wrong


AGAIN = {"delivery": "TW", "report": "TWS", "warning": "T"}   # letters with which it is done once more


def revived(name, states, done, now):
    """Promise 4: what was done, and would be done again."""
    return {(name, r, what) for s in states if isinstance(s, dict) for r, letter in s.items() for what in AGAIN
            if letter in AGAIN[what] and done.get((name, r, what), now + 1) <= now}
