"""What a source is told: its own lead, what it knows it by, and what was said of it.

Not who bought the lead, nor for how much; and nothing personal: of the buyer's words only those
that the permanent record may repeat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.utils import timezone

from events import directory, masking
from events.feedback import labels
from events.models import Feedback, PassedFeedback
from events.parameters import stamp
from events.passing.message import Telling, Values, facts_of
from events.snapshots import Snapshots

RELATED = ("feedback__lead__flow", "source")
APPENDED = "appended."

Bodies = Mapping[tuple[str, int], Values]


def told(rows: Sequence[PassedFeedback], *, reads_lead: bool = False) -> list[Telling]:
    """What each says, in order; `fields` are the source's own, from the lead as it came.

    `reads_lead`: a template wants more of the lead.
    """
    bodies = _bodies(rows, newest=reads_lead)
    privacy = cache(directory.privacy)
    return [_telling(row, bodies, privacy, reads_lead=reads_lead) for row in rows]


def _bodies(rows: Sequence[PassedFeedback], *, newest: bool) -> Bodies:
    """Of the leads as they came, and as they are now."""
    wanted = {(row.feedback.lead_id, 1) for row in rows if newest or row.source.feedback_fields}
    if newest:
        wanted |= {(row.feedback.lead_id, row.feedback.lead.snapshot) for row in rows}
    return Snapshots.read(wanted, timezone.now()).bodies if wanted else {}


def _telling(row: PassedFeedback, bodies: Bodies, privacy: Any, *, reads_lead: bool) -> Telling:
    feedback, source = row.feedback, row.source
    lead = feedback.lead
    came = bodies.get((lead.id, 1), {})
    values: dict[str, Any] = {}
    if reads_lead:
        newest = bodies.get((lead.id, lead.snapshot), {})
        values = _plain(came, newest, privacy(lead.flow_id))
    return Telling(
        id=row.id,
        at=row.created_at,
        said=_said(row, came, privacy),
        days_to_convert=feedback.days_to_convert,
        lead={**values, "id": lead.id},
        flow={"slug": lead.flow.slug, "name": lead.flow.name},
        source=facts_of(source),
    )


def _said(row: PassedFeedback, came: Values, privacy: Any) -> dict[str, Any]:
    feedback, source = row.feedback, row.source
    lead = feedback.lead
    said: dict[str, Any] = {
        "feedback_id": feedback.id,
        "kind": feedback.kind,
        "lead_id": lead.id,
        "flow": lead.flow.slug,
        "test": lead.test,
    }
    said |= {name: _word(feedback, name) for name in source.feedback_include}
    said |= {"occurred_at": stamp(feedback.occurred_at), "received_at": stamp(feedback.received_at)}
    if source.feedback_fields:
        said["fields"] = _own(source.feedback_fields, came, privacy(lead.flow_id))
    return said


def _word(feedback: Feedback, name: str) -> str | None:
    """A usual short answer; None where there is none, or where it is free text."""
    return labels.label(str(getattr(feedback, name))) or None


def _own(names: Sequence[str], values: Values, privacy: Mapping[str, str]) -> dict[str, Any]:
    return {name: values[name] for name in names if privacy.get(name) == "plain" and name in values}


def _plain(came: Values, newest: Values, privacy: Mapping[str, str]) -> dict[str, Any]:
    """The values that are nobody's secret: as they came, and what services appended since."""
    appended = {name: value for name, value in newest.items() if name.startswith(APPENDED)}
    values = {**came, **appended}
    hidden = masking.personal_names(values, privacy)
    return {
        name: value
        for name, value in values.items()
        if name not in hidden and not name.startswith("source.")
    }
