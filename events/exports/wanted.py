"""What an export is asked for, as a document of the API or the bundle says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from events.exports.cells import MORE, OTHER
from events.exports.formats import FORMATS
from events.exports.subjects import SUBJECTS
from events.models import ExportSchedule
from events.ownfields import ENVELOPE, OWN
from events.visibility import Sight
from leadops.lib.api import WrongShape

KEYS = ("what", "format", "filters", "fields", "exclude", "reason")
MOST_COLUMNS = 200
REASON_LENGTH = 300
OF_A_SCHEDULE = ("start", "end")  # its period says them
# What stands at the top of some event, or holds what has no column of its own.
OF_EVENTS = frozenset([*ENVELOPE, *MORE, OTHER, *(name for own in OWN.values() for name in own)])
COLUMN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`fields` are columns in their order; none: the usual ones. `with_lead`: with its values."""

    what: str = "events"
    format: str = "csv"
    filters: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    with_lead: bool = True
    reason: str = ""


def read(document: Any) -> Wanted:
    """The filters themselves are read by whoever looks for rows. Raises WrongShape."""
    if not isinstance(document, Mapping):
        raise WrongShape("Write an object.", {"format": "csv, jsonl, xlsx or parquet."})
    problems = {
        str(key)[:60]: f"There is no such key; these are: {', '.join(KEYS)}."
        for key in document
        if key not in KEYS
    }
    what = _one_of(document, "what", SUBJECTS, "events", problems)
    format = _one_of(document, "format", FORMATS, None, problems)
    filters = document.get("filters") or {}
    if not isinstance(filters, Mapping):
        problems["filters"] = "An object of filters, as the list takes them."
    exclude = document.get("exclude")
    if exclude not in (None, "", "lead", ["lead"]):
        problems["exclude"] = "Only lead can be left out."
    reason = document.get("reason") or ""
    if not isinstance(reason, str) or len(reason) > REASON_LENGTH:
        problems["reason"] = f"A text of at most {REASON_LENGTH} characters."
    columns = columns_of(document.get("fields") or [], what, problems)
    if problems:
        raise WrongShape("Some values are not what they should be.", problems)
    return Wanted(
        what=what,
        format=format,
        filters={str(name): value for name, value in filters.items() if value not in ("", None)},
        fields=columns,
        with_lead=not exclude,
        reason=reason.replace("\0", "").strip(),
    )


def _one_of(
    document: Mapping[str, Any],
    key: str,
    known: Mapping[str, Any],
    usual: str | None,
    problems: dict[str, str],
) -> str:
    value = document.get(key, usual)
    if isinstance(value, str) and value in known:
        return value
    problems[key] = f"One of {', '.join(known)}."
    return ""


def columns_of(given: Any, what: str, problems: dict[str, str]) -> tuple[str, ...]:
    """The columns asked for; what is wrong with them goes to `problems` under `fields`."""
    names = [part.strip() for part in given.split(",")] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        problems["fields"] = "A list of columns, such as id, type, lead.email."
    elif len(names) > MOST_COLUMNS:
        problems["fields"] = f"At most {MOST_COLUMNS} columns."
    elif wrong := [name for name in names if not COLUMN.fullmatch(name)]:
        problems["fields"] = f"{wrong[0][:60]!r} is no column."
    elif len(set(names)) < len(names):
        problems["fields"] = "A column stands in it twice."
    elif unknown := _unknown(names, what):
        problems["fields"] = f"There is no column {unknown!r}."
    else:
        return tuple(names)
    return ()


def _unknown(names: list[str], what: str) -> str:
    """The first that can never have a value."""
    if what not in SUBJECTS:
        return ""
    if what == "events":
        return next((n for n in names if n.partition(".")[0] not in OF_EVENTS), "")
    known = {*SUBJECTS[what].columns, "lead", "flow.id", "source.id", "recipient.id"}
    return next((n for n in names if n not in known and not n.startswith("lead.")), "")


def problems_of(schedule: ExportSchedule) -> dict[str, str]:
    """Why its filters or columns cannot be used, by the schedule's field. For who saves one."""
    problems: dict[str, str] = {}
    columns_of(schedule.fields or [], schedule.what, problems)
    filters = schedule.filters
    if not isinstance(filters, dict):
        return {**problems, "filters": "Write an object of filters."}
    if own := [name for name in OF_A_SCHEDULE if name in filters]:
        return {**problems, "filters": f"Without {own[0]}: its period is the one before."}
    try:
        SUBJECTS[schedule.what].chosen(Sight(), filters)
    except (WrongShape, KeyError) as error:
        said = getattr(error, "fields", None) or {}
        text = " ".join(f"{name}: {each}" for name, each in said.items())
        problems["filters"] = text or str(error)
    return problems
