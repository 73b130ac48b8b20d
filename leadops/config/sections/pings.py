"""`ping` of a recipient: how it is asked for bids, and what they are worth.

The address and all that belongs to it is an endpoint (see `endpoints`); the rest is here.
"""

from __future__ import annotations

from typing import Any

from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOUND, KEPT_OBJECT, MONEY
from leadops.config.plans import Draft, Plan
from leadops.config.sections.endpoints import SHAPE as ENDPOINT
from leadops.config.shapes import Key, Shape
from recipients.models import Ping, Recipient

SHAPE = Shape(
    keys=(
        Key("mapping", KEPT_OBJECT),
        Key("success"),
        Key("bid", field="bid_path"),
        Key("bid_id", field="bid_id_path"),
        Key("reason", field="reason_path"),
        Key("lost_url"),
        Key("minimum", MONEY),
        Key("margin", BOUND),
        Key("static_bid", MONEY),
    ),
    own=(*(key.name for key in ENDPOINT.keys), *ENDPOINT.own, "deadline"),
)


def read_ping(plan: Plan, recipient: Draft, item: Item | None) -> None:
    """Draft the recipient's bids; without a word there are none."""
    there = None if recipient.is_new else getattr(recipient.obj, "ping", None)
    if item is None:
        plan.delete([there] if there else [])
        return
    draft = Draft(there or Ping(recipient=recipient.obj), item, is_new=there is None)
    found = SHAPE.read(item)
    draft.take(SHAPE, found)
    if "url" not in found and "static_bid" not in found:
        item.error("Say where it is asked (url), or what it always bids (static_bid)")
    plan.save(draft)


def write_ping(recipient: Recipient, concealing: Concealing) -> dict[str, Any]:
    """What of `ping` is not its endpoint; nothing where the recipient does not bid."""
    row = getattr(recipient, "ping", None)
    if row is None:
        return {}
    return SHAPE.write(row, lambda text, name: concealing.secret(text, recipient.slug, name))
