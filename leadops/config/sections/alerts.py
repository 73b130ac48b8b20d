"""`alerts` and `channels`: which figures must keep which bounds, and who is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from events.models import AlertThreshold, Channel
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, BOUND, DURATION, INTEGER, amount, number
from leadops.config.plans import Draft, Plan
from leadops.config.sections.base import tops
from leadops.config.shapes import Key, Shape

SHAPE = Shape(
    keys=(
        Key("name", required=True),
        Key("metric", required=True),
        Key("below", BOUND),
        Key("above", BOUND),
        Key("over", DURATION),
        Key("minimum", INTEGER),
        Key("scope"),
        Key("escalate_after", DURATION),
        Key("active", BOOLEAN, stays=True),
    ),
    own=("notify",),
)
CHANNEL = Shape(keys=(Key("slug", required=True), Key("url", required=True)))
RATES = (AlertThreshold.Metric.DELIVERY_RATE, AlertThreshold.Metric.ERROR_RATE)


class Alerts:
    key, kind, name = "alerts", "alert", "name"

    def objects(self) -> list[AlertThreshold]:
        return list(AlertThreshold.objects.prefetch_related("notify").order_by("name"))

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, AlertThreshold):
            found = SHAPE.read(top.item)
            top.draft.take(SHAPE, found)
            plan.save(top.draft)
            read_notify(plan, top.draft, found.get("notify"))

    def write(self, obj: AlertThreshold, concealing: Concealing) -> dict[str, Any]:
        document = SHAPE.write(obj, concealing.secret)
        for key in ("below", "above"):
            if key in document:
                document[key] = _bound(obj.metric, document[key])
        if slugs := sorted(channel.slug for channel in obj.notify.all()):
            document["notify"] = slugs
        return document


def _bound(metric: str, value: Decimal) -> Any:
    if metric in RATES:
        return f"{number(value * 100):f}%"
    return amount(value) if metric == AlertThreshold.Metric.REVENUE else number(value)


def read_notify(plan: Plan, draft: Draft, item: Item | None) -> None:
    """The channels that are told, by their slugs."""
    wanted = [plan.find("channel", each) for each in (item.elements() if item else [])]
    slugs = {channel.slug for channel in wanted if channel is not None}
    there = set() if draft.is_new else {channel.slug for channel in draft.obj.notify.all()}
    if slugs != there:
        plan.work.append(
            lambda: draft.obj.notify.set([channel for channel in wanted if channel is not None])
        )


class Channels:
    key, kind, name = "channels", "channel", "slug"

    def objects(self) -> list[Channel]:
        return list(Channel.objects.order_by("slug"))

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, Channel):
            top.draft.take(CHANNEL, CHANNEL.read(top.item))
            plan.save(top.draft)

    def write(self, obj: Channel, concealing: Concealing) -> dict[str, Any]:
        return CHANNEL.write(obj, concealing.secret)
