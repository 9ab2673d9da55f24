"""relay-pop-stamp: whose stamp, and what it says; the program behind it finds all as it was. (What goes wrong:
test_pop_stamp_failures.)"""
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from lib.stamps import PATH, STAMP, WHO, Stamps, public, stamps  # noqa: F401  (fixtures)


# Whose, and what it says

def test_what_it_writes(stamps):  # noqa: F811
    before = int(time.time())
    boot = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    stamps.logged("192.0.2.1", "joe@example.com")
    s = os.stat(stamps.path("192.0.2.1"))
    assert stamps.names() == ["192.0.2.1"] and s.st_mode & 0o7777 == 0o644 and s.st_nlink == 1
    assert before <= s.st_mtime <= time.time() and s.st_mtime == int(s.st_mtime)
    first, second, end = stamps.body("192.0.2.1").split(b"\0")
    assert first == b"USER=joe@example.com" and not end
    assert boot <= int(second.removeprefix(b"BOOTTIME=")) <= boot + 10
    os.utime(stamps.path("192.0.2.1"), (1, 1))
    stamps.logged("192.0.2.1", "ann")
    assert os.stat(stamps.path("192.0.2.1")).st_mtime >= before and stamps.user("192.0.2.1") == b"ann"


@pytest.mark.parametrize("env, names", [
    ({"TCPREMOTEIP": "192.0.2.1", "IP": "192.0.2.9"}, ["192.0.2.1"]),
    ({"TCPREMOTEIP": "::ffff:192.0.2.1"}, ["192.0.2.1"]),                      # couriertcpd
    ({"TCPREMOTEIP": "2001:DB8:0:0::5", "PROTO": "TCP6"}, ["2001:db8::", "2001:db8::5"]),
    ({"TCPREMOTEIP": "2001:db8::"}, ["2001:db8::"]),
    ({"TCPREMOTEIP": "unknown", "IP": "192.0.2.9"}, ["192.0.2.9"]),
    ({"IP": "192.0.2.9", "LOCAL_IP": "192.0.2.1"}, ["192.0.2.9"]),              # Dovecot
    ({"TCP6REMOTEIP": "2001:db8::5", "PROTO": "TCP6"}, ["2001:db8::", "2001:db8::5"]),
    ({"REMOTE_HOST": "192.0.2.3"}, ["192.0.2.3"]),                              # xinetd
    ({"REMOTE_ADDR": "192.0.2.4", "REMOTE_PORT": "5"}, ["192.0.2.4"]),          # systemd
    ({"TCPREMOTEIP": "fe80::1%eth0"}, ["fe80::", "fe80::1"]),
    ({}, []), ({"TCPREMOTEIP": "0.0.0.0"}, []), ({"TCPREMOTEIP": "::"}, []), ({"IP": "../../etc/passwd"}, []),
    ({"TCPREMOTEIP": "192.0.2.1/../x"}, []), ({"TCPREMOTEIP": ".."}, []), ({"TCPREMOTEIP": "1" * 12288}, []),
])
def test_whose(stamps, env, names):  # noqa: F811
    r = stamps.login(env=env)
    assert (r.returncode, r.stdout) == (0, b"in\n") and stamps.names() == names
    assert r.stderr == b"" if names else b" why=no-address" in r.stderr and len(r.stderr) <= 4096
    for name in names:
        assert (b"\0NET=64\0" in stamps.body(name)) == (name.endswith("::") and len(names) == 2)


def test_the_socket(stamps):  # noqa: F811
    with socket.create_server(("127.0.0.1", 0)) as s:
        with socket.create_connection(s.getsockname(), source_address=("127.0.0.3", 0)), s.accept()[0] as server:
            r = stamps.login(stdin=server)
    assert r.returncode == 0 and stamps.names() == ["127.0.0.3"]


@pytest.mark.parametrize("env, user", [
    ({"USER": "joe"}, b"joe"), ({"USER": "joe", "DOMAIN": "example.com"}, b"joe@example.com"),
    ({"USER": "joe@a.example", "DOMAIN": "b.example"}, b"joe@a.example"), ({}, b""), ({"USER": ""}, b""),
    ({"AUTHENTICATED": "joe@example.com", "USER": "root", "DOMAIN": "x"}, b"joe@example.com"),
    ({"AUTHUSER": "joe"}, b"joe"), ({"AUTHUSER": "/usr/lib/courier/authlib/authuser"}, b""),
    ({"AUTHUSER": "/x", "AUTHARGV0": "imapd", "AUTHENTICATED": "joe"}, b"joe"),
    ({"USER": "j\xf6 =/..\\"}, "j\xf6 =/..\\".encode()), ({"USER": "u" * 255}, b"u" * 255),
    ({"USER": "u" * 256}, None), ({"USER": "u" * 12288}, None), ({"USER": "joe", "DOMAIN": "d" * 12288}, None),
    ({"USER": "a\nb"}, None), ({"USER": b"\xff\xfe"}, None), ({"USER": b"a\x1b[2J"}, None),
])
def test_the_user(stamps, env, user):  # noqa: F811
    """A name that can't be one is no name; the stamp is there."""
    r = stamps.login(env={"TCPREMOTEIP": "192.0.2.1", **env})
    assert (r.returncode, r.stdout) == (0, b"in\n") and stamps.user("192.0.2.1") == (user or b"")
    assert r.stderr == b"" if user is not None else b"event=no-user" in r.stderr


@pytest.mark.parametrize("env", [{}, {"AUTHENTICATED": ""}, {"USER": "joe"}])
def test_courier_before_the_login(stamps, env):  # noqa: F811
    """Its chain of modules runs for every connection; AUTHENTICATED comes with the login."""
    r = stamps.login(env={"TCPREMOTEIP": "192.0.2.1", "AUTHUSER": "/x", "AUTHARGV0": "imapd", **env})
    assert (r.returncode, r.stdout, r.stderr) == (0, b"in\n", b"") and stamps.names() == []


def test_in_place_of_relay_ctrl(stamps, tmp_path):  # noqa: F811
    env = {"TCPREMOTEIP": "192.0.2.1", "USER": "joe", "RELAY_CTRL_DIR": stamps.dir}
    r = stamps.login(dir=False, env=env)
    assert (r.returncode, r.stdout, r.stderr) == (0, b"in\n", b"") and stamps.names() == ["192.0.2.1"]
    other = Stamps(tmp_path / "other")
    r = other.login(env={**env, "TCPREMOTEIP": "192.0.2.2"})   # the operand wins; test_pop_dir has all cases
    assert r.returncode == 0 and other.names() == ["192.0.2.2"] and stamps.names() == ["192.0.2.1"]


# PROG finds all as it was

def state(*prog, **more):
    """What a program sees of itself: descriptors, signals, identity, umask, directory, environment, limits."""
    script = ("import os\n"
              "at = '/proc/self/fd/'\n"
              "fds = {n: os.readlink(at + n) for n in os.listdir(at) if os.path.lexists(at + n)}\n"
              "u = os.umask(0)\n"
              "names = ('Sig', 'Shd', 'Gid', 'Uid', 'Gro')\n"
              "s = [l for l in open('/proc/self/status') if l[:3] in names and l[3] != 'Q']\n"
              "out = repr((sorted(fds.items()), u, s, os.getcwd(), sorted(os.environ.items())))\n"
              "open(os.environ['OUT'], 'w').write(out)\n")
    out = more.pop("out")
    r = subprocess.run([*prog, "/usr/bin/python3", "-c", script], env={"PATH": PATH, "OUT": out, **WHO}, **more)
    with open(out) as f:
        return r.returncode, f.read()


@pytest.mark.parametrize("closed", [(), (0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("where", ["good", "/nonexistent"])
def test_untouched(stamps, tmp_path, closed, where):  # noqa: F811
    r, w = os.pipe()
    os.write(w, b"user\0password\0")
    os.set_inheritable(r, True)
    data = tmp_path / "data"
    data.write_bytes(b"0123456789")
    out = str(tmp_path / "out")

    def before():
        os.dup2(r, 3)
        os.umask(0o27)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for fd in closed:
            os.close(fd)
    log = tmp_path / "log"
    seen = []
    with open(data, "rb") as f, open(log, "wb") as err, open("/dev/zero", "rb") as extra:
        os.lseek(f.fileno(), 4, os.SEEK_SET)
        for prog in ((), (STAMP, stamps.dir if where == "good" else where)):
            seen.append(state(*prog, out=out, stdin=f, stdout=err, stderr=err, close_fds=False, preexec_fn=before,
                              cwd="/usr"))
        assert extra and os.lseek(f.fileno(), 0, os.SEEK_CUR) == 4
    assert seen[0] == seen[1] and seen[0][0] == 0
    assert os.read(r, 100) == b"user\0password\0"
    os.close(r)
    os.close(w)
    assert stamps.names() == (["192.0.2.1"] if where == "good" else [])
    if where == "good":
        assert stamps.user("192.0.2.1") == b"joe"


@pytest.mark.root
def test_setgid(public):  # noqa: F811
    """The directory's group for the stamp alone; PROG has the caller's."""
    if os.geteuid():
        pytest.skip("needs root")
    os.chown(public.dir, 0, 65533)
    os.chmod(public.dir, 0o2770)
    mine = shutil.copy(STAMP, public.dir + "-program")
    os.chown(mine, 0, 65533)
    os.chmod(mine, 0o2755)
    r = public.login("grep", "^[GU]id", "/proc/self/status", env=WHO, program=mine, user=65534, group=65534,
                     extra_groups=[])
    assert r.returncode == 0 and r.stderr == b""
    assert r.stdout.split() == [b"Uid:"] + [b"65534"] * 4 + [b"Gid:"] + [b"65534"] * 4
    assert public.names() == ["192.0.2.1"] and os.stat(public.path("192.0.2.1")).st_gid == 65533


def test_many_at_once(stamps):  # noqa: F811
    """Hundreds of logins from few addresses; each name has a whole stamp in the end, and nothing else is left."""
    script = ('i=0; while [ $i -lt 100 ]; do TCPREMOTEIP=192.0.2.$((i % 7)) USER=u$1x$i "$2" "$3" true || exit 1; '
              'i=$((i + 1)); done')
    start = time.monotonic()
    procs = [subprocess.Popen(["sh", "-c", script, "sh", str(i), STAMP, stamps.dir]) for i in range(4)]
    assert [p.wait(60) for p in procs] == [0] * 4
    assert stamps.names() == ["192.0.2.%d" % i for i in range(7)]
    assert all(stamps.user(n).startswith(b"u") for n in stamps.names())
    assert time.monotonic() - start < 20
