"""`sources`: who sends leads."""

from __future__ import annotations

from functools import partial
from typing import Any

from flows.models import Source, SourceKey
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, CLOCK, DURATION, KEPT, LIST, MONEY, OBJECT, SECRET
from leadops.config.plans import Draft, Plan
from leadops.config.sections import terms
from leadops.config.sections.base import tops
from leadops.config.sections.keys import read_key, write_keys
from leadops.config.shapes import Key, Shape, put

SHAPE = Shape(
    keys=(
        Key("slug", required=True),
        Key("name", required=True),
        Key("active", BOOLEAN, stays=True),
        Key("price", MONEY),
        Key("fields", OBJECT),
        *terms.KEYS,
        Key("open_submit", BOOLEAN),
        Key("allowed_origins", LIST),
        Key("redirect_hosts", LIST),
        Key("feedback.url"),
        Key("feedback.kinds", LIST),
        Key("feedback.secret", SECRET),
        Key("feedback.mode"),
        Key("feedback.include", LIST),
        Key("feedback.fields", LIST),
        Key("feedback.every", DURATION),
        Key("feedback.at", CLOCK),
        Key("feedback.timezone"),
        Key("feedback.format"),
        Key("feedback.template", KEPT),
        Key("feedback.xml_root"),
    ),
    own=("key", "feedback.destination"),
)
# Without these there is nothing that the other keys of `feedback` would be about.
PASSES_ON = ("feedback_kinds", "feedback_url", "feedback_secret", "feedback_destination")


class Sources:
    key, kind, name = "sources", "source", "slug"

    def objects(self) -> list[Source]:
        return list(
            Source.objects.select_related("feedback_destination")
            .prefetch_related("keys")
            .order_by("slug")
        )

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, Source):
            found = SHAPE.read(top.item)
            top.draft.take(SHAPE, found)
            self._destination(plan, top.draft, found.get("feedback.destination"))
            plan.save(top.draft)
            if "key" in found:
                read_key(plan, found["key"], top.draft.obj, model=SourceKey, field="source")

    def write(self, obj: Source, concealing: Concealing) -> dict[str, Any]:
        document = SHAPE.write(obj, partial(self._secret, obj, concealing))
        if not any(getattr(obj, name) for name in PASSES_ON):
            document.pop("feedback", None)
        if obj.feedback_destination:
            put(document, "feedback.destination", obj.feedback_destination.slug)
        document["key"] = write_keys(obj.keys.all(), concealing)
        return document

    @staticmethod
    def _destination(plan: Plan, draft: Draft, named: Item | None) -> None:
        found = plan.find("destination", named) if named else None
        if draft.obj.feedback_destination_id != (found.pk if found else None):
            draft.obj.feedback_destination = found
            draft.changed.add("feedback_destination")

    @staticmethod
    def _secret(obj: Source, concealing: Concealing, text: str, name: str) -> Any:
        return concealing.secret(text, obj.slug, name)
