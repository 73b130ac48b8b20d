"""What a source is told, as bytes: one feedback, or a summary of many, in the source's format.

The same feedback and the same settings give the same bytes, however often it is sent.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson

from events.exports.cells import Record
from events.exports.formats import FORMATS, Whole
from events.parameters import stamp
from events.passing import templates
from events.passing.message import COLUMNS, Telling
from events.passing.templates import Own
from recipients.mapping import RenderError
from recipients.transports import bodies
from recipients.transports.errors import NotSendable

JSON, XML, TEXT = "json", "xml", "text"
CONTENT_TYPES: Final[Mapping[str, str]] = {
    JSON: "application/json",
    XML: "application/xml; charset=utf-8",
    TEXT: "text/plain; charset=utf-8",
}
KNOWN: Final = frozenset({JSON, XML, "csv", "xlsx", TEXT})
SUMMARY_ROOT = "summary"


class Unwritable(Exception):
    """It cannot be written: the message says why. Another template may help."""


@dataclass(frozen=True, slots=True)
class Written:
    """`shown` is the body as people read it, `parts` what of it each feedback is."""

    body: bytes
    content_type: str
    shown: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """How a source is told: its format, and its own template where it has one."""

    source: str
    format: str
    own: Own | None
    xml_root: str
    include: tuple[str, ...]
    fields: tuple[str, ...]

    @classmethod
    def of(cls, source: Any, *, fill: templates.Fill = str) -> Form:
        """Raises ValueError: MappingError where its template does not compile."""
        text, format = source.feedback_template, source.feedback_format
        own = templates.compiled(text, format, fill=fill) if text.strip() else None
        return cls(
            source=source.slug,
            format=format,
            own=own,
            xml_root=source.feedback_xml_root,
            include=tuple(source.feedback_include),
            fields=tuple(source.feedback_fields),
        )

    @property
    def ending(self) -> str:
        return "txt" if self.format == TEXT else self.format

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES.get(self.format) or FORMATS[self.format].content_type

    @property
    def paths(self) -> frozenset[str]:
        """What its template reads."""
        return self.own.paths if self.own else frozenset()

    @property
    def reads_lead(self) -> bool:
        return self.own is not None and self.own.reads_lead

    @property
    def columns(self) -> list[str]:
        """Of tables."""
        if self.own is not None:
            return list(self.own.columns)
        words = ("value", "reason")
        columns = [n for n in COLUMNS if n not in words or n in self.include]
        return [*columns, *(f"fields.{name}" for name in self.fields)]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is sent together: one alone, or a summary."""

    id: str
    count: int
    since: datetime
    until: datetime
    totals: Mapping[str, int]

    @classmethod
    def of(cls, id: str, told: Sequence[Telling]) -> Gathered:
        """Of one at least."""
        moments = [each.at for each in told]
        kinds = Counter(str(each.said["kind"]) for each in told)
        return cls(id, len(told), min(moments), max(moments), dict(sorted(kinds.items())))

    def context(self, each: Telling, number: int) -> dict[str, Any]:
        """What a template reads for one of them."""
        said = each.said
        known = {name: said.get(name) for name in templates.FEEDBACK}
        own = {"id": said["feedback_id"], "message_id": each.id}
        return {
            "feedback": {**known, **own, "days_to_convert": each.days_to_convert},
            "lead": each.lead,
            "flow": each.flow,
            "source": each.source,
            "summary": self._facts(number),
            "now": self.until,
        }

    def _facts(self, number: int) -> dict[str, Any]:
        return {
            "id": self.id,
            "number": number,
            "count": self.count,
            "first": number == 1,
            "last": number == self.count,
            "since": stamp(self.since),
            "until": stamp(self.until),
            "totals": self.totals,
        }


def one(form: Form, told: Telling) -> Written:
    """A feedback by itself. Raises Unwritable."""
    (payload,) = _payloads(form, [told], told.id, alone=True)
    match form.format:
        case "json":
            return _written(form, _json(payload), [payload])
        case "xml":
            return _written(form, _xml(payload, form.xml_root), [payload])
        case "text":
            return _written(form, _encoded(payload), [payload])
    return _table(form, [payload])


def many(form: Form, told: Sequence[Telling], *, id: str, test: bool = False) -> Written:
    """A summary, of none where it is a test. Raises Unwritable."""
    payloads = _payloads(form, told, id, alone=False)
    totals = Gathered.of(id, told).totals if told else {}
    about = {"summary": id, "source": form.source, "test": test, "totals": totals}
    match form.format:
        case "json":
            body = _list(about, payloads)
        case "xml":
            about["id"] = about.pop("summary")
            body = _xml({**about, form.xml_root: payloads}, SUMMARY_ROOT)
        case "text":
            body = _encoded("".join(payloads))
        case _:
            return _table(form, payloads)
    return _written(form, body, payloads)


def missing(form: Form, told: Sequence[Telling], *, id: str) -> list[str]:
    """The paths of the template that have no value for any of these; for previews."""
    if form.own is None or not told:
        return []
    gathered = Gathered.of(id, told)
    try:
        found = [
            form.own.missing(gathered.context(each, number)) for number, each in enumerate(told, 1)
        ]
    except RenderError:
        return []
    return [path for path in found[0] if all(path in others for others in found)]


def _payloads(form: Form, told: Sequence[Telling], id: str, *, alone: bool) -> list[Any]:
    """Objects to be written; of the format `text` the texts themselves."""
    if form.own is None:
        plain = not (alone and form.format in (JSON, XML))
        return [dict(each.said) if plain else _message(each) for each in told]
    if not told:
        return []
    gathered = Gathered.of(id, told)
    try:
        return [
            form.own.render(gathered.context(each, number)) for number, each in enumerate(told, 1)
        ]
    except RenderError as error:
        raise Unwritable(f"The template cannot be used: {error}") from error


def _message(told: Telling) -> dict[str, Any]:
    """After the Standard Webhooks specification's advice on payloads."""
    kind = f"feedback.{told.said['kind']}"
    return {"type": kind, "timestamp": stamp(told.at), "data": dict(told.said)}


def _written(form: Form, body: bytes, payloads: Sequence[Any]) -> Written:
    parts = tuple(_part(form, payload) for payload in payloads)
    return Written(body, form.content_type, body.decode(), parts)


def _part(form: Form, payload: Any) -> str:
    if form.format == TEXT:
        return str(payload)
    if form.format == XML:
        return _xml(payload, form.xml_root, declared=False).decode()
    return _json(payload).decode()


def _json(payload: Any) -> bytes:
    try:
        return bodies.json_body(payload)
    except NotSendable as error:
        raise Unwritable(str(error)) from error


def _list(about: Mapping[str, Any], payloads: Sequence[Any]) -> bytes:
    """An object of what it is about and the list, each feedback on a line of its own."""
    lines = [orjson.Fragment(_json(payload)) for payload in payloads]
    return orjson.dumps({**about, "feedback": lines}, option=orjson.OPT_INDENT_2)


def _xml(payload: Any, root: str, *, declared: bool = True) -> bytes:
    try:
        return bodies.xml_body(payload, root=root, options={"xml_declaration": declared})
    except NotSendable as error:
        raise Unwritable(str(error)) from error


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _table(form: Form, payloads: Sequence[Any]) -> Written:
    """In the formats of exports: texts are guarded against being taken for formulas."""
    columns = form.columns
    records = [_record(form, payload) for payload in payloads]
    csv = FORMATS["csv"]
    shown = (csv.head(columns) + csv.body(records, columns)).decode("utf-8-sig")
    exporter = FORMATS[form.format]
    body = exporter.body(records, columns)
    if isinstance(exporter, Whole):
        rows = (orjson.loads(line) for line in body.splitlines())
        body = _assembled(lambda path: exporter.assemble(rows, columns, path))
    else:
        body = exporter.head(columns) + body
    parts = tuple(_json(payload).decode() for payload in payloads)
    return Written(body, form.content_type, shown, parts)


def _record(form: Form, payload: Mapping[str, Any]) -> Record:
    """Columns of templates are known by their labels; the usual ones by their paths."""
    if form.own is None:
        return Record({}, payload, no_lead=True)
    cells = form.own.cells(payload)
    if form.format != "csv":  # workbooks know no decimals
        cells = {k: float(v) if isinstance(v, Decimal) else v for k, v in cells.items()}
    return Record(cells, {}, no_lead=True)


def _assembled(make: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "summary")
        make(path)
        return path.read_bytes()
