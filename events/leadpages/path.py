"""A lead's way as a picture: the door, the steps, each recipient's attempts, the end. Pure.

Boxes and lines with their places, in pixels; the template draws them. Recipients stand one below
the other: a line goes down from one to the next where the second was asked after the first had
answered, and from the steps to each where they were asked at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from events.vocabulary import ATTEMPT_ENDS, EventType

WIDTH, HEIGHT = 148, 46
GAP, LANE = 30, 66
MARGIN: Final = 6
TRIES: Final = 4  # boxes of one recipient; of more attempts the first ones and the last
LANES: Final = 40
STEPS: Final = ("filter", "enhancement", "auction", "review")
TONES: Final = {
    "accepted": "good", "success": "good", "passed": "good", "sold": "good", "skipped": "muted",
    "rejected": "warn", "duplicate": "warn", "invalid": "warn", "unsold": "warn",
    "stopped": "warn",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Box:
    """`event_id` blank: nothing to open yet. `tone` is good, warn, bad or muted."""

    x: int
    y: int
    title: str
    text: str
    tone: str
    event_id: str = ""

    @property
    def middle(self) -> int:
        return self.y + HEIGHT // 2


@dataclass(frozen=True, slots=True)
class Line:
    """A way from one box to another; `again`: of a retry."""

    d: str
    again: bool = False


@dataclass(slots=True)
class Path:
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    hidden: int = 0  # recipients that are not drawn

    @property
    def width(self) -> int:
        return max((box.x + WIDTH for box in self.boxes), default=0) + MARGIN

    @property
    def height(self) -> int:
        return max((box.y + HEIGHT for box in self.boxes), default=0) + MARGIN


def path(events: Sequence[Any], names: Mapping[str, str], *, ended: bool) -> Path:
    """`events` of one lead in order, `names` by the id of what an event is about."""
    made = Path()
    lanes = _lanes(events)
    made.hidden = max(0, len(lanes) - LANES)
    lanes = lanes[:LANES]
    trunk = _trunk(made, events, names)
    ends = _branches(made, lanes, names, trunk)
    _end(made, events, trunk=trunk, ends=ends, ended=ended)
    return made


def _trunk(made: Path, events: Sequence[Any], names: Mapping[str, str]) -> Box | None:
    """The door and the steps, in one row; what simply went well stands together."""
    before: Box | None = None
    steps = [event for event in events if _group(event) in ("source", *STEPS)]
    for (group, tone), run in groupby(steps, key=lambda e: (_group(e), _tone(e))):
        found = list(run)
        parts = [found] if group == "source" or tone == "good" else [[each] for each in found]
        for part in parts:
            before = _next(made, before, _step(part, group, tone, names))
    return before


def _step(part: Sequence[Any], group: str, tone: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Title, text, tone and the event of a box."""
    last = part[-1]
    word = str(last.type).split(".", 1)[1].replace("_", " ")
    title = names.get(last.entity_id) or group
    if group == "source":
        return title, last.reason or word, tone, last.id
    if len(part) > 1:
        title = f"{len(part)} {group}s" if not group.endswith("w") else f"{len(part)} × {group}"
    return title, last.reason or word, tone, last.id


def _next(made: Path, before: Box | None, said: tuple[str, ...]) -> Box:
    x = before.x + WIDTH + GAP if before else MARGIN
    box = Box(x, MARGIN, *said)
    made.boxes.append(box)
    if before:
        made.lines.append(_across(before, box))
    return box


def _lanes(events: Iterable[Any]) -> list[list[Any]]:
    """Events by delivery, in the order in which the deliveries began."""
    found: dict[str, list[Any]] = {}
    for event in events:
        if _group(event) in ("recipient", "retry") and (key := _delivery(event)):
            found.setdefault(key, []).append(event)
    return list(found.values())


def _branches(
    made: Path, lanes: Sequence[Sequence[Any]], names: Mapping[str, str], trunk: Box | None
) -> list[Box]:
    """Each delivery's attempts in a row; the boxes from which it goes on to the end: of sales, and
    the last."""
    x = trunk.x + WIDTH + GAP if trunk else MARGIN
    ends: list[Box] = []
    above: Box | None = None
    over = -1  # the number of the event that ended the delivery above
    for place, lane in enumerate(lanes):
        first, last = _attempts(made, lane, names, x, MARGIN + place * LANE)
        if above is not None and lane[0].seq > over:
            made.lines.append(_down(above, first))
        elif trunk is not None:
            made.lines.append(_across(trunk, first))
        if last.tone == "good" or place == len(lanes) - 1:
            ends.append(last)
        above, over = first, _over(lane)
    return ends


def _over(lane: Sequence[Any]) -> int:
    ended = [event.seq for event in lane if event.type in ATTEMPT_ENDS or _is_skip(event)]
    return max(ended, default=1 << 31)


def _attempts(
    made: Path, lane: Sequence[Any], names: Mapping[str, str], x: int, y: int
) -> tuple[Box, Box]:
    boxes: list[Box] = []
    name = names.get(lane[0].entity_id, "") or "Recipient"
    said = list(_tries(lane))
    for place, (number, event) in enumerate(_shortened(said)):
        title = name if place == 0 else f"Try {number}"
        tone = _tone(event)
        box = Box(x + place * (WIDTH + GAP), y, title, _came(event), tone, event.id)
        made.boxes.append(box)
        if boxes:
            made.lines.append(Line(_across(boxes[-1], box).d, again=True))
        boxes.append(box)
    return boxes[0], boxes[-1]


def _tries(lane: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """The event that says most of each attempt, with the attempt's number: its end, or where none
    has come its beginning."""
    number, kept = 0, None
    for event in lane:
        if event.type == EventType.RECIPIENT_ATTEMPT:
            if kept is not None:
                yield number, kept
            number, kept = number + 1, event
        elif event.type in ATTEMPT_ENDS or _is_skip(event) or kept is None:
            kept = event
            number = number or 1
    if kept is not None:
        yield number, kept


def _shortened(said: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    return said if len(said) <= TRIES else [*said[: TRIES - 1], said[-1]]


def _came(event: Any) -> str:
    took = f" · {event.duration_ms:,} ms" if event.duration_ms is not None else ""
    if event.type == EventType.RECIPIENT_ATTEMPT:
        return "no answer yet"
    return f"{str(event.outcome or event.type.split('.', 1)[1]).replace('_', ' ')}{took}"


def _end(
    made: Path, events: Sequence[Any], *, trunk: Box | None, ends: Sequence[Box], ended: bool
) -> None:
    """What became of it, behind everything; later feedback behind that."""
    done = next((e for e in reversed(events) if e.type == EventType.FLOW_COMPLETED), None)
    if done is None and ended:
        return  # refused at the door, or not for the viewer to see
    x = max((box.x for box in made.boxes), default=-GAP) + WIDTH + GAP
    if done is not None:
        result = str(done.data.get("result") or done.outcome or "done")
        tone = TONES.get(result, "muted")
        box = Box(x, MARGIN, result.capitalize(), done.reason or "end of the flow", tone, done.id)
    else:
        box = Box(x, MARGIN, "Under way", "it has not ended", "muted")
    made.boxes.append(box)
    made.lines += [_across(each, box) for each in (ends or ([trunk] if trunk else []))]
    said = [event for event in events if _group(event) == "feedback"]
    if said:
        last = said[-1]
        word = str(last.data.get("kind") or last.type.split(".", 1)[1])
        after = Box(x + WIDTH + GAP, MARGIN, "Feedback", word.replace("_", " "), "muted", last.id)
        made.boxes.append(after)
        made.lines.append(Line(_across(box, after).d, again=True))


def _across(one: Box, other: Box) -> Line:
    """From the right side of one to the left of the other."""
    x, y, to_x, to_y = one.x + WIDTH, one.middle, other.x - 5, other.middle
    if y == to_y:
        return Line(f"M{x} {y}H{to_x}")
    bend = to_x - GAP // 2 + 2
    return Line(f"M{x} {y}H{bend}V{to_y}H{to_x}")


def _down(one: Box, other: Box) -> Line:
    x = one.x + WIDTH // 2
    return Line(f"M{x} {one.y + HEIGHT}V{other.y - 5}")


def _tone(event: Any) -> str:
    kind = str(event.type)
    if kind in (EventType.SOURCE_REJECTED, EventType.FILTER_FAILED):
        return "warn"
    if kind == EventType.RECIPIENT_ATTEMPT or _is_skip(event):
        return "muted"
    if _group(event) in ("recipient", "enhancement"):
        return TONES.get(str(event.outcome), "bad" if event.outcome else "muted")
    return "warn" if _group(event) == "review" else "good"


def _is_skip(event: Any) -> bool:
    return bool(event.type == EventType.RECIPIENT_SKIPPED)


def _delivery(event: Any) -> str:
    found = event.data.get("delivery")
    return str(found.get("id") or "") if isinstance(found, Mapping) else ""


def _group(event: Any) -> str:
    return str(event.type).split(".", 1)[0]
