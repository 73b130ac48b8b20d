"""Events as the pages list them: with the names of what they are about, masked by role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events import directory
from events.eventpages.columns import TEXTS, Columns
from events.eventpages.walking import Place
from events.feedback import said
from events.masking import MASK, TextMask
from events.models import Event
from events.snapshots import Snapshots
from events.visibility import Sight
from events.vocabulary import FAILURES

LARGE = ("digest",)


@dataclass(frozen=True, slots=True)
class Cell:
    """`kind` is the column; `text` None where there is nothing."""

    kind: str
    text: Any
    number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    event: Event
    cells: list[Cell]
    failed: bool


def events_at(places: Sequence[Place], sight: Sight) -> list[Event]:
    """The events at these places, as far as the viewer may see them, in the same order."""
    if not places:
        return []
    times = [at for at, _ in places]
    found = sight.events().filter(
        id__in=[id for _, id in places], timestamp__range=(min(times), max(times))
    )
    by_id = {event.id: event for event in found.defer(*LARGE)}
    events = [by_id[id] for _, id in places if id in by_id]
    said.put(events)
    return masked(events, sight)


def masked(events: list[Event], sight: Sight) -> list[Event]:
    """Reasons without what is personal, for those whose role does not show it."""
    if sight.sees_personal:
        return events
    snapshots = Snapshots.of(events)
    privacy = {flow: directory.privacy(flow) for flow in {event.flow_id for event in events}}
    for event in events:
        if not event.reason or not event.lead_id:
            continue
        values = snapshots.at(event)
        if values is None and event.snapshot:
            event.reason = MASK  # what is personal in it is no longer known
        elif values is not None:
            event.reason = TextMask([values], privacy[event.flow_id]).text(event.reason)
    return events


def rows(events: Iterable[Event], columns: Columns, names: Mapping[str, str]) -> list[Row]:
    """`names` by id: of recipients, sources, flows and steps."""
    return [
        Row(event, [_cell(event, head, names) for head in columns.heads], event.type in FAILURES)
        for event in events
    ]


def _cell(event: Event, head: tuple[str, str, bool], names: Mapping[str, str]) -> Cell:
    name, _, number = head
    match name:
        case "lead":
            return Cell(name, event.lead_id or None)
        case "about":
            return Cell(name, names.get(event.entity_id) or event.entity_id or None)
        case "flow":
            return Cell(name, names.get(event.flow_id) or event.flow_id or None)
        case "took":
            return Cell(name, event.duration_ms, number=True)
        case _ if name in TEXTS:
            return Cell(name, TEXTS[name](event), number=number)
    return Cell(name, getattr(event, "timestamp" if name == "time" else name) or None)


def names_for(events: Sequence[Event], user: Any) -> dict[str, str]:
    """By id: the parties that the viewer may know, and the steps of these events' flows."""
    found = dict(user.visible_recipients().values_list("id", "name"))
    if not user.sees_all:
        return found
    for model in ("flows.Flow", "flows.Source"):
        found |= {party.id: party.name for party in directory.parties(model)}
    stepped = {e.flow_id for e in events if e.entity_id and e.entity_id not in found}
    return found | directory.steps(*filter(None, stepped))
