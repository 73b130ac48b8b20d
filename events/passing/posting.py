"""One feedback posted to its source: signed, through the guarded door, and kept as it went."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from events.models import PassedFeedback
from events.passing.message import Telling, tell_test
from events.passing.settling import Came
from events.passing.wording import Way, way_to
from events.passing.writing import Unwritable, Written, one
from events.pushing.sending import Posted, Refusal, post
from leadops.lib import locators
from leadops.lib.http import Door, Request
from leadops.lib.redact import Redactor

TOO_MANY = 429
LONGEST_REPLY = 4_000  # characters that are kept: nobody needs more of an acknowledgement


def send(row: PassedFeedback, told: Telling, way: Way, door: Door, now: datetime) -> Came:
    """Tell it once. No query: it runs beside others, in a thread that has no connection."""
    if way.trouble or way.form is None:
        return Came(row, Refusal(way.trouble), down=True)
    try:
        written = one(way.form, told)
    except Unwritable as error:
        return Came(row, Refusal(str(error)))
    try:
        request = way.request(row.id, written, now)
    except ValueError as error:
        return Came(row, Refusal(f"Cannot be signed: {error}"), down=True)
    begun = time.monotonic()
    posted = post(door, request, now=now)
    seconds = time.monotonic() - begun
    exchange = _exchange(request, posted, written, way.redactor, seconds)
    reply = posted.reply
    down = reply is None or reply.status >= 500 or reply.status == TOO_MANY
    data = {
        "method": "webhook",
        "place": exchange["url"].partition("?")[0],
        "format": way.form.format,
        "rows": 1,
    }
    return Came(row, posted.refusal, seconds, exchange, data=data, down=down)


def send_test(source: Any, door: Door, *, id: str, now: datetime) -> Refusal | None:
    """A post that says it is a test; None when it was taken."""
    way = way_to(source)
    if way.trouble or way.form is None:
        return Refusal(way.trouble)
    try:
        written = one(way.form, tell_test(source, id=id, at=now))
        request = way.request(id, written, now)
    except Unwritable as error:
        return Refusal(str(error))
    except ValueError as error:
        return Refusal(f"Cannot be signed: {error}")
    return post(door, request, now=now).refusal


def _exchange(
    request: Request, posted: Posted, written: Written, redactor: Redactor, seconds: float
) -> Mapping[str, Any]:
    """As the journal keeps it, without secrets."""
    reply = posted.reply
    body = reply.body.decode("utf-8", "replace").replace("\0", "\ufffd") if reply else ""
    return {
        "delivery_id": "",
        "duration_ms": round(seconds * 1000),
        "method": request.method,
        "url": redactor.url(locators.without_secrets(request.url)),
        "request_headers": redactor.headers(request.headers),
        "request_body": redactor.text(written.shown),
        "status": reply.status if reply else None,
        "reply_headers": redactor.headers(reply.headers) if reply else {},
        "reply_body": redactor.text(body[:LONGEST_REPLY]),
        "error": "" if reply or not posted.refusal else posted.refusal.reason,
    }
