"""Cursors of the API's lists: signed, and good for the list and the filters they were made for."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from events import cursors
from events.retention import gone

# What may change from page to page: how much is shown of it, not which rows there are.
FREE = frozenset(["cursor", "limit", "exclude", "fields"])
SALT = "events.api.paging"
LENGTH = 8  # bytes of each signature
NOT_OURS = "Not a cursor of this list. Take it whole from `next`, or begin without one."
OTHERS = "A cursor of another list, or of other filters. Begin again without it."
STALE = "What it points at is no longer kept. Begin again without it."


def moment(request: Request, cursor: str) -> tuple[datetime, str]:
    """The time and id at which a list of events goes on; raises ValueError."""
    at, id = cursors.time_and_id(opened(request, cursor))
    kept_from = gone.events_from()
    if kept_from is not None and at < kept_from:
        raise ValueError(STALE)
    return at, id


def number(request: Request, cursor: str) -> int:
    """The number after which a list goes on; raises ValueError."""
    return cursors.number(opened(request, cursor))


def sealed(request: Request, *parts: Any) -> str:
    """A cursor of this request's list."""
    position = cursors.encode(*parts)
    return f"{position}.{_text(_mark(_list(request)) + _mark(_list(request), position))}"


def opened(request: Request, cursor: str) -> str:
    """The position within a cursor, to be read by `cursors`; raises ValueError."""
    position, _, signature = cursor.partition(".")
    given = _bytes(signature)
    if len(given) != 2 * LENGTH:
        raise ValueError(NOT_OURS)
    if not hmac.compare_digest(given[:LENGTH], _mark(_list(request))):
        raise ValueError(OTHERS)
    if not hmac.compare_digest(given[LENGTH:], _mark(_list(request), position)):
        raise ValueError(NOT_OURS)
    return position


def _list(request: Request) -> str:
    """The list that is asked for: its address and its filters."""
    query: Mapping[str, list[str]] = dict(request.query_params.lists())
    return f"{request.path}?{sorted((name, v) for name, v in query.items() if name not in FREE)}"


def _mark(*parts: str) -> bytes:
    return salted_hmac(SALT, "|".join(parts), algorithm="sha256").digest()[:LENGTH]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
