"""`exports`: files of the record, made by the clock and sent where files go."""

from __future__ import annotations

from typing import Any

from events.exports import wanted
from events.models import ExportSchedule
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, CLOCK, INTEGER, LIST, OBJECT
from leadops.config.plans import Plan
from leadops.config.sections.base import Top, tops
from leadops.config.shapes import Key, Shape

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
    own=("to", "owner"),
)


class Exports:
    key, kind, name = "exports", "export", "slug"

    def objects(self) -> list[ExportSchedule]:
        return list(ExportSchedule.objects.select_related("destination", "owner").order_by("slug"))

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
            self._owned(plan, top, found)
            for name, problem in wanted.problems_of(top.draft.obj).items():
                if name not in top.draft.wrong:
                    top.draft.places.get(name, top.item).error(problem.rstrip("."))
            if top.draft.obj.destination_id != destination.pk:
                top.draft.obj.destination = destination
                top.draft.changed.add("destination")
            plan.save(top.draft)

    def _owned(self, plan: Plan, top: Top, found: dict[str, Item]) -> None:
        """An unmasked file is made with somebody's rights."""
        if top.draft.obj.masked is False and "owner" not in found:
            top.item.error("owner is missing: whose rights it has, for masked is false")
        owner = plan.find("account", found["owner"]) if "owner" in found else None
        if top.draft.obj.owner != owner:
            top.draft.obj.owner = owner
            top.draft.changed.add("owner")

    def write(self, obj: ExportSchedule, concealing: Concealing) -> dict[str, Any]:
        owned = {"owner": obj.owner.get_username()} if obj.owner else {}
        return {**SHAPE.write(obj, concealing.secret), **owned, "to": obj.destination.slug}
