"""The test cases that a recipient begins with: success, refusals, the edges of its fields. Pure.

After the list of the field's own documents: the success path, validation failures, and as edge
cases the longest values, special characters, missing optional fields, time zone boundaries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flows.fields.samples import sample_of
from leadops.lib.http.messages import Reply
from recipients.outcomes import Outcome
from recipients.plan import RecipientPlan

YEAR = 2026
JSON = {"content-type": "application/json"}
XML = {"content-type": "application/xml"}
TEXT = {"content-type": "text/plain"}
HTML = {"content-type": "text/html"}
# What these types hold is words, of any letters and any length that intake takes.
WORDS = frozenset({"string", "first_name", "last_name", "street", "city"})
LONG = 200  # characters
# RFC 5321: 64 before the @ and 254 in all; a label of a name has 63.
LONG_EMAIL = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.com"
QUOTES = 'O\'Brien "Bob" \\ Smith'
MARKUP = "Smith & Sons <b>#1</b> ]]> {{lead.email}}"
ACCENTS = "Zoë Åström-Čapková Nuñez"
EMOJI = "Ana 😀👩‍👩‍👧 Ok"
RIGHT_TO_LEFT = "שלום مرحبا"
SUCCESS = re.compile(
    r"""\s*(?P<path>css:[#.]?[\w-]+(?:@[\w-]+)?|/{0,2}[\w./]+(?:\[@[\w-]+\s*=\s*["'][^"']*["']\])?(?:/@[\w-]+)?)"""
    r"""(?:\s*={1,2}\s*["']?(?P<value>[^"']*?)["']?)?\s*\Z"""
)
ATTRIBUTE = re.compile(
    r"""/{1,2}(?P<name>\w+)(?:\[@(?P<by>[\w-]+\s*=\s*["'][^"']*["'])\])?/@(?P<at>[\w-]+)\Z"""
)
CSS = re.compile(r"css:(?P<mark>[#.]?)(?P<name>[\w-]+)(?:@(?P<at>[\w-]+))?\Z")
ALTERNATIVES = re.compile(r"\s+or\s+|\s*\|\|\s*")
TESTS = re.compile(r"\s+and\s+|\s*&&\s*")


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: str
    required: bool = False


# For a recipient that stands in no flow yet.
USUAL = (
    Field("email", "email", required=True),
    Field("first_name", "first_name"),
    Field("last_name", "last_name"),
    Field("phone_1", "phone"),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A case to be kept; `at` None: at the usual moment."""

    name: str
    lead: Mapping[str, Any]
    at: datetime | None = None
    reply: Reply | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    outcome: str = ""


def drafts(fields: Sequence[Field], plan: RecipientPlan) -> Iterator[Draft]:
    """The cases, each with a reply that the recipient's own rules read as they should, where one
    was found: else it looks at the request alone."""
    whole = {each.name: sample_of(each.name, each.type) for each in fields}
    yes = success_of(plan)
    yield _draft("Success", whole, yes, Outcome.ACCEPTED)
    yield _refused("Invalid data (400)", whole, plan)
    for name, lead in _edges(fields, whole):
        yield _draft(name, lead, yes, Outcome.ACCEPTED)
    for name, at in boundaries(plan.timezone):
        yield _draft(name, whole, yes, Outcome.ACCEPTED, at=at)


def _draft(
    name: str,
    lead: Mapping[str, Any],
    reply: Reply | None,
    outcome: Outcome,
    *,
    at: datetime | None = None,
) -> Draft:
    headers = reply.headers if reply else {}
    return Draft(name, lead, at, reply, headers, outcome.value if reply else "")


def _refused(name: str, lead: Mapping[str, Any], plan: RecipientPlan) -> Draft:
    """What a 400 comes to: invalid, unless the recipient's rules see another answer in it."""
    reply = Reply(400, JSON, json.dumps({"error": "Invalid data"}).encode())
    found = plan.reader.read(reply).outcome
    return _draft(name, lead, reply, found if found.is_answer else Outcome.INVALID)


def _edges(
    fields: Sequence[Field], whole: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "Longest values", {**whole, **_longest(fields)}
    for name, text in (
        ("Quotes and backslashes", QUOTES),
        ("Markup and braces", MARKUP),
        ("Accents", ACCENTS),
        ("Emoji", EMOJI),
        ("Right-to-left text", RIGHT_TO_LEFT),
    ):
        if words := {each.name: text for each in fields if _is_words(each)}:
            yield name, {**whole, **words}
    required = {each.name: whole[each.name] for each in fields if each.required}
    if required and len(required) < len(whole):
        yield "Optional fields missing", required


def _is_words(each: Field) -> bool:
    """Texts that people write; not words out of a list, as a state's."""
    return each.type in WORDS and sample_of(each.name, each.type) in (
        "test",
        *(sample_of(kind, kind) for kind in WORDS),
    )


def _longest(fields: Sequence[Field]) -> dict[str, str]:
    found = {each.name: "W" * LONG for each in fields if _is_words(each)}
    return found | {each.name: LONG_EMAIL for each in fields if each.type == "email"}


# --- replies


def success_of(plan: RecipientPlan) -> Reply | None:
    """A reply that the recipient's rules read as accepted; None where none was hit upon."""
    return next(
        (r for r in _guesses(plan) if plan.reader.read(r).outcome is Outcome.ACCEPTED), None
    )


def _guesses(plan: RecipientPlan) -> Iterator[Reply]:
    rules = getattr(plan.reader, "rules", ())
    saying = [rule.when for rule in rules if rule.outcome is Outcome.ACCEPTED]
    for condition in (getattr(plan.reader, "success", None), *saying):
        for alternative in ALTERNATIVES.split(condition.text) if condition is not None else ():
            yield from _by_tests(TESTS.split(alternative))
    for status in ("accepted", "success", "ok", "OK"):
        body = {"status": status, "success": True, "result": status, "accepted": True}
        yield Reply(200, JSON, json.dumps(body).encode())
        yield Reply(200, XML, f"<response><status>{status}</status></response>".encode())
        yield Reply(200, TEXT, status.encode())


def _by_tests(tests: Sequence[str]) -> Iterator[Reply]:
    """The document that simple tests ask for, each of a path and a value, or of a path alone."""
    found = [match for test in tests if (match := SUCCESS.match(test))]
    if len(found) < len(tests):
        return
    pairs = [(each["path"], each["value"]) for each in found]
    if pages := [page for path, value in pairs if (page := _marked(path, value or "1"))]:
        yield Reply(200, HTML, f"<html><body>{''.join(pages)}</body></html>".encode())
        return
    if all(path.startswith("/") for path, _ in pairs):
        inside = "".join(_element(path, value or "1") for path, value in pairs)
        whole = len(pairs) == 1 and not pairs[0][0].startswith("//")
        yield Reply(200, XML, (inside if whole else f"<reply>{inside}</reply>").encode())
        return
    for read in (str, _plain):
        document: dict[str, Any] = {}
        for path, value in pairs:
            _put(document, path.removeprefix("response.").split("."), read(value or "1"))
        yield Reply(200, JSON, json.dumps(document).encode())


def _marked(path: str, value: str) -> str:
    """`css:#a@b` as `<p id="a" b="…">`; blank for other paths."""
    found = CSS.match(path)
    if found is None:
        return ""
    attribute = {"#": "id", ".": "class"}.get(found["mark"])
    tag = "p" if attribute else found["name"]
    marks = f' {attribute}="{found["name"]}"' if attribute else ""
    if at := found["at"]:
        return f'<{tag}{marks} {at}="{value}"></{tag}>'
    return f"<{tag}{marks}>{value}</{tag}>"


def _element(path: str, value: str) -> str:
    """`//a/b` as `<a><b>…</b></a>`; `//a[@b="c"]/@d` as `<a b="c" d="…"></a>`."""
    attributed = ATTRIBUTE.match(path)
    if attributed:
        by, at = attributed["by"] or "", attributed["at"]
        return f'<{attributed["name"]} {by} {at}="{value}"/>'
    names = [name for name in path.split("/") if name]
    opening = "".join(f"<{name}>" for name in names)
    return f"{opening}{value}{''.join(f'</{name}>' for name in reversed(names))}"


def _put(document: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set the value at a path; numbers in it are places of lists, of which the first is made."""
    for name in reversed(path[1:]):
        value = [value] if name.isdigit() else {name: value}
    there = document.get(path[0])
    if isinstance(there, dict) and isinstance(value, dict):
        document[path[0]] = {**there, **value}
    else:
        document[path[0]] = value


def _plain(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


# --- moments


def boundaries(zone_name: str) -> Iterator[tuple[str, datetime]]:
    """Moments at which a day or the hours of a zone change, in UTC, with what they are."""
    zone = ZoneInfo(zone_name)
    midnight = datetime.combine(date(YEAR, 3, 1), time(0), zone).astimezone(UTC)
    yield f"Last second of a month in {zone_name}", midnight - timedelta(seconds=1)
    yield f"First second of a month in {zone_name}", midnight
    for at, forward in _changes(zone):
        kind = "forward" if forward else "back"
        yield f"Just before clocks go {kind} in {zone_name}", at - timedelta(seconds=1)
        yield f"As clocks go {kind} in {zone_name}", at


def _changes(zone: ZoneInfo) -> Iterator[tuple[datetime, bool]]:
    """When a zone's offset changes within the year, and whether clocks go forward."""
    at = datetime(YEAR, 1, 1, tzinfo=UTC)
    step = timedelta(minutes=30)  # zones change on the hour or half of it
    while at.year == YEAR:
        then = at + step
        was, now = (moment.astimezone(zone).utcoffset() for moment in (at, then))
        if was != now and was is not None and now is not None:
            yield then, now > was
        at = then
