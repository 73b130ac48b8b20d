"""Time zones by name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

SESSION_KEY = "time_zone"


def zone(name: str) -> ZoneInfo:
    """The zone of that name, e.g. America/New_York. Raises ValueError."""
    try:
        if name not in _known():
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"There is no time zone {name[:60]!r}.") from error


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """Every zone there is; finding them walks through folders."""
    return frozenset(available_timezones())


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Every zone that people choose, `UTC` first."""
    places = sorted(name for name in _known() if "/" in name and "Etc/" not in name)
    return ("UTC", *places)


def remembered(session: Mapping[str, Any]) -> ZoneInfo:
    """The zone that the viewer chose, UTC before that."""
    try:
        return zone(str(session.get(SESSION_KEY) or "UTC"))
    except ValueError:
        return ZoneInfo("UTC")
