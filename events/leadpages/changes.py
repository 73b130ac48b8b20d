"""What changed in a lead's values from one event to the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events import directory
from events.masking import TextMask, mask_values, personal_names
from events.models import Event
from events.snapshots import Change, Line, Snapshots, compare
from events.visibility import Sight

SHOWN = 200  # of one event


@dataclass(frozen=True, slots=True)
class Changed:
    """`lines`: the values that are others than before; `hidden` more are not listed."""

    lines: list[Line]
    hidden: int
    words: str


def changes(events: Sequence[Event], sight: Sight) -> dict[str, Changed]:
    """By event, for those that made a new version; versions that were erased are left out. Reasons
    are masked in place for those whose role does not show what is personal."""
    versions = {(event.lead_id, event.snapshot) for event in events if event.snapshot}
    if not versions:
        return {}
    wanted = versions | {(lead, number - 1) for lead, number in versions if number > 1}
    bodies = Snapshots.read(wanted, max(event.timestamp for event in events)).bodies
    if not sight.sees_personal:
        bodies = _masked(bodies, events)
    found: dict[str, Changed] = {}
    seen = 0
    for event in events:
        if event.snapshot <= seen:
            continue
        seen = event.snapshot
        after = bodies.get((event.lead_id, seen))
        before = bodies.get((event.lead_id, seen - 1))
        if after is None or before is None:
            continue
        lines = [line for line in compare(after, before) if line.change is not Change.SAME]
        if lines:
            found[event.id] = Changed(lines[:SHOWN], max(0, len(lines) - SHOWN), _words(lines))
    return found


def _masked(
    bodies: Mapping[tuple[str, int], Mapping[str, object]], events: Sequence[Event]
) -> dict[tuple[str, int], Mapping[str, object]]:
    privacy = directory.privacy(events[0].flow_id)
    mask = TextMask(bodies.values(), privacy)
    for event in events:
        event.reason = mask.text(event.reason)
    return {
        key: mask_values(values, personal_names(values, privacy)) for key, values in bodies.items()
    }


def _words(lines: Sequence[Line]) -> str:
    """`3 added, 1 changed`."""
    counted = Counter(line.change for line in lines)
    order = (Change.CHANGED, Change.ADDED, Change.REMOVED)
    return ", ".join(f"{counted[word]} {word}" for word in order if counted[word])
