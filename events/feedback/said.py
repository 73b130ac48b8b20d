"""Partners' own words, put beside the events that leave them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from events.models import Event, Feedback

LEFT_OUT, FEEDBACK = "left_out", "feedback_id"
Words = Mapping[str, Mapping[str, str]]  # by feedback: value and reason


def put(events: Sequence[Event]) -> None:
    """Give events about to be shown the words that stand in the feedback's row; no query where
    there are none, and nothing once they were erased."""
    lacking = [event for event in events if lacks(event.data)]
    words = read(event.data for event in lacking)
    for event in lacking:
        event.data, event.reason = told(event.data, event.reason, words)


def lacks(data: Mapping[str, Any]) -> bool:
    """Whether an event's own fields leave words out; bulk retries say `left_out` of leads."""
    return LEFT_OUT in data and FEEDBACK in data


def read(lacking: Iterable[Mapping[str, Any]]) -> Words:
    """The words that some events leave out, by one query at most."""
    ids = {str(data[FEEDBACK]) for data in lacking}
    if not ids:
        return {}
    rows = Feedback.objects.filter(id__in=ids).values_list("id", "value", "reason")
    return {id: {"value": value, "reason": reason} for id, value, reason in rows}


def told(data: Mapping[str, Any], reason: str, words: Words) -> tuple[dict[str, Any], str]:
    """An event's own fields and its reason, with the words that they leave out."""
    said, left_out = words.get(str(data[FEEDBACK]), {}), data[LEFT_OUT]
    whole = {name: value for name, value in data.items() if name != LEFT_OUT}
    if "value" in left_out:
        whole["value"] = said.get("value", "")
    return whole, said.get("reason", "") if "reason" in left_out else reason
