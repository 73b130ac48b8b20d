"""What a source's settings are tried on: what was last said of its leads, or something made up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from events.models import PassedFeedback
from events.parameters import stamp
from events.passing import telling
from events.passing.telling import Telling
from events.passing.writing import Form

MADE_UP_AT = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
OWN = "own value"


def recent(source: Any, form: Form, count: int) -> list[Telling]:
    """The last ones that it was told, oldest first, as they would go out by the settings that are
    being tried; none where it was told nothing yet."""
    found = PassedFeedback.objects.filter(source_id=source.pk).select_related(*telling.RELATED)
    rows = list(found.order_by("-id")[:count])[::-1]
    for row in rows:
        row.source = source
    return telling.told(rows, reads_lead=form.reads_lead)


def invented(source: Any, form: Form) -> Telling:
    """A conversion of nobody's lead, with a value wherever the template looks for one."""
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
        lead={**_values(form), "id": said["lead_id"]},
        flow={"slug": "example-flow", "name": "Example flow"},
        source=telling.facts_of(source),
    )


def _values(form: Form) -> dict[str, str]:
    paths = form.own.paths if form.own else ()
    return {path.partition(".")[2]: OWN for path in paths if path.startswith("lead.")}
