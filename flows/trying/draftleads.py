"""The leads that a draft of a mapping is tried on: recent ones, or one that is pasted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from events.models import Delivery, Lead
from events.snapshots import Snapshots
from flows import fields, plans
from flows.models import FlowField, Step
from flows.plan import Plans
from flows.steps import stepvalues
from flows.trying.testcalls import sample_values
from recipients.mapping import text_of
from recipients.models import Recipient
from recipients.plan import RecipientPlan

MAX_PASTED: Final = 65_536  # characters
MAX_LEVELS: Final = 10
MAX_NAMES: Final = 500
A_DAY: Final = timedelta(days=1)
SAMPLE_ID: Final = "lead_0000000000SAMPLE000"


class BadLead(ValueError):
    """What was pasted is no lead; the text says why."""


@dataclass(frozen=True, slots=True)
class Given:
    """A lead as a mapping sees it. `id` is blank for one that is made up or pasted."""

    context: Mapping[str, Any]
    at: datetime
    id: str = ""


def flow_ids(recipient: Recipient) -> list[str]:
    """The flows in which it may get leads."""
    steps = Step.objects.filter(recipients__recipient=recipient)
    remediated = Step.objects.filter(remediation=recipient)
    return sorted(
        {*steps.values_list("flow", flat=True), *remediated.values_list("flow", flat=True)}
    )


def last_leads(
    flows: Sequence[str], count: int, *, before: tuple[datetime, str] | None = None
) -> list[Lead]:
    """The newest leads of the flows, the newest first; `before`: older than this moment and id."""
    found: list[Lead] = []
    for flow in flows:  # one walk along the index each
        leads = Lead.objects.filter(flow_id=flow).order_by("-created_at", "-id")
        if before is not None:
            moment, last = before
            leads = leads.filter(created_at__lte=moment).exclude(created_at=moment, id__gte=last)
        found += leads[:count]
    return sorted(found, key=lambda lead: (lead.created_at, lead.id), reverse=True)[:count]


def sensitive_paths(flows: Sequence[str]) -> frozenset[str]:
    """Fields whose values are in no snapshot, as templates name them."""
    found = FlowField.objects.filter(flow__in=flows, privacy=FlowField.Privacy.SENSITIVE)
    names = [*found.values_list("name", flat=True), *stepvalues.sensitive(flows)]
    return frozenset(path for name in names for path in (name, f"lead.{name}"))


def of_flows(flows: Sequence[str], lead_id: str) -> list[Lead]:
    """The lead of this id, where it is of one of the flows."""
    return list(Lead.objects.filter(pk=lead_id, flow_id__in=flows))


def given(leads: Sequence[Lead], plan: RecipientPlan) -> list[Given]:
    """Leads with all that a template may read. Values too sensitive for the record are not there;
    leads that were erased are left out."""
    wanted = [(lead.id, lead.snapshot) for lead in leads]
    values = Snapshots.read(wanted, datetime.now(UTC) + A_DAY).bodies if wanted else {}
    got = Delivery.objects.filter(recipient_id=plan.id, lead_id__in=[lead.id for lead in leads])
    deliveries = dict(got.order_by("created_at").values_list("lead_id", "id"))
    current = plans.current()
    return [
        Given(
            _context(lead, body, plan, deliveries.get(lead.id, "dlv_…"), current),
            lead.created_at,
            lead.id,
        )
        for lead in leads
        if (body := values.get((lead.id, lead.snapshot))) is not None
    ]


def _context(
    lead: Lead, values: Mapping[str, Any], plan: RecipientPlan, delivery: str, current: Plans
) -> dict[str, Any]:
    source, flow = current.sources.get(lead.source_id), current.flows.get(lead.flow_id)
    return {
        "lead": dict(values),
        "source": source.values if source else {"id": lead.source_id},
        "flow": {"id": flow.id, "slug": flow.slug, "name": flow.name}
        if flow
        else {"id": lead.flow_id},
        "recipient": plan.fields,
        # The same for all renderings of a lead, so that a clock makes no difference.
        "now": lead.created_at,
        "delivery": {"id": delivery, "attempt": 1, "idempotency_key": delivery},
        "delivery_attempt": 1,
    }


def sample(recipient: Recipient, plan: RecipientPlan) -> Given:
    """A lead that nobody ever was."""
    return made_of(recipient, plan, sample_values(recipient))


def pasted(recipient: Recipient, plan: RecipientPlan, text: str) -> Given:
    """A lead of a JSON object of fields. Raises BadLead."""
    if len(text) > MAX_PASTED:
        raise BadLead(f"A lead has {MAX_PASTED // 1024} KiB at most.")
    try:
        values = json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise BadLead("It nests too deep.") from error
    except ValueError as error:
        raise BadLead(f"This is no JSON: {error}.") from error
    if not isinstance(values, dict):
        raise BadLead('Write an object of fields: {"email": "…"}.')
    if len(values) > MAX_NAMES:
        raise BadLead(f"A lead has {MAX_NAMES} fields at most.")
    if _levels(values) > MAX_LEVELS:
        raise BadLead(f"It nests deeper than {MAX_LEVELS} levels.")
    return made_of(recipient, plan, values)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _levels(value: Any) -> int:
    """How deep it nests; looked at level by level, for a recursion could be exhausted."""
    depth, level = 0, [value]
    while level and depth <= MAX_LEVELS:
        depth += 1
        level = [child for each in level for child in _children(each)]
    return depth


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def made_of(recipient: Recipient, plan: RecipientPlan, values: Mapping[str, Any]) -> Given:
    """A lead of these values, read as the flows' fields; `source.x` is the source's."""
    found = FlowField.objects.filter(flow__in=flow_ids(recipient))
    kinds = dict(found.values_list("name", "type"))
    now = datetime.now(UTC)
    source: dict[str, Any] = {"id": "src_sample", "slug": "sample", "name": "Sample source"}
    lead: dict[str, Any] = {
        "id": SAMPLE_ID,
        "timestamp": text_of(now),
        "source.name": "Sample source",
    }
    for name, value in values.items():
        if name.startswith("source."):
            source[name.removeprefix("source.")] = value
        elif kind := kinds.get(name):
            lead |= fields.flatten(name, fields.parse(kind, value))
        else:
            lead[name] = value
    return Given(
        {
            "lead": lead,
            "source": source,
            "flow": {"id": "flow_sample", "slug": "sample", "name": "Sample flow"},
            "recipient": plan.fields,
            "now": now,
            "delivery": {"id": "dlv_…", "attempt": 1, "idempotency_key": "dlv_…"},
            "delivery_attempt": 1,
        },
        now,
    )
