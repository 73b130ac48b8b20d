from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from leadops.buyers import Buyers
from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.options import OptionError
from recipients.outcomes import Outcome
from recipients.plan import Auth, AuthKind
from tests.recipients.auth.scene import auth, plan, send, statuses

PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: Any) -> str:
    form = serialization.PrivateFormat.PKCS8
    none = serialization.NoEncryption()
    return str(key.private_bytes(serialization.Encoding.PEM, form, none).decode())


def public(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


RSA = pem(PRIVATE)


def signing(buyers: Buyers, *, secret: str = RSA, **options: Any) -> Auth:
    url = f"{buyers.url}/b/j/auth/token?key={quote(public(PRIVATE), safe='')}"
    return auth(AuthKind.JWT, username="lead", secret=secret, options={"token_url": url, **options})


def test_it_exchanges_a_signed_jwt_for_a_token(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    by = signing(
        buyers, subject="ops@example.com", audience="https://login.example", key_id="k1",
        scope="api", claims={"org": "42"},
    )  # fmt: skip
    to = plan(buyers.url + "/b/j/auth/oauth", by)
    keyring = Keyring()
    for _ in range(2):
        assert send(to, door, keyring=keyring).result.outcome is Outcome.ACCEPTED
    (entry,) = buyers.log(path="/b/j/auth/token")
    fields = parse_qs(entry["body"])
    assert fields["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert fields["scope"] == ["api"]
    (assertion,) = fields["assertion"]
    claims = jwt.decode(
        assertion, public(PRIVATE), algorithms=["RS256"], audience="https://login.example"
    )
    assert jwt.get_unverified_header(assertion)["kid"] == "k1"
    assert claims["exp"] - claims["iat"] == 180
    assert (claims["iss"], claims["sub"], claims["org"]) == ("lead", "ops@example.com", "42")


def test_a_key_that_the_service_does_not_know_is_unauthorized(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    other = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    attempt = send(plan(buyers.url + "/b/j/auth/oauth", signing(buyers, secret=other)), door)
    assert attempt.result.outcome is Outcome.UNAUTHORIZED
    assert "Signature verification failed" in attempt.result.details
    assert statuses(buyers, "/b/j/auth/oauth") == []


def test_without_a_token_service_the_jwt_is_the_token(buyers: Buyers, door: Door) -> None:
    key = "a-shared-secret-of-enough-bytes-for-sha-256"
    own = auth(
        AuthKind.JWT, username="lead", secret=key,
        options={"algorithm": "HS256", "audience": "https://buyer.example", "lifetime": "60s"},
    )  # fmt: skip
    attempt = send(plan(f"{buyers.url}/b/own/auth/jwt?key={key}", own), door)
    assert attempt.result.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "written",
    [
        RSA,
        RSA.replace("\n", "\\n"),
        RSA.replace("\n", " "),
        RSA.replace("\n", "\r\n"),
        pem(ec.generate_private_key(ec.SECP256R1())).replace("\n", ""),
    ],
)
def test_it_takes_a_key_whatever_became_of_its_lines(buyers: Buyers, written: str) -> None:
    algorithm = "RS256" if len(written) > 1000 else "ES256"
    assert signing(buyers, secret=written, algorithm=algorithm).secret == written


@pytest.mark.parametrize(
    ("secret", "options", "name"),
    [
        ("no key", {}, "secret"),
        (RSA, {"algorithm": "ES256"}, "secret"),
        ("", {}, "secret"),
        (RSA, {"claims": {"iss": "x"}}, "claims"),
        (RSA, {"algorithm": "none"}, "algorithm"),
    ],
)
def test_it_refuses_what_cannot_sign(
    buyers: Buyers, secret: str, options: dict[str, Any], name: str
) -> None:
    with pytest.raises(OptionError) as caught:
        signing(buyers, secret=secret, **options)
    assert caught.value.name == name
    assert "no key" not in str(caught.value)


def test_it_leaves_a_key_that_is_a_reference_for_later(buyers: Buyers) -> None:
    assert signing(buyers, secret="${SALESFORCE_KEY}").secret == "${SALESFORCE_KEY}"
