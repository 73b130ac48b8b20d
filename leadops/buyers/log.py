"""What the buyers received: a bounded log, and counts that survive it."""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime
from time import time
from typing import Any

from leadops.buyers.messages import Received, Target

MAX_ENTRIES = 20_000
# Idempotency keys remembered for counting repeats; the first ones leave when there are more.
MAX_KEYS = 2_000_000


class Log:
    """`size` requests are kept whole; counts by path and by idempotency key go further back."""

    def __init__(self, size: int = MAX_ENTRIES) -> None:
        self._size = size
        self._entries: deque[tuple[float, int, Received]] = deque(maxlen=size)
        self.clear()

    def clear(self) -> None:
        self._entries.clear()
        self.keys: dict[str, int] = {}
        self.paths: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.repeats: Counter[str] = Counter()
        self.total = 0

    def count(self, target: Target, key: str) -> int:
        """Take note of a request; how often its key came before."""
        self.total += 1
        self.paths[target.path] += 1
        if not key:
            return 0
        before = self.keys.get(key, 0)
        self.keys[key] = before + 1
        if before:
            self.repeats[target.path] += 1
        elif len(self.keys) > MAX_KEYS:
            del self.keys[next(iter(self.keys))]
        return before

    def keep(self, received: Received, status: int) -> None:
        """`status` is 0 where no answer was given."""
        self.statuses[status] += 1
        if self._size:
            self._entries.append((time(), status, received))

    def entries(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """The newest `limit` that match path, idempotency_key, contains and after; in order."""
        limit = _whole(query.get("limit", ""), 100)
        after = _whole(query.get("after", ""), -1)
        found: list[dict[str, Any]] = []
        for at, status, received in reversed(self._entries):
            if len(found) >= limit or received.number <= after:
                break
            if _matches(received, query):
                found.append(_entry(at, status, received))
        return found[::-1]

    def stats(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "paths": dict(self.paths),
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "idempotency_keys": len(self.keys),
            "repeats": sum(self.repeats.values()),
            "repeats_by_path": dict(self.repeats),
            "kept": len(self._entries),
        }


def _matches(received: Received, query: dict[str, str]) -> bool:
    path, key, part = query.get("path"), query.get("idempotency_key"), query.get("contains")
    if path and not received.target.path.startswith(path):
        return False
    if key and received.key != key:
        return False
    return not part or part in received.text() or part.encode() in received.head


def _entry(at: float, status: int, received: Received) -> dict[str, Any]:
    return {
        "number": received.number,
        "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
        "timestamp": at,
        "method": received.method,
        "path": received.target.path,
        "query": dict(received.target.query),
        "headers": received.headers(),
        "body": received.text(),
        "idempotency_key": received.key,
        "repeat": received.repeat,
        "status": status,
    }


def _whole(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else default
