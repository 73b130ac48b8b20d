"""Replies in one line."""

from __future__ import annotations

from leadops.lib.http.messages import Reply


def reply(body: str | bytes = b"", status: int = 200, **headers: str) -> Reply:
    """A reply with header names as given, `_` for `-`."""
    raw = body.encode() if isinstance(body, str) else body
    return Reply(status, {k.replace("_", "-").lower(): v for k, v in headers.items()}, raw)
