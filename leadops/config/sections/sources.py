"""`sources`: who sends leads."""

from __future__ import annotations

from functools import partial
from typing import Any

from flows.models import Source, SourceKey
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, LIST, MONEY, OBJECT, SECRET
from leadops.config.plans import Plan
from leadops.config.sections import terms
from leadops.config.sections.base import tops
from leadops.config.sections.keys import read_key, write_keys
from leadops.config.shapes import Key, Shape

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
    ),
    own=("key",),
)


class Sources:
    key, kind, name = "sources", "source", "slug"

    def objects(self) -> list[Source]:
        return list(Source.objects.prefetch_related("keys").order_by("slug"))

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, Source):
            found = SHAPE.read(top.item)
            top.draft.take(SHAPE, found)
            plan.save(top.draft)
            if "key" in found:
                read_key(plan, found["key"], top.draft.obj, model=SourceKey, field="source")

    def write(self, obj: Source, concealing: Concealing) -> dict[str, Any]:
        document = SHAPE.write(obj, partial(self._secret, obj, concealing))
        document["key"] = write_keys(obj.keys.all(), concealing)
        return document

    @staticmethod
    def _secret(obj: Source, concealing: Concealing, text: str, name: str) -> Any:
        return concealing.secret(text, obj.slug, name)
