"""Events as the API, exports, streams and pushes show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from events import directory
from events.exchanges import bodies
from events.feedback import said as feedback_words
from events.masking import TextMask, mask_values, personal_names
from events.models import Event, Lead
from events.ownfields import in_short
from events.parameters import stamp
from events.retention import gone
from events.snapshots import Snapshots
from events.visibility import Sight

# Fields of an event in which nothing of the lead stands.
NAMES_ONLY = frozenset(
    [
        "id",
        "type",
        "timestamp",
        "lead_id",
        "flow_id",
        "entity_id",
        "outcome",
        "recipient",
        "source",
        "metadata",
        "integration",
        "response_code",
    ]
)


def event_json(event: Event, sight: Sight) -> dict[str, Any]:
    """The envelope, and the type's own fields beside it."""
    return {
        **sight.data(event),
        "id": event.id,
        "type": event.type,
        "timestamp": stamp(event.timestamp),
        "lead_id": event.lead_id or None,
        "flow_id": event.flow_id or None,
        "entity_id": event.entity_id or None,
        "seq": event.seq,
        "outcome": event.outcome or None,
        "reason": sight.reason(event) or None,
        "duration_ms": event.duration_ms,
    }


def events_json(
    events: Sequence[Event], sight: Sight, *, with_lead: bool = True
) -> list[dict[str, Any]]:
    """Events with, under `lead`, what the lead looked like at each (null once erased)."""
    feedback_words.put(events)
    shown = [event_json(event, sight) for event in events]
    for entry in shown:
        entry |= in_short(entry)
    said = bodies(events)
    for event, entry in zip(events, shown, strict=True):
        if event.exchange_id in said and entry.get("response"):
            entry["response"] = {**entry["response"], "body": said[event.exchange_id]}
    silent = [event for event in events if event.exchange_id and event.exchange_id not in said]
    missing = gone.exchanges(silent)
    for event, entry in zip(events, shown, strict=True):
        if event.exchange_id in missing:
            entry["exchange"] = missing[event.exchange_id]
    if not with_lead and sight.sees_personal:
        return shown
    snapshots = Snapshots.of(events)
    flows = set() if sight.sees_personal else {event.flow_id for event in events}
    privacy = {flow_id: directory.privacy(flow_id) for flow_id in flows}
    names = _sources(events) if with_lead else {}
    for event, entry in zip(events, shown, strict=True):
        values = snapshots.at(event)
        if not sight.sees_personal:
            values = _masked(entry, values, privacy[event.flow_id])
        if with_lead and event.lead_id:
            entry["lead"] = None if values is None else {**names.get(event.lead_id, {}), **values}
    return shown


def _sources(events: Iterable[Event]) -> dict[str, dict[str, str]]:
    """What stands in no snapshot, by lead: whose the lead is. A source's name is that of today."""
    ids = {event.lead_id for event in events if event.lead_id}
    found = Lead.objects.filter(id__in=ids).values_list("id", "source__name")
    return {id: {"id": id, "source.name": name} for id, name in found}


def _masked(
    entry: dict[str, Any], values: Mapping[str, Any] | None, privacy: Mapping[str, str]
) -> dict[str, Any] | None:
    """Mask the event's own fields in place; give the masked snapshot."""
    if values is None:
        if "body" in (entry.get("response") or {}):
            entry["response"].pop("body")  # what is personal in it is no longer known
        return None
    mask = TextMask([values], privacy)
    for name, value in entry.items():
        if name not in NAMES_ONLY:
            entry[name] = mask.deep(value)
    return mask_values(values, personal_names(values, privacy))
