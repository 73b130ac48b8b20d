"""Signatures of webhooks, after the Standard Webhooks specification 1.0.0 (symmetric, v1).

The receiver's library of that specification takes what `sign` gives; `verify` takes what others
send.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX = "whsec_"
KEY_BYTES = range(24, 65)
TOLERANCE = 300  # seconds that a message may be old, or from the future


class BadSignature(ValueError):
    """Not from whom it should be, or not now."""


def key_of(secret: str) -> bytes:
    """The key in `whsec_…`, or in its base64 alone; raises ValueError."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a secret is whsec_ and base64") from None
    if len(key) not in KEY_BYTES:
        raise ValueError("a secret has 24 to 64 bytes, in base64 behind whsec_")
    return key


def sign(secrets: Sequence[str], *, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers. While a secret is changed there are two, and a signature by each."""
    signatures = (_signature(key_of(secret), id, timestamp, body) for secret in secrets)
    return {ID: id, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(signatures)}


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> None:
    """Raises BadSignature. Header names in lower case, `now` in seconds since 1970."""
    try:
        id, said = headers[ID], headers[SIGNATURE]
        timestamp = int(headers[TIMESTAMP])
    except (KeyError, ValueError):
        raise BadSignature("The headers of a signed webhook are missing") from None
    if abs(now - timestamp) > TOLERANCE:
        raise BadSignature("The webhook is too old, or from the future")
    wanted = [_signature(key_of(secret), id, timestamp, body).encode() for secret in secrets]
    given = [one.encode() for one in said.split(" ")]
    if not any(hmac.compare_digest(one, other) for one in wanted for other in given):
        raise BadSignature("No signature is by a secret that is known here")


def _signature(key: bytes, id: str, timestamp: int, body: bytes) -> str:
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
