"""What relay-smtpd offers is what relay-auth can do with the users that it has."""
import smtplib
import ssl

import pytest

from lib.login import ALICE, PASSWORD, LoginChain, hashed


@pytest.mark.parametrize("options, offered", [((), False), (("-c",), True)])
def test_cram_md5_only_where_there_is_a_key(options, offered):
    with LoginChain(users=hashed("alice", PASSWORD, *options) + "\n") as chain:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with smtplib.SMTP("127.0.0.1", chain.ports["starttls"], timeout=30) as s:
            s.starttls(context=context)
            s.ehlo()
            words = s.esmtp_features["auth"].split()
            assert ("CRAM-MD5" in words) == offered and {"PLAIN", "LOGIN", "SCRAM-SHA-256"} <= set(words)
            if not offered:
                assert s.docmd("AUTH", "CRAM-MD5")[0] == 504
            s.login("alice", PASSWORD)
            assert s.mail(ALICE)[0] == 250
