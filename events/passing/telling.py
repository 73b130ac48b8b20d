"""What a source is told: its own lead, what it knows it by, and what was said of it.

Not who bought the lead, nor for how much; and nothing personal: of the buyer's words only those
that the permanent record may repeat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from django.utils import timezone

from events import directory
from events.feedback import labels
from events.models import Feedback, PassedFeedback
from events.parameters import stamp
from events.snapshots import Snapshots

COLUMNS = (
    "feedback_id",
    "kind",
    "lead_id",
    "flow",
    "test",
    "value",
    "reason",
    "occurred_at",
    "received_at",
)
RELATED = ("feedback__lead__flow", "source")


def told(rows: Sequence[PassedFeedback]) -> list[dict[str, Any]]:
    """What each says, in order; `fields` are the source's own, from the lead as it came."""
    came = _as_they_came(rows)
    privacy = cache(directory.privacy)
    return [_one(row, came.get((row.feedback.lead_id, 1)), privacy) for row in rows]


def _as_they_came(rows: Sequence[PassedFeedback]) -> Mapping[tuple[str, int], Mapping[str, Any]]:
    wanted = {(row.feedback.lead_id, 1) for row in rows if row.source.feedback_fields}
    return Snapshots.read(wanted, timezone.now()).bodies if wanted else {}


def _one(row: PassedFeedback, values: Mapping[str, Any] | None, privacy: Any) -> dict[str, Any]:
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
        said["fields"] = _own(source.feedback_fields, values or {}, privacy(lead.flow_id))
    return said


def _word(feedback: Feedback, name: str) -> str | None:
    """A usual short answer; None where there is none, or where it is free text."""
    return labels.label(str(getattr(feedback, name))) or None


def _own(
    names: Sequence[str], values: Mapping[str, Any], privacy: Mapping[str, str]
) -> dict[str, Any]:
    return {name: values[name] for name in names if privacy.get(name) == "plain" and name in values}


def message(said: Mapping[str, Any], at: datetime) -> bytes:
    """The body of a post, after the Standard Webhooks specification's advice on payloads."""
    document = {"type": f"feedback.{said['kind']}", "timestamp": stamp(at), "data": said}
    return orjson.dumps(document, default=str)


def test_message(at: datetime) -> bytes:
    """A post that says it is a test, about no lead."""
    said = dict.fromkeys(COLUMNS) | {"kind": "test", "test": True}
    return message(said, at)
