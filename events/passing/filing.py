"""What a source is told as a file to a destination: by e-mail, SFTP, object store, HTTP, folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.db import connection

from events.destinations import delivering
from events.destinations.places import place_of
from events.models import Destination, PassedFeedback
from events.passing.message import Telling
from events.passing.settling import Came
from events.passing.wording import Way
from events.passing.writing import Unwritable, Written, one
from events.pushing.sending import LONGEST_WAIT, Refusal
from leadops.lib.http import Door

TIMEOUT = 30.0  # seconds that one feedback may take, all in all
# As requests by the same ways are called elsewhere in the record.
METHODS = {"email": "SMTP", "sftp": "SFTP", "object_store": "PUT", "http": "POST", "file": "FILE"}


@dataclass(frozen=True, slots=True)
class Filed:
    """What came of a file: there without a `refusal`. `down`: whatever is sent there."""

    place: str
    answer: str = ""
    refusal: Refusal | None = None
    down: bool = False
    seconds: float = 0.0


def send(row: PassedFeedback, told: Telling, way: Way, to: Destination, door: Door) -> Came:
    """Tell it once. It runs beside others, in a thread that keeps no connection."""
    try:
        return _send(row, told, way, to, door)
    finally:
        connection.close()


def _send(row: PassedFeedback, told: Telling, way: Way, to: Destination, door: Door) -> Came:
    if way.form is None:
        return Came(row, Refusal(way.trouble), down=True)
    try:
        written = one(way.form, told)
    except Unwritable as error:
        return Came(row, Refusal(str(error)))
    name = name_of(way, row.id)
    title = f"{row.feedback.kind.capitalize()} of {row.feedback.lead_id}"
    filed = file(to, written, name, key=row.id, title=title, door=door, timeout=TIMEOUT)
    return Came(
        row,
        filed.refusal,
        filed.seconds,
        exchange_of(to, filed, written, written.shown, way=way),
        data=facts(to, filed, name, 1),
        down=filed.down,
    )


def name_of(way: Way, id: str, *, test: bool = False) -> str:
    marked = "test-" if test else ""
    return f"feedback-{way.source}-{marked}{id}.{way.ending}"


def file(
    to: Destination,
    written: Written,
    name: str,
    *,
    key: str,
    title: str = "",
    door: Door | None = None,
    timeout: float | None = None,
) -> Filed:
    """Take it there, once. A text by mail is the mail itself."""
    began = time.monotonic()
    try:
        sent = delivering.deliver(
            to,
            name,
            written.content_type,
            BytesIO(written.body),
            key=key,
            title=title,
            inline=written.content_type.startswith("text/plain"),
            door=door,
            timeout=timeout,
        )
    except delivering.Undelivered as error:
        refusal = Refusal(str(error), wait=min(error.retry_after or 0.0, LONGEST_WAIT))
        # Whoever refuses one file for what it is may take the next.
        down = error.category != "configuration" or to.kind != "http"
        return Filed(place_of(to), "", refusal, down, time.monotonic() - began)
    return Filed(sent.where, sent.answer, seconds=time.monotonic() - began)


def facts(to: Destination, filed: Filed, name: str, rows: int) -> dict[str, Any]:
    """What the event says of it, for good."""
    return {
        "method": to.kind,
        "destination": to.slug,
        "place": filed.place,
        "file": name,
        "format": name.rpartition(".")[2],
        "rows": rows,
    }


def exchange_of(
    to: Destination, filed: Filed, written: Written, shown: str, *, way: Way
) -> Mapping[str, Any]:
    """As the journal keeps it, without secrets: `shown` is what of the file is about the lead."""
    return {
        "delivery_id": "",
        "duration_ms": round(filed.seconds * 1000),
        "method": to.settings.get("method") or METHODS[to.kind],
        "url": filed.place,
        "request_headers": {"Content-Type": written.content_type},
        "request_body": way.redactor.text(shown),
        "status": None,
        "reply_headers": {},
        "reply_body": way.redactor.text(filed.answer),
        "error": filed.refusal.reason if filed.refusal else "",
    }
