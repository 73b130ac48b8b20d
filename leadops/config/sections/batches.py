"""`batch` of a recipient: how its leads are gathered and sent together."""

from __future__ import annotations

from typing import Any

from leadops.config.items import Item
from leadops.config.kinds import DURATION, INTEGER
from leadops.config.plans import Draft, Plan
from leadops.config.shapes import Key, Shape
from recipients.models import Batching, Recipient

SHAPE = Shape(
    keys=(
        Key("count", INTEGER),
        Key("age", DURATION),
        Key("format"),
        Key("name"),
        Key("wrapper"),
        Key("formulas"),
        Key("reply.items", field="items"),
        Key("reply.key", field="key_path"),
        Key("reply.number", field="number_path"),
        Key("reply.first", INTEGER, field="first"),
        Key("reply.matches", field="matches"),
    ),
)


def read_batch(plan: Plan, recipient: Draft, item: Item | None) -> None:
    """Draft how its leads are gathered; without a word each goes alone."""
    there = None if recipient.is_new else getattr(recipient.obj, "batching", None)
    if item is None:
        plan.delete([there] if there else [])
        return
    draft = Draft(there or Batching(recipient=recipient.obj), item, is_new=there is None)
    draft.take(SHAPE, SHAPE.read(item))
    plan.save(draft)


def write_batch(recipient: Recipient) -> dict[str, Any]:
    """What says `batch`; nothing where its leads go alone."""
    row = getattr(recipient, "batching", None)
    return SHAPE.write(row, lambda text, _: text) if row else {}
