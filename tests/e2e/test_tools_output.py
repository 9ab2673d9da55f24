"""The tools that read rules: a directory stands for rules.cdb in it, and what can't be written is no success."""
import subprocess

import pytest

from lib.explain import Site
from lib.procs import program

pytestmark = pytest.mark.once

TOOLS = {
    "relay-prove": lambda rules: [rules],
    "relay-explain": lambda rules: ["--rules", rules, "--to=a@hosted.example"],
    "relay-diff": lambda rules: [rules, rules + "/../other"],
}


@pytest.fixture
def site(tmp_path):
    for name, relay in (("one", "grant clients\n"), ("other", "grant login\n")):
        (tmp_path / name).mkdir()
        Site(tmp_path / name, clients='127.0.0.1:allow,RELAYCLIENT=""\n:allow\n', domains="hosted.example\n",
             relay=relay)
    return str(tmp_path / "one")


@pytest.mark.parametrize("tool", TOOLS)
def test_output(site, tool):
    argv = [program(tool), *TOOLS[tool](site)]
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert r.returncode == (tool == "relay-diff") and r.stdout and not r.stderr
    with open("/dev/full", "wb") as full:
        r = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert r.returncode == 111 and b"write" in r.stderr
