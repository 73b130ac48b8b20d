"""`hooks`: what about the record starts an action."""

from __future__ import annotations

from typing import Any

from events.models import EventHook
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, DURATION, INTEGER, KEPT, LIST, NUMBER, RULES, SECRET
from leadops.config.plans import Plan
from leadops.config.sections.alerts import read_notify
from leadops.config.sections.base import tops
from leadops.config.shapes import Key, Shape

SHAPE = Shape(
    keys=(
        Key("slug", required=True),
        Key("name", required=True),
        Key("metric"),
        Key("types", LIST),
        Key("flows", LIST),
        Key("recipients", LIST),
        Key("when", RULES),
        Key("per"),
        Key("times", INTEGER),
        Key("within", DURATION),
        Key("reset", RULES),
        Key("cool_down", DURATION),
        Key("tests", BOOLEAN),
        Key("direction"),
        Key("days", INTEGER),
        Key("deviations", NUMBER),
        Key("factor", NUMBER),
        Key("minimum", INTEGER),
        Key("tag"),
        Key("pause"),
        Key("url", KEPT),
        Key("secret", SECRET),
        Key("previous_secret", SECRET),
        Key("active", BOOLEAN, stays=True),
    ),
    own=("notify",),
)


class Hooks:
    key, kind, name = "hooks", "hook", "slug"

    def objects(self) -> list[EventHook]:
        return list(EventHook.objects.prefetch_related("notify").order_by("slug"))

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, EventHook):
            found = SHAPE.read(top.item)
            top.draft.take(SHAPE, found)
            for key, kind in (("flows", "flow"), ("recipients", "recipient")):
                for each in found[key].elements() if key in found else []:
                    plan.find(kind, each)  # reports what is not there
            plan.save(top.draft)
            read_notify(plan, top.draft, found.get("notify"))

    def write(self, obj: EventHook, concealing: Concealing) -> dict[str, Any]:
        document = SHAPE.write(obj, lambda text, name: concealing.secret(text, obj.slug, name))
        if slugs := sorted(channel.slug for channel in obj.notify.all()):
            document["notify"] = slugs
        return document
