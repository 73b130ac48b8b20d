"""`subscriptions`: who gets events pushed."""

from __future__ import annotations

from typing import Any

from events.models import EventSubscription
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, DURATION, INTEGER, KEPT, LIST, SECRET
from leadops.config.plans import Plan
from leadops.config.sections.base import tops
from leadops.config.shapes import Key, Shape

SHAPE = Shape(
    keys=(
        Key("slug", required=True),
        Key("url", KEPT, required=True),
        Key("secret", SECRET, required=True),
        Key("previous_secret", SECRET),
        Key("types", LIST),
        Key("flows", LIST),
        Key("recipients", LIST),
        Key("with_lead", BOOLEAN),
        Key("masked", BOOLEAN),
        Key("batch_size", INTEGER),
        Key("batch_age", DURATION),
        Key("timeout", DURATION),
        Key("active", BOOLEAN, stays=True),
    )
)


class Subscriptions:
    key, kind, name = "subscriptions", "subscription", "slug"

    def objects(self) -> list[EventSubscription]:
        return list(EventSubscription.objects.order_by("slug"))

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, EventSubscription):
            found = SHAPE.read(top.item)
            top.draft.take(SHAPE, found)
            for key, kind in (("flows", "flow"), ("recipients", "recipient")):
                for each in found[key].elements() if key in found else []:
                    plan.find(kind, each)  # reports what is not there
            plan.save(top.draft)

    def write(self, obj: EventSubscription, concealing: Concealing) -> dict[str, Any]:
        return SHAPE.write(obj, lambda text, name: concealing.secret(text, obj.slug, name))
