"""Partners' own words, put beside the events that leave them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from events.models import Event, Feedback


def texts(events: Iterable[Event]) -> dict[str, Mapping[str, str]]:
    """By feedback id, `value` and `reason` of those whose events leave one of them out."""
    wanted = [
        str(event.data["feedback_id"])
        for event in events
        if event.type.startswith("feedback.") and "left_out" in event.data
    ]
    if not wanted:
        return {}
    rows = Feedback.objects.filter(id__in=wanted).values_list("id", "value", "reason")
    return {id: {"value": value, "reason": reason} for id, value, reason in rows}


def complete(entry: dict[str, Any], said: Mapping[str, Mapping[str, str]]) -> None:
    """Put the words into an event as readers see it, in place; nothing once they were erased."""
    words = said.get(str(entry.get("feedback_id", "")), {})
    for name in entry.pop("left_out", ()):
        entry[name] = words.get(name) or None
