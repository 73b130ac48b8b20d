"""`tests` of a recipient: a lead, a simulated reply, and what is expected of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, INTEGER, MONEY, OBJECT, Kind
from leadops.config.plans import Draft, Plan
from leadops.config.shapes import Key, Shape, default_of, put
from recipients import expectations, validation
from recipients.models import Recipient, TestCase


def _moment(item: Item) -> datetime | None:
    text = item.text()
    if text is None:
        return None
    found = parse_datetime(item.readable(text))
    if found is None:
        raise ValueError(f"“{text[:40]}” is no moment; write 2026-03-08T07:00:00Z")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _write_moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _headers(item: Item) -> str | None:
    return "\n".join(
        f"{name}: {item.readable(text)}"
        for name, each in item.pairs()
        if (text := each.text()) is not None
    )


def _body(item: Item) -> str | None:
    """A text, or an object or list as JSON."""
    if isinstance(item.node.value, dict | list):
        return json.dumps(item.plain(), ensure_ascii=False)
    text = item.text()
    return None if text is None else item.readable(text)


def _request(item: Item) -> str | None:
    if isinstance(item.node.value, dict):
        return expectations.canonical(item.plain())
    text = item.text()
    return None if text is None else expectations.canonical(item.readable(text))


MOMENT = Kind("moment", _moment, _write_moment)
HEADERS = Kind("object", _headers, lambda text: dict(validation.parse_headers(text)))
BODY = Kind("text", _body)
REQUEST = Kind("request", _request, expectations.parsed)

SHAPE = Shape(
    keys=(
        Key("name", required=True),
        Key("lead", OBJECT),
        Key("at", MOMENT),
        Key("sandbox", BOOLEAN),
        Key("reply.status", INTEGER, "reply_status"),
        Key("reply.headers", HEADERS, "reply_headers"),
        Key("reply.body", BODY, "reply_body"),
        Key("expect.request", REQUEST, "request"),
        Key("expect.exact", BOOLEAN, "exact"),
        Key("expect.outcome", field="outcome"),
        Key("expect.reason", field="reason"),
        Key("expect.price", MONEY, "price"),
    )
)


def read_tests(plan: Plan, recipient: Draft, item: Item | None) -> None:
    """The cases as rows, told apart by their names."""
    there = {} if recipient.is_new else {row.name: row for row in recipient.obj.test_cases.all()}
    wanted: set[str] = set()
    for place, each in enumerate(item.elements() if item is not None else []):
        found = SHAPE.read(each)
        name = found["name"].text() if "name" in found else None
        if name in wanted:
            each.error(f"There is a test {name} already")
            continue
        obj = there.get(name or "")
        draft = Draft(obj or TestCase(recipient=recipient.obj), each, is_new=obj is None)
        draft.take(SHAPE, found)
        draft.put("position", place)
        wanted.add(name or "")
        plan.save(draft)
    plan.delete(row for name, row in there.items() if name not in wanted)


def write_tests(obj: Recipient) -> list[dict[str, Any]]:
    return [_written(row) for row in obj.test_cases.all()]


def _written(row: TestCase) -> dict[str, Any]:
    """Only what is not as it would be without a word."""
    document: dict[str, Any] = {}
    for key in SHAPE.keys:
        value = getattr(row, key.attribute)
        if value != default_of(row, key.attribute) and value not in ("", None):
            put(document, key.name, key.kind.write(value))
    return document
