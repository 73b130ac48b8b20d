"""`destinations`: where files go."""

from __future__ import annotations

from typing import Any

from events.models import Destination
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, KEPT_OBJECT, SECRET
from leadops.config.plans import Plan
from leadops.config.sections.base import tops
from leadops.config.shapes import Key, Shape

SHAPE = Shape(
    keys=(
        Key("slug", required=True),
        Key("kind", required=True),
        Key("settings", KEPT_OBJECT),
        Key("secret", SECRET),
        Key("active", BOOLEAN, stays=True),
    )
)


class Destinations:
    key, kind, name = "destinations", "destination", "slug"

    def objects(self) -> list[Destination]:
        return list(Destination.objects.order_by("slug"))

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, Destination):
            top.draft.take(SHAPE, SHAPE.read(top.item))
            plan.save(top.draft)

    def write(self, obj: Destination, concealing: Concealing) -> dict[str, Any]:
        return SHAPE.write(obj, lambda text, name: concealing.secret(text, obj.slug, name))
