"""Limits: how many deliveries at once, and how many begin within a second or a minute. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from recipients.termerrors import TermError

MOST: Final = 100_000
KEYS: Final = ("concurrency", "per_second", "per_minute")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `most` beginnings in each window of so many seconds."""

    key: str
    most: int
    seconds: int

    def window(self, at: datetime) -> datetime:
        """The start of the window that `at` lies in."""
        start = at.replace(microsecond=0)
        return start.replace(second=0) if self.seconds == 60 else start

    def after(self, starts: datetime, windows: int = 1) -> datetime:
        return starts + timedelta(seconds=self.seconds * windows)

    @property
    def said(self) -> str:
        return f"{self.most} a {'minute' if self.seconds == 60 else 'second'}"


@dataclass(frozen=True, slots=True)
class Limits:
    """`key` is what deliveries under way are counted under; `concurrency` None: any number."""

    key: str = ""
    concurrency: int | None = None
    rates: tuple[Rate, ...] = ()

    def __bool__(self) -> bool:
        return self.concurrency is not None or bool(self.rates)


NONE: Final = Limits()


def parse(document: Any, *, owner: str) -> Limits:
    """The limits of `{concurrency: 10, per_second: 20, per_minute: 600}`; raises TermError."""
    if not isinstance(document, Mapping):
        raise TermError("Write {concurrency: 10, per_second: 20}")
    for key, value in document.items():
        if key not in KEYS:
            raise TermError(f"Unknown key {key!r}", str(key))
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
            raise TermError(f"Write a whole number from 1 to {MOST}", str(key))
    sizes = (("per_second", 1), ("per_minute", 60))
    return Limits(
        key=f"{owner}:room",
        concurrency=document.get("concurrency"),
        rates=tuple(
            Rate(f"{owner}:{name}", document[name], size)
            for name, size in sizes
            if name in document
        ),
    )


def check(document: Any) -> None:
    """Raises TermError for what cannot be used."""
    parse(document, owner="")
