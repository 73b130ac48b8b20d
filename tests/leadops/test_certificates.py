from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from leadops.lib import certificates
from leadops.lib.certificates import BadCertificate, Standing
from leadops.lib.http.tls import Tls
from tests.leadops.http.certificates import Authority

CA = Authority()
ONE, OTHER = CA.issue("one.example"), CA.issue("other.example", days=10)
LOCKED = (
    load_pem_private_key(ONE.key.encode(), None)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    .decode()
)


@pytest.mark.parametrize(
    "tls",
    [
        Tls(),
        Tls(ca=CA.certificate),
        Tls(certificate=ONE.certificate, key=ONE.key),
        Tls(ca=CA.certificate, certificate=ONE.certificate + CA.certificate, key=ONE.key),
    ],
)
def test_it_takes_what_fits_together(tls: Tls) -> None:
    certificates.check(tls)


@pytest.mark.parametrize(
    ("tls", "part"),
    [
        (Tls(ca="nonsense"), "ca"),
        (Tls(ca=ONE.key), "ca"),
        (Tls(certificate=ONE.key, key=ONE.key), "certificate"),
        (Tls(certificate=ONE.certificate), "key"),
        (Tls(key=ONE.key), "certificate"),
        (Tls(certificate=ONE.certificate, key=OTHER.key), "key"),
        (Tls(certificate=ONE.certificate, key="nonsense"), "key"),
        (Tls(certificate=ONE.certificate, key=LOCKED), "key"),
        # The chain before the certificate: the key is not that of the first.
        (Tls(certificate=CA.certificate + ONE.certificate, key=ONE.key), "key"),
    ],
)
def test_it_says_what_does_not_fit(tls: Tls, part: str) -> None:
    with pytest.raises(BadCertificate) as caught:
        certificates.check(tls)
    assert caught.value.part == part
    assert "BEGIN" not in str(caught.value)


def test_it_leaves_a_key_alone_that_is_not_known_yet() -> None:
    certificates.check(Tls(certificate=ONE.certificate, key="${KEY}"), with_key=False)


def test_it_tells_which_certificate_ends_first() -> None:
    found = certificates.standing(OTHER.certificate + ONE.certificate)
    assert found is not None
    assert found.name == "one.example"
    assert certificates.standing("nonsense") is None


def test_it_warns_before_the_end_and_after_it() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)

    def text(days: int) -> str:
        return Standing("one.example", now + timedelta(days=days)).text(now)

    assert text(90) == "one.example: valid until 2026-05-30"
    assert text(10) == "one.example: valid until 2026-03-11, 10 days left"
    assert text(-1) == "one.example: expired on 2026-02-28"
    assert Standing("", now + timedelta(days=10)).is_urgent(now)
    assert not Standing("", now + timedelta(days=90)).is_urgent(now)
