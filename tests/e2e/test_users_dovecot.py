"""relay-auth behind Dovecot's `driver = checkpassword`, which knows nothing of us."""
import os
import shutil

import pytest

from lib.checkpassword import ask
from lib.dovecot import Asking
from lib.procs import program, sanitized
from lib.users import auth, usual

REFUSED, TROUBLE = "-ERR [AUTH]", "-ERR [SYS/TEMP]"
pytestmark = [pytest.mark.once, pytest.mark.skipif(not os.path.exists("/usr/lib/dovecot/checkpassword-reply"),
                                                   reason="no Dovecot: sh package/deps install test")]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Dovecot, and the users.cdb that relay-auth has. Dovecot's processes of authentication aren't root."""
    if sanitized():
        pytest.skip("Dovecot limits the memory of its processes")
    with Asking() as d:
        d.cdb = shutil.move(usual(tmp_path_factory.mktemp("users")), d.path("users.cdb"))
        os.chmod(d.cdb, 0o644)
        d.start([program("relay-auth"), d.cdb])
        yield d


def test_logins(served):
    """The name that relay-auth says is the name of the mailbox."""
    for user, password, name in (("Joe", "secret", "joe"), ("joe", "secret", "joe"),
                                 ("weird@x.example", "p w=,\\\"%", "weird@x.example"), ("ann", "other", "ann")):
        assert served.login(user, password) == name
    for user, password in (("joe", "Secret"), ("joe", "secret "), ("off", "secret"), ("nobody", "secret"),
                           ("cert", "x"), ("joe", 600 * "x")):
        assert served.login(user, password).startswith(REFUSED), user


def test_trouble_is_no_refusal(served):
    os.rename(served.cdb, served.cdb + ".away")
    try:
        assert served.login("joe", "secret").startswith(TROUBLE)
        with open(served.cdb, "wb") as f:
            f.write(bytes(3000))
        os.chmod(served.cdb, 0o644)
        assert served.login("joe", "secret").startswith(TROUBLE)
    finally:
        os.rename(served.cdb + ".away", served.cdb)
    assert served.login("joe", "secret") == "joe"


def test_no_lookup_without_a_password(tmp_path):
    """Dovecot's AUTHORIZED=1 asks for a user without a password, which relay-auth has no answer for: it stays a no."""
    cdb = usual(tmp_path)
    for password in ("", "secret"):
        a = ask(auth(cdb, "sh", "-c", "exit 0"), ("joe", password, ""), env=dict(os.environ, AUTHORIZED="1"))
        assert (a.code, a.said) == (1, []) if not password else a.code == 0
