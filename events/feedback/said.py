"""Partners' own words, put beside the events that leave them out."""

from __future__ import annotations

from collections.abc import Sequence

from events.models import Event, Feedback


def put(events: Sequence[Event]) -> None:
    """Give events about to be shown the words that stand in the feedback's row; no query where
    there are none, and nothing once they were erased."""
    lacking = [event for event in events if "left_out" in event.data]
    if not lacking:
        return
    ids = [str(event.data.get("feedback_id")) for event in lacking]
    rows = Feedback.objects.filter(id__in=ids).values_list("id", "value", "reason")
    said = {id: {"value": value, "reason": reason} for id, value, reason in rows}
    for event in lacking:
        _put(event, said.get(str(event.data.get("feedback_id")), {}))


def _put(event: Event, words: dict[str, str]) -> None:
    left_out = event.data["left_out"]
    event.data = {name: value for name, value in event.data.items() if name != "left_out"}
    if "value" in left_out:
        event.data["value"] = words.get("value", "")
    if "reason" in left_out:
        event.reason = words.get("reason", "")
