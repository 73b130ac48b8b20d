"""The time zone a lead lives in, as far as it says so. Pure.

States that lie in several zones count as that of most of their people.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

_ZONES: Final = {
    "America/New_York": "CT DE DC FL GA IN KY ME MD MA MI NH NJ NY NC OH PA RI SC VT VA WV",
    "America/Chicago": "AL AR IL IA KS LA MN MS MO NE ND OK SD TN TX WI",
    "America/Denver": "CO ID MT NM UT WY",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
    "America/Puerto_Rico": "PR VI",
    "Pacific/Guam": "GU MP",
    "Pacific/Pago_Pago": "AS",
    "America/Toronto": "ON QC",
    "America/Winnipeg": "MB",
    "America/Regina": "SK",
    "America/Edmonton": "AB NT",
    "America/Vancouver": "BC",
    "America/Whitehorse": "YT",
    "America/Halifax": "NS NB PE",
    "America/St_Johns": "NL",
    "America/Iqaluit": "NU",
}
STATES: Final = {state: zone for zone, states in _ZONES.items() for state in states.split()}


def zone_of(values: Mapping[str, Any]) -> ZoneInfo | None:
    """By its field `timezone`, else by its state; None where it says neither."""
    named = values.get("timezone")
    if isinstance(named, str) and named and (zone := _zone(named)):
        return zone
    state = values.get("state")
    known = STATES.get(state.strip().upper()) if isinstance(state, str) else None
    return ZoneInfo(known) if known else None


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None
