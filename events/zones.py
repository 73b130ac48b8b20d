"""Time zones by name. Pure."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


def zone(name: str) -> ZoneInfo:
    """The zone of that name, e.g. America/New_York. Raises ValueError."""
    try:
        if name not in names():
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"There is no time zone {name[:60]!r}.") from error


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Every zone that people choose, `UTC` first."""
    places = sorted(name for name in available_timezones() if "/" in name and "Etc/" not in name)
    return ("UTC", *places)
