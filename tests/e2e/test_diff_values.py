"""relay-diff says which values of RELAYCLIENT it did not follow."""
import json

from test_diff import GRANTS, LOCAL, diff, make

import pytest

pytestmark = pytest.mark.once


def test_values_that_are_not_followed(tmp_path):
    """What RELAYCLIENT's value makes of recipients is named, where anything has changed at all."""
    values = "".join('10.0.%d.1:allow,RELAYCLIENT=".v%d"\n' % (i, i) for i in range(12))
    old = make(tmp_path / "old", clients=LOCAL + values + ":allow\n")
    same = make(tmp_path / "same", clients="# other lines\n" + LOCAL + values + ":allow\n")
    new = make(tmp_path / "new", clients=LOCAL + values + ":allow\n", relay=GRANTS + "deny to x@out.example.v3\n")
    assert diff(old, same) == (0, "", "") and json.loads(diff("--json", old, same)[1])["not-followed"] == []
    out = diff("--short", old, new)[1].splitlines()
    assert [l.split(" ")[6] for l in out if l.startswith("not followed: recipients")] == [".v%d" % i for i in range(10)]
    assert out[-1] == "not followed: more values"
    found = json.loads(diff("--json", old, new)[1])
    assert found["not-followed"][11] == {"value": ".v11", "old": 13, "new": 13} and not found["not-followed-more"]
