"""relay-import against Postfix itself: what the imported rules accept Postfix accepts, whatever its main.cf says; and
where everything was carried over, both accept the same. What screens mail for hosted domains (access tables) is not
carried over, and said to be left out; there only relaying is compared. IMPORT_SEED=N repeats a run."""
import contextlib
import os
import random
import subprocess

import pytest

from lib.postfix import Postfix, missing
from lib.procs import program
from lib.smtp import Closed, Dialogue
from test_import import left, run

pytestmark = [pytest.mark.root, pytest.mark.skipif(bool(missing()), reason=missing())]

SEED = os.environ.get("IMPORT_SEED") or str(random.randrange(1 << 32))
CLIENTS = ["127.0.0.%d" % i for i in (1, 2, 3, 9, 130)]
SENDERS = ["s@out.example", "", "boss@r1.example"]
RECIPIENTS = ["%s@%s" % (u, d) for u in ("ann", "joe", "Ann+x") for d in
              ("r1.example", "sub.r1.example", "r2.example", "v.example", "m.example", "own.example", "out.example",
               "bad.example", "disc.example", "x.bad.example")] + ["ann%out.example@r1.example", "ann@[192.0.2.1]"]
HOSTED = {"r1.example", "sub.r1.example", "r2.example", "v.example", "m.example", "own.example"}
QUIET = {"smtpd_hard_error_limit": "1000", "smtpd_soft_error_limit": "1000", "smtpd_error_sleep_time": "0",
         "smtpd_peername_lookup": "no", "smtpd_junk_command_limit": "10000", "append_dot_mydomain": "no"}
TABLES = {"rcpt": "ann@r1.example x\njoe@r2.example x\n@sub.r1.example x\n", "box": "ann@m.example box/\n",
          "users": "ann x\n", "transport": "bad.example error:no\ndisc.example discard:\nr1.example smtp:[127.0.0.1]\n",
          "virtual": "v.example x\nann@v.example boss@r1.example\njoe@r1.example ann@r1.example\n",
          "access": "127.0.0.2 REJECT\n127.0.0.3 OK\nboss@r1.example REJECT\nout.example OK\n",
          "list": "r2.example\n!v.example\n"}


def table(name):
    return "texthash:$config_directory/" + name


def networks(rng):
    words = ["127.0.0.1", "127.0.0.2", "!127.0.0.3", "127.0.0.0/29", "!127.0.0.128/25", "127.0.0.0/24",
             "!127.0.0.0/30", "[::1]/128"]
    return rng.choice([" ", ", "]).join(rng.sample(words, rng.randrange(1, 5)))


def restrictions(rng, last):
    """A list of restrictions of all kinds; `last` stands at its end."""
    words = ["permit_mynetworks"] * 4 + [
        "reject_unauth_destination", "defer_unauth_destination", "permit_auth_destination", "reject", "permit",
        "reject_non_fqdn_recipient", "warn_if_reject reject", "warn_if_reject reject_unauth_destination",
        "warn_if_reject permit_mynetworks", "permit_sasl_authenticated", "reject_sender_login_mismatch",
        "check_client_access " + table("access"), "check_sender_access " + table("access"),
        "check_recipient_access " + table("access")]
    return ", ".join(rng.sample(words, rng.randrange(0, 4)) + last)


def settings(rng):
    """Settings that Postfix runs with: in one list at least everybody else's mail is refused."""
    s = dict(QUIET, mynetworks=networks(rng), mydestination=rng.choice(["", "own.example", "$myhostname own.example"]),
             relay_domains=rng.choice(["r1.example", "r1.example, r2.example", "!sub.r1.example r1.example",
                                       "$config_directory/list", "r1.example $mynetworks",
                                       "!$config_directory/list r1.example r2.example"]),
             virtual_alias_maps=rng.choice(["", table("virtual")]), local_recipient_maps=table("users"),
             relay_recipient_maps=rng.choice(["", table("rcpt")]), transport_maps=rng.choice(["", table("transport")]))
    if rng.random() < .5:
        s.update(virtual_mailbox_domains="m.example", virtual_mailbox_maps=table("box"))
    if rng.random() < .3:
        s["parent_domain_matches_subdomains"] = ""
    last = rng.choice(["reject_unauth_destination", "reject", "defer_unauth_destination"])
    s["smtpd_relay_restrictions"] = restrictions(rng, [last])
    for name in rng.sample(["client", "helo", "sender", "recipient"], rng.randrange(0, 3)):
        last = rng.choice([[], ["permit"], ["permit_mynetworks", "reject"]])
        s["smtpd_%s_restrictions" % name] = restrictions(rng, last)
    return s


def plain():
    """Settings that are carried over whole."""
    return dict(QUIET, mynetworks="127.0.0.1 !127.0.0.2 127.0.0.0/29", mydestination="own.example",
                relay_domains="r1.example r2.example", virtual_alias_maps=table("virtual"),
                local_recipient_maps=table("users"), relay_recipient_maps=table("rcpt"),
                smtpd_relay_restrictions="permit_mynetworks, reject_unauth_destination")


def accepted(d):
    """All (sender, recipient) that a server takes in one session."""
    out = set()
    if d.reply() != 220:
        return out
    d.ok("EHLO client.example")
    for s in SENDERS:
        if d.cmd("MAIL FROM:<%s>" % s) != 250:
            continue
        out |= {(s, r) for r in RECIPIENTS if d.cmd("RCPT TO:<%s>" % r) == 250}
        d.ok("RSET")
    return out


def ours(rules, client):
    env = {"PATH": os.environ["PATH"], "PROTO": "TCP", "TCPREMOTEIP": client, "QMAILQUEUE": "/bin/false"}
    argv = [program("relay-gate"), rules, program("relay-smtpd")]
    with Dialogue.over(argv, env=env, stderr=subprocess.DEVNULL) as d:
        return accepted(d)


def without_doubles(p):
    """Each parameter once: of the others every process of Postfix complains, and waits for its logger."""
    with open(os.path.join(p.config, "main.cf")) as f:
        last = {l.split("=")[0].strip(): l for l in f if "=" in l}
    p.file("main.cf", "".join(last.values()))


def compare(tmp_path, s, exact):
    with contextlib.closing(Postfix(**s)) as p:
        without_doubles(p)
        for name, text in TABLES.items():
            p.file(name, text)
        out = tmp_path / p.dir.rsplit("-", 1)[1]
        r = run("postfix", p.config, out)
        assert r.returncode == (1 if left(r) else 0), r
        subprocess.run([program("relay-mkcdb"), str(out)], check=True, timeout=60, stderr=subprocess.DEVNULL)
        p.start()
        both = total = 0
        screened = any(w in v for v in s.values() for w in ("check_", "sender_login"))
        for client in CLIENTS:
            mine = ours(str(out / "rules.cdb"), client)
            try:
                with Dialogue((p.host, p.port), client, seconds=3) as d:
                    theirs = accepted(d)
            except (TimeoutError, Closed):
                assert " fatal: in parameter smtpd_relay_restrictions" in p.said(), p.said()[-2000:]
                return 0, 0  # with `permit` before it refuses, smtpd does not even start
            wider = {(s, r) for s, r in mine - theirs if not screened or r.split("@")[1] not in HOSTED}
            assert not wider, "\n".join(map(str, [s, client, sorted(wider), r.stdout.decode()]))
            if exact:
                assert {x for x in theirs - mine if "%" not in x[1]} == set(), (client, sorted(theirs - mine), r.stdout)
            both, total = both + len(mine), total + len(theirs)
        return both, total


def test_all_carried_over(tmp_path):
    both, total = compare(tmp_path, plain(), True)
    assert both > 50


@pytest.mark.slow
@pytest.mark.parametrize("i", range(3))
def test_never_wider(tmp_path, i):
    print("IMPORT_SEED=%s" % SEED)
    compare(tmp_path, settings(random.Random("%s/%d" % (SEED, i))), False)
