"""`suppression_lists`: what they are. Their entries are no configuration: they come by file or API.

Also what flows and recipients say of lists, duplicates and consent.
"""

from __future__ import annotations

from typing import Any

from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, DURATION, LIST, Kind
from leadops.config.plans import Draft, Plan
from leadops.config.sections.base import tops
from leadops.config.shapes import Key, Shape
from recipients.models import SuppressionList

NONE = SuppressionList.Hashed.NONE


def _hashed(item: Item) -> str | None:
    """`false`, or the kind of hash."""
    if item.node.value is False:
        return NONE
    if item.node.value is True:
        item.error("Say how they are hashed: md5 or sha256")
        return None
    return item.text()


HASHED = Kind("hash", _hashed, lambda value: False if value == NONE else value)

SHAPE = Shape(
    keys=(
        Key("slug", required=True),
        Key("name", stays=True),
        Key("fields", LIST, required=True),
        Key("type"),
        Key("hashed", HASHED),
    )
)
DUPLICATES = (
    Key("duplicates.match", LIST, "duplicate_match"),
    Key("duplicates.within", DURATION, "duplicate_within"),
)
CONSENT_OF_FLOW = (
    Key("consent.field"),
    Key("consent.required", BOOLEAN),
    Key("consent.max_age", DURATION),
    Key("consent.at"),
    Key("consent.text"),
)
CONSENT_OF_RECIPIENT = (
    Key("consent.required", BOOLEAN),
    Key("consent.max_age", DURATION),
)


class SuppressionLists:
    key, kind, name = "suppression_lists", "suppression list", "slug"

    def objects(self) -> list[SuppressionList]:
        return list(SuppressionList.objects.order_by("slug"))

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, SuppressionList):
            found = SHAPE.read(top.item)
            top.draft.take(SHAPE, found)
            if "name" not in found:
                top.draft.put("name", top.name)
            plan.save(top.draft)

    def write(self, obj: SuppressionList, concealing: Concealing) -> dict[str, Any]:
        document = SHAPE.write(obj, concealing.secret)
        if obj.name == obj.slug:
            document.pop("name", None)
        return document


def read_suppress(plan: Plan, draft: Draft, item: Item | None) -> None:
    """`suppress: [dnc]` of a flow or a recipient."""
    wanted = [plan.find(SuppressionLists.kind, each) for each in (item.elements() if item else [])]
    slugs = {each.slug for each in wanted if each is not None}
    there = set() if draft.is_new else {each.slug for each in draft.obj.suppress.all()}
    if slugs != there:
        plan.work.append(
            lambda: draft.obj.suppress.set([each for each in wanted if each is not None])
        )


def write_suppress(obj: Any) -> list[str]:
    return sorted(each.slug for each in obj.suppress.all())


def write_guards(obj: Any, document: dict[str, Any]) -> dict[str, Any]:
    """`duplicates`, `suppress` and `consent`, taken out of the document in which the shape wrote
    them; those that ask for nothing are left out."""
    duplicates, consent = document.pop("duplicates", None), document.pop("consent", {})
    if consent == {"required": False}:
        consent = {}
    found = {"duplicates": duplicates, "suppress": write_suppress(obj), "consent": consent}
    return {key: value for key, value in found.items() if value}
