"""Many logins, several of one address at once, impatient clients, a log that nobody reads."""
import os
import threading
import time

from lib import pop
from lib.pop import JOE, Mailfront
from lib.popchain import relay  # noqa: F401  (a fixture)
from lib.procs import program, sanitized, wait_for
from lib.smtp import Dialogue

pytestmark = pop.needs_mailfront


def spawn(stamper, who, user="joe@hosted.example", prog="/bin/true"):
    env = {"TCPREMOTEIP": who, "USER": user, "PROTO": "TCP", "PATH": "/usr/bin:/bin"}
    return os.posix_spawn(stamper[0], [*stamper, prog], env)


def test_a_thousand(relay, record_property):
    """Each leaves a whole stamp. How many there were in a second is noted, and not judged."""
    before = set(relay.names())
    start = time.monotonic()
    logins = 100 if sanitized() else 1000
    for n in range(logins):
        pid = spawn(relay.stamper(), "198.18.%d.%d" % (n // 250, n % 250))
        assert os.waitpid(pid, 0)[1] == 0
    record_property("logins in a second", logins / (time.monotonic() - start))
    made = set(relay.names()) - before
    assert len(made) == logins and all(relay.fields(n)["USER"] == JOE for n in made)


def test_one_address_many_at_once(relay, tmp_path):
    """Who reads meanwhile sees a whole stamp of one of them, and sweeping takes none away."""
    who, going, wrong = "198.18.9.9", True, []
    os.waitpid(spawn(relay.stamper(), who, "first"), 0)

    def read():
        while going:
            try:
                if relay.fields(who)["USER"] not in ("first", JOE):
                    wrong.append(relay.fields(who))
            except (AssertionError, OSError) as e:
                wrong.append(e)
            time.sleep(0.0005)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        for n in range(60):
            pids = [spawn(relay.stamper(), who) for _ in range(4)]
            if n % 10 == 0:
                pids.append(os.posix_spawn(program("relay-pop-sweep"), ["sweep", "-s", "1", relay.stamps], {}))
            for pid in pids:
                assert os.waitpid(pid, 0)[1] == 0
    finally:
        going = False
        reader.join()
    assert not wrong, wrong[:3]
    assert not [n for n in relay.names() if n.startswith(".")]


def test_what_comes_early_is_the_programs(relay):
    """The commands behind the password, in one packet with it, are there for the POP3 server."""
    judge = [pop.POPUP, program("cvm-checkpassword"), program("cvm-pwfile")]
    with Mailfront(relay.stamper(), popup=judge) as s:
        with Dialogue((s.host, s.ports["pop3"]), "127.0.5.171") as d:
            d.send(b"USER joe\r\nPASS %s\r\nSTAT\r\nQUIT\r\n" % pop.PASSWORD.encode())
            said = d.rest().split(b"\r\n")
        assert [w[:3] for w in said] == [b"+OK"] * 5 + [b""] and said[3] == b"+OK 0 0"
    assert relay.opened("127.0.5.171")


def test_a_log_that_nobody_reads(relay, tmp_path):
    """It is full, and there is something to say: the program runs all the same."""
    r, w = os.pipe()
    os.set_blocking(w, False)
    try:
        while True:
            os.write(w, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(w, True)
    done = tmp_path / "done"
    env = {"TCPREMOTEIP": "127.0.5.181", "PATH": "/usr/bin:/bin"}
    argv = ["relay-pop-stamp", str(tmp_path / "none"), "touch", str(done)]
    pid = os.posix_spawn(program("relay-pop-stamp"), argv, env, file_actions=[(os.POSIX_SPAWN_DUP2, w, 2)])
    wait_for(done.exists, 10, "the program that stands behind")
    assert os.waitpid(pid, 0)[1] == 0
    os.close(r)
    os.close(w)
