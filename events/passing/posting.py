"""One feedback to its source: signed, through the guarded door, and kept as it went."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from events.models import PassedFeedback
from events.passing import telling
from events.passing.settling import Came
from events.pushing.sending import Posted, Refusal, post, signed
from leadops.lib import locators
from leadops.lib.http import Door, Request
from leadops.lib.redact import Redactor
from recipients.loading import Vault, stored_secrets

TIMEOUT = 10.0  # seconds that a source has to answer, all in all
TOO_MANY = 429
LONGEST_REPLY = 4_000  # characters that are kept: nobody needs more of an acknowledgement


@dataclass(frozen=True, slots=True)
class Way:
    """How to a source: where, signed by what. `secrets` has two while one is being changed."""

    url: str
    secrets: tuple[str, ...] = field(repr=False)
    redactor: Redactor = field(repr=False)
    trouble: str = ""

    def request(self, id: str, body: bytes, now: datetime) -> Request:
        return signed(self.url, self.secrets, id=id, body=body, now=now, timeout=TIMEOUT)


def way_to(source: Any) -> Way:
    """Never raises: what is missing is said in `trouble`, and mended while feedback waits."""
    stored, seconds = stored_secrets()
    vault = Vault(stored, seconds)
    secrets: list[str] = []
    trouble = ""
    try:
        if source.feedback_secret:
            secrets.append(vault.secret(source.feedback_secret))
            vault.takes_second = True
            secrets.append(vault.secret(source.feedback_secret))
    except ValueError as error:
        trouble = f"Cannot be signed: {error}"
    return Way(
        url=source.feedback_url,
        secrets=tuple(dict.fromkeys(secrets)),
        redactor=Redactor(vault.given),
        trouble=trouble,
    )


def send(row: PassedFeedback, said: Mapping[str, Any], way: Way, door: Door, now: datetime) -> Came:
    """Tell it once. No query: it runs beside others, in a thread that has no connection."""
    if way.trouble:
        return Came(row, Refusal(way.trouble), down=True)
    try:
        request = way.request(row.id, telling.message(said, row.created_at), now)
    except ValueError as error:
        return Came(row, Refusal(f"Cannot be signed: {error}"), down=True)
    begun = time.monotonic()
    posted = post(door, request, now=now)
    seconds = time.monotonic() - begun
    exchange = _exchange(request, posted, way.redactor, seconds)
    reply = posted.reply
    down = reply is None or reply.status >= 500 or reply.status == TOO_MANY
    return Came(row, posted.refusal, seconds, exchange, down=down)


def send_test(source: Any, door: Door, *, id: str, now: datetime) -> Refusal | None:
    """A post that says it is a test; None when it was taken."""
    way = way_to(source)
    if way.trouble:
        return Refusal(way.trouble)
    try:
        request = way.request(id, telling.test_message(now), now)
    except ValueError as error:
        return Refusal(f"Cannot be signed: {error}")
    return post(door, request, now=now).refusal


def _exchange(
    request: Request, posted: Posted, redactor: Redactor, seconds: float
) -> dict[str, Any]:
    """As the journal keeps it, without secrets."""
    reply = posted.reply
    body = reply.body.decode("utf-8", "replace").replace("\0", "\ufffd") if reply else ""
    return {
        "delivery_id": "",
        "duration_ms": round(seconds * 1000),
        "method": request.method,
        "url": redactor.url(locators.without_secrets(request.url)),
        "request_headers": redactor.headers(request.headers),
        "request_body": request.body.decode(),
        "status": reply.status if reply else None,
        "reply_headers": redactor.headers(reply.headers) if reply else {},
        "reply_body": redactor.text(body[:LONGEST_REPLY]),
        "error": "" if reply or not posted.refusal else posted.refusal.reason,
    }
