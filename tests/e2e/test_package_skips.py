"""A test that was not run must not pass for one that was: pytest's option --skips, and package/check's list."""
import os
import re
import subprocess

import pytest

from lib import skips
from lib.procs import ROOT

pytestmark = pytest.mark.once

SKIPS = """import pytest
@pytest.mark.skipif(True, reason="%s")
def test_a(): pass
def test_b(): pytest.skip("needs root, and more")
def test_c(): pass
"""


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["one", "several"])
@pytest.mark.parametrize("why,good", [("needs root", True), ("no swaks", False), ("it needs root", False)])
def test_skips(tmp_path, why, good, options):
    """A test skipped for a reason that is not listed has failed, without the list it hasn't."""
    (tmp_path / "test_x.py").write_text(SKIPS % why)
    (tmp_path / "skips").write_text("# no swaks\n\nneeds root\n")
    words = ["/usr/bin/python3", "-m", "pytest", "-p", "lib.skips", "-p", "no:cacheprovider", *options, "test_x.py"]
    env = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.abspath(__file__)), "PYTHONDONTWRITEBYTECODE": "1"}
    for more in ([], ["--skips", "skips"]):
        r = subprocess.run(words + more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, cwd=tmp_path)
        assert r.returncode == (0 if good or not more else 1), r.stdout.decode()
    said = r.stdout.decode()
    assert ("NOT TESTED test_x.py::test_a: %s is no reason in skips\n" % why in said) == (not good), said


def test_check_takes_the_list():
    """package/check hands it over, and what Debian has is none of its reasons."""
    with open(os.path.join(ROOT, "package", "check")) as f:
        assert re.search(r'-- make .* e2e PYTEST="[^"]* --skips package/skips"$', f.read(), re.M)
    reasons = skips.known(os.path.join(ROOT, "package", "skips"))
    for why in ("no cvm: sh package/deps install test", "no postfix", "no nmap", "unbound is not installed",
                "no nodemailer: package/deps puts it below build/npm where there is npm",
                "no relay-prove in this build"):
        assert not any(r.match(why) for r in reasons), why
    assert any(r.match("accounts need root") for r in reasons)
