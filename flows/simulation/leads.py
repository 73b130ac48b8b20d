"""The leads that a flow is simulated with: recent ones as they were posted, or typed in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from events.models import Lead
from events.snapshots import Snapshots
from flows.fields.samples import sample_of
from flows.models import Flow
from flows.plan import FlowPlan

POSTED: Final = 1
"""The version of a lead's snapshot that holds what its source sent."""
MAX_PASTED: Final = 65_536  # characters
MAX_NAMES: Final = 500
A_DAY: Final = timedelta(days=1)
APPENDED: Final = "appended."


class BadLead(ValueError):
    """There is no such lead, or what was pasted is none; the text says why."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What a source sends. `id` and `appended` (what services said of it) of one that was sent."""

    source_id: str
    values: Mapping[str, Any]
    id: str = ""
    at: datetime | None = None
    test: bool = False
    appended: Mapping[str, Any] = field(default_factory=dict)


def pasted(text: str, source_id: str, *, test: bool) -> Posted:
    """A lead of a JSON object of fields. Raises BadLead."""
    if len(text) > MAX_PASTED:
        raise BadLead(f"A lead has {MAX_PASTED // 1024} KiB at most.")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadLead(f"This is no JSON: {error}.") from error
    if not isinstance(values, dict):
        raise BadLead('Write an object of fields: {"email": "…"}.')
    if len(values) > MAX_NAMES:
        raise BadLead(f"A lead has {MAX_NAMES} fields at most.")
    return Posted(source_id, values, test=test)


def recorded(flow: FlowPlan, lead_id: str) -> Posted:
    """A lead of the flow as it was posted. Raises BadLead where it is not there, or was erased."""
    found = list(Lead.objects.filter(pk=lead_id, flow_id=flow.id))
    posted = posted_of(flow, found)
    if not posted:
        raise BadLead("This lead is not there, or was erased.")
    return posted[0]


def newest(flow_id: str, count: int, *, before: tuple[datetime, str] | None = None) -> list[Lead]:
    """The flow's newest leads, the newest first; `before`: older than this moment and id."""
    leads = Lead.objects.filter(flow_id=flow_id).order_by("-created_at", "-id")
    if before is not None:
        moment, last = before
        leads = leads.filter(created_at__lte=moment).exclude(created_at=moment, id__gte=last)
    return list(leads[:count])


def posted_of(flow: FlowPlan, leads: Sequence[Lead]) -> list[Posted]:
    """Leads as they were posted; those that were erased, and of sources gone, are left out."""
    if not leads:
        return []
    now = datetime.now(UTC) + A_DAY
    bodies = Snapshots.read({(lead.id, POSTED) for lead in leads}, now).bodies
    ends = Snapshots.read({(lead.id, lead.snapshot) for lead in leads}, now).bodies
    return [
        Posted(
            lead.source_id,
            _sent(flow, body, lead),
            lead.id,
            lead.created_at,
            lead.test,
            _appended(ends.get((lead.id, lead.snapshot), {})),
        )
        for lead in leads
        if (body := bodies.get((lead.id, POSTED))) is not None and lead.source_id in flow.terms
    ]


def _sent(flow: FlowPlan, body: Mapping[str, Any], lead: Lead) -> dict[str, Any]:
    """No snapshot holds sensitive values: they are taken from where the lead keeps them."""
    values = {name: value for name, value in body.items() if name not in ("id", "timestamp")}
    hidden = json.loads(lead.sensitive) if lead.sensitive else {}  # the field decrypts
    for plan in flow.fields:
        if plan.name in hidden:
            values[plan.name] = hidden[plan.name]
    return values


def _appended(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name.startswith(APPENDED)}


def sample(flow: Flow) -> str:
    """A lead that nobody ever was, as JSON to be changed."""
    fields: Iterable[Any] = flow.fields.all()
    values = {field.name: sample_of(field.name, field.type) for field in fields}
    return json.dumps(values, indent=2, ensure_ascii=False, default=str)
