"""Where the next page of a list begins, as an opaque word. Pure."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any


def encode(*parts: Any) -> str:
    """A cursor of some parts; moments keep their microseconds."""
    text = "|".join(p.isoformat() if isinstance(p, datetime) else str(p) for p in parts)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str) -> list[str]:
    """The parts of a cursor; raises ValueError."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("Not a cursor of this list.") from error
    return text.split("|")


def time_and_id(cursor: str) -> tuple[datetime, str]:
    """A cursor of a list ordered by time and id; raises ValueError."""
    parts = decode(cursor)
    if len(parts) != 2:
        raise ValueError("Not a cursor of this list.")
    at = datetime.fromisoformat(parts[0])
    if at.tzinfo is None or "\0" in parts[1]:
        raise ValueError("Not a cursor of this list.")
    return at, parts[1]


def number(cursor: str) -> int:
    """A cursor of a numbered list; raises ValueError."""
    parts = decode(cursor)
    if len(parts) != 1 or not parts[0].isdecimal():
        raise ValueError("Not a cursor of this list.")
    return int(parts[0][:9])
