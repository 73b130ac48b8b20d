"""What a source is told of one feedback, whoever writes it down and in which words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from events.parameters import stamp

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
MADE_UP_AT = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
OWN = "own value"

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Telling:
    """One feedback as its source may hear it. `id` is the message's, `at` when it was put aside.

    `said` is what every format shows; `lead` are the lead's plain values, `flow` and `source` what
    is known of these, for templates.
    """

    id: str
    at: datetime
    said: Values
    days_to_convert: int | None = None
    lead: Values = field(default_factory=dict)
    flow: Values = field(default_factory=dict)
    source: Values = field(default_factory=dict)


def facts_of(source: Any) -> dict[str, Any]:
    """What templates read of a source: what it is called here, and its own values."""
    return {**source.fields, "id": source.id, "slug": source.slug, "name": source.name}


def tell_test(source: Any, *, id: str, at: datetime) -> Telling:
    """One that says it is a test, about no lead."""
    said = dict.fromkeys(COLUMNS) | {"kind": "test", "test": True}
    return Telling(id, at, said, source=facts_of(source))


def invented(source: Any, paths: Iterable[str]) -> Telling:
    """A conversion of nobody's lead, with a value at each of these paths of a template."""
    moment = stamp(MADE_UP_AT)
    said: dict[str, Any] = {
        "feedback_id": "fbk_0VbbZJUDIMZBLL67Ujvs",
        "kind": (source.feedback_kinds or ["conversion"])[0],
        "lead_id": "lead_0VbbZHgCp1kR5vNq8TzW",
        "flow": "example-flow",
        "test": False,
    }
    said |= {"value": "1250.00", "reason": "Sold"} if source.feedback_include else {}
    said |= {"occurred_at": moment, "received_at": moment}
    if source.feedback_fields:
        said["fields"] = {str(name): OWN for name in source.feedback_fields}
    return Telling(
        id="pfb_0VbbZK2m6YdQ4xRt1Hns",
        at=MADE_UP_AT,
        said=said,
        days_to_convert=3,
        lead={**_values(paths), "id": said["lead_id"]},
        flow={"slug": "example-flow", "name": "Example flow"},
        source=facts_of(source),
    )


def _values(paths: Iterable[str]) -> dict[str, str]:
    return {path.partition(".")[2]: OWN for path in paths if path.startswith("lead.")}
