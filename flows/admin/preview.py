"""What a recipient would get for a lead, as its saved mapping stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from events.models import Delivery, Lead, Snapshot
from flows import plans
from flows.models import StepRecipient
from recipients.mapping import Mapping as LeadMapping
from recipients.mapping import MappingError, RenderError
from recipients.models import Recipient

SAMPLE = {
    "id": "lead_0000000000EXAMPLE000",
    "timestamp": "2026-01-31T12:00:00.000Z",
    "email": "john@example.com",
    "first_name": "John",
    "last_name": "Example",
    "phone_1": "+15125550123",
    "state": "TX",
    "postal_code": "78701",
    "city": "Austin",
    "score": 87,
}


@dataclass(frozen=True, slots=True)
class Preview:
    """`lead` is the lead's id, blank for sample values; `missing` are paths it has no value for."""

    payload: str = ""
    lead: str = ""
    missing: tuple[str, ...] = ()
    problem: str = ""


def preview_of(recipient: Recipient, *, sample_only: bool) -> Preview:
    """The payload for the newest lead that the recipient got, or would get, else for a sample.

    `sample_only` is for those to whom people's values are not shown.
    """
    plan = plans.current().recipients.get(recipient.id)
    if plan is None or not isinstance(plan.mapping, LeadMapping):
        return Preview(problem="Save the recipient to see what is sent.")
    if plan.paused_reason.startswith("Configuration error"):
        return Preview(problem=plan.paused_reason)
    lead = None if sample_only else _newest_lead(recipient)
    context = _context(recipient, lead)
    try:
        payload = plan.mapping.render(context)
        missing = plan.mapping.missing(context)
    except (MappingError, RenderError) as error:
        return Preview(problem=str(error), lead=lead.id if lead else "")
    return Preview(
        payload=json.dumps(payload, indent=2, ensure_ascii=False, default=str),
        lead=lead.id if lead else "",
        missing=tuple(missing),
    )


def _newest_lead(recipient: Recipient) -> Lead | None:
    got = Delivery.objects.filter(recipient=recipient).order_by("-created_at")
    if delivery := got.select_related("lead").first():
        return delivery.lead
    flows = StepRecipient.objects.filter(recipient=recipient).values_list("step__flow", flat=True)
    for flow_id in list(flows)[:3]:
        if lead := Lead.objects.filter(flow_id=flow_id).order_by("-created_at").first():
            return lead
    return None


def _context(recipient: Recipient, lead: Lead | None) -> Mapping[str, Any]:
    current = plans.current()
    values: Mapping[str, Any] = SAMPLE
    source: Mapping[str, Any] = {"id": "src_…", "slug": "sample", "name": "Sample source"}
    flow = {"id": "flow_…", "slug": "sample", "name": "Sample flow"}
    if lead is not None:
        body = Snapshot.objects.filter(lead_id=lead.id, version=lead.snapshot).values_list("body")
        values = next(iter(body), ({},))[0]
        if found := current.sources.get(lead.source_id):
            source = found.values
        if plan := current.flows.get(lead.flow_id):
            flow = {"id": plan.id, "slug": plan.slug, "name": plan.name}
    return {
        "lead": values,
        "source": source,
        "flow": flow,
        "recipient": current.recipients[recipient.id].fields,
        "now": datetime.now(UTC),
        "delivery": {"id": "dlv_…", "attempt": 1, "idempotency_key": "dlv_…"},
        "delivery_attempt": 1,
    }
