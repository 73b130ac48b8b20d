"""What would go out to a source by settings that are being tried. Nothing is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from events.destinations.kinds import KINDS
from events.destinations.places import place_of
from events.models import PassedFeedback
from events.passing import checking, message, telling, writing
from events.passing.message import Telling
from events.passing.writing import Form, Unwritable, Written
from leadops.lib import locators
from recipients import drafts
from recipients.mapping import MappingError

ROWS = 3  # of a summary that are shown
SUMMARY_ID = "fbs_0VbbZM4c8Wq1sHk9XeRt"


@dataclass(frozen=True, slots=True)
class Preview:
    """`goes` says how and where to, `made_up` that it is about no real feedback, `silent` which
    paths of the template have no value. With a `problem` there is no body; `line` and `column` say
    where in the template it is, from 1, or are 0."""

    goes: str = ""
    name: str = ""
    content_type: str = ""
    body: str = ""
    made_up: bool = False
    silent: tuple[str, ...] = ()
    problem: str = ""
    line: int = 0
    column: int = 0


def preview(source: Any) -> Preview:
    """Of a source that need not be saved, nor right."""
    if not checking.is_sound(source):
        return Preview(problem="First mend what is wrong above.")
    if source.feedback_format == writing.TEXT and not source.feedback_template.strip():
        return Preview(problem="Write the text that goes out.")
    try:
        form = Form.of(source, fill=drafts.Hiding(drafts.known_secrets()).fill)
    except MappingError as error:
        return Preview(problem=error.message, line=error.line, column=error.column)
    told, made_up = _told(source, form)
    try:
        written = _written(source, form, told)
    except Unwritable as error:
        return Preview(problem=str(error))
    return Preview(
        goes=_goes(source),
        name=_name(source, form, told),
        content_type=written.content_type,
        body=_readable(written.shown),
        made_up=made_up,
        silent=() if made_up else tuple(writing.missing(form, told, id=told[0].id)),
    )


def _told(source: Any, form: Form) -> tuple[list[Telling], bool]:
    """And whether it is made up."""
    count = ROWS if _summarises(source) else 1
    found = _recent(source, form, count)
    return (found, False) if found else ([message.invented(source, form.paths)], True)


def _recent(source: Any, form: Form, count: int) -> list[Telling]:
    """The last ones that it was told, oldest first, as they would go out by the settings that are
    being tried; none where it was told nothing yet."""
    found = PassedFeedback.objects.filter(source_id=source.pk).select_related(*telling.RELATED)
    rows = list(found.order_by("-id")[:count])[::-1]
    for row in rows:
        row.source = source
    return telling.told(rows, reads_lead=form.reads_lead)


def _summarises(source: Any) -> bool:
    return bool(source.feedback_mode == "summary")


def _written(source: Any, form: Form, told: list[Telling]) -> Written:
    if _summarises(source):
        return writing.many(form, told, id=SUMMARY_ID)
    return writing.one(form, told[0])


def _goes(source: Any) -> str:
    to = source.feedback_destination
    if not _summarises(source) and source.feedback_url:
        signed = "signed" if source.feedback_secret else "not signed"
        return f"POST {locators.without_secrets(source.feedback_url)}, {signed}"
    if to is None:
        return ""
    return f"{KINDS[to.kind].label}: {place_of(to)}"


def _name(source: Any, form: Form, told: list[Telling]) -> str:
    """Of the file, where it is one."""
    if not _summarises(source) and source.feedback_url:
        return ""
    id = SUMMARY_ID if _summarises(source) else told[0].id
    return f"feedback-{source.slug or 'source'}-{id}.{form.ending}"


def _readable(body: str) -> str:
    """JSON with its lines; other formats as they go out."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body
