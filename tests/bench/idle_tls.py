#!/usr/bin/python3
"""What idle TLS sessions cost: PSS of all processes of the chain and of relay-tlsd, in the clear, under STARTTLS and
with a login under STARTTLS, less what the same processes take without clients. Prints KiB a session."""
import argparse
import os
import resource
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from lib.auth import MECHANISMS                                # noqa: E402
from lib.login import PASSWORD, LoginChain                     # noqa: E402
from lib.procs import all_pids, pss_of, stat_of, wait_for      # noqa: E402
from lib.smtp import Dialogue                                  # noqa: E402
from lib.tls import context                                    # noqa: E402

RECEIVERS = ("tcpserver", "relay-gate", "relay-tls", "relay-tlsd", "relay-smtpd")


def memory(chain):
    """name -> (processes, KiB) of all that receives."""
    sessions = {p.pid for p in chain.instance.procs + chain.house.procs}
    out = {}
    for pid in all_pids():
        _, session, state, name = stat_of(pid)
        if session in sessions and name in RECEIVERS and state not in "ZX":
            n, kib = out.get(name, (0, 0))
            out[name] = n + 1, kib + pss_of(pid)
    return out


def open_one(chain, how):
    d = Dialogue((chain.instance.host, chain.ports["starttls"]))
    d.hello()
    if how != "clear":
        d.ok("STARTTLS", 220)
        d.sock = context().wrap_socket(d.sock)
        d.ok("EHLO client.example")
    if how == "login":
        assert MECHANISMS["PLAIN"](d, "alice", PASSWORD).code == 235
    return d


def measure(chain, how, n):
    """KiB a session, and what each program takes of it."""
    wait_for(lambda: "relay-smtpd" not in memory(chain), 30, "no clients")
    before = memory(chain)
    open_ones = [open_one(chain, how) for _ in range(n)]
    after = memory(chain)
    assert after["relay-smtpd"][0] == n, after
    for d in open_ones:
        d.close()
    each = {name: (after[name][1] - before.get(name, (0, 0))[1]) / n for name in after}
    return sum(each.values()), each


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    ap.add_argument("-n", "--sessions", type=int, default=200)
    ap.add_argument("-k", "--keys", action="store_true", help="relay-tls -k, without relay-tlsd")
    args = ap.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4 * args.sessions + 100), hard), hard))
    with LoginChain(keys=args.keys, concurrency=args.sessions + 10) as chain:
        open_one(chain, "tls").close()
        for how in ("clear", "tls", "login"):
            total, each = measure(chain, how, args.sessions)
            print("%-6s %6.0f KiB a session (%s), %.1f MiB for %d" % (
                how, total, ", ".join("%s %.0f" % (k, v) for k, v in sorted(each.items()) if v >= 0.5),
                total * args.sessions / 1024, args.sessions), flush=True)
            assert 10 < total < 20000, "absurd"


if __name__ == "__main__":
    main()
