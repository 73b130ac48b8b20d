"""Delivery specifications with the fields of the flows that a recipient stands in; their links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Model

from flows.models import FlowField
from flows.trying import startingcases, testcases
from flows.trying.testcalls import sample_values
from leadops.lib import history
from recipients.models import Recipient, SpecificationLink, TestCase
from recipients.specification import Specification, specification_of

DAYS = (7, 30, 90, 365)
PRICE = Decimal("25.00")  # stands for ours in samples


def current(recipient: Recipient) -> Specification:
    """The specification as the configuration stands, with a lead that nobody ever was."""
    plan = testcases.compiled(recipient.pk)
    kinds, required = _fields(recipient)
    case = TestCase(recipient=recipient, name="sample", lead=sample_values(recipient))
    context = testcases.context_of(case, plan, kinds)
    return specification_of(
        recipient,
        plan,
        {**context, "recipient": _public(context["recipient"])},
        kinds=kinds,
        required=required,
        accepted=startingcases.success_of(plan),
    )


def _public(values: dict[str, Any]) -> dict[str, Any]:
    """The recipient's own values without what we know of it alone."""
    return {**values, "price": PRICE, "tier": ""}


def _fields(recipient: Recipient) -> tuple[dict[str, str], set[str]]:
    """Types by field, and the fields that leads of every flow must have."""
    found = FlowField.objects.filter(flow__steps__recipients__recipient=recipient)
    rows = list(found.values_list("flow_id", "name", "type", "required").distinct())
    flows = {flow for flow, *_ in rows}
    needed = Counter(name for _, name, _, required in rows if required)
    kinds = {name: kind for _, name, kind, _ in rows}
    return kinds, {name for name, count in needed.items() if count == len(flows)}


def make_link(recipient: Recipient, *, days: int, by: str, now: datetime) -> SpecificationLink:
    """A new link; it stands in the recipient's history."""
    link = SpecificationLink(recipient=recipient, made_by=by, expires_at=now + timedelta(days=days))
    recorded(recipient, by, link.save)
    return link


def revoke(link: SpecificationLink, *, by: str) -> None:
    """From now on it opens nothing."""
    recorded(link.recipient, by, link.delete)


def recorded(owner: Model, by: str, change: Callable[[], object]) -> None:
    """Make the change; it stands in the owner's history."""
    keeper, rows = history.keeper(), type(owner)._default_manager
    with transaction.atomic():
        before = keeper.snapshot_of(rows.get(pk=owner.pk))
        change()
        after = keeper.snapshot_of(rows.get(pk=owner.pk))
        keeper.record_change(before, after, owner, by)
