"""One batch to one receiver: signed, through the guarded door, within a deadline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

from leadops.lib import webhooks
from leadops.lib.http import Door, HttpError, Reply, Request
from recipients.vault import Vault, stored_secrets

GONE = 410
LONGEST_WAIT = 3_600.0  # seconds that a receiver may ask for


class Receiver(Protocol):
    """A subscription, or a hook's webhook."""

    url: str
    secret: str
    previous_secret: str
    timeout: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a batch was not taken. `wait` in seconds, where the receiver asks for one; `final`: it
    wants no more."""

    reason: str
    wait: float = 0.0
    final: bool = False


def send(receiver: Receiver, door: Door, *, id: str, body: bytes, now: datetime) -> Refusal | None:
    """None when it was taken: any 2xx, and nothing else."""
    try:
        request = _request(receiver, id=id, body=body, now=now)
    except ValueError as error:
        return Refusal(f"Cannot be signed: {error}")
    return post(door, request, now=now).refusal


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of a post: taken without a `refusal`. `reply` is there where one came whole."""

    refusal: Refusal | None
    reply: Reply | None = None


def post(door: Door, request: Request, *, now: datetime) -> Posted:
    """Send a signed request, once."""
    try:
        reply = door.send(request)
    except HttpError as error:
        return Posted(Refusal(str(error)))
    if 200 <= reply.status < 300:
        return Posted(None, reply)
    said = f"Answered {reply.status}"
    return Posted(Refusal(said, wait=_wait(reply, now), final=reply.status == GONE), reply)


def _request(receiver: Receiver, *, id: str, body: bytes, now: datetime) -> Request:
    vault = Vault(*stored_secrets())
    given = (receiver.secret, receiver.previous_secret)
    secrets = [vault.secret(text) for text in given if text]
    return signed(receiver.url, secrets, id=id, body=body, now=now, timeout=receiver.timeout)


def signed(
    url: str,
    secrets: Sequence[str],
    *,
    id: str,
    body: bytes,
    now: datetime,
    timeout: float,
    content_type: str = "application/json",
) -> Request:
    """A post with a signature by each secret; raises ValueError for one that is none."""
    headers = {"Content-Type": content_type}
    headers |= webhooks.sign(secrets, id=id, timestamp=int(now.timestamp()), body=body)
    if not secrets:
        del headers[webhooks.SIGNATURE]
    return Request(
        "POST",
        url,
        headers=headers,
        body=body,
        timeout=timeout,
        connect_timeout=min(5.0, timeout),
    )


def _wait(reply: Reply, now: datetime) -> float:
    """Retry-After in seconds; 0 where there is none that can be read (RFC 9110, 10.2.3)."""
    text = reply.headers.get("retry-after", "").strip()
    try:
        wait = float(text) if text.isdecimal() else _until(text, now)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(wait, 0.0), LONGEST_WAIT) if math.isfinite(wait) else 0.0


def _until(text: str, now: datetime) -> float:
    moment = parsedate_to_datetime(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - now).total_seconds()
