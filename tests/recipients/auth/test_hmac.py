from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from leadops.buyers import Buyers
from leadops.lib.http import Door, Request
from recipients.auth.hmac import sign
from recipients.options import OptionError
from recipients.outcomes import Outcome
from recipients.plan import Auth, AuthKind
from tests.recipients.auth.scene import auth, plan, send, statuses

BODY = '{"name":"Zoë €"}'.encode() + b"\x00\xff"
REQUEST = Request("POST", "https://buyer.example/leads?x=1", {"x-signature": "old"}, BODY)


KEY = "key"


def signer(secret: str = KEY, **options: Any) -> Auth:
    return auth(AuthKind.HMAC, secret=secret, options=options)


def digest(message: bytes, key: bytes = b"key", algorithm: str = "sha256") -> bytes:
    return hmac.new(key, message, algorithm).digest()


def test_it_signs_the_bytes_of_the_body() -> None:
    assert sign(REQUEST, signer()).headers == {"X-Signature": digest(BODY).hex()}


def test_it_signs_and_shows_the_time() -> None:
    by = signer(
        signed="{{timestamp}}.{{body}}",
        value="t={{timestamp}},v1={{signature}}",
        timestamp_header="X-Timestamp",
        encoding="base64",
        algorithm="sha512",
    )
    headers = sign(REQUEST, by).headers
    stamp = headers["X-Timestamp"]
    wanted = digest(stamp.encode() + b"." + BODY, algorithm="sha512")
    assert headers["X-Signature"] == f"t={stamp},v1={base64.b64encode(wanted).decode()}"


def test_it_signs_method_path_and_the_digest_of_the_body() -> None:
    by = signer(signed="{{method}}\n{{path}}\n{{nonce}}\n{{body_sha256}}", nonce_header="X-Nonce")
    headers = sign(REQUEST, by).headers
    lines = ["POST", "/leads?x=1", headers["X-Nonce"], hashlib.sha256(BODY).hexdigest()]
    assert headers["X-Signature"] == digest("\n".join(lines).encode()).hex()


@pytest.mark.parametrize(
    ("encoding", "secret"),
    [("text", "key"), ("hex", "6b6579"), ("base64", "a2V5"), ("base64", "whsec_a2V5")],
)
def test_it_reads_the_key_as_it_is_written(encoding: str, secret: str) -> None:
    by = signer(secret, secret_encoding=encoding)
    assert sign(REQUEST, by).headers["X-Signature"] == digest(BODY).hex()


@pytest.mark.parametrize(
    ("secret", "options", "name"),
    [
        ("", {}, "secret"),
        ("no hex", {"secret_encoding": "hex"}, "secret"),
        ("%", {"secret_encoding": "base64"}, "secret"),
        ("key", {"algorithm": "crc32"}, "algorithm"),
        ("key", {"timestamp_header": "a b"}, "timestamp_header"),
    ],
)
def test_it_refuses_what_cannot_sign(secret: str, options: dict[str, Any], name: str) -> None:
    with pytest.raises(OptionError) as caught:
        signer(secret, **options)
    assert caught.value.name == name


@pytest.mark.parametrize("compress", [False, True])
def test_a_buyer_takes_the_signature(buyers: Buyers, door: Door, compress: bool) -> None:
    options = {"signed": "{{timestamp}}.{{body}}", "value": "t={{timestamp}},v1={{signature}}"}
    good, bad = signer("s3cret", **options), signer("other", **options)
    url = buyers.url + "/b/h/auth/hmac"
    buyers.clear()
    assert send(plan(url, good, compress=compress), door).result.outcome is Outcome.ACCEPTED
    assert send(plan(url, bad), door).result.outcome is Outcome.UNAUTHORIZED
    assert statuses(buyers, "/b/h/auth/hmac") == [200, 401]
