"""relay-pop-stamp and relay-pop-check: which word is the directory and which the program. Whatever was meant, the
program is run: a directory that is missing, or that nobody names, fails no login and no connection."""
import os
import shutil
import subprocess
import tempfile

import pytest

from lib.procs import for_everybody, program
from lib.popchain import put
from lib.stamps import PATH

IP = "192.0.2.7"
GONE = "/nowhere/stamps"


class House:
    """A directory of stamps with one, another that is empty, one behind a door, a folder of programs."""

    def __init__(self, path):
        self.path = path
        os.chmod(path, 0o755)   # other accounts find the way
        for name in ("stamps", "other", "door", "door/stamps", "here", "here/prog"):
            os.makedirs(self.at(name), 0o755, exist_ok=True)
        put(self.at("stamps"), IP)
        shutil.copy("/bin/echo", self.at("prog"))   # the full path of a program
        os.symlink(self.at("prog"), self.at("link"))
        open(self.at("plain"), "w").close()
        os.symlink(self.at("stamps"), self.at("way"))
        os.chmod(self.at("door"), 0)

    def at(self, name):
        return os.path.join(self.path, name)

    def words(self, words):
        return [self.at(w[1:]) if w.startswith("~") else w for w in words]


@pytest.fixture
def house():
    made = House(tempfile.mkdtemp(prefix="posthouse-"))
    yield made
    os.chmod(made.at("door"), 0o755)
    shutil.rmtree(made.path)


# words; RELAY_CTRL_DIR; the directory that is asked (null: none), what echo is to say
ROWS = [
    (("~stamps", "echo", "in"), None, "stamps"),
    (("~way", "echo", "in"), None, "stamps"),
    (("~stamps", "echo", "in"), "~other", "stamps"),           # the operand wins
    (("~stamps", "~prog", "in"), "~other", "stamps"),
    (("echo", "in"), "~stamps", "stamps"),
    (("~prog", "in"), "~stamps", "stamps"),                    # a program by its full path
    (("~link", "in"), "~stamps", "stamps"),
    ((GONE, "echo", "in"), "~stamps", None),                   # missing: the directory all the same, not the program
    ((GONE, "echo", "in"), None, None),
    ((GONE, "~prog", "in"), "~stamps", None),
    (("~door/stamps", "echo", "in"), "~stamps", None),         # nobody may look at it
    (("~stamps/" + "d" * 5000, "echo", "in"), "~stamps", None),
    (("/dev/null", "echo", "in"), "~stamps", None),            # no directory, and no program either
    (("~plain", "echo", "in"), "~stamps", None),
    (("", "echo", "in"), "~stamps", None),                     # as a shell's variable that was lost
    (("", "echo", "in"), None, None),
    (("echo", "in"), None, None),                              # the variable was lost, or is empty
    (("echo", "in"), "", None),
    (("~prog", "in"), None, None),
    (("echo", "in"), GONE, None),
    (("echo", "in"), "stamps", "stamps"),                      # relative, as the variable may be
]


@pytest.mark.parametrize("words, ctrl, asked", ROWS)
def test_which_is_which(house, words, ctrl, asked):
    who = {"user": 65534, "group": 65534, "extra_groups": []} if not os.geteuid() else {}
    env = {"PATH": PATH, "TCPREMOTEIP": IP}
    if ctrl is not None:
        env["RELAY_CTRL_DIR"] = house.words([ctrl])[0]
    words = house.words(words)
    for name in ("stamps", "other"):
        os.chown(house.at(name), 65534 if who else -1, -1)
    check = [for_everybody(program("relay-pop-check")), *words[:-1], "-n", words[-1]]
    r = subprocess.run(check, env=env, cwd=house.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=30, **who)
    assert (r.returncode, r.stdout) == (0, b"in"), r
    assert (b"why=no-directory" in r.stderr) == (asked is None), r
    os.unlink(os.path.join(house.at("stamps"), IP))
    r = subprocess.run([for_everybody(program("relay-pop-stamp")), *words], env=env, cwd=house.path,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, **who)
    assert (r.returncode, r.stdout) == (0, b"in\n"), r
    assert (b"why=no-directory" in r.stderr) == (asked is None), r
    assert os.listdir(house.at("stamps")) == ([IP] if asked else []) and os.listdir(house.at("other")) == []


def test_what_lies_here_is_no_directory(house):
    """The current directory may be the user's own; only a full path is an operand."""
    os.symlink("/bin", house.at("here/bin"))
    env = {"PATH": house.at("here") + ":" + PATH, "TCPREMOTEIP": IP, "RELAY_CTRL_DIR": house.at("other")}
    for name in ("relay-pop-stamp", "relay-pop-check"):
        r = subprocess.run([program(name), "bin/echo", "in"], env=env, cwd=house.at("here"), stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        assert (r.returncode, r.stdout) == (0, b"in\n"), r
    assert os.listdir(house.at("other")) == [IP]


@pytest.mark.parametrize("name", ["relay-pop-stamp", "relay-pop-check"])
def test_nothing_to_run(name):
    for words in ((), ("/",), (GONE,)):
        for ctrl in ({}, {"RELAY_CTRL_DIR": "/"}):
            r = subprocess.run([program(name), *words], env={"PATH": PATH, **ctrl}, stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, timeout=30)
            assert r.returncode == 100 and b"usage: " + name.encode() in r.stderr, (words, r)
