"""A specification with all its parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from leadops.lib import durations
from leadops.lib.http.messages import Reply
from recipients.deliver import RecordedRequest
from recipients.models import Recipient, Secret
from recipients.plan import Context, RecipientPlan
from recipients.specification.items import Item, items_of
from recipients.specification.replies import (
    BY_STATUS,
    Reading,
    Retry,
    reading_of,
    readings_of,
    retries_of,
    values_of,
)
from recipients.specification.samples import sample_request
from recipients.specification.ways import Way, ways_of


@dataclass(frozen=True, slots=True)
class Specification:
    name: str
    ways: tuple[Way, ...] = ()
    items: tuple[Item, ...] = ()
    sample: RecordedRequest | None = None
    readings: tuple[Reading, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    accepted: Reply | None = None
    retries: tuple[Retry, ...] = ()
    growth: float = 1.0
    max_age: str = ""
    rotation: date | None = None
    problem: str = ""
    by_status: tuple[Reading, ...] = field(
        default=tuple(Reading(status, outcome) for status, outcome in BY_STATUS)
    )

    @property
    def sandbox(self) -> Way | None:
        return next((way for way in self.ways if way.kind == "sandbox"), None)

    @property
    def accepted_body(self) -> str:
        return self.accepted.body.decode("utf-8", "replace") if self.accepted else ""


def specification_of(
    recipient: Recipient,
    plan: RecipientPlan,
    context: Context,
    *,
    kinds: Mapping[str, str],
    required: Collection[str],
    accepted: Reply | None = None,
) -> Specification:
    """The specification, for a sample lead in `context`.

    `kinds` are types of the lead's fields, `required` those that every lead has; `accepted` is a
    reply that means yes.
    """
    if plan.production is None or plan.paused_reason.startswith("Configuration error"):
        return Specification(recipient.name, problem="It is not set up to its end yet.")
    spec = reading_of(recipient)
    return Specification(
        name=recipient.name,
        ways=ways_of(recipient),
        items=tuple(items_of(recipient, context, plan, kinds=kinds, required=required)),
        sample=sample_request(plan, plan.production, context),
        readings=tuple(readings_of(spec)),
        values=tuple(values_of(spec)),
        accepted=accepted,
        retries=tuple(retries_of(plan)),
        growth=plan.retry.timeout_growth,
        max_age=durations.text(plan.retry.max_age) if plan.retry.max_age else "",
        rotation=rotation_of(plan),
    )


def rotation_of(plan: RecipientPlan) -> date | None:
    """When the first of its credentials has to be changed."""
    due = Secret.objects.filter(name__in=plan.secrets, expires_at__isnull=False)
    return due.order_by("expires_at").values_list("expires_at", flat=True).first()
