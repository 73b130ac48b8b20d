"""Where changes of configuration are kept, seen from below.

The apps' admin pages say that something changes; the site (`leadops.changes`), which knows all
models and the journal, keeps it. It names itself here when the site starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.db.models import Model

from leadops.lib import documents

Snapshot = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One value that changed, under its path: `endpoints.production.timeout`."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One recorded change of an object."""

    at: datetime
    by: str
    did: str  # added, changed, deleted
    model: str
    name: str
    parts: Sequence[Part]
    where: str = ""  # console, api, bundle, command


def change_of(data: Mapping[str, Any], at: datetime, reason: str) -> Change:
    """A `config.changed` event, by its own fields, as the console shows it."""
    thing = data.get("object") or {}
    return Change(
        at=at,
        by=data.get("by", ""),
        did=reason.rsplit(" ", 1)[-1],
        model=thing.get("model", ""),
        name=thing.get("name", ""),
        parts=list(_parts(data.get("before") or {}, data.get("after") or {})),
        where=data.get("where", ""),
    )


def _parts(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> Iterator[Part]:
    for key in [*old, *(key for key in new if key not in old)]:
        here = f"{path} › {_words(key)}" if path else _words(key)
        one, other = old.get(key), new.get(key)
        known = [value for value in (one, other) if value is not None]
        if known and all(isinstance(value, Mapping) and value for value in known):
            yield from _parts(one or {}, other or {}, here)
        elif _text(one) or _text(other):
            yield Part(
                here,
                _text(one) if key in old else None,
                _text(other) if key in new else None,
            )


def _words(key: str) -> str:
    return str(key).replace("_", " ")


def _text(value: Any) -> str:
    if value is None or value == {} or value == []:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return documents.write(value) if isinstance(value, Mapping | list) else str(value)


class Keeper(Protocol):
    def snapshot_of(self, obj: Model) -> Snapshot:
        """All that is configured of a top object, its parts included."""

    def record_change(
        self, before: Snapshot | None, after: Snapshot | None, obj: Model, by: str
    ) -> None:
        """Note what changed, in the transaction that changes it."""

    def changes_of(self, obj: Model, limit: int = 100) -> list[Change]:
        """What was recorded of an object, newest first."""


class Nobody:
    """Keeps nothing: a program that runs without the site."""

    def snapshot_of(self, obj: Model) -> Snapshot:
        return {}

    def record_change(
        self, before: Snapshot | None, after: Snapshot | None, obj: Model, by: str
    ) -> None:
        return None

    def changes_of(self, obj: Model, limit: int = 100) -> list[Change]:
        return []


_keepers: list[Keeper] = [Nobody()]


def keep_with(keeper: Keeper) -> None:
    """From now on `keeper` keeps the changes."""
    _keepers[:] = [keeper]


def keeper() -> Keeper:
    return _keepers[0]
