"""Writes what the papers say of events' types, from the vocabulary: `make docs`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from events.ownfields import ENVELOPE, FIELDS, OWN
from events.vocabulary import EventType
from leadops.env import PROJECT
from tests.eventexamples import EXAMPLES

PAGE = PROJECT / "docs" / "event-types.md"
OUTCOMES = PROJECT / "docs" / "outcomes-and-events.md"
START, END = "| type | says |\n|---|---|\n", "\n\n"
HEAD = """# Event types

Made by `make docs` from the vocabulary; do not edit it here. The examples are events as a run of
the test suite recorded them. Over the API `lead` shows the lead's values at that moment,
`response.body` the reply, and, beside the envelope, `integration`, `response_code` and `price`
repeat what stands deeper: see [the API](api.md#events) and
[outcomes and events](outcomes-and-events.md).

## Envelope

All types have these:

| field | |
|---|---|
"""


def examples() -> Mapping[str, Mapping[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(EXAMPLES.read_text())
    return found


def table() -> str:
    """The types in a table."""
    return START + "\n".join(f"| `{kind.value}` | {kind.text} |" for kind in EventType)


def with_table(text: str) -> str:
    """The page of outcomes and events, with the types as they are."""
    begin = text.index(START)
    return text[:begin] + table() + text[text.index(END, begin) :]


def page() -> str:
    known = examples()
    envelope = "\n".join(f"| `{name}` | {said} |" for name, said in ENVELOPE.items())
    parts = [HEAD + envelope]
    for group, kinds in _groups():
        parts.append(f"## {group.capitalize()}")
        parts += [_type(kind, known.get(kind.value)) for kind in kinds]
    return "\n\n".join(parts) + "\n"


def _groups() -> Iterator[tuple[str, list[EventType]]]:
    for group in dict.fromkeys(kind.group for kind in EventType):
        yield group, [kind for kind in EventType if kind.group == group]


def _type(kind: EventType, example: Mapping[str, Any] | None) -> str:
    rows = "\n".join(f"| `{name}` | {FIELDS[name]} |" for name in OWN[kind])
    parts = [f"### {kind.value}\n\n{kind.text}."]
    if rows:
        parts.append(f"| field | |\n|---|---|\n{rows}")
    if example:
        ordered = {name: example[name] for name in ENVELOPE} | dict(example)
        parts.append(f"```json\n{json.dumps(ordered, indent=2, ensure_ascii=False)}\n```")
    return "\n\n".join(parts)


def write() -> None:
    PAGE.write_text(page())
    OUTCOMES.write_text(with_table(OUTCOMES.read_text()))


if __name__ == "__main__":
    write()
