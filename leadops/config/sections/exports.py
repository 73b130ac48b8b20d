"""`exports`: files of the record, made by the clock and sent where files go."""

from __future__ import annotations

from datetime import time
from typing import Any

from events.models import ExportSchedule
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, INTEGER, LIST, OBJECT, Kind
from leadops.config.plans import Plan
from leadops.config.sections.base import tops
from leadops.config.shapes import Key, Shape


def _clock(item: Item) -> time | None:
    text = item.text()
    try:
        return None if text is None else time.fromisoformat(text.zfill(5))
    except ValueError:
        raise ValueError(f"“{text[:20]}” is no time of day; write 06:00") from None  # type: ignore[index]


CLOCK = Kind("time", _clock, lambda value: f"{value:%H:%M}")
SHAPE = Shape(
    keys=(
        Key("slug", required=True),
        Key("what"),
        Key("format"),
        Key("filters", OBJECT),
        Key("fields", LIST),
        Key("with_lead", BOOLEAN),
        Key("masked", BOOLEAN),
        Key("every"),
        Key("at", CLOCK, required=True),
        Key("timezone"),
        Key("tries", INTEGER),
        Key("active", BOOLEAN, stays=True),
    ),
    own=("to",),
)


class Exports:
    key, kind, name = "exports", "export", "slug"

    def objects(self) -> list[ExportSchedule]:
        return list(ExportSchedule.objects.select_related("destination").order_by("slug"))

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, ExportSchedule):
            found = SHAPE.read(top.item)
            top.draft.take(SHAPE, found)
            to = found.get("to")
            if to is None:
                top.item.error("to is missing: the destination that it is sent to")
                continue
            destination = plan.find("destination", to)
            if destination is None:
                continue
            if top.draft.obj.destination_id != destination.pk:
                top.draft.obj.destination = destination
                top.draft.changed.add("destination")
            plan.save(top.draft)

    def write(self, obj: ExportSchedule, concealing: Concealing) -> dict[str, Any]:
        return {**SHAPE.write(obj, concealing.secret), "to": obj.destination.slug}
