"""Replies that answer several leads at once: a Result for each of them.

The items stand in a JSON list, in XML elements, in lines or in the rows of a CSV; each is read by
the recipient's own rules as if it were a reply of its own. Strict as everywhere: an item counts
for a lead only where it is clear which one it means.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

import orjson
from lxml import etree

from leadops.lib.http.messages import Reply
from recipients.mapping.errors import RenderError
from recipients.mapping.values import text_of
from recipients.outcomes import Outcome, Result
from recipients.responses.budget import Budget
from recipients.responses.documents import Json, Tree
from recipients.responses.reader import Reader
from recipients.responses.reading import Reading
from recipients.responses.rules import ReaderError
from recipients.responses.selectors import Kind, Selector, SelectorError, compile_selector

MAX_ITEMS: Final = 10_000
MAX_SECONDS: Final = 20.0
"""Processor time for all items together; those after it are not read."""
MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of such a reply that are read."""
SILENT: Final = "The reply says nothing about this lead"
_WORDS: Final = frozenset({"lines", "csv"})


class Order(Enum):
    """How an item says which lead it means."""

    PLACE = "place"
    """By its place in the list, the first for the first lead."""
    NUMBER = "number"
    """By a number in it, counted from `first`."""
    KEY = "key"
    """By the key that was sent with the lead and comes back."""


@dataclass(frozen=True, slots=True)
class BulkSpec:
    """How a reply to several leads reads, as written.

    `items` is the path of the list (JSON) or of its elements (XPath, CSS), `lines` or `csv`; blank:
    one answer for all. `key` is the path in an item of the key that was sent; `number` that of the
    lead's number, counted from `first`; with neither the items stand in the order of the leads.
    """

    items: str = ""
    key: str = ""
    number: str = ""
    first: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """One answer of several. `key` is what the item says of its lead, "" by place; `index` counts
    the items from 0; `body` is the item itself."""

    index: int
    key: str
    result: Result
    body: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reply says of one lead. `body` is its own part of the reply; `is_silent`: a reply
    that answers others and leaves this lead out."""

    result: Result
    body: str = ""
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class BulkReader:
    """Compiled; used by any thread."""

    reader: Reader
    items: Selector | str
    key: Selector | None = None
    order: Order = Order.PLACE
    first: int = 1

    def read(self, reply: Reply) -> Iterator[Item]:
        """The answers that the reply holds, in its order; never raises."""
        reading, budget = Reading(reply, limit=MAX_BODY), Budget(MAX_SECONDS)
        for index, body in enumerate(self._bodies(reading)):
            if not budget.allows():
                return
            single = Reply(reply.status, _headers(reply, body), body.encode("utf-8", "replace"))
            yield Item(index, self._key(single), self.reader.read(single), body)

    def results(self, reply: Reply, keys: Sequence[str]) -> list[Result]:
        """A result for each lead sent, in their order, `keys` being those that were sent.

        A reply outside 2xx answers all of them, as does one without items where none were asked
        for. What is not surely an answer to a lead is unreadable, never accepted.
        """
        return [answer.result for answer in self.answers(reply, keys)]

    def answers(self, reply: Reply, keys: Sequence[str]) -> list[Answer]:
        """The same, each with its own part of the reply."""
        if not reply.ok or self.items == "":
            return [Answer(self.reader.read(reply))] * len(keys)
        items = list(self.read(reply))
        if not items:
            return [Answer(self._without_items(reply))] * len(keys)
        if self.order is Order.PLACE:
            return _by_place(items, len(keys))
        numbers = [str(self.first + place) for place in range(len(keys))]
        return _by_key(items, list(keys) if self.order is Order.KEY else numbers)

    def _without_items(self, reply: Reply) -> Result:
        whole = self.reader.read(reply)
        if whole.outcome is Outcome.ACCEPTED:
            return _unclear("The reply has no answers for single leads")
        return whole

    def _key(self, single: Reply) -> str:
        if self.key is None:
            return ""
        found = Reading(single).texts(self.key)
        text = found[0] if found else ""
        return str(int(text)) if self.order is Order.NUMBER and _is_number(text) else text

    def _bodies(self, reading: Reading) -> list[str]:
        if isinstance(self.items, str):
            rows = _rows(reading.text) if self.items == "csv" else reading.text.splitlines()
            return [row for row in rows if row.strip()][:MAX_ITEMS]
        document = reading.document
        if isinstance(document, Tree):
            return _elements(document, self.items, reading)
        if isinstance(document, Json):
            listed = _listed(document, self.items, reading)
            return [_written(value) for value in listed[:MAX_ITEMS]]
        return []


def compile_bulk(spec: BulkSpec, reader: Reader) -> BulkReader:
    """The reader of replies to several leads. ReaderError, with the place, where it is wrong."""
    if spec.key and spec.number:
        raise ReaderError("By key or by number, not both", "number")
    order = Order.KEY if spec.key else Order.NUMBER if spec.number else Order.PLACE
    path = spec.key or spec.number
    items = spec.items.strip()
    return BulkReader(
        reader=reader,
        items=items if items in _WORDS or not items else _selector(items, "items"),
        key=_selector(path, order.value) if path else None,
        order=order,
        first=spec.first,
    )


def _selector(text: str, path: str) -> Selector:
    try:
        selector = compile_selector(text)
    except SelectorError as exc:
        raise ReaderError(str(exc), path) from exc
    if path == "items" and selector.kind not in (Kind.JSON, Kind.TREE):
        raise ReaderError("Items stand at a path, an XPath, in `lines` or in `csv`", path)
    return selector


def _listed(document: Json, selector: Selector, reading: Reading) -> list[Any]:
    """The items of a list; of `a.*` all of the list at `a`, which is longer than paths look."""
    if selector.segments == ("*",) and isinstance(document.root, list):
        return document.root
    if len(selector.segments) > 1 and selector.segments[-1] == "*":
        holding = document.find(
            replace(selector, segments=selector.segments[:-1]), budget=reading.budget
        )
        if len(holding) == 1 and isinstance(holding[0], list):
            return holding[0]
    values = document.find(selector, budget=reading.budget)
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values


def _by_place(items: list[Item], count: int) -> list[Answer]:
    if len(items) != count:
        # One too few, and nobody knows whose it is.
        return [Answer(_unclear(f"{len(items)} answers to {count} leads"))] * count
    return [Answer(item.result, item.body) for item in items]


def _by_key(items: list[Item], keys: list[str]) -> list[Answer]:
    answers: defaultdict[str, list[Item]] = defaultdict(list)
    for item in items:
        answers[item.key].append(item)
    leads = Counter(keys)
    return [_answer(answers.get(key, []), leads[key]) for key in keys]


def _answer(found: list[Item], leads: int) -> Answer:
    if not found:
        return Answer(_unclear(SILENT), is_silent=True)
    said = found[0].result
    if leads > 1 or any(each.result.outcome is not said.outcome for each in found):
        return Answer(_unclear("The reply says different things about this lead"))
    return Answer(said, found[0].body)


def _unclear(details: str) -> Result:
    return Result(Outcome.UNREADABLE, reason="The reply was not understood", details=details)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _headers(reply: Reply, body: str) -> dict[str, str]:
    """Those of the reply; the content type is that of the item, in our own charset."""
    kind = {"{": "application/json", "<": "text/xml"}.get(body[:1], "text/plain")
    return {**reply.headers, "content-type": f"{kind}; charset=utf-8"}


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode() if isinstance(value, dict | list) else text_of(value)
    except (RenderError, TypeError, orjson.JSONEncodeError):
        return ""


def _elements(document: Tree, selector: Selector, reading: Reading) -> list[str]:
    nodes = document.nodes(selector, reading.budget)[:MAX_ITEMS]
    return [
        etree.tostring(node, encoding="unicode", with_tail=False)
        if isinstance(node, etree._Element)
        else str(node)
        for node in nodes
    ]


def _rows(text: str) -> list[str]:
    """The rows of a CSV with a header, each as JSON by the header's names."""
    first = text.lstrip().partition("\n")[0]
    sign = max(",;\t|", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text.strip(), newline=""), delimiter=sign))
    except csv.Error:
        return []
    names = [name.strip() for name in rows[0]] if rows else []
    return [
        orjson.dumps(dict(zip(names, row, strict=False))).decode() for row in rows[1:] if any(row)
    ]
