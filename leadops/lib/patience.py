"""Files that people of ours send may take their time; a stranger's body may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SLOWEST = 125_000  # bytes a second: 1 Mbit/s
LONGEST = 900.0  # seconds


def for_file(meta: Mapping[str, Any]) -> None:
    """Let the body of this request come in at 1 Mbit/s, for a quarter of an hour at most.

    Call it once it is known who sends, and before anything is read. `meta` is the request's.
    """
    allow = getattr(meta.get("wsgi.input"), "allow", None)
    length = str(meta.get("CONTENT_LENGTH") or "")
    if allow is not None and length.isdecimal():
        allow(min(10.0 + int(length) / SLOWEST, LONGEST))
